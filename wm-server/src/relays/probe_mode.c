/* Whom the relay lets in uninvited: strangers, and neighbours, as its statement says. */
#include "relays/probe_run.h"

#include <string.h>

#include "base/clock.h"
#include "relays/udp.h"

enum { MODE_OFF, MODE_RELAYS, MODE_DEVICES, MODE_OPEN }; /* docs/protocol.md 5 */

/* Longer than what is held up on its way for a moment; the permission is asked for after it. */
enum { WINDOW_MS = 250 };

struct expectation {
    bool stranger;      /* passes */
    bool neighbour;     /* passes */
    bool neighbour_may; /* nothing follows from it */
};

static struct expectation expected(const struct ct_probe_run *r)
{
    /* a relay knows itself as one when its record is approved */
    bool approved = r->probe->relay->state == CT_RECORD_APPROVED;
    return (struct expectation){
        .stranger = r->statement.mode == MODE_OPEN,
        .neighbour = r->statement.mode == MODE_OPEN || r->statement.mode == MODE_DEVICES ||
                     (r->statement.mode == MODE_RELAYS && approved),
        .neighbour_may = r->statement.mode == MODE_RELAYS,
    };
}

static bool all_came(const struct ct_probe_run *r, const struct expectation *e)
{
    return (!e->stranger || (r->came[CT_PROBE_FREE_OUT] && r->came[CT_PROBE_FREE_IN])) &&
           (!e->neighbour || r->came[CT_PROBE_NEIGHBOUR]);
}

static bool one_came_that_must_not(const struct ct_probe_run *r, const struct expectation *e)
{
    return (!e->stranger && (r->came[CT_PROBE_FREE_OUT] || r->came[CT_PROBE_FREE_IN])) ||
           (!e->neighbour && !e->neighbour_may && r->came[CT_PROBE_NEIGHBOUR]);
}

static ct_err send_all(struct ct_probe_run *r, struct ct_why *why)
{
    ct_err err = ct_probe_send(r, &r->outside, CT_PROBE_FREE_OUT, why);
    if (err == CT_OK) {
        err = ct_probe_send(r, ct_alloc_relayed(&r->second_alloc), CT_PROBE_NEIGHBOUR, why);
    }
    (void)!ct_udp_send(r->peer, ct_alloc_relayed(&r->alloc), r->token[CT_PROBE_FREE_IN],
                       CT_PROBE_TOKEN);
    return err;
}

static ct_err judge(const struct ct_probe_run *r, const struct expectation *e, struct ct_why *why)
{
    const char *mode = ct_owner_mode_text(r->statement.mode);
    if (!e->stranger && (r->came[CT_PROBE_FREE_OUT] || r->came[CT_PROBE_FREE_IN])) {
        return ct_why(why, CT_ERR_REFUSED,
                      "the relay says that its mode is %s, and a stranger's datagram passes %s "
                      "without a permission: remove server-relay, or set chainturn-mode=open",
                      mode, r->came[CT_PROBE_FREE_IN] ? "in" : "out");
    }
    if (!e->neighbour && !e->neighbour_may && r->came[CT_PROBE_NEIGHBOUR]) {
        return ct_why(why, CT_ERR_REFUSED,
                      "the relay says that its mode is %s, and datagrams pass between two of its "
                      "allocations without a permission",
                      mode);
    }
    if (e->stranger && !(r->came[CT_PROBE_FREE_OUT] && r->came[CT_PROBE_FREE_IN])) {
        return ct_why(why, CT_ERR_REFUSED,
                      "the relay says that its mode is open, and without a permission nothing "
                      "passes %s: are its relay ports open for UDP?",
                      r->came[CT_PROBE_FREE_OUT] ? "in" : "out");
    }
    if (e->neighbour && !r->came[CT_PROBE_NEIGHBOUR]) {
        return ct_why(why, CT_ERR_REFUSED,
                      "the relay says that its mode is %s, and nothing passes between two of its "
                      "allocations without a permission, as calls need it: does it read the chain, "
                      "and does the NAT of external-ip bring packets to its own address back?",
                      mode);
    }
    return CT_OK;
}

ct_err ct_probe_mode(struct ct_probe_run *r, struct ct_why *why)
{
    const struct expectation e = expected(r);
    r->has_second = true;
    ct_err err = ct_probe_begin(r, &r->second_alloc, why);
    if (err == CT_OK) {
        err = ct_probe_allocated(r, &r->second_alloc, why);
    }
    uint64_t window = ct_mono_ms() + WINDOW_MS;
    while (err == CT_OK && ct_probe_in_time(r) && !one_came_that_must_not(r, &e) &&
           (!all_came(r, &e) || ct_mono_ms() < window)) {
        uint64_t again = ct_mono_ms() + CT_PROBE_RETRY_MS;
        err = send_all(r, why);
        while (err == CT_OK && ct_mono_ms() < again && !one_came_that_must_not(r, &e) &&
               (!all_came(r, &e) || ct_mono_ms() < window)) {
            ct_probe_pump(r, 50);
        }
    }
    return err != CT_OK ? err : judge(r, &e, why);
}

/* The steps of a relay's test, on three sockets: two TURN clients, and the peer outside. */
#include "relays/probe_run.h"

#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "relays/udp.h"

static ct_err check_relayed(const struct ct_probe_run *r, const struct ct_addr *relayed,
                            struct ct_why *why)
{
    const struct ct_relay *relay = r->probe->relay;
    struct ct_addr expected = r->family == 4 ? ct_addr_ip4(relay->relay_ip4, relayed->port)
                                             : ct_addr_ip6(relay->relay_ip6, relayed->port);
    char got[CT_ADDR_TEXT];
    char wanted[CT_ADDR_TEXT];
    if (ct_addr_equal(relayed, &expected) && relayed->port >= relay->port_min &&
        relayed->port <= relay->port_max) {
        return CT_OK;
    }
    expected.port = relay->port_min;
    ct_addr_to_text(got, relayed);
    ct_addr_to_text(wanted, &expected);
    return ct_why(why, CT_ERR_REFUSED,
                  "the relay gave the relayed address %s, which is not in the registered range "
                  "(%s and the ports up to %u): check relay-ip, external-ip and ports",
                  got, wanted, relay->port_max);
}

ct_err ct_probe_allocated(struct ct_probe_run *r, struct ct_alloc *alloc, struct ct_why *why)
{
    char at[CT_ADDR_TEXT];
    while (ct_alloc_state(alloc) == CT_ALLOC_ASKING && ct_probe_in_time(r)) {
        ct_probe_pump(r, 100);
    }
    ct_addr_to_text(at, &r->server);
    if (ct_alloc_state(alloc) == CT_ALLOC_ASKING) {
        return ct_why(why, CT_ERR_TIMEOUT,
                      "the relay does not answer at %s: is it running and the port open for UDP?",
                      at);
    }
    ct_err err = ct_alloc_failure(alloc, why);
    if (err != CT_OK) {
        ct_why_prefix(why,
                      err == CT_ERR_AUTH
                          ? "the server at %s does not hold the registered key, or knows no key "
                            "of this wallet manager"
                          : "test allocation at %s",
                      at);
        return err;
    }
    return check_relayed(r, ct_alloc_relayed(alloc), why);
}

/* Whose server it is: the record must be its owner's, and of this very server. */
static ct_err check_owner(struct ct_probe_run *r, struct ct_why *why)
{
    const struct ct_probe *p = r->probe;
    size_t len = 0;
    const uint8_t *bytes = ct_alloc_owner(&r->alloc, &len);
    if (len == 0) {
        return ct_why(why, CT_ERR_REFUSED,
                      "the relay does not say whose it is: run the present version, and look in "
                      "its log for statement_unsigned");
    }
    if (ct_owner_parse(&r->statement, bytes, len) != CT_OK) {
        return ct_why(why, CT_ERR_REFUSED,
                      "what the relay says of its owner is not of a form known here");
    }
    return ct_owner_check(&r->statement, p->chain_id, p->contract20, p->relay, p->now_s, why);
}

/* How the peer socket looks from the relay: a Binding from it to the relay. */
static ct_err find_outside(struct ct_probe_run *r, struct ct_why *why)
{
    uint8_t buf[64];
    size_t len = 0;
    struct ct_wr w;
    ct_stun_begin(&w, buf, sizeof buf, CT_STUN_BINDING, CT_STUN_REQUEST, r->tid);
    ct_stun_put_fingerprint(&w);
    ct_err err = ct_stun_end(&w, &len);
    if (err != CT_OK) {
        return err;
    }
    for (int i = 0; i < CT_PROBE_TRIES && !r->has_outside && ct_probe_in_time(r); i++) {
        uint64_t until = ct_mono_ms() + CT_PROBE_RETRY_MS;
        (void)!ct_udp_send(r->peer, &r->server, buf, len);
        while (!r->has_outside && ct_mono_ms() < until) {
            ct_probe_pump(r, 50);
        }
    }
    return r->has_outside ? CT_OK
                          : ct_why(why, CT_ERR_TIMEOUT,
                                   "the relay does not answer a Binding request from a second "
                                   "socket; do not switch STUN off");
}

/* Asks for a permission; *granted says what came of it. */
ct_err ct_probe_permit(struct ct_probe_run *r, const struct ct_addr *peer, bool *granted,
                       struct ct_why *why)
{
    ct_err err = ct_alloc_permit(&r->alloc, ct_mono_ms(), peer);
    if (err != CT_OK) {
        return ct_why(why, err, "cannot ask for a permission: %s", ct_err_text(err));
    }
    while (ct_probe_in_time(r)) {
        enum ct_alloc_peer_state state = ct_alloc_peer_state(&r->alloc, peer);
        if (state == CT_ALLOC_PEER_READY || state == CT_ALLOC_PEER_REFUSED) {
            *granted = state == CT_ALLOC_PEER_READY;
            return CT_OK;
        }
        if (ct_alloc_failure(&r->alloc, why) != CT_OK) {
            return ct_alloc_failure(&r->alloc, why);
        }
        ct_probe_pump(r, 100);
    }
    return ct_why(why, CT_ERR_TIMEOUT, "the relay does not answer CreatePermission");
}

static ct_err exchange(struct ct_probe_run *r, struct ct_why *why)
{
    const bool *out = &r->came[CT_PROBE_OUT];
    const bool *in = &r->came[CT_PROBE_IN];
    for (int i = 0; i < CT_PROBE_TRIES && !(*out && *in) && ct_probe_in_time(r); i++) {
        uint64_t until = ct_mono_ms() + CT_PROBE_RETRY_MS;
        ct_err err = ct_probe_send(r, &r->outside, CT_PROBE_OUT, why);
        if (err != CT_OK) {
            return err;
        }
        (void)!ct_udp_send(r->peer, ct_alloc_relayed(&r->alloc), r->token[CT_PROBE_IN],
                           CT_PROBE_TOKEN);
        while (!(*out && *in) && ct_mono_ms() < until) {
            ct_probe_pump(r, 50);
        }
    }
    if (!*out || !*in) {
        return ct_why(why, CT_ERR_REFUSED,
                      "data does not pass %s the relay: are its relay ports open for UDP?",
                      *out ? "into" : "out of");
    }
    return CT_OK;
}

static ct_err let_in(struct ct_probe_run *r, struct ct_why *why)
{
    bool granted = false;
    char peer[CT_ADDR_TEXT];
    ct_err err = ct_probe_permit(r, &r->outside, &granted, why);
    if (err != CT_OK || granted) {
        return err;
    }
    ct_addr_to_text(peer, &r->outside);
    return ct_why(why, CT_ERR_REFUSED,
                  "the relay refuses the test's peer %s (%u): check denied-peer-ip (a wallet "
                  "manager on the relay's own host needs relays.probe-address)",
                  peer, ct_alloc_error_code(&r->alloc));
}

static ct_err steps(struct ct_probe_run *r, struct ct_why *why)
{
    ct_err err = ct_probe_allocated(r, &r->alloc, why);
    if (err == CT_OK) {
        err = check_owner(r, why);
    }
    if (err == CT_OK) {
        err = find_outside(r, why);
    }
    if (err == CT_OK) {
        err = ct_probe_mode(r, why);
    }
    if (err == CT_OK) {
        err = let_in(r, why);
    }
    if (err == CT_OK) {
        err = exchange(r, why);
    }
    return err == CT_OK ? ct_probe_filter(r, why) : err;
}

static bool is_leaving(const struct ct_probe_run *r)
{
    return ct_alloc_state(&r->alloc) == CT_ALLOC_RELEASING ||
           (r->has_second && ct_alloc_state(&r->second_alloc) == CT_ALLOC_RELEASING);
}

static void leave(struct ct_probe_run *r)
{
    uint64_t until = ct_mono_ms() + 1000;
    ct_alloc_release(&r->alloc, ct_mono_ms());
    if (r->has_second) {
        ct_alloc_release(&r->second_alloc, ct_mono_ms());
    }
    while (is_leaving(r) && ct_mono_ms() < until) {
        ct_probe_pump(r, 50);
    }
    ct_alloc_wipe(&r->alloc);
    ct_alloc_wipe(&r->second_alloc);
}

static ct_err open_sockets(struct ct_probe_run *r)
{
    static const uint8_t zeros[16];
    const struct ct_addr *at = &r->probe->peer_at;
    const struct ct_addr any = r->family == 4 ? ct_addr_ip4(zeros, 0) : ct_addr_ip6(zeros, 0);
    ct_err err = ct_udp_open(&r->client, &any);
    if (err == CT_OK) {
        err = ct_udp_open(&r->second, &any);
    }
    return err == CT_OK ? ct_udp_open(&r->peer, at->family == r->family ? at : &any) : err;
}

static ct_err test_family(const struct ct_probe *probe, uint8_t family, uint32_t *rtt_us,
                          struct ct_why *why)
{
    const struct ct_relay *relay = probe->relay;
    struct ct_probe_run r = {
        .probe = probe, .family = family, .client = -1, .peer = -1, .second = -1};
    r.server = family == 4 ? ct_addr_ip4(relay->listen_ip4, relay->listen_port)
                           : ct_addr_ip6(relay->listen_ip6, relay->listen_port);
    r.deadline_ms = ct_mono_ms() + probe->timeout_ms;
    ct_err err = ct_random(r.tid, sizeof r.tid);
    if (err == CT_OK) {
        err = ct_random(r.token, sizeof r.token);
    }
    if (err == CT_OK) {
        err = open_sockets(&r);
    }
    if (err != CT_OK) {
        err = ct_why(why, CT_ERR_SYSTEM,
                     "the wallet manager's host gives no socket; is relays.probe-address its own?");
    } else {
        err = ct_probe_begin(&r, &r.alloc, why);
    }
    if (err == CT_OK) {
        err = steps(&r, why);
        *rtt_us = ct_alloc_rtt_us(&r.alloc);
        leave(&r);
    }
    ct_udp_close(r.client);
    ct_udp_close(r.peer);
    ct_udp_close(r.second);
    return err;
}

/* What this host has a way to is tested; what is to be approved must be tested whole. That there is
 * no way may pass (no route yet, no descriptor left), so it is this host's fault, not a finding. */
static ct_err choose(const struct ct_probe *probe, bool *test4, bool *test6, struct ct_why *why)
{
    const struct ct_relay *relay = probe->relay;
    const struct ct_addr four = ct_addr_ip4(relay->listen_ip4, relay->listen_port);
    const struct ct_addr six = ct_addr_ip6(relay->listen_ip6, relay->listen_port);
    bool has4 = ct_relay_has_ip4(relay->listen_ip4) && ct_relay_has_ip4(relay->relay_ip4);
    bool has6 = ct_relay_has_ip6(relay->listen_ip6) && ct_relay_has_ip6(relay->relay_ip6);
    char at[CT_ADDR_TEXT];
    if (!has4 && !has6) {
        return ct_why(why, CT_ERR_REFUSED,
                      "the record has no address to listen on with a relayed address of the same "
                      "family: set listening-ip and relay-ip");
    }
    *test4 = has4 && ct_udp_has_way(&four);
    *test6 = has6 && ct_udp_has_way(&six);
    unsigned untested = has4 && !*test4 ? 4 : 6;
    ct_addr_to_text(at, untested == 4 ? &four : &six);
    if (!*test4 && !*test6) {
        return ct_why(why, CT_ERR_SYSTEM,
                      "this wallet manager's host has no way to the relay at %s: give it IPv%u", at,
                      untested);
    }
    if (probe->approves && (*test4 != has4 || *test6 != has6)) {
        return ct_why(why, CT_ERR_SYSTEM,
                      "the relay's IPv%u cannot be tested, since this wallet manager's host has no "
                      "way to %s, and no address is approved untested: register IPv%u alone, or "
                      "ask the platform to give its wallet manager IPv%u",
                      untested, at, untested == 4 ? 6u : 4u, untested);
    }
    return CT_OK;
}

ct_err ct_probe_relay(const struct ct_probe *probe, uint32_t *rtt_us, struct ct_why *why)
{
    uint32_t rtt6_us = 0;
    bool test4 = false, test6 = false;
    ct_err err = choose(probe, &test4, &test6, why);
    if (err == CT_OK && test4) {
        err = test_family(probe, 4, rtt_us, why);
    }
    if (err != CT_OK || !test6) {
        return err;
    }
    err = test_family(probe, 6, &rtt6_us, why);
    if (err != CT_OK && test4) {
        ct_why_prefix(why, "over IPv4 it passed, over IPv6 not");
    }
    *rtt_us = test4 ? *rtt_us : rtt6_us;
    return err;
}

/*
 * The allocation machine against a server that says anything, with the right password or without.
 * Property: data handed out lies within the datagram that came, the machine falls silent (poll ends
 * and its deadline is ahead), and without the password it never stands.
 */
/* links: ct_turn ct_base */
#include <string.h>

#include "fuzz.h"
#include "steps.h"
#include "turn/alloc.h"

/* Steps; 0 to 3 carry a datagram or what it is made of. */
enum {
    RAW,    /* as it is */
    ANSWER, /* class, then attributes: an answer to the last request, unsigned */
    SIGNED, /* the same, signed with the password's key */
    WAIT,   /* so many times 50 ms */
    PERMIT, /* a peer: the last byte of its address */
    BIND,
    WRAP,
    FORGET,
    RENEW,
    RELEASE,
    OPS
};

struct run {
    struct ct_alloc a;
    uint64_t now_ms;
    uint8_t tid[CT_STUN_TID]; /* of the last request */
    uint16_t method;
    bool knows_password; /* a signed answer was sent */
};

static const uint8_t seed32[32] = {42};

static void drain(struct run *run)
{
    uint8_t out[CT_ALLOC_DATAGRAM];
    struct ct_stun m;
    size_t len = 0;
    unsigned sent = 0;
    while (ct_alloc_poll(&run->a, run->now_ms, out, sizeof(out), &len) == CT_OK) {
        HOLDS(len <= sizeof(out) && ++sent < 200);
        if (ct_stun_parse(&m, out, len) == CT_OK && m.class_ == CT_STUN_REQUEST) {
            memcpy(run->tid, m.tid, sizeof(run->tid));
            run->method = m.method;
        }
    }
    HOLDS(ct_alloc_deadline(&run->a) > run->now_ms);
    HOLDS(run->knows_password || ct_alloc_state(&run->a) != CT_ALLOC_READY);
    HOLDS(ct_alloc_lifetime_s(&run->a) <= 3600);
    HOLDS((ct_alloc_failure(&run->a, NULL) != CT_OK) ==
          (ct_alloc_state(&run->a) == CT_ALLOC_FAILED));
}

static void input(struct run *run, const uint8_t *data, size_t len)
{
    struct ct_alloc_got got;
    uint8_t *exact = malloc(len > 0 ? len : 1);
    HOLDS(exact != NULL);
    if (len > 0) {
        memcpy(exact, data, len);
    }
    if (ct_alloc_input(&run->a, run->now_ms, exact, len, &got) == CT_OK &&
        got.kind == CT_ALLOC_DATA) {
        HOLDS(got.data >= exact && got.data + got.len <= exact + len && got.peer.family != 0);
    }
    free(exact);
}

static void answer(struct run *run, const struct fuzz_step *step, bool is_signed)
{
    static const uint16_t classes[] = {CT_STUN_SUCCESS, CT_STUN_ERROR, CT_STUN_INDICATION};
    uint8_t out[2048];
    struct ct_wr w;
    size_t len = 0;
    struct ct_rd r = ct_rd_init(step->data, step->len);
    uint16_t class_ = classes[ct_rd_u8(&r) % 3u];
    ct_stun_begin(&w, out, sizeof(out), run->method, class_, run->tid);
    while (r.left >= 3) { /* type, 2 bytes; length, 1 byte */
        uint16_t attr = ct_rd_be16(&r);
        size_t n = ct_rd_u8(&r);
        n = n < r.left ? n : r.left;
        ct_stun_put(&w, attr, ct_rd_take(&r, n), n);
    }
    if (is_signed && run->a.realm[0] != '\0') {
        uint8_t key[16];
        HOLDS(ct_stun_long_term_key(key, "user", run->a.realm, "secret") == CT_OK);
        ct_stun_put_integrity(&w, key, sizeof(key));
        run->knows_password = true;
    }
    if (ct_stun_end(&w, &len) == CT_OK) {
        input(run, out, len);
    }
}

static void wrap(struct run *run, const struct ct_addr *peer, const struct fuzz_step *step)
{
    uint8_t out[2048];
    size_t len = 0;
    size_t n = step->len < 1200 ? step->len : 1200;
    ct_err err = ct_alloc_wrap(&run->a, out, sizeof(out), &len, peer, step->data, n);
    HOLDS(err != CT_OK || (len >= n && len <= n + CT_STUN_SEND_OVERHEAD));
}

static void take(struct run *run, const struct fuzz_step *step)
{
    const uint8_t ip4[4] = {198, 51, 100, step->len > 0 ? step->data[0] : 0};
    struct ct_addr peer = ct_addr_ip4(ip4, 50000);
    switch (step->op % OPS) {
    case RAW:
        input(run, step->data, step->len);
        break;
    case ANSWER:
        answer(run, step, false);
        break;
    case SIGNED:
        answer(run, step, true);
        break;
    case WAIT:
        run->now_ms += 50u * step->len;
        break;
    case PERMIT:
        (void)(ct_alloc_permit(&run->a, run->now_ms, &peer) == CT_OK);
        break;
    case BIND:
        (void)(ct_alloc_bind(&run->a, run->now_ms, &peer) == CT_OK);
        break;
    case WRAP:
        wrap(run, &peer, step);
        break;
    case FORGET:
        ct_alloc_forget(&run->a, &peer);
        break;
    case RENEW:
        (void)(ct_alloc_renew(&run->a, run->now_ms, "user", "secret") == CT_OK);
        break;
    default:
        ct_alloc_release(&run->a, run->now_ms);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run run;
    const struct ct_alloc_config config = {
        .username = "user", .password = "secret", .seed32 = seed32};
    struct ct_rd r = ct_rd_init(data, size);
    struct fuzz_step step;
    memset(&run, 0, sizeof(run));
    run.now_ms = 1000000;
    HOLDS(ct_alloc_init(&run.a, &config, run.now_ms, NULL) == CT_OK);
    drain(&run);
    for (unsigned i = 0; i < FUZZ_STEPS_MAX && fuzz_step(&step, &r); i++) {
        take(&run, &step);
        drain(&run);
    }
    ct_alloc_wipe(&run.a);
    return 0;
}

/* What goes out and comes in during a relay's test, and the passes that it shows. */
#include "relays/probe_run.h"

#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "relays/udp.h"

enum { BURST = 256 }; /* packets at a time: a relay that floods does not outrun the deadline */

static bool is_token(const struct ct_probe_run *r, enum ct_probe_way way, const uint8_t *data,
                     size_t len)
{
    return len == CT_PROBE_TOKEN && memcmp(data, r->token[way], CT_PROBE_TOKEN) == 0;
}

/* Data for the client is from the peer outside, data for the second one from the client. */
static void from_server(struct ct_probe_run *r, struct ct_alloc *alloc, const uint8_t *data,
                        size_t len)
{
    struct ct_alloc_got got;
    if (ct_alloc_input(alloc, ct_mono_ms(), data, len, &got) != CT_OK ||
        got.kind != CT_ALLOC_DATA) {
        return;
    }
    if (alloc == &r->second_alloc) {
        r->came[CT_PROBE_NEIGHBOUR] =
            r->came[CT_PROBE_NEIGHBOUR] || is_token(r, CT_PROBE_NEIGHBOUR, got.data, got.len);
        return;
    }
    for (unsigned way = CT_PROBE_IN; way <= CT_PROBE_FREE_IN; way += 2) {
        if (is_token(r, (enum ct_probe_way)way, got.data, got.len) &&
            ct_addr_equal(&got.peer, &r->outside)) {
            r->came[way] = true;
        }
    }
}

static void at_peer(struct ct_probe_run *r, const struct ct_addr *from, const uint8_t *data,
                    size_t len)
{
    struct ct_stun m;
    if (ct_addr_equal(from, &r->server) && ct_stun_parse(&m, data, len) == CT_OK &&
        m.method == CT_STUN_BINDING && m.class_ == CT_STUN_SUCCESS &&
        memcmp(m.tid, r->tid, sizeof r->tid) == 0 && m.mapped.family == r->family) {
        r->outside = m.mapped;
        r->has_outside = true;
    } else if (ct_addr_equal(from, ct_alloc_relayed(&r->alloc))) {
        r->came[CT_PROBE_OUT] = r->came[CT_PROBE_OUT] || is_token(r, CT_PROBE_OUT, data, len);
        r->came[CT_PROBE_FREE_OUT] =
            r->came[CT_PROBE_FREE_OUT] || is_token(r, CT_PROBE_FREE_OUT, data, len);
    }
}

static uint32_t flush(const struct ct_probe_run *r, int fd, struct ct_alloc *alloc,
                      uint32_t wait_ms)
{
    uint8_t buf[CT_ALLOC_DATAGRAM];
    size_t len = 0;
    uint64_t now = ct_mono_ms();
    while (ct_alloc_poll(alloc, now, buf, sizeof buf, &len) == CT_OK) {
        (void)!ct_udp_send(fd, &r->server, buf, len); /* lost ones are sent again */
    }
    uint64_t due = ct_alloc_deadline(alloc);
    if (due < now + wait_ms) {
        wait_ms = due > now ? (uint32_t)(due - now) : 0;
    }
    return wait_ms;
}

static bool receives(int fd, struct ct_addr *from, uint8_t buf[CT_ALLOC_DATAGRAM], size_t *len)
{
    return ct_udp_receive(fd, from, buf, CT_ALLOC_DATAGRAM, len) == CT_OK;
}

void ct_probe_pump(struct ct_probe_run *r, uint32_t wait_ms)
{
    uint8_t buf[CT_ALLOC_DATAGRAM];
    struct ct_addr from;
    size_t len = 0;
    const int fds[] = {r->client, r->peer, r->second};
    wait_ms = flush(r, r->client, &r->alloc, wait_ms);
    if (r->has_second) {
        wait_ms = flush(r, r->second, &r->second_alloc, wait_ms);
    }
    ct_udp_wait(fds, 3, wait_ms);
    for (int n = 0; n < BURST && receives(r->client, &from, buf, &len); n++) {
        if (ct_addr_equal(&from, &r->server)) {
            from_server(r, &r->alloc, buf, len);
        }
    }
    for (int n = 0; n < BURST && receives(r->second, &from, buf, &len); n++) {
        if (r->has_second && ct_addr_equal(&from, &r->server)) {
            from_server(r, &r->second_alloc, buf, len);
        }
    }
    for (int n = 0; n < BURST && receives(r->peer, &from, buf, &len); n++) {
        at_peer(r, &from, buf, len);
    }
}

bool ct_probe_in_time(const struct ct_probe_run *r)
{
    return ct_mono_ms() < r->deadline_ms;
}

ct_err ct_probe_begin(struct ct_probe_run *r, struct ct_alloc *alloc, struct ct_why *why)
{
    struct ct_secret32 secret;
    struct ct_secret32 seed;
    struct ct_x25519 own = {0};
    struct ct_pass pass;
    uint8_t bytes[CT_PASS_LEN];
    char username[CT_PASS_TEXT_LEN + 1];
    char password[CT_PASS_PASSWORD_LEN + 1];
    ct_err err = ct_random(&secret, sizeof secret);
    if (err == CT_OK) {
        err = ct_random(&seed, sizeof seed);
    }
    if (err == CT_OK) {
        err = ct_x25519_from_secret(&own, &secret);
    }
    if (err == CT_OK) {
        err = ct_pass_for_probe(bytes, r->probe->issuer, own.public32, r->probe->now_s);
    }
    if (err == CT_OK) {
        err = ct_pass_parse(&pass, bytes, sizeof bytes);
    }
    if (err == CT_OK) {
        err = ct_pass_password_device(password, &pass, &own.secret, r->probe->relay->key32);
    }
    if (err == CT_OK) {
        ct_pass_username(username, bytes);
        const struct ct_alloc_config config = {.username = username,
                                               .password = password,
                                               .software = "chainturn wm-server",
                                               .seed32 = seed.bytes,
                                               .family = r->family == 6 ? 6 : 0,
                                               .asks_owner = true};
        err = ct_alloc_init(alloc, &config, ct_mono_ms(), why);
    } else {
        err = ct_why(why, err, "the registered key cannot be used: %s", ct_err_text(err));
    }
    ct_wipe(&secret, sizeof secret);
    ct_wipe(&seed, sizeof seed);
    ct_wipe(&own, sizeof own);
    ct_wipe(password, sizeof password);
    return err;
}

ct_err ct_probe_send(struct ct_probe_run *r, const struct ct_addr *peer, enum ct_probe_way way,
                     struct ct_why *why)
{
    uint8_t buf[CT_PROBE_TOKEN + CT_STUN_SEND_OVERHEAD];
    size_t len = 0;
    ct_err err =
        ct_alloc_wrap(&r->alloc, buf, sizeof buf, &len, peer, r->token[way], CT_PROBE_TOKEN);
    if (err != CT_OK) {
        return ct_why(why, err, "cannot send through the relay: %s", ct_err_text(err));
    }
    (void)!ct_udp_send(r->client, &r->server, buf, len);
    return CT_OK;
}

/* The steps of a relay's test, on two sockets: one is the TURN client, one the peer outside. */
#include "probe.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "turn/alloc.h"
#include "udp.h"

enum { TOKEN_LEN = 32, TRIES = 5, RETRY_MS = 300 };

struct run {
    const struct ct_probe *probe;
    int client, peer; /* sockets */
    uint64_t deadline_ms;
    struct ct_addr server;
    struct ct_alloc alloc;
    struct ct_addr outside; /* the peer socket, as the relay's side of the network sees it */
    uint8_t tid[CT_STUN_TID];
    uint8_t out_token[TOKEN_LEN], in_token[TOKEN_LEN];
    bool has_outside, went_out, came_in;
};

static void from_server(struct run *r, const uint8_t *data, size_t len)
{
    struct ct_alloc_got got;
    if (ct_alloc_input(&r->alloc, ct_mono_ms(), data, len, &got) == CT_OK &&
        got.kind == CT_ALLOC_DATA && got.len == TOKEN_LEN &&
        memcmp(got.data, r->in_token, TOKEN_LEN) == 0 && ct_addr_equal(&got.peer, &r->outside)) {
        r->came_in = true;
    }
}

static void at_peer(struct run *r, const struct ct_addr *from, const uint8_t *data, size_t len)
{
    struct ct_stun m;
    if (ct_addr_equal(from, &r->server) && ct_stun_parse(&m, data, len) == CT_OK &&
        m.method == CT_STUN_BINDING && m.class_ == CT_STUN_SUCCESS &&
        memcmp(m.tid, r->tid, sizeof r->tid) == 0 && m.mapped.family != 0) {
        r->outside = m.mapped;
        r->has_outside = true;
    } else if (ct_addr_equal(from, ct_alloc_relayed(&r->alloc)) && len == TOKEN_LEN &&
               memcmp(data, r->out_token, TOKEN_LEN) == 0) {
        r->went_out = true;
    }
}

/* Sends what is due, waits for at most wait_ms, takes in what came. */
static void pump(struct run *r, uint32_t wait_ms)
{
    uint8_t buf[CT_ALLOC_DATAGRAM];
    struct ct_addr from;
    size_t len = 0;
    uint64_t now = ct_mono_ms();
    while (ct_alloc_poll(&r->alloc, now, buf, sizeof buf, &len) == CT_OK) {
        (void)!ct_udp_send(r->client, &r->server, buf, len); /* lost ones are sent again */
    }
    uint64_t due = ct_alloc_deadline(&r->alloc);
    if (due < now + wait_ms) {
        wait_ms = due > now ? (uint32_t)(due - now) : 0;
    }
    ct_udp_wait(r->client, r->peer, wait_ms);
    while (ct_udp_receive(r->client, &from, buf, sizeof buf, &len) == CT_OK) {
        if (ct_addr_equal(&from, &r->server)) {
            from_server(r, buf, len);
        }
    }
    while (ct_udp_receive(r->peer, &from, buf, sizeof buf, &len) == CT_OK) {
        at_peer(r, &from, buf, len);
    }
}

static bool in_time(const struct run *r)
{
    return ct_mono_ms() < r->deadline_ms;
}

static ct_err begin(struct run *r, struct ct_why *why)
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
                                               .seed32 = seed.bytes};
        err = ct_alloc_init(&r->alloc, &config, ct_mono_ms(), why);
    } else {
        err = ct_why(why, err, "the registered key cannot be used: %s", ct_err_text(err));
    }
    ct_wipe(&secret, sizeof secret);
    ct_wipe(&seed, sizeof seed);
    ct_wipe(&own, sizeof own);
    ct_wipe(password, sizeof password);
    return err;
}

static ct_err allocate(struct run *r, struct ct_why *why)
{
    char at[CT_ADDR_TEXT];
    char got[CT_ADDR_TEXT];
    const struct ct_relay *relay = r->probe->relay;
    while (ct_alloc_state(&r->alloc) == CT_ALLOC_ASKING && in_time(r)) {
        pump(r, 100);
    }
    ct_addr_to_text(at, &r->server);
    if (ct_alloc_state(&r->alloc) == CT_ALLOC_ASKING) {
        return ct_why(why, CT_ERR_TIMEOUT,
                      "the relay does not answer at %s: is it running and the port open for UDP?",
                      at);
    }
    ct_err err = ct_alloc_failure(&r->alloc, why);
    if (err != CT_OK) {
        ct_why_prefix(why, "test allocation at %s", at);
        return err;
    }
    const struct ct_addr *relayed = ct_alloc_relayed(&r->alloc);
    ct_addr_to_text(got, relayed);
    struct ct_addr expected = ct_addr_ip4(relay->relay_ip4, relayed->port);
    if (!ct_addr_equal(relayed, &expected) || relayed->port < relay->port_min ||
        relayed->port > relay->port_max) {
        return ct_why(why, CT_ERR_REFUSED,
                      "the relay gave the relayed address %s, which is not in the registered range "
                      "(%u.%u.%u.%u, ports %u to %u): check relay-ip, external-ip and ports",
                      got, relay->relay_ip4[0], relay->relay_ip4[1], relay->relay_ip4[2],
                      relay->relay_ip4[3], relay->port_min, relay->port_max);
    }
    return CT_OK;
}

/* How the peer socket looks from the relay: a Binding from it to the relay. */
static ct_err find_outside(struct run *r, struct ct_why *why)
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
    for (int i = 0; i < TRIES && !r->has_outside && in_time(r); i++) {
        uint64_t until = ct_mono_ms() + RETRY_MS;
        (void)!ct_udp_send(r->peer, &r->server, buf, len);
        while (!r->has_outside && ct_mono_ms() < until) {
            pump(r, 50);
        }
    }
    return r->has_outside ? CT_OK
                          : ct_why(why, CT_ERR_TIMEOUT,
                                   "the relay does not answer a Binding request from a second "
                                   "socket; do not switch STUN off");
}

/* Asks for a permission; *granted says what came of it. */
static ct_err permit(struct run *r, const struct ct_addr *peer, bool *granted, struct ct_why *why)
{
    ct_err err = ct_alloc_permit(&r->alloc, ct_mono_ms(), peer);
    if (err != CT_OK) {
        return ct_why(why, err, "cannot ask for a permission: %s", ct_err_text(err));
    }
    while (in_time(r)) {
        enum ct_alloc_peer_state state = ct_alloc_peer_state(&r->alloc, peer);
        if (state == CT_ALLOC_PEER_READY || state == CT_ALLOC_PEER_REFUSED) {
            *granted = state == CT_ALLOC_PEER_READY;
            return CT_OK;
        }
        if (ct_alloc_failure(&r->alloc, why) != CT_OK) {
            return ct_alloc_failure(&r->alloc, why);
        }
        pump(r, 100);
    }
    return ct_why(why, CT_ERR_TIMEOUT, "the relay does not answer CreatePermission");
}

static ct_err exchange(struct run *r, struct ct_why *why)
{
    uint8_t buf[TOKEN_LEN + CT_STUN_SEND_OVERHEAD];
    size_t len = 0;
    for (int i = 0; i < TRIES && !(r->went_out && r->came_in) && in_time(r); i++) {
        uint64_t until = ct_mono_ms() + RETRY_MS;
        ct_err err =
            ct_alloc_wrap(&r->alloc, buf, sizeof buf, &len, &r->outside, r->out_token, TOKEN_LEN);
        if (err != CT_OK) {
            return ct_why(why, err, "cannot send through the relay: %s", ct_err_text(err));
        }
        (void)!ct_udp_send(r->client, &r->server, buf, len);
        (void)!ct_udp_send(r->peer, ct_alloc_relayed(&r->alloc), r->in_token, TOKEN_LEN);
        while (!(r->went_out && r->came_in) && ct_mono_ms() < until) {
            pump(r, 50);
        }
    }
    if (!r->went_out || !r->came_in) {
        return ct_why(why, CT_ERR_REFUSED,
                      "data does not pass %s the relay: are its relay ports open for UDP?",
                      r->went_out ? "into" : "out of");
    }
    return CT_OK;
}

static ct_err refuses(struct run *r, const uint8_t ip4[4], const char *remedy, struct ct_why *why)
{
    struct ct_addr peer = ct_addr_ip4(ip4, 9);
    char text[CT_ADDR_TEXT];
    bool granted = false;
    ct_err err = permit(r, &peer, &granted, why);
    if (err == CT_OK && granted) {
        ct_addr_to_text(text, &peer);
        err = ct_why(why, CT_ERR_REFUSED, "the relay lets its users reach %s beside itself: %s",
                     text, remedy);
    }
    return err;
}

/* Link-local addresses are those of clouds' metadata services; no setting of ours opens them. */
static ct_err refuses_its_own(struct run *r, struct ct_why *why)
{
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    static const uint8_t link_local[4] = {169, 254, 169, 254};
    ct_err err = refuses(r, link_local, "deny 169.254.0.0/16", why);
    return err == CT_OK && !r->probe->allow_loopback
               ? refuses(r, loopback, "remove allow-loopback-peers", why)
               : err;
}

static ct_err steps(struct run *r, struct ct_why *why)
{
    bool granted = false;
    ct_err err = allocate(r, why);
    if (err == CT_OK) {
        err = find_outside(r, why);
    }
    if (err == CT_OK) {
        err = permit(r, &r->outside, &granted, why);
    }
    if (err == CT_OK && !granted) {
        char peer[CT_ADDR_TEXT];
        ct_addr_to_text(peer, &r->outside);
        err = ct_why(why, CT_ERR_REFUSED,
                     "the relay refuses the test's peer %s: check denied-peer-ip (a wallet manager "
                     "on the relay's own host needs relays.probe-address)",
                     peer);
    }
    if (err == CT_OK) {
        err = exchange(r, why);
    }
    if (err == CT_OK) {
        err = refuses_its_own(r, why);
    }
    return err;
}

static void leave(struct run *r)
{
    uint64_t until = ct_mono_ms() + 1000;
    if (ct_alloc_state(&r->alloc) == CT_ALLOC_READY) {
        ct_alloc_release(&r->alloc, ct_mono_ms());
        while (ct_alloc_state(&r->alloc) == CT_ALLOC_RELEASING && ct_mono_ms() < until) {
            pump(r, 50);
        }
    }
    ct_alloc_wipe(&r->alloc);
}

ct_err ct_probe_relay(const struct ct_probe *probe, uint32_t *rtt_us, struct ct_why *why)
{
    struct run r = {.probe = probe, .client = -1, .peer = -1};
    if (!ct_relay_has_ip4(probe->relay->listen_ip4)) {
        return ct_why(why, CT_ERR_REFUSED,
                      "only relays with an IPv4 address can be tested; register one");
    }
    static const uint8_t zeros[4];
    const struct ct_addr any = ct_addr_ip4(zeros, 0);
    r.server = ct_addr_ip4(probe->relay->listen_ip4, probe->relay->listen_port);
    r.deadline_ms = ct_mono_ms() + probe->timeout_ms;
    ct_err err = ct_random(r.tid, sizeof r.tid);
    if (err == CT_OK) {
        err = ct_random(r.out_token, sizeof r.out_token);
    }
    if (err == CT_OK) {
        err = ct_random(r.in_token, sizeof r.in_token);
    }
    if (err == CT_OK) {
        err = ct_udp_open(&r.client, &any);
    }
    if (err == CT_OK) {
        err = ct_udp_open(&r.peer, probe->peer_at.family == 0 ? &any : &probe->peer_at);
    }
    if (err != CT_OK) {
        err = ct_why(why, CT_ERR_SYSTEM,
                     "the wallet manager's host gives no socket; is relays.probe-address its own?");
    } else {
        err = begin(&r, why);
    }
    if (err == CT_OK) {
        err = steps(&r, why);
        *rtt_us = ct_alloc_rtt_us(&r.alloc);
        leave(&r);
    }
    ct_udp_close(r.client);
    ct_udp_close(r.peer);
    return err;
}

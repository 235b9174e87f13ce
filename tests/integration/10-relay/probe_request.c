/* The requests of a TURN client for tests, one at a time, and what their answers tell. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "probe_private.h"
#include "turn/stun.h"

enum {
    METHOD_CONNECTION_BIND = 0x00b,  /* RFC 6062 6 */
    ATTR_ADDITIONAL_FAMILY = 0x8000, /* RFC 8656 18.12 */
    ATTR_MOBILITY_TICKET = 0x8030,   /* RFC 8016 4.3 */
    ANSWER_MS = 60000,
    REPEAT_MS = 5000, /* over UDP; nothing gets lost on the way to a server that is there */
};

/* The attributes of one request, put in front of the credentials. */
struct request {
    uint16_t method;
    const struct ct_addr *peer;
    uint16_t channel;
    int relay_transport;
    unsigned family;
    bool has_lifetime;
    uint32_t lifetime_s;
    bool both;          /* families */
    const char *ticket; /* "" asks for one; NULL: none */
    uint32_t connection;
};

static size_t write_request(struct probe *p, uint8_t *out, const struct request *r,
                            uint8_t tid[CT_STUN_TID])
{
    struct ct_wr w;
    size_t len = 0;
    uint8_t key[16];
    memset(tid, 0, CT_STUN_TID);
    p->requests++;
    memcpy(tid, &p->requests, sizeof(p->requests));
    ct_stun_begin(&w, out, MESSAGE_MAX, r->method, CT_STUN_REQUEST, tid);
    if (r->relay_transport != 0) {
        ct_stun_put_u32(&w, CT_ATTR_REQUESTED_TRANSPORT, (uint32_t)r->relay_transport << 24);
    }
    if (r->family == 6) { /* RFC 8656 18.8: 1 is IPv4, 2 is IPv6 */
        ct_stun_put_u32(&w, CT_ATTR_REQUESTED_ADDRESS_FAMILY, 2u << 24);
    }
    if (r->has_lifetime) {
        ct_stun_put_u32(&w, CT_ATTR_LIFETIME, r->lifetime_s);
    }
    if (r->both) {
        ct_stun_put_u32(&w, ATTR_ADDITIONAL_FAMILY, 2u << 24);
    }
    if (r->ticket) {
        ct_stun_put(&w, ATTR_MOBILITY_TICKET, r->ticket, strlen(r->ticket));
    }
    if (r->connection != 0) {
        ct_stun_put_u32(&w, ATTR_CONNECTION_ID, r->connection);
    }
    if (r->channel != 0) {
        ct_stun_put_u32(&w, CT_ATTR_CHANNEL_NUMBER, (uint32_t)r->channel << 16);
    }
    if (r->peer) {
        ct_stun_put_xor_addr(&w, CT_ATTR_XOR_PEER_ADDRESS, r->peer);
    }
    if (p->realm[0] != '\0' &&
        ct_stun_long_term_key(key, p->user, p->realm, p->password) == CT_OK) {
        ct_stun_put_text(&w, CT_ATTR_USERNAME, p->user);
        ct_stun_put_text(&w, CT_ATTR_REALM, p->realm);
        ct_stun_put_text(&w, CT_ATTR_NONCE, p->nonce);
        ct_stun_put_integrity(&w, key, sizeof(key));
    }
    return ct_stun_end(&w, &len) == CT_OK ? len : 0;
}

static size_t ask_once(struct probe *p, const struct request *r, struct ct_stun *answer,
                       uint8_t *message)
{
    uint8_t out[MESSAGE_MAX];
    uint8_t tid[CT_STUN_TID];
    size_t len = write_request(p, out, r, tid);
    uint64_t until = ct_mono_ms() + ANSWER_MS;
    probe_write_out(p, out, len);
    uint64_t repeat = ct_mono_ms() + REPEAT_MS;
    for (uint64_t now = ct_mono_ms(); now < until && !p->is_over; now = ct_mono_ms()) {
        if (!p->is_stream && now >= repeat) {
            probe_write_out(p, out, len);
            repeat = now + REPEAT_MS;
        }
        size_t got = probe_next_message(p, message, 1000);
        if (got > 0 && probe_take(p, message, got, answer, tid)) {
            return got;
        }
    }
    return 0;
}

static void keep(char *out, size_t cap, const struct ct_stun_bytes *text)
{
    if (text->at) {
        (void)snprintf(out, cap, "%.*s", (int)text->len, (const char *)text->at);
    }
}

static void keep_answer(struct probe *p, const struct request *r, const uint8_t *message,
                        size_t len, const struct ct_stun *answer)
{
    size_t n = 0;
    const uint8_t *ticket = probe_find_attr(message, len, ATTR_MOBILITY_TICKET, 0, &n);
    const uint8_t *second = probe_find_attr(message, len, CT_ATTR_XOR_RELAYED_ADDRESS, 1, &n);
    if (second && n == 20) { /* RFC 8489 14.2: by the cookie and the transaction's id */
        uint8_t ip[16];
        for (size_t i = 0; i < 16; i++) {
            ip[i] = second[4 + i] ^ message[4 + i];
        }
        p->relayed6 = ct_addr_ip6(ip, (uint16_t)((second[2] ^ 0x21) << 8 | (second[3] ^ 0x12)));
    }
    if (ticket) {
        (void)probe_find_attr(message, len, ATTR_MOBILITY_TICKET, 0, &n);
        (void)snprintf(p->ticket, sizeof(p->ticket), "%.*s", (int)n, (const char *)ticket);
    }
    if (r->method == CT_STUN_ALLOCATE) {
        p->relayed = answer->relayed;
    }
    if (r->method == METHOD_CONNECT) {
        p->connection = probe_find_u32(message, len, ATTR_CONNECTION_ID);
    }
    p->lifetime_s = probe_find_u32(message, len, CT_ATTR_LIFETIME);
}

/* Follows one challenge: 401 at first, 438 later. */
static int ask(struct probe *p, const struct request *r)
{
    static uint8_t message[65536];
    struct ct_stun answer;
    size_t len = 0;
    for (unsigned tries = 0; tries < 3; tries++) {
        len = ask_once(p, r, &answer, message);
        if (len == 0) {
            return PROBE_NO_ANSWER;
        }
        bool is_challenge = answer.class_ == CT_STUN_ERROR && answer.nonce.at &&
                            ((answer.error == 401 && p->realm[0] == '\0') || answer.error == 438);
        if (!is_challenge) {
            break;
        }
        keep(p->realm, sizeof(p->realm), &answer.realm);
        keep(p->nonce, sizeof(p->nonce), &answer.nonce);
    }
    if (answer.class_ == CT_STUN_ERROR) {
        return answer.error;
    }
    keep_answer(p, r, message, len, &answer);
    return 0;
}

int probe_allocate(struct probe *p, const char *user, const char *password, int relay_transport,
                   unsigned family)
{
    p->user = user;
    p->password = password;
    return ask(p, &(struct request){.method = CT_STUN_ALLOCATE,
                                    .relay_transport = relay_transport,
                                    .family = family});
}

int probe_allocate_as(struct probe *p, const char *user, const char *password,
                      const struct probe_wish *wish)
{
    p->user = user;
    p->password = password;
    return ask(p, &(struct request){.method = CT_STUN_ALLOCATE,
                                    .relay_transport = wish->transport,
                                    .family = wish->family,
                                    .both = wish->both,
                                    .ticket = wish->to_move ? "" : NULL});
}

int probe_move(struct probe *p, const struct probe *from, uint32_t lifetime_s)
{
    p->relayed = from->relayed;
    p->relayed6 = from->relayed6;
    return ask(p, &(struct request){.method = CT_STUN_REFRESH,
                                    .ticket = from->ticket,
                                    .has_lifetime = true,
                                    .lifetime_s = lifetime_s});
}

int probe_refresh_family(struct probe *p, unsigned family, uint32_t lifetime_s)
{
    return ask(p, &(struct request){.method = CT_STUN_REFRESH,
                                    .family = family,
                                    .has_lifetime = true,
                                    .lifetime_s = lifetime_s});
}

int probe_take_connection(struct probe *p, const struct probe *control)
{
    /* the server ends a data connection that it would have to challenge */
    memcpy(p->realm, control->realm, sizeof(p->realm));
    memcpy(p->nonce, control->nonce, sizeof(p->nonce));
    return ask(
        p, &(struct request){.method = METHOD_CONNECTION_BIND, .connection = control->connection});
}

int probe_permit(struct probe *p, const struct ct_addr *peer)
{
    return ask(p, &(struct request){.method = CT_STUN_CREATE_PERMISSION, .peer = peer});
}

int probe_bind(struct probe *p, const struct ct_addr *peer, uint16_t channel)
{
    return ask(p,
               &(struct request){.method = CT_STUN_CHANNEL_BIND, .peer = peer, .channel = channel});
}

int probe_connect(struct probe *p, const struct ct_addr *peer)
{
    return ask(p, &(struct request){.method = METHOD_CONNECT, .peer = peer});
}

int probe_refresh(struct probe *p, uint32_t lifetime_s)
{
    return ask(p, &(struct request){
                      .method = CT_STUN_REFRESH, .has_lifetime = true, .lifetime_s = lifetime_s});
}

/* A TURN client for tests, one request at a time. */
#include "probe.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "sockets.h"
#include "turn/stun.h"

enum {
    METHOD_CONNECT = 0x00a, /* RFC 6062 6 */
    METHOD_CONNECTION_BIND = 0x00b,
    METHOD_CONNECTION_ATTEMPT = 0x00c,
    ATTR_CONNECTION_ID = 0x002a,
    ATTR_ADDITIONAL_FAMILY = 0x8000, /* RFC 8656 18.12 */
    ATTR_MOBILITY_TICKET = 0x8030,   /* RFC 8016 4.3 */
    ANSWER_MS = 3000,
    REPEAT_MS = 300, /* over UDP */
    MESSAGE_MAX = 1600,
};

bool probe_open(struct probe *p, const struct ct_addr *server, int transport)
{
    return probe_open_from(p, NULL, server, transport);
}

bool probe_open_from(struct probe *p, const struct ct_addr *from, const struct ct_addr *server,
                     int transport)
{
    struct sockaddr_storage at;
    struct sockaddr_storage to;
    socklen_t len = socket_address(&to, server);
    int one = 1;
    memset(p, 0, sizeof(*p));
    p->is_stream = transport == PROBE_TCP;
    p->fd = socket(to.ss_family, (p->is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    if (p->is_stream) {
        (void)setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    socklen_t at_len = from ? socket_address(&at, from) : 0;
    return p->fd >= 0 && (!from || bind(p->fd, (const struct sockaddr *)&at, at_len) == 0) &&
           connect(p->fd, (const struct sockaddr *)&to, len) == 0;
}

void probe_close(struct probe *p)
{
    (void)close(p->fd);
    p->fd = -1;
}

static void write_out(struct probe *p, const uint8_t *message, size_t len)
{
    uint8_t padded[MESSAGE_MAX + 3] = {0};
    memcpy(padded, message, len);
    /* RFC 8656 12.5: over a stream ChannelData has a multiple of four bytes */
    size_t whole = p->is_stream ? (len + 3) / 4 * 4 : len;
    (void)!send(p->fd, padded, whole, MSG_NOSIGNAL);
}

/* ---- what comes in ---- */

static void keep_text(struct probe *p, const struct ct_stun_bytes *data)
{
    p->received++;
    p->is_marked = p->is_marked || (data->len == 4 && memcmp(data->at, "mark", 4) == 0);
    if (p->count < PROBE_QUEUE) {
        char *text = p->texts[(p->first + p->count++) % PROBE_QUEUE];
        (void)snprintf(text, sizeof(p->texts[0]), "%.*s", (int)data->len, (const char *)data->at);
    }
}

/* The n-th attribute of that type, as plain bytes; NULL: there is none. */
static const uint8_t *find_attr(const uint8_t *message, size_t len, uint16_t type, unsigned n,
                                size_t *value_len)
{
    for (size_t at = CT_STUN_HEADER; at + 4 <= len;) {
        size_t body = (size_t)message[at + 2] << 8 | message[at + 3];
        bool is_it = (message[at] << 8 | message[at + 1]) == type;
        if (at + 4 + body > len) {
            return NULL;
        }
        if (is_it && n-- == 0) {
            *value_len = body;
            return message + at + 4;
        }
        at += 4 + (body + 3) / 4 * 4;
    }
    return NULL;
}

static uint32_t find_u32(const uint8_t *message, size_t len, uint16_t type)
{
    size_t n = 0;
    const uint8_t *v = find_attr(message, len, type, 0, &n);
    return v && n == 4 ? (uint32_t)v[0] << 24 | (uint32_t)v[1] << 16 | (uint32_t)v[2] << 8 | v[3]
                       : 0;
}

/* True when it is the answer that is waited for, which is then in *answer. */
static bool take(struct probe *p, const uint8_t *message, size_t len, struct ct_stun *answer,
                 const uint8_t tid[CT_STUN_TID])
{
    struct ct_stun_bytes data;
    struct ct_stun m;
    uint16_t channel = 0;
    if (ct_channel_is(message, len) && ct_channel_parse(&channel, &data, message, len) == CT_OK) {
        keep_text(p, &data);
        return false;
    }
    if (ct_stun_parse(&m, message, len) != CT_OK) {
        return false;
    }
    if (m.class_ == CT_STUN_INDICATION && m.method == CT_STUN_DATA && m.data.at) {
        keep_text(p, &m.data);
    } else if (m.class_ == CT_STUN_INDICATION && m.method == METHOD_CONNECTION_ATTEMPT) {
        p->attempts++;
        p->connection = find_u32(message, len, ATTR_CONNECTION_ID);
    } else if (tid && memcmp(m.tid, tid, CT_STUN_TID) == 0 && m.class_ != CT_STUN_INDICATION) {
        *answer = m;
        return true;
    }
    return false;
}

/* How long the message at the head of a stream is; 0: not whole yet. */
static size_t framed(const struct probe *p)
{
    if (p->in_len < CT_CHANNEL_HEADER) {
        return 0;
    }
    size_t body = (size_t)p->in[2] << 8 | p->in[3];
    size_t whole = ct_channel_is(p->in, p->in_len) ? CT_CHANNEL_HEADER + (body + 3) / 4 * 4
                                                   : CT_STUN_HEADER + body;
    return whole <= p->in_len ? whole : 0;
}

/* The next message, within wait_ms; its length, or 0. message has room for a whole buffer. */
static size_t next_message(struct probe *p, uint8_t *message, int wait_ms)
{
    uint64_t until = ct_mono_ms() + (uint64_t)wait_ms;
    for (;;) {
        size_t whole = p->is_stream ? framed(p) : 0;
        if (whole > 0) {
            memcpy(message, p->in, whole);
            memmove(p->in, p->in + whole, p->in_len - whole);
            p->in_len -= whole;
            return whole;
        }
        uint64_t now = ct_mono_ms();
        struct pollfd fd = {.fd = p->fd, .events = POLLIN};
        if (poll(&fd, 1, now < until ? (int)(until - now) : 0) != 1) {
            return 0;
        }
        uint8_t *to = p->is_stream ? p->in + p->in_len : message;
        size_t room = p->is_stream ? sizeof(p->in) - p->in_len : sizeof(p->in);
        ssize_t n = recv(p->fd, to, room, 0);
        if (n <= 0) {
            return 0;
        }
        if (!p->is_stream) {
            return (size_t)n;
        }
        p->in_len += (size_t)n;
    }
}

void probe_pump(struct probe *p, int wait_ms)
{
    static uint8_t message[65536];
    for (size_t len = next_message(p, message, wait_ms); len > 0;
         len = next_message(p, message, 0)) {
        (void)take(p, message, len, NULL, NULL);
    }
}

unsigned probe_until_mark(struct probe *p, int wait_ms)
{
    uint64_t until = ct_mono_ms() + (uint64_t)wait_ms;
    for (uint64_t now = ct_mono_ms(); !p->is_marked && now < until; now = ct_mono_ms()) {
        probe_pump(p, (int)(until - now));
    }
    unsigned received = p->received - p->is_marked;
    p->received = p->count = 0;
    p->is_marked = false;
    return received;
}

const char *probe_receive(struct probe *p, int wait_ms)
{
    static uint8_t message[65536];
    uint64_t until = ct_mono_ms() + (uint64_t)wait_ms;
    while (p->count == 0) {
        uint64_t now = ct_mono_ms();
        size_t len = next_message(p, message, now < until ? (int)(until - now) : 0);
        if (len == 0) {
            return "";
        }
        (void)take(p, message, len, NULL, NULL);
    }
    const char *text = p->texts[p->first];
    p->first = (p->first + 1) % PROBE_QUEUE;
    p->count--;
    return text;
}

/* ---- requests ---- */

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
    write_out(p, out, len);
    uint64_t repeat = ct_mono_ms() + REPEAT_MS;
    for (uint64_t now = ct_mono_ms(); now < until; now = ct_mono_ms()) {
        if (!p->is_stream && now >= repeat) {
            write_out(p, out, len);
            repeat = now + REPEAT_MS;
        }
        size_t got = next_message(p, message, REPEAT_MS);
        if (got > 0 && take(p, message, got, answer, tid)) {
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
    const uint8_t *ticket = find_attr(message, len, ATTR_MOBILITY_TICKET, 0, &n);
    const uint8_t *second = find_attr(message, len, CT_ATTR_XOR_RELAYED_ADDRESS, 1, &n);
    if (second && n == 20) { /* RFC 8489 14.2: by the cookie and the transaction's id */
        uint8_t ip[16];
        for (size_t i = 0; i < 16; i++) {
            ip[i] = second[4 + i] ^ message[4 + i];
        }
        p->relayed6 = ct_addr_ip6(ip, (uint16_t)((second[2] ^ 0x21) << 8 | (second[3] ^ 0x12)));
    }
    if (ticket) {
        (void)find_attr(message, len, ATTR_MOBILITY_TICKET, 0, &n);
        (void)snprintf(p->ticket, sizeof(p->ticket), "%.*s", (int)n, (const char *)ticket);
    }
    if (r->method == CT_STUN_ALLOCATE) {
        p->relayed = answer->relayed;
    }
    if (r->method == METHOD_CONNECT) {
        p->connection = find_u32(message, len, ATTR_CONNECTION_ID);
    }
    p->lifetime_s = find_u32(message, len, CT_ATTR_LIFETIME);
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

/* ---- data ---- */

void probe_send(struct probe *p, const struct ct_addr *peer, const char *text)
{
    uint8_t out[MESSAGE_MAX];
    uint8_t tid[CT_STUN_TID] = {0xee};
    struct ct_wr w;
    size_t len = 0;
    ct_stun_begin(&w, out, sizeof(out), CT_STUN_SEND, CT_STUN_INDICATION, tid);
    ct_stun_put_xor_addr(&w, CT_ATTR_XOR_PEER_ADDRESS, peer);
    ct_stun_put(&w, CT_ATTR_DATA, text, strlen(text));
    if (ct_stun_end(&w, &len) == CT_OK) {
        write_out(p, out, len);
    }
}

void probe_send_in_channel(struct probe *p, uint16_t channel, const char *text)
{
    uint8_t out[MESSAGE_MAX];
    size_t len = 0;
    if (ct_channel_write(out, sizeof(out), &len, channel, text, strlen(text)) == CT_OK) {
        write_out(p, out, len);
    }
}

/* A TURN client for tests: its socket, what comes in, and data that goes out. */
#include "probe_private.h"

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

bool probe_open(struct probe *p, const struct ct_addr *server, int transport)
{
    return probe_open_from(p, NULL, server, transport);
}

bool probe_open_from(struct probe *p, const struct ct_addr *from, const struct ct_addr *server,
                     int transport)
{
    const struct ct_addr any = {.family = server->family};
    struct sockaddr_storage to;
    socklen_t len = socket_address(&to, server);
    int one = 1;
    memset(p, 0, sizeof(*p));
    p->is_stream = transport == PROBE_TCP;
    p->fd = p->is_stream ? socket_at(from ? from : &any, SOCK_STREAM)
                         : socket_fresh(from ? from : &any);
    if (p->is_stream) {
        (void)setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    return p->fd >= 0 && connect(p->fd, (const struct sockaddr *)&to, len) == 0;
}

void probe_close(struct probe *p)
{
    (void)close(p->fd);
    p->fd = -1;
}

void probe_write_out(struct probe *p, const uint8_t *message, size_t len)
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

const uint8_t *probe_find_attr(const uint8_t *message, size_t len, uint16_t type, unsigned n,
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

uint32_t probe_find_u32(const uint8_t *message, size_t len, uint16_t type)
{
    size_t n = 0;
    const uint8_t *v = probe_find_attr(message, len, type, 0, &n);
    return v && n == 4 ? (uint32_t)v[0] << 24 | (uint32_t)v[1] << 16 | (uint32_t)v[2] << 8 | v[3]
                       : 0;
}

bool probe_take(struct probe *p, const uint8_t *message, size_t len, struct ct_stun *answer,
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
        p->connection = probe_find_u32(message, len, ATTR_CONNECTION_ID);
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

size_t probe_next_message(struct probe *p, uint8_t *message, int wait_ms)
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
            p->is_over = p->is_stream;
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
    for (size_t len = probe_next_message(p, message, wait_ms); len > 0;
         len = probe_next_message(p, message, 0)) {
        (void)probe_take(p, message, len, NULL, NULL);
    }
}

int probe_until_mark(struct probe *p, int wait_ms)
{
    uint64_t until = ct_mono_ms() + (uint64_t)wait_ms;
    for (uint64_t now = ct_mono_ms(); !p->is_marked && now < until; now = ct_mono_ms()) {
        probe_pump(p, (int)(until - now));
    }
    int received = p->is_marked ? (int)p->received - 1 : -1;
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
        size_t len = probe_next_message(p, message, now < until ? (int)(until - now) : 0);
        if (len == 0) {
            return "";
        }
        (void)probe_take(p, message, len, NULL, NULL);
    }
    const char *text = p->texts[p->first];
    p->first = (p->first + 1) % PROBE_QUEUE;
    p->count--;
    return text;
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
        probe_write_out(p, out, len);
    }
}

void probe_send_in_channel(struct probe *p, uint16_t channel, const char *text)
{
    uint8_t out[MESSAGE_MAX];
    size_t len = 0;
    if (ct_channel_write(out, sizeof(out), &len, channel, text, strlen(text)) == CT_OK) {
        probe_write_out(p, out, len);
    }
}

/* A small TURN server without sockets for tests: bytes in, bytes out through two callbacks. */
#ifndef FAKE_RELAY_H
#define FAKE_RELAY_H

#include <string.h>

#include "turn/stun.h"

#define FAKE_ALLOCS 8
#define FAKE_CHANNELS 8

struct fake_alloc {
    bool is_used;
    unsigned client;
    struct ct_addr relayed;
    struct {
        struct ct_addr peer;
        uint16_t number;
    } channels[FAKE_CHANNELS];
    size_t channel_count;
};

/* One relay. clients are numbers that stand for 5-tuples. */
struct fake_relay {
    uint8_t ip4[4];
    const char *password; /* of every user name */
    char nonce[32];
    uint16_t next_port;
    struct fake_alloc allocs[FAKE_ALLOCS];
    uint32_t lifetime_s;

    unsigned error;     /* answers this code to what has the right credentials */
    bool is_forger;     /* signs answers with a wrong key */
    bool refuses_peers; /* 403 to CreatePermission and ChannelBind */
    bool (*refuses)(void *arg, const struct ct_addr *peer); /* likewise, for some; or NULL */
    const void *owner; /* what it says of whose it is, asked or not; NULL: nothing */
    size_t owner_len;
    size_t owner_asked;
    uint8_t family_asked; /* as in the attribute: 2 is IPv6 */
    uint16_t mapped_port; /* what Binding shows */
    size_t requests;      /* of any kind */
    size_t allocations, refreshes, permissions, binds, releases, challenges;

    void (*to_client)(void *arg, unsigned client, const uint8_t *bytes, size_t len);
    void (*to_peer)(void *arg, const struct ct_addr *from, const struct ct_addr *to,
                    const uint8_t *bytes, size_t len);
    void *arg;
};

static inline struct fake_alloc *fake_relay_find(struct fake_relay *r, unsigned client)
{
    for (size_t i = 0; i < FAKE_ALLOCS; i++) {
        if (r->allocs[i].is_used && r->allocs[i].client == client) {
            return &r->allocs[i];
        }
    }
    return NULL;
}

static inline void fake_relay_answer(struct fake_relay *r, unsigned client, struct ct_wr *w,
                                     const uint8_t *key16)
{
    static const uint8_t wrong[16] = {0};
    size_t len = 0;
    if (key16 != NULL) {
        ct_stun_put_integrity(w, r->is_forger ? wrong : key16, 16);
    }
    if (ct_stun_end(w, &len) == CT_OK) {
        r->to_client(r->arg, client, w->buf, len);
    }
}

static inline void fake_relay_error(struct fake_relay *r, unsigned client, const struct ct_stun *m,
                                    unsigned code, const uint8_t *key16)
{
    uint8_t buf[512];
    struct ct_wr w;
    ct_stun_begin(&w, buf, sizeof buf, m->method, CT_STUN_ERROR, m->tid);
    ct_stun_put_error(&w, code, "no");
    if (code == 401 || code == 438) {
        r->challenges++;
        ct_stun_put_text(&w, CT_ATTR_REALM, "test.example");
        ct_stun_put_text(&w, CT_ATTR_NONCE, r->nonce);
    }
    fake_relay_answer(r, client, &w, key16);
}

static inline bool fake_relay_is_authentic(struct fake_relay *r, unsigned client,
                                           const struct ct_stun *m, uint8_t key16[16])
{
    char user[512] = "";
    if (m->integrity_at == 0) {
        fake_relay_error(r, client, m, 401, NULL);
        return false;
    }
    if (m->nonce.len != strlen(r->nonce) || memcmp(m->nonce.at, r->nonce, m->nonce.len) != 0) {
        fake_relay_error(r, client, m, 438, NULL);
        return false;
    }
    memcpy(user, m->username.at, m->username.len < 511 ? m->username.len : 511);
    if (ct_stun_long_term_key(key16, user, "test.example", r->password) != CT_OK ||
        (ct_stun_verify(m, key16, 16) != CT_OK && !r->is_forger)) {
        fake_relay_error(r, client, m, 401, NULL);
        return false;
    }
    return true;
}

static inline void fake_relay_allocate(struct fake_relay *r, unsigned client, struct ct_wr *w)
{
    struct fake_alloc *alloc = fake_relay_find(r, client);
    struct ct_addr mapped = ct_addr_ip4((const uint8_t[]){192, 0, 2, 9}, r->mapped_port);
    for (size_t i = 0; i < FAKE_ALLOCS && alloc == NULL; i++) {
        if (!r->allocs[i].is_used) {
            alloc = &r->allocs[i];
            memset(alloc, 0, sizeof *alloc);
            alloc->is_used = true;
            alloc->client = client;
            alloc->relayed = ct_addr_ip4(r->ip4, r->next_port++);
            r->allocations++;
        }
    }
    ct_stun_put_xor_addr(w, CT_ATTR_XOR_RELAYED_ADDRESS, &alloc->relayed);
    ct_stun_put_xor_addr(w, CT_ATTR_XOR_MAPPED_ADDRESS, &mapped);
    ct_stun_put_u32(w, CT_ATTR_LIFETIME, r->lifetime_s);
}

static inline void fake_relay_refresh(struct fake_relay *r, struct fake_alloc *alloc,
                                      const struct ct_stun *m, struct ct_wr *w)
{
    bool is_end = m->has_lifetime && m->lifetime_s == 0;
    ct_stun_put_u32(w, CT_ATTR_LIFETIME, is_end ? 0 : r->lifetime_s);
    r->refreshes += !is_end;
    r->releases += is_end;
    alloc->is_used = !is_end;
}

static inline void fake_relay_bind(struct fake_alloc *alloc, const struct ct_stun *m)
{
    for (size_t i = 0; i < alloc->channel_count; i++) {
        if (alloc->channels[i].number == m->channel) {
            return;
        }
    }
    if (alloc->channel_count < FAKE_CHANNELS) {
        alloc->channels[alloc->channel_count].peer = m->peer;
        alloc->channels[alloc->channel_count++].number = m->channel;
    }
}

static inline void fake_relay_request(struct fake_relay *r, unsigned client,
                                      const struct ct_stun *m)
{
    uint8_t buf[512];
    uint8_t key16[16];
    struct ct_wr w;
    struct fake_alloc *alloc = fake_relay_find(r, client);
    bool is_peer = m->method == CT_STUN_CHANNEL_BIND || m->method == CT_STUN_CREATE_PERMISSION;

    r->requests++;
    ct_stun_begin(&w, buf, sizeof buf, m->method, CT_STUN_SUCCESS, m->tid);
    if (m->method == CT_STUN_BINDING) {
        struct ct_addr mapped = ct_addr_ip4((const uint8_t[]){192, 0, 2, 9}, r->mapped_port);
        ct_stun_put_xor_addr(&w, CT_ATTR_XOR_MAPPED_ADDRESS, &mapped);
        fake_relay_answer(r, client, &w, NULL);
        return;
    }
    if (!fake_relay_is_authentic(r, client, m, key16)) {
        return;
    }
    if (r->error != 0 || (alloc == NULL && m->method != CT_STUN_ALLOCATE) ||
        (is_peer && (r->refuses_peers || (r->refuses != NULL && r->refuses(r->arg, &m->peer))))) {
        unsigned code = r->error != 0 ? r->error : alloc == NULL ? 437 : 403;
        fake_relay_error(r, client, m, code, key16);
        return;
    }
    if (m->method == CT_STUN_ALLOCATE) {
        fake_relay_allocate(r, client, &w);
        r->family_asked = m->family;
        r->owner_asked += m->owner.at != NULL;
        if (r->owner != NULL) {
            ct_stun_put(&w, CT_ATTR_RELAY_OWNER, r->owner, r->owner_len);
        }
    } else if (m->method == CT_STUN_REFRESH) {
        fake_relay_refresh(r, alloc, m, &w);
    } else if (m->method == CT_STUN_CHANNEL_BIND) {
        r->binds++;
        fake_relay_bind(alloc, m);
    } else {
        r->permissions++;
    }
    fake_relay_answer(r, client, &w, key16);
}

/* A datagram from a client. */
static inline void fake_relay_input(struct fake_relay *r, unsigned client, const uint8_t *bytes,
                                    size_t len)
{
    struct ct_stun m;
    uint16_t number;
    struct ct_stun_bytes data;
    struct fake_alloc *alloc = fake_relay_find(r, client);

    if (ct_channel_is(bytes, len)) {
        if (alloc == NULL || ct_channel_parse(&number, &data, bytes, len) != CT_OK) {
            return;
        }
        for (size_t i = 0; i < alloc->channel_count; i++) {
            if (alloc->channels[i].number == number) {
                r->to_peer(r->arg, &alloc->relayed, &alloc->channels[i].peer, data.at, data.len);
            }
        }
        return;
    }
    if (ct_stun_parse(&m, bytes, len) != CT_OK) {
        return;
    }
    if (m.class_ == CT_STUN_INDICATION && m.method == CT_STUN_SEND && alloc != NULL) {
        r->to_peer(r->arg, &alloc->relayed, &m.peer, m.data.at, m.data.len);
    } else if (m.class_ == CT_STUN_REQUEST) {
        fake_relay_request(r, client, &m);
    }
}

/* A datagram from a peer to one of the relayed addresses. */
static inline void fake_relay_inbound(struct fake_relay *r, const struct ct_addr *from,
                                      const struct ct_addr *to, const uint8_t *bytes, size_t len)
{
    static const uint8_t tid[CT_STUN_TID] = {9};
    uint8_t buf[2048];
    size_t n = 0;
    struct ct_wr w;
    for (size_t i = 0; i < FAKE_ALLOCS; i++) {
        struct fake_alloc *alloc = &r->allocs[i];
        if (!alloc->is_used || !ct_addr_equal(&alloc->relayed, to)) {
            continue;
        }
        for (size_t c = 0; c < alloc->channel_count; c++) {
            if (ct_addr_equal(&alloc->channels[c].peer, from) &&
                ct_channel_write(buf, sizeof buf, &n, alloc->channels[c].number, bytes, len) ==
                    CT_OK) {
                r->to_client(r->arg, alloc->client, buf, n);
                return;
            }
        }
        ct_stun_begin(&w, buf, sizeof buf, CT_STUN_DATA, CT_STUN_INDICATION, tid);
        ct_stun_put_xor_addr(&w, CT_ATTR_XOR_PEER_ADDRESS, from);
        ct_stun_put(&w, CT_ATTR_DATA, bytes, len);
        if (ct_stun_end(&w, &n) == CT_OK) {
            r->to_client(r->arg, alloc->client, buf, n);
        }
        return;
    }
}

#endif

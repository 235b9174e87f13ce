/*
 * STUN messages. Property: every attribute of an accepted message lies within its bytes, its
 * addresses and numbers written again are read as the same ones, and checking integrity with a key
 * that nobody used fails. A FINGERPRINT at the end is made right first, so that the parser goes on.
 */
/* links: ct_turn ct_base */
#include <string.h>

#include "fuzz.h"
#include "turn/stun.h"

enum { MESSAGE_MAX = 4096 };

static void check_inside(const struct ct_stun *m, const struct ct_stun_bytes *part)
{
    HOLDS(part->at == NULL || (part->at >= m->bytes && part->at + part->len <= m->bytes + m->len));
}

static void check(const struct ct_stun *m)
{
    static const uint8_t key[16] = {0x5a, 0xa5};
    check_inside(m, &m->username);
    check_inside(m, &m->realm);
    check_inside(m, &m->nonce);
    check_inside(m, &m->software);
    check_inside(m, &m->data);
    check_inside(m, &m->reason);
    check_inside(m, &m->owner);
    HOLDS(m->error == 0 || (m->error >= 300 && m->error <= 699));
    HOLDS(m->integrity_at < m->len && m->integrity_sha256_at < m->len);
    HOLDS(ct_stun_verify(m, key, sizeof(key)) == CT_ERR_AUTH);
    HOLDS(ct_stun_verify_sha256(m, key, sizeof(key)) == CT_ERR_AUTH);
}

static void put_addr(struct ct_wr *w, uint16_t attr, const struct ct_addr *addr)
{
    if (addr->family != 0) {
        ct_stun_put_xor_addr(w, attr, addr);
    }
}

static void check_written(const struct ct_stun *m)
{
    uint8_t out[MESSAGE_MAX + 256];
    struct ct_stun again;
    struct ct_wr w;
    size_t len = 0;
    ct_stun_begin(&w, out, sizeof(out), m->method, m->class_, m->tid);
    put_addr(&w, CT_ATTR_XOR_MAPPED_ADDRESS, &m->mapped);
    put_addr(&w, CT_ATTR_XOR_RELAYED_ADDRESS, &m->relayed);
    put_addr(&w, CT_ATTR_XOR_PEER_ADDRESS, &m->peer);
    if (m->has_lifetime) {
        ct_stun_put_u32(&w, CT_ATTR_LIFETIME, m->lifetime_s);
    }
    if (m->data.at != NULL) {
        ct_stun_put(&w, CT_ATTR_DATA, m->data.at, m->data.len);
    }
    ct_stun_put_fingerprint(&w);
    HOLDS(ct_stun_end(&w, &len) == CT_OK && ct_stun_parse(&again, out, len) == CT_OK);
    HOLDS(again.method == m->method && again.class_ == m->class_ &&
          memcmp(again.tid, m->tid, CT_STUN_TID) == 0);
    HOLDS(ct_addr_equal(&again.mapped, &m->mapped) && ct_addr_equal(&again.relayed, &m->relayed) &&
          ct_addr_equal(&again.peer, &m->peer) && again.lifetime_s == m->lifetime_s);
    if (m->data.at != NULL) {
        HOLDS(again.data.at != NULL && again.data.len == m->data.len);
        HOLDS(again.data.at != NULL && memcmp(again.data.at, m->data.at, m->data.len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_stun m;
    if (size > MESSAGE_MAX) {
        return 0;
    }
    uint8_t *message = malloc(size + 1);
    HOLDS(message != NULL);
    if (size > 0) {
        memcpy(message, data, size);
    }
    if (size >= CT_STUN_HEADER + 8 && memcmp(message + size - 8, "\x80\x28\x00\x04", 4) == 0) {
        struct ct_wr w = {.buf = message, .cap = size, .len = size - 8};
        ct_stun_put_fingerprint(&w);
    }
    if (ct_stun_parse(&m, message, size) == CT_OK) {
        /* the methods from 0x100 on are STUN by RFC 8489 5, and not told apart by RFC 7983 7 */
        HOLDS(ct_stun_is(message, size) == (m.method < 0x100) && !ct_channel_is(message, size));
        check(&m);
        check_written(&m);
    }
    free(message);
    return 0;
}

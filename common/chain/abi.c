/* ABI words: selectors by our own keccak, numbers to the right, bytesN to the left. */
#include "chain/abi.h"

#include <string.h>

#include "chain/keccak.h"

void ct_abi_topic(uint8_t out32[32], const char *signature)
{
    ct_keccak256(out32, signature, strlen(signature));
}

void ct_abi_selector(uint8_t out4[4], const char *signature)
{
    uint8_t hash[32];
    ct_abi_topic(hash, signature);
    memcpy(out4, hash, 4);
}

void ct_abi_put_u64(struct ct_wr *w, uint64_t value)
{
    ct_wr_zeros(w, 24);
    ct_wr_be64(w, value);
}

void ct_abi_put_u256(struct ct_wr *w, const struct ct_u256 *value)
{
    ct_wr_bytes(w, value->be, 32);
}

void ct_abi_put_bool(struct ct_wr *w, bool value)
{
    ct_abi_put_u64(w, value ? 1 : 0);
}

void ct_abi_put_address(struct ct_wr *w, const uint8_t addr20[20])
{
    ct_abi_put_uint_be(w, addr20, 20);
}

void ct_abi_put_fixed(struct ct_wr *w, const void *data, size_t len)
{
    ct_wr_bytes(w, data, len);
    ct_wr_zeros(w, 32 - len);
}

void ct_abi_put_uint_be(struct ct_wr *w, const void *be, size_t len)
{
    ct_wr_zeros(w, 32 - len);
    ct_wr_bytes(w, be, len);
}

void ct_abi_put_bytes(struct ct_wr *w, const void *data, size_t len)
{
    ct_abi_put_u64(w, len);
    ct_wr_bytes(w, data, len);
    ct_wr_zeros(w, (32 - len % 32) % 32);
}

struct ct_u256 ct_abi_get_u256(struct ct_rd *r)
{
    struct ct_u256 out = {{0}};
    ct_rd_copy(r, out.be, 32);
    return out;
}

uint64_t ct_abi_get_u64(struct ct_rd *r)
{
    struct ct_u256 word = ct_abi_get_u256(r);
    uint64_t out = 0;
    if (ct_u256_to_u64(&out, &word) != CT_OK) {
        r->bad = true;
    }
    return out;
}

bool ct_abi_get_bool(struct ct_rd *r)
{
    uint64_t value = ct_abi_get_u64(r);
    if (value > 1) {
        r->bad = true;
    }
    return value == 1;
}

/* Copies len bytes from at of the next word; the others must be zero. */
static void get_part(struct ct_rd *r, void *out, size_t at, size_t len)
{
    struct ct_u256 word = ct_abi_get_u256(r);
    memcpy(out, word.be + at, len);
    memset(word.be + at, 0, len);
    if (!ct_u256_is_zero(&word)) {
        r->bad = true;
    }
}

void ct_abi_get_address(struct ct_rd *r, uint8_t addr20[20])
{
    get_part(r, addr20, 12, 20);
}

void ct_abi_get_fixed(struct ct_rd *r, void *out, size_t len)
{
    get_part(r, out, 0, len);
}

void ct_abi_get_offset(struct ct_rd *head, const struct ct_rd *base, const struct ct_rd *tail)
{
    uint64_t offset = ct_abi_get_u64(head);
    if (tail->bad || base->bad || offset != base->left - tail->left) {
        head->bad = true;
    }
}

const uint8_t *ct_abi_get_bytes(struct ct_rd *tail, size_t *len)
{
    uint64_t size = ct_abi_get_u64(tail);
    const uint8_t *data = ct_rd_take(tail, size > tail->left ? SIZE_MAX : (size_t)size);
    size_t pad = (32 - (size_t)size % 32) % 32;
    const uint8_t *zeros = ct_rd_take(tail, pad);
    uint8_t any = 0;
    for (size_t i = 0; !tail->bad && i < pad; i++) {
        any |= zeros[i];
    }
    if (tail->bad || any != 0) {
        tail->bad = true;
        *len = 0;
        return NULL;
    }
    *len = (size_t)size;
    return data;
}

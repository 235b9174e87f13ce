/* RLP: heads read strictly, one item at a time; the caller says which kind it expects. */
#include "chain/rlp.h"

#include <string.h>

static struct ct_rlp_item bad_item(struct ct_rd *r)
{
    static const uint8_t nothing[1] = {0};
    struct ct_rlp_item item = {.data = nothing, .whole = nothing};
    r->bad = true;
    return item;
}

/* The length behind a long head: no leading zero, more than 55, and no more than is there. */
static size_t long_length(struct ct_rd *r, size_t bytes)
{
    size_t len = 0;
    if (bytes > 4 || bytes > r->left) {
        r->bad = true;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte = ct_rd_u8(r);
        if (i == 0 && byte == 0) {
            r->bad = true;
        }
        len = len << 8 | byte;
    }
    if (len <= 55) {
        r->bad = true;
    }
    return len;
}

struct ct_rlp_item ct_rlp_next(struct ct_rd *r)
{
    struct ct_rlp_item item = {.whole = r->at};
    size_t before = r->left;
    uint8_t head = ct_rd_u8(r);
    size_t len;
    if (r->bad) {
        return bad_item(r);
    }
    if (head < 0x80) {
        item.data = item.whole;
        item.len = item.whole_len = 1;
        return item;
    }
    item.is_list = head >= 0xc0;
    unsigned kind = item.is_list ? head - 0xc0u : head - 0x80u;
    len = kind <= 55 ? kind : long_length(r, kind - 55);
    item.data = ct_rd_take(r, len);
    if (r->bad) {
        return bad_item(r);
    }
    if (!item.is_list && len == 1 && item.data[0] < 0x80) {
        return bad_item(r); /* such a byte stands for itself */
    }
    item.len = len;
    item.whole_len = before - r->left;
    return item;
}

struct ct_rd ct_rlp_next_list(struct ct_rd *r)
{
    struct ct_rlp_item item = ct_rlp_next(r);
    if (!item.is_list) {
        item = bad_item(r);
    }
    struct ct_rd inner = ct_rd_init(item.data, item.len);
    inner.bad = r->bad;
    return inner;
}

void ct_rlp_next_fixed(struct ct_rd *r, void *out, size_t len)
{
    struct ct_rlp_item item = ct_rlp_next(r);
    if (item.is_list || item.len != len || r->bad) {
        r->bad = true;
        memset(out, 0, len);
        return;
    }
    memcpy(out, item.data, len);
}

struct ct_u256 ct_rlp_next_u256(struct ct_rd *r)
{
    struct ct_u256 out = {{0}};
    struct ct_rlp_item item = ct_rlp_next(r);
    if (r->bad || item.is_list || item.len > 32 || (item.len > 0 && item.data[0] == 0)) {
        r->bad = true;
        return out;
    }
    if (item.len > 0) {
        memcpy(out.be + 32 - item.len, item.data, item.len);
    }
    return out;
}

uint64_t ct_rlp_next_u64(struct ct_rd *r)
{
    uint64_t out = 0;
    struct ct_u256 value = ct_rlp_next_u256(r);
    if (ct_u256_to_u64(&out, &value) != CT_OK) {
        r->bad = true;
    }
    return out;
}

ct_err ct_rlp_check(const void *data, size_t len)
{
    struct ct_rd open[CT_RLP_DEPTH_MAX]; /* the lists that are being read, outermost first */
    size_t depth = 0;
    struct ct_rd top = ct_rd_init(data, len);
    struct ct_rlp_item item = ct_rlp_next(&top);
    if (ct_rd_end(&top) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    for (;;) {
        if (item.is_list) {
            if (depth == CT_RLP_DEPTH_MAX) {
                return CT_ERR_FORMAT;
            }
            open[depth++] = ct_rd_init(item.data, item.len);
        }
        while (depth > 0 && open[depth - 1].left == 0) {
            depth--;
        }
        if (depth == 0) {
            return CT_OK;
        }
        item = ct_rlp_next(&open[depth - 1]);
        if (open[depth - 1].bad) {
            return CT_ERR_FORMAT;
        }
    }
}

/* short_base is 0x80 or 0xc0. */
static void put_head(struct ct_wr *w, uint8_t short_base, size_t len)
{
    if (len <= 55) {
        ct_wr_u8(w, (uint8_t)(short_base + len));
        return;
    }
    unsigned bytes = 1;
    while (bytes < sizeof(len) && len >> (8 * bytes) != 0) {
        bytes++;
    }
    ct_wr_u8(w, (uint8_t)(short_base + 55u + bytes));
    while (bytes-- > 0) {
        ct_wr_u8(w, (uint8_t)(len >> (8 * bytes)));
    }
}

void ct_rlp_bytes_head(struct ct_wr *w, const void *data, size_t len)
{
    if (len != 1 || *(const uint8_t *)data >= 0x80) {
        put_head(w, 0x80, len);
    }
}

void ct_rlp_bytes(struct ct_wr *w, const void *data, size_t len)
{
    ct_rlp_bytes_head(w, data, len);
    ct_wr_bytes(w, data, len);
}

void ct_rlp_u256(struct ct_wr *w, const struct ct_u256 *value)
{
    size_t zeros = 0;
    while (zeros < 32 && value->be[zeros] == 0) {
        zeros++;
    }
    ct_rlp_bytes(w, value->be + zeros, 32 - zeros);
}

void ct_rlp_u64(struct ct_wr *w, uint64_t value)
{
    struct ct_u256 wide = ct_u256_from_u64(value);
    ct_rlp_u256(w, &wide);
}

void ct_rlp_list_head(struct ct_wr *w, size_t payload_len)
{
    put_head(w, 0xc0, payload_len);
}

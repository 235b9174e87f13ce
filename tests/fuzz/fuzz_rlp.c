/*
 * RLP. Property: an item that is accepted encodes back to the same bytes; a reader never leaves the
 * bytes that it was given, whatever it makes of them.
 */
/* links: ct_chain ct_base */
#include <string.h>

#include "chain/rlp.h"
#include "fuzz.h"

/* Encodes anew what was read, from the inside out. */
static void encode(struct ct_wr *w, const struct ct_rlp_item *item)
{
    if (!item->is_list) {
        ct_rlp_bytes(w, item->data, item->len);
        return;
    }
    uint8_t *inside = malloc(item->len + 1);
    HOLDS(inside != NULL);
    struct ct_wr payload = ct_wr_init(inside, item->len);
    struct ct_rd r = ct_rd_init(item->data, item->len);
    while (r.left > 0 && !r.bad) {
        struct ct_rlp_item inner = ct_rlp_next(&r);
        HOLDS(!r.bad);
        encode(&payload, &inner);
    }
    HOLDS(ct_wr_end(&payload) == CT_OK);
    ct_rlp_list_head(w, payload.len);
    ct_wr_bytes(w, inside, payload.len);
    free(inside);
}

static void read_items(const uint8_t *data, size_t size)
{
    struct ct_rd r = ct_rd_init(data, size);
    while (r.left > 0 && !r.bad) {
        struct ct_rlp_item item = ct_rlp_next(&r);
        HOLDS(r.bad || (item.whole >= data && item.whole_len > 0 && item.len <= item.whole_len &&
                        item.whole + item.whole_len == r.at && r.at + r.left == data + size));
    }
}

static void read_numbers(const uint8_t *data, size_t size)
{
    uint8_t out[64];
    struct ct_rd r = ct_rd_init(data, size);
    struct ct_u256 number = ct_rlp_next_u256(&r);
    if (!r.bad) {
        struct ct_wr w = ct_wr_init(out, sizeof(out));
        ct_rlp_u256(&w, &number);
        HOLDS(w.len == size - r.left && memcmp(out, data, w.len) == 0);
    }
    r = ct_rd_init(data, size);
    uint64_t small = ct_rlp_next_u64(&r);
    if (!r.bad) {
        struct ct_wr w = ct_wr_init(out, sizeof(out));
        ct_rlp_u64(&w, small);
        HOLDS(w.len == size - r.left && memcmp(out, data, w.len) == 0);
    }
    r = ct_rd_init(data, size);
    ct_rlp_next_fixed(&r, out, 20);
    HOLDS(r.bad || size - r.left == 21);
    r = ct_rd_init(data, size);
    struct ct_rd list = ct_rlp_next_list(&r);
    HOLDS(r.bad || list.left <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_items(data, size);
    read_numbers(data, size);
    if (ct_rlp_check(data, size) != CT_OK) {
        return 0;
    }
    struct ct_rd r = ct_rd_init(data, size);
    struct ct_rlp_item item = ct_rlp_next(&r);
    HOLDS(ct_rd_end(&r) == CT_OK);
    uint8_t *again = malloc(size);
    HOLDS(again != NULL);
    struct ct_wr w = ct_wr_init(again, size);
    encode(&w, &item);
    HOLDS(ct_wr_end(&w) == CT_OK && w.len == size && memcmp(again, data, size) == 0);
    free(again);
    return 0;
}

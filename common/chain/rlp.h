/* RLP (Ethereum yellow paper, appendix B): canonical encodings only, both ways. */
#ifndef CT_CHAIN_RLP_H
#define CT_CHAIN_RLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/bytes.h"
#include "chain/u256.h"

enum { CT_RLP_DEPTH_MAX = 32 }; /* nesting that ct_rlp_check follows */

struct ct_rlp_item {
    bool is_list;
    const uint8_t *data; /* the string's bytes, or the list's encoded items; borrowed */
    size_t len;
    const uint8_t *whole; /* with the head */
    size_t whole_len;
};

/*
 * Takes the next item off r. A non-canonical head (a long form where the short one fits, leading
 * zeros in a length, a single byte below 0x80 with a head) or a truncated item sets r->bad and
 * gives an empty string. The items within a list are not looked at: read them from
 * ct_rd_init(item.data, item.len).
 */
struct ct_rlp_item ct_rlp_next(struct ct_rd *r);

/* The next item, of the kind and length asked for; anything else sets r->bad. */
struct ct_rd ct_rlp_next_list(struct ct_rd *r);
void ct_rlp_next_fixed(struct ct_rd *r, void *out, size_t len);
/* Integers: big-endian without leading zeros, 0 as the empty string. */
uint64_t ct_rlp_next_u64(struct ct_rd *r);
struct ct_u256 ct_rlp_next_u256(struct ct_rd *r);

/* One item, canonical to its depths, nothing after it; else CT_ERR_FORMAT. */
CT_MUST_USE ct_err ct_rlp_check(const void *data, size_t len);

void ct_rlp_bytes(struct ct_wr *w, const void *data, size_t len);
/* Only the head that goes before the string's bytes (none for a byte that stands for itself). */
void ct_rlp_bytes_head(struct ct_wr *w, const void *data, size_t len);
void ct_rlp_u64(struct ct_wr *w, uint64_t value);
void ct_rlp_u256(struct ct_wr *w, const struct ct_u256 *value);
/* The head of a list whose encoded items take payload_len bytes (count them with a NULL writer). */
void ct_rlp_list_head(struct ct_wr *w, size_t payload_len);

#endif

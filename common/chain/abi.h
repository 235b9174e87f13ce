/* Words of the contract ABI (Solidity specification, "Contract ABI"): 32 bytes each, big-endian. */
#ifndef CT_CHAIN_ABI_H
#define CT_CHAIN_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/bytes.h"
#include "chain/u256.h"

/* The first four bytes of keccak256 of a canonical signature such as "transfer(address,uint256)".
 */
void ct_abi_selector(uint8_t out4[4], const char *signature);
/* An event's topic 0: keccak256 of its signature. */
void ct_abi_topic(uint8_t out32[32], const char *signature);

void ct_abi_put_u64(struct ct_wr *w, uint64_t value);
void ct_abi_put_u256(struct ct_wr *w, const struct ct_u256 *value);
void ct_abi_put_bool(struct ct_wr *w, bool value);
void ct_abi_put_address(struct ct_wr *w, const uint8_t addr20[20]);
/* bytesN, N = len <= 32: left-aligned. */
void ct_abi_put_fixed(struct ct_wr *w, const void *data, size_t len);
/* uintN, N = 8 * len, from big-endian bytes: right-aligned. */
void ct_abi_put_uint_be(struct ct_wr *w, const void *be, size_t len);
/* The tail of a dynamic bytes or string: length word, data, zero padding. */
void ct_abi_put_bytes(struct ct_wr *w, const void *data, size_t len);

/* Readers set r->bad when the unused high (or, for bytesN, low) bytes are not zero. */
uint64_t ct_abi_get_u64(struct ct_rd *r);
struct ct_u256 ct_abi_get_u256(struct ct_rd *r);
bool ct_abi_get_bool(struct ct_rd *r);
void ct_abi_get_address(struct ct_rd *r, uint8_t addr20[20]);
void ct_abi_get_fixed(struct ct_rd *r, void *out, size_t len);
/*
 * The offset word of a dynamic member, next in head; base is where its tuple starts. Sets head->bad
 * unless the offset names the very place where tail stands: tails follow each other without gap,
 * overlap or way back, so a value has one encoding.
 */
void ct_abi_get_offset(struct ct_rd *head, const struct ct_rd *base, const struct ct_rd *tail);
/* The tail of a dynamic bytes or string, in place: length word, data, padding that must be zero. */
const uint8_t *ct_abi_get_bytes(struct ct_rd *tail, size_t *len);

#endif

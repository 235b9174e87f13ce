/* Keccak-256 as Ethereum uses it: Keccak[1088] with the 0x01 padding that came before FIPS 202. */
#ifndef CT_CHAIN_KECCAK_H
#define CT_CHAIN_KECCAK_H

#include <stddef.h>
#include <stdint.h>

enum { CT_KECCAK_RATE = 136 };

struct ct_keccak {
    uint64_t lanes[25];
    size_t at; /* bytes of the current block already taken in, < CT_KECCAK_RATE */
};

void ct_keccak_init(struct ct_keccak *k);
void ct_keccak_update(struct ct_keccak *k, const void *data, size_t len);
/* Wipes k. */
void ct_keccak_final(struct ct_keccak *k, uint8_t out32[32]);

void ct_keccak256(uint8_t out32[32], const void *data, size_t len);

#endif

/* Keccak-f[1600] and the sponge of Keccak-256 (keccak.team's reference, 1.2; FIPS 202, 3.2). */
#include "chain/keccak.h"

#include <string.h>

#include "base/secret.h"

enum { ROUNDS = 24 };

static const uint64_t round_constants[ROUNDS] = {
    0x0000000000000001u, 0x0000000000008082u, 0x800000000000808au, 0x8000000080008000u,
    0x000000000000808bu, 0x0000000080000001u, 0x8000000080008081u, 0x8000000000008009u,
    0x000000000000008au, 0x0000000000000088u, 0x0000000080008009u, 0x000000008000000au,
    0x000000008000808bu, 0x800000000000008bu, 0x8000000000008089u, 0x8000000000008003u,
    0x8000000000008002u, 0x8000000000000080u, 0x000000000000800au, 0x800000008000000au,
    0x8000000080008081u, 0x8000000000008080u, 0x0000000080000001u, 0x8000000080008008u,
};

static inline uint64_t rol(uint64_t v, unsigned n)
{
    return v << n | v >> (64 - n);
}

static inline void chi(uint64_t out[5], uint64_t b0, uint64_t b1, uint64_t b2, uint64_t b3,
                       uint64_t b4)
{
    out[0] = b0 ^ (~b1 & b2);
    out[1] = b1 ^ (~b2 & b3);
    out[2] = b2 ^ (~b3 & b4);
    out[3] = b3 ^ (~b4 & b0);
    out[4] = b4 ^ (~b0 & b1);
}

/* theta, then rho, pi and chi row by row; the rotations are those of FIPS 202, table 2. */
static inline void one_round(uint64_t out[25], const uint64_t a[25], uint64_t constant)
{
    uint64_t c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20];
    uint64_t c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21];
    uint64_t c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22];
    uint64_t c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23];
    uint64_t c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24];
    uint64_t d0 = c4 ^ rol(c1, 1);
    uint64_t d1 = c0 ^ rol(c2, 1);
    uint64_t d2 = c1 ^ rol(c3, 1);
    uint64_t d3 = c2 ^ rol(c4, 1);
    uint64_t d4 = c3 ^ rol(c0, 1);

    chi(out, a[0] ^ d0, rol(a[6] ^ d1, 44), rol(a[12] ^ d2, 43), rol(a[18] ^ d3, 21),
        rol(a[24] ^ d4, 14));
    chi(out + 5, rol(a[3] ^ d3, 28), rol(a[9] ^ d4, 20), rol(a[10] ^ d0, 3), rol(a[16] ^ d1, 45),
        rol(a[22] ^ d2, 61));
    chi(out + 10, rol(a[1] ^ d1, 1), rol(a[7] ^ d2, 6), rol(a[13] ^ d3, 25), rol(a[19] ^ d4, 8),
        rol(a[20] ^ d0, 18));
    chi(out + 15, rol(a[4] ^ d4, 27), rol(a[5] ^ d0, 36), rol(a[11] ^ d1, 10), rol(a[17] ^ d2, 15),
        rol(a[23] ^ d3, 56));
    chi(out + 20, rol(a[2] ^ d2, 62), rol(a[8] ^ d3, 55), rol(a[14] ^ d4, 39), rol(a[15] ^ d0, 41),
        rol(a[21] ^ d1, 2));
    out[0] ^= constant;
}

static void permute(uint64_t lanes[25])
{
    uint64_t other[25];
    for (size_t i = 0; i < ROUNDS; i += 2) {
        one_round(other, lanes, round_constants[i]);
        one_round(lanes, other, round_constants[i + 1]);
    }
    ct_wipe(other, sizeof(other));
}

/* Byte i of the state; lanes are little-endian. */
static void absorb(uint64_t lanes[25], size_t i, uint8_t byte)
{
    lanes[i / 8] ^= (uint64_t)byte << (8 * (i % 8));
}

void ct_keccak_init(struct ct_keccak *k)
{
    memset(k, 0, sizeof(*k));
}

static void absorb_block(struct ct_keccak *k, const uint8_t *block)
{
    for (size_t i = 0; i < CT_KECCAK_RATE / 8; i++) {
        uint64_t lane = 0;
        for (size_t j = 8; j-- > 0;) {
            lane = lane << 8 | block[8 * i + j];
        }
        k->lanes[i] ^= lane;
    }
    permute(k->lanes);
}

void ct_keccak_update(struct ct_keccak *k, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        if (k->at == 0 && len >= CT_KECCAK_RATE) {
            absorb_block(k, at);
            at += CT_KECCAK_RATE;
            len -= CT_KECCAK_RATE;
            continue;
        }
        absorb(k->lanes, k->at, *at);
        at++;
        len--;
        k->at++;
        if (k->at == CT_KECCAK_RATE) {
            permute(k->lanes);
            k->at = 0;
        }
    }
}

void ct_keccak_final(struct ct_keccak *k, uint8_t out32[32])
{
    absorb(k->lanes, k->at, 0x01); /* SHA3-256 has 0x06 here */
    absorb(k->lanes, CT_KECCAK_RATE - 1, 0x80);
    permute(k->lanes);
    for (size_t i = 0; i < 32; i++) {
        out32[i] = (uint8_t)(k->lanes[i / 8] >> (8 * (i % 8)));
    }
    ct_wipe(k, sizeof(*k));
}

void ct_keccak256(uint8_t out32[32], const void *data, size_t len)
{
    struct ct_keccak k;
    ct_keccak_init(&k);
    ct_keccak_update(&k, data, len);
    ct_keccak_final(&k, out32);
}

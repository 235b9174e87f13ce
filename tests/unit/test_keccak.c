/* Keccak-256 against ethers' vectors and, over many lengths, against nettle's permutation. */
/* links: ct_testchain ct_chain ct_base */
#include "chain/keccak.h"

#include <stdlib.h>

#include <nettle/sha3.h>

#include "ct_test.h"
#include "vectors.h"

static bool hash_holds(const struct ct_json *one)
{
    size_t len = 0;
    uint8_t want[32];
    uint8_t got[32];
    uint8_t *data = ct_vectors_bytes(one, "data", &len);
    ct_keccak256(got, data, len);
    free(data);
    return ct_json_fixed(want, 32, ct_json_get(one, "keccak256")) == CT_OK &&
           memcmp(got, want, 32) == 0;
}

static void npm_hashes_hold(void)
{
    CHECK(ct_vectors_ethers("hashes", 516, hash_holds));
}

/* nettle knows SHA3 only: its sponge is fed, and closed by hand with Keccak's own padding. */
static void nettle_keccak256(uint8_t out[32], const uint8_t *data, size_t len)
{
    struct sha3_256_ctx ctx;
    sha3_256_init(&ctx);
    sha3_256_update(&ctx, len, data);
    memset(ctx.block + ctx.index, 0, sizeof(ctx.block) - ctx.index);
    ctx.block[ctx.index] = 0x01;
    ctx.block[sizeof(ctx.block) - 1] |= 0x80;
    for (size_t i = 0; i < sizeof(ctx.block); i++) {
        ctx.state.a[i / 8] ^= (uint64_t)ctx.block[i] << (8 * (i % 8));
    }
    sha3_permute(&ctx.state);
    for (size_t i = 0; i < 32; i++) {
        out[i] = (uint8_t)(ctx.state.a[i / 8] >> (8 * (i % 8)));
    }
}

static void all_lengths_to_2000_agree_with_nettle(void)
{
    uint8_t data[2000];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 31 + i / 7);
    }
    for (size_t len = 0; len <= sizeof(data); len++) {
        uint8_t ours[32];
        uint8_t theirs[32];
        ct_keccak256(ours, data, len);
        nettle_keccak256(theirs, data, len);
        CHECK_MEM(ours, theirs, 32);
    }
}

static void pieces_of_any_size_give_the_same_hash(void)
{
    uint8_t data[1000];
    uint8_t whole[32];
    memset(data, 0xa5, sizeof(data));
    ct_keccak256(whole, data, sizeof(data));
    for (size_t piece = 1; piece <= sizeof(data); piece++) {
        struct ct_keccak k;
        uint8_t hash[32];
        ct_keccak_init(&k);
        for (size_t at = 0; at < sizeof(data); at += piece) {
            size_t left = sizeof(data) - at;
            ct_keccak_update(&k, data + at, left < piece ? left : piece);
        }
        ct_keccak_final(&k, hash);
        CHECK_MEM(hash, whole, 32);
    }
}

static void state_is_wiped_at_the_end(void)
{
    struct ct_keccak k;
    static const struct ct_keccak zero;
    uint8_t hash[32];
    ct_keccak_init(&k);
    ct_keccak_update(&k, "secret", 6);
    ct_keccak_final(&k, hash);
    CHECK_MEM(&k, &zero, sizeof(k));
}

static const struct ct_test tests[] = {
    CT_TEST(npm_hashes_hold),
    CT_TEST(all_lengths_to_2000_agree_with_nettle),
    CT_TEST(pieces_of_any_size_give_the_same_hash),
    CT_TEST(state_is_wiped_at_the_end),
};
CT_TEST_MAIN(tests)

/* EIP-712: ethers' typed data of any shape, the standard's own example, our registration. */
/* links: ct_testchain ct_chain ct_base */
#include "chain/eip712.h"

#include <stdlib.h>

#include "chain/keccak.h"
#include "chain/key.h"
#include "chain/registry.h"
#include "ct_test.h"
#include "eip712_type.h"
#include "vectors.h"

static const char folder[] = "@ethersproject/testcases/testcases/eip712.json.gz";

static size_t own_domains; /* vectors whose domain our product could have written */

/* A domain of exactly the four members that ours has; chainId as the vectors' number. */
static bool read_domain(uint8_t out32[32], const struct ct_json *domain)
{
    int64_t chain_id = 0;
    uint8_t contract[20];
    const char *name = ct_json_text(ct_json_get(domain, "name"));
    const char *version = ct_json_text(ct_json_get(domain, "version"));
    if (name == NULL || version == NULL || ct_json_has(domain, "salt") ||
        ct_json_int(&chain_id, ct_json_get(domain, "chainId")) != CT_OK ||
        ct_json_fixed(contract, 20, ct_json_get(domain, "verifyingContract")) != CT_OK) {
        return false;
    }
    ct_eip712_domain(out32, name, version, (uint64_t)chain_id, contract);
    return true;
}

/* encodeData, the digest, and our own domain function where the vector's domain is of its kind. */
static bool typed_data_holds(const struct ct_json *one)
{
    const struct ct_json *types = ct_json_get(one, "types");
    const struct ct_json *data = ct_json_get(one, "data");
    const char *name = ct_vectors_text(one, "primaryType");
    uint8_t encoded[4096];
    uint8_t domain[32];
    uint8_t ours[32];
    uint8_t hash[32];
    uint8_t digest[32];
    uint8_t want[32];
    size_t len = 0;
    struct ct_wr w = ct_wr_init(encoded, sizeof(encoded));
    uint8_t *bytes = ct_vectors_bytes(one, "encoded", &len);
    bool good = ct_eip712_data_write(&w, types, name, data) && w.len == len &&
                ct_wr_end(&w) == CT_OK && memcmp(encoded, bytes, len) == 0;
    free(bytes);
    if (!good || !ct_eip712_data_hash(hash, types, name, data) ||
        !ct_eip712_any_domain(domain, ct_json_get(one, "domain")) ||
        ct_json_fixed(want, 32, ct_json_get(one, "digest")) != CT_OK) {
        return false;
    }
    if (read_domain(ours, ct_json_get(one, "domain"))) {
        own_domains++;
        good = memcmp(ours, domain, 32) == 0;
    }
    ct_eip712_digest(digest, domain, hash);
    return good && memcmp(digest, want, 32) == 0;
}

static void npm_typed_data_is_encoded_and_hashed_alike(void)
{
    own_domains = 0;
    CHECK(ct_vectors_ethers("eip712", 1025, typed_data_holds));
    CHECK_EQ(own_domains, 40); /* the others lack one of the four members, or have a salt */
}

static void npm_example_is_signed_alike_and_data_of_another_type_has_no_hash(void)
{
    struct ct_json *all = ct_vectors_npm(folder);
    REQUIRE(all != NULL);
    const struct ct_json *one = ct_json_at(all, ct_json_count(all) - 1);
    const struct ct_json *types = ct_json_get(one, "types");
    const struct ct_json *data = ct_json_get(one, "data");
    struct ct_secret32 secret;
    struct ct_wallet wallet;
    uint8_t want[CT_SIG_LEN];
    uint8_t sig[CT_SIG_LEN];
    CHECK_STR(ct_vectors_text(one, "name"), "EIP712 example");
    CHECK_EQ(ct_json_fixed(want, 32, ct_json_get(one, "digest")), CT_OK);
    CHECK_EQ(ct_json_fixed(secret.bytes, 32, ct_json_get(one, "privateKey")), CT_OK);
    CHECK_EQ(ct_wallet_from_secret(&wallet, &secret), CT_OK);
    CHECK_EQ(ct_wallet_sign(sig, &wallet, want), CT_OK);
    CHECK_EQ(ct_json_fixed(want, CT_SIG_LEN, ct_json_get(one, "signature")), CT_OK);
    CHECK_MEM(sig, want, CT_SIG_LEN);
    CHECK(!ct_eip712_data_hash(want, types, "Letter", data));
    CHECK(!ct_eip712_data_hash(want, types, "Mail", ct_json_get(data, "from")));
    ct_json_free(all);
}

static void every_member_of_a_registration_counts(void)
{
    static const uint8_t contract[20] = {1};
    struct ct_registration base = {.relay = 1,
                                   .port = 2,
                                   .backup_relay = 3,
                                   .backup_port = 4,
                                   .expiry_day = 5,
                                   .sequence = 6,
                                   .deadline_s = 7};
    struct ct_registration others[9];
    uint8_t digests[12][32];
    for (size_t i = 0; i < 9; i++) {
        others[i] = base;
    }
    others[0].id_hash32[31] ^= 1;
    others[1].key32[31] ^= 1;
    others[2].relay ^= 1;
    others[3].port ^= 1;
    others[4].backup_relay ^= 1;
    others[5].backup_port ^= 1;
    others[6].expiry_day ^= 1;
    others[7].sequence ^= 1;
    others[8].deadline_s ^= 1;
    for (size_t i = 0; i < 9; i++) {
        ct_registration_digest(digests[i], 31337, contract, &others[i]);
    }
    ct_registration_digest(digests[9], 31337, contract, &base);
    ct_registration_digest(digests[10], 31338, contract, &base);
    ct_registration_digest(digests[11], 31337, digests[0], &base);
    for (size_t i = 0; i < 12; i++) {
        for (size_t j = 0; j < i; j++) {
            CHECK(memcmp(digests[i], digests[j], 32) != 0);
        }
    }
}

static const struct ct_test tests[] = {
    CT_TEST(npm_typed_data_is_encoded_and_hashed_alike),
    CT_TEST(npm_example_is_signed_alike_and_data_of_another_type_has_no_hash),
    CT_TEST(every_member_of_a_registration_counts),
};
CT_TEST_MAIN(tests)

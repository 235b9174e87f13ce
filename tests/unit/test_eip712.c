/* EIP-712: the standard's own example, ethers' domains and digests, our registration. */
/* links: ct_testchain ct_chain ct_base */
#include "chain/eip712.h"

#include <stdlib.h>

#include "chain/keccak.h"
#include "chain/key.h"
#include "chain/registry.h"
#include "ct_test.h"
#include "vectors.h"

static const char folder[] = "@ethersproject/testcases/testcases/eip712.json.gz";

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

static void npm_digests_follow_from_domain_and_encoded_struct(void)
{
    struct ct_json *all = ct_vectors_npm(folder);
    size_t checked = 0;
    REQUIRE(all != NULL);
    for (size_t i = 0; i < ct_json_count(all); i++) {
        const struct ct_json *one = ct_json_at(all, i);
        uint8_t domain[32];
        uint8_t hash[32];
        uint8_t digest[32];
        uint8_t want[32];
        size_t len = 0;
        if (!read_domain(domain, ct_json_get(one, "domain"))) {
            continue;
        }
        uint8_t *encoded = ct_vectors_bytes(one, "encoded", &len);
        CHECK_EQ(ct_json_fixed(want, 32, ct_json_get(one, "digest")), CT_OK);
        ct_keccak256(hash, encoded, len);
        ct_eip712_digest(digest, domain, hash);
        CHECK_MEM(digest, want, 32);
        free(encoded);
        checked++;
    }
    CHECK_EQ(checked, 40); /* the others lack one of the four, or have a salt */
    ct_json_free(all);
}

static void person(uint8_t out32[32], const struct ct_json *value)
{
    uint8_t words[2][32];
    uint8_t addr[20];
    const char *name = ct_vectors_text(value, "name");
    ct_keccak256(words[0], name, strlen(name));
    CHECK_EQ(ct_json_fixed(addr, 20, ct_json_get(value, "wallet")), CT_OK);
    ct_word_be(words[1], addr, 20);
    ct_eip712_struct(out32, "Person(string name,address wallet)", (const uint8_t(*)[32])words, 2);
}

static void example_of_the_standard_is_hashed_and_signed_alike(void)
{
    struct ct_json *all = ct_vectors_npm(folder);
    REQUIRE(all != NULL);
    const struct ct_json *one = ct_json_at(all, ct_json_count(all) - 1);
    const struct ct_json *data = ct_json_get(one, "data");
    const char *contents = ct_vectors_text(data, "contents");
    struct ct_secret32 secret;
    struct ct_wallet wallet;
    uint8_t words[3][32];
    uint8_t domain[32];
    uint8_t hash[32];
    uint8_t digest[32];
    uint8_t want[CT_SIG_LEN];
    uint8_t sig[CT_SIG_LEN];
    CHECK_STR(ct_vectors_text(one, "name"), "EIP712 example");
    REQUIRE(read_domain(domain, ct_json_get(one, "domain")));
    person(words[0], ct_json_get(data, "from"));
    person(words[1], ct_json_get(data, "to"));
    ct_keccak256(words[2], contents, strlen(contents));
    ct_eip712_struct(hash,
                     "Mail(Person from,Person to,string contents)"
                     "Person(string name,address wallet)",
                     (const uint8_t(*)[32])words, 3);
    ct_eip712_digest(digest, domain, hash);
    CHECK_EQ(ct_json_fixed(want, 32, ct_json_get(one, "digest")), CT_OK);
    CHECK_MEM(digest, want, 32);
    CHECK_EQ(ct_json_fixed(secret.bytes, 32, ct_json_get(one, "privateKey")), CT_OK);
    CHECK_EQ(ct_wallet_from_secret(&wallet, &secret), CT_OK);
    CHECK_EQ(ct_wallet_sign(sig, &wallet, digest), CT_OK);
    CHECK_EQ(ct_json_fixed(want, CT_SIG_LEN, ct_json_get(one, "signature")), CT_OK);
    CHECK_MEM(sig, want, CT_SIG_LEN);
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
    CT_TEST(npm_digests_follow_from_domain_and_encoded_struct),
    CT_TEST(example_of_the_standard_is_hashed_and_signed_alike),
    CT_TEST(every_member_of_a_registration_counts),
};
CT_TEST_MAIN(tests)

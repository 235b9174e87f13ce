/* Our reading of the contract against what the compiler generated: selectors, slots, words. */
/* links: ct_chain ct_base ct_contract_headers */
#include "chain/registry_client.h"
#include "chain/registry_moves.h"

#include <stdlib.h>

#include "registry_abi.h"

#include "chain/abi.h"
#include "chain/eip712.h"
#include "chain/keccak.h"
#include "ct_test.h"

static void check_selector(const char *signature, uint32_t selector)
{
    uint8_t four[4];
    uint8_t want[4];
    struct ct_wr w = ct_wr_init(want, 4);
    ct_wr_be32(&w, selector);
    ct_abi_selector(four, signature);
    CHECK_MEM(four, want, 4);
}

static void check_topic(const char *signature, const uint8_t want[32])
{
    uint8_t topic[32];
    ct_abi_topic(topic, signature);
    CHECK_MEM(topic, want, 32);
}

static void selectors_are_those_of_the_signatures(void)
{
    check_selector("registerServer(bytes32,(uint32,uint128,uint16,uint32,uint128,uint16,uint16,"
                   "bytes32,uint16))",
                   CT_SEL_registerServer);
    check_selector("cancelServer(bytes32)", CT_SEL_cancelServer);
    check_selector("approveServer(bytes32,bytes32,uint16)", CT_SEL_approveServer);
    check_selector("renewServer(uint16,uint16)", CT_SEL_renewServer);
    check_selector("revokeServer(uint16)", CT_SEL_revokeServer);
    check_selector("reinstateServer(uint16)", CT_SEL_reinstateServer);
    check_selector("withdrawServer(uint16)", CT_SEL_withdrawServer);
    check_selector("registerClients((bytes32,bytes32,uint256,bytes32,bytes32)[])",
                   CT_SEL_registerClients);
    check_selector("revokeClient(bytes32)", CT_SEL_revokeClient);
    check_selector("addClient(bytes32,bytes32,bytes32,uint256,bytes32,bytes32)", CT_SEL_addClient);
    check_selector("approveClient(bytes32,bytes32)", CT_SEL_approveClient);
    check_selector("approveClients((bytes32,bytes32)[])", CT_SEL_approveClients);
    check_selector("updateAllocation(bytes32,uint16,uint16,uint16,uint16,uint16)",
                   CT_SEL_updateAllocation);
    check_selector("updateAllocations((bytes32,uint256,bytes32,bytes32)[])",
                   CT_SEL_updateAllocations);
    check_selector("rotateKeys((bytes32,bytes32,uint256,bytes32,bytes32)[])", CT_SEL_rotateKeys);
    check_selector("revokeSelf(bytes32,uint16,uint64,bytes32,bytes32)", CT_SEL_revokeSelf);
    check_selector("revokePass(bytes16)", CT_SEL_revokePass);
    check_selector("setWMKey(bytes32,bytes32,uint64)", CT_SEL_setWMKey);
    check_selector("setApprover(address,bool)", CT_SEL_setApprover);
    check_selector("setPredecessor(address)", CT_SEL_setPredecessor);
    check_selector("setSuccessor(address)", CT_SEL_setSuccessor);
    check_selector("adoptServers(uint16[])", CT_SEL_adoptServers);
    check_selector("adoptClients(bytes32[])", CT_SEL_adoptClients);
    CHECK_STR(CT_SIG_constructor, "constructor(address,address,bytes32,bytes32,uint64)");
}

static void events_and_errors_are_those_of_the_signatures(void)
{
    static const uint8_t approved[32] = CT_TOPIC_ServerApproved;
    static const uint8_t skipped[32] = CT_TOPIC_ClientSkipped;
    static const uint8_t logged[32] = CT_TOPIC_Logged;
    check_topic("ServerApproved(uint16,address,bytes32,uint16)", approved);
    check_topic("ClientSkipped(bytes32,uint8)", skipped);
    check_topic("Logged(uint64,uint8,bytes32,bytes32)", logged);
    check_selector("NotApprover(address)", CT_ERRSEL_NotApprover);
    check_selector("ClientRefused(bytes32,uint8)", CT_ERRSEL_ClientRefused);
    check_selector("DigestMismatch(bytes32,bytes32)", CT_ERRSEL_DigestMismatch);
    check_selector("RangeTaken(uint16)", CT_ERRSEL_RangeTaken);
    check_selector("OwnableUnauthorizedAccount(address)", CT_ERRSEL_OwnableUnauthorizedAccount);
}

static void signed_types_are_the_contracts(void)
{
    static const uint8_t want[32] = CT_EIP712_REGISTRATION_TYPEHASH;
    check_topic("Registration(bytes32 identity,bytes32 key,uint16 relay,uint16 port,"
                "uint16 backupRelay,uint16 backupPort,uint16 expiryDay,uint16 sequence,"
                "uint64 deadline)",
                want);
    CHECK_STR(CT_EIP712_VOUCHER_TYPE,
              "Voucher(bytes32 identity,bytes32 tokenHash,address wallet,uint64 deadline)");
    CHECK_STR(CT_EIP712_UPDATE_TYPE,
              "Update(bytes32 identity,uint16 relay,uint16 port,uint16 backupRelay,"
              "uint16 backupPort,uint16 sequence,uint64 deadline)");
    CHECK_STR(CT_EIP712_KEY_ROTATION_TYPE,
              "KeyRotation(bytes32 identity,bytes32 key,uint16 sequence,uint64 deadline)");
    CHECK_STR(CT_EIP712_SELF_REVOCATION_TYPE,
              "SelfRevocation(bytes32 identity,uint16 sequence,uint64 deadline)");
    CHECK_STR(CT_EIP712_NAME, "chainturn");
    CHECK_STR(CT_EIP712_VERSION, "1");
}

static void layout_is_the_documented_one(void)
{
    CHECK_EQ(CT_SLOT_devices, 0);
    CHECK_EQ(CT_SLOT_relays, 1);
    CHECK_EQ(CT_SLOT_pending, 2);
    CHECK_EQ(CT_SLOT_wmCurrent, 3);
    CHECK_EQ(CT_SLOT_wmPrevious, 6);
    CHECK_EQ(CT_SLOT_logHead, 9);
    CHECK_EQ(CT_SLOT_relayCount, 10);
    CHECK_EQ(CT_SLOT_relaysAt, 11);
    CHECK_EQ(CT_SLOT_approvers, 12);
    CHECK_EQ(CT_SLOT_predecessor, 17);
    CHECK_EQ(CT_SLOT_successor, 18);
}

static void arrays_of_what_is_taken_over_are_encoded_in_full(void)
{
    static const uint16_t indices[2] = {1, 16383};
    uint8_t hashes[2][32];
    uint8_t bytes[4 + 4 * 32];
    memset(hashes[0], 0xaa, 32);
    memset(hashes[1], 0xbb, 32);
    struct ct_wr w = ct_wr_init(bytes, sizeof bytes);
    ct_call_adopt_servers(&w, indices, 2);
    REQUIRE(ct_wr_end(&w) == CT_OK && w.len == sizeof bytes);
    CHECK(bytes[4 + 31] == 32 && bytes[36 + 31] == 2 && bytes[68 + 31] == 1);
    CHECK(bytes[100 + 30] == 0x3f && bytes[100 + 31] == 0xff);
    w = ct_wr_init(bytes, sizeof bytes);
    ct_call_adopt_clients(&w, (const uint8_t(*)[32])hashes, 2);
    REQUIRE(ct_wr_end(&w) == CT_OK && w.len == sizeof bytes);
    CHECK(bytes[4 + 31] == 32 && bytes[36 + 31] == 2);
    CHECK_MEM(bytes + 68, hashes, 64);
    w = ct_wr_init(bytes, sizeof bytes);
    ct_call_set_successor(&w, hashes[0]);
    REQUIRE(ct_wr_end(&w) == CT_OK && w.len == 36);
    CHECK_MEM(bytes + 4 + 12, hashes[0], 20);
}

static void slots_are_keccak_of_key_and_mapping(void)
{
    uint8_t bytes[64] = {0};
    uint8_t want[32];
    uint8_t slot[32];
    bytes[30] = 0x01;
    bytes[31] = 0x02; /* relay 258 */
    bytes[63] = 1;
    ct_keccak256(want, bytes, 64);
    ct_slot_relay(slot, 258);
    CHECK_MEM(slot, want, 32);
    memset(bytes, 0xab, 32);
    bytes[63] = 0;
    ct_keccak256(want, bytes, 64);
    ct_slot_device(slot, bytes);
    CHECK_MEM(slot, want, 32);
    bytes[63] = 2;
    ct_keccak256(want, bytes, 64);
    ct_slot_pending(slot, bytes);
    CHECK_MEM(slot, want, 32);
    memset(bytes, 0, 12);
    bytes[63] = 12;
    ct_keccak256(want, bytes, 64);
    ct_slot_approver(slot, bytes + 12);
    CHECK_MEM(slot, want, 32);
    memset(slot, 0xff, 32);
    ct_slot_plus(slot, 2); /* wraps, as the EVM does */
    CHECK_EQ(slot[31], 1);
    CHECK_EQ(slot[0], 0);
}

static uint64_t seed = 88172645463325252u; /* xorshift: the same run each time */

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void fill(void *out, size_t len)
{
    uint8_t *at = out;
    for (size_t i = 0; i < len; i++) {
        at[i] = (uint8_t)next();
    }
}

static void device_words_come_back_and_lie_where_they_should(void)
{
    struct ct_device d = {.state = CT_RECORD_APPROVED,
                          .expiry_day = 0x1234,
                          .sequence = 0x5678,
                          .relay = 0x2abc,
                          .port = 0x9def,
                          .backup_relay = 0x3fff,
                          .backup_port = 0x0102};
    uint8_t words[2][32];
    /* state 2 | 1234 | 5678 | 10 1010 1011 1100 | 9def | 3fff | 0102 in 96 bits */
    static const uint8_t low[12] = {0x21, 0x23, 0x45, 0x67, 0x8a, 0xaf,
                                    0x27, 0x7b, 0xff, 0xff, 0x01, 0x02};
    memset(d.wallet20, 0xee, 20);
    ct_device_encode(words, &d);
    CHECK_MEM(words[0], d.wallet20, 20);
    CHECK_MEM(words[0] + 20, low, 12);
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t random[2][32];
        struct ct_device back;
        fill(random, sizeof(random));
        random[0][20] &= 0x3f; /* states 0..3 */
        CHECK_EQ(ct_device_decode(&back, (const uint8_t(*)[32])random), CT_OK);
        ct_device_encode(words, &back);
        CHECK_MEM(words, random, sizeof(words));
        random[0][20] |= 0x40;
        CHECK_EQ(ct_device_decode(&back, (const uint8_t(*)[32])random), CT_ERR_FORMAT);
    }
}

static void relay_words_come_back_and_reserved_bits_are_refused(void)
{
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t random[4][32];
        uint8_t words[4][32];
        struct ct_relay back;
        fill(random, sizeof(random));
        random[0][20] %= 5;
        random[0][31] = 0;
        memset(random[1] + 8, 0, 24);
        CHECK_EQ(ct_relay_decode(&back, (const uint8_t(*)[32])random), CT_OK);
        ct_relay_encode(words, &back);
        CHECK_MEM(words, random, sizeof(words));
        random[1][8 + i % 24] = 1;
        CHECK_EQ(ct_relay_decode(&back, (const uint8_t(*)[32])random), CT_ERR_FORMAT);
        random[1][8 + i % 24] = 0;
        random[0][31] = 1;
        CHECK_EQ(ct_relay_decode(&back, (const uint8_t(*)[32])random), CT_ERR_FORMAT);
        random[0][31] = 0;
        random[0][20] = 5;
        CHECK_EQ(ct_relay_decode(&back, (const uint8_t(*)[32])random), CT_ERR_FORMAT);
    }
}

static void digest_ignores_state_and_expiry_and_nothing_else(void)
{
    uint8_t words[4][32] = {{0}};
    uint8_t plain[32];
    for (size_t bit = 0; bit < 8 * sizeof(words); bit++) {
        uint8_t *byte = (uint8_t *)words + bit / 8;
        uint8_t digest[32];
        struct ct_relay relay;
        memset(words, 0, sizeof(words));
        REQUIRE(ct_relay_decode(&relay, (const uint8_t(*)[32])words) == CT_OK);
        ct_relay_digest(plain, &relay);
        *byte = (uint8_t)(1u << bit % 8);
        if (ct_relay_decode(&relay, (const uint8_t(*)[32])words) != CT_OK) {
            continue;
        }
        ct_relay_digest(digest, &relay);
        bool masked = bit / 8 == 20 || bit / 8 == 27 || bit / 8 == 28;
        CHECK_EQ(memcmp(digest, plain, 32) == 0, masked);
    }
}

static void device_digest_ignores_the_state_and_nothing_else(void)
{
    uint8_t plain[32];
    uint8_t words[2][32] = {{0}};
    ct_keccak256(plain, words, sizeof(words));
    for (size_t bit = 0; bit < 8 * sizeof(words); bit++) {
        uint8_t digest[32];
        struct ct_device device;
        memset(words, 0, sizeof(words));
        ((uint8_t *)words)[bit / 8] = (uint8_t)(1u << bit % 8);
        if (ct_device_decode(&device, (const uint8_t(*)[32])words) != CT_OK) {
            continue;
        }
        ct_device_digest(digest, &device);
        bool masked = bit / 8 == 20 && bit % 8 >= 4;
        CHECK_EQ(memcmp(digest, plain, 32) == 0, masked);
    }
}

static void identities_have_their_alphabet_and_length(void)
{
    char longest[CT_IDENTITY_MAX + 2];
    uint8_t hash[32];
    memset(longest, 'a', sizeof(longest));
    longest[CT_IDENTITY_MAX] = '\0';
    CHECK(ct_identity_valid(longest));
    longest[CT_IDENTITY_MAX] = 'a';
    longest[CT_IDENTITY_MAX + 1] = '\0';
    CHECK(!ct_identity_valid(longest));
    CHECK(ct_identity_valid("Sensor-42.floor_3:a@b"));
    CHECK(!ct_identity_valid(""));
    CHECK(!ct_identity_valid("a b"));
    CHECK(!ct_identity_valid("a/b"));
    CHECK(!ct_identity_valid("\xc3\xa9"));
    CHECK_EQ(ct_identity_hash(hash, "a b"), CT_ERR_ARG);
}

static void records_say_why_they_cannot_be_used(void)
{
    struct ct_device d = {.state = CT_RECORD_APPROVED, .expiry_day = 100};
    struct ct_relay r = {.state = CT_RECORD_WITHDRAWN, .index = 7};
    struct ct_why why = {""};
    CHECK_EQ(ct_device_check(&d, 101 * UINT64_C(86400) - 1, "cam", &why), CT_OK);
    CHECK_EQ(ct_device_check(&d, 102 * UINT64_C(86400), "cam", &why), CT_ERR_NOT_APPROVED);
    CHECK_STR(why.text, "cam has expired 2 days ago; its owner has to register it again");
    d.state = CT_RECORD_PENDING;
    CHECK_EQ(ct_device_check(&d, 0, "cam", &why), CT_ERR_NOT_APPROVED);
    d.state = CT_RECORD_NONE;
    CHECK_EQ(ct_device_check(&d, 0, "cam", &why), CT_ERR_NOT_FOUND);
    CHECK_EQ(ct_relay_check(&r, 0, &why), CT_ERR_NOT_APPROVED);
    CHECK_STR(why.text, "relay 7 is withdrawn; use another relay");
}

static void every_custom_error_has_words(void)
{
    static const uint32_t all[] = {CT_ERRSEL_AddressFull,
                                   CT_ERRSEL_BadAddress,
                                   CT_ERRSEL_BadExpiry,
                                   CT_ERRSEL_BadPage,
                                   CT_ERRSEL_BadPorts,
                                   CT_ERRSEL_BatchTooLarge,
                                   CT_ERRSEL_DigestMismatch,
                                   CT_ERRSEL_NoIndexLeft,
                                   CT_ERRSEL_NotApprover,
                                   CT_ERRSEL_NotPending,
                                   CT_ERRSEL_NotRegistered,
                                   CT_ERRSEL_NotRelayOwner,
                                   CT_ERRSEL_OwnableInvalidOwner,
                                   CT_ERRSEL_OwnableUnauthorizedAccount,
                                   CT_ERRSEL_OwnerRequired,
                                   CT_ERRSEL_RangeTaken,
                                   CT_ERRSEL_WrongState,
                                   CT_ERRSEL_ZeroAccount,
                                   CT_ERRSEL_ZeroKey};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        uint8_t data[36] = {0};
        struct ct_wr w = ct_wr_init(data, sizeof(data));
        ct_wr_be32(&w, all[i]);
        CHECK(ct_registry_error_text(data, sizeof(data)) != NULL);
        CHECK(ct_registry_error_text(data, 3) == NULL);
    }
    for (unsigned reason = 0; reason <= CT_SkipReason_OtherTerms + 1; reason++) {
        static const char unknown[] = "the registry gives no known reason";
        uint8_t data[68] = {0};
        struct ct_wr w = ct_wr_init(data, sizeof(data));
        ct_wr_be32(&w, CT_ERRSEL_ClientRefused);
        data[67] = (uint8_t)reason;
        const char *text = ct_registry_error_text(data, sizeof(data));
        REQUIRE(text != NULL);
        CHECK_EQ(strcmp(text, unknown) == 0, reason > CT_SkipReason_OtherTerms);
        for (size_t len = 0; len < sizeof(data); len++) {
            CHECK(ct_registry_error_text(data, len) == NULL);
        }
    }
    CHECK(ct_registry_error_text((const uint8_t *)"\1\2\3\4", 4) == NULL);
    CHECK(ct_registry_error_text(NULL, 0) == NULL);
}

static void approved_record_without_expiry_day_is_not_valid_on_day_zero(void)
{
    struct ct_device d = {.state = CT_RECORD_APPROVED, .expiry_day = 0};
    struct ct_relay r = {.state = CT_RECORD_APPROVED, .expiry_day = 0, .index = 1};
    struct ct_why why = {""};
    CHECK_EQ(ct_device_check(&d, 0, "camera", &why), CT_ERR_NOT_APPROVED);
    CHECK(strstr(why.text, "no expiry day") != NULL);
    CHECK_EQ(ct_relay_check(&r, 86399, &why), CT_ERR_NOT_APPROVED);
}

static const struct ct_test tests[] = {
    CT_TEST(selectors_are_those_of_the_signatures),
    CT_TEST(events_and_errors_are_those_of_the_signatures),
    CT_TEST(signed_types_are_the_contracts),
    CT_TEST(layout_is_the_documented_one),
    CT_TEST(arrays_of_what_is_taken_over_are_encoded_in_full),
    CT_TEST(slots_are_keccak_of_key_and_mapping),
    CT_TEST(device_words_come_back_and_lie_where_they_should),
    CT_TEST(relay_words_come_back_and_reserved_bits_are_refused),
    CT_TEST(digest_ignores_state_and_expiry_and_nothing_else),
    CT_TEST(device_digest_ignores_the_state_and_nothing_else),
    CT_TEST(identities_have_their_alphabet_and_length),
    CT_TEST(records_say_why_they_cannot_be_used),
    CT_TEST(every_custom_error_has_words),
    CT_TEST(approved_record_without_expiry_day_is_not_valid_on_day_zero),
};
CT_TEST_MAIN(tests)

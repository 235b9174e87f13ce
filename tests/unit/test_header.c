/* Headers: hashes recomputed from anvil's blocks, every changed field noticed, unknown forks named.
 */
/* links: ct_testchain ct_chain ct_base */
#include "chain/header.h"

#include <stdlib.h>

#include "base/hex.h"
#include "ct_test.h"
#include "vectors.h"

static struct ct_json *all;

static const char *block_text(size_t number)
{
    return ct_json_text(ct_json_at(ct_json_get(ct_json_get(all, "a"), "blocks"), number));
}

static ct_err read_text(struct ct_header *out, const char *text, struct ct_why *why)
{
    struct ct_json *json = NULL;
    if (ct_json_parse(&json, text, strlen(text)) != CT_OK) {
        return CT_ERR_ARG;
    }
    ct_err err = ct_header_read(out, json, why);
    ct_json_free(json);
    return err;
}

static void anvil_blocks_hash_to_their_hash(void)
{
    struct ct_header before = {0};
    all = ct_vectors_file("~/tests/vectors/anvil/proofs.json");
    REQUIRE(all != NULL);
    for (size_t n = 0; n <= 3; n++) {
        struct ct_header header;
        struct ct_why why = {""};
        REQUIRE(read_text(&header, block_text(n), &why) == CT_OK);
        CHECK_EQ(header.number, n);
        if (n > 0) {
            CHECK_MEM(header.parent32, before.hash32, 32);
        }
        before = header;
    }
}

/* The block with one hex digit of the member changed. */
static char *changed(const char *text, const char *key, size_t from_end)
{
    char pattern[64];
    char *copy = malloc(strlen(text) + 1);
    memcpy(copy, text, strlen(text) + 1);
    (void)snprintf(pattern, sizeof(pattern), "\"%s\":\"0x", key);
    char *at = strstr(copy, pattern);
    if (at != NULL) {
        char *end = strchr(at + strlen(pattern), '"');
        end[-1 - (long)from_end] = end[-1 - (long)from_end] == '1' ? '2' : '1';
    }
    return copy;
}

static void every_changed_field_is_noticed(void)
{
    static const char *const keys[] = {"parentHash",
                                       "sha3Uncles",
                                       "miner",
                                       "stateRoot",
                                       "transactionsRoot",
                                       "receiptsRoot",
                                       "logsBloom",
                                       "difficulty",
                                       "number",
                                       "gasLimit",
                                       "gasUsed",
                                       "timestamp",
                                       "mixHash",
                                       "nonce",
                                       "baseFeePerGas",
                                       "withdrawalsRoot",
                                       "blobGasUsed",
                                       "excessBlobGas",
                                       "parentBeaconBlockRoot",
                                       "requestsHash",
                                       "hash"};
    REQUIRE(all != NULL);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct ct_header header;
        struct ct_why why = {""};
        char *text = changed(block_text(3), keys[i], 0);
        if (strcmp(text, block_text(3)) == 0) {
            printf("    anvil gives no %s\n", keys[i]);
        }
        CHECK_EQ(read_text(&header, text, &why), CT_ERR_AUTH);
        free(text);
    }
}

static char *replaced(const char *text, const char *old, const char *new)
{
    const char *at = strstr(text, old);
    char *out = malloc(strlen(text) + strlen(new) + 1);
    if (at == NULL) {
        abort();
    }
    (void)sprintf(out, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
    return out;
}

static void field_of_a_future_fork_is_named(void)
{
    struct ct_header header;
    struct ct_why why = {""};
    REQUIRE(all != NULL);
    char *forged = changed(block_text(3), "hash", 0);
    char *text = replaced(forged, "\"number\"", "\"slotNumber\":\"0x1\",\"number\"");
    CHECK_EQ(read_text(&header, text, &why), CT_ERR_AUTH);
    CHECK(strstr(why.text, "slotNumber") != NULL);
    free(text);
    free(forged);
    text = replaced(block_text(3), "\"number\"", "\"nodeSays\":\"hello\",\"number\"");
    CHECK_EQ(read_text(&header, text, &why), CT_OK); /* the hash holds: not part of the header */
    free(text);
}

static void malformed_fields_are_refused_by_name(void)
{
    static const char *const cases[][3] = {
        {"\"gasLimit\":\"0x", "\"gasLimit\":\"0x0", "gasLimit"},
        {"\"gasLimit\":\"0x", "\"gasLimit\":\"", "gasLimit"},
        {"\"stateRoot\":\"0x", "\"stateRoot\":\"0x00", "stateRoot"},
        {"\"stateRoot\"", "\"stateRooT\"", "stateRoot"},
        {"\"withdrawalsRoot\"", "\"withdrawalsRooT\"", "blobGasUsed"},
        {"\"nonce\":\"0x", "\"nonce\":\"0x00", "nonce"}};
    REQUIRE(all != NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_header header;
        struct ct_why why = {""};
        char *text = replaced(block_text(3), cases[i][0], cases[i][1]);
        CHECK_EQ(read_text(&header, text, &why), CT_ERR_FORMAT);
        CHECK(strstr(why.text, cases[i][2]) != NULL);
        free(text);
    }
    ct_json_free(all);
}

static const struct ct_test tests[] = {
    CT_TEST(anvil_blocks_hash_to_their_hash),
    CT_TEST(every_changed_field_is_noticed),
    CT_TEST(field_of_a_future_fork_is_named),
    CT_TEST(malformed_fields_are_refused_by_name),
};
CT_TEST_MAIN(tests)

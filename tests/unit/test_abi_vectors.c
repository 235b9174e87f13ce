/* What Solidity's compiler encodes, for any type: written alike, read back strictly. */
/* links: ct_testchain ct_chain ct_base */
#include <stdlib.h>

#include "abi_value.h"
#include "chain/abi.h"
#include "chain/keccak.h"
#include "ct_test.h"
#include "vectors.h"

/* A vector's types, values and bytes; some files keep types and values as JSON within JSON. */
struct vector {
    struct ct_abi_type *types;
    struct ct_json *inner_types;
    struct ct_json *inner_values;
    const struct ct_json *values;
    uint8_t *bytes;
    size_t len;
};

static const struct ct_json *list_of(struct ct_json **inner, const struct ct_json *one,
                                     const char *key)
{
    const struct ct_json *value = ct_json_get(one, key);
    const char *text = ct_json_text(value);
    if (text != NULL && ct_json_parse_many(inner, text, strlen(text), SIZE_MAX) != CT_OK) {
        return NULL;
    }
    return text != NULL ? *inner : value;
}

static struct vector open_vector(const struct ct_json *one, const char *bytes)
{
    struct vector v = {.types = NULL};
    bool normal = ct_json_has(one, "normalizedValues");
    v.types = ct_abi_type_list(list_of(&v.inner_types, one, "types"));
    v.values = list_of(&v.inner_values, one, normal ? "normalizedValues" : "values");
    v.bytes = ct_vectors_bytes(one, bytes, &v.len);
    return v;
}

static void close_vector(struct vector *v)
{
    ct_abi_type_free(v->types);
    ct_json_free(v->inner_types);
    ct_json_free(v->inner_values);
    free(v->bytes);
}

static bool written_alike(const struct ct_abi_type *types, const struct ct_json *values,
                          const uint8_t *want, size_t len)
{
    uint8_t *got = calloc(1, len + 1);
    struct ct_wr w = ct_wr_init(got, len);
    bool good = ct_abi_value_write(&w, types, values) && w.len == len && ct_wr_end(&w) == CT_OK &&
                memcmp(got, want, len) == 0;
    free(got);
    return good;
}

static bool result_holds(const struct ct_json *one)
{
    struct vector v = open_vector(one, "result");
    bool good = written_alike(v.types, v.values, v.bytes, v.len) &&
                ct_abi_value_holds(v.types, v.values, v.bytes, v.len);
    close_vector(&v);
    return good;
}

static void npm_results_are_written_alike_and_read_back(void)
{
    CHECK(ct_vectors_ethers("contract-interface", 2045, result_holds));
}

static void npm_results_with_tuples_are_written_alike_and_read_back(void)
{
    CHECK(ct_vectors_ethers("contract-interface-abi2", 1880, result_holds));
}

enum { CHANGED_EACH = 16, CHANGED_LEN_MAX = 1024 };

static size_t changes; /* forms tried */

/* Every bit of the shorter ones of each sixteenth vector, and the bytes cut and lengthened. */
static bool changes_are_refused(const struct ct_json *one)
{
    static size_t at;
    struct vector v = open_vector(one, "result");
    bool wanted = at++ % CHANGED_EACH == 0 && v.len <= CHANGED_LEN_MAX;
    size_t taken = 0;
    for (size_t bit = 0; wanted && bit < 8 * v.len; bit++) {
        v.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        taken += ct_abi_value_holds(v.types, v.values, v.bytes, v.len);
        changes++;
        v.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    uint8_t *longer = calloc(1, v.len + 32);
    memcpy(longer, v.bytes, v.len);
    for (size_t len = 0; wanted && len <= v.len + 32; len++) {
        taken += len != v.len && ct_abi_value_holds(v.types, v.values, longer, len);
    }
    free(longer);
    close_vector(&v);
    return taken == 0;
}

static void no_changed_bit_or_length_is_read_as_the_same_values(void)
{
    changes = 0;
    CHECK(ct_vectors_ethers("contract-interface-abi2", 1880, changes_are_refused));
    printf("    %zu changed bits refused\n", changes);
    CHECK(changes > 100000);
}

/* The entry "testEvent" of a vector's interface. */
static const struct ct_json *event_of(const struct ct_json *interface)
{
    const struct ct_json *entry = NULL;
    for (size_t i = 0; i < ct_json_count(interface); i++) {
        entry = ct_json_at(interface, i);
        if (strcmp(ct_vectors_text(entry, "name"), "testEvent") == 0) {
            break;
        }
    }
    return entry;
}

static bool first_topic_holds(const struct ct_json *event, const struct ct_json *topics)
{
    char signature[4096];
    uint8_t got[32];
    uint8_t want[32];
    const struct ct_json *inputs = ct_json_get(event, "inputs");
    size_t used = (size_t)snprintf(signature, sizeof(signature), "testEvent(");
    for (size_t i = 0; i < ct_json_count(inputs); i++) {
        used += (size_t)snprintf(signature + used, sizeof(signature) - used, "%s%s",
                                 i > 0 ? "," : "", ct_vectors_text(ct_json_at(inputs, i), "type"));
    }
    (void)snprintf(signature + used, sizeof(signature) - used, ")");
    ct_abi_topic(got, signature);
    return ct_json_fixed(want, 32, ct_json_at(topics, 0)) == CT_OK && memcmp(got, want, 32) == 0;
}

/* An indexed member: its word, or the hash of what does not fit in one. */
static bool indexed_topic(uint8_t out32[32], const struct ct_abi_type *type,
                          const struct ct_json *value)
{
    struct ct_wr size = ct_wr_init(NULL, 0);
    struct ct_abi_leaf leaf = {.data = NULL};
    if (ct_abi_type_is_leaf(type) && !ct_abi_type_is_dynamic(type)) {
        bool good = ct_abi_leaf_read(&leaf, type, value);
        memcpy(out32, leaf.word, 32);
        return good;
    }
    if (!ct_abi_value_pack(&size, type, value)) {
        return false;
    }
    uint8_t *data = malloc(size.len + 1);
    struct ct_wr w = ct_wr_init(data, size.len);
    bool good = ct_abi_value_pack(&w, type, value);
    ct_keccak256(out32, data, w.len);
    free(data);
    return good;
}

/* The topics of an event; its indexed members are marked as not in its data. */
static bool topics_hold(const struct ct_json *one, struct ct_abi_type *types, bool anonymous)
{
    const struct ct_json *topics = ct_json_get(one, "topics");
    const struct ct_json *indexed = ct_json_get(one, "indexed");
    size_t topic = anonymous ? 0 : 1;
    bool good = true;
    for (size_t i = 0; good && i < types->count; i++) {
        uint8_t got[32];
        uint8_t want[32];
        bool is_indexed = false; /* false or null in the file */
        if (ct_json_bool(&is_indexed, ct_json_at(indexed, i)) != CT_OK || !is_indexed) {
            continue;
        }
        types->parts[i].elsewhere = true;
        good = indexed_topic(got, &types->parts[i], ct_json_at(ct_json_get(one, "values"), i)) &&
               ct_json_fixed(want, 32, ct_json_at(topics, topic++)) == CT_OK &&
               memcmp(got, want, 32) == 0;
    }
    return good && topic == ct_json_count(topics);
}

static bool event_holds(const struct ct_json *one)
{
    struct ct_json *interface = NULL;
    const char *source = ct_vectors_text(one, "interface");
    struct vector v = open_vector(one, "data");
    bool anonymous = true;
    bool good = ct_json_parse_many(&interface, source, strlen(source), SIZE_MAX) == CT_OK;
    const struct ct_json *event = event_of(interface);
    good = good && ct_json_bool(&anonymous, ct_json_get(event, "anonymous")) == CT_OK &&
           (anonymous || first_topic_holds(event, ct_json_get(one, "topics"))) &&
           topics_hold(one, v.types, anonymous) &&
           written_alike(v.types, v.values, v.bytes, v.len) &&
           ct_abi_value_holds(v.types, v.values, v.bytes, v.len);
    ct_json_free(interface);
    close_vector(&v);
    return good;
}

static void npm_events_have_their_topics_and_data(void)
{
    CHECK(ct_vectors_ethers("contract-events", 2016, event_holds));
}

static bool packed_hash_holds(const struct ct_json *one)
{
    struct ct_abi_type *types = ct_abi_type_list(ct_json_get(one, "types"));
    uint8_t want[32];
    uint8_t got[32];
    uint8_t *data = NULL;
    struct ct_wr w = ct_wr_init(NULL, 0);
    bool good = ct_json_fixed(want, 32, ct_json_get(one, "keccak256")) == CT_OK;
    for (int pass = 0; good && pass < 2; pass++) { /* counted, then written */
        for (size_t i = 0; good && i < types->count; i++) {
            good =
                ct_abi_value_pack(&w, &types->parts[i], ct_json_at(ct_json_get(one, "values"), i));
        }
        if (pass == 0) {
            data = malloc(w.len + 1);
            w = ct_wr_init(data, w.len);
        }
    }
    if (good) {
        ct_keccak256(got, data, w.len);
        good = memcmp(got, want, 32) == 0;
    }
    free(data);
    ct_abi_type_free(types);
    return good;
}

static void npm_packed_hashes_hold(void)
{
    CHECK(ct_vectors_ethers("solidity-hashes", 2016, packed_hash_holds));
}

static const struct ct_test tests[] = {
    CT_TEST(npm_results_are_written_alike_and_read_back),
    CT_TEST(npm_results_with_tuples_are_written_alike_and_read_back),
    CT_TEST(no_changed_bit_or_length_is_read_as_the_same_values),
    CT_TEST(npm_events_have_their_topics_and_data),
    CT_TEST(npm_packed_hashes_hold),
};
CT_TEST_MAIN(tests)

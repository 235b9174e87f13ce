/* ABI: ethers' selectors, words both ways, and nothing but the one form of each. */
/* links: ct_testchain ct_chain ct_base */
#include "chain/abi.h"

#include <stdlib.h>

#include "ct_test.h"
#include "vectors.h"

/* "(uint256,(bytes,address)[2])" out of an ABI entry's inputs, whose tuples have components. */
static void put_types(struct ct_wr *w, const struct ct_json *members)
{
    ct_wr_u8(w, '(');
    for (size_t i = 0; i < ct_json_count(members); i++) {
        const struct ct_json *one = ct_json_at(members, i);
        const char *type = ct_vectors_text(one, "type");
        bool tuple = strncmp(type, "tuple", 5) == 0;
        if (i > 0) {
            ct_wr_u8(w, ',');
        }
        if (tuple) {
            put_types(w, ct_json_get(one, "components"));
            type += 5;
        }
        ct_wr_bytes(w, type, strlen(type));
    }
    ct_wr_u8(w, ')');
}

/* The signature that follows from the vector's own ABI, and the selector that follows from it. */
static bool selector_holds(const struct ct_json *one)
{
    char signature[4096] = "testSig";
    struct ct_json *abi = NULL;
    const char *text = ct_vectors_text(one, "abi");
    uint8_t want[4];
    uint8_t got[4];
    bool same = false;
    if (ct_json_parse_many(&abi, text, strlen(text), SIZE_MAX) != CT_OK ||
        ct_json_fixed(want, 4, ct_json_get(one, "sigHash")) != CT_OK) {
        return false;
    }
    for (size_t i = 0; i < ct_json_count(abi); i++) {
        const struct ct_json *entry = ct_json_at(abi, i);
        if (strcmp(ct_vectors_text(entry, "name"), "testSig") == 0) {
            struct ct_wr w = ct_wr_init(signature + 7, sizeof(signature) - 8);
            put_types(&w, ct_json_get(entry, "inputs"));
            same = ct_wr_end(&w) == CT_OK;
            signature[7 + w.len] = '\0';
        }
    }
    ct_abi_selector(got, signature);
    ct_json_free(abi);
    return same && strcmp(signature, ct_vectors_text(one, "signature")) == 0 &&
           memcmp(got, want, 4) == 0;
}

static void npm_selectors_hold(void)
{
    CHECK(ct_vectors_ethers("contract-signatures", 1880, selector_holds));
}

static void words_come_back(void)
{
    static const uint8_t addr[20] = {1, 2, 3};
    static const uint8_t pass[16] = {9, 8, 7};
    uint8_t buf[32 * 8];
    uint8_t out[32];
    size_t len = 0;
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_abi_put_u64(&w, UINT64_MAX);
    ct_abi_put_bool(&w, true);
    ct_abi_put_address(&w, addr);
    ct_abi_put_fixed(&w, pass, 16);
    ct_abi_put_u64(&w, 160); /* where the bytes begin */
    ct_abi_put_bytes(&w, "hello", 5);
    REQUIRE(ct_wr_end(&w) == CT_OK);
    struct ct_rd base = ct_rd_init(buf, w.len);
    struct ct_rd tail = base;
    struct ct_rd r = ct_rd_init(ct_rd_take(&tail, 160), 160);
    CHECK(ct_abi_get_u64(&r) == UINT64_MAX);
    CHECK(ct_abi_get_bool(&r));
    ct_abi_get_address(&r, out);
    CHECK_MEM(out, addr, 20);
    ct_abi_get_fixed(&r, out, 16);
    CHECK_MEM(out, pass, 16);
    ct_abi_get_offset(&r, &base, &tail);
    const uint8_t *text = ct_abi_get_bytes(&tail, &len);
    REQUIRE(ct_rd_end(&r) == CT_OK && ct_rd_end(&tail) == CT_OK && len == 5);
    CHECK_MEM(text, "hello", 5);
}

static void bits_where_none_belong_are_refused(void)
{
    uint8_t word[32];
    uint8_t out[32];
    for (size_t bit = 0; bit < 256; bit++) {
        size_t byte = bit / 8;
        memset(word, 0, sizeof(word));
        word[byte] = (uint8_t)(1u << bit % 8);
        struct ct_rd r = ct_rd_init(word, 32);
        (void)ct_abi_get_u64(&r);
        CHECK_EQ(r.bad, byte < 24);
        r = ct_rd_init(word, 32);
        (void)ct_abi_get_bool(&r);
        CHECK_EQ(r.bad, byte < 31 || word[31] != 1);
        r = ct_rd_init(word, 32);
        ct_abi_get_address(&r, out);
        CHECK_EQ(r.bad, byte < 12);
        for (size_t len = 1; len <= 32; len++) {
            r = ct_rd_init(word, 32);
            ct_abi_get_fixed(&r, out, len);
            CHECK_EQ(r.bad, byte >= len);
        }
    }
}

/* (bytes, bytes): two offsets and two tails, each variant changed in one place. */
static bool two_tails_read(const uint8_t *data, size_t len)
{
    size_t lengths[2] = {0};
    const struct ct_rd base = ct_rd_init(data, len);
    struct ct_rd tail = base;
    struct ct_rd head = ct_rd_init(ct_rd_take(&tail, 64), 64);
    for (size_t i = 0; i < 2; i++) {
        ct_abi_get_offset(&head, &base, &tail);
        (void)ct_abi_get_bytes(&tail, &lengths[i]);
    }
    return ct_rd_end(&head) == CT_OK && ct_rd_end(&tail) == CT_OK && lengths[0] == 5 &&
           lengths[1] == 32;
}

static void other_forms_of_the_same_dynamic_bytes_are_refused(void)
{
    static const struct {
        const char *what;
        size_t at;
        uint8_t byte;
    } bad[] = {
        {"an offset into the head", 31, 0x20},
        {"an offset behind the first tail", 31, 0x80},
        {"an offset that is no multiple of 32", 31, 0x41},
        {"an offset beyond everything", 24, 0xff},
        {"both offsets on one tail", 63, 0x40},
        {"a gap before the second tail", 63, 0xa0},
        {"a length beyond the end", 64 + 24, 0xff},
        {"a length one too long, its padding a byte of data", 64 + 31, 33},
        {"a padding that is not zero", 64 + 32 + 5, 1},
        {"a padding whose last byte is not zero", 64 + 32 + 31, 0x80},
    };
    uint8_t data[64 + 64 + 64];
    struct ct_wr w = ct_wr_init(data, sizeof(data));
    memset(data, 0xee, sizeof(data));
    ct_abi_put_u64(&w, 64);
    ct_abi_put_u64(&w, 128);
    ct_abi_put_bytes(&w, "hello", 5);
    ct_abi_put_bytes(&w, "01234567890123456789012345678901", 32);
    REQUIRE(ct_wr_end(&w) == CT_OK && w.len == sizeof(data));
    CHECK(two_tails_read(data, sizeof(data)));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t good = data[bad[i].at];
        data[bad[i].at] = bad[i].byte;
        if (two_tails_read(data, sizeof(data))) {
            printf("    accepted: %s\n", bad[i].what);
            CHECK(false);
        }
        data[bad[i].at] = good;
    }
    for (size_t cut = 64; cut < sizeof(data); cut++) {
        CHECK(!two_tails_read(data, cut));
    }
}

static const struct ct_test tests[] = {
    CT_TEST(npm_selectors_hold),
    CT_TEST(words_come_back),
    CT_TEST(bits_where_none_belong_are_refused),
    CT_TEST(other_forms_of_the_same_dynamic_bytes_are_refused),
};
CT_TEST_MAIN(tests)

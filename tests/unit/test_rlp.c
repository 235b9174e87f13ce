/* RLP: ethers' vectors both ways, and everything that is not canonical refused. */
/* links: ct_testchain ct_chain ct_base */
#include "chain/rlp.h"

#include <stdlib.h>

#include "ct_test.h"
#include "vectors.h"

/* Encodes a vector's "decoded": hex strings and lists of them. */
static void encode(struct ct_wr *w, const struct ct_json *value)
{
    if (!ct_json_is_array(value)) {
        size_t len = 0;
        uint8_t *data = ct_vectors_unhex(ct_json_text(value), &len);
        ct_rlp_bytes(w, data, len);
        free(data);
        return;
    }
    struct ct_wr count = ct_wr_init(NULL, 0);
    for (size_t i = 0; i < ct_json_count(value); i++) {
        encode(&count, ct_json_at(value, i));
    }
    ct_rlp_list_head(w, count.len);
    for (size_t i = 0; i < ct_json_count(value); i++) {
        encode(w, ct_json_at(value, i));
    }
}

/* Does the item read from r say the same as the vector? */
static bool same(struct ct_rd *r, const struct ct_json *value)
{
    struct ct_rlp_item item = ct_rlp_next(r);
    if (r->bad || item.is_list != ct_json_is_array(value)) {
        return false;
    }
    if (!item.is_list) {
        size_t len = 0;
        uint8_t *data = ct_vectors_unhex(ct_json_text(value), &len);
        bool equal = len == item.len && memcmp(data, item.data, len) == 0;
        free(data);
        return equal;
    }
    struct ct_rd inner = ct_rd_init(item.data, item.len);
    for (size_t i = 0; i < ct_json_count(value); i++) {
        if (!same(&inner, ct_json_at(value, i))) {
            return false;
        }
    }
    return ct_rd_end(&inner) == CT_OK;
}

static bool encoded_alike(const struct ct_json *value, const uint8_t *want, size_t len)
{
    uint8_t *got = malloc(len + 1);
    struct ct_wr w = ct_wr_init(got, len);
    encode(&w, value);
    bool good = ct_wr_end(&w) == CT_OK && w.len == len && memcmp(got, want, len) == 0;
    free(got);
    return good;
}

static bool item_holds(const struct ct_json *one)
{
    size_t len = 0;
    const struct ct_json *decoded = ct_json_get(one, "decoded");
    uint8_t *bytes = ct_vectors_bytes(one, "encoded", &len);
    struct ct_rd r = ct_rd_init(bytes, len);
    bool good = encoded_alike(decoded, bytes, len) && same(&r, decoded) && ct_rd_end(&r) == CT_OK &&
                ct_rlp_check(bytes, len) == CT_OK;
    for (size_t cut = 0; good && cut < len; cut++) {
        good = ct_rlp_check(bytes, cut) == CT_ERR_FORMAT;
    }
    free(bytes);
    return good;
}

static void npm_items_hold_both_ways(void)
{
    CHECK(ct_vectors_ethers("rlp-coder", 61, item_holds));
}

/* ethereum's own: text, numbers (those beyond a word as "#" and decimal digits) and lists. */
static void encode_plain(struct ct_wr *w, const struct ct_json *value)
{
    int64_t number = 0;
    struct ct_u256 wide;
    const char *text = ct_json_text(value);
    if (ct_json_int(&number, value) == CT_OK) {
        ct_rlp_u64(w, (uint64_t)number);
    } else if (text != NULL && text[0] == '#') {
        /* one of them is 2^256: no number of ours, its 33 bytes are */
        static const uint8_t beyond[33] = {1};
        if (ct_u256_from_decimal(&wide, text + 1) == CT_OK) {
            ct_rlp_u256(w, &wide);
        } else {
            ct_rlp_bytes(w, beyond, sizeof(beyond));
        }
    } else if (text != NULL) {
        ct_rlp_bytes(w, text, strlen(text));
    } else {
        struct ct_wr count = ct_wr_init(NULL, 0);
        for (size_t i = 0; i < ct_json_count(value); i++) {
            encode_plain(&count, ct_json_at(value, i));
        }
        ct_rlp_list_head(w, count.len);
        for (size_t i = 0; i < ct_json_count(value); i++) {
            encode_plain(w, ct_json_at(value, i));
        }
    }
}

static void ethereum_tests_items_hold(void)
{
    struct ct_json *all = ct_vectors_npm("ethereum-tests/BasicTests/rlptest.json");
    size_t held = 0;
    size_t count = 0;
    const char *name;
    for (; (name = ct_json_key_at(all, count)) != NULL; count++) {
        const struct ct_json *one = ct_json_get(all, name);
        uint8_t got[2048];
        size_t len = 0;
        uint8_t *want = ct_vectors_bytes(one, "out", &len);
        struct ct_wr w = ct_wr_init(got, sizeof(got));
        encode_plain(&w, ct_json_get(one, "in"));
        bool good = ct_wr_end(&w) == CT_OK && w.len == len && memcmp(got, want, len) == 0 &&
                    ct_rlp_check(want, len) == CT_OK;
        if (!good) {
            printf("    does not hold: %s\n", name);
        }
        held += good;
        free(want);
    }
    printf("    rlptest: %zu of %zu\n", held, count);
    CHECK(count > 20 && held == count);
    ct_json_free(all);
}

static void what_is_not_canonical_is_refused(void)
{
    static const struct {
        const char *why;
        uint8_t data[8];
        size_t len;
    } bad[] = {
        {"nothing", {0}, 0},
        {"a byte below 0x80 with a head", {0x81, 0x7f}, 2},
        {"a long head for 55 bytes or less", {0xb8, 0x01, 0xff}, 3},
        {"a leading zero in a length", {0xb9, 0x00, 0x38}, 3},
        {"a length beyond the end", {0x83, 1, 2}, 3},
        {"a length of eight bytes", {0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 8},
        {"a list's length of eight bytes", {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 8},
        {"something after the item", {0x01, 0x02}, 2},
        {"a list whose last item is cut", {0xc2, 0x01, 0x82}, 3},
        {"a non-canonical item in a list", {0xc2, 0x81, 0x05}, 3},
        {"a list's long head for 55 bytes or less", {0xf8, 0x01, 0x05}, 3},
        {"no length bytes", {0xb8}, 1},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ct_rlp_check(bad[i].data, bad[i].len) != CT_ERR_FORMAT) {
            printf("    accepted: %s\n", bad[i].why);
            CHECK(false);
        }
    }
}

static void nesting_is_bounded(void)
{
    uint8_t data[CT_RLP_DEPTH_MAX + 1];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(0xc0u + (sizeof(data) - 1 - i));
    }
    CHECK_EQ(ct_rlp_check(data + 1, sizeof(data) - 1), CT_OK);
    CHECK_EQ(ct_rlp_check(data, sizeof(data)), CT_ERR_FORMAT);
}

static void integers_have_no_leading_zeros(void)
{
    static const uint8_t zero_byte[] = {0x00};
    static const uint8_t padded[] = {0x82, 0x00, 0x80};
    static const uint8_t empty[] = {0x80};
    static const uint8_t nine[] = {0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    struct ct_rd r = ct_rd_init(zero_byte, sizeof(zero_byte));
    (void)ct_rlp_next_u64(&r);
    CHECK(r.bad);
    r = ct_rd_init(padded, sizeof(padded));
    (void)ct_rlp_next_u256(&r);
    CHECK(r.bad);
    r = ct_rd_init(empty, sizeof(empty));
    CHECK_EQ(ct_rlp_next_u64(&r), 0);
    CHECK_EQ(ct_rd_end(&r), CT_OK);
    r = ct_rd_init(nine, sizeof(nine));
    (void)ct_rlp_next_u64(&r);
    CHECK(r.bad);
    r = ct_rd_init(nine, sizeof(nine));
    (void)ct_rlp_next_u256(&r);
    CHECK_EQ(ct_rd_end(&r), CT_OK);
}

static void bad_reader_stays_bad(void)
{
    static const uint8_t data[] = {0x81, 0x05, 0x05};
    struct ct_rd r = ct_rd_init(data, sizeof(data));
    CHECK_EQ(ct_rlp_next(&r).len, 0);
    CHECK(r.bad);
    CHECK_EQ(ct_rlp_next(&r).len, 0);
    struct ct_rd list = ct_rlp_next_list(&r);
    CHECK(list.bad);
}

static const struct ct_test tests[] = {
    CT_TEST(npm_items_hold_both_ways),         CT_TEST(ethereum_tests_items_hold),
    CT_TEST(what_is_not_canonical_is_refused), CT_TEST(nesting_is_bounded),
    CT_TEST(integers_have_no_leading_zeros),   CT_TEST(bad_reader_stays_bad),
};
CT_TEST_MAIN(tests)

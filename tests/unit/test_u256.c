/* Numbers of 256 bits: their edges, and their texts. */
/* links: ct_chain ct_base */
#include "chain/u256.h"

#include "ct_test.h"

static const char max_text[] =
    "115792089237316195423570985008687907853269984665640564039457584007913129639935";

static struct ct_u256 max_value(void)
{
    struct ct_u256 v;
    memset(v.be, 0xff, 32);
    return v;
}

static void sums_and_differences_stop_at_the_edges(void)
{
    struct ct_u256 one = ct_u256_from_u64(1);
    struct ct_u256 max = max_value();
    struct ct_u256 out = ct_u256_from_u64(7);
    CHECK_EQ(ct_u256_add(&out, &max, &one), CT_ERR_ROOM);
    CHECK_EQ(out.be[31], 7); /* outputs are written only on CT_OK */
    CHECK_EQ(ct_u256_sub(&out, &one, &max), CT_ERR_ROOM);
    CHECK_EQ(ct_u256_sub(&out, &max, &max), CT_OK);
    CHECK(ct_u256_is_zero(&out));
    CHECK_EQ(ct_u256_sub(&out, &max, &one), CT_OK);
    CHECK_EQ(ct_u256_add(&out, &out, &one), CT_OK);
    CHECK_EQ(ct_u256_cmp(&out, &max), 0);
}

static void carries_cross_all_bytes(void)
{
    struct ct_u256 a = ct_u256_from_u64(UINT64_MAX);
    struct ct_u256 one = ct_u256_from_u64(1);
    uint64_t small = 0;
    CHECK_EQ(ct_u256_add(&a, &a, &one), CT_OK);
    CHECK_EQ(a.be[23], 1);
    CHECK_EQ(ct_u256_to_u64(&small, &a), CT_ERR_ROOM);
    CHECK_EQ(ct_u256_sub(&a, &a, &one), CT_OK);
    CHECK_EQ(ct_u256_to_u64(&small, &a), CT_OK);
    CHECK(small == UINT64_MAX);
}

static void products_agree_with_quotients(void)
{
    static const uint64_t factors[] = {1, 2, 1000000007, 0xffffffff, 0x100000001, UINT64_MAX};
    struct ct_u256 a;
    CHECK_EQ(ct_u256_from_decimal(&a, "340282366920938463463374607431768211455"), CT_OK);
    for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
        struct ct_u256 product;
        CHECK_EQ(ct_u256_mul_u64(&product, &a, factors[i]), CT_OK);
        struct ct_u256 sum = {{0}}; /* the same by doubling */
        struct ct_u256 power = a;
        for (uint64_t f = factors[i]; f != 0; f >>= 1) {
            if ((f & 1) != 0) {
                CHECK_EQ(ct_u256_add(&sum, &sum, &power), CT_OK);
            }
            CHECK_EQ(ct_u256_add(&power, &power, &power), CT_OK);
        }
        CHECK_EQ(ct_u256_cmp(&sum, &product), 0);
    }
    struct ct_u256 max = max_value();
    CHECK_EQ(ct_u256_mul_u64(&a, &max, 2), CT_ERR_ROOM);
    CHECK_EQ(ct_u256_mul_u64(&a, &max, UINT64_C(1) << 40), CT_ERR_ROOM);
    uint32_t rest = 0;
    CHECK_EQ(ct_u256_div_u32(&a, &rest, &max, 10), CT_OK);
    CHECK_EQ(rest, 5);
    CHECK_EQ(ct_u256_div_u32(&a, &rest, &max, 0), CT_ERR_ARG);
}

static void decimal_text_goes_both_ways_and_is_strict(void)
{
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "01", "0x1", "1e3"};
    char text[CT_U256_DECIMAL_LEN];
    struct ct_u256 max = max_value();
    struct ct_u256 back;
    ct_u256_decimal(text, &max);
    CHECK_STR(text, max_text);
    CHECK_EQ(ct_u256_from_decimal(&back, max_text), CT_OK);
    CHECK_EQ(ct_u256_cmp(&back, &max), 0);
    text[77] = '6'; /* one more than the largest */
    CHECK_EQ(ct_u256_from_decimal(&back, text), CT_ERR_ROOM);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(ct_u256_from_decimal(&back, bad[i]) != CT_OK);
    }
    CHECK_EQ(ct_u256_from_decimal(&back, "0"), CT_OK);
    CHECK(ct_u256_is_zero(&back));
}

static void quantity_text_goes_both_ways_and_is_strict(void)
{
    static const char *const bad[] = {"", "0x", "0x01", "0x00", "x1", "1", "0X1", "0x1g", "0x 1"};
    char text[CT_U256_QUANTITY_LEN];
    struct ct_u256 max = max_value();
    struct ct_u256 back = {{0}};
    uint64_t small = 0;
    ct_u256_quantity(text, &back);
    CHECK_STR(text, "0x0");
    ct_u256_quantity(text, &max);
    CHECK_EQ(strlen(text), 66);
    CHECK_EQ(ct_u256_from_quantity(&back, text), CT_OK);
    CHECK_EQ(ct_u256_cmp(&back, &max), 0);
    CHECK_EQ(ct_u64_from_quantity(&small, "0xFf"), CT_OK);
    CHECK_EQ(small, 255);
    CHECK_EQ(ct_u64_from_quantity(&small, "0x10000000000000000"), CT_ERR_FORMAT);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(ct_u256_from_quantity(&back, bad[i]) != CT_OK);
    }
}

static void ether_is_rounded_down_and_short(void)
{
    static const struct {
        const char *wei;
        const char *text;
    } cases[] = {{"0", "0"},
                 {"999999999999", "0"},
                 {"1000000000000", "0.000001"},
                 {"1500000000000000000", "1.5"},
                 {"10000000000000000000", "10"},
                 {"1999999999999999999", "1.999999"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[CT_U256_DECIMAL_LEN + 2];
        struct ct_u256 wei;
        CHECK_EQ(ct_u256_from_decimal(&wei, cases[i].wei), CT_OK);
        ct_u256_ether(text, &wei);
        CHECK_STR(text, cases[i].text);
    }
    char text[CT_U256_DECIMAL_LEN + 2];
    struct ct_u256 max = max_value();
    ct_u256_ether(text, &max);
    CHECK_STR(text, "115792089237316195423570985008687907853269984665640564039457.584007");
}

static const struct ct_test tests[] = {
    CT_TEST(sums_and_differences_stop_at_the_edges),
    CT_TEST(carries_cross_all_bytes),
    CT_TEST(products_agree_with_quotients),
    CT_TEST(decimal_text_goes_both_ways_and_is_strict),
    CT_TEST(quantity_text_goes_both_ways_and_is_strict),
    CT_TEST(ether_is_rounded_down_and_short),
};
CT_TEST_MAIN(tests)

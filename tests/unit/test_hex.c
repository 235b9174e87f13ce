/* Claims about hexadecimal and base64url. */
/* links: ct_base */
#include "base/hex.h"
#include "ct_test.h"

static void hex_goes_both_ways(void)
{
    static const uint8_t data[] = {0x00, 0x9f, 0xA0, 0xff};
    char text[11];
    ct_hex0x(text, data, sizeof(data));
    CHECK_STR(text, "0x009fa0ff");
    uint8_t back[4];
    CHECK_EQ(ct_unhex(back, 4, text), CT_OK);
    CHECK_MEM(back, data, 4);
    CHECK_EQ(ct_unhex(back, 4, "009FA0FF"), CT_OK);
    CHECK_MEM(back, data, 4);
}

static void hex_of_another_length_or_alphabet_is_refused(void)
{
    uint8_t out[4] = {1, 2, 3, 4};
    static const char *const bad[] = {"",         "0x",         "009fa0f",  "009fa0ff0",
                                      "009fa0fg", "0X009fa0ff", " 09fa0ff", "009fa0ff\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_EQ(ct_unhex(out, 4, bad[i]), CT_ERR_FORMAT);
    }
    CHECK(out[0] == 1 && out[3] == 4); /* written only on success */
    size_t len = 7;
    CHECK_EQ(ct_unhex_var(out, 4, &len, "0x0102030405", 12), CT_ERR_ROOM);
    CHECK_EQ(ct_unhex_var(out, 4, &len, "0x010", 5), CT_ERR_FORMAT);
    CHECK_EQ(len, 7);
}

static void base64url_vectors_of_rfc4648_hold(void)
{
    /* RFC 4648 10, without padding */
    static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    static const char *const coded[] = {"", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"};
    for (size_t i = 0; i < 7; i++) {
        char text[16];
        ct_base64url(text, plain[i], strlen(plain[i]));
        CHECK_STR(text, coded[i]);
        CHECK_EQ(CT_BASE64URL_LEN(strlen(plain[i])), strlen(coded[i]));
        char back[8];
        size_t len = 99;
        CHECK_EQ(ct_unbase64url(back, sizeof(back), &len, coded[i], strlen(coded[i])), CT_OK);
        CHECK_EQ(len, strlen(plain[i]));
        CHECK_MEM(back, plain[i], len);
    }
}

static void base64url_has_one_text_for_each_byte_string(void)
{
    char out[8];
    size_t len = 0;
    static const char *const bad[] = {"Z", "Zh", "Zm9", "Zg==", "Zm+v", "Zm/v", "Zm9v\n", "Zm9vY"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_EQ(ct_unbase64url(out, sizeof(out), &len, bad[i], strlen(bad[i])), CT_ERR_FORMAT);
    }
    CHECK_EQ(ct_unbase64url(out, 2, &len, "Zm9v", 4), CT_ERR_ROOM);
}

static const struct ct_test tests[] = {
    CT_TEST(hex_goes_both_ways),
    CT_TEST(hex_of_another_length_or_alphabet_is_refused),
    CT_TEST(base64url_vectors_of_rfc4648_hold),
    CT_TEST(base64url_has_one_text_for_each_byte_string),
};
CT_TEST_MAIN(tests)

/* Claims about the reader and the writer of bytes. */
/* links: ct_base */
#include "base/bytes.h"
#include "ct_test.h"

static void reads_are_big_endian_and_consume_everything(void)
{
    static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct ct_rd r = ct_rd_init(data, sizeof(data));
    CHECK_EQ(ct_rd_u8(&r), 1);
    CHECK_EQ(ct_rd_be16(&r), 0x0203);
    CHECK_EQ(ct_rd_be32(&r), 0x04050607);
    CHECK(ct_rd_end(&r) == CT_ERR_FORMAT);
    CHECK(ct_rd_be64(&r) == 0x08090a0b0c0d0e0fu);
    CHECK_EQ(ct_rd_end(&r), CT_OK);
}

static void read_past_end_is_sticky(void)
{
    static const uint8_t data[] = {1, 2, 3};
    struct ct_rd r = ct_rd_init(data, sizeof(data));
    CHECK_EQ(ct_rd_be32(&r), 0);
    CHECK(r.bad);
    CHECK_EQ(ct_rd_u8(&r), 0); /* though a byte is there */
    CHECK(ct_rd_take(&r, 0) == NULL);
    uint8_t out[2] = {9, 9};
    ct_rd_copy(&r, out, 2);
    CHECK(out[0] == 0 && out[1] == 0);
    CHECK_EQ(ct_rd_end(&r), CT_ERR_FORMAT);
}

static void huge_length_does_not_wrap(void)
{
    static const uint8_t data[] = {1};
    struct ct_rd r = ct_rd_init(data, sizeof(data));
    CHECK(ct_rd_take(&r, SIZE_MAX) == NULL);
    CHECK(r.bad);
}

static void empty_input_reads_nothing(void)
{
    struct ct_rd r = ct_rd_init(NULL, 0);
    CHECK(ct_rd_take(&r, 0) != NULL);
    CHECK_EQ(ct_rd_end(&r), CT_OK);
    r = ct_rd_init(NULL, 4);
    CHECK_EQ(ct_rd_be32(&r), 0);
    CHECK_EQ(ct_rd_end(&r), CT_ERR_FORMAT);
}

static void writer_never_overflows_and_tells_the_room_needed(void)
{
    uint8_t buf[8];
    memset(buf, 0xee, sizeof(buf));
    struct ct_wr w = ct_wr_init(buf, 5);
    ct_wr_be32(&w, 0x01020304);
    ct_wr_be16(&w, 0x0506);
    CHECK_EQ(ct_wr_end(&w), CT_ERR_ROOM);
    CHECK_EQ(w.len, 6);
    CHECK_EQ(buf[5], 0xee);
    ct_wr_u8(&w, 1); /* would fit by itself, yet the writer has failed */
    CHECK_EQ(ct_wr_end(&w), CT_ERR_ROOM);
}

static void what_is_written_is_read_back(void)
{
    uint8_t buf[32];
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_wr_u8(&w, 0xfe);
    ct_wr_be64(&w, 0x1122334455667788u);
    ct_wr_bytes(&w, "abc", 3);
    ct_wr_zeros(&w, 2);
    CHECK_EQ(ct_wr_end(&w), CT_OK);
    struct ct_rd r = ct_rd_init(buf, w.len);
    CHECK_EQ(ct_rd_u8(&r), 0xfe);
    CHECK(ct_rd_be64(&r) == 0x1122334455667788u);
    const uint8_t *abc = ct_rd_take(&r, 3);
    CHECK(abc != NULL && memcmp(abc, "abc", 3) == 0);
    CHECK_EQ(ct_rd_be16(&r), 0);
    CHECK_EQ(ct_rd_end(&r), CT_OK);
}

static void writer_without_buffer_counts(void)
{
    struct ct_wr w = ct_wr_init(NULL, 0);
    ct_wr_zeros(&w, 1000);
    ct_wr_bytes(&w, "", 0);
    CHECK_EQ(w.len, 1000);
    ct_wr_zeros(&w, SIZE_MAX);
    CHECK_EQ(ct_wr_end(&w), CT_ERR_ROOM);
}

static const struct ct_test tests[] = {
    CT_TEST(reads_are_big_endian_and_consume_everything),
    CT_TEST(read_past_end_is_sticky),
    CT_TEST(huge_length_does_not_wrap),
    CT_TEST(empty_input_reads_nothing),
    CT_TEST(writer_never_overflows_and_tells_the_room_needed),
    CT_TEST(what_is_written_is_read_back),
    CT_TEST(writer_without_buffer_counts),
};
CT_TEST_MAIN(tests)

/* Claims about the files that programs write for themselves: whole, or not used. */
/* links: ct_chain ct_base */
#include "chain/sealed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "chain/keccak.h"
#include "ct_test.h"

enum { BODY = 20, SIZE = BODY + CT_SEALED_AROUND, ROOM = 100 };

static char folder[] = "/tmp/ct-sealed-XXXXXX";
static char path[64];
static const uint8_t deployment32[32] = {7, 7, 7};

static struct ct_sealed kind(void)
{
    return (struct ct_sealed){.magic = {'c', 't', 't', 'e', 's', 't', 's', '1'},
                              .deployment32 = deployment32,
                              .path = path,
                              .whose = "deployment",
                              .instead = "all is read again"};
}

/* A body of five words. */
static ct_err save(uint32_t first, size_t body_max)
{
    struct ct_sealed s = kind();
    struct ct_wr w;
    struct ct_why why;
    ct_err err = ct_sealed_begin(&w, &s, body_max, &why);
    for (uint32_t i = 0; err == CT_OK && i < BODY / 4; i++) {
        ct_wr_be32(&w, first + i);
    }
    return err == CT_OK ? ct_sealed_end(&w, &s, &why) : err;
}

/* The body's first word; 0: refused, for that reason. */
static uint32_t load(const struct ct_sealed *s, ct_err *err, struct ct_why *why)
{
    struct ct_rd body;
    uint8_t *file = NULL;
    uint32_t first = 0;
    why->text[0] = '\0';
    *err = ct_sealed_load(&file, &body, s, ROOM, why);
    if (*err == CT_OK) {
        first = ct_rd_be32(&body);
        CHECK(ct_rd_take(&body, BODY - 4) != NULL && ct_rd_end(&body) == CT_OK);
    }
    CHECK((*err == CT_OK) == (file != NULL));
    free(file);
    return first;
}

static ct_err check_bytes(const uint8_t *bytes, size_t len)
{
    struct ct_sealed s = kind();
    struct ct_rd body;
    return ct_sealed_check(&body, &s, bytes, len);
}

static void read_whole(uint8_t bytes[SIZE + 1])
{
    size_t len = 0;
    struct ct_why why;
    REQUIRE(ct_file_read((char *)bytes, SIZE + 1, &len, path, true, &why) == CT_OK);
    REQUIRE(len == SIZE);
}

static void saved_file_comes_back_and_replaces_the_one_before(void)
{
    struct ct_sealed s = kind();
    struct ct_why why;
    struct stat st;
    ct_err err = CT_OK;
    CHECK_EQ(save(11, ROOM), CT_OK);
    CHECK_EQ(load(&s, &err, &why), 11);
    CHECK_EQ(save(12, BODY), CT_OK);
    CHECK_EQ(load(&s, &err, &why), 12);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600 && st.st_size == SIZE);
}

/* As docs/protocol.md says it: programs before this one wrote the same. */
static void bytes_are_magic_deployment_body_and_sum(void)
{
    uint8_t bytes[SIZE + 1];
    uint8_t sum[32];
    REQUIRE(save(0x01020304, BODY) == CT_OK);
    read_whole(bytes);
    ct_keccak256(sum, bytes, SIZE - 32);
    CHECK(memcmp(bytes, "cttests1", 8) == 0 && memcmp(bytes + 8, deployment32, 32) == 0);
    CHECK(memcmp(bytes + 40, "\1\2\3\4", 4) == 0 && memcmp(bytes + SIZE - 32, sum, 32) == 0);
}

static void file_cut_or_changed_anywhere_is_refused(void)
{
    uint8_t bytes[SIZE + 2] = {0};
    REQUIRE(save(11, BODY) == CT_OK);
    read_whole(bytes);
    for (size_t len = 0; len < SIZE; len++) {
        CHECK_EQ(check_bytes(bytes, len), CT_ERR_FORMAT);
    }
    CHECK_EQ(check_bytes(bytes, SIZE + 1), CT_ERR_FORMAT);
    for (size_t bit = 0; bit < (size_t)SIZE * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_EQ(check_bytes(bytes, SIZE), CT_ERR_FORMAT);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK_EQ(check_bytes(bytes, SIZE), CT_OK);
    REQUIRE(truncate(path, SIZE - 1) == 0);
    struct ct_sealed s = kind();
    struct ct_why why;
    ct_err err = CT_OK;
    CHECK(load(&s, &err, &why) == 0 && err == CT_ERR_FORMAT);
}

static void refusal_says_what_is_done_instead(void)
{
    static const uint8_t other32[32] = {8};
    struct ct_sealed s = kind();
    struct ct_why why;
    ct_err err = CT_OK;
    REQUIRE(save(11, BODY) == CT_OK);
    s.deployment32 = other32;
    CHECK(load(&s, &err, &why) == 0 && err == CT_ERR_FORMAT);
    CHECK(strstr(why.text, path) &&
          strstr(why.text, "is damaged or of another deployment and is not "
                           "used; all is read again"));
    s = kind();
    s.magic[7] = '2'; /* written by an older program */
    CHECK(load(&s, &err, &why) == 0 && err == CT_ERR_FORMAT);
}

static void file_larger_than_its_kind_can_be_is_refused(void)
{
    static uint8_t bytes[CT_SEALED_AROUND + ROOM + 1];
    struct ct_sealed s = kind();
    struct ct_why why;
    CHECK_EQ(ct_sealed_write(bytes, ROOM + 1, &s, &why), CT_OK);
    CHECK_EQ(check_bytes(bytes, sizeof(bytes)), CT_OK);
    ct_err err = CT_OK;
    CHECK(load(&s, &err, &why) == 0 && err == CT_ERR_FORMAT);
}

static void no_file_is_told_from_a_damaged_one(void)
{
    struct ct_sealed s = kind();
    struct ct_why why;
    ct_err err = CT_OK;
    (void)unlink(path);
    CHECK(load(&s, &err, &why) == 0 && err == CT_ERR_NOT_FOUND);
}

static void body_larger_than_was_said_leaves_the_file_as_it_was(void)
{
    struct ct_sealed s = kind();
    struct ct_why why;
    ct_err err = CT_OK;
    REQUIRE(save(11, BODY) == CT_OK);
    CHECK_EQ(save(12, BODY - 1), CT_ERR_ROOM);
    CHECK_EQ(load(&s, &err, &why), 11);
}

static void private_file_that_others_can_read_is_refused(void)
{
    struct ct_sealed s = kind();
    struct ct_why why;
    ct_err err = CT_OK;
    REQUIRE(save(11, BODY) == CT_OK && chmod(path, 0644) == 0);
    CHECK_EQ(load(&s, &err, &why), 11);
    s.is_private = true;
    CHECK(load(&s, &err, &why) == 0 && err == CT_ERR_CONFIG && strstr(why.text, "chmod 600"));
}

static void what_a_killed_writer_left_is_swept_away_and_nothing_else(void)
{
    static const char *const names[] = {".tmp-a1B2c3", ".tmp-a1B2c3x", ".tmp", "-other.tmp-a1B2c3"};
    char beside[4][96];
    REQUIRE(save(11, BODY) == CT_OK);
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(beside[i], sizeof(beside[i]), "%s%s", path, names[i]);
        FILE *f = fopen(beside[i], "w");
        REQUIRE(f != NULL && fclose(f) == 0);
    }
    ct_sealed_sweep(path);
    CHECK(access(path, F_OK) == 0);
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ(access(beside[i], F_OK), i == 0 ? -1 : 0);
        (void)unlink(beside[i]);
    }
}

static const struct ct_test tests[] = {
    CT_TEST(saved_file_comes_back_and_replaces_the_one_before),
    CT_TEST(bytes_are_magic_deployment_body_and_sum),
    CT_TEST(file_cut_or_changed_anywhere_is_refused),
    CT_TEST(refusal_says_what_is_done_instead),
    CT_TEST(file_larger_than_its_kind_can_be_is_refused),
    CT_TEST(no_file_is_told_from_a_damaged_one),
    CT_TEST(body_larger_than_was_said_leaves_the_file_as_it_was),
    CT_TEST(what_a_killed_writer_left_is_swept_away_and_nothing_else),
    CT_TEST(private_file_that_others_can_read_is_refused),
};

int main(void)
{
    if (!mkdtemp(folder)) {
        return 1;
    }
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    (void)unlink(path);
    return rmdir(folder) == 0 ? code : 1; /* nothing, no temporary file either, is left */
}

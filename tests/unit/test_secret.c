/* Claims about files of secrets and about sentences. */
/* links: ct_base */
#include "base/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ct_test.h"

static char folder[] = "/tmp/ct-secret-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void put(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    if (f != NULL) {
        (void)fputs(text, f);
        (void)fclose(f);
    }
    (void)chmod(path, mode);
}

static void a_saved_secret_loads_and_only_its_owner_reads_it(void)
{
    struct ct_secret32 secret;
    struct ct_secret32 back;
    struct ct_why why = {""};
    REQUIRE(ct_random(secret.bytes, sizeof(secret.bytes)) == CT_OK);
    const char *path = in_folder("saved");
    CHECK_EQ(ct_secret_save_new(&secret, path, &why), CT_OK);
    struct stat st;
    REQUIRE(stat(path, &st) == 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    CHECK_EQ(ct_secret_load(&back, path, &why), CT_OK);
    CHECK(ct_equal(secret.bytes, 32, back.bytes, 32));
}

static void saving_never_replaces_a_secret(void)
{
    struct ct_secret32 secret = {{1}};
    struct ct_why why = {""};
    const char *path = in_folder("saved");
    CHECK_EQ(ct_secret_save_new(&secret, path, &why), CT_ERR_STATE);
    struct ct_secret32 back;
    CHECK_EQ(ct_secret_load(&back, path, &why), CT_OK);
    CHECK(!ct_equal(secret.bytes, 32, back.bytes, 32));
}

static void a_secret_that_others_can_read_is_refused_with_the_remedy(void)
{
    struct ct_secret32 out;
    struct ct_why why = {""};
    const char *path = in_folder("open");
    put(path, "0x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 0640);
    CHECK_EQ(ct_secret_load(&out, path, &why), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "chmod 600") != NULL);
    (void)chmod(path, 0600);
    CHECK_EQ(ct_secret_load(&out, path, &why), CT_OK);
}

static void what_is_not_a_key_is_refused(void)
{
    static const char *const bad[] = {
        "",
        "0x",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddee",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeef_\n",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n\n",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff001122334455667788"};
    struct ct_secret32 out = {{7}};
    struct ct_why why = {""};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put(in_folder("bad"), bad[i], 0600);
        CHECK_EQ(ct_secret_load(&out, in_folder("bad"), &why), CT_ERR_CONFIG);
    }
    CHECK_EQ(out.bytes[0], 7);
    CHECK_EQ(ct_secret_load(&out, in_folder("none"), &why), CT_ERR_NOT_FOUND);
    CHECK_EQ(ct_secret_load(&out, folder, &why), CT_ERR_CONFIG);
}

static void a_file_is_replaced_whole(void)
{
    struct ct_why why = {""};
    const char *path = in_folder("state");
    char text[16];
    size_t len = 0;
    CHECK_EQ(ct_file_write(path, "one", 3, 0644, &why), CT_OK);
    CHECK_EQ(ct_file_write(path, "three", 5, 0644, &why), CT_OK);
    CHECK_EQ(ct_file_read(text, sizeof(text), &len, path, false, &why), CT_OK);
    CHECK_EQ(len, 5);
    CHECK_STR(text, "three");
    CHECK_EQ(ct_file_read(text, 5, &len, path, false, &why), CT_ERR_ROOM);
    CHECK_EQ(ct_file_write(in_folder("no/such"), "x", 1, 0644, &why), CT_ERR_SYSTEM);
    CHECK(strstr(why.text, "cannot write") != NULL);
}

static void peer_text_cannot_forge_a_line(void)
{
    struct ct_why why = {""};
    CHECK_EQ(ct_why(&why, CT_ERR_IO, "peer said %s", "bad\nsecret=1\x1b[2J"), CT_ERR_IO);
    CHECK_STR(why.text, "peer said bad?secret=1?[2J");
    ct_why_prefix(&why, "relay %d", 2);
    CHECK_STR(why.text, "relay 2: peer said bad?secret=1?[2J");
    CHECK_EQ(ct_why(&why, CT_ERR_IO, "again: %s", why.text), CT_ERR_IO);
    CHECK_STR(why.text, "again: relay 2: peer said bad?secret=1?[2J");
    CHECK_EQ(ct_why(NULL, CT_ERR_IO, "unheard"), CT_ERR_IO);
    for (int i = 0; i < 100; i++) {
        ct_why_prefix(&why, "long prefix number %d", i);
    }
    CHECK(strlen(why.text) < sizeof(why.text));
}

static void secrets_of_other_lengths_differ(void)
{
    CHECK(!ct_equal("ab", 2, "abc", 3));
    CHECK(!ct_equal("abd", 3, "abc", 3));
    CHECK(ct_equal("", 0, "", 0));
}

static const struct ct_test tests[] = {
    CT_TEST(a_saved_secret_loads_and_only_its_owner_reads_it),
    CT_TEST(saving_never_replaces_a_secret),
    CT_TEST(a_secret_that_others_can_read_is_refused_with_the_remedy),
    CT_TEST(what_is_not_a_key_is_refused),
    CT_TEST(a_file_is_replaced_whole),
    CT_TEST(peer_text_cannot_forge_a_line),
    CT_TEST(secrets_of_other_lengths_differ),
};

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    static const char *const names[] = {"saved", "open", "bad", "state"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)unlink(in_folder(names[i]));
    }
    return rmdir(folder) == 0 ? code : 1; /* nothing, no temporary file either, is left */
}

/* Secrets from files, descriptors and credentials, and passphrases in them. */
/* links: ct_base */
#include "base/source.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "ct_test.h"
#include "temp_dir.h"

static struct temp_dir dir;

/* A descriptor from which text can be read once. */
static int pipe_with(const char *text, size_t len)
{
    int ends[2];
    if (pipe(ends) != 0 || write(ends[1], text, len) != (ssize_t)len) {
        return -1;
    }
    (void)close(ends[1]);
    return ends[0];
}

static void put(const char *name, const char *text, mode_t mode)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", dir.path, name);
    FILE *f = fopen(path, "w");
    if (f != NULL) {
        (void)fputs(text, f);
        (void)fclose(f);
    }
    (void)chmod(path, mode);
}

static ct_err load(struct ct_passphrase *out, struct ct_why *why, const char *format, ...)
    CT_PRINTF(3, 4);

static ct_err load(struct ct_passphrase *out, struct ct_why *why, const char *format, ...)
{
    char source[160];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(source, sizeof(source), format, args);
    va_end(args);
    return ct_passphrase_load(out, source, why);
}

static void a_passphrase_is_the_file_without_its_newline(void)
{
    struct ct_passphrase p;
    struct ct_why why = {""};
    put("plain", "correct horse", 0600);
    put("line", "correct horse\n", 0600);
    put("two", "correct horse\n\n", 0600);
    put("none", "\n", 0600);
    CHECK_EQ(load(&p, &why, "%s/plain", dir.path), CT_OK);
    CHECK_STR(p.text, "correct horse");
    CHECK_EQ(load(&p, &why, "%s/line", dir.path), CT_OK);
    CHECK_STR(p.text, "correct horse");
    CHECK_EQ(load(&p, &why, "%s/two", dir.path), CT_OK);
    CHECK_STR(p.text, "correct horse\n");
    CHECK_EQ(load(&p, &why, "%s/none", dir.path), CT_OK);
    CHECK_EQ(p.len, 0);
}

static void a_passphrase_that_others_can_read_is_refused(void)
{
    struct ct_passphrase p;
    struct ct_why why = {""};
    put("shown", "correct horse", 0644);
    CHECK_EQ(load(&p, &why, "%s/shown", dir.path), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "chmod 600") != NULL);
    CHECK_EQ(load(&p, &why, "%s/absent", dir.path), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "absent") != NULL);
}

static void a_descriptor_is_read_once_and_closed(void)
{
    struct ct_passphrase p;
    struct ct_why why = {""};
    int fd = pipe_with("by pipe\n", 8);
    CHECK_EQ(load(&p, &why, "fd:%d", fd), CT_OK);
    CHECK_STR(p.text, "by pipe");
    CHECK_EQ(load(&p, &why, "fd:%d", fd), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "read once") != NULL);
    static const char *const bad[] = {"fd:", "fd:x", "fd:-1", "fd:3x", "fd: 3", "fd:99999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_EQ(load(&p, &why, "%s", bad[i]), CT_ERR_CONFIG);
    }
}

static void a_credential_is_a_name_in_the_folder_of_systemd(void)
{
    struct ct_passphrase p;
    struct ct_why why = {""};
    put("approver", "by systemd", 0440); /* an access list shows so */
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    CHECK_EQ(load(&p, &why, "credential:approver"), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "LoadCredential=approver") != NULL);
    REQUIRE(setenv("CREDENTIALS_DIRECTORY", dir.path, 1) == 0);
    CHECK_EQ(load(&p, &why, "credential:approver"), CT_OK);
    CHECK_STR(p.text, "by systemd");
    CHECK_EQ(load(&p, &why, "credential:other"), CT_ERR_CONFIG);
    static const char *const bad[] = {"credential:", "credential:../approver", "credential:a/b",
                                      "credential:."};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_EQ(load(&p, &why, "%s", bad[i]), CT_ERR_CONFIG);
    }
}

static void long_ones_and_such_with_a_nul_are_refused(void)
{
    struct ct_passphrase p;
    struct ct_why why = {""};
    char text[CT_PASSPHRASE_MAX + 4];
    memset(text, 'a', sizeof(text));
    for (size_t len = CT_PASSPHRASE_MAX - 1; len <= CT_PASSPHRASE_MAX + 3; len++) {
        CHECK_EQ(load(&p, &why, "fd:%d", pipe_with(text, len)),
                 len <= CT_PASSPHRASE_MAX ? CT_OK : CT_ERR_CONFIG);
    }
    CHECK_EQ(load(&p, &why, "fd:%d", pipe_with("a\0b", 3)), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "NUL") != NULL);
}

static void only_paths_are_paths(void)
{
    CHECK(ct_source_is_path("wallet.key"));
    CHECK(ct_source_is_path("/etc/fd:3"));
    CHECK(!ct_source_is_path("fd:3"));
    CHECK(!ct_source_is_path("credential:wallet.key"));
    CHECK(!ct_source_is_path("pkcs11:token=wm"));
}

/* /proc tells how much of this process is locked. */
static long locked_kb(void)
{
    char line[128];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        (void)sscanf(line, "VmLck: %ld", &kb);
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return kb;
}

static void locked_memory_is_locked(void)
{
    static uint8_t secret[8192];
    long before = locked_kb();
    CHECK(ct_memory_lock(secret, sizeof(secret)));
    /* sanitizers make mlock do nothing */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK(locked_kb() >= before + 8);
#else
    CHECK(locked_kb() >= before);
#endif
}

static const struct ct_test tests[] = {
    CT_TEST(a_passphrase_is_the_file_without_its_newline),
    CT_TEST(a_passphrase_that_others_can_read_is_refused),
    CT_TEST(a_descriptor_is_read_once_and_closed),
    CT_TEST(a_credential_is_a_name_in_the_folder_of_systemd),
    CT_TEST(long_ones_and_such_with_a_nul_are_refused),
    CT_TEST(only_paths_are_paths),
    CT_TEST(locked_memory_is_locked),
};

int main(void)
{
    if (!temp_dir_make(&dir)) {
        return 1;
    }
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    temp_dir_remove(&dir);
    return code;
}

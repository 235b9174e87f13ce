/* SoftHSM tokens of the test's own, made by SoftHSM's and OpenSC's tools; the PIN is 1234. */
#ifndef CT_TEST_SOFTHSM_H
#define CT_TEST_SOFTHSM_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOFTHSM_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define SOFTHSM_QUERY "?module-path=" SOFTHSM_MODULE

/* Runs a tool, silent unless it fails. */
static inline bool softhsm_tool(const char *const *argv)
{
    int status = 1;
    pid_t child = fork();
    if (child == 0) {
        int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(quiet, 1);
        (void)dup2(quiet, 2);
        (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        printf("    %s failed: run ./run setup, which installs it\n", argv[0]);
        return false;
    }
    return true;
}

/* A configuration below folder, which SOFTHSM2_CONF then names. */
static inline bool softhsm_prepare(const char *folder)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/tokens", folder);
    if (mkdir(path, 0700) != 0) {
        return false;
    }
    char conf[256];
    (void)snprintf(conf, sizeof(conf), "%s/softhsm2.conf", folder);
    FILE *file = fopen(conf, "w");
    if (file == NULL) {
        return false;
    }
    bool good = fprintf(file, "directories.tokendir = %s\nlog.level = ERROR\n", path) > 0;
    return fclose(file) == 0 && good && setenv("SOFTHSM2_CONF", conf, 1) == 0;
}

static inline bool softhsm_token(const char *label)
{
    const char *const argv[] = {"softhsm2-util", "--init-token", "--free",   "--label", label,
                                "--pin",         "1234",         "--so-pin", "5678",    NULL};
    return softhsm_tool(argv);
}

/* type "EC:secp256k1", id "01". */
static inline bool softhsm_pair(const char *token, const char *type, const char *label,
                                const char *id)
{
    const char *const argv[] = {
        "pkcs11-tool", "--module", SOFTHSM_MODULE, "--token-label", token,
        "--login",     "--pin",    "1234",         "--keypairgen",  "--key-type",
        type,          "--label",  label,          "--id",          id,
        NULL};
    return softhsm_tool(argv);
}

#endif

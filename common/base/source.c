/* Secrets never come from the command line or the environment: here are the places they may. */
#include "base/source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

bool ct_source_is_path(const char *source)
{
    return !begins(source, "fd:") && !begins(source, "credential:") && !begins(source, "pkcs11:");
}

static ct_err read_descriptor(char *out, size_t cap, size_t *len, const char *source,
                              struct ct_why *why)
{
    char *end = NULL;
    size_t have = 0;
    ct_err err = CT_OK;
    errno = 0;
    long fd = strtol(source + 3, &end, 10);
    if (source[3] < '0' || source[3] > '9' || *end != '\0' || errno != 0 || fd > INT_MAX) {
        return ct_why(why, CT_ERR_CONFIG, "\"%s\" is no descriptor; write fd: and its number",
                      source);
    }
    while (err == CT_OK && have < cap) {
        ssize_t got = read((int)fd, out + have, cap - have);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            have += (size_t)got;
        } else if (errno != EINTR) {
            err = ct_why(why, CT_ERR_CONFIG,
                         "cannot read %s: %s; it is read once, open it anew for each start", source,
                         strerror(errno));
        }
    }
    (void)close((int)fd);
    if (err == CT_OK && have == cap) {
        return ct_why(why, CT_ERR_ROOM, "%s gives more than the %zu bytes expected", source,
                      cap - 1);
    }
    if (err == CT_OK) {
        out[have] = '\0';
        *len = have;
    }
    return err;
}

/*
 * The folder is this service's alone. The file's own mode may show a group: an access list for the
 * service's user does that.
 */
static ct_err read_credential(char *out, size_t cap, size_t *len, const char *source,
                              struct ct_why *why)
{
    char path[PATH_MAX];
    const char *name = source + strlen("credential:");
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL) {
        return ct_why(why, CT_ERR_CONFIG,
                      "\"%s\" names no credential; write credential: and the "
                      "name that LoadCredential= gives it",
                      source);
    }
    if (folder == NULL) {
        return ct_why(why, CT_ERR_CONFIG,
                      "%s needs a service that systemd started with LoadCredential=%s:FILE", source,
                      name);
    }
    int n = snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        return ct_why(why, CT_ERR_CONFIG, "the path of %s is too long", source);
    }
    return ct_file_read(out, cap, len, path, false, why);
}

ct_err ct_source_read(char *out, size_t cap, size_t *len, const char *source, struct ct_why *why)
{
    if (begins(source, "fd:")) {
        return read_descriptor(out, cap, len, source, why);
    }
    if (begins(source, "credential:")) {
        return read_credential(out, cap, len, source, why);
    }
    return ct_file_read(out, cap, len, source, true, why);
}

ct_err ct_passphrase_load(struct ct_passphrase *out, const char *source, struct ct_why *why)
{
    struct ct_passphrase p = {.len = 0};
    ct_err err = ct_source_read(p.text, sizeof(p.text), &p.len, source, why);
    if (err == CT_OK && p.len > 0 && p.text[p.len - 1] == '\n') {
        p.text[--p.len] = '\0';
    }
    if (err == CT_ERR_ROOM || (err == CT_OK && p.len > CT_PASSPHRASE_MAX)) {
        err = ct_why(why, CT_ERR_CONFIG, "the passphrase in %s is longer than %d bytes", source,
                     (int)CT_PASSPHRASE_MAX);
    } else if (err == CT_OK && strlen(p.text) != p.len) {
        err = ct_why(why, CT_ERR_CONFIG, "the passphrase in %s holds a NUL byte", source);
    } else if (err == CT_ERR_NOT_FOUND) {
        err = ct_why(why, CT_ERR_CONFIG, "there is no passphrase at %s", source);
    }
    if (err == CT_OK) {
        *out = p;
    }
    ct_wipe(&p, sizeof(p));
    return err;
}

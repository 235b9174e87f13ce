/* Small files read and replaced whole; private ones only when no one else can read them. */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/source.h"

static ct_err check_private(int fd, const char *path, struct ct_why *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return ct_why(why, CT_ERR_CONFIG, "%s is not a regular file; name a file that holds a key",
                      path);
    }
    if ((st.st_mode & 077) != 0) {
        return ct_why(why, CT_ERR_CONFIG,
                      "%s can be read by others (mode %04o); run: chmod 600 %s, and think of its "
                      "secret as known",
                      path, (unsigned)(st.st_mode & 07777), path);
    }
    if (st.st_uid != geteuid() && st.st_uid != 0) {
        return ct_why(why, CT_ERR_CONFIG, "%s belongs to another user; make it your own with chown",
                      path);
    }
    return CT_OK;
}

static ct_err read_all(char *out, size_t cap, size_t *len, int fd, const char *path,
                       struct ct_why *why)
{
    size_t have = 0;
    while (have < cap) {
        ssize_t got = read(fd, out + have, cap - have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return ct_why(why, CT_ERR_SYSTEM, "cannot read %s: %s", path, strerror(errno));
        }
        if (got == 0) {
            out[have] = '\0';
            *len = have;
            return CT_OK;
        }
        have += (size_t)got;
    }
    return ct_why(why, CT_ERR_ROOM, "%s is larger than the %zu bytes expected", path, cap - 1);
}

ct_err ct_file_read(char *out, size_t cap, size_t *len, const char *path, bool is_private,
                    struct ct_why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return ct_why(why, errno == ENOENT ? CT_ERR_NOT_FOUND : CT_ERR_CONFIG, "cannot open %s: %s",
                      path, strerror(errno));
    }
    ct_err err = is_private ? check_private(fd, path, why) : CT_OK;
    if (err == CT_OK) {
        err = read_all(out, cap, len, fd, path, why);
    }
    (void)close(fd);
    return err;
}

static ct_err write_all(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t put = write(fd, at, len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return CT_ERR_SYSTEM;
        }
        at += put;
        len -= (size_t)put;
    }
    return fsync(fd) == 0 ? CT_OK : CT_ERR_SYSTEM;
}

static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int n = slash == NULL ? snprintf(folder, sizeof(folder), ".")
                          : snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - path), path);
    int fd = n > 0 && (size_t)n < sizeof(folder) ? open(folder, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)fsync(fd); /* best effort: some file systems refuse it */
        (void)close(fd);
    }
}

/* A temporary file beside path with the data in it, closed; its name goes to temporary. */
static ct_err write_beside(char *temporary, size_t cap, const char *path, const void *data,
                           size_t len, unsigned mode)
{
    int n = snprintf(temporary, cap, "%s.tmp-XXXXXX", path);
    if (n < 0 || (size_t)n >= cap) {
        errno = ENAMETOOLONG;
        return CT_ERR_SYSTEM;
    }
    int fd = mkstemp(temporary);
    if (fd < 0) {
        return CT_ERR_SYSTEM;
    }
    ct_err err = fchmod(fd, (mode_t)mode) == 0 ? write_all(fd, data, len) : CT_ERR_SYSTEM;
    if (close(fd) != 0) {
        err = CT_ERR_SYSTEM;
    }
    if (err != CT_OK) {
        int cause = errno;
        (void)unlink(temporary);
        errno = cause;
    }
    return err;
}

ct_err ct_file_write(const char *path, const void *data, size_t len, unsigned mode,
                     struct ct_why *why)
{
    char temporary[PATH_MAX];
    ct_err err = write_beside(temporary, sizeof(temporary), path, data, len, mode);
    if (err == CT_OK && rename(temporary, path) != 0) {
        int cause = errno;
        (void)unlink(temporary);
        errno = cause;
        err = CT_ERR_SYSTEM;
    }
    if (err != CT_OK) {
        return ct_why(why, err, "cannot write %s: %s; the file is as it was", path,
                      strerror(errno));
    }
    sync_folder(path);
    return CT_OK;
}

ct_err ct_file_write_new(const char *path, const void *data, size_t len, unsigned mode,
                         struct ct_why *why)
{
    char temporary[PATH_MAX];
    ct_err err = write_beside(temporary, sizeof(temporary), path, data, len, mode);
    if (err != CT_OK) {
        return ct_why(why, err, "cannot write %s: %s", path, strerror(errno));
    }
    /* link, unlike rename, never replaces a key that is there */
    if (link(temporary, path) != 0) {
        err = errno == EEXIST ? CT_ERR_STATE : CT_ERR_SYSTEM;
        err = ct_why(why, err, "cannot create %s: %s", path, strerror(errno));
    }
    (void)unlink(temporary);
    if (err == CT_OK) {
        sync_folder(path);
    }
    return err;
}

ct_err ct_secret_parse(struct ct_secret32 *out, const char *text, size_t len)
{
    char digits[67]; /* with 0x and NUL */
    struct ct_secret32 secret = {{0}};
    size_t used = len > 0 && text[len - 1] == '\n' ? len - 1 : len;
    ct_err err = CT_ERR_FORMAT;
    if (used < sizeof(digits)) {
        memcpy(digits, text, used);
        digits[used] = '\0';
        err = strlen(digits) == used ? ct_unhex(secret.bytes, sizeof(secret.bytes), digits)
                                     : CT_ERR_FORMAT;
    }
    if (err == CT_OK) {
        *out = secret;
    }
    ct_wipe(&secret, sizeof(secret));
    ct_wipe(digits, sizeof(digits));
    return err;
}

ct_err ct_secret_load(struct ct_secret32 *out, const char *path, struct ct_why *why)
{
    char text[80];
    size_t len = 0;
    ct_err err = ct_source_read(text, sizeof(text), &len, path, why);
    if (err == CT_ERR_ROOM || (err == CT_OK && ct_secret_parse(out, text, len) != CT_OK)) {
        err = ct_why(why, CT_ERR_CONFIG, "%s does not hold a key: 64 hexadecimal digits expected",
                     path);
    }
    ct_wipe(text, sizeof(text));
    return err;
}

ct_err ct_secret_save_new(const struct ct_secret32 *secret, const char *path, struct ct_why *why)
{
    char text[66];
    ct_hex(text, secret->bytes, sizeof(secret->bytes));
    text[64] = '\n';
    ct_err err = ct_file_write_new(path, text, 65, 0600, why);
    ct_wipe(text, sizeof(text));
    return err;
}

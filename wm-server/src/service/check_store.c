/* An SQLite file by its first bytes, a Redis by what it says of itself. */
#include "service/check_store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/redis_link.h"
#include "store/store.h"

/* The SQLite file format, 1.3: a magic, and the user version as a big-endian word at 60. */
enum { HEADER = 100, VERSION_AT = 60 };

static ct_err folder_of(char *out, size_t cap, const char *path, struct ct_why *why)
{
    const char *slash = strrchr(path, '/');
    int n = snprintf(out, cap, "%.*s", slash == NULL ? 1 : (int)(slash - path + 1),
                     slash == NULL ? "." : path);
    return n > 0 && (size_t)n < cap ? CT_OK : ct_why(why, CT_ERR_CONFIG, "store.path is too long");
}

static ct_err check_file(char out[CT_CHECK_STORE_TEXT], const char *path, struct ct_why *why)
{
    char folder[1024];
    unsigned char head[HEADER];
    ct_err err = folder_of(folder, sizeof folder, path, why);
    if (err != CT_OK) {
        return err;
    }
    if (access(folder, W_OK | X_OK) != 0) { /* the log beside it needs that, too */
        return ct_why(why, CT_ERR_CONFIG,
                      "the folder %s of the store cannot be written: %s; give it to this user",
                      folder, strerror(errno));
    }
    FILE *f = fopen(path, "rb");
    if (f == NULL && errno == ENOENT) {
        (void)snprintf(out, CT_CHECK_STORE_TEXT, "%.300s will be made", path);
        return CT_OK;
    }
    if (f == NULL || access(path, W_OK) != 0) {
        err = ct_why(why, CT_ERR_CONFIG, "the store %s cannot be read and written: %s", path,
                     strerror(errno));
        if (f != NULL) {
            (void)fclose(f);
        }
        return err;
    }
    size_t got = fread(head, 1, sizeof head, f);
    (void)fclose(f);
    if (got != 0 && (got < sizeof head || memcmp(head, "SQLite format 3", 16) != 0)) {
        return ct_why(why, CT_ERR_CONFIG,
                      "%s is no SQLite file; restore the store, or choose "
                      "another store.path",
                      path);
    }
    (void)snprintf(out, CT_CHECK_STORE_TEXT, "%.300s, SQLite, schema %u", path,
                   got == 0 ? 0u : (unsigned)head[VERSION_AT + 3]);
    return CT_OK;
}

static ct_err check_redis(char out[CT_CHECK_STORE_TEXT], const struct ct_settings *s,
                          struct ct_why *why)
{
    struct ct_link *link = NULL;
    struct ct_redis_place place;
    ct_settings_redis(&place, s);
    ct_err err = ct_link_open(&link, &place, why);
    if (err == CT_OK) {
        (void)snprintf(out, CT_CHECK_STORE_TEXT,
                       "the Redis at %.300s answers, and keeps what it acknowledges",
                       ct_link_address(link));
        ct_link_close(link);
    }
    return err;
}

ct_err ct_check_store(char out[CT_CHECK_STORE_TEXT], const struct ct_settings *settings,
                      struct ct_why *why)
{
    return settings->store_path != NULL ? check_file(out, settings->store_path, why)
                                        : check_redis(out, settings, why);
}

/* The relay's X25519 key and its neighbours in time: the one to come, and the one before. */
#include "life/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/source.h"

enum { DAY_S = 86400, FILE_NAME_MAX = 520 };

static void name_of(char out[FILE_NAME_MAX], const struct ct_keyring *k, const char *suffix)
{
    (void)snprintf(out, FILE_NAME_MAX, "%s%s", k->path, suffix);
}

/* When the file was made, or given its place; 0: there is none. */
static uint64_t time_of(const struct ct_keyring *k, const char *suffix)
{
    char name[FILE_NAME_MAX];
    struct stat st;
    name_of(name, k, suffix);
    return stat(name, &st) == 0 && st.st_mtim.tv_sec > 0 ? (uint64_t)st.st_mtim.tv_sec : 0;
}

static ct_err move(const struct ct_keyring *k, const char *from, const char *to, struct ct_why *why)
{
    char a[FILE_NAME_MAX];
    char b[FILE_NAME_MAX];
    name_of(a, k, from);
    name_of(b, k, to);
    return rename(a, b) == 0 ? CT_OK
                             : ct_why(why, CT_ERR_SYSTEM, "%s cannot be renamed to %s: %s", a, b,
                                      strerror(errno));
}

static bool load_beside(struct ct_x25519 *out, const struct ct_keyring *k, const char *suffix)
{
    char name[FILE_NAME_MAX];
    struct ct_why unused;
    name_of(name, k, suffix);
    return ct_x25519_load(out, name, &unused) == CT_OK;
}

ct_err ct_keyring_load(struct ct_keyring *k, const char *path, bool check_only, uint64_t now_s,
                       struct ct_why *why)
{
    memset(k, 0, sizeof(*k));
    if (strlen(path) >= sizeof(k->path)) {
        return ct_why(why, CT_ERR_CONFIG, "chainturn-key is too long a path");
    }
    memcpy(k->path, path, strlen(path));
    k->can_change = ct_source_is_path(path);
    /* between the two renames of ct_keyring_finish() */
    bool is_half =
        k->can_change && time_of(k, "") == 0 && time_of(k, ".next") != 0 && time_of(k, ".old") != 0;
    if (is_half && !check_only) {
        ct_err err = move(k, ".next", "", why);
        if (err != CT_OK) {
            return err;
        }
    }
    ct_err err = check_only ? ct_x25519_load(&k->now, path, why)
                            : ct_x25519_load_or_create(&k->now, path, why);
    if (err == CT_ERR_NOT_FOUND && check_only) {
        err = CT_OK;
    }
    if (err == CT_OK && k->can_change) {
        k->has_next = load_beside(&k->next, k, ".next");
        k->has_old = load_beside(&k->old, k, ".old");
        (void)(check_only || ct_keyring_expire(k, now_s));
    }
    return err;
}

const struct ct_x25519 *ct_keyring_wanted(const struct ct_keyring *k)
{
    return k->has_next ? &k->next : &k->now;
}

const struct ct_x25519 *ct_keyring_other(const struct ct_keyring *k)
{
    return k->has_next ? &k->next : k->has_old ? &k->old : NULL;
}

bool ct_keyring_is_due(const struct ct_keyring *k, uint32_t days, uint64_t now_s)
{
    uint64_t made_s = time_of(k, "");
    return days != 0 && k->can_change && !k->has_next && !k->has_old && made_s != 0 &&
           now_s >= made_s + (uint64_t)days * DAY_S;
}

ct_err ct_keyring_begin(struct ct_keyring *k, struct ct_why *why)
{
    char name[FILE_NAME_MAX];
    name_of(name, k, ".next");
    ct_err err = ct_x25519_load_or_create(&k->next, name, why);
    k->has_next = err == CT_OK;
    return err;
}

ct_err ct_keyring_finish(struct ct_keyring *k, struct ct_why *why)
{
    char name[FILE_NAME_MAX];
    ct_err err = move(k, "", ".old", why);
    if (err != CT_OK) {
        return err;
    }
    name_of(name, k, ".old");
    (void)utimensat(AT_FDCWD, name, NULL, 0); /* its time begins */
    err = move(k, ".next", "", why);
    if (err != CT_OK) {
        return err;
    }
    k->old = k->now;
    k->now = k->next;
    k->has_old = true;
    k->has_next = false;
    ct_wipe(&k->next, sizeof(k->next));
    return CT_OK;
}

bool ct_keyring_expire(struct ct_keyring *k, uint64_t now_s)
{
    char name[FILE_NAME_MAX];
    uint64_t since_s = k->has_old ? time_of(k, ".old") : 0;
    if (!k->has_old || (since_s != 0 && now_s < since_s + CT_KEYRING_OVERLAP_S)) {
        return false;
    }
    name_of(name, k, ".old");
    (void)unlink(name);
    k->has_old = false;
    ct_wipe(&k->old, sizeof(k->old));
    return true;
}

/* A TURN user name that is a pass: whose it is, its password here, and how long it lasts. */
#include <string.h>

#include "base/secret.h"
#include "kex/pass.h"
#include "passes/passes_private.h"

/* What may change while a pass lasts: the keys of its signer, and whether it is revoked. */
static bool is_in_force(struct ct_passes *passes, const struct ct_pass *pass, uint64_t now_s,
                        uint64_t *until_s, struct ct_why *why)
{
    struct ct_wm_key keys[2];
    (void)pthread_rwlock_rdlock(&passes->lock);
    bool revoked = ct_revoked_has(&passes->revoked, pass->id16);
    keys[0] = passes->keys[0];
    keys[1] = passes->keys[1];
    (void)pthread_rwlock_unlock(&passes->lock);
    if (revoked) {
        (void)ct_why(why, CT_ERR_REFUSED, "the pass was revoked by the platform");
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        if (keys[i].id != 0 && keys[i].id == pass->key_id) {
            *until_s = pass->expiry_s < keys[i].not_after_s ? pass->expiry_s : keys[i].not_after_s;
            if (*until_s <= now_s) {
                (void)ct_why(why, CT_ERR_EXPIRED, "the pass, or its signer's key, has expired");
            }
            return *until_s > now_s;
        }
    }
    (void)ct_why(why, CT_ERR_AUTH, "the pass is signed with a key that the chain does not list");
    return false;
}

/* Fields of a user name that has the form of a pass of this deployment. */
static ct_err parse_user(const struct ct_passes *passes, struct ct_pass *out,
                         uint8_t bytes[CT_PASS_LEN], const char *user)
{
    size_t len = strnlen(user, CT_PASS_TEXT_LEN + 1);
    if (ct_pass_from_username(bytes, user, len) != CT_OK) {
        return CT_ERR_NOT_FOUND;
    }
    if (ct_pass_parse(out, bytes, CT_PASS_LEN) != CT_OK ||
        memcmp(out->deployment32, passes->deployment32, 32) != 0) {
        return CT_ERR_AUTH;
    }
    return CT_OK;
}

static bool is_cached(struct ct_passes *passes, const struct ct_pass *pass,
                      const uint8_t bytes[CT_PASS_LEN], char *password)
{
    (void)pthread_mutex_lock(&passes->cache_lock);
    bool cached = ct_passcache_get(passes->cache, bytes, pass->id16, password);
    (void)pthread_mutex_unlock(&passes->cache_lock);
    return cached;
}

/* The password by the relay's key, or by its other one. CT_ERR_NOT_FOUND: there is no other. */
static ct_err make_password(struct ct_passes *passes, bool is_other,
                            char text[CT_PASS_PASSWORD_LEN + 1], const struct ct_pass *pass)
{
    (void)pthread_rwlock_rdlock(&passes->lock);
    bool is_there = !is_other || passes->has_other;
    struct ct_x25519 key = is_other ? passes->other : passes->relay;
    (void)pthread_rwlock_unlock(&passes->lock);
    ct_err err = is_there ? ct_pass_password_relay(text, pass, &key) : CT_ERR_NOT_FOUND;
    ct_wipe(&key, sizeof(key));
    return err;
}

/* Unless a key changed since the cache had been cleared so often. */
static void put_in_cache(struct ct_passes *passes, uint64_t cleared, const struct ct_pass *pass,
                         const uint8_t bytes[CT_PASS_LEN], const char *text)
{
    (void)pthread_mutex_lock(&passes->cache_lock);
    if (passes->cleared == cleared) {
        ct_passcache_put(passes->cache, bytes, pass->id16, text);
    }
    (void)pthread_mutex_unlock(&passes->cache_lock);
}

static uint64_t times_cleared(struct ct_passes *passes)
{
    (void)pthread_mutex_lock(&passes->cache_lock);
    uint64_t cleared = passes->cleared;
    (void)pthread_mutex_unlock(&passes->cache_lock);
    return cleared;
}

static ct_err work_out(struct ct_passes *passes, char text[CT_PASS_PASSWORD_LEN + 1],
                       const uint8_t bytes[CT_PASS_LEN], uint64_t now_s, struct ct_why *why)
{
    struct ct_wm_key keys[2];
    struct ct_pass pass;
    uint64_t cleared = times_cleared(passes);
    ct_passes_read_keys(passes, keys);
    /* A generation that was never set has id 0; the current one is always the first. */
    size_t count = keys[0].id == 0 ? 0 : keys[1].id == 0 ? 1 : 2;
    if (count == 0) {
        return ct_why(why, CT_ERR_STATE, "the wallet manager's keys are not known yet");
    }
    ct_err err =
        ct_pass_verify(&pass, bytes, CT_PASS_LEN, passes->deployment32, keys, count, now_s, why);
    if (err != CT_OK) {
        return err;
    }
    if (make_password(passes, false, text, &pass) != CT_OK) {
        return ct_why(why, CT_ERR_AUTH, "the pass has a key of low order");
    }
    put_in_cache(passes, cleared, &pass, bytes, text);
    return CT_OK;
}

enum ct_user ct_passes_password(struct ct_passes *passes, char password[CT_USER_PASSWORD_MAX],
                                const char *user, uint64_t now_s, struct ct_why *why)
{
    uint8_t bytes[CT_PASS_LEN];
    struct ct_pass pass;
    char text[CT_PASS_PASSWORD_LEN + 1];
    uint64_t until_s = 0;
    ct_err err = parse_user(passes, &pass, bytes, user);
    if (err == CT_ERR_NOT_FOUND) {
        return CT_USER_OTHER;
    }
    if (err != CT_OK) {
        (void)ct_why(why, err, "the pass is malformed, or of another deployment");
        return CT_USER_REFUSED;
    }
    if (!is_cached(passes, &pass, bytes, text) &&
        work_out(passes, text, bytes, now_s, why) != CT_OK) {
        return CT_USER_REFUSED;
    }
    bool holds = is_in_force(passes, &pass, now_s, &until_s, why);
    if (holds) {
        memcpy(password, text, sizeof(text));
    }
    ct_wipe(text, sizeof(text));
    return holds ? CT_USER_KNOWN : CT_USER_REFUSED;
}

bool ct_passes_old_password(struct ct_passes *passes, char password[CT_USER_PASSWORD_MAX],
                            const char *user)
{
    uint8_t bytes[CT_PASS_LEN];
    struct ct_pass pass;
    char text[CT_PASS_PASSWORD_LEN + 1];
    bool made = parse_user(passes, &pass, bytes, user) == CT_OK &&
                is_cached(passes, &pass, bytes, NULL) &&
                make_password(passes, true, text, &pass) == CT_OK;
    if (made) {
        memcpy(password, text, sizeof(text));
    }
    ct_wipe(text, sizeof(text));
    return made;
}

bool ct_passes_ids(uint8_t id16[16], uint8_t renews16[16], const char *user)
{
    uint8_t bytes[CT_PASS_LEN];
    struct ct_pass pass;
    if (ct_pass_from_username(bytes, user, strnlen(user, CT_PASS_TEXT_LEN + 1)) != CT_OK ||
        ct_pass_parse(&pass, bytes, sizeof(bytes)) != CT_OK) {
        return false;
    }
    memcpy(id16, pass.id16, 16);
    memcpy(renews16, pass.renews16, 16);
    return true;
}

bool ct_passes_id(uint8_t id16[16], const char *user)
{
    uint8_t renews16[16];
    return ct_passes_ids(id16, renews16, user);
}

bool ct_passes_is_cheap(struct ct_passes *passes, const char *user)
{
    uint8_t bytes[CT_PASS_LEN];
    struct ct_pass pass;
    ct_err err = parse_user(passes, &pass, bytes, user);
    return err != CT_OK || is_cached(passes, &pass, bytes, NULL);
}

bool ct_passes_renews(const struct ct_passes *passes, const char *user, const char *renewed)
{
    uint8_t bytes[CT_PASS_LEN];
    uint8_t old[16];
    struct ct_pass pass;
    return ct_passes_id(old, renewed) && parse_user(passes, &pass, bytes, user) == CT_OK &&
           memcmp(pass.renews16, old, 16) == 0;
}

/* Its signature held at sign-on, else there would be no authenticated request. */
bool ct_passes_session(struct ct_passes *passes, uint32_t *left_s, const char *user, uint64_t now_s)
{
    uint8_t bytes[CT_PASS_LEN];
    struct ct_pass pass;
    struct ct_why why;
    uint64_t until_s = 0;
    ct_err err = parse_user(passes, &pass, bytes, user);
    if (err == CT_ERR_NOT_FOUND) {
        return true;
    }
    if (err != CT_OK || !is_in_force(passes, &pass, now_s, &until_s, &why)) {
        return false;
    }
    uint64_t left = until_s - now_s;
    *left_s = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
    return true;
}

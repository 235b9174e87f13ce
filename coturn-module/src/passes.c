/* Passes as TURN credentials: who a user name is, its password here, and how long it lasts. */
#include "passes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "chain/keccak.h"
#include "kex/pass.h"

struct ct_passes {
    uint8_t deployment32[32];
    const struct ct_x25519 *key;
    pthread_rwlock_t lock; /* guards what follows: asked at sign-on, never for a packet */
    struct ct_wm_key keys[2];
};

ct_err ct_passes_new(struct ct_passes **out, const uint8_t deployment32[32],
                     const struct ct_x25519 *key)
{
    struct ct_passes *passes = calloc(1, sizeof(*passes));
    if (!passes) {
        return CT_ERR_NOMEM;
    }
    memcpy(passes->deployment32, deployment32, 32);
    passes->key = key;
    if (pthread_rwlock_init(&passes->lock, NULL) != 0) {
        free(passes);
        return CT_ERR_SYSTEM;
    }
    *out = passes;
    return CT_OK;
}

void ct_passes_free(struct ct_passes *passes)
{
    if (passes) {
        (void)pthread_rwlock_destroy(&passes->lock);
        free(passes);
    }
}

static bool same_key(const struct ct_wm_key *a, const struct ct_wm_key *b)
{
    return a->id == b->id && a->not_after_s == b->not_after_s &&
           memcmp(a->ed25519, b->ed25519, 32) == 0 && memcmp(a->x25519, b->x25519, 32) == 0;
}

bool ct_passes_set_keys(struct ct_passes *passes, const struct ct_wm_key keys[2])
{
    (void)pthread_rwlock_wrlock(&passes->lock);
    bool other = !same_key(&passes->keys[0], &keys[0]) || !same_key(&passes->keys[1], &keys[1]);
    passes->keys[0] = keys[0];
    passes->keys[1] = keys[1];
    (void)pthread_rwlock_unlock(&passes->lock);
    return other;
}

static void read_keys(struct ct_passes *passes, struct ct_wm_key keys[2])
{
    (void)pthread_rwlock_rdlock(&passes->lock);
    keys[0] = passes->keys[0];
    keys[1] = passes->keys[1];
    (void)pthread_rwlock_unlock(&passes->lock);
}

enum { KEYS_FILE = 8 + 32 + 2 * (4 + 8 + 32 + 32) + 32 };
static const uint8_t magic[8] = {'c', 't', 'w', 'm', 'k', 'e', 'y', '1'};

ct_err ct_passes_save_keys(struct ct_passes *passes, const char *path, struct ct_why *why)
{
    struct ct_wm_key keys[2];
    read_keys(passes, keys);
    uint8_t file[KEYS_FILE];
    struct ct_wr w = ct_wr_init(file, sizeof(file));
    ct_wr_bytes(&w, magic, sizeof(magic));
    ct_wr_bytes(&w, passes->deployment32, 32);
    for (size_t i = 0; i < 2; i++) {
        ct_wr_be32(&w, keys[i].id);
        ct_wr_be64(&w, keys[i].not_after_s);
        ct_wr_bytes(&w, keys[i].ed25519, 32);
        ct_wr_bytes(&w, keys[i].x25519, 32);
    }
    uint8_t sum[32];
    ct_keccak256(sum, file, w.len);
    ct_wr_bytes(&w, sum, sizeof(sum));
    ct_err err = ct_wr_end(&w);
    return err == CT_OK ? ct_file_write(path, file, sizeof(file), 0600, why) : err;
}

ct_err ct_passes_load_keys(struct ct_passes *passes, const char *path, struct ct_why *why)
{
    char file[KEYS_FILE + 2];
    size_t len = 0;
    ct_err err = ct_file_read(file, sizeof(file), &len, path, false, why);
    if (err != CT_OK && err != CT_ERR_ROOM) {
        return err;
    }
    uint8_t head[sizeof(magic)];
    uint8_t deployment[32];
    uint8_t sum[32];
    uint8_t found[32];
    struct ct_wm_key keys[2];
    struct ct_rd r = ct_rd_init(file, err == CT_OK ? len : 0);
    ct_rd_copy(&r, head, sizeof(head));
    ct_rd_copy(&r, deployment, sizeof(deployment));
    for (size_t i = 0; i < 2; i++) {
        keys[i].id = ct_rd_be32(&r);
        keys[i].not_after_s = ct_rd_be64(&r);
        ct_rd_copy(&r, keys[i].ed25519, 32);
        ct_rd_copy(&r, keys[i].x25519, 32);
    }
    ct_rd_copy(&r, found, sizeof(found));
    if (ct_rd_end(&r) == CT_OK) {
        ct_keccak256(sum, file, len - sizeof(sum));
    }
    if (ct_rd_end(&r) != CT_OK || memcmp(sum, found, sizeof(sum)) != 0 ||
        memcmp(head, magic, sizeof(magic)) != 0 ||
        memcmp(deployment, passes->deployment32, 32) != 0) {
        return ct_why(why, CT_ERR_FORMAT,
                      "%s is damaged or of another deployment and is not used; the wallet "
                      "manager's keys are read from the chain again",
                      path);
    }
    (void)ct_passes_set_keys(passes, keys);
    return CT_OK;
}

enum ct_user ct_passes_password(struct ct_passes *passes, char password[CT_USER_PASSWORD_MAX],
                                const char *user, uint64_t now_s, struct ct_why *why)
{
    uint8_t bytes[CT_PASS_LEN];
    size_t len = strnlen(user, CT_PASS_TEXT_LEN + 1);
    if (ct_pass_from_username(bytes, user, len) != CT_OK) {
        return CT_USER_OTHER;
    }
    struct ct_wm_key keys[2];
    read_keys(passes, keys);
    /* A generation that was never set has id 0; the current one is always the first. */
    size_t count = keys[0].id == 0 ? 0 : keys[1].id == 0 ? 1 : 2;
    if (count == 0) {
        (void)ct_why(why, CT_ERR_STATE, "the wallet manager's keys are not known yet");
        return CT_USER_REFUSED;
    }
    struct ct_pass pass;
    if (ct_pass_verify(&pass, bytes, sizeof(bytes), passes->deployment32, keys, count, now_s,
                       why) != CT_OK) {
        return CT_USER_REFUSED;
    }
    char text[CT_PASS_PASSWORD_LEN + 1];
    if (ct_pass_password_relay(text, &pass, passes->key) != CT_OK) {
        (void)ct_why(why, CT_ERR_AUTH, "the pass has a key of low order");
        return CT_USER_REFUSED;
    }
    memcpy(password, text, sizeof(text));
    ct_wipe(text, sizeof(text));
    return CT_USER_KNOWN;
}

bool ct_passes_id(uint8_t id16[16], const char *user)
{
    uint8_t bytes[CT_PASS_LEN];
    struct ct_pass pass;
    if (ct_pass_from_username(bytes, user, strnlen(user, CT_PASS_TEXT_LEN + 1)) != CT_OK ||
        ct_pass_parse(&pass, bytes, sizeof(bytes)) != CT_OK) {
        return false;
    }
    memcpy(id16, pass.id16, 16);
    return true;
}

bool ct_passes_session(struct ct_passes *passes, uint32_t *left_s, const char *user, uint64_t now_s)
{
    uint8_t bytes[CT_PASS_LEN];
    struct ct_pass pass;
    size_t len = strnlen(user, CT_PASS_TEXT_LEN + 1);
    if (ct_pass_from_username(bytes, user, len) != CT_OK) {
        return true;
    }
    /* Its signature held at sign-on, else there would be no authenticated request. */
    if (ct_pass_parse(&pass, bytes, sizeof(bytes)) != CT_OK ||
        memcmp(pass.deployment32, passes->deployment32, 32) != 0) {
        return false;
    }
    if (pass.expiry_s <= now_s) {
        return false;
    }
    uint64_t left = pass.expiry_s - now_s;
    *left_s = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
    return true;
}

/* What is known of passes: the keys that they are signed with and made for, who is revoked. */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "passes/passes_private.h"

ct_err ct_passes_new(struct ct_passes **out, const uint8_t deployment32[32],
                     const struct ct_x25519 *key)
{
    struct ct_passes *passes = calloc(1, sizeof(*passes));
    if (!passes) {
        return CT_ERR_NOMEM;
    }
    memcpy(passes->deployment32, deployment32, 32);
    passes->relay = *key;
    passes->cache = ct_passcache_new();
    if (!passes->cache || pthread_rwlock_init(&passes->lock, NULL) != 0 ||
        pthread_mutex_init(&passes->cache_lock, NULL) != 0) {
        ct_passcache_free(passes->cache);
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
        (void)pthread_mutex_destroy(&passes->cache_lock);
        ct_passcache_free(passes->cache);
        ct_revoked_free(&passes->revoked);
        ct_wipe(passes, sizeof(*passes));
        free(passes);
    }
}

static void clear_cache(struct ct_passes *passes)
{
    (void)pthread_mutex_lock(&passes->cache_lock);
    ct_passcache_clear(passes->cache);
    passes->cleared++;
    (void)pthread_mutex_unlock(&passes->cache_lock);
}

void ct_passes_set_relay_keys(struct ct_passes *passes, const struct ct_x25519 *key,
                              const struct ct_x25519 *other)
{
    (void)pthread_rwlock_wrlock(&passes->lock);
    passes->relay = *key;
    passes->has_other = other != NULL;
    ct_wipe(&passes->other, sizeof(passes->other));
    if (other) {
        passes->other = *other;
    }
    (void)pthread_rwlock_unlock(&passes->lock);
    clear_cache(passes);
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
    if (other) {
        clear_cache(passes);
    }
    return other;
}

void ct_passes_read_keys(struct ct_passes *passes, struct ct_wm_key keys[2])
{
    (void)pthread_rwlock_rdlock(&passes->lock);
    keys[0] = passes->keys[0];
    keys[1] = passes->keys[1];
    (void)pthread_rwlock_unlock(&passes->lock);
}

/* ---- revocation ---- */

bool ct_passes_revoke(struct ct_passes *passes, const uint8_t id16[16], uint64_t block,
                      uint64_t now_s)
{
    struct ct_revoked_pass pass = {.block = block, .seen_s = now_s};
    memcpy(pass.id16, id16, 16);
    (void)pthread_rwlock_wrlock(&passes->lock);
    ct_revoked_expire(&passes->revoked, now_s);
    ct_err err = ct_revoked_add(&passes->revoked, &pass);
    (void)pthread_rwlock_unlock(&passes->lock);
    return err == CT_OK;
}

void ct_passes_undo(struct ct_passes *passes, uint64_t block)
{
    (void)pthread_rwlock_wrlock(&passes->lock);
    ct_revoked_undo(&passes->revoked, block);
    (void)pthread_rwlock_unlock(&passes->lock);
}

ct_err ct_passes_revoked(struct ct_passes *passes, struct ct_revoked_pass **list, size_t *count)
{
    (void)pthread_rwlock_rdlock(&passes->lock);
    const struct ct_revoked *revoked = &passes->revoked;
    *count = revoked->count;
    *list = calloc(revoked->count + 1, sizeof(**list));
    if (*list && revoked->count > 0) {
        memcpy(*list, revoked->list, revoked->count * sizeof(**list));
    }
    (void)pthread_rwlock_unlock(&passes->lock);
    return *list ? CT_OK : CT_ERR_NOMEM;
}

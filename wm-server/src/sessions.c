/* A table of bounded size under one short lock; sessions that are over are wiped where met. */
#include "sessions.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"

struct entry {
    bool taken;
    uint64_t began_ms;
    unsigned requests;
    struct ct_secret32 psk;
    struct ct_session session;
};

struct ct_sessions {
    pthread_mutex_t lock;
    size_t capacity;
    struct entry entries[];
};

ct_err ct_sessions_new(struct ct_sessions **out, size_t capacity)
{
    if (capacity == 0 || capacity > 65536) {
        return CT_ERR_ARG;
    }
    struct ct_sessions *all = calloc(1, sizeof *all + capacity * sizeof all->entries[0]);
    if (all == NULL) {
        return CT_ERR_NOMEM;
    }
    (void)pthread_mutex_init(&all->lock, NULL);
    all->capacity = capacity;
    *out = all;
    return CT_OK;
}

void ct_sessions_free(struct ct_sessions *all)
{
    if (all != NULL) {
        (void)pthread_mutex_destroy(&all->lock);
        ct_wipe(all->entries, all->capacity * sizeof all->entries[0]);
        free(all);
    }
}

/* A sid is public (it crosses the wire in clear), so comparing it may take its own time. */
static struct entry *find(struct ct_sessions *all, const uint8_t sid16[16], uint64_t now_ms)
{
    for (size_t i = 0; i < all->capacity; i++) {
        struct entry *e = &all->entries[i];
        if (!e->taken || memcmp(e->session.sid16, sid16, 16) != 0) {
            continue;
        }
        if (now_ms - e->began_ms < (uint64_t)CT_SESSION_LIFE_S * 1000) {
            return e;
        }
        ct_wipe(e, sizeof *e);
    }
    return NULL;
}

static struct entry *place(struct ct_sessions *all, uint64_t now_ms)
{
    struct entry *unused = NULL;
    for (size_t i = 0; i < all->capacity; i++) {
        struct entry *e = &all->entries[i];
        if (!e->taken || now_ms - e->began_ms >= (uint64_t)CT_SESSION_LIFE_S * 1000) {
            return e;
        }
        if (e->requests == 0 && (unused == NULL || e->began_ms < unused->began_ms)) {
            unused = e;
        }
    }
    return unused;
}

ct_err ct_sessions_add(struct ct_sessions *all, const struct ct_hs_session *session,
                       uint64_t now_ms)
{
    ct_err err = CT_OK;
    (void)pthread_mutex_lock(&all->lock);
    struct entry *e = NULL;
    if (find(all, session->sid16, now_ms) != NULL) {
        err = CT_ERR_REPLAY;
    } else if ((e = place(all, now_ms)) == NULL) {
        err = CT_ERR_AGAIN;
    } else {
        ct_wipe(e, sizeof *e);
        e->taken = true;
        e->began_ms = now_ms;
        memcpy(e->psk.bytes, session->psk32, sizeof e->psk.bytes);
        memcpy(e->session.sid16, session->sid16, 16);
        e->session.purpose = session->purpose;
        e->session.party = session->peer;
    }
    (void)pthread_mutex_unlock(&all->lock);
    return err;
}

size_t ct_sessions_count(struct ct_sessions *all, uint64_t now_ms)
{
    size_t n = 0;
    (void)pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < all->capacity; i++) {
        const struct entry *e = &all->entries[i];
        n += e->taken && now_ms - e->began_ms < (uint64_t)CT_SESSION_LIFE_S * 1000;
    }
    (void)pthread_mutex_unlock(&all->lock);
    return n;
}

bool ct_sessions_has(struct ct_sessions *all, const uint8_t sid16[16], uint64_t now_ms)
{
    (void)pthread_mutex_lock(&all->lock);
    bool found = find(all, sid16, now_ms) != NULL;
    (void)pthread_mutex_unlock(&all->lock);
    return found;
}

static ct_err sid_of(uint8_t sid16[16], const char *psk_identity)
{
    char again[33];
    if (psk_identity == NULL || strlen(psk_identity) != 32 ||
        ct_unhex(sid16, 16, psk_identity) != CT_OK) {
        return CT_ERR_NOT_FOUND;
    }
    ct_hex(again, sid16, 16); /* only lower case: one sid, one name */
    return strcmp(again, psk_identity) == 0 ? CT_OK : CT_ERR_NOT_FOUND;
}

ct_err ct_sessions_psk(struct ct_sessions *all, const char *psk_identity, uint64_t now_ms,
                       struct ct_secret32 *out)
{
    uint8_t sid[16];
    ct_err err = sid_of(sid, psk_identity);
    if (err != CT_OK) {
        return err;
    }
    (void)pthread_mutex_lock(&all->lock);
    const struct entry *e = find(all, sid, now_ms);
    if (e != NULL) {
        *out = e->psk;
    }
    (void)pthread_mutex_unlock(&all->lock);
    return e == NULL ? CT_ERR_NOT_FOUND : CT_OK;
}

ct_err ct_sessions_use(struct ct_sessions *all, const char *psk_identity, uint64_t now_ms,
                       struct ct_session *out)
{
    uint8_t sid[16];
    ct_err err = sid_of(sid, psk_identity);
    if (err != CT_OK) {
        return err;
    }
    (void)pthread_mutex_lock(&all->lock);
    struct entry *e = find(all, sid, now_ms);
    if (e == NULL) {
        err = CT_ERR_NOT_FOUND;
    } else if (e->requests >= CT_SESSION_REQUESTS) {
        err = CT_ERR_REFUSED;
    } else {
        e->requests++;
        *out = e->session;
    }
    (void)pthread_mutex_unlock(&all->lock);
    return err;
}

/* A table of bounded size under one short lock: found by a keyed hash of the sid, ended in the
 * order of their beginning, which is also that of their end. */
#include "http/sessions.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/hex.h"

enum { LIFE_MS = CT_SESSION_LIFE_S * 1000, IDLE_MS = CT_SESSION_IDLE_S * 1000 };

struct entry {
    TAILQ_ENTRY(entry) by_age;
    TAILQ_ENTRY(entry) by_use;
    struct entry *next; /* of the same hash, or free */
    uint64_t began_ms, used_ms;
    unsigned requests;
    struct ct_secret32 psk;
    struct ct_session session;
};

TAILQ_HEAD(entries, entry);

struct ct_sessions {
    pthread_mutex_t lock;
    size_t capacity, count, fresh; /* the entries from fresh on were never used */
    uint64_t key[2];               /* a peer chooses its sid, but not where it falls */
    size_t mask;
    struct entry **index;
    struct entry *free;
    struct entries old;    /* all, the oldest first */
    struct entries unused; /* made no request yet, the oldest first */
    struct entries used;   /* the one that was quiet for longest first */
    struct entry entries[];
};

ct_err ct_sessions_new(struct ct_sessions **out, size_t capacity)
{
    size_t places = 16;
    if (capacity == 0 || capacity > 65536) {
        return CT_ERR_ARG;
    }
    while (places < capacity) {
        places *= 2;
    }
    struct ct_sessions *all = calloc(1, sizeof *all + capacity * sizeof all->entries[0]);
    if (all == NULL) {
        return CT_ERR_NOMEM;
    }
    all->index = calloc(places, sizeof(struct entry *));
    if (all->index == NULL || ct_random(all->key, sizeof all->key) != CT_OK) {
        free(all->index);
        free(all);
        return CT_ERR_NOMEM;
    }
    (void)pthread_mutex_init(&all->lock, NULL);
    all->capacity = capacity;
    all->mask = places - 1;
    TAILQ_INIT(&all->old);
    TAILQ_INIT(&all->unused);
    TAILQ_INIT(&all->used);
    *out = all;
    return CT_OK;
}

void ct_sessions_free(struct ct_sessions *all)
{
    if (all != NULL) {
        (void)pthread_mutex_destroy(&all->lock);
        ct_wipe(all->entries, all->fresh * sizeof all->entries[0]);
        free(all->index);
        free(all);
    }
}

/* Threads look at the clock before they take the lock: now may be a little before since. */
static bool is_over(uint64_t now_ms, uint64_t since_ms, uint64_t span_ms)
{
    return now_ms > since_ms && now_ms - since_ms >= span_ms;
}

static struct entry **place_of(struct ct_sessions *all, const uint8_t sid16[16])
{
    uint64_t half[2];
    memcpy(half, sid16, sizeof half);
    uint64_t mixed = half[0] * (all->key[0] | 1) + half[1] * (all->key[1] | 1);
    mixed ^= mixed >> 32;
    mixed *= all->key[0] ^ (all->key[1] | 1);
    return &all->index[(mixed >> 40) & all->mask];
}

static void end(struct ct_sessions *all, struct entry *e)
{
    struct entry **at = place_of(all, e->session.sid16);
    while (*at != e) {
        at = &(*at)->next;
    }
    *at = e->next;
    TAILQ_REMOVE(&all->old, e, by_age);
    TAILQ_REMOVE(e->requests == 0 ? &all->unused : &all->used, e, by_use);
    ct_wipe(e, sizeof *e);
    e->next = all->free;
    all->free = e;
    all->count--;
}

/* Under the lock, first of all: what is over is wiped. */
static void end_old(struct ct_sessions *all, uint64_t now_ms)
{
    struct entry *e;
    while ((e = TAILQ_FIRST(&all->old)) != NULL && is_over(now_ms, e->began_ms, LIFE_MS)) {
        end(all, e);
    }
}

static struct entry *find(struct ct_sessions *all, const uint8_t sid16[16], uint64_t now_ms)
{
    end_old(all, now_ms);
    struct entry *e = *place_of(all, sid16);
    /* a sid is public (it crosses the wire in clear), so comparing it may take its own time */
    while (e != NULL && memcmp(e->session.sid16, sid16, 16) != 0) {
        e = e->next;
    }
    return e;
}

static struct entry *place(struct ct_sessions *all, uint64_t now_ms)
{
    struct entry *quiet = TAILQ_FIRST(&all->used);
    struct entry *out = all->free;
    if (out == NULL && all->fresh < all->capacity) {
        return &all->entries[all->fresh++];
    }
    if (out == NULL && !TAILQ_EMPTY(&all->unused)) {
        end(all, TAILQ_FIRST(&all->unused));
    } else if (out == NULL && quiet != NULL && is_over(now_ms, quiet->used_ms, IDLE_MS)) {
        end(all, quiet);
    }
    out = all->free;
    if (out != NULL) {
        all->free = out->next;
    }
    return out;
}

static void keep(struct ct_sessions *all, struct entry *e, const struct ct_hs_session *session,
                 uint64_t now_ms)
{
    struct entry **at = place_of(all, session->sid16);
    memset(e, 0, sizeof *e);
    e->began_ms = now_ms;
    memcpy(e->psk.bytes, session->psk32, sizeof e->psk.bytes);
    memcpy(e->session.sid16, session->sid16, 16);
    e->session.purpose = session->purpose;
    e->session.party = session->peer;
    e->next = *at;
    *at = e;
    TAILQ_INSERT_TAIL(&all->old, e, by_age);
    TAILQ_INSERT_TAIL(&all->unused, e, by_use);
    all->count++;
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
        keep(all, e, session, now_ms);
    }
    (void)pthread_mutex_unlock(&all->lock);
    return err;
}

size_t ct_sessions_count(struct ct_sessions *all, uint64_t now_ms)
{
    (void)pthread_mutex_lock(&all->lock);
    end_old(all, now_ms);
    size_t n = all->count;
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

/* One more request: it is the last that gives way now. */
static void use(struct ct_sessions *all, struct entry *e, uint64_t now_ms)
{
    TAILQ_REMOVE(e->requests == 0 ? &all->unused : &all->used, e, by_use);
    e->requests++;
    e->used_ms = now_ms;
    TAILQ_INSERT_TAIL(&all->used, e, by_use);
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
        use(all, e, now_ms);
        *out = e->session;
    }
    (void)pthread_mutex_unlock(&all->lock);
    return err;
}

/* Questions queue up; who finds nobody asking takes the queue's head and asks for all of it. */
#include "tx/desk.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "base/clock.h"

enum {
    WORDS_MAX = 4 /* of one record */,
    SHARE = 3 /* of the time at most one in so many is spent asking */,
    REST_MAX_MS = 200
};

struct question {
    STAILQ_ENTRY(question) next;
    uint8_t slots[WORDS_MAX][32], words[WORDS_MAX][32];
    size_t count;
    bool is_answered;
    struct ct_view view;
    ct_err err;
    struct ct_why why;
};

STAILQ_HEAD(questions, question);

struct ct_desk {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct questions queue;
    bool is_asking;
    struct ct_chain *chain; /* of whoever asks now */
    bool is_busy;           /* the last answer was for several */
    uint64_t again_ms;      /* while it is busy, no sooner */
};

ct_err ct_desk_new(struct ct_desk **out, struct ct_chain *chain)
{
    struct ct_desk *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return CT_ERR_NOMEM;
    }
    (void)pthread_mutex_init(&d->lock, NULL);
    (void)pthread_cond_init(&d->answered, NULL);
    STAILQ_INIT(&d->queue);
    d->chain = chain;
    *out = d;
    return CT_OK;
}

void ct_desk_free(struct ct_desk *d)
{
    if (d != NULL) {
        (void)pthread_cond_destroy(&d->answered);
        (void)pthread_mutex_destroy(&d->lock);
        free(d);
    }
}

/* ---- asking ---- */

/* Under the lock: as many as one proof has room for. */
static void take(struct ct_desk *d, struct questions *batch)
{
    size_t room = CT_CHAIN_SLOTS_MAX;
    struct question *q;
    while ((q = STAILQ_FIRST(&d->queue)) != NULL && q->count <= room) {
        STAILQ_REMOVE_HEAD(&d->queue, next);
        STAILQ_INSERT_TAIL(batch, q, next);
        room -= q->count;
    }
}

static ct_err prove(struct ct_chain *chain, struct ct_view *view, const struct questions *batch,
                    uint8_t (*words)[32], struct ct_why *why)
{
    uint8_t slots[CT_CHAIN_SLOTS_MAX][32];
    const struct question *q;
    size_t count = 0;
    STAILQ_FOREACH(q, batch, next)
    {
        /* cppcheck-suppress uninitvar; STAILQ_FOREACH sets it */
        memcpy(slots[count], q->slots, q->count * 32);
        count += q->count;
    }
    ct_err err = ct_chain_view(chain, view, why);
    if (err == CT_ERR_EXPIRED) {
        err = CT_ERR_CHAIN; /* a stale head: the chain's trouble, not the asker's */
    }
    return err != CT_OK
               ? err
               : ct_chain_prove(chain, view, (const uint8_t(*)[32])slots, count, words, why);
}

static void answer(struct ct_chain *chain, const struct questions *batch)
{
    uint8_t words[CT_CHAIN_SLOTS_MAX][32] = {{0}};
    struct ct_view view = {.number = 0};
    struct ct_why why = {{0}};
    struct question *q;
    size_t at = 0;
    ct_err err = prove(chain, &view, batch, words, &why);
    STAILQ_FOREACH(q, batch, next)
    {
        /* cppcheck-suppress uninitvar; STAILQ_FOREACH sets it */
        memcpy(q->words, words[at], q->count * 32);
        at += q->count;
        q->view = view;
        q->err = err;
        q->why = why;
    }
}

/*
 * The lock is held before and after. Who asks alone never waits; where many do, one proof for all
 * of some time costs an endpoint little more than one for the first.
 */
static void gather(struct ct_desk *d)
{
    uint64_t now_ms;
    while (d->is_busy && (now_ms = ct_mono_ms()) < d->again_ms) {
        const struct timespec rest = {.tv_nsec = (long)(d->again_ms - now_ms) * 1000000L};
        (void)pthread_mutex_unlock(&d->lock);
        (void)nanosleep(&rest, NULL);
        (void)pthread_mutex_lock(&d->lock);
    }
}

/* The lock is held before and after. */
static void ask_all(struct ct_desk *d)
{
    struct questions batch = STAILQ_HEAD_INITIALIZER(batch);
    struct question *q;
    d->is_asking = true;
    gather(d);
    take(d, &batch);
    d->is_busy = STAILQ_NEXT(STAILQ_FIRST(&batch), next) != NULL;
    (void)pthread_mutex_unlock(&d->lock);
    uint64_t began_ms = ct_mono_ms();
    answer(d->chain, &batch);
    uint64_t ended_ms = ct_mono_ms();
    (void)pthread_mutex_lock(&d->lock);
    STAILQ_FOREACH(q, &batch, next)
    {
        q->is_answered = true;
    }
    uint64_t rest_ms = (SHARE - 1) * (ended_ms - began_ms);
    d->again_ms = ended_ms + (rest_ms < REST_MAX_MS ? rest_ms : REST_MAX_MS);
    d->is_asking = false;
    (void)pthread_cond_broadcast(&d->answered);
}

static ct_err ask(struct ct_desk_seat *seat, struct question *q, struct ct_why *why)
{
    struct ct_desk *d = seat->desk;
    (void)pthread_mutex_lock(&d->lock);
    STAILQ_INSERT_TAIL(&d->queue, q, next);
    while (!q->is_answered) {
        if (d->is_asking) {
            (void)pthread_cond_wait(&d->answered, &d->lock);
        } else {
            ask_all(d);
        }
    }
    (void)pthread_mutex_unlock(&d->lock);
    if (q->err != CT_OK) {
        *why = q->why;
    }
    return q->err;
}

/* ---- the ledger ---- */

static void fill(struct question *q, const uint8_t first32[32], size_t count)
{
    *q = (struct question){.count = count};
    for (size_t i = 0; i < count; i++) {
        memcpy(q->slots[i], first32, 32);
        ct_slot_plus(q->slots[i], (unsigned)i);
    }
}

static void tell_block(const struct question *q, uint64_t *block, uint64_t *time_s)
{
    if (block != NULL) {
        *block = q->view.number;
    }
    if (time_s != NULL) {
        *time_s = q->view.timestamp_s;
    }
}

static ct_err unreadable(const char *what, struct ct_why *why)
{
    return ct_why(why, CT_ERR_FORMAT,
                  "%s on the chain has a form that this version does not know; update wm-server",
                  what);
}

static ct_err device(void *arg, const char *identity, struct ct_device *out, uint64_t *block,
                     uint64_t *time_s, struct ct_why *why)
{
    struct question q;
    struct ct_device d;
    uint8_t hash[32], slot[32];
    ct_err err = ct_identity_hash(hash, identity);
    if (err != CT_OK) {
        return err;
    }
    ct_slot_device(slot, hash);
    fill(&q, slot, 2);
    err = ask(arg, &q, why);
    tell_block(&q, block, time_s);
    if (err == CT_OK && ct_device_decode(&d, (const uint8_t(*)[32])q.words) != CT_OK) {
        err = unreadable("the device's record", why);
    }
    if (err == CT_OK && d.state == CT_RECORD_NONE) {
        return ct_why(why, CT_ERR_NOT_FOUND, "no device of that name is on the chain");
    }
    if (err == CT_OK) {
        *out = d;
    }
    return err;
}

static ct_err relay(void *arg, uint16_t index, struct ct_relay *out, uint64_t *block,
                    uint64_t *time_s, struct ct_why *why)
{
    struct question q;
    struct ct_relay r;
    uint8_t slot[32];
    ct_slot_relay(slot, index);
    fill(&q, slot, 4);
    ct_err err = ask(arg, &q, why);
    tell_block(&q, block, time_s);
    if (err == CT_OK && (ct_relay_decode(&r, (const uint8_t(*)[32])q.words) != CT_OK ||
                         (r.state != CT_RECORD_NONE && r.index != index))) {
        err = unreadable("the relay's record", why);
    }
    if (err == CT_OK && r.state == CT_RECORD_NONE) {
        return ct_why(why, CT_ERR_NOT_FOUND, "no relay has index %u", index);
    }
    if (err == CT_OK) {
        *out = r;
    }
    return err;
}

static ct_err pending(void *arg, const uint8_t pending32[32], struct ct_relay *out,
                      uint64_t *time_s, struct ct_why *why)
{
    const struct ct_ledger *l = &((struct ct_desk_seat *)arg)->alone;
    return l->ops->pending(l->arg, pending32, out, time_s, why);
}

static ct_err relays(void *arg, struct ct_relay *out, size_t cap, size_t *count, uint64_t *time_s,
                     struct ct_why *why)
{
    const struct ct_ledger *l = &((struct ct_desk_seat *)arg)->alone;
    return l->ops->relays(l->arg, out, cap, count, time_s, why);
}

static ct_err account(void *arg, const uint8_t addr20[20], uint64_t *nonce, struct ct_u256 *out_wei,
                      struct ct_why *why)
{
    const struct ct_ledger *l = &((struct ct_desk_seat *)arg)->alone;
    return l->ops->account(l->arg, addr20, nonce, out_wei, why);
}

static ct_err cost(void *arg, const uint8_t from20[20], const void *data, size_t len, uint64_t *gas,
                   struct ct_u256 *fee_wei, struct ct_why *why)
{
    const struct ct_ledger *l = &((struct ct_desk_seat *)arg)->alone;
    return l->ops->cost(l->arg, from20, data, len, gas, fee_wei, why);
}

struct ct_ledger ct_desk_ledger(struct ct_desk_seat *seat, struct ct_desk *desk,
                                struct ct_chain *chain)
{
    static const struct ct_ledger_ops ops = {.device = device,
                                             .relay = relay,
                                             .pending = pending,
                                             .relays = relays,
                                             .account = account,
                                             .cost = cost};
    *seat = (struct ct_desk_seat){.desk = desk, .alone = ct_ledger_of_chain(chain)};
    return (struct ct_ledger){.ops = &ops, .arg = seat};
}

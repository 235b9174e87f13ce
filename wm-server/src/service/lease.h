/* Who of several servers uses an account's key: the lease in the store as one of them holds it. */
#ifndef CT_WM_LEASE_H
#define CT_WM_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "operator/health.h"
#include "service/loop.h"
#include "store/store.h"

struct ct_lease;

struct ct_lease_config {
    struct ct_store *store; /* borrowed */
    uint8_t account20[20];
    const char *role;   /* "approver", "funder"; static */
    const char *holder; /* this process, unlike any other; borrowed */
    uint64_t life_ms;   /* without a renewal */
    bool alone;         /* nobody else can be alive who holds it */
    uint64_t (*mono_ms)(void);
    void (*taken)(void *arg); /* work waits, perhaps; may be NULL */
    void *taken_arg;
    struct ct_log log;
};

struct ct_lease_view {
    const char *role;
    uint8_t account20[20];
    bool leads;                   /* this server, now */
    bool known;                   /* the store was asked within the lease's life */
    uint64_t number;              /* the fencing number of whoever holds it; 0: not known */
    char holder[CT_LEASE_HOLDER]; /* "": nobody */
};

CT_MUST_USE ct_err ct_lease_new(struct ct_lease **out, const struct ct_lease_config *config);
void ct_lease_free(struct ct_lease *l); /* NULL is fine */
/* Takes or renews it, for ct_loop_start() every ct_lease_period_ms(); says in the log what changed.
 */
void ct_lease_round(void *lease, struct ct_loop *loop);
uint32_t ct_lease_period_ms(uint64_t life_ms);
/*
 * May a piece of work begin? Then the handle has the number, under which the store takes its
 * changes until another server takes the lease. Any thread; the handle is the caller's.
 */
bool ct_lease_enter(struct ct_lease *l, struct ct_store *handle);
/* taken is not called any more once this returns. */
void ct_lease_quiet(struct ct_lease *l);
/* At the end of all work: gives it back, so that another server need not wait. */
void ct_lease_end(struct ct_lease *l);
void ct_lease_get(struct ct_lease *l, struct ct_lease_view *out);

/* Words on all of them, and what they come to. */
enum ct_leads ct_lease_words(struct ct_lease *const *leases, size_t count, char *words, size_t cap);

/* A name for this process that no other has: HOST:PID:RANDOM. */
CT_MUST_USE ct_err ct_lease_holder(char out[CT_LEASE_HOLDER]);

#endif

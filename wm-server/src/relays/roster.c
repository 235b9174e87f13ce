/* Two lists joined by the relay's index, swapped in as a whole. */
#include "relays/roster.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tx/ledger.h"

struct ct_roster {
    pthread_mutex_t lock;
    struct ct_roster_row *rows; /* under the lock */
    size_t count;
    /* of the thread that does the rounds */
    struct ct_relay relays[CT_LEDGER_RELAYS_MAX];
    size_t relay_count;
    struct ct_log_head head;
    bool has_head;
};

ct_err ct_roster_new(struct ct_roster **out)
{
    struct ct_roster *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return CT_ERR_NOMEM;
    }
    (void)pthread_mutex_init(&r->lock, NULL);
    *out = r;
    return CT_OK;
}

void ct_roster_free(struct ct_roster *r)
{
    if (r != NULL) {
        (void)pthread_mutex_destroy(&r->lock);
        free(r->rows);
        free(r);
    }
}

/* The contract's log head changes with each relay. */
static ct_err read_relays(struct ct_roster *r, struct ct_chain *chain, const struct ct_view *view,
                          struct ct_why *why)
{
    struct ct_log_head head;
    ct_err err = ct_registry_log_head(chain, view, &head, why);
    if (err != CT_OK || (r->has_head && memcmp(&head.head24, &r->head.head24, 24) == 0 &&
                         head.count == r->head.count)) {
        return err;
    }
    size_t count = 0;
    r->has_head = false;
    err = ct_registry_relays(chain, view, r->relays, CT_LEDGER_RELAYS_MAX, &count, why);
    if (err == CT_OK) {
        r->relay_count = count;
        r->head = head;
        r->has_head = true;
    }
    return err;
}

/* All rows of the store into rows; those of one index are of one relay, the last tested counts. */
static ct_err add_tested(struct ct_roster_row *rows, size_t listed, size_t *count,
                         struct ct_store *store)
{
    struct ct_relay_row *page = calloc(CT_STORE_PAGE, sizeof *page);
    const uint8_t *after32 = NULL;
    uint8_t last32[32];
    size_t n = 0;
    ct_err err = page == NULL ? CT_ERR_NOMEM : CT_OK;
    do {
        if (err == CT_OK) {
            err = store->ops->relay_page(store, after32, page, CT_STORE_PAGE, &n);
        }
        for (size_t i = 0; i < n && err == CT_OK; i++) {
            struct ct_roster_row *at = NULL;
            for (size_t k = 0; k < listed && page[i].index != 0; k++) {
                at = rows[k].relay.index == page[i].index ? &rows[k] : at;
            }
            if (at == NULL && *count < CT_ROSTER_ROWS) {
                at = &rows[(*count)++];
            }
            if (at != NULL && (!at->tested || at->row.checked_s <= page[i].checked_s)) {
                at->tested = true;
                at->row = page[i];
            }
        }
        if (n > 0 && err == CT_OK) {
            memcpy(last32, page[n - 1].pending32, sizeof last32);
            after32 = last32;
        }
    } while (err == CT_OK && n == CT_STORE_PAGE && *count < CT_ROSTER_ROWS);
    free(page);
    return err;
}

static int in_order(const void *a, const void *b)
{
    const struct ct_roster_row *x = a;
    const struct ct_roster_row *y = b;
    if (x->listed != y->listed) {
        return x->listed ? -1 : 1;
    }
    if (x->listed) {
        return (int)x->relay.index - (int)y->relay.index;
    }
    return x->row.checked_s > y->row.checked_s ? -1 : x->row.checked_s < y->row.checked_s;
}

ct_err ct_roster_round(struct ct_roster *r, struct ct_chain *chain, const struct ct_view *view,
                       struct ct_store *store, struct ct_why *why)
{
    ct_err err = read_relays(r, chain, view, why);
    if (err != CT_OK) {
        return err;
    }
    size_t count = r->relay_count;
    struct ct_roster_row *rows = calloc(CT_ROSTER_ROWS, sizeof *rows);
    if (rows == NULL) {
        return CT_ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        rows[i].listed = true;
        rows[i].relay = r->relays[i];
    }
    err = add_tested(rows, r->relay_count, &count, store);
    if (err != CT_OK) {
        free(rows);
        return err;
    }
    qsort(rows, count, sizeof rows[0], in_order);
    (void)pthread_mutex_lock(&r->lock);
    struct ct_roster_row *old = r->rows;
    r->rows = rows;
    r->count = count;
    (void)pthread_mutex_unlock(&r->lock);
    free(old);
    return CT_OK;
}

size_t ct_roster_get(struct ct_roster *r, size_t from, struct ct_roster_row *out, size_t cap,
                     size_t *total)
{
    (void)pthread_mutex_lock(&r->lock);
    size_t n = from < r->count ? r->count - from : 0;
    n = n < cap ? n : cap;
    if (n > 0) {
        memcpy(out, r->rows + from, n * sizeof out[0]);
    }
    *total = r->count;
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}

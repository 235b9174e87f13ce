/* Rows and numbers out of store, watch and roster; the gauges that nobody sets as things happen. */
#include "operator/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chain/tx.h"
#include "operator/metrics.h"

enum { DAY_S = 86400 };

static ct_err count(const struct ct_status *s, struct ct_store_counts *out)
{
    struct ct_store *store = s->health.store;
    return store->ops->counts(store, out);
}

void ct_status_gauges(const struct ct_status *s)
{
    struct ct_health_check checks[CT_HEALTH_CHECKS];
    struct ct_store_counts c;
    uint64_t now_s = s->health.wall_s();
    (void)ct_health_look(&s->health, checks);
    ct_metrics_set(CT_GAUGE_SESSIONS, (double)ct_sessions_count(s->sessions, s->mono_ms()));
    if (count(s, &c) == CT_OK) {
        ct_metrics_set(CT_GAUGE_OPS_CHECKING, (double)c.checking);
        ct_metrics_set(CT_GAUGE_OPS_QUEUED, (double)c.queued);
        ct_metrics_set(CT_GAUGE_OPS_SENT, (double)c.sent);
        ct_metrics_set(CT_GAUGE_TX_SIGNED, (double)c.tx_signed);
        ct_metrics_set(CT_GAUGE_TX_SENT, (double)c.tx_sent);
        ct_metrics_set(CT_GAUGE_TX_MINED, (double)c.tx_mined);
        ct_metrics_set(CT_GAUGE_QUEUE_AGE_S,
                       c.oldest_s != 0 && now_s > c.oldest_s ? (double)(now_s - c.oldest_s) : 0);
    }
}

const char *ct_status_tx_state(enum ct_txn_state state)
{
    switch (state) {
    case CT_TXN_SIGNED:
        return "signed";
    case CT_TXN_SENT:
        return "sent";
    case CT_TXN_MINED:
        return "mined";
    case CT_TXN_CONFIRMED:
        return "confirmed";
    case CT_TXN_REPLACED:
        return "replaced";
    case CT_TXN_FAILED:
        return "failed";
    }
    return "unknown";
}

const char *ct_status_relay_state(const struct ct_roster_row *r, uint64_t now_s)
{
    if (!r->listed) {
        return strcmp(r->row.verdict, "passed") == 0 ? "passed" : "refused";
    }
    if (r->relay.state == CT_RECORD_APPROVED && r->relay.expiry_day < now_s / DAY_S) {
        return "expired";
    }
    return ct_record_state_text(r->relay.state);
}

size_t ct_status_tests(const struct ct_status *s, const struct ct_relay_row *row,
                       struct ct_relay_test out[CT_RELAY_TESTS])
{
    struct ct_store *store = s->health.store;
    size_t n = 0;
    return store->ops->test_list(store, row->pending32, out, &n) == CT_OK ? n : 0;
}

/* Who signed it, of those that this server knows. */
static const char *role_of(const struct ct_status_view *v, const uint8_t addr20[20])
{
    for (size_t i = 0; i < v->watch.account_count; i++) {
        if (memcmp(v->watch.accounts[i].addr20, addr20, 20) == 0) {
            return v->watch.accounts[i].role;
        }
    }
    return "other";
}

/* An earlier version kept them in the transaction's bytes alone. */
static void read_fees(struct ct_store *store, struct ct_txn_row *row)
{
    struct ct_txn *txn = calloc(1, sizeof *txn);
    struct ct_tx tx;
    uint8_t sig65[CT_SIG_LEN];
    if (txn != NULL && store->ops->tx_at(store, row->sender20, row->nonce, txn) == CT_OK &&
        ct_tx_read_signed(&tx, sig65, NULL, txn->raw, txn->raw_len) == CT_OK) {
        (void)!ct_u256_to_u64(&row->max_fee_wei, &tx.max_fee_wei);
        (void)!ct_u256_to_u64(&row->tip_wei, &tx.max_priority_fee_wei);
    }
    free(txn);
}

static void look_at_txs(const struct ct_status *s, struct ct_status_view *v)
{
    struct ct_store *store = s->health.store;
    struct ct_txn_row rows[CT_STATUS_ROWS];
    size_t count = 0;
    if (store->ops->tx_list(store, rows, CT_STATUS_ROWS, &count) != CT_OK) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct ct_status_tx *x = &v->txs[v->tx_count++];
        struct ct_op op;
        size_t n = 0;
        x->row = rows[i];
        x->account = role_of(v, rows[i].sender20);
        if (x->row.max_fee_wei == 0) {
            read_fees(store, &x->row);
        }
        if (store->ops->op_of_tx(store, rows[i].hash32, &op, 1, &n) == CT_OK && n == 1) {
            x->kind = op.kind;
        }
    }
}

static void look_at_ops(const struct ct_status *s, struct ct_status_view *v)
{
    static const enum ct_op_state states[] = {CT_OP_CHECKING, CT_OP_QUEUED};
    struct ct_store *store = s->health.store;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        size_t n = 0;
        if (store->ops->op_list(store, states[i], 0, v->ops + v->op_count,
                                CT_STATUS_ROWS - v->op_count, &n) == CT_OK) {
            v->op_count += n;
        }
    }
}

/* The rows after a name, or with `find` that name's own first. */
static void look_at_devices(const struct ct_status *s, const char *after, const char *find,
                            struct ct_status_view *v)
{
    struct ct_store *store = s->health.store;
    struct ct_device_row *page = calloc(CT_STATUS_ROWS + 1, sizeof *page);
    size_t n = 0;
    if (page == NULL) {
        return;
    }
    if (find != NULL && store->ops->device_find(store, find, &page[0]) == CT_OK) {
        n = 1;
    }
    size_t more = 0;
    if (store->ops->device_page(store, find != NULL ? find : after, page + n,
                                CT_STATUS_ROWS + 1 - n, &more) == CT_OK) {
        n += more;
    }
    v->more_devices = n > CT_STATUS_ROWS;
    v->device_count = n > CT_STATUS_ROWS ? CT_STATUS_ROWS : n;
    memcpy(v->devices, page, v->device_count * sizeof page[0]);
    free(page);
}

static bool read_cursors(const struct ct_request *request, struct ct_status_view *v,
                         const char **after, const char **find)
{
    const char *relays = ct_request_query(request, "relays");
    char *end = NULL;
    *after = ct_request_query(request, "devices");
    *find = ct_request_query(request, "find");
    *find = *find != NULL && (*find)[0] == '\0' ? NULL : *find;
    if (relays != NULL) {
        errno = 0;
        unsigned long n = strtoul(relays, &end, 10);
        if (relays[0] < '0' || relays[0] > '9' || *end != '\0' || errno != 0 ||
            n > CT_ROSTER_ROWS) {
            return false;
        }
        v->relay_from = n;
    }
    return (*after == NULL || strlen(*after) < CT_STORE_IDENTITY) &&
           (*find == NULL || strlen(*find) < CT_STORE_IDENTITY);
}

bool ct_status_look(const struct ct_status *s, const struct ct_request *request,
                    struct ct_status_view *v, struct ct_answer *answer)
{
    const char *after = NULL;
    const char *find = NULL;
    memset(v, 0, sizeof *v);
    if (!read_cursors(request, v, &after, &find)) {
        ct_answer_problem(answer, 400, "format",
                          "relays is a number to %d, devices and find are names of devices",
                          (int)CT_ROSTER_ROWS);
        return false;
    }
    v->now_s = s->health.wall_s();
    v->ready = ct_health_look(&s->health, v->checks);
    for (size_t i = 0; i < s->lease_count && i < CT_STATUS_LEASES; i++) {
        ct_lease_get(s->leases[i], &v->leases[v->lease_count++]);
    }
    ct_watch_get(s->health.watch, &v->watch);
    v->counts_known = count(s, &v->counts) == CT_OK;
    v->sessions = ct_sessions_count(s->sessions, s->mono_ms());
    if (s->audit != NULL) {
        v->audit = ct_audit_head(s->audit);
    }
    v->relay_count =
        ct_roster_get(s->roster, v->relay_from, v->relays, CT_STATUS_ROWS, &v->relay_total);
    look_at_devices(s, after, find, v);
    look_at_txs(s, v);
    look_at_ops(s, v);
    return true;
}

/* The operators' list of transactions: by account, the newest nonce first. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "operator/lists_page.h"
#include "operator/metrics.h"
#include "tx/ops.h"
#include "operator/watch.h"

enum { TX_CURSOR = 28, GAP_MAX = 1000 }; /* account, nonce; nonces in a row that others used */

static void put_tx(struct ct_text *t, struct ct_store *s, const char *role, const struct ct_txn *tx)
{
    char hash[67];
    struct ct_op op;
    size_t n = 0;
    bool has_op = s->ops->op_of_tx(s, tx->hash32, &op, 1, &n) == CT_OK && n == 1;
    ct_hex0x(hash, tx->hash32, 32);
    ct_text_add(
        t,
        "{\"account\":\"%s\",\"nonce\":%llu,\"hash\":\"%s\",\"kind\":\"%s\",\"state\":\"%s\","
        "\"attempt\":%u,\"created\":%llu,\"max_fee_gwei\":",
        role, (unsigned long long)tx->nonce, hash, has_op ? ct_op_kind_text(op.kind) : "",
        ct_status_tx_state(tx->state), tx->attempt + 1, (unsigned long long)tx->created_s);
    ct_metrics_number(t, (double)tx->max_fee_wei / 1e9);
    ct_text_add(t, ",\"tip_gwei\":");
    ct_metrics_number(t, (double)tx->tip_wei / 1e9);
    ct_text_add(t, ",\"block\":%llu}", (unsigned long long)tx->block);
}

struct tx_walk {
    struct ct_text *t;
    struct ct_store *s;
    size_t left, count;
    uint8_t cursor[TX_CURSOR]; /* the last row's */
    struct ct_txn tx;
};

/* Rows of one account from that nonce down. */
static ct_err walk_account(struct tx_walk *w, const struct ct_watch_balance *account,
                           uint64_t nonce)
{
    ct_err err = CT_OK;
    unsigned gap = 0;
    for (; w->left > 0 && gap < GAP_MAX; nonce--) {
        err = w->s->ops->tx_at(w->s, account->addr20, nonce, &w->tx);
        gap = err == CT_ERR_NOT_FOUND ? gap + 1 : 0;
        if (err == CT_OK) {
            ct_text_add(w->t, "%s", w->count++ == 0 ? "" : ",");
            put_tx(w->t, w->s, account->role, &w->tx);
            w->left--;
            struct ct_wr cursor = ct_wr_init(w->cursor, sizeof w->cursor);
            ct_wr_bytes(&cursor, account->addr20, 20);
            ct_wr_be64(&cursor, nonce);
        } else if (err != CT_ERR_NOT_FOUND) {
            return err;
        }
        if (nonce == 0) {
            break;
        }
    }
    return CT_OK;
}

/* From which account on; the whole of it when the cursor names none. False: it is none of ours. */
static bool find_start(const struct ct_watch_view *v, const struct ct_list_page *page,
                       size_t *account, uint64_t *below)
{
    struct ct_rd r = ct_rd_init(page->cursor, page->cursor_len);
    *account = 0;
    *below = UINT64_MAX;
    if (!page->has_cursor) {
        return true;
    }
    const uint8_t *addr20 = ct_rd_take(&r, 20);
    *below = ct_rd_be64(&r);
    if (ct_rd_end(&r) != CT_OK) {
        return false;
    }
    while (*account < v->account_count && memcmp(v->accounts[*account].addr20, addr20, 20) != 0) {
        (*account)++;
    }
    return *account < v->account_count;
}

static ct_err walk(struct tx_walk *w, const struct ct_watch_view *v, size_t from, uint64_t below)
{
    for (size_t i = from; i < v->account_count && w->left > 0; i++) {
        uint64_t top = 0;
        ct_err err = w->s->ops->tx_top(w->s, v->accounts[i].addr20, &top);
        uint64_t nonce = below <= top ? below - 1 : top;
        if (err == CT_OK && below > 0) {
            err = walk_account(w, &v->accounts[i], nonce);
        }
        if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
            return err;
        }
        below = UINT64_MAX;
    }
    return CT_OK;
}

ct_err ct_list_transactions(struct ct_text *t, const struct ct_status *status,
                            const struct ct_list_page *page)
{
    struct ct_watch_view v;
    size_t from = 0;
    uint64_t below = 0;
    ct_watch_get(status->health.watch, &v);
    if (!find_start(&v, page, &from, &below)) {
        return CT_ERR_FORMAT;
    }
    struct tx_walk *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return CT_ERR_NOMEM;
    }
    w->t = t;
    w->s = status->health.store;
    w->left = page->limit;
    ct_text_add(t, "{\"transactions\":[");
    ct_err err = walk(w, &v, from, below);
    ct_text_add(t, "]");
    ct_list_cursor(t, w->left == 0, w->cursor, sizeof w->cursor);
    free(w);
    return err;
}

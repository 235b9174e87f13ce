/* One look at chain and accounts at a time; the newest is copied out under a short lock. */
#include "watch.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "chain/chain.h"
#include "chain/key.h"
#include "chain/rpc.h"
#include "metrics.h"

enum { ALERT_EVERY_S = 3600, COUNT_EVERY_S = 60 };

struct ct_watch {
    struct ct_watch_config config;
    struct ct_chain *chain;
    struct ct_outflow_meter meters[CT_WATCH_ACCOUNTS];
    uint64_t alerted_s[CT_WATCH_ACCOUNTS];
    uint64_t counted_s;
    pthread_mutex_t lock;
    struct ct_watch_view view; /* under the lock */
};

ct_err ct_watch_new(struct ct_watch **out, const struct ct_watch_config *config, struct ct_why *why)
{
    struct ct_watch *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    w->config = *config;
    w->config.bundle = NULL;
    const struct ct_chain_env env = {.log = config->log};
    ct_err err = ct_chain_open(&w->chain, config->bundle, &env, why);
    if (err != CT_OK) {
        free(w);
        return err;
    }
    (void)pthread_mutex_init(&w->lock, NULL);
    w->view.account_count = config->account_count;
    for (size_t i = 0; i < config->account_count; i++) {
        struct ct_watch_balance *b = &w->view.accounts[i];
        b->role = config->accounts[i].role;
        b->runway_days = b->day_ether = b->ether = b->needed = NAN;
        memcpy(b->addr20, config->accounts[i].addr20, 20);
    }
    *out = w;
    return CT_OK;
}

void ct_watch_free(struct ct_watch *w)
{
    if (w != NULL) {
        ct_chain_free(w->chain);
        (void)pthread_mutex_destroy(&w->lock);
        free(w);
    }
}

static double ether_of(const struct ct_u256 *wei)
{
    char text[CT_U256_DECIMAL_LEN + 2];
    ct_u256_ether(text, wei);
    return strtod(text, NULL);
}

/* Once an hour, so that it is seen and does not fill the log. */
static void alert(struct ct_watch *w, size_t i, const struct ct_watch_balance *b, uint64_t now_s)
{
    char addr[CT_ADDR_TEXT_LEN];
    bool low = b->runway_days < (double)w->config.alert_days;
    if (low && now_s >= w->alerted_s[i] + ALERT_EVERY_S) {
        w->alerted_s[i] = now_s;
        ct_addr_text(addr, b->addr20);
        ct_log(&w->config.log, CT_LOG_WARN,
               "runway_short account=%s address=%s ether=%.6g days=%.2g remedy=\"send it ether\"",
               b->role, addr, b->ether, b->runway_days);
    }
}

static void look_at_account(struct ct_watch *w, size_t i, struct ct_watch_view *v, uint64_t now_s)
{
    struct ct_watch_balance *b = &v->accounts[i];
    struct ct_u256 wei;
    struct ct_why why = {{0}};
    if (ct_rpc_balance(w->chain, b->addr20, &wei, &why) != CT_OK) {
        return; /* the last one stays */
    }
    b->known = true;
    b->ether = ether_of(&wei);
    ct_outflow_sample(&w->meters[i], now_s, b->ether);
    b->day_ether = ct_outflow_a_day(&w->meters[i], now_s);
    b->runway_days = ct_outflow_runway(&w->meters[i], now_s);
    bool is_funder = strcmp(b->role, "funder") == 0;
    ct_metrics_set(is_funder ? CT_GAUGE_FUNDER_ETHER : CT_GAUGE_APPROVER_ETHER, b->ether);
    ct_metrics_set(is_funder ? CT_GAUGE_FUNDER_RUNWAY_DAYS : CT_GAUGE_APPROVER_RUNWAY_DAYS,
                   b->runway_days);
    alert(w, i, b, now_s);
}

static void look_at_price(struct ct_watch *w, struct ct_watch_view *v)
{
    struct ct_u256 max_fee;
    struct ct_u256 tip;
    struct ct_u256 wei;
    struct ct_why why = {{0}};
    if (ct_rpc_fees(w->chain, &max_fee, &tip, &why) != CT_OK) {
        return;
    }
    for (size_t i = 0; i < v->account_count; i++) {
        if (ct_u256_mul_u64(&wei, &max_fee, w->config.accounts[i].gas) == CT_OK) {
            v->accounts[i].needed = ether_of(&wei);
        }
    }
}

static void look_at_relays(struct ct_watch *w, const struct ct_view *view)
{
    struct ct_why why = {{0}};
    if (w->config.roster != NULL && w->config.store != NULL &&
        ct_roster_round(w->config.roster, w->chain, view, w->config.store, &why) != CT_OK) {
        ct_log(&w->config.log, CT_LOG_DEBUG, "roster_waits cause=\"%s\"", why.text);
    }
}

static void count_rows(struct ct_watch *w, struct ct_watch_view *v, uint64_t now_s)
{
    struct ct_store *s = w->config.store;
    if (s == NULL || (v->totals_known && now_s < w->counted_s + COUNT_EVERY_S)) {
        return;
    }
    w->counted_s = now_s;
    v->totals_known = s->ops->totals(s, &v->devices, &v->relays) == CT_OK;
    if (v->totals_known) {
        ct_metrics_set(CT_GAUGE_DEVICES, (double)v->devices);
        ct_metrics_set(CT_GAUGE_RELAYS, (double)v->relays);
    }
}

static void look_at_chain(struct ct_watch *w, struct ct_watch_view *v, uint64_t now_s)
{
    struct ct_view view;
    v->why = (struct ct_why){{0}};
    v->chain_known = ct_chain_view(w->chain, &view, &v->why) == CT_OK;
    v->looked_s = now_s;
    if (v->chain_known) {
        v->block = view.number;
        v->block_time_s = view.timestamp_s;
        v->agreeing = view.k;
        v->endpoints = view.n;
        ct_metrics_set(CT_GAUGE_HEAD_BLOCK, (double)view.number);
        ct_metrics_set(CT_GAUGE_RPC_ALL, view.n);
        look_at_relays(w, &view);
    }
    ct_metrics_set(CT_GAUGE_RPC_AGREE, v->chain_known ? view.k : 0);
    if (v->block != 0) {
        ct_metrics_set(CT_GAUGE_HEAD_LAG_S,
                       now_s > v->block_time_s ? (double)(now_s - v->block_time_s) : 0);
    }
}

void ct_watch_round(void *watch, struct ct_loop *loop)
{
    struct ct_watch *w = watch;
    struct ct_watch_view v;
    uint64_t now_s = w->config.wall_s();
    ct_watch_get(w, &v);
    count_rows(w, &v, now_s);
    look_at_chain(w, &v, now_s);
    for (size_t i = 0; i < v.account_count && v.chain_known && !ct_loop_ending(loop); i++) {
        look_at_account(w, i, &v, now_s);
    }
    if (v.chain_known && !ct_loop_ending(loop)) {
        look_at_price(w, &v);
    }
    (void)pthread_mutex_lock(&w->lock);
    w->view = v;
    (void)pthread_mutex_unlock(&w->lock);
}

void ct_watch_get(struct ct_watch *w, struct ct_watch_view *out)
{
    (void)pthread_mutex_lock(&w->lock);
    *out = w->view;
    (void)pthread_mutex_unlock(&w->lock);
}

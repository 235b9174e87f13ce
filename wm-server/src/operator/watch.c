/* One look at chain and accounts at a time; the newest is copied out under a short lock. */
#include "operator/watch.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/chain.h"
#include "chain/key.h"
#include "chain/registry.h"
#include "chain/rpc.h"
#include "operator/metrics.h"
#include "operator/room.h"

enum { ALERT_EVERY_S = 3600, COUNT_EVERY_S = 60, KEEP_EVERY_S = 60 };
enum { METER_NAME = 64 };

struct ct_watch {
    struct ct_watch_config config;
    struct ct_chain *chain;
    struct ct_outflow_meter meters[CT_WATCH_ACCOUNTS];
    uint64_t short_said_s[CT_WATCH_ACCOUNTS], much_said_s[CT_WATCH_ACCOUNTS];
    uint64_t counted_s, kept_s;
    struct ct_room room;
    struct ct_watch_alerts alerts; /* of the look under way */
    pthread_mutex_t lock;
    struct ct_watch_view view; /* under the lock, as the next */
    struct ct_watch_alerts wanted;
};

ct_err ct_watch_new(struct ct_watch **out, const struct ct_watch_config *config, struct ct_why *why)
{
    struct ct_watch *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    w->config = *config;
    w->config.bundle = NULL;
    w->wanted = config->alerts;
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

static double ether_of(const struct ct_u256 *wei)
{
    char text[CT_U256_DECIMAL_LEN + 2];
    ct_u256_ether(text, wei);
    return strtod(text, NULL);
}

/* ---- alerts: once an hour, so that they are seen and do not fill the log ---- */

static bool is_due(uint64_t *said_s, bool is_so, uint64_t now_s)
{
    if (!is_so || now_s < *said_s + ALERT_EVERY_S) {
        return false;
    }
    *said_s = now_s;
    return true;
}

/* Where the rest goes: the owner is cold by design. */
static void name_owner(struct ct_watch *w, const struct ct_view *view, char out[CT_ADDR_TEXT_LEN])
{
    uint8_t owner20[20];
    uint8_t next20[20];
    struct ct_why why = {{0}};
    (void)snprintf(out, CT_ADDR_TEXT_LEN, "unknown");
    if (ct_registry_owner(w->chain, view, owner20, next20, &why) == CT_OK) {
        ct_addr_text(out, owner20);
    }
}

static void alert(struct ct_watch *w, size_t i, const struct ct_watch_balance *b,
                  const struct ct_view *view, uint64_t now_s)
{
    char addr[CT_ADDR_TEXT_LEN];
    char owner[CT_ADDR_TEXT_LEN];
    ct_addr_text(addr, b->addr20);
    if (is_due(&w->short_said_s[i], b->is_short, now_s)) {
        ct_log(&w->config.log, CT_LOG_WARN,
               "runway_short account=%s address=%s ether=%.6g days=%.2g remedy=\"send it ether\"",
               b->role, addr, b->ether, b->runway_days);
    }
    if (is_due(&w->much_said_s[i], b->is_too_much, now_s)) {
        name_owner(w, view, owner);
        ct_log(&w->config.log, CT_LOG_WARN,
               "balance_high account=%s address=%s ether=%.6g most=%.6g cold=%s remedy=\"send %.6g "
               "ether of it to a cold account, such as the contract's owner\"",
               b->role, addr, b->ether, w->alerts.most_ether, owner,
               b->ether - w->alerts.most_ether);
    }
}

/* ---- the meters, over a restart ---- */

static void name_meter(const struct ct_watch *w, size_t i, char out[METER_NAME])
{
    char addr[CT_ADDR_TEXT_LEN];
    ct_addr_text(addr, w->config.accounts[i].addr20);
    (void)snprintf(out, METER_NAME, "outflow:%s", addr);
}

static void take_meter(struct ct_watch *w, size_t i, uint64_t now_s)
{
    struct ct_store *s = w->config.store;
    uint8_t bytes[CT_STORE_NOTE];
    char name[METER_NAME];
    size_t len = 0;
    if (s == NULL || w->meters[i].begun) {
        return;
    }
    name_meter(w, i, name);
    if (s->ops->note_get(s, name, bytes, sizeof bytes, &len) != CT_OK ||
        ct_outflow_unpack(&w->meters[i], bytes, len, now_s) != CT_OK) {
        ct_log(&w->config.log, CT_LOG_DEBUG, "outflow_begins account=%s",
               w->config.accounts[i].role);
    }
}

static void keep_meters(struct ct_watch *w)
{
    struct ct_store *s = w->config.store;
    uint8_t bytes[CT_OUTFLOW_BYTES];
    char name[METER_NAME];
    for (size_t i = 0; s != NULL && i < w->config.account_count; i++) {
        if (w->meters[i].begun) {
            name_meter(w, i, name);
            ct_outflow_pack(bytes, &w->meters[i]);
            /* the store counts and tells its own failures; the meter itself goes on */
            (void)s->ops->note_put(s, name, bytes, sizeof bytes);
        }
    }
}

/* ---- looks ---- */

static void tell_account(const struct ct_watch_balance *b)
{
    bool is_funder = strcmp(b->role, "funder") == 0;
    ct_metrics_set(is_funder ? CT_GAUGE_FUNDER_ETHER : CT_GAUGE_APPROVER_ETHER, b->ether);
    ct_metrics_set(is_funder ? CT_GAUGE_FUNDER_RUNWAY_DAYS : CT_GAUGE_APPROVER_RUNWAY_DAYS,
                   b->runway_days);
    ct_metrics_set(is_funder ? CT_GAUGE_FUNDER_SHORT : CT_GAUGE_APPROVER_SHORT, b->is_short);
    ct_metrics_set(is_funder ? CT_GAUGE_FUNDER_HIGH : CT_GAUGE_APPROVER_HIGH, b->is_too_much);
}

static void look_at_account(struct ct_watch *w, size_t i, struct ct_watch_view *v,
                            const struct ct_view *view, uint64_t now_s)
{
    struct ct_watch_balance *b = &v->accounts[i];
    struct ct_u256 wei;
    struct ct_why why = {{0}};
    if (ct_rpc_balance(w->chain, b->addr20, &wei, &why) != CT_OK) {
        return; /* the last one stays */
    }
    take_meter(w, i, now_s);
    b->known = true;
    b->ether = ether_of(&wei);
    ct_outflow_sample(&w->meters[i], now_s, b->ether);
    b->day_ether = ct_outflow_a_day(&w->meters[i], now_s);
    b->runway_days = ct_outflow_runway(&w->meters[i], now_s);
    b->is_short = b->runway_days < (double)w->alerts.days;
    b->is_too_much = w->alerts.most_ether > 0 && b->ether > w->alerts.most_ether;
    tell_account(b);
    alert(w, i, b, view, now_s);
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

static void look_at_chain(struct ct_watch *w, struct ct_watch_view *v, struct ct_view *view,
                          uint64_t now_s)
{
    v->why = (struct ct_why){{0}};
    v->chain_known = ct_chain_view(w->chain, view, &v->why) == CT_OK;
    v->looked_s = now_s;
    if (v->chain_known) {
        v->block = view->number;
        v->block_time_s = view->timestamp_s;
        v->agreeing = view->k;
        v->endpoints = view->n;
        ct_metrics_set(CT_GAUGE_HEAD_BLOCK, (double)view->number);
        ct_metrics_set(CT_GAUGE_RPC_ALL, view->n);
        look_at_relays(w, view);
    }
    ct_metrics_set(CT_GAUGE_RPC_AGREE, v->chain_known ? view->k : 0);
    if (v->block != 0) {
        ct_metrics_set(CT_GAUGE_HEAD_LAG_S,
                       now_s > v->block_time_s ? (double)(now_s - v->block_time_s) : 0);
    }
}

void ct_watch_free(struct ct_watch *w)
{
    if (w != NULL) {
        keep_meters(w);
        ct_chain_free(w->chain);
        (void)pthread_mutex_destroy(&w->lock);
        free(w);
    }
}

void ct_watch_round(void *watch, struct ct_loop *loop)
{
    struct ct_watch *w = watch;
    struct ct_watch_view v;
    struct ct_view view;
    uint64_t now_s = w->config.wall_s();
    (void)pthread_mutex_lock(&w->lock);
    v = w->view;
    w->alerts = w->wanted;
    (void)pthread_mutex_unlock(&w->lock);
    ct_room_round(&w->room, w->config.store, &w->config.log);
    count_rows(w, &v, now_s);
    look_at_chain(w, &v, &view, now_s);
    for (size_t i = 0; i < v.account_count && v.chain_known && !ct_loop_ending(loop); i++) {
        look_at_account(w, i, &v, &view, now_s);
    }
    if (v.chain_known && !ct_loop_ending(loop)) {
        look_at_price(w, &v);
    }
    if (now_s >= w->kept_s + KEEP_EVERY_S) {
        w->kept_s = now_s;
        keep_meters(w);
    }
    (void)pthread_mutex_lock(&w->lock);
    w->view = v;
    (void)pthread_mutex_unlock(&w->lock);
}

void ct_watch_alerts(struct ct_watch *w, const struct ct_watch_alerts *alerts)
{
    if (w != NULL) {
        (void)pthread_mutex_lock(&w->lock);
        w->wanted = *alerts;
        (void)pthread_mutex_unlock(&w->lock);
    }
}

void ct_watch_get(struct ct_watch *w, struct ct_watch_view *out)
{
    (void)pthread_mutex_lock(&w->lock);
    *out = w->view;
    (void)pthread_mutex_unlock(&w->lock);
}

/* The checks of /readyz. */
#include "operator/health.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "chain/key.h"
#include "operator/metrics.h"
#include "operator/room.h"

static void check_store(const struct ct_health *h, struct ct_health_check *c)
{
    struct ct_op op;
    uint64_t began_ns = ct_mono_ns();
    ct_err err = h->store->ops->op_find(h->store, "00000000000000000000000000000000", &op);
    uint64_t ns = ct_mono_ns() - began_ns;
    const char *full = ct_room_words(h->store);
    c->good = (err == CT_OK || err == CT_ERR_NOT_FOUND) && full == NULL;
    if (full != NULL) {
        (void)snprintf(c->words, sizeof c->words, "%s", full);
    } else if (c->good) {
        ct_metrics_time(CT_TIMER_STORE, ns);
        (void)snprintf(c->words, sizeof c->words, "answers in %.1f ms", (double)ns / 1e6);
    } else {
        (void)snprintf(
            c->words, sizeof c->words,
            "does not answer (%s); see the log for store_failed, and check disk or Redis",
            ct_err_text(err));
    }
}

static void check_rpc(const struct ct_health *h, const struct ct_watch_view *v,
                      struct ct_health_check *c)
{
    uint64_t now_s = h->wall_s();
    uint64_t age_s = now_s > v->block_time_s ? now_s - v->block_time_s : 0;
    if (v->looked_s == 0) {
        (void)snprintf(c->words, sizeof c->words, "not asked yet; ask again in a few seconds");
    } else if (!v->chain_known) {
        (void)snprintf(c->words, sizeof c->words, "check that the nodes of chain.rpc run: %.270s",
                       v->why.text);
    } else if (now_s > v->looked_s + CT_HEALTH_STALE_S) {
        (void)snprintf(c->words, sizeof c->words,
                       "last answered %llu s ago; check that the endpoints of chain.rpc run",
                       (unsigned long long)(now_s - v->looked_s));
    } else if (age_s > h->max_head_age_s) {
        (void)snprintf(c->words, sizeof c->words,
                       "block %llu is %llu s old; check that the nodes of chain.rpc are in sync",
                       (unsigned long long)v->block, (unsigned long long)age_s);
    } else {
        c->good = true;
        (void)snprintf(c->words, sizeof c->words, "block %llu, for which %u of %u endpoints vouch",
                       (unsigned long long)v->block, v->agreeing, v->endpoints);
    }
}

/* Words of one account; false when it cannot pay what comes next. */
static bool account_words(const struct ct_watch_balance *b, struct ct_text *out)
{
    char addr[CT_ADDR_TEXT_LEN];
    bool poor = b->known && b->ether < b->needed; /* false while the price is unknown */
    ct_addr_text(addr, b->addr20);
    if (!b->known) {
        ct_text_add(out, "%s %s is not known yet", b->role, addr);
    } else if (poor) {
        ct_text_add(out,
                    "%s %s has %.6g ether and its next transaction may cost %.6g; send it ether",
                    b->role, addr, b->ether, b->needed);
    } else if (b->is_too_much) {
        ct_text_add(out,
                    "%s holds %.6g ether, more than alerts allow; send the rest of %s to a "
                    "cold account",
                    b->role, b->ether, addr);
    } else if (b->is_short) {
        ct_text_add(out, "%s has %.6g ether for %.1f days; send %s more soon", b->role, b->ether,
                    b->runway_days, addr);
    } else {
        ct_text_add(out, "%s has %.6g ether", b->role, b->ether);
    }
    return b->known && !poor;
}

static void check_balance(const struct ct_watch_view *v, struct ct_health_check *c)
{
    struct ct_text words = ct_text_init(CT_HEALTH_WORDS - 1);
    c->good = true;
    for (size_t i = 0; i < v->account_count; i++) {
        ct_text_add(&words, "%s", i == 0 ? "" : "; ");
        c->good = account_words(&v->accounts[i], &words) && c->good;
    }
    (void)snprintf(c->words, sizeof c->words, "%s", words.bytes == NULL ? "" : words.bytes);
    ct_text_free(&words);
}

static void check_leader(const struct ct_health *h, struct ct_health_check *c)
{
    enum ct_leads leads = CT_LEADS_SELF;
    (void)snprintf(c->words, sizeof c->words, "this server alone uses its keys");
    if (h->leads != NULL) {
        leads = h->leads(h->leads_arg, c->words, sizeof c->words);
    }
    c->good = leads != CT_LEADS_NOBODY;
    ct_metrics_set(CT_GAUGE_LEADER, leads == CT_LEADS_SELF);
}

bool ct_health_look(const struct ct_health *h, struct ct_health_check out[CT_HEALTH_CHECKS])
{
    static const char *const names[CT_HEALTH_CHECKS] = {"store", "rpc", "balance", "leader"};
    struct ct_watch_view v;
    bool good = true;
    memset(out, 0, CT_HEALTH_CHECKS * sizeof out[0]);
    ct_watch_get(h->watch, &v);
    check_store(h, &out[0]);
    check_rpc(h, &v, &out[1]);
    check_balance(&v, &out[2]);
    check_leader(h, &out[3]);
    for (size_t i = 0; i < CT_HEALTH_CHECKS; i++) {
        out[i].name = names[i];
        good = good && out[i].good;
    }
    ct_metrics_set(CT_GAUGE_READY, good);
    return good;
}

void ct_health_ready(const struct ct_health *h, struct ct_answer *answer)
{
    struct ct_health_check checks[CT_HEALTH_CHECKS];
    struct ct_text text = ct_text_init((size_t)CT_HEALTH_CHECKS * (CT_HEALTH_WORDS + 32));
    bool good = ct_health_look(h, checks);
    for (size_t i = 0; i < CT_HEALTH_CHECKS; i++) {
        ct_text_add(&text, "%-4s %-8s %s\n", checks[i].good ? "ok" : "FAIL", checks[i].name,
                    checks[i].words);
    }
    ct_answer_text(answer, good ? 200 : 503, "text/plain; charset=utf-8", &text);
}

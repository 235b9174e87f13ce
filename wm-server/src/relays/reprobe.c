/* When which relay is tested again, and what follows from it. */
#include "relays/reprobe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "chain/registry.h"
#include "operator/metrics.h"
#include "relays/witness.h"

enum { DAY_S = 86400, BACKOFF_DOUBLINGS = 5, ASK_AGAIN_S = 30 };

/* What one look at a relay works on. */
struct look {
    struct ct_reprobe *r;
    const struct ct_relay *relay;
    struct ct_relay_watch watch;
};

static uint64_t random_below(uint64_t limit)
{
    uint64_t n = 0;
    return limit == 0 || ct_random(&n, sizeof n) != CT_OK ? 0 : n % limit;
}

/* An eighth more or less, so that relays which were approved together do not stay together. */
static uint64_t later(uint64_t now_s, uint64_t wait_s)
{
    return now_s + wait_s - wait_s / 8 + random_below(wait_s / 4 + 1);
}

/* A revoked relay that stays silent is asked less and less often. */
static uint64_t wait_of(const struct look *l)
{
    uint64_t wait_s = l->r->bounds.every_s;
    for (uint32_t i = 0; l->watch.act == CT_RELAY_REVOKED && i < l->watch.strikes &&
                         i < BACKOFF_DOUBLINGS && wait_s < DAY_S / 2;
         i++) {
        wait_s *= 2;
    }
    return wait_s;
}

static bool keep(struct look *l)
{
    if (l->r->store->ops->relay_watch_put(l->r->store, &l->watch) == CT_OK) {
        return true;
    }
    ct_log(&l->r->log, CT_LOG_WARN, "store_failed what=relay_watch_put relay=%u", l->watch.index);
    return false;
}

static void leave(struct ct_relay_watch *w)
{
    w->act = CT_RELAY_LEFT;
    w->strikes = w->passes = 0;
    w->failing_s = 0;
    w->op[0] = '\0';
}

/* ---- what people see: the newest row of that index ---- */

static bool find_row(struct ct_store *s, uint16_t index, struct ct_relay_row *out)
{
    struct ct_relay_row *page = calloc(CT_STORE_PAGE, sizeof *page);
    size_t count = page == NULL ? 0 : CT_STORE_PAGE;
    const uint8_t *after = NULL;
    uint8_t last[32];
    bool found = false;
    while (count == CT_STORE_PAGE &&
           s->ops->relay_page(s, after, page, CT_STORE_PAGE, &count) == CT_OK && count > 0) {
        for (size_t i = 0; i < count; i++) {
            if (page[i].index == index && (!found || page[i].checked_s >= out->checked_s)) {
                *out = page[i];
                found = true;
            }
        }
        memcpy(last, page[count - 1].pending32, sizeof last);
        after = last;
    }
    free(page);
    return found;
}

static void note(const struct look *l, uint32_t rtt_us, const char *verdict)
{
    struct ct_relay_row row = {.index = 0};
    struct ct_store *s = l->r->store;
    if (!find_row(s, l->relay->index, &row)) {
        return; /* one that another wallet manager approved */
    }
    row.checked_s = l->r->wall_s();
    row.rtt_us = rtt_us;
    (void)snprintf(row.verdict, sizeof row.verdict, "%.299s", verdict);
    const struct ct_relay_test newest = {.at_s = row.checked_s, .rtt_us = rtt_us};
    if (s->ops->test_add(s, row.pending32, &newest) != CT_OK ||
        s->ops->relay_put(s, &row) != CT_OK) {
        ct_log(&l->r->log, CT_LOG_WARN, "store_failed what=relay_put");
    }
}

/* ---- what follows ---- */

static bool ask_for(struct look *l, enum ct_op_kind kind, bool as_person)
{
    struct ct_reprobe *r = l->r;
    struct ct_op op = {.kind = kind, .state = CT_OP_QUEUED};
    (void)snprintf(op.subject, sizeof op.subject, "%u", (unsigned)l->relay->index);
    if (!as_person) {
        memcpy(op.wallet20, r->approver20, sizeof op.wallet20);
    }
    ct_err err = r->store->ops->op_add(r->store, &op);
    if (err == CT_ERR_STATE) {
        return false; /* somebody else is about to change it */
    }
    if (err != CT_OK) {
        ct_log(&r->log, CT_LOG_WARN, "store_failed what=op_add relay=%u", l->relay->index);
        return false;
    }
    (void)snprintf(l->watch.op, sizeof l->watch.op, "%s", op.id);
    if (r->queued != NULL) {
        r->queued(r->queued_arg);
    }
    return true;
}

static void passed(struct look *l, uint32_t rtt_us)
{
    struct ct_reprobe *r = l->r;
    struct ct_relay_watch *w = &l->watch;
    uint64_t enough = r->bounds.strikes == 0 ? 1 : r->bounds.strikes;
    ct_metrics_count(CT_METRIC_PROBES_PASSED);
    ct_metrics_time(CT_TIMER_PROBE, (uint64_t)rtt_us * 1000);
    ct_log(&r->log, w->strikes > 0 ? CT_LOG_INFO : CT_LOG_DEBUG,
           "relay_answers relay=%u rtt_us=%u strikes_before=%u", w->index, rtt_us, w->strikes);
    w->strikes = 0;
    w->failing_s = 0;
    w->passes += w->passes < UINT32_MAX ? 1 : 0;
    if (w->act == CT_RELAY_REVOKED && w->passes >= enough &&
        ask_for(l, CT_OP_REINSTATE_RELAY, false)) {
        w->act = CT_RELAY_REINSTATING;
        ct_log(&r->log, CT_LOG_INFO, "relay_reinstated relay=%u operation=%s passes=%u", w->index,
               w->op, w->passes);
    }
}

static void failed(struct look *l, const char *cause)
{
    struct ct_reprobe *r = l->r;
    struct ct_relay_watch *w = &l->watch;
    const struct ct_reprobe_bounds *b = &r->bounds;
    uint64_t now_s = r->wall_s();
    ct_metrics_count(CT_METRIC_PROBES_REFUSED);
    w->passes = 0;
    w->strikes += w->strikes < UINT32_MAX ? 1 : 0;
    w->failing_s = w->failing_s == 0 ? now_s : w->failing_s;
    ct_log(&r->log, CT_LOG_WARN,
           "relay_strike relay=%u strikes=%u of=%" PRIu64 " failing_s=%" PRIu64 " cause=\"%s\"",
           w->index, w->strikes, b->strikes, now_s - w->failing_s, cause);
    if (w->act == CT_RELAY_LEFT && b->strikes > 0 && w->strikes >= b->strikes &&
        now_s >= w->failing_s + b->grace_s && ask_for(l, CT_OP_REVOKE_RELAY, false)) {
        ct_log(&r->log, CT_LOG_WARN, "relay_revoked relay=%u operation=%s strikes=%u cause=\"%s\"",
               w->index, w->op, w->strikes, cause);
        w->act = CT_RELAY_REVOKED;
        w->acted_s = now_s;
        w->strikes = 0;
        w->failing_s = 0;
    }
}

/* False: this host's own network may be down, so that the others need not be asked now. */
static bool test(struct look *l, struct ct_loop *loop)
{
    struct ct_reprobe *r = l->r;
    struct ct_why why = {{0}};
    uint32_t rtt_us = 0;
    ct_err err = ct_witness_probe(r, l->relay, &rtt_us, &why);
    bool ours = CT_ERR_CLASS(err) == CT_ERR_CLASS_HOST;
    bool blind = err != CT_OK && (ours || !ct_witness_found(r, l->relay, loop));
    if (ct_loop_ending(loop)) {
        return false; /* a test that was cut short says nothing */
    }
    if (blind) {
        ct_metrics_count(CT_METRIC_PROBES_WAIT);
        ct_log(&r->log, CT_LOG_WARN,
               "reprobe_blind relay=%u cause=\"%s\" remedy=\"%scheck this host's network; nothing "
               "is counted\"",
               l->relay->index, why.text, ours ? "" : "no other approved relay passes either: ");
    } else if (err == CT_OK) {
        passed(l, rtt_us);
    } else {
        failed(l, why.text);
    }
    note(l, err == CT_OK ? rtt_us : 0, err == CT_OK ? "passed" : why.text);
    l->watch.due_s = later(r->wall_s(), wait_of(l));
    (void)keep(l);
    /* a revoked one may need a family that this host lacks, and that the others do without */
    return !blind || (ours && l->relay->state == CT_RECORD_REVOKED);
}

/* ---- what became of the last act ---- */

/* False: it is under way. */
static bool settle(struct look *l)
{
    struct ct_relay_watch *w = &l->watch;
    struct ct_op op = {.state = CT_OP_DONE};
    bool approved = l->relay->state == CT_RECORD_APPROVED;
    if (w->act == CT_RELAY_LEFT) {
        return true;
    }
    ct_err err = w->op[0] == '\0' ? CT_OK : l->r->store->ops->op_find(l->r->store, w->op, &op);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return false;
    }
    if (err == CT_OK && op.state != CT_OP_DONE && op.state != CT_OP_FAILED) {
        return false;
    }
    bool done = err == CT_OK && op.state == CT_OP_DONE;
    if (w->act == CT_RELAY_REVOKED && (approved || !done)) {
        leave(w); /* a person's approval, or a person's revocation */
    } else if (w->act == CT_RELAY_REINSTATING && approved) {
        /* who said "revoked" while this was under way is obeyed */
        if (w->held_s >= w->acted_s && !ask_for(l, CT_OP_REVOKE_RELAY, true)) {
            return false;
        }
        leave(w);
    } else if (w->act == CT_RELAY_REINSTATING) {
        w->act = CT_RELAY_REVOKED; /* the contract refused: its ports are another's by now */
        w->op[0] = '\0';
        w->passes = 0;
        w->due_s = later(l->r->wall_s(), DAY_S);
    } else {
        return true;
    }
    return keep(l);
}

/* The row of this very record; a new one for another. */
static bool open_watch(struct look *l)
{
    struct ct_reprobe *r = l->r;
    uint8_t digest[32];
    ct_relay_digest(digest, l->relay);
    ct_err err = r->store->ops->relay_watch_find(r->store, l->relay->index, &l->watch);
    if (err == CT_OK && memcmp(l->watch.digest32, digest, sizeof digest) == 0) {
        return true;
    }
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return false;
    }
    uint64_t held_s = err == CT_OK ? l->watch.held_s : 0;
    uint64_t now_s = r->wall_s();
    l->watch = (struct ct_relay_watch){.index = l->relay->index, .held_s = held_s};
    memcpy(l->watch.digest32, digest, sizeof digest);
    l->watch.due_s = now_s + random_below(r->bounds.every_s + 1); /* it was tested to be approved */
    return keep(l);
}

/* False: the round had better end. */
static bool look_at(struct ct_reprobe *r, const struct ct_relay *relay, struct ct_loop *loop)
{
    struct look l = {.r = r, .relay = relay};
    bool go_on = true;
    if ((relay->state != CT_RECORD_APPROVED && relay->state != CT_RECORD_REVOKED) ||
        ct_witness_is_expired(relay, r->wall_s()) || !open_watch(&l) || !settle(&l)) {
        return true;
    }
    bool revoked = l.watch.act == CT_RELAY_REVOKED && l.watch.held_s < l.watch.acted_s;
    if (relay->state == CT_RECORD_APPROVED ? l.watch.act != CT_RELAY_LEFT : !revoked) {
        return true; /* it is somebody else's affair */
    }
    if (l.watch.due_s <= r->wall_s()) {
        go_on = test(&l, loop);
    }
    r->next_s = l.watch.due_s < r->next_s ? l.watch.due_s : r->next_s;
    return go_on;
}

void ct_reprobe_round(void *reprobe, struct ct_loop *loop)
{
    struct ct_reprobe *r = reprobe;
    struct ct_why why = {{0}};
    uint64_t now_s = r->wall_s();
    if (r->bounds.every_s == 0 || now_s < r->next_s) {
        return;
    }
    r->list = calloc(CT_LEDGER_RELAYS_MAX, sizeof *r->list);
    if (r->list == NULL) {
        return;
    }
    ct_err err =
        r->ledger.ops->relays(r->ledger.arg, r->list, CT_LEDGER_RELAYS_MAX, &r->count, NULL, &why);
    r->next_s = now_s + (r->bounds.every_s < ASK_AGAIN_S ? r->bounds.every_s : ASK_AGAIN_S);
    if (err != CT_OK) {
        ct_log(&r->log, CT_LOG_WARN, "reprobe_waits cause=\"%s\"", why.text);
    } else if (r->count > 0) {
        /* from anywhere, so that those whose neighbours are all silent do not hide the others */
        size_t from = (size_t)random_below(r->count);
        bool go_on = true;
        for (size_t i = 0; i < r->count && go_on && !ct_loop_ending(loop); i++) {
            go_on = look_at(r, &r->list[(from + i) % r->count], loop);
        }
    }
    free(r->list);
    r->list = NULL;
}

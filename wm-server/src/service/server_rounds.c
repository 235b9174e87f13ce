/* What the threads of their own do, each a round at a time, and who wakes them. */
#include "service/server_parts.h"

#include "base/clock.h"

enum { VET_PERIOD_MS = 500 };

void ct_server_wake(void *arg, enum ct_op_kind kind)
{
    struct ct_server *s = arg;
    if (kind == CT_OP_APPROVE_RELAY) {
        ct_loop_kick(s->vet_loop);
    } else if (kind == CT_OP_FUND) {
        ct_loop_kick(s->fund_loop);
    } else if (atomic_fetch_add(&s->gathered, 1) + 1 == s->settings.batch) {
        ct_loop_kick(s->tx_loop); /* a full transaction does not wait for the window's end */
    }
}

/* A lease was taken. */
void ct_server_taken(void *arg)
{
    struct ct_server *s = arg;
    ct_loop_kick(s->vet_loop);
    ct_loop_kick(s->reprobe_loop);
    ct_loop_kick(s->tx_loop);
    ct_loop_kick(s->fund_loop);
}

void ct_server_passed(void *arg)
{
    struct ct_server *s = arg;
    ct_loop_kick(s->tx_loop);
}

/* In the vet loop's thread, whose chain object it asks. */
static void follow_keys(struct ct_server *s)
{
    struct ct_why why = {{0}};
    struct ct_keywatch watch = s->keywatch; /* only this thread writes it */
    bool is_new = ct_keywatch_look(&watch, s->chains[CT_OF_VET], ct_mono_ms());
    (void)pthread_mutex_lock(&s->reload_lock);
    s->keywatch = watch;
    ct_err err = is_new ? ct_server_apply_keys(s, &why) : CT_OK;
    uint32_t id = s->api.issuer.key_id;
    (void)pthread_mutex_unlock(&s->reload_lock);
    if (err != CT_OK) {
        ct_log(&s->log, CT_LOG_ERROR, "keys_not_listed keeps=%u cause=\"%s\"", id, why.text);
    } else if (is_new) {
        ct_log(&s->log, CT_LOG_INFO, "keys listed=%u previous=%u signs_with=%u", watch.listed[0].id,
               watch.listed[1].id, id);
    }
}

/* One round sees one configuration. */
static void vet_round(void *arg, struct ct_loop *loop)
{
    struct ct_server *s = arg;
    follow_keys(s);
    if (!ct_lease_enter(s->replica.leases[CT_ACCOUNT_APPROVER], s->handles[CT_BY_VET])) {
        return;
    }
    (void)pthread_mutex_lock(&s->reload_lock);
    struct ct_server_vet_bounds b = s->vet_bounds;
    s->vet.issuer.key = s->api.issuer.key;
    s->vet.issuer.key_id = s->api.issuer.key_id;
    (void)pthread_mutex_unlock(&s->reload_lock);
    s->vet.probe_timeout_ms = b.timeout_ms;
    s->vet.approval_days = b.approval_days;
    s->vet.allow_private = b.allow_private;
    ct_vet_round(&s->vet, loop);
}

static void reprobe_round(void *arg, struct ct_loop *loop)
{
    struct ct_server *s = arg;
    if (!ct_lease_enter(s->replica.leases[CT_ACCOUNT_APPROVER], s->handles[CT_BY_REPROBE])) {
        return;
    }
    (void)pthread_mutex_lock(&s->reload_lock);
    s->reprobe.bounds = s->reprobe_bounds;
    s->reprobe.issuer.key = s->api.issuer.key;
    s->reprobe.issuer.key_id = s->api.issuer.key_id;
    (void)pthread_mutex_unlock(&s->reload_lock);
    ct_reprobe_round(&s->reprobe, loop);
}

static void tx_round(void *arg, struct ct_loop *loop)
{
    struct ct_server *s = arg;
    atomic_store(&s->gathered, 0);
    ct_txmgr_round(s->txmgr, loop);
}

ct_err ct_server_loops(struct ct_server *s, struct ct_why *why)
{
    uint32_t window_ms = (uint32_t)s->settings.window_ms;
    ct_err err = ct_loop_start(&s->tx_loop, window_ms, tx_round, s);
    if (err == CT_OK && s->funder != NULL) {
        err = ct_loop_start(&s->fund_loop, window_ms, ct_txmgr_round, s->funder);
    }
    if (err == CT_OK) {
        err = ct_loop_start(&s->vet_loop, VET_PERIOD_MS, vet_round, s);
    }
    if (err == CT_OK) {
        err = ct_loop_start(&s->reprobe_loop, VET_PERIOD_MS, reprobe_round, s);
    }
    if (err == CT_OK) {
        return ct_replica_run(&s->replica, why);
    }
    return ct_why(why, CT_ERR_SYSTEM, "cannot start a thread");
}

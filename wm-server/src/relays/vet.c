/* From a proposal to an approval that waits to be sent, or to a refusal with its reason. */
#include "relays/vet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relays/reach.h"
#include "operator/metrics.h"
#include "tx/crash.h"
#include "tx/ops.h"
#include "relays/probe.h"

/* So many are looked at in a round: those that wait for this host's network hold up no others. */
enum { DAY_S = 86400, GIVE_UP_S = 900, ROUND_MAX = 64 };

static bool overlaps(const struct ct_relay *a, const struct ct_relay *b)
{
    bool same4 = ct_relay_has_ip4(a->relay_ip4) && memcmp(a->relay_ip4, b->relay_ip4, 4) == 0;
    bool same6 = ct_relay_has_ip6(a->relay_ip6) && memcmp(a->relay_ip6, b->relay_ip6, 16) == 0;
    return (same4 || same6) && a->port_min <= b->port_max && b->port_min <= a->port_max;
}

/* Nobody else's addresses and ports, nobody else's index. */
static ct_err compare(struct ct_vet *v, const struct ct_relay *proposal, struct ct_why *why)
{
    size_t count = 0;
    struct ct_relay *all = calloc(CT_LEDGER_RELAYS_MAX, sizeof *all);
    if (all == NULL) {
        return CT_ERR_NOMEM;
    }
    ct_err err = v->ledger.ops->relays(v->ledger.arg, all, CT_LEDGER_RELAYS_MAX, &count, NULL, why);
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        const struct ct_relay *r = &all[i];
        if (r->index == proposal->index) {
            if (memcmp(r->owner20, proposal->owner20, 20) != 0) {
                err = ct_why(why, CT_ERR_REFUSED, "relay %u is another owner's", r->index);
            }
        } else if (r->state == CT_RECORD_APPROVED && overlaps(r, proposal)) {
            err = ct_why(why, CT_ERR_REFUSED,
                         "relay %u has ports %u to %u on that relayed address already: choose "
                         "another range",
                         r->index, r->port_min, r->port_max);
        }
    }
    free(all);
    return err;
}

/* The record may have been replaced since the API looked at it. An address that goes untested would
 * stand in the list all the same: of each family there are both, or none. */
static ct_err check_addresses(const struct ct_vet *v, const struct ct_relay *r, struct ct_why *why)
{
    if (ct_relay_has_ip4(r->listen_ip4) != ct_relay_has_ip4(r->relay_ip4) ||
        ct_relay_has_ip6(r->listen_ip6) != ct_relay_has_ip6(r->relay_ip6)) {
        return ct_why(why, CT_ERR_REFUSED,
                      "of each family the record needs both a listening and a relayed address, or "
                      "neither: set listening-ip and relay-ip");
    }
    if (!v->allow_private && !ct_reach_relay(r)) {
        return ct_why(why, CT_ERR_REFUSED,
                      "an address in the proposal is not one of the Internet; register public "
                      "addresses (external-ip)");
    }
    return CT_OK;
}

static ct_err check(struct ct_vet *v, const struct ct_op *op, struct ct_op_approval *approval,
                    uint32_t *rtt_us, struct ct_why *why)
{
    struct ct_relay proposal;
    ct_err err = ct_op_get_approval(approval, op);
    if (err != CT_OK) {
        return ct_why(why, err, "the stored operation is damaged");
    }
    err = v->ledger.ops->pending(v->ledger.arg, approval->pending32, &proposal, NULL, why);
    if (err != CT_OK) {
        return err;
    }
    if (memcmp(proposal.owner20, op->wallet20, 20) != 0) {
        return ct_why(why, CT_ERR_REFUSED, "the proposal's owner changed");
    }
    err = check_addresses(v, &proposal, why);
    if (err == CT_OK) {
        err = compare(v, &proposal, why);
    }
    if (err != CT_OK) {
        return err;
    }
    const struct ct_probe probe = {.issuer = &v->issuer,
                                   .chain_id = v->chain_id,
                                   .contract20 = v->contract20,
                                   .relay = &proposal,
                                   .timeout_ms = v->probe_timeout_ms,
                                   .allow_private = v->allow_private,
                                   .approves = true,
                                   .peer_at = v->probe_at,
                                   .now_s = v->wall_s()};
    err = v->probe(&probe, rtt_us, why);
    if (err != CT_OK) {
        /* a relay that does not answer is a finding, not a fault of the world */
        return CT_ERR_CLASS(err) == CT_ERR_CLASS_HOST ? err : CT_ERR_REFUSED;
    }
    ct_relay_digest(approval->digest32, &proposal);
    approval->expiry_day = (uint16_t)(v->wall_s() / DAY_S + v->approval_days);
    return CT_OK;
}

static void note(struct ct_vet *v, const struct ct_op *op, const struct ct_op_approval *approval,
                 uint32_t rtt_us, const char *verdict)
{
    struct ct_relay_row row = {.checked_s = v->wall_s(), .rtt_us = rtt_us};
    memcpy(row.pending32, approval->pending32, sizeof row.pending32);
    memcpy(row.owner20, op->wallet20, sizeof row.owner20);
    (void)snprintf(row.verdict, sizeof row.verdict, "%.299s", verdict);
    const struct ct_relay_test test = {.at_s = row.checked_s, .rtt_us = rtt_us};
    if (v->store->ops->test_add(v->store, row.pending32, &test) != CT_OK ||
        v->store->ops->relay_put(v->store, &row) != CT_OK) {
        ct_log(&v->log, CT_LOG_WARN, "store_failed what=relay_put");
    }
}

void ct_vet_one(struct ct_vet *v, const struct ct_op *op)
{
    struct ct_op_approval approval = {0};
    struct ct_op changed = *op;
    struct ct_why why = {{0}};
    uint32_t rtt_us = 0;
    ct_err err = check(v, op, &approval, &rtt_us, &why);
    bool is_ours =
        CT_ERR_CLASS(err) == CT_ERR_CLASS_WORLD || CT_ERR_CLASS(err) == CT_ERR_CLASS_HOST;
    if (is_ours && v->wall_s() < op->created_s + GIVE_UP_S) {
        ct_metrics_count(CT_METRIC_PROBES_WAIT);
        ct_log(&v->log, CT_LOG_WARN, "vet_waits operation=%s cause=\"%s\"", op->id, why.text);
        return;
    }
    if (err == CT_OK) {
        err = ct_op_put_approval(&changed, &approval);
    }
    note(v, op, &approval, rtt_us, err == CT_OK ? "passed" : why.text);
    ct_metrics_count(err == CT_OK ? CT_METRIC_PROBES_PASSED : CT_METRIC_PROBES_REFUSED);
    if (err == CT_OK) {
        ct_metrics_time(CT_TIMER_PROBE, (uint64_t)rtt_us * 1000);
        ct_log(&v->log, CT_LOG_INFO, "relay_passed operation=%s rtt_us=%u", op->id, rtt_us);
        CT_CRASH(relay_noted);
        err = v->store->ops->op_move(v->store, op->id, CT_OP_CHECKING, CT_OP_QUEUED,
                                     changed.payload, changed.payload_len, "");
        CT_CRASH(relay_queued);
        if (err == CT_OK && v->passed != NULL) {
            v->passed(v->passed_arg);
        }
    } else {
        ct_log(&v->log, CT_LOG_WARN, "relay_refused operation=%s cause=\"%s\"", op->id, why.text);
        ct_why_prefix(&why, "probe-failed");
        err = v->store->ops->op_move(v->store, op->id, CT_OP_CHECKING, CT_OP_FAILED, NULL, 0,
                                     why.text);
    }
    if (err != CT_OK) {
        ct_log(&v->log, CT_LOG_ERROR, "store_failed what=op_move operation=%s err=\"%s\"", op->id,
               ct_err_text(err));
    }
}

void ct_vet_round(void *vet, struct ct_loop *loop)
{
    struct ct_vet *v = vet;
    struct ct_op *ops = calloc(ROUND_MAX, sizeof *ops);
    size_t count = 0;
    if (ops != NULL && v->store->ops->op_list(v->store, CT_OP_CHECKING, CT_OP_APPROVE_RELAY, ops,
                                              ROUND_MAX, &count) == CT_OK) {
        for (size_t i = 0; i < count && !ct_loop_ending(loop); i++) {
            ct_vet_one(v, &ops[i]);
        }
    }
    free(ops);
}

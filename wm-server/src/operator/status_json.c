/* The state of the server as JSON. */
#include "operator/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "chain/key.h"
#include "tx/ops.h"
#include "turn/addr.h"

enum { TEXT_MAX = 1 << 20 };

static void put_number(struct ct_text *t, const char *name, double value)
{
    if (isfinite(value)) {
        ct_text_add(t, "\"%s\":%.15g", name, value);
    } else {
        ct_text_add(t, "\"%s\":null", name);
    }
}

static void put_text(struct ct_text *t, const char *name, const char *value)
{
    ct_text_add(t, "\"%s\":\"", name);
    ct_text_json(t, value);
    ct_text_put(t, "\"", 1);
}

static void put_addr(struct ct_text *t, const char *name, const uint8_t addr20[20])
{
    char text[CT_ADDR_TEXT_LEN];
    ct_addr_text(text, addr20);
    put_text(t, name, text);
}

static void put_hex32(struct ct_text *t, const char *name, const uint8_t data32[32])
{
    char text[67];
    ct_hex0x(text, data32, 32);
    put_text(t, name, text);
}

static const char *comma(size_t i)
{
    return i == 0 ? "" : ",";
}

static void put_checks(struct ct_text *t, const struct ct_status_view *v)
{
    ct_text_add(t, "\"ready\":%s,\"checks\":[", v->ready ? "true" : "false");
    for (size_t i = 0; i < CT_HEALTH_CHECKS; i++) {
        ct_text_add(t, "%s{\"name\":\"%s\",\"ok\":%s,", comma(i), v->checks[i].name,
                    v->checks[i].good ? "true" : "false");
        put_text(t, "detail", v->checks[i].words);
        ct_text_put(t, "}", 1);
    }
    ct_text_put(t, "]", 1);
}

static void put_leases(struct ct_text *t, const struct ct_status_view *v)
{
    ct_text_add(t, ",\"leases\":[");
    for (size_t i = 0; i < v->lease_count; i++) {
        const struct ct_lease_view *l = &v->leases[i];
        ct_text_add(t, "%s{\"role\":\"%s\",\"leads\":%s,\"number\":%llu,", comma(i), l->role,
                    l->leads ? "true" : "false", (unsigned long long)l->number);
        put_text(t, "holder", l->holder);
        ct_text_put(t, "}", 1);
    }
    ct_text_put(t, "]", 1);
}

static void put_chain(struct ct_text *t, const struct ct_status *s, const struct ct_status_view *v)
{
    const struct ct_watch_view *w = &v->watch;
    ct_text_add(t, ",\"chain\":{\"id\":%llu,", (unsigned long long)s->chain_id);
    put_addr(t, "contract", s->contract20);
    ct_text_add(t, ",\"block\":%llu,\"block_time\":%llu,\"agreeing\":%u,\"endpoints\":%u}",
                (unsigned long long)w->block, (unsigned long long)w->block_time_s,
                w->chain_known ? w->agreeing : 0, w->endpoints);
    ct_text_add(t, ",\"accounts\":[");
    for (size_t i = 0; i < w->account_count; i++) {
        const struct ct_watch_balance *b = &w->accounts[i];
        ct_text_add(t, "%s{\"role\":\"%s\",", comma(i), b->role);
        put_addr(t, "address", b->addr20);
        ct_text_put(t, ",", 1);
        put_number(t, "ether", b->ether);
        ct_text_put(t, ",", 1);
        put_number(t, "needed_ether", b->needed);
        ct_text_put(t, ",", 1);
        put_number(t, "day_ether", b->day_ether);
        ct_text_put(t, ",", 1);
        put_number(t, "runway_days", b->runway_days);
        ct_text_add(t, ",\"runway_short\":%s,\"balance_high\":%s}", b->is_short ? "true" : "false",
                    b->is_too_much ? "true" : "false");
    }
    ct_text_put(t, "]", 1);
}

static void put_counts(struct ct_text *t, const struct ct_status_view *v)
{
    const struct ct_store_counts *c = &v->counts;
    uint64_t open = c->tx_signed + c->tx_sent + c->tx_mined;
    char digits[65];
    if (v->counts_known) {
        ct_text_add(t,
                    ",\"under_way\":{\"checking\":%llu,\"queued\":%llu,\"sent\":%llu,"
                    "\"oldest\":%llu,\"transactions\":%llu}",
                    (unsigned long long)c->checking, (unsigned long long)c->queued,
                    (unsigned long long)c->sent, (unsigned long long)c->oldest_s,
                    (unsigned long long)open);
    }
    if (v->watch.totals_known) {
        ct_text_add(t, ",\"totals\":{\"devices\":%llu,\"relays\":%llu}",
                    (unsigned long long)v->watch.devices, (unsigned long long)v->watch.relays);
    }
    ct_text_add(t, ",\"sessions\":%zu", v->sessions);
    if (v->audit.n > 0) {
        ct_hex(digits, v->audit.hash32, 32);
        ct_text_add(t, ",\"audit\":{\"line\":%llu,\"hash\":\"%s\"}", (unsigned long long)v->audit.n,
                    digits);
    }
}

/* Where devices find it; IPv4 first. */
static void put_place(struct ct_text *t, const struct ct_relay *r)
{
    char text[CT_ADDR_TEXT];
    struct ct_addr at = ct_relay_has_ip4(r->listen_ip4)
                            ? ct_addr_ip4(r->listen_ip4, r->listen_port)
                            : ct_addr_ip6(r->listen_ip6, r->listen_port);
    ct_addr_to_text(text, &at);
    ct_text_add(t, ",\"index\":%u,", r->index);
    put_text(t, "listens", text);
    ct_text_add(t, ",\"ports\":[%u,%u],\"expiry_day\":%u", r->port_min, r->port_max, r->expiry_day);
}

static void put_relay(struct ct_text *t, const struct ct_status *s, const struct ct_status_view *v,
                      const struct ct_roster_row *r)
{
    struct ct_relay_test tests[CT_RELAY_TESTS];
    put_text(t, "state", ct_status_relay_state(r, v->now_s));
    ct_text_put(t, ",", 1);
    put_addr(t, "owner", r->listed ? r->relay.owner20 : r->row.owner20);
    if (r->listed) {
        put_place(t, &r->relay);
    }
    if (!r->tested) {
        return;
    }
    ct_text_put(t, ",", 1);
    put_hex32(t, "pending_id", r->row.pending32);
    ct_text_add(t, ",\"tested\":%llu,\"rtt_us\":%u,", (unsigned long long)r->row.checked_s,
                r->row.rtt_us);
    put_text(t, "verdict", r->row.verdict);
    size_t n = ct_status_tests(s, &r->row, tests);
    ct_text_add(t, ",\"tests\":[");
    for (size_t i = 0; i < n; i++) {
        ct_text_add(t, "%s[%llu,%u]", comma(i), (unsigned long long)tests[i].at_s, tests[i].rtt_us);
    }
    ct_text_put(t, "]", 1);
}

static void put_relays(struct ct_text *t, const struct ct_status *s, const struct ct_status_view *v)
{
    size_t next = v->relay_from + v->relay_count;
    ct_text_add(t, ",\"relays\":{\"total\":%zu,\"items\":[", v->relay_total);
    for (size_t i = 0; i < v->relay_count; i++) {
        ct_text_add(t, "%s{", comma(i));
        put_relay(t, s, v, &v->relays[i]);
        ct_text_put(t, "}", 1);
    }
    if (next < v->relay_total) {
        ct_text_add(t, "],\"next\":\"%zu\"}", next);
    } else {
        ct_text_add(t, "],\"next\":null}");
    }
}

static void put_devices(struct ct_text *t, const struct ct_status_view *v)
{
    ct_text_add(t, ",\"devices\":{\"items\":[");
    for (size_t i = 0; i < v->device_count; i++) {
        const struct ct_device_row *d = &v->devices[i];
        ct_text_add(t, "%s{", comma(i));
        put_text(t, "identity", d->identity);
        ct_text_put(t, ",", 1);
        put_addr(t, "wallet", d->wallet20);
        ct_text_add(t,
                    ",\"relay\":%u,\"port\":%u,\"sequence\":%u,\"expiry_day\":%u,\"block\":%llu}",
                    d->relay, d->port, d->sequence, d->expiry_day, (unsigned long long)d->block);
    }
    ct_text_put(t, "],", 2);
    if (v->more_devices) {
        put_text(t, "next", v->devices[v->device_count - 1].identity);
        ct_text_put(t, "}", 1);
    } else {
        ct_text_add(t, "\"next\":null}");
    }
}

static void put_txs(struct ct_text *t, const struct ct_status_view *v)
{
    ct_text_add(t, ",\"transactions\":[");
    for (size_t i = 0; i < v->tx_count; i++) {
        const struct ct_status_tx *x = &v->txs[i];
        ct_text_add(t, "%s{\"account\":\"%s\",\"nonce\":%llu,", comma(i), x->account,
                    (unsigned long long)x->row.nonce);
        put_hex32(t, "hash", x->row.hash32);
        ct_text_add(t, ",\"kind\":\"%s\",\"state\":\"%s\",\"attempt\":%u,\"created\":%llu,",
                    ct_op_kind_text(x->kind), ct_status_tx_state(x->row.state), x->row.attempt + 1,
                    (unsigned long long)x->row.created_s);
        put_number(t, "max_fee_gwei", (double)x->row.max_fee_wei / 1e9);
        ct_text_put(t, ",", 1);
        put_number(t, "tip_gwei", (double)x->row.tip_wei / 1e9);
        ct_text_add(t, ",\"block\":%llu}", (unsigned long long)x->row.block);
    }
    ct_text_put(t, "]", 1);
}

static void put_ops(struct ct_text *t, const struct ct_status_view *v)
{
    ct_text_add(t, ",\"waiting\":[");
    for (size_t i = 0; i < v->op_count; i++) {
        const struct ct_op *op = &v->ops[i];
        ct_text_add(t, "%s{", comma(i));
        put_text(t, "operation", op->id);
        ct_text_add(t, ",\"kind\":\"%s\",\"created\":%llu,", ct_op_kind_text(op->kind),
                    (unsigned long long)op->created_s);
        put_text(t, "subject", op->subject);
        ct_text_put(t, ",", 1);
        put_text(t, "reason", op->reason);
        ct_text_put(t, "}", 1);
    }
    ct_text_put(t, "]", 1);
}

void ct_status_json(const struct ct_status *s, const struct ct_request *request,
                    struct ct_answer *answer)
{
    struct ct_status_view *v = malloc(sizeof *v);
    if (v == NULL) {
        ct_answer_problem(answer, 500, "internal", "out of memory");
        return;
    }
    if (ct_status_look(s, request, v, answer)) {
        struct ct_text t = ct_text_init(TEXT_MAX);
        ct_text_add(&t, "{\"time\":%llu,", (unsigned long long)v->now_s);
        put_checks(&t, v);
        put_leases(&t, v);
        put_chain(&t, s, v);
        put_counts(&t, v);
        put_relays(&t, s, v);
        put_devices(&t, v);
        put_txs(&t, v);
        put_ops(&t, v);
        ct_text_put(&t, "}\n", 2);
        ct_answer_text(answer, 200, "application/json", &t);
    }
    free(v);
}

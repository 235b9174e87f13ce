/* The tables of the status page. Whatever came from others goes through ct_text_html(). */
#include "operator/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hex.h"
#include "chain/json.h"
#include "chain/key.h"
#include "tx/ops.h"
#include "turn/addr.h"

enum { DAY_S = 86400, SPARK_WIDTH = 96, SPARK_HEIGHT = 20, EVENTS = 25, LATE_S = 300 };

/* ---- pieces ---- */

void ct_page_pill(struct ct_text *out, const char *tone, const char *text)
{
    ct_text_add(out, "<span class=\"pill %s\">", tone);
    ct_text_html(out, text);
    ct_text_add(out, "</span>");
}

void ct_page_cut(struct ct_text *out, const char *text)
{
    ct_text_add(out, "<code class=\"cut\" title=\"");
    ct_text_html(out, text);
    ct_text_add(out, "\">");
    ct_text_html(out, text);
    ct_text_add(out, "</code>");
}

static void cut_addr(struct ct_text *out, const uint8_t addr20[20])
{
    char text[CT_ADDR_TEXT_LEN];
    ct_addr_text(text, addr20);
    ct_page_cut(out, text);
}

void ct_page_span(struct ct_text *out, uint64_t seconds)
{
    unsigned long long s = seconds;
    if (s < 60) {
        ct_text_add(out, "%llu s", s);
    } else if (s < 3600) {
        ct_text_add(out, "%llu min", s / 60);
    } else if (s < 2ull * DAY_S) {
        ct_text_add(out, "%llu h", s / 3600);
    } else {
        ct_text_add(out, "%llu days", s / DAY_S);
    }
}

void ct_page_ago(struct ct_text *out, uint64_t now_s, uint64_t at_s)
{
    struct tm utc;
    char stamp[32] = "";
    time_t at = (time_t)at_s;
    if (gmtime_r(&at, &utc) != NULL) {
        (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
    ct_text_add(out, "<time datetime=\"%s\" title=\"%s\">", stamp, stamp);
    ct_page_span(out, now_s > at_s ? now_s - at_s : 0);
    ct_text_add(out, " ago</time>");
}

/* A day since 1970 as a date; the last day counts to its end. */
static void until(struct ct_text *out, uint64_t now_s, uint16_t day)
{
    struct tm utc;
    char date[16] = "";
    time_t at = (time_t)day * DAY_S;
    if (gmtime_r(&at, &utc) != NULL) {
        (void)strftime(date, sizeof date, "%Y-%m-%d", &utc);
    }
    uint64_t today = now_s / DAY_S;
    if (day < today) {
        ct_text_add(out, "<time datetime=\"%s\">%s</time> ", date, date);
        ct_page_pill(out, "bad", "over");
    } else {
        ct_text_add(out, "<time datetime=\"%s\">%s</time>", date, date);
        if (day < today + 7) {
            ct_text_add(out, " ");
            ct_page_pill(out, "warn", "soon");
        }
    }
}

void ct_page_none(struct ct_text *out, unsigned columns, const char *text)
{
    ct_text_add(out, "<tr><td class=\"none\" colspan=\"%u\">%s</td></tr>", columns, text);
}

/* ---- relays ---- */

/* Round trips as a line that begins at 0, failed tests as dots below it. */
static void spark(struct ct_text *out, const struct ct_relay_test *tests, size_t n)
{
    uint32_t most = 1;
    size_t failed = 0;
    for (size_t i = 0; i < n; i++) {
        most = tests[i].rtt_us > most ? tests[i].rtt_us : most;
        failed += tests[i].rtt_us == 0;
    }
    ct_text_add(out,
                "<svg class=\"spark\" width=\"%d\" height=\"%d\" viewBox=\"-2 -2 %d %d\" "
                "role=\"img\" aria-label=\"last %zu tests, slowest %.1f ms, %zu failed\">"
                "<polyline fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.5\" "
                "stroke-linejoin=\"round\" points=\"",
                SPARK_WIDTH, SPARK_HEIGHT + 4, SPARK_WIDTH + 4, SPARK_HEIGHT + 4, n,
                (double)most / 1000, failed);
    for (size_t i = 0; i < n; i++) {
        if (tests[i].rtt_us != 0) {
            ct_text_add(out, "%.1f,%.1f ", (double)i * SPARK_WIDTH / (double)(n > 1 ? n - 1 : 1),
                        SPARK_HEIGHT - (double)tests[i].rtt_us * SPARK_HEIGHT / most);
        }
    }
    ct_text_add(out, "\"/>");
    for (size_t i = 0; i < n; i++) {
        if (tests[i].rtt_us == 0) {
            ct_text_add(out, "<circle class=\"miss\" cx=\"%.1f\" cy=\"%d\" r=\"2\"/>",
                        (double)i * SPARK_WIDTH / (double)(n > 1 ? n - 1 : 1), SPARK_HEIGHT);
        }
    }
    ct_text_add(out, "</svg>");
}

static const char *tone_of(const char *state)
{
    if (strcmp(state, "approved") == 0) {
        return "good";
    }
    return strcmp(state, "passed") == 0 || strcmp(state, "pending") == 0 ? "warn" : "bad";
}

static void relay_places(struct ct_text *out, const struct ct_relay *r)
{
    char text[CT_ADDR_TEXT];
    if (ct_relay_has_ip4(r->listen_ip4)) {
        struct ct_addr at = ct_addr_ip4(r->listen_ip4, r->listen_port);
        ct_addr_to_text(text, &at);
        ct_text_html(out, text);
    }
    if (ct_relay_has_ip6(r->listen_ip6)) {
        struct ct_addr at = ct_addr_ip6(r->listen_ip6, r->listen_port);
        ct_addr_to_text(text, &at);
        ct_text_add(out, "%s", ct_relay_has_ip4(r->listen_ip4) ? "<br>" : "");
        ct_text_html(out, text);
    }
    ct_text_add(out, "</code></td><td>%u&#8211;%u</td><td>", r->port_min, r->port_max);
}

static void relay_tests(const struct ct_page *p, const struct ct_roster_row *r)
{
    struct ct_relay_test tests[CT_RELAY_TESTS];
    bool passed = strcmp(r->row.verdict, "passed") == 0;
    if (!r->tested) {
        ct_text_add(p->out, "<td>not by this platform</td><td></td>");
        return;
    }
    ct_text_add(p->out, "<td>");
    ct_page_ago(p->out, p->view->now_s, r->row.checked_s);
    if (!passed) {
        ct_text_add(p->out, "<span class=\"why\">");
        ct_text_html(p->out, r->row.verdict);
        ct_text_add(p->out, "</span>");
    }
    ct_text_add(p->out, "</td><td><span class=\"trip\">");
    size_t n = ct_status_tests(p->status, &r->row, tests);
    if (n == 0) {
        /* of before tests were remembered */
        tests[0] = (struct ct_relay_test){r->row.checked_s, passed ? r->row.rtt_us : 0};
        n = 1;
    }
    if (n > 1) {
        spark(p->out, tests, n);
    }
    if (tests[n - 1].rtt_us != 0) {
        ct_text_add(p->out, "%.1f ms", (double)tests[n - 1].rtt_us / 1000);
    }
    ct_text_add(p->out, "</span></td>");
}

void ct_page_relays(const struct ct_page *p)
{
    char pending[67];
    struct ct_text *t = p->out;
    for (size_t i = 0; i < p->view->relay_count; i++) {
        const struct ct_roster_row *r = &p->view->relays[i];
        const char *state = ct_status_relay_state(r, p->view->now_s);
        if (r->listed) {
            ct_text_add(t, "<tr><th scope=\"row\">%u</th><td>", r->relay.index);
        } else {
            ct_text_add(t, "<tr><th scope=\"row\">proposal</th><td>");
        }
        ct_page_pill(t, tone_of(state), state);
        ct_text_add(t, "</td><td><code>");
        if (r->listed) {
            relay_places(t, &r->relay);
        } else {
            ct_hex0x(pending, r->row.pending32, 32);
            ct_text_add(t, "</code>");
            ct_page_cut(t, pending);
            ct_text_add(t, "</td><td></td><td>");
        }
        cut_addr(t, r->listed ? r->relay.owner20 : r->row.owner20);
        ct_text_add(t, "</td>");
        relay_tests(p, r);
        ct_text_add(t, "<td>");
        if (r->listed) {
            until(t, p->view->now_s, r->relay.expiry_day);
        }
        ct_text_add(t, "</td></tr>");
    }
    if (p->view->relay_count == 0) {
        ct_page_none(t, 8, "No relay yet. A relay whose operator has the bundle proposes itself.");
    }
}

void ct_page_relay_pages(const struct ct_page *p)
{
    size_t next = p->view->relay_from + p->view->relay_count;
    if (p->view->relay_from > 0) {
        ct_text_add(p->out, "<a href=\"/#relays\">First relays</a>");
    }
    if (next < p->view->relay_total) {
        ct_text_add(p->out, "<a href=\"/?relays=%zu#relays\">Next relays</a>", next);
    }
}

/* ---- devices ---- */

void ct_page_devices(const struct ct_page *p)
{
    struct ct_text *t = p->out;
    for (size_t i = 0; i < p->view->device_count; i++) {
        const struct ct_device_row *d = &p->view->devices[i];
        ct_text_add(t, "<tr><th scope=\"row\">");
        ct_text_html(t, d->identity);
        ct_text_add(t, "</th><td>");
        cut_addr(t, d->wallet20);
        if (d->relay == 0) {
            ct_text_add(t, "</td><td>none</td><td></td>");
        } else {
            ct_text_add(t, "</td><td>%u</td><td>%u</td>", d->relay, d->port);
        }
        ct_text_add(t, "<td>%u</td><td>", d->sequence);
        until(t, p->view->now_s, d->expiry_day);
        ct_text_add(t, "</td><td>%llu</td></tr>", (unsigned long long)d->block);
    }
    if (p->view->device_count == 0) {
        ct_page_none(t, 7,
                     "No device here. wm-admin token issue makes the tokens they enrol with.");
    }
}

/* Names of devices have no character that a query would need escaped but '@' and ':', which it may
 * hold; of a damaged store others are left out. */
static void put_query(struct ct_text *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        ct_text_add(out, "%%%02X", (unsigned char)*c);
    }
}

void ct_page_device_pages(const struct ct_page *p)
{
    if (ct_request_query(p->request, "devices") != NULL ||
        ct_request_query(p->request, "find") != NULL) {
        ct_text_add(p->out, "<a href=\"/#devices\">First devices</a>");
    }
    if (p->view->more_devices) {
        ct_text_add(p->out, "<a href=\"/?devices=");
        put_query(p->out, p->view->devices[p->view->device_count - 1].identity);
        ct_text_add(p->out, "#devices\">Next devices</a>");
    }
}

/* ---- transactions and operations ---- */

static const char *tx_tone(enum ct_txn_state state)
{
    return state == CT_TXN_MINED ? "good" : state == CT_TXN_SENT ? "warn" : "";
}

void ct_page_txs(const struct ct_page *p)
{
    struct ct_text *t = p->out;
    char hash[67];
    for (size_t i = 0; i < p->view->tx_count; i++) {
        const struct ct_status_tx *x = &p->view->txs[i];
        const struct ct_txn_row *r = &x->row;
        uint64_t age_s = p->view->now_s > r->created_s ? p->view->now_s - r->created_s : 0;
        ct_hex0x(hash, r->hash32, 32);
        ct_text_add(t, "<tr><th scope=\"row\">%s</th><td>%llu</td><td>%s</td><td>", x->account,
                    (unsigned long long)r->nonce,
                    x->kind == 0 ? "fills its nonce" : ct_op_kind_text(x->kind));
        ct_page_pill(t, tx_tone(r->state), ct_status_tx_state(r->state));
        ct_text_add(t, "</td><td>%u</td><td>%.4g gwei</td><td>%.4g gwei</td><td>", r->attempt + 1,
                    (double)r->max_fee_wei / 1e9, (double)r->tip_wei / 1e9);
        ct_text_add(t, age_s >= LATE_S ? "<span class=\"pill warn\">" : "<span>");
        ct_page_span(t, age_s);
        ct_text_add(t, "</span></td><td>");
        ct_page_cut(t, hash);
        ct_text_add(t, "</td></tr>");
    }
    if (p->view->tx_count == 0) {
        ct_page_none(t, 9, "Nothing is on its way to the chain.");
    }
}

void ct_page_ops(const struct ct_page *p)
{
    struct ct_text *t = p->out;
    for (size_t i = 0; i < p->view->op_count; i++) {
        const struct ct_op *op = &p->view->ops[i];
        ct_text_add(t, "<tr><th scope=\"row\">%s</th><td>", ct_op_kind_text(op->kind));
        ct_page_cut(t, op->subject);
        ct_text_add(t, "</td><td>");
        ct_page_span(t, p->view->now_s > op->created_s ? p->view->now_s - op->created_s : 0);
        ct_text_add(t, "</td><td><span class=\"why\">");
        ct_text_html(t, op->reason[0] != '\0'         ? op->reason
                        : op->state == CT_OP_CHECKING ? "the relay is tested"
                                                      : "its window is not over yet");
        ct_text_add(t, "</span></td></tr>");
    }
    if (p->view->op_count == 0) {
        ct_page_none(t, 4, "Nothing waits.");
    }
}

/* ---- events ---- */

/* One object of strings, as events.h has it: time, level, event, and the rest. */
static void event_line(struct ct_text *t, const struct ct_json *e)
{
    const char *time = ct_json_text(ct_json_get(e, "time"));
    const char *level = ct_json_text(ct_json_get(e, "level"));
    const char *event = ct_json_text(ct_json_get(e, "event"));
    if (time == NULL || strlen(time) < 19 || level == NULL || event == NULL) {
        return;
    }
    ct_text_add(t, "<li><time datetime=\"");
    ct_text_html(t, time);
    ct_text_add(t, "\">%.8s</time>", time + 11);
    ct_page_pill(t,
                 strcmp(level, "error") == 0  ? "bad"
                 : strcmp(level, "warn") == 0 ? "warn"
                                              : "",
                 level);
    ct_text_add(t, "<b>");
    ct_text_html(t, event);
    ct_text_add(t, "</b><code>");
    for (size_t i = 3; ct_json_key_at(e, i) != NULL; i++) {
        const char *value = ct_json_text(ct_json_get(e, ct_json_key_at(e, i)));
        ct_text_html(t, ct_json_key_at(e, i));
        ct_text_put(t, "=", 1);
        ct_text_html(t, value == NULL ? "" : value);
        ct_text_put(t, " ", 1);
    }
    ct_text_add(t, "</code></li>");
}

void ct_page_events(const struct ct_page *p)
{
    char(*text)[CT_EVENT_TEXT] = calloc(EVENTS, sizeof *text);
    size_t n = text == NULL ? 0 : ct_events_newest(p->events, text, EVENTS);
    for (size_t i = n; i-- > 0;) {
        struct ct_json *e = NULL;
        if (ct_json_parse(&e, text[i], strlen(text[i])) == CT_OK) {
            event_line(p->out, e);
        }
        ct_json_free(e);
    }
    if (n == 0) {
        ct_text_add(p->out, "<li class=\"none\">Nothing has happened yet.</li>");
    }
    free(text);
}

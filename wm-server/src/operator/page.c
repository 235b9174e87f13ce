/* The frame with its {{slots}} filled: state, cards, checks here; tables in page_rows.c. */
#include "operator/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chain/key.h"

enum { PAGE_MAX = 2 << 20 };

static void state(const struct ct_page *p)
{
    const struct ct_watch_view *w = &p->view->watch;
    ct_page_pill(p->out, p->view->ready ? "big good" : "big bad",
                 p->view->ready ? "Ready" : "Not ready");
    ct_text_add(p->out, "<span>chain %llu</span>", (unsigned long long)p->status->chain_id);
    if (w->block != 0) {
        ct_text_add(p->out, "<span>block %llu, ", (unsigned long long)w->block);
        ct_page_ago(p->out, p->view->now_s, w->block_time_s);
        ct_text_add(p->out, "</span>");
    }
}

static void card(struct ct_text *t, const char *name)
{
    ct_text_add(t, "<li><p class=\"name\">%s</p><p class=\"value\">", name);
}

static void account_card(const struct ct_page *p, const struct ct_watch_balance *b)
{
    struct ct_text *t = p->out;
    char addr[CT_ADDR_TEXT_LEN];
    bool low = b->is_short || b->ether < b->needed;
    ct_addr_text(addr, b->addr20);
    ct_text_add(t, "<li><p class=\"name\">Wallet of the %s</p><p class=\"value\">", b->role);
    if (!b->known) {
        ct_text_add(t, "&#8211;</p><p class=\"note\">not asked yet</p></li>");
        return;
    }
    ct_text_add(t, "%.5g <small>ether</small></p><p class=\"note\">", b->ether);
    if (isfinite(b->runway_days)) {
        ct_text_add(t, "lasts %.*f days at %.3g a day", b->runway_days < 10 ? 1 : 0, b->runway_days,
                    b->day_ether);
    } else if (isinf(b->runway_days)) {
        ct_text_add(t, "nothing spent in the last day");
    } else {
        ct_text_add(t, "outflow known in some minutes");
    }
    if (b->is_too_much) {
        ct_text_add(t, "</p><p class=\"note\">");
        ct_page_pill(t, "warn", "more than it should hold");
        ct_text_add(t, " send the rest to a cold account");
    }
    ct_text_add(t, "</p><p class=\"note\"><code title=\"%s\">%s</code></p>", addr, addr);
    if (isfinite(b->runway_days)) {
        /* a month is full */
        ct_text_add(t,
                    "<progress max=\"30\" value=\"%.1f\"%s aria-label=\"Runway of the %s, of 30 "
                    "days\"></progress>",
                    b->runway_days < 30 ? b->runway_days : 30.0, low ? " class=\"low\"" : "",
                    b->role);
    }
    ct_text_add(t, "</li>");
}

static void chain_card(const struct ct_page *p)
{
    const struct ct_watch_view *w = &p->view->watch;
    card(p->out, "Endpoints in agreement");
    ct_text_add(p->out, "%u <small>of %u</small></p><p class=\"note\">",
                w->chain_known ? w->agreeing : 0, w->endpoints);
    if (w->chain_known) {
        ct_text_add(p->out, "head is ");
        ct_page_span(p->out,
                     p->view->now_s > w->block_time_s ? p->view->now_s - w->block_time_s : 0);
        ct_text_add(p->out, " old");
    } else {
        ct_text_add(p->out, "see the check below");
    }
    ct_text_add(p->out, "</p></li>");
}

static void queue_card(const struct ct_page *p)
{
    const struct ct_store_counts *c = &p->view->counts;
    card(p->out, "Operations under way");
    if (!p->view->counts_known) {
        ct_text_add(p->out, "&#8211;</p><p class=\"note\">the store does not answer</p></li>");
        return;
    }
    uint64_t all = c->checking + c->queued + c->sent;
    ct_text_add(p->out, "%llu</p><p class=\"note\">", (unsigned long long)all);
    if (c->oldest_s == 0) {
        ct_text_add(p->out, "nothing waits");
    } else {
        ct_text_add(p->out, "%llu tested, %llu queued, %llu sent; oldest ",
                    (unsigned long long)c->checking, (unsigned long long)c->queued,
                    (unsigned long long)c->sent);
        ct_page_span(p->out, p->view->now_s > c->oldest_s ? p->view->now_s - c->oldest_s : 0);
    }
    ct_text_add(p->out, "</p></li>");
}

static void totals_card(const struct ct_page *p)
{
    const struct ct_watch_view *w = &p->view->watch;
    card(p->out, "Devices");
    if (w->totals_known) {
        ct_text_add(p->out, "%llu", (unsigned long long)w->devices);
    } else {
        ct_text_add(p->out, "&#8211;");
    }
    ct_text_add(p->out, "</p><p class=\"note\">%zu enrolled in the last 10 minutes</p></li>",
                p->view->sessions);
}

static void cards(const struct ct_page *p)
{
    chain_card(p);
    for (size_t i = 0; i < p->view->watch.account_count; i++) {
        account_card(p, &p->view->watch.accounts[i]);
    }
    queue_card(p);
    totals_card(p);
}

static void checks(const struct ct_page *p)
{
    for (size_t i = 0; i < CT_HEALTH_CHECKS; i++) {
        const struct ct_health_check *c = &p->view->checks[i];
        ct_text_add(p->out, "<li>");
        ct_page_pill(p->out, c->good ? "good" : "bad", c->good ? "ok" : "fails");
        ct_text_add(p->out, "<b>%s</b><span>", c->name);
        ct_text_html(p->out, c->words);
        ct_text_add(p->out, "</span></li>");
    }
}

static void foot(const struct ct_page *p)
{
    char addr[CT_ADDR_TEXT_LEN];
    ct_addr_text(addr, p->status->contract20);
    ct_text_add(p->out, "contract <code>%s</code>", addr);
    if (p->view->audit.n > 0) {
        ct_text_add(p->out, ", audit log at line %llu", (unsigned long long)p->view->audit.n);
    }
}

static void title(const struct ct_page *p)
{
    ct_text_add(p->out, "%sWallet manager", p->view->ready ? "" : "Not ready \xc2\xb7 ");
}

static void relay_count(const struct ct_page *p)
{
    ct_text_add(p->out, "%zu in the directory or proposed", p->view->relay_total);
}

static void device_count(const struct ct_page *p)
{
    if (p->view->watch.totals_known) {
        ct_text_add(p->out, "%llu registered through this platform",
                    (unsigned long long)p->view->watch.devices);
    }
}

static void tx_count(const struct ct_page *p)
{
    const struct ct_store_counts *c = &p->view->counts;
    ct_text_add(p->out, "%llu signed, %llu sent, %llu in a block", (unsigned long long)c->tx_signed,
                (unsigned long long)c->tx_sent, (unsigned long long)c->tx_mined);
}

static void find(const struct ct_page *p)
{
    const char *text = ct_request_query(p->request, "find");
    ct_text_html(p->out, text == NULL ? "" : text);
}

static const struct {
    const char *name;
    void (*write)(const struct ct_page *p);
} slots[] = {
    {"title", title},
    {"state", state},
    {"cards", cards},
    {"checks", checks},
    {"relay-count", relay_count},
    {"relays", ct_page_relays},
    {"relay-pages", ct_page_relay_pages},
    {"device-count", device_count},
    {"find", find},
    {"devices", ct_page_devices},
    {"device-pages", ct_page_device_pages},
    {"tx-count", tx_count},
    {"txs", ct_page_txs},
    {"ops", ct_page_ops},
    {"events", ct_page_events},
    {"foot", foot},
};

static void fill(const struct ct_page *p)
{
    const char *at = ct_page_frame;
    const char *open;
    while ((open = strstr(at, "{{")) != NULL) {
        const char *close = strstr(open, "}}");
        size_t len = close == NULL ? 0 : (size_t)(close - open - 2);
        ct_text_put(p->out, at, (size_t)(open - at));
        for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
            if (strlen(slots[i].name) == len && strncmp(slots[i].name, open + 2, len) == 0) {
                slots[i].write(p);
            }
        }
        at = open + len + 4;
    }
    ct_text_put(p->out, at, strlen(at));
}

void ct_page_answer(const struct ct_status *s, struct ct_events *events,
                    const struct ct_request *request, struct ct_answer *answer)
{
    struct ct_status_view *v = malloc(sizeof *v);
    if (v == NULL) {
        ct_answer_problem(answer, 500, "internal", "out of memory");
        return;
    }
    if (ct_status_look(s, request, v, answer)) {
        struct ct_text out = ct_text_init(PAGE_MAX);
        const struct ct_page p = {
            .status = s, .view = v, .events = events, .request = request, .out = &out};
        fill(&p);
        ct_answer_text(answer, 200, "text/html; charset=utf-8", &out);
    }
    free(v);
}

bool ct_page_asset(const char *path, struct ct_answer *answer)
{
    if (strcmp(path, "/assets/status.css") == 0) {
        ct_answer_static(answer, 200, "text/css; charset=utf-8", ct_page_style, ct_page_style_len);
    } else if (strcmp(path, "/assets/status.js") == 0) {
        ct_answer_static(answer, 200, "text/javascript; charset=utf-8", ct_page_script,
                         ct_page_script_len);
    } else if (strcmp(path, "/assets/icon.svg") == 0) {
        ct_answer_static(answer, 200, "image/svg+xml", ct_page_icon, ct_page_icon_len);
    } else {
        return false;
    }
    return true;
}

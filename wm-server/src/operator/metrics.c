/* Relaxed atomics in tables, and the tables' names. */
#include "operator/metrics.h"

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "operator/metrics_process.h"

#define NAME(name) "chainturn_wm_" name

struct name {
    const char *family, *labels, *help; /* help is that of the family, at its first line */
};

/* Lines of one family follow each other. */
static const struct name counter_names[CT_METRICS] = {
    [CT_METRIC_ENROLLED] = {NAME("enrolments_total"), "result=\"done\"", "Enrolment handshakes"},
    [CT_METRIC_ENROL_REFUSED] = {NAME("enrolments_total"), "result=\"refused\"", NULL},
    [CT_METRIC_PSK_UNKNOWN] = {NAME("psk_unknown_total"), "",
                               "TLS connections refused because of an unknown PSK identity"},
    [CT_METRIC_PASSES] = {NAME("passes_total"), "", "Passes given to devices"},
    [CT_METRIC_TOKENS_ADMITTED] = {NAME("tokens_total"), "result=\"admitted\"", "Tokens shown"},
    [CT_METRIC_TOKENS_REFUSED] = {NAME("tokens_total"), "result=\"refused\"", NULL},
    [CT_METRIC_OPS_ASKED] = {NAME("operations_total"), "result=\"asked\"",
                             "Operations accepted, done and failed"},
    [CT_METRIC_OPS_DONE] = {NAME("operations_total"), "result=\"done\"", NULL},
    [CT_METRIC_OPS_FAILED] = {NAME("operations_total"), "result=\"failed\"", NULL},
    [CT_METRIC_TX_SENT] = {NAME("transactions_total"), "event=\"sent\"",
                           "What happened to transactions"},
    [CT_METRIC_TX_REPEATED] = {NAME("transactions_total"), "event=\"repeated\"", NULL},
    [CT_METRIC_TX_REPLACED] = {NAME("transactions_total"), "event=\"replaced\"", NULL},
    [CT_METRIC_TX_MINED] = {NAME("transactions_total"), "event=\"confirmed\"", NULL},
    [CT_METRIC_TX_FAILED] = {NAME("transactions_total"), "event=\"failed\"", NULL},
    [CT_METRIC_TX_LOST] = {NAME("transactions_total"), "event=\"lost\"", NULL},
    [CT_METRIC_GAS_USED] = {NAME("gas_used_total"), "", "Gas that confirmed transactions used"},
    [CT_METRIC_GAS_SPENT] = {NAME("gas_spent_ether_total"), "", "Ether paid for that gas"},
    [CT_METRIC_FUNDED] = {NAME("fundings_total"), "", "Payments to devices' wallets"},
    [CT_METRIC_FUNDED_SPENT] = {NAME("funded_ether_total"), "", "Ether given to devices"},
    [CT_METRIC_PROBES_PASSED] = {NAME("probes_total"), "result=\"passed\"", "Tests of relays"},
    [CT_METRIC_PROBES_REFUSED] = {NAME("probes_total"), "result=\"refused\"", NULL},
    [CT_METRIC_PROBES_WAIT] = {NAME("probes_total"), "result=\"waits\"", NULL},
    [CT_METRIC_STORE_ERRORS] = {NAME("store_errors_total"), "", "Steps of the store that failed"},
    [CT_METRIC_FENCED] = {NAME("fenced_steps_total"), "",
                          "Steps that the store refused since another server leads"},
    [CT_METRIC_RPC_ERRORS] = {NAME("rpc_errors_total"), "",
                              "Endpoints of the chain that failed or were refused"},
    [CT_METRIC_LOG_ERRORS] = {NAME("log_lines_total"), "level=\"error\"",
                              "Lines of the log that an operator should read"},
    [CT_METRIC_LOG_WARNINGS] = {NAME("log_lines_total"), "level=\"warn\"", NULL},
    [CT_METRIC_AUDIT_LINES] = {NAME("audit_lines_total"), "", "Lines written to the audit log"},
};

static const struct name gauge_names[CT_GAUGES] = {
    [CT_GAUGE_HEAD_BLOCK] = {NAME("chain_head_block"), "", "Newest block that is agreed on"},
    [CT_GAUGE_HEAD_LAG_S] = {NAME("chain_head_lag_seconds"), "",
                             "Age of that block when it was last asked for"},
    [CT_GAUGE_RPC_AGREE] = {NAME("rpc_endpoints"), "state=\"agreeing\"",
                            "Endpoints of the chain, and those that vouched for the head"},
    [CT_GAUGE_RPC_ALL] = {NAME("rpc_endpoints"), "state=\"configured\"", NULL},
    [CT_GAUGE_APPROVER_ETHER] = {NAME("balance_ether"), "account=\"approver\"",
                                 "Ether of the hot accounts"},
    [CT_GAUGE_FUNDER_ETHER] = {NAME("balance_ether"), "account=\"funder\"", NULL},
    [CT_GAUGE_APPROVER_RUNWAY_DAYS] = {NAME("runway_days"), "account=\"approver\"",
                                       "Days that the balance lasts at the current outflow"},
    [CT_GAUGE_FUNDER_RUNWAY_DAYS] = {NAME("runway_days"), "account=\"funder\"", NULL},
    [CT_GAUGE_APPROVER_SHORT] = {NAME("alert"), "account=\"approver\",kind=\"runway_short\"",
                                 "1 while the log warns of this account's balance"},
    [CT_GAUGE_FUNDER_SHORT] = {NAME("alert"), "account=\"funder\",kind=\"runway_short\"", NULL},
    [CT_GAUGE_APPROVER_HIGH] = {NAME("alert"), "account=\"approver\",kind=\"balance_high\"", NULL},
    [CT_GAUGE_FUNDER_HIGH] = {NAME("alert"), "account=\"funder\",kind=\"balance_high\"", NULL},
    [CT_GAUGE_SESSIONS] = {NAME("sessions"), "", "Enrolments that stand"},
    [CT_GAUGE_OPS_CHECKING] = {NAME("operations"), "state=\"checking\"", "Operations under way"},
    [CT_GAUGE_OPS_QUEUED] = {NAME("operations"), "state=\"queued\"", NULL},
    [CT_GAUGE_OPS_SENT] = {NAME("operations"), "state=\"sent\"", NULL},
    [CT_GAUGE_TX_SIGNED] = {NAME("transactions"), "state=\"signed\"", "Transactions under way"},
    [CT_GAUGE_TX_SENT] = {NAME("transactions"), "state=\"sent\"", NULL},
    [CT_GAUGE_TX_MINED] = {NAME("transactions"), "state=\"mined\"", NULL},
    [CT_GAUGE_QUEUE_AGE_S] = {NAME("queue_age_seconds"), "",
                              "Age of the oldest operation under way; 0 when there is none"},
    [CT_GAUGE_RELAYS] = {NAME("relays"), "", "Relays that the store knows"},
    [CT_GAUGE_DEVICES] = {NAME("devices"), "", "Devices that the store knows"},
    [CT_GAUGE_WATCHERS] = {NAME("event_streams"), "", "Readers of the live events"},
    [CT_GAUGE_STORE_FULL] = {NAME("disk_full"), "what=\"store\"",
                             "1 while there is no room, and nothing is accepted"},
    [CT_GAUGE_AUDIT_FULL] = {NAME("disk_full"), "what=\"audit\"", NULL},
    [CT_GAUGE_READY] = {NAME("ready"), "", "1 when /readyz says so"},
    [CT_GAUGE_LEADER] = {NAME("leader"), "", "1 when this server may use all of its signing keys"},
    [CT_GAUGE_APPROVER_LEADER] = {NAME("lease_held"), "account=\"approver\"",
                                  "1 when this server has the lease of that account"},
    [CT_GAUGE_FUNDER_LEADER] = {NAME("lease_held"), "account=\"funder\"", NULL},
    [CT_GAUGE_APPROVER_FENCE] = {NAME("lease_number"), "account=\"approver\"",
                                 "Fencing number of whoever has it"},
    [CT_GAUGE_FUNDER_FENCE] = {NAME("lease_number"), "account=\"funder\"", NULL},
};

static const struct name timer_names[CT_TIMERS] = {
    [CT_TIMER_PROBE] = {NAME("probe_seconds"), "", "Round trip of passed tests of relays"},
    [CT_TIMER_STORE] = {NAME("store_seconds"), "", "Time of one read of the store by a scrape"},
    [CT_TIMER_CONFIRM] = {NAME("confirmation_seconds"), "",
                          "From signing to deep enough in the chain"},
};

/* What a path is told as: the first that it begins with; the last is any other. */
static const struct {
    const char *prefix, *route;
} routes[] = {
    {"/v1/handshake", "/v1/handshake"},
    {"/v1/me", "/v1/me"},
    {"/v1/passes", "/v1/passes"},
    {"/v1/devices", "/v1/devices"},
    {"/v1/approvals", "/v1/approvals"},
    {"/v1/vouchers", "/v1/vouchers"},
    {"/v1/fundings", "/v1/fundings"},
    {"/v1/changes", "/v1/changes"},
    {"/v1/relays", "/v1/relays"},
    {"/v1/operations", "/v1/operations/{id}"},
    {"/v1/tokens", "/v1/tokens"},
    {"/v1/transactions", "/v1/transactions"},
    {"/v1/status", "/v1/status"},
    {"/v1/events", "/v1/events"},
    {"/v1/openapi", "/v1/openapi"},
    {"/healthz", "/healthz"},
    {"/readyz", "/readyz"},
    {"/metrics", "/metrics"},
    {"/assets/", "/assets"},
    {"", "other"},
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

static const unsigned short statuses[] = {200, 201, 202, 204, 304, 400, 401, 403,
                                          404, 405, 408, 409, 412, 413, 415, 421,
                                          422, 428, 429, 431, 500, 501, 503, 0};
enum { STATUSES = sizeof statuses / sizeof statuses[0] };

/* Upper ends in seconds; one more for all. */
static const double bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                0.25,   0.5,   1,      2.5,   5,    10,    30,   60};
enum { BOUNDS = sizeof bounds / sizeof bounds[0] };

struct histogram {
    atomic_uint_fast64_t buckets[BOUNDS + 1]; /* not summed up */
    atomic_uint_fast64_t sum_ns;
};

static struct {
    atomic_uint_fast64_t counters[CT_METRICS];
    atomic_uint_fast64_t gauges[CT_GAUGES]; /* bits of a double, all flipped: 0 is not set */
    struct histogram timers[CT_TIMERS];
    atomic_uint_fast64_t requests[ROUTES][STATUSES];
    struct histogram durations[ROUTES];
} all;

static void add(atomic_uint_fast64_t *to, uint64_t n)
{
    (void)atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static uint64_t get(atomic_uint_fast64_t *from)
{
    return atomic_load_explicit(from, memory_order_relaxed);
}

void ct_metrics_count(enum ct_metric metric)
{
    add(&all.counters[metric], 1);
}

void ct_metrics_add(enum ct_metric metric, uint64_t n)
{
    add(&all.counters[metric], n);
}

uint64_t ct_metrics_get(enum ct_metric metric)
{
    return get(&all.counters[metric]);
}

void ct_metrics_store(ct_err err)
{
    if (CT_ERR_CLASS(err) == CT_ERR_CLASS_HOST || CT_ERR_CLASS(err) == CT_ERR_CLASS_WORLD) {
        ct_metrics_count(CT_METRIC_STORE_ERRORS);
    }
    if (err == CT_ERR_EXPIRED) {
        ct_metrics_count(CT_METRIC_FENCED);
    }
    if (err == CT_ERR_FULL) {
        ct_metrics_set(CT_GAUGE_STORE_FULL, 1);
    }
}

void ct_metrics_set(enum ct_gauge gauge, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    atomic_store_explicit(&all.gauges[gauge], ~bits, memory_order_relaxed);
}

double ct_metrics_gauge(enum ct_gauge gauge)
{
    uint64_t bits = ~get(&all.gauges[gauge]);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void observe(struct histogram *h, uint64_t ns)
{
    size_t i = 0;
    while (i < BOUNDS && (double)ns > bounds[i] * 1e9) {
        i++;
    }
    add(&h->buckets[i], 1);
    add(&h->sum_ns, ns);
}

void ct_metrics_time(enum ct_timer timer, uint64_t ns)
{
    observe(&all.timers[timer], ns);
}

void ct_metrics_request(const char *path, unsigned status, uint64_t ns)
{
    size_t r = 0;
    size_t s = 0;
    while (r + 1 < ROUTES && strncmp(path, routes[r].prefix, strlen(routes[r].prefix)) != 0) {
        r++;
    }
    while (s + 1 < STATUSES && statuses[s] != status) {
        s++;
    }
    add(&all.requests[r][s], 1);
    observe(&all.durations[r], ns);
}

void ct_metrics_number(struct ct_text *out, double value)
{
    if (isnan(value)) {
        ct_text_add(out, "NaN");
    } else if (isinf(value)) {
        ct_text_add(out, value > 0 ? "+Inf" : "-Inf");
    } else {
        ct_text_add(out, "%.15g", value);
    }
}

static void head(struct ct_text *out, const char *family, const char *type, const char *help)
{
    ct_text_add(out, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

static void sample(struct ct_text *out, const struct name *n, double value)
{
    const char *open = n->labels[0] == '\0' ? "" : "{";
    ct_text_add(out, "%s%s%s%s ", n->family, open, n->labels, open[0] == '\0' ? "" : "}");
    ct_metrics_number(out, value);
    ct_text_put(out, "\n", 1);
}

/* label is empty, or "name=\"value\"," */
static void write_histogram(struct ct_text *out, const char *family, const char *label,
                            struct histogram *h)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < BOUNDS; i++) {
        sum += get(&h->buckets[i]);
        ct_text_add(out, "%s_bucket{%sle=\"%g\"} %llu\n", family, label, bounds[i],
                    (unsigned long long)sum);
    }
    sum += get(&h->buckets[BOUNDS]);
    int len = (int)strlen(label);
    const char *open = len == 0 ? "" : "{";
    const char *close = len == 0 ? "" : "}";
    len = len == 0 ? 0 : len - 1;
    ct_text_add(out, "%s_bucket{%sle=\"+Inf\"} %llu\n", family, label, (unsigned long long)sum);
    ct_text_add(out, "%s_sum%s%.*s%s ", family, open, len, label, close);
    ct_metrics_number(out, (double)get(&h->sum_ns) / 1e9);
    ct_text_add(out, "\n%s_count%s%.*s%s %llu\n", family, open, len, label, close,
                (unsigned long long)sum);
}

static void write_requests(struct ct_text *out)
{
    static const char requests[] = NAME("http_requests_total");
    static const char durations[] = NAME("http_request_duration_seconds");
    char label[64];
    head(out, requests, "counter", "Requests answered, by route and status");
    for (size_t r = 0; r < ROUTES; r++) {
        for (size_t s = 0; s < STATUSES; s++) {
            uint64_t n = get(&all.requests[r][s]);
            if (n > 0) {
                ct_text_add(out, "%s{route=\"%s\",status=\"%u\"} %llu\n", requests, routes[r].route,
                            (unsigned)statuses[s], (unsigned long long)n);
            }
        }
    }
    head(out, durations, "histogram", "From the whole request read to its answer queued");
    for (size_t r = 0; r < ROUTES; r++) {
        (void)snprintf(label, sizeof label, "route=\"%s\",", routes[r].route);
        write_histogram(out, durations, label, &all.durations[r]);
    }
}

/* Those that were set; a family's words are before the first of them. */
static void write_gauges(struct ct_text *out)
{
    size_t first = 0; /* of the family */
    bool told = false;
    for (size_t i = 0; i < CT_GAUGES; i++) {
        if (gauge_names[i].help != NULL) {
            first = i;
            told = false;
        }
        if (get(&all.gauges[i]) == 0) {
            continue;
        }
        if (!told) {
            head(out, gauge_names[first].family, "gauge", gauge_names[first].help);
            told = true;
        }
        sample(out, &gauge_names[i], ct_metrics_gauge((enum ct_gauge)i));
    }
}

void ct_metrics_write(struct ct_text *out)
{
    for (size_t i = 0; i < CT_METRICS; i++) {
        if (counter_names[i].help != NULL) {
            head(out, counter_names[i].family, "counter", counter_names[i].help);
        }
        bool is_gwei = i == CT_METRIC_GAS_SPENT || i == CT_METRIC_FUNDED_SPENT;
        sample(out, &counter_names[i], (double)get(&all.counters[i]) / (is_gwei ? 1e9 : 1));
    }
    write_gauges(out);
    for (size_t i = 0; i < CT_TIMERS; i++) {
        head(out, timer_names[i].family, "histogram", timer_names[i].help);
        write_histogram(out, timer_names[i].family, "", &all.timers[i]);
    }
    write_requests(out);
    ct_metrics_process(out);
}

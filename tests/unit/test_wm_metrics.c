/* Claims about what the wallet manager counts of itself, read as strictly as a scraper could. */
/* links: ct_wmserver ct_chain ct_base */
#include <pthread.h>

#include "ct_test.h"
#include "exposition.h"
#include "wm-server/src/operator/metrics.h"
#include "wm-server/src/operator/outflow.h"
#include "wm-server/src/service/text.h"

static struct exposition now;

static bool scrape(void)
{
    struct ct_text text = ct_text_init(1 << 20);
    ct_metrics_write(&text);
    bool good = !text.bad && text.bytes != NULL && exposition_read(&now, text.bytes);
    if (!good) {
        printf("    %s\n", now.why);
    }
    ct_text_free(&text);
    return good;
}

static void the_text_is_what_a_strict_reader_takes(void)
{
    REQUIRE(scrape());
    CHECK(now.count > 300);
    CHECK_EQ(exposition_get(&now, "chainturn_wm_passes_total"), 0);
    CHECK(exposition_get(&now, "process_resident_memory_bytes") > 1e6);
    CHECK(exposition_get(&now, "process_start_time_seconds") > 1.6e9);
    CHECK(exposition_get(&now, "process_open_fds") >= 3);
    CHECK(exposition_get(&now, "process_cpu_seconds_total") >= 0);
}

/* The reader's own negative controls. */
static void the_strict_reader_refuses_what_is_wrong(void)
{
    static const char *const wrong[] = {
        "a 1\n",
        "# HELP a x\n# TYPE a counter\na -1\n",
        "# HELP a x\n# TYPE a counter\na 1",
        "# HELP a x\n# TYPE a counter\na 1\na 2\n",
        "# HELP a x\n# TYPE a counter\na  1\n",
        "# HELP a x\n# TYPE a counter\na{b=\"c} 1\n",
        "# HELP a x\n# TYPE a counter\na{b=\"c\" } 1\n",
        "# HELP a x\n# TYPE a thing\na 1\n",
        "# HELP a x\n# TYPE a histogram\na 1\n",
        "# HELP a x\n# TYPE a gauge\nb 1\n",
        "# HELP a x\n# TYPE a gauge\na one\n",
        "# HELP a x\n# TYPE a gauge\na 1\n# HELP b x\n# TYPE b gauge\nb 1\n# HELP a x\n",
        "",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(!exposition_read(&now, wrong[i]));
    }
    CHECK(exposition_read(&now, "# HELP a x\n# TYPE a gauge\na{b=\"c\\\"\"} +Inf\n"));
}

static void what_happens_is_counted_and_told_in_its_unit(void)
{
    REQUIRE(scrape());
    double sent = exposition_get(&now, "chainturn_wm_transactions_total{event=\"sent\"}");
    double ether = exposition_get(&now, "chainturn_wm_gas_spent_ether_total");
    ct_metrics_count(CT_METRIC_TX_SENT);
    ct_metrics_count(CT_METRIC_TX_SENT);
    ct_metrics_add(CT_METRIC_GAS_SPENT, 2500000);
    REQUIRE(scrape());
    CHECK_EQ(exposition_get(&now, "chainturn_wm_transactions_total{event=\"sent\"}"), sent + 2);
    CHECK(fabs(exposition_get(&now, "chainturn_wm_gas_spent_ether_total") - ether - 0.0025) <
          1e-12);
}

static void refused_steps_of_the_store_are_no_errors(void)
{
    uint64_t before = ct_metrics_get(CT_METRIC_STORE_ERRORS);
    ct_metrics_store(CT_OK);
    ct_metrics_store(CT_ERR_NOT_FOUND);
    ct_metrics_store(CT_ERR_STATE);
    ct_metrics_store(CT_ERR_REPLAY);
    CHECK_EQ(ct_metrics_get(CT_METRIC_STORE_ERRORS), before);
    ct_metrics_store(CT_ERR_SYSTEM);
    ct_metrics_store(CT_ERR_AGAIN);
    CHECK_EQ(ct_metrics_get(CT_METRIC_STORE_ERRORS), before + 2);
}

static void what_nobody_knows_is_nan_and_a_runway_may_be_endless(void)
{
    REQUIRE(scrape());
    CHECK_EQ(exposition_get(&now, "chainturn_wm_runway_days{account=\"approver\"}"),
             -1); /* absent */
    ct_metrics_set(CT_GAUGE_APPROVER_RUNWAY_DAYS, NAN);
    REQUIRE(scrape());
    CHECK(isnan(exposition_get(&now, "chainturn_wm_runway_days{account=\"approver\"}")));
    ct_metrics_set(CT_GAUGE_APPROVER_RUNWAY_DAYS, INFINITY);
    REQUIRE(scrape());
    CHECK(isinf(exposition_get(&now, "chainturn_wm_runway_days{account=\"approver\"}")));
    ct_metrics_set(CT_GAUGE_APPROVER_RUNWAY_DAYS, 12.25);
    REQUIRE(scrape());
    CHECK(exposition_get(&now, "chainturn_wm_runway_days{account=\"approver\"}") == 12.25);
}

static void requests_go_by_route_and_status_whatever_the_path(void)
{
    ct_metrics_request("/v1/operations/0123", 200, 300000);
    ct_metrics_request("/v1/operations/4567", 200, 700000);
    ct_metrics_request("/v1/operations/\"}\n# x", 404, 40000000000);
    ct_metrics_request("/../../etc/passwd", 404, 1);
    ct_metrics_request("/v1/me", 999, 1);
    REQUIRE(scrape());
    CHECK_EQ(exposition_get(&now, "chainturn_wm_http_requests_total{route=\"/v1/operations/{id}\","
                                  "status=\"200\"}"),
             2);
    CHECK_EQ(exposition_get(&now, "chainturn_wm_http_requests_total{route=\"/v1/operations/{id}\","
                                  "status=\"404\"}"),
             1);
    CHECK_EQ(
        exposition_get(&now, "chainturn_wm_http_requests_total{route=\"other\",status=\"404\"}"),
        1);
    CHECK_EQ(
        exposition_get(&now, "chainturn_wm_http_requests_total{route=\"/v1/me\",status=\"0\"}"), 1);
}

#define DURATION "chainturn_wm_http_request_duration_seconds"

static void buckets_grow_to_the_count(void)
{
    char key[EXPOSITION_KEY];
    static const char *const ends[] = {"0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
                                       "0.05",   "0.1",   "0.25",   "0.5",   "1",    "2.5",
                                       "5",      "10",    "30",     "60",    "+Inf"};
    double last = 0;
    REQUIRE(scrape());
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        (void)snprintf(key, sizeof key, DURATION "_bucket{route=\"/v1/operations/{id}\",le=\"%s\"}",
                       ends[i]);
        double n = exposition_get(&now, key);
        CHECK(n >= last);
        last = n;
    }
    CHECK_EQ(exposition_get(&now, DURATION "_count{route=\"/v1/operations/{id}\"}"), last);
    CHECK_EQ(last, 3);
    CHECK_EQ(exposition_get(&now, DURATION "_bucket{route=\"/v1/operations/{id}\",le=\"0.0005\"}"),
             1);
    CHECK_EQ(exposition_get(&now, DURATION "_bucket{route=\"/v1/operations/{id}\",le=\"0.001\"}"),
             2);
    CHECK_EQ(exposition_get(&now, DURATION "_bucket{route=\"/v1/operations/{id}\",le=\"30\"}"), 2);
    CHECK(fabs(exposition_get(&now, DURATION "_sum{route=\"/v1/operations/{id}\"}") - 40.001) <
          1e-9);
}

static void *count_many(void *arg)
{
    for (int i = 0; i < 50000; i++) {
        ct_metrics_count(CT_METRIC_PASSES);
        ct_metrics_request("/v1/passes", 201, 1000);
    }
    return arg;
}

static void nothing_is_lost_between_threads(void)
{
    pthread_t threads[4];
    uint64_t before = ct_metrics_get(CT_METRIC_PASSES);
    for (int i = 0; i < 4; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, count_many, NULL) == 0);
    }
    for (int i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    CHECK_EQ(ct_metrics_get(CT_METRIC_PASSES), before + 200000);
    REQUIRE(scrape());
    CHECK_EQ(exposition_get(&now, DURATION "_count{route=\"/v1/passes\"}"), 200000);
}

/* ---- outflow ---- */

static void a_runway_needs_ten_minutes_and_a_loss(void)
{
    struct ct_outflow_meter m = {0};
    const uint64_t t = UINT64_C(1700000000) / 3600 * 3600;
    CHECK(isnan(ct_outflow_runway(&m, t)));
    ct_outflow_sample(&m, t, 10);
    ct_outflow_sample(&m, t + 300, 9);
    CHECK(isnan(ct_outflow_runway(&m, t + 300)));
    ct_outflow_sample(&m, t + 1200, 9);
    /* one ether in 20 minutes is 72 a day */
    CHECK(fabs(ct_outflow_a_day(&m, t + 1200) - 72) < 1e-9);
    CHECK(fabs(ct_outflow_runway(&m, t + 1200) - 9.0 / 72) < 1e-9);
}

static void a_deposit_is_no_outflow(void)
{
    struct ct_outflow_meter m = {0};
    ct_outflow_sample(&m, 1000000, 1);
    ct_outflow_sample(&m, 1001000, 5);
    CHECK(isinf(ct_outflow_runway(&m, 1001000)));
    ct_outflow_sample(&m, 1002000, 4);
    CHECK(fabs(ct_outflow_a_day(&m, 1002000) - 86400.0 / 2000) < 1e-9);
}

static void what_is_older_than_a_day_is_forgotten(void)
{
    struct ct_outflow_meter m = {0};
    const uint64_t t = UINT64_C(1700000000) / 3600 * 3600;
    ct_outflow_sample(&m, t, 100);
    ct_outflow_sample(&m, t + 1, 90);
    for (uint64_t h = 1; h <= 30; h++) {
        ct_outflow_sample(&m, t + h * 3600, 90);
        CHECK(isinf(ct_outflow_runway(&m, t + h * 3600)) == (h >= 24));
    }
    /* a clock that was set back, or forward by a year, breaks nothing */
    ct_outflow_sample(&m, t, 80);
    ct_outflow_sample(&m, t + 365ull * 86400, 70);
    CHECK(ct_outflow_a_day(&m, t + 365ull * 86400) > 0);
}

static void a_meter_goes_on_after_a_restart(void)
{
    struct ct_outflow_meter m = {0};
    struct ct_outflow_meter again = {0};
    uint8_t bytes[CT_OUTFLOW_BYTES];
    const uint64_t t = UINT64_C(1700000000) / 3600 * 3600;
    ct_outflow_sample(&m, t, 10);
    ct_outflow_sample(&m, t + 7200, 9);
    ct_outflow_pack(bytes, &m);
    REQUIRE(ct_outflow_unpack(&again, bytes, sizeof bytes, t + 7300) == CT_OK);
    ct_outflow_sample(&m, t + 9000, 8.5);
    ct_outflow_sample(&again, t + 9000, 8.5); /* what went out meanwhile counts */
    CHECK(fabs(ct_outflow_a_day(&again, t + 9000) - 1.5 * 86400 / 9000) < 1e-9);
    CHECK(fabs(ct_outflow_runway(&again, t + 9000) - ct_outflow_runway(&m, t + 9000)) < 1e-9);
}

static void a_meter_is_taken_whole_and_fresh_or_not_at_all(void)
{
    struct ct_outflow_meter m = {0};
    struct ct_outflow_meter again = {0};
    uint8_t bytes[CT_OUTFLOW_BYTES + 1] = {0};
    const uint64_t t = UINT64_C(1700000000);
    ct_outflow_sample(&m, t, 10);
    ct_outflow_pack(bytes, &m);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        CHECK_EQ(ct_outflow_unpack(&again, bytes, len, t),
                 len == CT_OUTFLOW_BYTES ? CT_OK : CT_ERR_FORMAT);
    }
    CHECK_EQ(ct_outflow_unpack(&again, bytes, CT_OUTFLOW_BYTES, t + 86400), CT_ERR_EXPIRED);
    CHECK_EQ(ct_outflow_unpack(&again, bytes, CT_OUTFLOW_BYTES, t - 86400), CT_ERR_EXPIRED);
    bytes[16] = 0xff; /* a balance below zero */
    CHECK_EQ(ct_outflow_unpack(&again, bytes, CT_OUTFLOW_BYTES, t), CT_ERR_FORMAT);
    bytes[16] = 0x7f;
    bytes[17] = 0xf8; /* none */
    CHECK_EQ(ct_outflow_unpack(&again, bytes, CT_OUTFLOW_BYTES, t), CT_ERR_FORMAT);
}

/* ---- texts ---- */

static void a_text_keeps_its_limit_and_escapes_what_others_wrote(void)
{
    struct ct_text t = ct_text_init(10);
    ct_text_add(&t, "%s", "0123456789");
    CHECK(!t.bad && t.len == 10);
    ct_text_put(&t, "x", 1);
    CHECK(t.bad && t.len == 10);
    ct_text_free(&t);
    t = ct_text_init(1000);
    ct_text_html(&t, "<script>\"'&\x01\xff</script>");
    CHECK_STR(t.bytes, "&#60;script&#62;&#34;&#39;&#38;??&#60;/script&#62;");
    ct_text_free(&t);
    ct_text_json(&t, "\"\\\n\xe9<");
    CHECK_STR(t.bytes, "\\\"\\\\\\u000a\\u00e9<");
    ct_text_free(&t);
}

static const struct ct_test tests[] = {
    CT_TEST(the_text_is_what_a_strict_reader_takes),
    CT_TEST(the_strict_reader_refuses_what_is_wrong),
    CT_TEST(what_happens_is_counted_and_told_in_its_unit),
    CT_TEST(refused_steps_of_the_store_are_no_errors),
    CT_TEST(what_nobody_knows_is_nan_and_a_runway_may_be_endless),
    CT_TEST(requests_go_by_route_and_status_whatever_the_path),
    CT_TEST(buckets_grow_to_the_count),
    CT_TEST(nothing_is_lost_between_threads),
    CT_TEST(a_runway_needs_ten_minutes_and_a_loss),
    CT_TEST(a_deposit_is_no_outflow),
    CT_TEST(what_is_older_than_a_day_is_forgotten),
    CT_TEST(a_meter_goes_on_after_a_restart),
    CT_TEST(a_meter_is_taken_whole_and_fresh_or_not_at_all),
    CT_TEST(a_text_keeps_its_limit_and_escapes_what_others_wrote),
};
CT_TEST_MAIN(tests)

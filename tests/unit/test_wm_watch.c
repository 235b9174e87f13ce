/* The watch over the hot accounts on a real chain: what it warns of, and what it knows again. */
/* links: ct_testchain ct_wmserver ct_kex ct_chain ct_base */
#include <math.h>
#include <stdlib.h>

#include "anvil.h"
#include "base/clock.h"
#include "chain/key.h"
#include "ct_test.h"
#include "temp_dir.h"
#include "wm-server/src/operator/metrics.h"
#include "wm-server/src/operator/watch.h"

static struct {
    struct ct_anvil anvil;
    struct ct_bundle bundle;
    struct temp_dir dir;
    struct ct_store *store;
    struct ct_loop *idle; /* that does not end */
    struct ct_watch *watch;
    uint64_t ahead_s;
    char log[4096];
} t;

static uint64_t wall_s(void)
{
    return ct_wall_s() + t.ahead_s;
}

static void keep(enum ct_log_level level, const char *line, void *arg)
{
    size_t used = strlen(t.log);
    (void)arg;
    if (level <= CT_LOG_WARN) {
        (void)snprintf(t.log + used, sizeof t.log - used, "%s\n", line);
    }
}

static unsigned said(const char *event)
{
    unsigned n = 0;
    for (const char *at = t.log; (at = strstr(at, event)) != NULL; at++) {
        n++;
    }
    return n;
}

static void nothing(void *arg, struct ct_loop *loop)
{
    (void)arg;
    (void)loop;
}

static bool watch_new(void)
{
    struct ct_why why = {{0}};
    const struct ct_watch_config c = {.bundle = &t.bundle,
                                      .account_count = 1,
                                      .accounts = {{.role = "approver", .addr20 = {7}, .gas = 1}},
                                      .store = t.store,
                                      .alerts = {.days = 7, .most_ether = 2},
                                      .wall_s = wall_s,
                                      .log = {.sink = keep, .max = CT_LOG_DEBUG}};
    ct_err err = ct_watch_new(&t.watch, &c, &why);
    if (err != CT_OK) {
        printf("    %s\n", why.text);
    }
    return err == CT_OK;
}

/* One look with that many tenths of an ether in the account. */
static struct ct_watch_balance look(unsigned tenths)
{
    static const uint8_t addr20[20] = {7};
    static struct ct_watch_view view;
    char addr[CT_ADDR_TEXT_LEN];
    char params[128];
    ct_addr_text(addr, addr20);
    (void)snprintf(params, sizeof params, "[\"%s\",\"0x%llx\"]", addr,
                   tenths * 100000000000000000ull);
    free(ct_anvil_call(&t.anvil, "anvil_setBalance", params));
    free(ct_anvil_call(&t.anvil, "evm_mine", "[]"));
    ct_watch_round(t.watch, t.idle);
    ct_watch_get(t.watch, &view);
    CHECK(view.chain_known && view.accounts[0].known);
    return view.accounts[0];
}

static void everything_is_there(void)
{
    char path[128];
    struct ct_why why = {{0}};
    REQUIRE(ct_anvil_start(&t.anvil) && temp_dir_make(&t.dir));
    ct_anvil_bundle(&t.bundle, &t.anvil);
    (void)snprintf(path, sizeof path, "%s/wm.sqlite", t.dir.path);
    REQUIRE(ct_store_sqlite(&t.store, path, &why) == CT_OK);
    REQUIRE(ct_loop_start(&t.idle, 3600000, nothing, NULL) == CT_OK);
    REQUIRE(watch_new());
}

static void account_that_holds_too_much_is_told_of_once_an_hour(void)
{
    struct ct_watch_balance b = look(20);
    CHECK(!b.is_too_much && said("balance_high") == 0); /* just as much as it may */
    CHECK(ct_metrics_gauge(CT_GAUGE_APPROVER_HIGH) < 1);
    b = look(35);
    CHECK(b.is_too_much && ct_metrics_gauge(CT_GAUGE_APPROVER_HIGH) > 0);
    CHECK_EQ(said("balance_high"), 1);
    CHECK(strstr(t.log, "account=approver") != NULL && strstr(t.log, "ether=3.5 most=2") != NULL);
    CHECK(strstr(t.log, "remedy=\"send 1.5 ether of it to a cold account") != NULL);
    (void)look(36);
    CHECK_EQ(said("balance_high"), 1);
    t.ahead_s += 3600;
    (void)look(36);
    CHECK_EQ(said("balance_high"), 2);
    b = look(20);
    CHECK(!b.is_too_much && ct_metrics_gauge(CT_GAUGE_APPROVER_HIGH) < 1);
    const struct ct_watch_alerts less = {.days = 7, .most_ether = 1};
    const struct ct_watch_alerts any = {.days = 7};
    ct_watch_alerts(t.watch, &less);
    CHECK(look(20).is_too_much);
    ct_watch_alerts(t.watch, &any);
    CHECK(!look(20).is_too_much);
}

static void runway_is_known_again_after_a_restart(void)
{
    struct ct_watch_balance before = look(10); /* 2.6 ether in an hour */
    CHECK(before.is_short && before.runway_days < 1);
    CHECK_EQ(said("runway_short"), 1);
    CHECK(ct_metrics_gauge(CT_GAUGE_APPROVER_SHORT) > 0);
    ct_watch_free(t.watch);
    REQUIRE(watch_new());
    struct ct_watch_balance after = look(10);
    CHECK(after.is_short && fabs(after.day_ether - before.day_ether) < 0.05 * before.day_ether);
    after = look(9); /* and it goes on */
    CHECK(after.day_ether > before.day_ether * 1.02);
}

static void what_was_known_days_ago_is_not_taken(void)
{
    ct_watch_free(t.watch);
    t.ahead_s += UINT64_C(3) * 86400;
    REQUIRE(watch_new());
    struct ct_watch_balance b = look(1);
    CHECK(isnan(b.day_ether) && isnan(b.runway_days) && !b.is_short);
}

static const struct ct_test tests[] = {
    CT_TEST(everything_is_there),
    CT_TEST(account_that_holds_too_much_is_told_of_once_an_hour),
    CT_TEST(runway_is_known_again_after_a_restart),
    CT_TEST(what_was_known_days_ago_is_not_taken),
};

int main(void)
{
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    ct_watch_free(t.watch);
    ct_loop_stop(t.idle);
    ct_store_free(t.store);
    ct_anvil_stop(&t.anvil);
    temp_dir_remove(&t.dir);
    return code;
}

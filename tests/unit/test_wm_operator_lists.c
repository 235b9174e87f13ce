/* The operators' lists: page by page, each row once. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include "wm_operator.h"

static void put_rows(void)
{
    for (int i = 0; i < 5; i++) {
        struct ct_device_row d = {.relay = 1, .port = 50000, .sequence = 1};
        struct ct_relay_row r = {.pending32 = {(uint8_t)(10 * i)}, .verdict = "it said \"no\""};
        (void)snprintf(d.identity, sizeof d.identity, "sensor-%d", i);
        CHECK_EQ(wm.store->ops->device_put(wm.store, &d), CT_OK);
        CHECK_EQ(wm.store->ops->relay_put(wm.store, &r), CT_OK);
    }
}

/* All pages of a list, two rows at a time: how many rows have the mark; -1 when it does not end. */
static int rows_by_pages(const char *list, const char *mark)
{
    char path[200];
    int rows = 0;
    (void)snprintf(path, sizeof path, "%s?limit=2", list);
    for (int page = 0; page < 5; page++) {
        CHECK_EQ(ask("GET", path, "localhost", ""), 200);
        int here = 0;
        for (const char *at = body(); (at = strstr(at, mark)) != NULL; at++) {
            here++;
        }
        CHECK(here <= 2);
        rows += here;
        const char *next = strstr(body(), "\"next\":\"");
        if (next == NULL) {
            return rows;
        }
        next += strlen("\"next\":\"");
        (void)snprintf(path, sizeof path, "%s?limit=2&cursor=%.*s", list, (int)strcspn(next, "\""),
                       next);
    }
    return -1;
}

static void lists_come_page_by_page(void)
{
    REQUIRE(start());
    put_rows();
    CHECK_EQ(rows_by_pages("/v1/devices", "\"identity\":\"sensor-"), 5);
    CHECK_EQ(rows_by_pages("/v1/relays", "\"pending_id\":\"0x"), 5);
    CHECK_EQ(ask("GET", "/v1/devices", "localhost", ""), 200);
    CHECK(strstr(body(), "sensor-4") != NULL && strstr(body(), "next") == NULL);
    CHECK(strstr(body(), "\"identity\":\"sensor-0\"") < strstr(body(), "sensor-4"));
    CHECK_EQ(ask("GET", "/v1/relays?limit=1", "localhost", ""), 200);
    CHECK(strstr(body(), "\"verdict\":\"it said \\\"no\\\"\"") != NULL);
    stop();
}

static void a_row_that_comes_between_two_pages_moves_none(void)
{
    struct ct_device_row first = {.identity = "aaa"};
    REQUIRE(start());
    put_rows();
    CHECK_EQ(ask("GET", "/v1/devices?limit=2", "localhost", ""), 200);
    CHECK(strstr(body(), "\"next\":\"c2Vuc29yLTE\"") != NULL); /* sensor-1 */
    CHECK_EQ(wm.store->ops->device_put(wm.store, &first), CT_OK);
    CHECK_EQ(ask("GET", "/v1/devices?limit=1&cursor=c2Vuc29yLTE", "localhost", ""), 200);
    CHECK(strstr(body(), "\"identity\":\"sensor-2\"") != NULL);
    stop();
}

static void put_money(void)
{
    for (uint8_t i = 0; i < 5; i++) {
        const uint8_t jti16[16] = {i};
        static struct ct_txn tx;
        tx = (struct ct_txn){.sender20 = {1},
                             .nonce = i < 3 ? i : i + 20u, /* others were sent from elsewhere */
                             .hash32 = {(uint8_t)(i + 1)},
                             .raw = {2},
                             .raw_len = 1,
                             .created_s = 1700000000,
                             .is_filler = true,
                             .max_fee_wei = 2500000000,
                             .tip_wei = 1};
        CHECK_EQ(wm.store->ops->token_add(wm.store, jti16, i < 2 ? "B1" : "B2", 1800000000), CT_OK);
        CHECK_EQ(wm.store->ops->tx_add(wm.store, &tx, NULL, 0), CT_OK);
    }
    const struct ct_token_use use = {
        .jti16 = {1}, .batch = "B1", .identity = "sensor-1", .wallet20 = {9}, .now_s = 1700000007};
    CHECK_EQ(wm.store->ops->token_use(wm.store, &use), CT_OK);
}

static void tokens_and_transactions_come_page_by_page(void)
{
    REQUIRE(start());
    CHECK_EQ(ask("GET", "/v1/transactions", "localhost", ""), 200);
    CHECK_STR(strchr(body(), '{'), "{\"transactions\":[]}");
    put_money();
    CHECK_EQ(rows_by_pages("/v1/tokens", "\"token\":\""), 5);
    CHECK_EQ(rows_by_pages("/v1/transactions", "\"account\":\"approver\""), 5);
    CHECK_EQ(ask("GET", "/v1/transactions?limit=1", "localhost", ""), 200);
    CHECK(strstr(body(), "\"nonce\":24,") != NULL); /* the newest */
    CHECK(strstr(body(), "\"state\":\"signed\",\"attempt\":1,\"created\":1700000000,"
                         "\"max_fee_gwei\":2.5,") != NULL);
    CHECK_EQ(ask("GET", "/v1/tokens?batch=B1", "localhost", ""), 200);
    CHECK(strstr(body(), "\"state\":\"used\",\"expires\":1800000000,\"identity\":\"sensor-1\"") !=
          NULL);
    CHECK(strstr(body(), "B2") == NULL && strstr(body(), "\"state\":\"issued\"") != NULL);
    CHECK_EQ(ask("GET", "/v1/transactions?cursor=c2Vuc29y", "localhost", ""), 400);
    CHECK_EQ(ask("GET", "/v1/tokens?cursor=c2Vuc29y", "localhost", ""), 400);
    stop();
}

static void pages_that_cannot_be_are_refused(void)
{
    static const char *const bad[] = {
        "/v1/devices?limit=0",        "/v1/devices?limit=101", "/v1/devices?limit=x",
        "/v1/devices?cursor=",        "/v1/devices?cursor=*",  "/v1/relays?cursor=c2Vuc29y",
        "/v1/devices?limit=1&limit=2"};
    REQUIRE(start());
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQ(ask("GET", bad[i], "localhost", ""), 400);
        CHECK(strstr(body(), "urn:chainturn:error:format") != NULL);
    }
    stop();
}

static const struct ct_test tests[] = {
    CT_TEST(lists_come_page_by_page),
    CT_TEST(a_row_that_comes_between_two_pages_moves_none),
    CT_TEST(tokens_and_transactions_come_page_by_page),
    CT_TEST(pages_that_cannot_be_are_refused),
};
CT_TEST_MAIN(tests)

/* The store as those see it who look on, on real SQLite and on a real Redis: counts and pages. */
/* links: ct_wmserver ct_testredis ct_chain ct_base */
#include <stdlib.h>

#include "wm_store.h"

static void put_device(struct ct_store *s, const char *identity, uint16_t port)
{
    struct ct_device_row d = {
        .relay = 3, .port = port, .sequence = 1, .expiry_day = 20500, .block = 77};
    memset(d.wallet20, port, 20);
    memset(d.key32, port + 1, 32);
    (void)snprintf(d.identity, sizeof d.identity, "%s", identity);
    CHECK_EQ(s->ops->device_put(s, &d), CT_OK);
}

static void devices_come_page_by_page_in_the_order_of_their_names(void)
{
    static struct ct_device_row page[CT_STORE_PAGE];
    char after[CT_STORE_IDENTITY] = "";
    char last[CT_STORE_IDENTITY] = "";
    size_t count = 9, all = 0;
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->device_page(s, NULL, page, 10, &count), CT_OK);
    CHECK_EQ(count, 0);
    for (uint16_t i = 0; i < 25; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "d-%u", i * 7u % 25u);
        put_device(s, name, i);
    }
    put_device(s, "d-3", 999); /* again: still one */
    do {
        CHECK_EQ(s->ops->device_page(s, after[0] == '\0' ? NULL : after, page, 10, &count), CT_OK);
        for (size_t i = 0; i < count; i++) {
            CHECK(strcmp(page[i].identity, last) > 0);
            memcpy(last, page[i].identity, sizeof last);
        }
        all += count;
        (void)snprintf(after, sizeof after, "%s", last);
    } while (count == 10);
    CHECK_EQ(all, 25);
    CHECK_EQ(s->ops->device_page(s, "d-24", page, 3, &count), CT_OK);
    REQUIRE(count == 3);
    CHECK_STR(page[0].identity, "d-3"); /* the order of the bytes */
    CHECK(page[0].port == 999 && page[0].relay == 3 && page[0].sequence == 1 &&
          page[0].expiry_day == 20500 && page[0].block == 77);
    CHECK(page[0].wallet20[19] == (999 & 0xff) && page[0].key32[31] == (1000 & 0xff));
    CHECK_EQ(s->ops->device_page(s, "zzz", page, 3, &count), CT_OK);
    CHECK_EQ(count, 0);
    ct_store_free(s);
}

/* Whatever a cursor holds, it is only a place in the order. */
static void a_hostile_cursor_is_only_a_name(void)
{
    static const char *const cursors[] = {"'",   "\"; DROP TABLE devices", "(", "[", "+", "-",
                                          "\xff"};
    struct ct_device_row page[4];
    size_t count = 9;
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    put_device(s, "a", 1);
    for (size_t i = 0; i < sizeof cursors / sizeof cursors[0]; i++) {
        CHECK_EQ(s->ops->device_page(s, cursors[i], page, 4, &count), CT_OK);
        CHECK_EQ(count, strcmp(cursors[i], "a") < 0 ? 1 : 0);
    }
    ct_store_free(s);
}

static void no_page_is_longer_than_allowed(void)
{
    static struct ct_device_row page[CT_STORE_PAGE + 1];
    size_t count = 0;
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    for (uint16_t i = 0; i < (uint16_t)(CT_STORE_PAGE + 5); i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "d-%03u", i);
        put_device(s, name, i);
    }
    CHECK_EQ(s->ops->device_page(s, NULL, page, CT_STORE_PAGE + 1, &count), CT_OK);
    CHECK_EQ(count, CT_STORE_PAGE);
    ct_store_free(s);
}

static void relays_come_page_by_page_in_the_order_of_their_numbers(void)
{
    struct ct_relay_row page[4];
    size_t count = 9;
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    for (uint8_t i = 0; i < 5; i++) {
        struct ct_relay_row r = {.pending32 = {(uint8_t)(200 - i * 50)},
                                 .owner20 = {i},
                                 .index = i,
                                 .checked_s = 1000u + i,
                                 .rtt_us = 500u + i,
                                 .verdict = "passed"};
        CHECK_EQ(s->ops->relay_put(s, &r), CT_OK);
    }
    CHECK_EQ(s->ops->relay_page(s, NULL, page, 4, &count), CT_OK);
    REQUIRE(count == 4);
    CHECK(page[0].pending32[0] == 0 && page[1].pending32[0] == 50 && page[3].pending32[0] == 150);
    CHECK(page[0].index == 4 && page[0].checked_s == 1004 && page[0].rtt_us == 504 &&
          page[0].owner20[0] == 4);
    CHECK_STR(page[0].verdict, "passed");
    CHECK_EQ(s->ops->relay_page(s, page[3].pending32, page, 4, &count), CT_OK);
    REQUIRE(count == 1);
    CHECK_EQ(page[0].pending32[0], 200);
    ct_store_free(s);
}

static void the_newest_tests_of_a_relay_are_kept(void)
{
    static const uint8_t one[32] = {1}, two[32] = {2};
    struct ct_relay_test tests[CT_RELAY_TESTS];
    size_t count = 9;
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->test_list(s, one, tests, &count), CT_OK);
    CHECK_EQ(count, 0);
    for (uint32_t i = 1; i <= CT_RELAY_TESTS + 6; i++) {
        const struct ct_relay_test t = {.at_s = 1000 + i, .rtt_us = i % 5 == 0 ? 0 : i};
        CHECK_EQ(s->ops->test_add(s, one, &t), CT_OK);
        if (i % 10 == 0) {
            CHECK_EQ(s->ops->test_add(s, two, &t), CT_OK);
        }
    }
    CHECK_EQ(s->ops->test_list(s, one, tests, &count), CT_OK);
    REQUIRE(count == CT_RELAY_TESTS);
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQ(tests[i].at_s, 1007 + i);
        CHECK_EQ(tests[i].rtt_us, (7 + i) % 5 == 0 ? 0 : 7 + i);
    }
    CHECK_EQ(s->ops->test_list(s, two, tests, &count), CT_OK);
    CHECK_EQ(count, 3);
    ct_store_free(s);
}

static void add_op(struct ct_store *s, const char *subject, enum ct_op_state state,
                   struct ct_op *op)
{
    *op = (struct ct_op){.kind = CT_OP_REVOKE_DEVICE, .state = state};
    (void)snprintf(op->subject, sizeof op->subject, "%s", subject);
    CHECK_EQ(s->ops->op_add(s, op), CT_OK);
}

static void what_is_under_way_is_counted(void)
{
    static struct ct_txn tx = {
        .sender20 = {9}, .nonce = 4, .hash32 = {1}, .raw_len = 3, .state = CT_TXN_SIGNED};
    static struct ct_txn again = {
        .sender20 = {9}, .nonce = 4, .raw_len = 3, .state = CT_TXN_SIGNED, .attempt = 1};
    struct ct_store_counts c = {.tx_sent = 99};
    struct ct_op ops[4];
    struct ct_op found;
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->counts(s, &c), CT_OK);
    CHECK(c.checking == 0 && c.queued == 0 && c.sent == 0 && c.oldest_s == 0 && c.tx_sent == 0);
    add_op(s, "a", CT_OP_CHECKING, &ops[0]);
    add_op(s, "b", CT_OP_QUEUED, &ops[1]);
    add_op(s, "c", CT_OP_QUEUED, &ops[2]);
    add_op(s, "d", CT_OP_QUEUED, &ops[3]);
    CHECK_EQ(s->ops->tx_add(s, &tx, (const char(*)[CT_OP_ID]) & ops[3].id, 1), CT_OK);
    CHECK_EQ(s->ops->op_find(s, ops[0].id, &found), CT_OK);
    CHECK_EQ(s->ops->counts(s, &c), CT_OK);
    CHECK(c.checking == 1 && c.queued == 2 && c.sent == 1 && c.tx_signed == 1 && c.tx_sent == 0);
    CHECK_EQ(c.oldest_s, found.created_s);
    CHECK_EQ(s->ops->tx_mark(s, tx.hash32, CT_TXN_SENT, 0, NULL), CT_OK);
    CHECK_EQ(s->ops->counts(s, &c), CT_OK);
    CHECK(c.tx_signed == 0 && c.tx_sent == 1);
    memcpy(again.hash32, (const uint8_t[32]){2}, 32);
    CHECK_EQ(s->ops->tx_replace(s, tx.hash32, &again, NULL), CT_OK);
    CHECK_EQ(s->ops->counts(s, &c), CT_OK);
    CHECK(c.tx_signed == 1 && c.tx_sent == 0); /* the newest attempt counts, and once */
    struct ct_op_end end = {.state = CT_OP_DONE};
    memcpy(end.id, ops[3].id, sizeof end.id);
    CHECK_EQ(s->ops->tx_close(s, again.hash32, CT_TXN_CONFIRMED, 5, &end, 1), CT_OK);
    CHECK_EQ(s->ops->counts(s, &c), CT_OK);
    CHECK(c.sent == 0 && c.tx_signed == 0 && c.tx_sent == 0 && c.queued == 2);
    ct_store_free(s);
}

static void totals_count_each_name_once(void)
{
    uint64_t devices = 9, relays = 9;
    struct ct_relay_row r = {.pending32 = {3}, .verdict = "passed"};
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->totals(s, &devices, &relays), CT_OK);
    CHECK(devices == 0 && relays == 0);
    put_device(s, "a", 1);
    put_device(s, "b", 2);
    put_device(s, "a", 3);
    CHECK_EQ(s->ops->relay_put(s, &r), CT_OK);
    CHECK_EQ(s->ops->relay_put(s, &r), CT_OK);
    CHECK_EQ(s->ops->totals(s, &devices, &relays), CT_OK);
    CHECK(devices == 2 && relays == 1);
    ct_store_free(s);
}

/* What an earlier version of the program has written to Redis is not in the lists yet. */
static void rows_of_an_earlier_version_are_listed_when_it_is_opened(void)
{
    struct ct_device_row page[4];
    struct ct_relay_row relay_page[4];
    struct ct_token_row token_page[4];
    size_t count = 0;
    struct ct_relay_row r = {.pending32 = {0xab}, .verdict = "passed"};
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    put_device(s, "a", 1);
    put_device(s, "b:c", 2);
    CHECK_EQ(s->ops->relay_put(s, &r), CT_OK);
    CHECK_EQ(s->ops->token_add(s, r.pending32, "B7", 2000), CT_OK);
    ct_store_free(s);
    CHECK(ct_redis_server_say(&redis, ":5",
                              "DEL chainturn:wm:devices chainturn:wm:relays "
                              "chainturn:wm:tokens chainturn:wm:tokens-in:B7 "
                              "chainturn:wm:listed"));
    s = again(NULL);
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->device_page(s, NULL, page, 4, &count), CT_OK);
    REQUIRE(count == 2);
    CHECK_STR(page[1].identity, "b:c");
    CHECK_EQ(s->ops->relay_page(s, NULL, relay_page, 4, &count), CT_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(s->ops->token_page(s, NULL, NULL, token_page, 4, &count), CT_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(s->ops->token_page(s, "B7", NULL, token_page, 4, &count), CT_OK);
    CHECK_EQ(count, 1);
    ct_store_free(s);
}

static void a_note_is_read_back_by_its_name(void)
{
    uint8_t bytes[CT_STORE_NOTE + 1];
    uint8_t got[CT_STORE_NOTE];
    size_t len = 0;
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i; /* zeros and all */
    }
    CHECK_EQ(s->ops->note_get(s, "meter", got, sizeof got, &len), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->note_put(s, "meter", bytes, CT_STORE_NOTE), CT_OK);
    CHECK_EQ(s->ops->note_put(s, "other", "x", 1), CT_OK);
    CHECK_EQ(s->ops->note_get(s, "meter", got, sizeof got, &len), CT_OK);
    CHECK_EQ(len, CT_STORE_NOTE);
    CHECK_MEM(got, bytes, CT_STORE_NOTE);
    CHECK_EQ(s->ops->note_put(s, "meter", bytes + 7, 3), CT_OK); /* the newest counts */
    CHECK_EQ(s->ops->note_get(s, "meter", got, 2, &len), CT_OK);
    CHECK(len == 3 && got[0] == 7 && got[1] == 8 && got[2] == 2); /* no more than fits */
    CHECK_EQ(s->ops->note_put(s, "meter", bytes, sizeof bytes), CT_ERR_ARG);
    ct_store_free(s);
}

static const struct ct_test tests[] = {
    CT_TEST(devices_come_page_by_page_in_the_order_of_their_names),
    CT_TEST(a_hostile_cursor_is_only_a_name),
    CT_TEST(no_page_is_longer_than_allowed),
    CT_TEST(relays_come_page_by_page_in_the_order_of_their_numbers),
    CT_TEST(the_newest_tests_of_a_relay_are_kept),
    CT_TEST(what_is_under_way_is_counted),
    CT_TEST(totals_count_each_name_once),
    CT_TEST(a_note_is_read_back_by_its_name),
};

static const struct ct_test redis_tests[] = {
    CT_TEST(rows_of_an_earlier_version_are_listed_when_it_is_opened),
};

int main(void)
{
    const struct both_stores all = {.folder = &folder,
                                    .redis = &redis,
                                    .on_redis = &on_redis,
                                    .redis_tests = redis_tests,
                                    .redis_count = sizeof redis_tests / sizeof redis_tests[0],
                                    .tests = tests,
                                    .count = sizeof tests / sizeof tests[0]};
    return both_stores_main(&all);
}

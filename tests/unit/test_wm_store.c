/* The wallet manager's store, on real SQLite and on a real Redis: what is bound, found again, and
 * survives a kill. */
/* links: ct_wmserver ct_testredis ct_chain ct_base */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "both_stores.h"
#include "wm-server/src/tx/ops.h"
#include "wm-server/src/store/sql.h"
#include "wm-server/src/store/store.h"

static struct temp_dir folder;
static char path[96]; /* of the SQLite store */
static struct ct_redis_server redis;
static bool on_redis;

/* The store of the claim that runs, as one more process would open it. */
static ct_err open_store(struct ct_store **out, struct ct_why *why)
{
    return on_redis ? ct_store_redis(out, redis.address, NULL, why)
                    : ct_store_sqlite(out, path, why);
}

static struct ct_store *again(struct ct_store *s)
{
    struct ct_why why = {{0}};
    ct_store_free(s);
    s = NULL;
    ct_err err = open_store(&s, &why);
    CHECK_EQ(err, CT_OK);
    if (err != CT_OK) {
        printf("    %s\n", why.text);
    }
    return s;
}

/* An empty store. */
static struct ct_store *open_new(const char *name)
{
    (void)snprintf(path, sizeof path, "%s/%s", folder.path, name);
    if (on_redis) {
        CHECK(ct_redis_server_say(&redis, "+OK", "FLUSHALL"));
    }
    return again(NULL);
}

static struct ct_token_use use_of(uint8_t number, const char *identity, uint8_t wallet)
{
    struct ct_token_use use = {.batch = "B1", .now_s = 1000};
    memset(use.jti16, number, sizeof use.jti16);
    memset(use.wallet20, wallet, sizeof use.wallet20);
    (void)snprintf(use.identity, sizeof use.identity, "%s", identity);
    return use;
}

static struct ct_op op_of(const char *subject, uint8_t wallet, uint8_t payload)
{
    struct ct_op op = {.kind = CT_OP_REGISTER, .state = CT_OP_QUEUED, .payload_len = 8};
    (void)snprintf(op.subject, sizeof op.subject, "%s", subject);
    memset(op.wallet20, wallet, sizeof op.wallet20);
    memset(op.payload, payload, op.payload_len);
    return op;
}

static struct ct_txn tx_of(uint64_t nonce)
{
    struct ct_txn tx = {.nonce = nonce, .raw_len = 100, .created_s = 5};
    memset(tx.sender20, 0xa0, sizeof tx.sender20);
    memset(tx.hash32, (int)nonce + 1, sizeof tx.hash32);
    memset(tx.raw, 0x02, tx.raw_len);
    return tx;
}

static const char schema_1[] =
    "CREATE TABLE tokens (jti BLOB PRIMARY KEY, batch TEXT NOT NULL, state INTEGER NOT NULL,"
    " identity TEXT, wallet BLOB, expires INTEGER NOT NULL, used_at INTEGER);"
    "CREATE INDEX tokens_by_identity ON tokens (identity) WHERE identity IS NOT NULL;"
    "CREATE TABLE passes (id BLOB PRIMARY KEY, identity TEXT NOT NULL, wallet BLOB NOT NULL,"
    " renews BLOB, expires INTEGER NOT NULL);"
    "CREATE INDEX passes_by_identity ON passes (identity, expires);"
    "CREATE TABLE devices (identity TEXT PRIMARY KEY, wallet BLOB NOT NULL, key BLOB NOT NULL,"
    " relay INTEGER NOT NULL, port INTEGER NOT NULL, sequence INTEGER NOT NULL,"
    " expiry_day INTEGER NOT NULL, block INTEGER NOT NULL);"
    "CREATE TABLE relays (pending BLOB PRIMARY KEY, owner BLOB NOT NULL, number INTEGER NOT NULL,"
    " checked_at INTEGER NOT NULL, rtt_us INTEGER NOT NULL, verdict TEXT NOT NULL);"
    "CREATE TABLE operations (row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    " kind INTEGER NOT NULL, state INTEGER NOT NULL, subject TEXT NOT NULL, wallet BLOB NOT NULL,"
    " payload BLOB NOT NULL, tx BLOB, block INTEGER NOT NULL DEFAULT 0,"
    " reason TEXT NOT NULL DEFAULT '', created INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX operations_under_way ON operations (kind, subject) WHERE state < 3;"
    "CREATE INDEX operations_by_state ON operations (state, row);"
    "CREATE INDEX operations_by_tx ON operations (tx) WHERE tx IS NOT NULL;"
    "CREATE TABLE transactions (hash BLOB PRIMARY KEY, sender BLOB NOT NULL,"
    " nonce INTEGER NOT NULL, raw BLOB NOT NULL, state INTEGER NOT NULL,"
    " block INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL);"
    "CREATE INDEX transactions_sent ON transactions (sender, nonce) WHERE state = 0;"
    "PRAGMA user_version = 1;"
    "INSERT INTO operations (id, kind, state, subject, wallet, payload, created) VALUES"
    " ('00112233445566778899aabbccddeeff', 1, 1, 'sensor-1', zeroblob(20), zeroblob(8), 5);";

static void file_is_private(void)
{
    struct stat st;
    struct ct_store *s = open_new("private");
    REQUIRE(s != NULL);
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    ct_store_free(s);
}

static void token_is_bound_to_the_first_name_and_wallet(void)
{
    struct ct_store *s = open_new("tokens");
    REQUIRE(s != NULL);
    struct ct_token_use first = use_of(1, "sensor-42", 7);
    struct ct_token_use other_wallet = use_of(1, "sensor-42", 8);
    struct ct_token_use other_name = use_of(1, "sensor-43", 7);
    CHECK_EQ(s->ops->token_add(s, first.jti16, "B1", 2000), CT_OK);
    CHECK_EQ(s->ops->token_add(s, first.jti16, "B1", 2000), CT_ERR_STATE);
    CHECK_EQ(s->ops->token_use(s, &first), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &first), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &other_wallet), CT_ERR_REPLAY);
    s = again(s);
    CHECK_EQ(s->ops->token_use(s, &other_name), CT_ERR_REPLAY);
    CHECK_EQ(s->ops->token_use(s, &first), CT_OK);
    ct_store_free(s);
}

static void token_without_a_row_is_bound_too(void)
{
    struct ct_store *s = open_new("unknown");
    REQUIRE(s != NULL);
    struct ct_token_use first = use_of(9, "a", 1);
    struct ct_token_use second = use_of(9, "a", 2);
    CHECK_EQ(s->ops->token_use(s, &first), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &second), CT_ERR_REPLAY);
    ct_store_free(s);
}

static void withdrawn_token_admits_nobody(void)
{
    struct ct_store *s = open_new("withdrawn");
    REQUIRE(s != NULL);
    struct ct_token_use first = use_of(1, "a", 1);
    CHECK_EQ(s->ops->token_use(s, &first), CT_OK);
    CHECK_EQ(s->ops->token_withdraw(s, "a", NULL), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &first), CT_ERR_REFUSED);
    ct_store_free(s);
}

static void tokens_of_all_wallets_but_one_are_withdrawn(void)
{
    struct ct_store *s = open_new("lost");
    REQUIRE(s != NULL);
    struct ct_token_use lost = use_of(1, "a", 1);
    struct ct_token_use fresh = use_of(2, "a", 2);
    struct ct_token_use other = use_of(3, "b", 1);
    CHECK_EQ(s->ops->token_use(s, &lost), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &fresh), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &other), CT_OK);
    CHECK_EQ(s->ops->token_withdraw(s, "a", fresh.wallet20), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &lost), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &fresh), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &other), CT_OK);
    ct_store_free(s);
}

static void token_withdrawn_by_its_number_admits_nobody(void)
{
    struct ct_store *s = open_new("onetoken");
    REQUIRE(s != NULL);
    struct ct_token_use unused = use_of(1, "a", 1);
    struct ct_token_use used = use_of(2, "b", 2);
    struct ct_token_use without_row = use_of(3, "c", 3);
    struct ct_token_use other = use_of(4, "d", 4);
    CHECK_EQ(s->ops->token_add(s, unused.jti16, "B1", 2000), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &used), CT_OK);
    CHECK_EQ(s->ops->token_withdraw_one(s, unused.jti16, "B1", 2000), CT_OK);
    CHECK_EQ(s->ops->token_withdraw_one(s, used.jti16, "B1", 2000), CT_OK);
    CHECK_EQ(s->ops->token_withdraw_one(s, without_row.jti16, "B1", 2000), CT_OK);
    CHECK_EQ(s->ops->token_withdraw_one(s, without_row.jti16, "B1", 2000), CT_OK);
    s = again(s);
    CHECK_EQ(s->ops->token_use(s, &unused), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &used), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &without_row), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_add(s, without_row.jti16, "B1", 2000), CT_ERR_STATE);
    CHECK_EQ(s->ops->token_use(s, &other), CT_OK);
    ct_store_free(s);
}

static void withdrawn_batch_admits_nobody_and_takes_no_more(void)
{
    struct ct_store *s = open_new("batch");
    REQUIRE(s != NULL);
    struct ct_token_use issued = use_of(1, "a", 1);
    struct ct_token_use used = use_of(2, "b", 2);
    struct ct_token_use without_row = use_of(3, "c", 3);
    struct ct_token_use other = use_of(4, "d", 4);
    (void)snprintf(other.batch, sizeof other.batch, "B11");
    CHECK_EQ(s->ops->token_add(s, issued.jti16, "B1", 2000), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &used), CT_OK);
    CHECK_EQ(s->ops->token_withdraw_batch(s, "B1"), CT_OK);
    CHECK_EQ(s->ops->token_withdraw_batch(s, "B1"), CT_OK);
    s = again(s);
    CHECK_EQ(s->ops->token_use(s, &issued), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &used), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &without_row), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_add(s, without_row.jti16, "B1", 2000), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &other), CT_OK);
    ct_store_free(s);
}

static void tokens_are_listed_by_batch_with_who_used_them(void)
{
    struct ct_store *s = open_new("tokenlist");
    REQUIRE(s != NULL);
    struct ct_token_row rows[8];
    struct ct_token_use used = use_of(2, "sensor-42", 7);
    size_t count = 0;
    for (uint8_t n = 1; n <= 3; n++) {
        struct ct_token_use t = use_of(n, "", 0);
        CHECK_EQ(s->ops->token_add(s, t.jti16, n == 3 ? "B2" : "B1", 2000), CT_OK);
    }
    CHECK_EQ(s->ops->token_use(s, &used), CT_OK);
    CHECK_EQ(s->ops->token_page(s, NULL, NULL, rows, 8, &count), CT_OK);
    CHECK_EQ(count, 3);
    CHECK_EQ(s->ops->token_page(s, "B2", NULL, rows, 8, &count), CT_OK);
    REQUIRE(count == 1);
    CHECK_EQ(rows[0].jti16[0], 3);
    CHECK_EQ(s->ops->token_page(s, "B1", NULL, rows, 1, &count), CT_OK);
    REQUIRE(count == 1);
    CHECK(rows[0].jti16[0] == 1 && rows[0].state == CT_TOKEN_ISSUED && rows[0].used_s == 0);
    CHECK(rows[0].identity[0] == '\0' && rows[0].expires_s == 2000);
    CHECK_STR(rows[0].batch, "B1");
    CHECK_EQ(s->ops->token_page(s, "B1", rows[0].jti16, rows, 8, &count), CT_OK);
    REQUIRE(count == 1);
    CHECK(rows[0].jti16[0] == 2 && rows[0].state == CT_TOKEN_USED && rows[0].used_s == 1000);
    CHECK_STR(rows[0].identity, "sensor-42");
    CHECK_MEM(rows[0].wallet20, used.wallet20, 20);
    CHECK_EQ(s->ops->token_withdraw_batch(s, "B1"), CT_OK);
    CHECK_EQ(s->ops->token_page(s, NULL, NULL, rows, 8, &count), CT_OK);
    REQUIRE(count == 3);
    CHECK(rows[0].state == CT_TOKEN_WITHDRAWN && rows[2].state == CT_TOKEN_ISSUED);
    CHECK(rows[1].state == CT_TOKEN_WITHDRAWN);
    CHECK_STR(rows[1].identity, "sensor-42"); /* still known */
    CHECK_EQ(s->ops->token_page(s, "B3", NULL, rows, 8, &count), CT_OK);
    CHECK_EQ(count, 0);
    ct_store_free(s);
}

/* Of credential 0xf0, for three names. */
static struct ct_token_mint mint_of(uint8_t number)
{
    struct ct_token_mint mint = {.batch = "B1", .count = 3, .expires_s = 2000};
    memset(mint.jti16, number, sizeof mint.jti16);
    memset(mint.factory16, 0xf0, sizeof mint.factory16);
    (void)snprintf(mint.identity, sizeof mint.identity, "acme-%u", number);
    return mint;
}

static struct ct_token_use minted_use_of(uint8_t number)
{
    struct ct_token_use use = use_of(number, "acme", number);
    memset(use.factory16, 0xf0, sizeof use.factory16);
    return use;
}

static void factory_credential_is_exchanged_as_often_as_it_says(void)
{
    struct ct_store *s = open_new("factory");
    REQUIRE(s != NULL);
    struct ct_token_row rows[8];
    struct ct_token_mint mint = mint_of(1);
    size_t count = 0;
    CHECK_EQ(s->ops->factory_add(s, mint.factory16, "B1", 2000, 3), CT_OK);
    CHECK_EQ(s->ops->factory_add(s, mint.factory16, "B1", 2000, 3), CT_ERR_STATE);
    for (uint8_t n = 1; n <= 3; n++) {
        mint = mint_of(n);
        CHECK_EQ(s->ops->token_mint(s, &mint), CT_OK);
        CHECK_EQ(s->ops->token_mint(s, &mint), CT_OK); /* again: not counted */
    }
    mint = mint_of(4);
    CHECK_EQ(s->ops->token_mint(s, &mint), CT_ERR_STATE);
    s = again(s);
    CHECK_EQ(s->ops->token_mint(s, &mint), CT_ERR_STATE);
    mint = mint_of(2);
    CHECK_EQ(s->ops->token_mint(s, &mint), CT_OK);
    struct ct_token_use use = minted_use_of(2);
    CHECK_EQ(s->ops->token_use(s, &use), CT_OK);
    CHECK_EQ(s->ops->token_page(s, "B1", NULL, rows, 8, &count), CT_OK);
    REQUIRE(count == 4);
    CHECK(rows[0].state == CT_TOKEN_ISSUED && rows[0].count == 0 && rows[0].expires_s == 2000);
    CHECK_MEM(rows[0].factory16, mint.factory16, 16);
    CHECK(rows[1].state == CT_TOKEN_USED && rows[3].count == 3 && rows[3].minted == 3);
    CHECK_MEM(rows[3].jti16, mint.factory16, 16);
    ct_store_free(s);
}

static void withdrawn_factory_credential_takes_its_tokens_with_it(void)
{
    struct ct_store *s = open_new("nofactory");
    REQUIRE(s != NULL);
    struct ct_token_row rows[8];
    struct ct_token_mint mint = mint_of(1);
    struct ct_token_mint next = mint_of(2);
    struct ct_token_use unused = minted_use_of(1);
    struct ct_token_use other = use_of(9, "b", 2);
    size_t count = 0;
    CHECK_EQ(s->ops->token_mint(s, &mint), CT_OK); /* issued by another host: no row */
    CHECK_EQ(s->ops->token_withdraw_one(s, mint.factory16, "B1", 2000), CT_OK);
    s = again(s);
    CHECK_EQ(s->ops->token_use(s, &unused), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_mint(s, &mint), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_mint(s, &next), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &other), CT_OK);
    CHECK_EQ(s->ops->token_page(s, NULL, NULL, rows, 8, &count), CT_OK);
    REQUIRE(count == 3);
    CHECK(rows[0].state == CT_TOKEN_WITHDRAWN && rows[1].state == CT_TOKEN_USED);
    CHECK(rows[2].state == CT_TOKEN_WITHDRAWN && rows[2].minted == 1);
    ct_store_free(s);
}

static void withdrawn_batch_stops_its_factory_credentials(void)
{
    struct ct_store *s = open_new("nobatch");
    REQUIRE(s != NULL);
    struct ct_token_mint mint = mint_of(1);
    struct ct_token_mint next = mint_of(2);
    struct ct_token_use unused = minted_use_of(1);
    CHECK_EQ(s->ops->factory_add(s, mint.factory16, "B1", 2000, 3), CT_OK);
    CHECK_EQ(s->ops->token_mint(s, &mint), CT_OK);
    CHECK_EQ(s->ops->token_withdraw_batch(s, "B1"), CT_OK);
    CHECK_EQ(s->ops->token_mint(s, &next), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_mint(s, &mint), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &unused), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->factory_add(s, next.jti16, "B1", 2000, 3), CT_ERR_REFUSED);
    ct_store_free(s);
}

/* Two processes ask for thirty names each of a credential for forty. */
static void two_processes_exchange_no_more_than_the_count(void)
{
    enum { EACH = 30, MANY = 40 };
    struct ct_store *s = open_new("factory2");
    REQUIRE(s != NULL);
    struct ct_token_row row;
    uint8_t before[16];
    size_t count = 0;
    unsigned good = 0;
    ct_store_free(s);
    pid_t child = fork();
    struct ct_why why = {{0}};
    REQUIRE(child >= 0 && open_store(&s, &why) == CT_OK);
    for (unsigned n = 1; n <= EACH; n++) {
        struct ct_token_mint mint = mint_of((uint8_t)(child == 0 ? n + EACH : n));
        mint.count = MANY;
        good += s->ops->token_mint(s, &mint) == CT_OK;
    }
    if (child == 0) {
        ct_store_free(s);
        _exit((int)good);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK_EQ(good + (unsigned)WEXITSTATUS(status), MANY);
    memset(before, 0xef, sizeof before);
    CHECK_EQ(s->ops->token_page(s, NULL, before, &row, 1, &count), CT_OK);
    CHECK(count == 1 && row.minted == MANY && row.count == MANY);
    ct_store_free(s);
}

static void pass_is_found_with_its_owner(void)
{
    struct ct_store *s = open_new("passes");
    REQUIRE(s != NULL);
    struct ct_pass_row row = {.id16 = {1}, .identity = "a", .wallet20 = {2}, .expires_s = 100};
    struct ct_pass_row got = {0};
    size_t count = 9;
    CHECK_EQ(s->ops->pass_add(s, &row), CT_OK);
    CHECK_EQ(s->ops->pass_find(s, row.id16, &got), CT_OK);
    CHECK_STR(got.identity, "a");
    CHECK_MEM(got.wallet20, row.wallet20, 20);
    CHECK_EQ(got.expires_s, 100);
    CHECK_EQ(s->ops->pass_find(s, row.renews16, &got), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->pass_list(s, "a", 100, &got, 1, &count), CT_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(s->ops->pass_list(s, "a", 101, &got, 1, &count), CT_OK);
    CHECK_EQ(count, 0);
    ct_store_free(s);
}

static void device_and_relay_are_replaced_and_found(void)
{
    struct ct_store *s = open_new("records");
    REQUIRE(s != NULL);
    struct ct_device_row d = {.identity = "a", .relay = 1, .port = 50000, .sequence = 1};
    struct ct_device_row d_got = {0};
    struct ct_relay_row r = {.pending32 = {3}, .rtt_us = 800, .verdict = "passed"};
    struct ct_relay_row r_got = {0};
    CHECK_EQ(s->ops->device_put(s, &d), CT_OK);
    d.sequence = 2;
    CHECK_EQ(s->ops->device_put(s, &d), CT_OK);
    CHECK_EQ(s->ops->device_find(s, "a", &d_got), CT_OK);
    CHECK_EQ(d_got.sequence, 2);
    CHECK_EQ(s->ops->device_find(s, "b", &d_got), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->relay_put(s, &r), CT_OK);
    CHECK_EQ(s->ops->relay_find(s, r.pending32, &r_got), CT_OK);
    CHECK_STR(r_got.verdict, "passed");
    ct_store_free(s);
}

static void tests_of_a_relay_are_kept_and_a_hold_survives_them(void)
{
    struct ct_store *s = open_new("watches");
    REQUIRE(s != NULL);
    struct ct_relay_watch w = {.index = 7,
                               .digest32 = {9},
                               .strikes = 3,
                               .failing_s = 1000,
                               .due_s = 1600,
                               .act = CT_RELAY_REVOKED,
                               .acted_s = 1500,
                               .op = "00112233445566778899aabbccddeeff"};
    struct ct_relay_watch got = {0};
    CHECK_EQ(s->ops->relay_watch_find(s, 7, &got), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->relay_watch_put(s, &w), CT_OK);
    CHECK_EQ(s->ops->relay_watch_hold(s, 7, 1550), CT_OK);
    w.strikes = 0;
    w.passes = 2;
    w.held_s = 1; /* not what a put says */
    CHECK_EQ(s->ops->relay_watch_put(s, &w), CT_OK);
    s = again(s);
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->relay_watch_find(s, 7, &got), CT_OK);
    CHECK(got.index == 7 && got.strikes == 0 && got.passes == 2 && got.failing_s == 1000);
    CHECK(got.due_s == 1600 && got.act == CT_RELAY_REVOKED && got.acted_s == 1500);
    CHECK_EQ(got.held_s, 1550);
    CHECK_STR(got.op, w.op);
    CHECK_MEM(got.digest32, w.digest32, 32);
    CHECK_EQ(s->ops->relay_watch_hold(s, 8, 5), CT_OK); /* one that was never tested */
    CHECK_EQ(s->ops->relay_watch_find(s, 8, &got), CT_OK);
    CHECK(got.held_s == 5 && got.act == CT_RELAY_LEFT && got.op[0] == '\0');
    ct_store_free(s);
}

static void operation_under_way_is_found_again(void)
{
    struct ct_store *s = open_new("ops");
    REQUIRE(s != NULL);
    struct ct_op first = op_of("a", 1, 1);
    struct ct_op same = op_of("a", 1, 1);
    struct ct_op newer = op_of("a", 1, 2);
    struct ct_op foreign = op_of("a", 2, 1);
    struct ct_op got;
    CHECK_EQ(s->ops->op_add(s, &first), CT_OK);
    CHECK_EQ(strlen(first.id), 32);
    CHECK_EQ(s->ops->op_add(s, &same), CT_OK);
    CHECK_STR(same.id, first.id);
    CHECK_EQ(s->ops->op_add(s, &newer), CT_OK);
    CHECK_STR(newer.id, first.id);
    CHECK_EQ(s->ops->op_find(s, first.id, &got), CT_OK);
    CHECK_EQ(got.payload[0], 2); /* not sent yet: it takes the newer one */
    CHECK_EQ(s->ops->op_add(s, &foreign), CT_ERR_STATE);
    CHECK_EQ(s->ops->op_find(s, "nothing", &got), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->op_under_way(s, CT_OP_REGISTER, "a", &got), CT_OK);
    CHECK_STR(got.id, first.id);
    CHECK_EQ(s->ops->op_under_way(s, CT_OP_REVOKE_DEVICE, "a", &got), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->op_under_way(s, CT_OP_REGISTER, "b", &got), CT_ERR_NOT_FOUND);
    ct_store_free(s);
}

static void operation_moves_only_from_the_state_it_is_in(void)
{
    struct ct_store *s = open_new("moves");
    REQUIRE(s != NULL);
    struct ct_op op = op_of("a", 1, 1);
    struct ct_op got;
    CHECK_EQ(s->ops->op_add(s, &op), CT_OK);
    CHECK_EQ(s->ops->op_move(s, op.id, CT_OP_CHECKING, CT_OP_FAILED, NULL, 0, "x"), CT_ERR_STATE);
    CHECK_EQ(s->ops->op_move(s, op.id, CT_OP_QUEUED, CT_OP_FAILED, NULL, 0, "because"), CT_OK);
    CHECK_EQ(s->ops->op_find(s, op.id, &got), CT_OK);
    CHECK_EQ(got.state, CT_OP_FAILED);
    CHECK_STR(got.reason, "because");
    CHECK_EQ(s->ops->op_under_way(s, CT_OP_REGISTER, "a", &got), CT_ERR_NOT_FOUND);
    struct ct_op next = op_of("a", 2, 1); /* the name is free again */
    CHECK_EQ(s->ops->op_add(s, &next), CT_OK);
    CHECK(strcmp(next.id, op.id) != 0);
    ct_store_free(s);
}

static void transaction_and_its_operations_change_together(void)
{
    struct ct_store *s = open_new("tx");
    REQUIRE(s != NULL);
    struct ct_op a = op_of("a", 1, 1);
    struct ct_op b = op_of("b", 1, 1);
    struct ct_op got[4];
    struct ct_txn tx = tx_of(5);
    struct ct_txn found;
    char ids[2][CT_OP_ID];
    size_t count = 0;
    CHECK_EQ(s->ops->op_add(s, &a), CT_OK);
    CHECK_EQ(s->ops->op_add(s, &b), CT_OK);
    memcpy(ids[0], a.id, CT_OP_ID);
    memcpy(ids[1], "nobody", 7);
    CHECK_EQ(s->ops->tx_add(s, &tx, (const char(*)[CT_OP_ID])ids, 2), CT_ERR_STATE);
    CHECK_EQ(s->ops->tx_next(s, tx.sender20, UINT64_MAX, &found), CT_ERR_NOT_FOUND);
    memcpy(ids[1], b.id, CT_OP_ID);
    CHECK_EQ(s->ops->tx_add(s, &tx, (const char(*)[CT_OP_ID])ids, 2), CT_OK);
    CHECK_EQ(s->ops->op_list(s, CT_OP_QUEUED, 0, got, 4, &count), CT_OK);
    CHECK_EQ(count, 0);
    struct ct_op newer = op_of("a", 1, 2);
    CHECK_EQ(s->ops->op_add(s, &newer), CT_ERR_STATE); /* sent: too late to change */
    s = again(s);
    CHECK_EQ(s->ops->tx_next(s, tx.sender20, UINT64_MAX, &found), CT_OK);
    CHECK_EQ(found.nonce, 5);
    CHECK_EQ(found.raw_len, 100);
    CHECK_MEM(found.raw, tx.raw, 100);
    CHECK_EQ(s->ops->tx_next(s, tx.sender20, 5, &found), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->op_of_tx(s, tx.hash32, got, 4, &count), CT_OK);
    CHECK_EQ(count, 2);
    struct ct_op_end ends[2] = {{.state = CT_OP_DONE}, {.state = CT_OP_QUEUED}};
    memcpy(ends[0].id, a.id, CT_OP_ID);
    memcpy(ends[1].id, b.id, CT_OP_ID);
    CHECK_EQ(s->ops->tx_close(s, tx.hash32, CT_TXN_CONFIRMED, 77, ends, 2), CT_OK);
    CHECK_EQ(s->ops->tx_close(s, tx.hash32, CT_TXN_CONFIRMED, 77, ends, 2), CT_ERR_STATE);
    CHECK_EQ(s->ops->op_find(s, a.id, &got[0]), CT_OK);
    CHECK(got[0].state == CT_OP_DONE && got[0].block == 77 && got[0].has_tx);
    CHECK_EQ(s->ops->op_find(s, b.id, &got[0]), CT_OK);
    CHECK(got[0].state == CT_OP_QUEUED && !got[0].has_tx);
    ct_store_free(s);
}

static void two_transactions_cannot_claim_one_operation(void)
{
    struct ct_store *s = open_new("claims");
    REQUIRE(s != NULL);
    struct ct_op a = op_of("a", 1, 1);
    struct ct_txn one = tx_of(1);
    struct ct_txn two = tx_of(2);
    CHECK_EQ(s->ops->op_add(s, &a), CT_OK);
    CHECK_EQ(s->ops->tx_add(s, &one, (const char(*)[CT_OP_ID]) & a.id, 1), CT_OK);
    CHECK_EQ(s->ops->tx_add(s, &two, (const char(*)[CT_OP_ID]) & a.id, 1), CT_ERR_STATE);
    ct_store_free(s);
}

/* The child dies by SIGKILL at once after the store said yes. */
static void acknowledged_work_survives_a_kill(void)
{
    struct ct_op a = op_of("a", 1, 1);
    struct ct_txn tx = tx_of(3);
    struct ct_txn found;
    struct ct_op got;
    ct_store_free(open_new("killed"));
    int pipe_fds[2];
    REQUIRE(pipe(pipe_fds) == 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        struct ct_store *s = NULL;
        struct ct_why why = {{0}};
        bool good = open_store(&s, &why) == CT_OK && s->ops->op_add(s, &a) == CT_OK &&
                    write(pipe_fds[1], a.id, CT_OP_ID) == CT_OP_ID &&
                    s->ops->tx_add(s, &tx, (const char(*)[CT_OP_ID]) & a.id, 1) == CT_OK;
        (void)raise(good ? SIGKILL : SIGTERM);
        _exit(1);
    }
    int status = 0;
    (void)close(pipe_fds[1]);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK_EQ(read(pipe_fds[0], a.id, CT_OP_ID), CT_OP_ID);
    (void)close(pipe_fds[0]);
    struct ct_store *s = again(NULL);
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->op_find(s, a.id, &got), CT_OK);
    CHECK(got.state == CT_OP_SENT && memcmp(got.tx32, tx.hash32, 32) == 0);
    CHECK_EQ(s->ops->tx_next(s, tx.sender20, UINT64_MAX, &found), CT_OK);
    CHECK_MEM(found.raw, tx.raw, 100);
    ct_store_free(s);
}

static void two_processes_write_at_once(void)
{
    ct_store_free(open_new("shared"));
    pid_t pids[2];
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        REQUIRE(pids[i] >= 0);
        if (pids[i] == 0) {
            struct ct_store *s = NULL;
            struct ct_why why = {{0}};
            int bad = open_store(&s, &why) != CT_OK;
            for (int n = 0; n < 20 && !bad; n++) {
                char name[16];
                (void)snprintf(name, sizeof name, "%d-%d", i, n);
                struct ct_op op = op_of(name, 1, 1);
                bad = s->ops->op_add(s, &op) != CT_OK;
            }
            _exit(bad);
        }
    }
    for (int i = 0; i < 2; i++) {
        int status = 1;
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ(status, 0);
    }
    struct ct_store *s = again(NULL);
    REQUIRE(s != NULL);
    static struct ct_op got[64];
    size_t count = 0;
    CHECK_EQ(s->ops->op_list(s, CT_OP_QUEUED, CT_OP_REGISTER, got, 64, &count), CT_OK);
    CHECK_EQ(count, 40);
    ct_store_free(s);
}

/* Tokens 0..19, each asked for with a wallet of this process's own: how many it got. */
static int claim_all(uint8_t wallet)
{
    struct ct_store *s = NULL;
    struct ct_why why = {{0}};
    int won = 0;
    if (open_store(&s, &why) != CT_OK) {
        return 100;
    }
    for (uint8_t n = 0; n < 20; n++) {
        struct ct_token_use use = use_of(n, "a", wallet);
        ct_err err = s->ops->token_use(s, &use);
        if (err != CT_OK && err != CT_ERR_REPLAY) {
            return 100;
        }
        won += err == CT_OK;
    }
    return won;
}

static void one_token_goes_to_one_of_two_processes(void)
{
    ct_store_free(open_new("raced"));
    int gate[2];
    pid_t pids[2];
    int won = 0;
    REQUIRE(pipe(gate) == 0);
    for (uint8_t i = 0; i < 2; i++) {
        pids[i] = fork();
        REQUIRE(pids[i] >= 0);
        if (pids[i] == 0) {
            char byte;
            (void)close(gate[1]);
            (void)!read(gate[0], &byte, 1); /* until both are there */
            _exit(claim_all((uint8_t)(i + 1)));
        }
    }
    (void)close(gate[0]);
    (void)close(gate[1]);
    for (int i = 0; i < 2; i++) {
        int status = -1;
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK(WIFEXITED(status));
        won += WEXITSTATUS(status);
    }
    CHECK_EQ(won, 20);
}

static void operations_are_listed_oldest_first(void)
{
    struct ct_store *s = open_new("order");
    REQUIRE(s != NULL);
    struct ct_op got[3];
    size_t count = 0;
    for (int i = 0; i < 12; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", 12 - i);
        struct ct_op op = op_of(name, 1, 1);
        op.kind = i == 0 ? CT_OP_REVOKE_DEVICE : CT_OP_REGISTER;
        CHECK_EQ(s->ops->op_add(s, &op), CT_OK);
    }
    CHECK_EQ(s->ops->op_list(s, CT_OP_QUEUED, 0, got, 3, &count), CT_OK);
    REQUIRE(count == 3);
    CHECK_STR(got[0].subject, "12");
    CHECK_STR(got[2].subject, "10");
    CHECK_EQ(s->ops->op_list(s, CT_OP_QUEUED, CT_OP_REGISTER, got, 2, &count), CT_OK);
    REQUIRE(count == 2);
    CHECK_STR(got[0].subject, "11");
    CHECK_STR(got[1].subject, "10");
    CHECK_EQ(s->ops->op_list(s, CT_OP_QUEUED, CT_OP_REVOKE_PASS, got, 2, &count), CT_OK);
    CHECK_EQ(count, 0);
    ct_store_free(s);
}

static void transactions_come_in_the_order_of_their_nonces(void)
{
    static const uint64_t nonces[] = {16, 9, 255, 10, UINT32_MAX};
    static const uint64_t sorted[] = {9, 10, 16, 255, UINT32_MAX};
    struct ct_store *s = open_new("nonces");
    REQUIRE(s != NULL);
    struct ct_txn found = {.nonce = UINT64_MAX};
    for (size_t i = 0; i < 5; i++) {
        struct ct_txn tx = tx_of(nonces[i]);
        tx.hash32[1] = (uint8_t)i;
        CHECK_EQ(s->ops->tx_add(s, &tx, NULL, 0), CT_OK);
        CHECK_EQ(s->ops->tx_add(s, &tx, NULL, 0), CT_ERR_STATE);
    }
    for (size_t i = 0; i < 5; i++) {
        uint64_t after = found.nonce;
        CHECK_EQ(s->ops->tx_next(s, tx_of(0).sender20, after, &found), CT_OK);
        CHECK_EQ(found.nonce, sorted[i]);
    }
    CHECK_EQ(s->ops->tx_next(s, found.hash32, UINT64_MAX, &found), CT_ERR_NOT_FOUND);
    ct_store_free(s);
}

/* The most that txmgr puts into one: 64 operations, 16 KiB. */
static void largest_transaction_fits(void)
{
    static char ids[64][CT_OP_ID];
    static struct ct_op_end ends[64];
    static struct ct_op got[64];
    static struct ct_txn tx;
    static struct ct_txn found;
    struct ct_store *s = open_new("large");
    REQUIRE(s != NULL);
    size_t count = 0;
    tx = tx_of(1);
    tx.raw_len = sizeof tx.raw;
    memset(tx.raw, 0xfe, sizeof tx.raw);
    for (int i = 0; i < 64; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i);
        struct ct_op op = op_of(name, 1, 1);
        op.payload_len = sizeof op.payload;
        CHECK_EQ(s->ops->op_add(s, &op), CT_OK);
        memcpy(ids[i], op.id, CT_OP_ID);
        memcpy(ends[i].id, op.id, CT_OP_ID);
        ends[i].state = CT_OP_FAILED;
        memset(ends[i].reason, 'x', sizeof ends[i].reason - 1);
    }
    CHECK_EQ(s->ops->tx_add(s, &tx, (const char(*)[CT_OP_ID])ids, 64), CT_OK);
    CHECK_EQ(s->ops->tx_next(s, tx.sender20, UINT64_MAX, &found), CT_OK);
    CHECK_EQ(found.raw_len, sizeof tx.raw);
    CHECK_MEM(found.raw, tx.raw, sizeof tx.raw);
    CHECK_EQ(s->ops->op_of_tx(s, tx.hash32, got, 64, &count), CT_OK);
    REQUIRE(count == 64);
    CHECK_STR(got[63].subject, "63");
    CHECK_EQ(s->ops->tx_close(s, tx.hash32, CT_TXN_CONFIRMED, 7, ends, 64), CT_OK);
    CHECK_EQ(s->ops->op_list(s, CT_OP_FAILED, 0, got, 64, &count), CT_OK);
    CHECK_EQ(count, 64);
    CHECK_STR(got[5].reason, ends[5].reason);
    ct_store_free(s);
}

/* ---- attempts ---- */

/* Another attempt at tx's nonce, half as much dearer. */
static struct ct_txn dearer(const struct ct_txn *tx)
{
    struct ct_txn next = *tx;
    next.attempt++;
    next.max_fee_wei += next.max_fee_wei / 2;
    memset(next.hash32, 0x80 + (int)next.attempt, sizeof next.hash32);
    next.raw[0] = 0x77;
    return next;
}

static void dearer_attempt_carries_the_operations_on(void)
{
    static struct ct_txn first, second, found;
    struct ct_store *s = open_new("attempts");
    REQUIRE(s != NULL);
    struct ct_op a = op_of("a", 1, 1);
    struct ct_op got[2];
    struct ct_txn_slot slot[CT_TXN_ATTEMPTS];
    size_t count = 0;
    first = tx_of(5);
    first.max_fee_wei = 1000;
    first.tip_wei = 10;
    second = dearer(&first);
    second.is_filler = true;
    CHECK_EQ(s->ops->op_add(s, &a), CT_OK);
    REQUIRE(s->ops->tx_add(s, &first, (const char(*)[CT_OP_ID]) & a.id, 1) == CT_OK);
    REQUIRE(s->ops->tx_replace(s, first.hash32, &second, "dearer now") == CT_OK);
    CHECK_EQ(s->ops->tx_replace(s, first.hash32, &second, NULL), CT_ERR_STATE); /* once */
    s = again(s);
    REQUIRE(s->ops->tx_next(s, first.sender20, UINT64_MAX, &found) == CT_OK);
    CHECK(found.attempt == 1 && found.max_fee_wei == 1500 && found.tip_wei == 10);
    CHECK(found.state == CT_TXN_SIGNED && found.raw[0] == 0x77);
    CHECK_MEM(found.hash32, second.hash32, 32);
    struct ct_txn none;
    CHECK_EQ(s->ops->tx_next(s, first.sender20, 5, &none), CT_ERR_NOT_FOUND); /* one nonce */
    CHECK_EQ(s->ops->op_of_tx(s, first.hash32, got, 2, &count), CT_OK);
    CHECK_EQ(count, 0);
    CHECK_EQ(s->ops->op_of_tx(s, second.hash32, got, 2, &count), CT_OK);
    REQUIRE(count == 1);
    CHECK_STR(got[0].reason, "dearer now");
    CHECK_EQ(s->ops->tx_slot(s, first.sender20, 5, slot, &count), CT_OK);
    REQUIRE(count == 2);
    CHECK_MEM(slot[0].hash32, second.hash32, 32);
    CHECK_MEM(slot[1].hash32, first.hash32, 32);
    CHECK(slot[0].is_filler && !slot[1].is_filler && found.is_filler);
    ct_store_free(s);
}

static void nonce_is_ended_by_whichever_attempt_the_chain_has(void)
{
    static struct ct_txn first, second, found;
    struct ct_store *s = open_new("winner");
    REQUIRE(s != NULL);
    struct ct_op a = op_of("a", 1, 1);
    struct ct_op got;
    struct ct_txn_row rows[4];
    size_t count = 0;
    first = tx_of(5);
    second = dearer(&first);
    CHECK_EQ(s->ops->op_add(s, &a), CT_OK);
    REQUIRE(s->ops->tx_add(s, &first, (const char(*)[CT_OP_ID]) & a.id, 1) == CT_OK);
    REQUIRE(s->ops->tx_replace(s, first.hash32, &second, NULL) == CT_OK);
    CHECK_EQ(s->ops->tx_list(s, rows, 4, &count), CT_OK);
    REQUIRE(count == 1);
    CHECK(rows[0].nonce == 5 && rows[0].attempt == 1);
    CHECK_MEM(rows[0].hash32, second.hash32, 32);
    CHECK_MEM(rows[0].sender20, first.sender20, 20);
    struct ct_op_end end = {.state = CT_OP_DONE};
    memcpy(end.id, a.id, CT_OP_ID);
    CHECK_EQ(s->ops->tx_close(s, first.hash32, CT_TXN_CONFIRMED, 9, &end, 1), CT_OK);
    CHECK_EQ(s->ops->tx_close(s, second.hash32, CT_TXN_CONFIRMED, 9, &end, 1), CT_ERR_STATE);
    CHECK_EQ(s->ops->tx_next(s, first.sender20, UINT64_MAX, &found), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->op_find(s, a.id, &got), CT_OK);
    CHECK(got.state == CT_OP_DONE && got.block == 9);
    CHECK_MEM(got.tx32, first.hash32, 32);
    s = again(s);
    REQUIRE(s->ops->tx_at(s, first.sender20, 5, &found) == CT_OK);
    CHECK_MEM(found.hash32, first.hash32, 32); /* the one that is in the chain */
    CHECK(found.state == CT_TXN_CONFIRMED && found.raw_len == 100);
    CHECK_EQ(s->ops->tx_at(s, first.sender20, 6, &found), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->tx_list(s, rows, 4, &count), CT_OK);
    CHECK_EQ(count, 0);
    ct_store_free(s);
}

static void mined_transaction_can_be_put_back(void)
{
    static struct ct_txn tx, found;
    const uint8_t block32[32] = {0xb1};
    struct ct_store *s = open_new("putback");
    REQUIRE(s != NULL);
    tx = tx_of(5);
    REQUIRE(s->ops->tx_add(s, &tx, NULL, 0) == CT_OK);
    CHECK_EQ(s->ops->tx_mark(s, tx.hash32, CT_TXN_SENT, 0, NULL), CT_OK);
    CHECK_EQ(s->ops->tx_mark(s, tx.hash32, CT_TXN_MINED, 77, block32), CT_OK);
    s = again(s);
    REQUIRE(s->ops->tx_next(s, tx.sender20, UINT64_MAX, &found) == CT_OK);
    CHECK(found.state == CT_TXN_MINED && found.block == 77);
    CHECK_MEM(found.block32, block32, 32);
    CHECK_EQ(s->ops->tx_mark(s, tx.hash32, CT_TXN_SENT, 0, NULL), CT_OK);
    REQUIRE(s->ops->tx_next(s, tx.sender20, UINT64_MAX, &found) == CT_OK);
    CHECK(found.state == CT_TXN_SENT && found.block == 0 && found.block32[0] == 0);
    CHECK_EQ(s->ops->tx_close(s, tx.hash32, CT_TXN_REPLACED, 0, NULL, 0), CT_OK);
    CHECK_EQ(s->ops->tx_mark(s, tx.hash32, CT_TXN_SENT, 0, NULL), CT_ERR_STATE);
    ct_store_free(s);
}

static void highest_nonce_is_remembered(void)
{
    static struct ct_txn tx;
    struct ct_store *s = open_new("top");
    REQUIRE(s != NULL);
    uint64_t top = 0;
    tx = tx_of(16);
    CHECK_EQ(s->ops->tx_top(s, tx.sender20, &top), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->tx_add(s, &tx, NULL, 0), CT_OK);
    struct ct_txn lower = tx_of(9);
    CHECK_EQ(s->ops->tx_add(s, &lower, NULL, 0), CT_OK);
    CHECK_EQ(s->ops->tx_close(s, tx.hash32, CT_TXN_CONFIRMED, 1, NULL, 0), CT_OK);
    s = again(s);
    CHECK_EQ(s->ops->tx_top(s, tx.sender20, &top), CT_OK);
    CHECK_EQ(top, 16); /* ended, and still the highest */
    ct_store_free(s);
}

/* ---- payments ---- */

static const struct ct_outflow plenty = {.hour_gwei = 1000000, .day_gwei = 1000000};

/* A payment of so much to wallet for a token's number, at a time. */
static ct_err pay(struct ct_store *s, uint8_t token, uint8_t wallet, uint64_t gwei, uint64_t now_s,
                  const struct ct_outflow *most, char id[CT_OP_ID])
{
    struct ct_funding f = {.identity = "a", .gwei = gwei, .created_s = now_s};
    struct ct_op op = op_of("a", wallet, 1);
    op.kind = CT_OP_FUND;
    memset(f.jti16, token, sizeof f.jti16);
    memset(f.wallet20, wallet, sizeof f.wallet20);
    f.wei32[31] = (uint8_t)gwei;
    ct_err err = s->ops->funding_add(s, &op, &f, most);
    memcpy(id, op.id, CT_OP_ID);
    return err;
}

static void end_payment(struct ct_store *s, const char *id, enum ct_op_state state)
{
    CHECK_EQ(s->ops->op_move(s, id, CT_OP_QUEUED, state, NULL, 0, ""), CT_OK);
}

static void token_is_paid_for_once(void)
{
    struct ct_store *s = open_new("paid");
    REQUIRE(s != NULL);
    struct ct_funding row = {.gwei = 0};
    struct ct_outflow out = {0};
    struct ct_op op;
    uint8_t jti[16];
    char first[CT_OP_ID];
    char again_id[CT_OP_ID];
    memset(jti, 1, sizeof jti);
    CHECK_EQ(s->ops->funding_find(s, jti, &row), CT_ERR_NOT_FOUND);
    REQUIRE(pay(s, 1, 7, 500, 90000, &plenty, first) == CT_OK);
    CHECK_EQ(pay(s, 1, 7, 500, 90000, &plenty, again_id), CT_OK);
    CHECK_STR(again_id, first);
    CHECK_EQ(s->ops->op_find(s, first, &op), CT_OK);
    CHECK(op.kind == CT_OP_FUND && op.state == CT_OP_QUEUED && op.payload_len == 8);
    s = again(s);
    end_payment(s, first, CT_OP_DONE);
    CHECK_EQ(pay(s, 1, 7, 500, 90000, &plenty, again_id), CT_OK);
    CHECK_STR(again_id, first); /* done, and never again */
    CHECK_EQ(s->ops->outflow(s, 90000, &out), CT_OK);
    CHECK_EQ(out.hour_gwei, 500);
    CHECK_EQ(out.day_gwei, 500);
    REQUIRE(s->ops->funding_find(s, jti, &row) == CT_OK);
    CHECK_STR(row.identity, "a");
    CHECK_STR(row.op, first);
    CHECK(row.gwei == 500 && row.wallet20[19] == 7 && row.wei32[31] == (uint8_t)500 &&
          row.created_s == 90000);
    ct_store_free(s);
}

static void payment_that_failed_is_made_again(void)
{
    struct ct_store *s = open_new("unpaid");
    REQUIRE(s != NULL);
    char first[CT_OP_ID];
    char second[CT_OP_ID];
    REQUIRE(pay(s, 1, 7, 500, 90000, &plenty, first) == CT_OK);
    end_payment(s, first, CT_OP_FAILED);
    REQUIRE(pay(s, 1, 7, 500, 90000, &plenty, second) == CT_OK);
    CHECK(strcmp(first, second) != 0);
    CHECK_EQ(pay(s, 1, 7, 500, 90000, &plenty, first), CT_OK);
    CHECK_STR(first, second);
    ct_store_free(s);
}

static void two_tokens_of_a_name_are_one_payment_at_a_time(void)
{
    struct ct_store *s = open_new("twotokens");
    REQUIRE(s != NULL);
    struct ct_outflow out = {0};
    char first[CT_OP_ID];
    char other[CT_OP_ID];
    REQUIRE(pay(s, 1, 7, 500, 90000, &plenty, first) == CT_OK);
    CHECK_EQ(pay(s, 2, 7, 500, 90000, &plenty, other), CT_OK);
    CHECK_STR(other, first);
    CHECK_EQ(pay(s, 3, 8, 500, 90000, &plenty, other), CT_ERR_STATE); /* another wallet's turn */
    CHECK_EQ(s->ops->outflow(s, 90000, &out), CT_OK);
    CHECK_EQ(out.hour_gwei, 500);
    end_payment(s, first, CT_OP_DONE);
    CHECK_EQ(pay(s, 2, 7, 500, 90000, &plenty, other), CT_OK);
    CHECK_STR(other, first); /* that was the second token's, too */
    CHECK_EQ(pay(s, 3, 8, 500, 90000, &plenty, other), CT_OK);
    CHECK(strcmp(other, first) != 0);
    ct_store_free(s);
}

static void no_more_goes_out_than_the_hour_and_the_day_allow(void)
{
    const struct ct_outflow most = {.hour_gwei = 1000, .day_gwei = 1500};
    const uint64_t t = UINT64_C(1000) * 3600;
    struct ct_store *s = open_new("outflow");
    REQUIRE(s != NULL);
    struct ct_outflow out = {0};
    char id[CT_OP_ID];
    CHECK_EQ(pay(s, 1, 7, 1001, t, &most, id), CT_ERR_REFUSED);
    REQUIRE(pay(s, 1, 7, 600, t, &most, id) == CT_OK);
    end_payment(s, id, CT_OP_DONE);
    CHECK_EQ(pay(s, 2, 7, 401, t + 3599, &most, id), CT_ERR_REFUSED);
    s = again(s); /* a restart forgets none of it */
    CHECK_EQ(pay(s, 2, 7, 401, t + 3599, &most, id), CT_ERR_REFUSED);
    REQUIRE(pay(s, 2, 7, 400, t + 3599, &most, id) == CT_OK);
    end_payment(s, id, CT_OP_DONE);
    CHECK_EQ(s->ops->outflow(s, t + 3599, &out), CT_OK);
    CHECK_EQ(out.hour_gwei, 1000);
    CHECK_EQ(pay(s, 3, 7, 501, t + 3661, &most, id), CT_ERR_REFUSED); /* the day's */
    REQUIRE(pay(s, 3, 7, 500, t + 3661, &most, id) == CT_OK);         /* the first is an hour ago */
    end_payment(s, id, CT_OP_DONE);
    CHECK_EQ(pay(s, 4, 7, 1, t + 86400, &most, id), CT_ERR_REFUSED);
    REQUIRE(pay(s, 4, 7, 600, t + 90000, &most, id) == CT_OK);
    CHECK_EQ(s->ops->outflow(s, t + 90000, &out), CT_OK);
    CHECK_EQ(out.hour_gwei, 600);
    CHECK_EQ(out.day_gwei, 1100); /* the first two are a day ago */
    ct_store_free(s);
}

/* Two processes ask for the same twenty tokens at once: each token is paid for by one of them. */
static int pay_all(uint8_t wallet)
{
    struct ct_store *s = NULL;
    struct ct_why why = {{0}};
    if (open_store(&s, &why) != CT_OK) {
        return 1;
    }
    for (uint8_t n = 0; n < 20; n++) {
        char id[CT_OP_ID];
        if (pay(s, n, wallet, 1, 90000, &plenty, id) != CT_OK) {
            return 1;
        }
        /* the other process may have ended it already */
        (void)!s->ops->op_move(s, id, CT_OP_QUEUED, CT_OP_DONE, NULL, 0, "");
    }
    return 0;
}

static void token_is_paid_for_by_one_of_two_processes(void)
{
    static struct ct_op got[64];
    ct_store_free(open_new("racedpay"));
    int gate[2];
    pid_t pids[2];
    REQUIRE(pipe(gate) == 0);
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        REQUIRE(pids[i] >= 0);
        if (pids[i] == 0) {
            char byte;
            (void)close(gate[1]);
            (void)!read(gate[0], &byte, 1); /* until both are there */
            _exit(pay_all(7));
        }
    }
    (void)close(gate[0]);
    (void)close(gate[1]);
    for (int i = 0; i < 2; i++) {
        int status = -1;
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    struct ct_store *s = again(NULL);
    REQUIRE(s != NULL);
    struct ct_outflow out = {0};
    size_t count = 0;
    CHECK_EQ(s->ops->op_list(s, CT_OP_DONE, CT_OP_FUND, got, 64, &count), CT_OK);
    CHECK(count > 0 && count <= 20);
    CHECK_EQ(s->ops->outflow(s, 90000, &out), CT_OK);
    CHECK_EQ(out.hour_gwei, count); /* what went out is what was paid, not what was asked for */
    ct_store_free(s);
}

/* A file of the first schema, as the first release made it. */
static void store_of_the_first_schema_is_upgraded(void)
{
    struct ct_why why = {{0}};
    struct ct_sql *db = NULL;
    struct ct_op got;
    char id[CT_OP_ID];
    (void)snprintf(path, sizeof path, "%s/schema-1", folder.path);
    REQUIRE(ct_sql_open(&db, path, &why) == CT_OK);
    REQUIRE(ct_sql_begin(db) == CT_OK);
    CHECK_EQ(ct_sql_end(db, ct_sql_script(db, schema_1)), CT_OK);
    ct_sql_close(db);
    struct ct_store *s = again(NULL);
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->op_find(s, "00112233445566778899aabbccddeeff", &got), CT_OK);
    CHECK_STR(got.subject, "sensor-1");
    CHECK_EQ(pay(s, 1, 7, 500, 90000, &plenty, id), CT_OK);
    uint8_t account20[20] = {1};
    uint64_t taken_s = 0;
    struct ct_lease_row lease = {0};
    const struct ct_store_place place = {.chain_id = 5};
    struct ct_store_place is = {0};
    CHECK_EQ(s->ops->lease_take(s, account20, "a", 1000, 0, false, &lease), CT_OK);
    CHECK_EQ(s->ops->place(s, &place, &is), CT_OK);
    CHECK_EQ(s->ops->copy_find(s, &taken_s), CT_ERR_NOT_FOUND);
    s = again(s);
    CHECK_EQ(s->ops->op_find(s, id, &got), CT_OK);
    ct_store_free(s);
}

static void another_file_is_refused_and_left_alone(void)
{
    struct ct_store *s = NULL;
    struct ct_why why = {{0}};
    char text[40] = "";
    (void)snprintf(path, sizeof path, "%s/other", folder.path);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    REQUIRE(fd >= 0);
    CHECK_EQ(write(fd, "this is not a database, but a letter\n", 37), 37);
    (void)close(fd);
    CHECK(ct_store_sqlite(&s, path, &why) != CT_OK);
    CHECK(strstr(why.text, path) != NULL);
    fd = open(path, O_RDONLY);
    CHECK_EQ(read(fd, text, sizeof text), 37);
    CHECK_EQ(strncmp(text, "this is", 7), 0);
    (void)close(fd);
}

static void payloads_encode_back_to_the_same(void)
{
    struct ct_signed_registration in = {.registration = {.id_hash32 = {1},
                                                         .key32 = {2},
                                                         .relay = 3,
                                                         .port = 50000,
                                                         .backup_relay = 4,
                                                         .backup_port = 50001,
                                                         .expiry_day = 20000,
                                                         .sequence = 9,
                                                         .deadline_s = 1234567890123}};
    struct ct_signed_registration out;
    struct ct_op op = {.kind = CT_OP_REGISTER};
    memset(in.sig65, 0x5a, sizeof in.sig65);
    CHECK_EQ(ct_op_put_registration(&op, &in), CT_OK);
    CHECK_EQ(ct_op_get_registration(&out, &op), CT_OK);
    CHECK_EQ(out.registration.deadline_s, in.registration.deadline_s);
    CHECK_EQ(out.registration.sequence, 9);
    CHECK_MEM(out.sig65, in.sig65, sizeof in.sig65);
    op.payload_len--;
    CHECK_EQ(ct_op_get_registration(&out, &op), CT_ERR_FORMAT);
    struct ct_u256 wei = ct_u256_from_u64(123456789);
    struct ct_u256 wei_out;
    uint8_t to[20];
    CHECK_EQ(ct_op_put_payment(&op, in.sig65, &wei), CT_OK);
    CHECK_EQ(ct_op_get_payment(to, &wei_out, &op), CT_OK);
    CHECK_MEM(to, in.sig65, 20);
    CHECK_EQ(ct_u256_cmp(&wei, &wei_out), 0);
    op.payload_len--;
    CHECK_EQ(ct_op_get_payment(to, &wei_out, &op), CT_ERR_FORMAT);
    uint8_t hash[32] = {0}, want[32] = {0};
    (void)snprintf(op.subject, sizeof op.subject, "sensor-42");
    CHECK(ct_op_has_name(&op) && ct_op_device_hash(hash, &op) == CT_OK);
    CHECK_EQ(ct_identity_hash(want, "sensor-42"), CT_OK);
    CHECK_MEM(hash, want, 32);
    (void)snprintf(op.subject, sizeof op.subject, "0x%064x", 0xbeef); /* a name nobody knows */
    CHECK(!ct_op_has_name(&op) && ct_op_device_hash(hash, &op) == CT_OK);
    CHECK(hash[30] == 0xbe && hash[31] == 0xef && hash[0] == 0);
    op.subject[10] = 'g';
    CHECK_EQ(ct_op_device_hash(hash, &op), CT_ERR_FORMAT);
    op.subject[1] = 'y';
    CHECK_EQ(ct_op_device_hash(hash, &op), CT_ERR_FORMAT);
    uint16_t index = 0;
    (void)snprintf(op.subject, sizeof op.subject, "16384");
    CHECK_EQ(ct_op_relay_index(&index, &op), CT_ERR_FORMAT);
    (void)snprintf(op.subject, sizeof op.subject, "07");
    CHECK_EQ(ct_op_relay_index(&index, &op), CT_ERR_FORMAT);
    (void)snprintf(op.subject, sizeof op.subject, "16383");
    CHECK_EQ(ct_op_relay_index(&index, &op), CT_OK);
    CHECK_EQ(index, 16383);
}

/* On both. */
static const struct ct_test tests[] = {
    CT_TEST(token_is_bound_to_the_first_name_and_wallet),
    CT_TEST(token_without_a_row_is_bound_too),
    CT_TEST(withdrawn_token_admits_nobody),
    CT_TEST(tokens_of_all_wallets_but_one_are_withdrawn),
    CT_TEST(token_withdrawn_by_its_number_admits_nobody),
    CT_TEST(withdrawn_batch_admits_nobody_and_takes_no_more),
    CT_TEST(tokens_are_listed_by_batch_with_who_used_them),
    CT_TEST(factory_credential_is_exchanged_as_often_as_it_says),
    CT_TEST(withdrawn_factory_credential_takes_its_tokens_with_it),
    CT_TEST(withdrawn_batch_stops_its_factory_credentials),
    CT_TEST(two_processes_exchange_no_more_than_the_count),
    CT_TEST(pass_is_found_with_its_owner),
    CT_TEST(device_and_relay_are_replaced_and_found),
    CT_TEST(tests_of_a_relay_are_kept_and_a_hold_survives_them),
    CT_TEST(operation_under_way_is_found_again),
    CT_TEST(operation_moves_only_from_the_state_it_is_in),
    CT_TEST(operations_are_listed_oldest_first),
    CT_TEST(transaction_and_its_operations_change_together),
    CT_TEST(transactions_come_in_the_order_of_their_nonces),
    CT_TEST(largest_transaction_fits),
    CT_TEST(two_transactions_cannot_claim_one_operation),
    CT_TEST(acknowledged_work_survives_a_kill),
    CT_TEST(two_processes_write_at_once),
    CT_TEST(one_token_goes_to_one_of_two_processes),
    CT_TEST(dearer_attempt_carries_the_operations_on),
    CT_TEST(nonce_is_ended_by_whichever_attempt_the_chain_has),
    CT_TEST(mined_transaction_can_be_put_back),
    CT_TEST(highest_nonce_is_remembered),
    CT_TEST(token_is_paid_for_once),
    CT_TEST(payment_that_failed_is_made_again),
    CT_TEST(two_tokens_of_a_name_are_one_payment_at_a_time),
    CT_TEST(no_more_goes_out_than_the_hour_and_the_day_allow),
    CT_TEST(token_is_paid_for_by_one_of_two_processes),
};

static const struct ct_test file_tests[] = {
    CT_TEST(file_is_private),
    CT_TEST(another_file_is_refused_and_left_alone),
    CT_TEST(store_of_the_first_schema_is_upgraded),
    CT_TEST(payloads_encode_back_to_the_same),
};

int main(void)
{
    const struct both_stores all = {.folder = &folder,
                                    .redis = &redis,
                                    .on_redis = &on_redis,
                                    .file_tests = file_tests,
                                    .file_count = sizeof file_tests / sizeof file_tests[0],
                                    .tests = tests,
                                    .count = sizeof tests / sizeof tests[0]};
    return both_stores_main(&all);
}

/* The SQLite store's file: private, upgraded from the first schema, never made of another file. */
/* links: ct_wmserver ct_testredis ct_chain ct_base */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wm-server/src/store/sql.h"
#include "wm_rows.h"
#include "wm_store.h"

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

/* What a first release had to do and to remember. The last operation is in the transaction. */
static const char rows_1[] =
    "INSERT INTO tokens VALUES (x'11111111111111111111111111111111', 'B1', 1, 'a',"
    " x'0909090909090909090909090909090909090909', 9000, 10),"
    " (x'22222222222222222222222222222222', 'B1', 0, NULL, NULL, 9000, NULL);"
    "INSERT INTO passes VALUES (x'33333333333333333333333333333333', 'a', zeroblob(20), NULL, "
    "9000);"
    "INSERT INTO devices VALUES ('a', zeroblob(20), zeroblob(32), 1, 50001, 2, 99, 7);"
    "INSERT INTO relays VALUES (zeroblob(32), zeroblob(20), 1, 6, 500, 'passed');"
    "INSERT INTO operations (id, kind, state, subject, wallet, payload, tx, created) VALUES"
    " ('ffeeddccbbaa99887766554433221100', 1, 2, 'b', zeroblob(20), zeroblob(8),"
    " x'4444444444444444444444444444444444444444444444444444444444444444', 6);"
    "INSERT INTO transactions (hash, sender, nonce, raw, state, created) VALUES"
    " (x'4444444444444444444444444444444444444444444444444444444444444444',"
    " x'a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0', 7, zeroblob(100), 0, 6),"
    " (x'5555555555555555555555555555555555555555555555555555555555555555',"
    " x'a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0', 6, zeroblob(100), 1, 5);";

static void file_is_private(void)
{
    struct stat st;
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    ct_store_free(s);
}

static void remembers_what_it_had(struct ct_store *s)
{
    struct ct_token_use again = use_of(0x11, "a", 9);
    const struct ct_token_use thief = use_of(0x11, "a", 8);
    const struct ct_token_use fresh = use_of(0x22, "b", 8);
    struct ct_token_row tokens[4];
    struct ct_pass_row pass;
    struct ct_device_row device;
    struct ct_relay_row relay;
    uint8_t id16[16];
    size_t count = 0;
    memset(id16, 0x33, sizeof id16);
    CHECK_EQ(s->ops->token_use(s, &again), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &thief), CT_ERR_REPLAY);
    CHECK_EQ(s->ops->token_use(s, &fresh), CT_OK);
    CHECK_EQ(s->ops->token_page(s, "B1", NULL, tokens, 4, &count), CT_OK);
    CHECK_EQ(count, 2);
    CHECK(s->ops->pass_find(s, id16, &pass) == CT_OK && pass.expires_s == 9000);
    CHECK(s->ops->device_find(s, "a", &device) == CT_OK && device.port == 50001);
    CHECK(s->ops->relay_page(s, NULL, &relay, 1, &count) == CT_OK && count == 1 &&
          relay.rtt_us == 500);
}

static void goes_on_with_what_was_under_way(struct ct_store *s)
{
    struct ct_txn tx = tx_of(0);
    struct ct_txn_slot slots[CT_TXN_ATTEMPTS];
    struct ct_op_end end = {.id = "ffeeddccbbaa99887766554433221100", .state = CT_OP_DONE};
    struct ct_op op;
    uint8_t sender20[20];
    uint64_t top = 0;
    size_t count = 0;
    memcpy(sender20, tx.sender20, sizeof sender20);
    CHECK(s->ops->tx_top(s, sender20, &top) == CT_OK && top == 7);
    REQUIRE(s->ops->tx_next(s, sender20, UINT64_MAX, &tx) == CT_OK); /* 6 is over */
    CHECK(tx.nonce == 7 && tx.hash32[0] == 0x44 && tx.state == CT_TXN_SENT && tx.attempt == 0);
    CHECK(s->ops->tx_slot(s, sender20, 7, slots, &count) == CT_OK && count == 1);
    struct ct_txn dearer = tx;
    memset(dearer.hash32, 0x66, sizeof dearer.hash32);
    dearer.attempt = 1;
    CHECK_EQ(s->ops->tx_replace(s, tx.hash32, &dearer, "the fee rose"), CT_OK);
    CHECK_EQ(s->ops->tx_close(s, dearer.hash32, CT_TXN_CONFIRMED, 12, &end, 1), CT_OK);
    CHECK_EQ(s->ops->tx_next(s, sender20, UINT64_MAX, &tx), CT_ERR_NOT_FOUND);
    CHECK(s->ops->op_find(s, end.id, &op) == CT_OK && op.state == CT_OP_DONE && op.block == 12);
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
    REQUIRE(ct_sql_begin(db) == CT_OK);
    CHECK_EQ(ct_sql_end(db, ct_sql_script(db, rows_1)), CT_OK);
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
    remembers_what_it_had(s);
    goes_on_with_what_was_under_way(s);
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

static const struct ct_test tests[] = {
    CT_TEST(file_is_private),
    CT_TEST(store_of_the_first_schema_is_upgraded),
    CT_TEST(another_file_is_refused_and_left_alone),
};

int main(void)
{
    if (!temp_dir_make(&folder)) {
        return 1;
    }
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    temp_dir_remove(&folder);
    return code;
}

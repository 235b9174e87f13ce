/* Transactions in the store: with their operations, in the order of nonces, attempt by attempt. */
/* links: ct_wmserver ct_testredis ct_chain ct_base */
#include "wm_rows.h"
#include "wm_store.h"

static void transaction_and_its_operations_change_together(void)
{
    struct ct_store *s = open_new();
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
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_op a = op_of("a", 1, 1);
    struct ct_txn one = tx_of(1);
    struct ct_txn two = tx_of(2);
    CHECK_EQ(s->ops->op_add(s, &a), CT_OK);
    CHECK_EQ(s->ops->tx_add(s, &one, (const char(*)[CT_OP_ID]) & a.id, 1), CT_OK);
    CHECK_EQ(s->ops->tx_add(s, &two, (const char(*)[CT_OP_ID]) & a.id, 1), CT_ERR_STATE);
    ct_store_free(s);
}

static void transactions_come_in_the_order_of_their_nonces(void)
{
    static const uint64_t nonces[] = {16, 9, 255, 10, UINT32_MAX};
    static const uint64_t sorted[] = {9, 10, 16, 255, UINT32_MAX};
    struct ct_store *s = open_new();
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
    struct ct_store *s = open_new();
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
    struct ct_store *s = open_new();
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
    struct ct_store *s = open_new();
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
    struct ct_store *s = open_new();
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
    struct ct_store *s = open_new();
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

static const struct ct_test tests[] = {
    CT_TEST(transaction_and_its_operations_change_together),
    CT_TEST(two_transactions_cannot_claim_one_operation),
    CT_TEST(transactions_come_in_the_order_of_their_nonces),
    CT_TEST(largest_transaction_fits),
    CT_TEST(dearer_attempt_carries_the_operations_on),
    CT_TEST(nonce_is_ended_by_whichever_attempt_the_chain_has),
    CT_TEST(mined_transaction_can_be_put_back),
    CT_TEST(highest_nonce_is_remembered),
};

WM_STORE_MAIN(tests)

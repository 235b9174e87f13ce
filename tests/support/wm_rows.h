/* What tests of the store put into it. */
#ifndef CT_TEST_WM_ROWS_H
#define CT_TEST_WM_ROWS_H

#include "ct_test.h"
#include "wm-server/src/store/store.h"

static inline struct ct_token_use use_of(uint8_t number, const char *identity, uint8_t wallet)
{
    struct ct_token_use use = {.batch = "B1", .now_s = 1000};
    memset(use.jti16, number, sizeof use.jti16);
    memset(use.wallet20, wallet, sizeof use.wallet20);
    (void)snprintf(use.identity, sizeof use.identity, "%s", identity);
    return use;
}

static inline struct ct_op op_of(const char *subject, uint8_t wallet, uint8_t payload)
{
    struct ct_op op = {.kind = CT_OP_REGISTER, .state = CT_OP_QUEUED, .payload_len = 8};
    (void)snprintf(op.subject, sizeof op.subject, "%s", subject);
    memset(op.wallet20, wallet, sizeof op.wallet20);
    memset(op.payload, payload, op.payload_len);
    return op;
}

static inline struct ct_txn tx_of(uint64_t nonce)
{
    struct ct_txn tx = {.nonce = nonce, .raw_len = 100, .created_s = 5};
    memset(tx.sender20, 0xa0, sizeof tx.sender20);
    memset(tx.hash32, (int)nonce + 1, sizeof tx.hash32);
    memset(tx.raw, 0x02, tx.raw_len);
    return tx;
}

static const struct ct_outflow plenty = {.hour_gwei = 1000000, .day_gwei = 1000000};

/* A payment of so much to wallet for a token's number, at a time. */
static inline ct_err pay(struct ct_store *s, uint8_t token, uint8_t wallet, uint64_t gwei,
                         uint64_t now_s, const struct ct_outflow *most, char id[CT_OP_ID])
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

#endif

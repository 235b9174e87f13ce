/* Transactions of the device's own wallet: signed and stored before they are sent, so that none is
 * lost or sent twice. */
#ifndef CT_CLIENT_OWN_H
#define CT_CLIENT_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "worker.h"

enum ct_own_kind {
    CT_OWN_ADD_CLIENT = 1,
    CT_OWN_UPDATE,
    CT_OWN_ROTATE,
    CT_OWN_REVOKE,
    CT_OWN_RENEW,
};

struct ct_own_want { /* a call of the contract */
    enum ct_own_kind kind;
    const uint8_t *data;
    size_t data_len;
    uint64_t gas_limit;  /* 0: what is estimated, and a fifth on top */
    uint64_t deadline_s; /* after it the call does nothing any more */
};

/*
 * Signs, stores in HOME and broadcasts. The nonce is the chain's count without what waits, so
 * whatever was left behind under it is replaced and not followed. The fee is what endpoints ask
 * for, or what the wallet can pay when that is still enough for the next block.
 *
 * CT_ERR_ROOM     the wallet holds too little ether; the sentence names what is missing
 * CT_ERR_REFUSED  the contract would refuse it; nothing was sent
 * CT_ERR_CHAIN    endpoints refuse it; nothing was sent
 * CT_ERR_IO       none was reached; it is stored and sent with the next ct_own_settle()
 */
CT_MUST_USE ct_err ct_own_send(struct ct_worker_env *env, const struct ct_own_want *want,
                               uint8_t hash32[32], struct ct_why *why);

struct ct_own_mined {
    enum ct_own_kind kind;
    uint8_t hash32[32];
    uint64_t block, gas;
    bool has_failed;     /* reverted, or its entry was skipped */
    const char *refusal; /* static; why, when that is known */
};

/*
 * What became of the transaction that HOME holds; it is sent again first, in case it never was.
 * Outside a block for half a minute the same call is signed anew under its nonce for an eighth more
 * or what is asked by then, as far as the wallet's ether and CT_OWN_FEE_MAX_GWEI go.
 * CT_OK: it is in a block, and forgotten. CT_ERR_NOT_FOUND: there is none, or it can do nothing
 * any more. CT_ERR_TIMEOUT: it waits.
 */
CT_MUST_USE ct_err ct_own_settle(struct ct_worker_env *env, struct ct_own_mined *out,
                                 struct ct_why *why);

/* One device's part of the gas of a transaction that the wallet manager sent for several; 0 when
 * endpoints do not tell. */
uint64_t ct_own_gas_share(struct ct_worker_env *env, const uint8_t hash32[32]);

#endif

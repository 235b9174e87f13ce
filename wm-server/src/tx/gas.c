/* How much gas a batch is given: as much as the last one like it, as long as that is enough. */
#include "tx/txmgr.h"

#include "base/clock.h"

enum { KEPT_MS = 60000, MORE = 4 /* times as many: what all share would be counted so often */ };

/* By the word of a node, which runs the transaction several times to find it. */
static ct_err estimate(struct ct_txmgr *m, const struct ct_rpc_tx *question, size_t count,
                       uint64_t *gas, struct ct_why *why)
{
    struct ct_gas_known *known = &m->gas[m->ops[0].kind];
    ct_err err = ct_rpc_estimate_gas(m->chain, question, gas, why);
    *known = (struct ct_gas_known){.count = 0};
    if (err == CT_OK &&
        question->data_len > 0) { /* what a payment needs is its receiver's affair */
        *known =
            (struct ct_gas_known){.count = count, .gas = *gas, .until_ms = ct_mono_ms() + KEPT_MS};
    }
    return err;
}

/*
 * One run tells whether it is enough, with less room than the transaction has: what is short of gas
 * by a little skips a device instead of failing.
 */
static bool is_enough(struct ct_txmgr *m, const struct ct_rpc_tx *question, uint64_t gas)
{
    struct ct_rpc_tx call = *question;
    struct ct_why unused;
    uint8_t returned[64];
    size_t len = 0;
    call.gas = gas + gas / 10;
    return ct_rpc_call(m->chain, &call, returned, sizeof returned, &len, &unused) == CT_OK;
}

ct_err ct_txmgr_gas(struct ct_txmgr *m, const struct ct_rpc_tx *question, size_t count,
                    uint64_t *limit, struct ct_why *why)
{
    const struct ct_gas_known *known = &m->gas[m->ops[0].kind];
    uint64_t gas = 0;
    ct_err err = CT_OK;
    if (known->count > 0 && ct_mono_ms() < known->until_ms && count >= known->count / 2 &&
        count <= known->count * MORE) {
        gas = count <= known->count ? known->gas : known->gas / known->count * count;
    }
    if (gas == 0 || !is_enough(m, question, gas)) {
        err = estimate(m, question, count, &gas, why);
    }
    *limit = gas + gas / 4;
    return err;
}

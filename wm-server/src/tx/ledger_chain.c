/* The ledger of a real chain: a fresh agreed block for each question, proofs against it. */
#include "tx/ledger.h"

#include "chain/rpc.h"
#include "tx/paid.h"

static ct_err look(struct ct_chain *chain, struct ct_view *view, uint64_t *block, uint64_t *time_s,
                   struct ct_why *why)
{
    ct_err err = ct_chain_view(chain, view, why);
    if (err == CT_ERR_EXPIRED) {
        err = CT_ERR_CHAIN; /* a stale head: the chain's trouble, not the asker's */
    }
    if (err == CT_OK && block != NULL) {
        *block = view->number;
    }
    if (err == CT_OK && time_s != NULL) {
        *time_s = view->timestamp_s;
    }
    return err;
}

static ct_err device(void *arg, const char *identity, struct ct_device *out, uint64_t *block,
                     uint64_t *time_s, struct ct_why *why)
{
    struct ct_view view;
    uint8_t hash[32];
    ct_err err = ct_identity_hash(hash, identity);
    if (err == CT_OK) {
        err = look(arg, &view, block, time_s, why);
    }
    return err != CT_OK ? err : ct_registry_device(arg, &view, hash, out, why);
}

static ct_err relay(void *arg, uint16_t index, struct ct_relay *out, uint64_t *block,
                    uint64_t *time_s, struct ct_why *why)
{
    struct ct_view view;
    ct_err err = look(arg, &view, block, time_s, why);
    return err != CT_OK ? err : ct_registry_relay(arg, &view, index, out, why);
}

static ct_err pending(void *arg, const uint8_t pending32[32], struct ct_relay *out,
                      uint64_t *time_s, struct ct_why *why)
{
    struct ct_view view;
    ct_err err = look(arg, &view, NULL, time_s, why);
    return err != CT_OK ? err : ct_registry_pending(arg, &view, pending32, out, why);
}

static ct_err relays(void *arg, struct ct_relay *out, size_t cap, size_t *count, uint64_t *time_s,
                     struct ct_why *why)
{
    struct ct_view view;
    ct_err err = look(arg, &view, NULL, time_s, why);
    return err != CT_OK ? err : ct_registry_relays(arg, &view, out, cap, count, why);
}

static ct_err account(void *arg, const uint8_t addr20[20], uint64_t *nonce, struct ct_u256 *out_wei,
                      struct ct_why *why)
{
    struct ct_view view;
    ct_err err = look(arg, &view, NULL, NULL, why);
    return err != CT_OK ? err : ct_paid_account(arg, &view, addr20, nonce, out_wei, why);
}

static ct_err cost(void *arg, const uint8_t from20[20], const void *data, size_t len, uint64_t *gas,
                   struct ct_u256 *fee_wei, struct ct_why *why)
{
    struct ct_u256 tip;
    const struct ct_rpc_tx tx = {
        .from20 = from20, .to20 = ct_chain_bundle(arg)->contract20, .data = data, .data_len = len};
    ct_err err = ct_rpc_estimate_gas(arg, &tx, gas, why);
    return err == CT_OK ? ct_rpc_fees(arg, fee_wei, &tip, why) : err;
}

struct ct_ledger ct_ledger_of_chain(struct ct_chain *chain)
{
    static const struct ct_ledger_ops ops = {.device = device,
                                             .relay = relay,
                                             .pending = pending,
                                             .relays = relays,
                                             .account = account,
                                             .cost = cost};
    return (struct ct_ledger){.ops = &ops, .arg = chain};
}

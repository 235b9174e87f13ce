/* Deployment: the one time that the owner's key signs here. */
#include "service/deploy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chain/rpc.h"
#include "chain/send.h"

enum { WAIT_MS = 120000, OWNER_SHARE_WEI_E15 = 100 /* of ether kept for the deployment: 0.1 */ };

static struct ct_u256 ether(uint64_t milli)
{
    struct ct_u256 wei = ct_u256_from_u64(1000000000000000ull);
    struct ct_u256 out = {{0}};
    return ct_u256_mul_u64(&out, &wei, milli) == CT_OK ? out : wei;
}

/* The chain's number must be known before a chain object can sign for it. */
ct_err ct_deploy_chain_id(struct ct_bundle *bundle, uint64_t expect, const struct ct_log *log,
                          struct ct_why *why)
{
    struct ct_chain *chain = NULL;
    const struct ct_chain_env env = {.log = *log};
    uint64_t id = 0;
    ct_err err = ct_chain_open(&chain, bundle, &env, why);
    if (err == CT_OK) {
        err = ct_rpc_chain_id(chain, &id, why);
    }
    ct_chain_free(chain);
    if (err != CT_OK) {
        return err;
    }
    if (expect != 0 && id != expect) {
        return ct_why(why, CT_ERR_CHAIN,
                      "the endpoints are on chain %llu, not on chain %llu; nothing was done: "
                      "check --rpc",
                      (unsigned long long)id, (unsigned long long)expect);
    }
    bundle->chain_id = id;
    return CT_OK;
}

static ct_err pay(struct ct_chain *chain, const struct ct_wallet *from, const uint8_t to20[20],
                  const struct ct_u256 *wei, struct ct_why *why)
{
    struct ct_receipt receipt = {0};
    const struct ct_send tx = {.to20 = to20, .value_wei = *wei};
    ct_err err = ct_send_and_wait(chain, from, &tx, 1, WAIT_MS, &receipt, why);
    ct_receipt_free(&receipt);
    return err;
}

static ct_err fund_owner(struct ct_chain *chain, const struct ct_deploy *d, struct ct_why *why)
{
    struct ct_u256 balance;
    struct ct_u256 needed =
        ether((d->approver_ether + d->funder_ether) * 1000 + OWNER_SHARE_WEI_E15);
    char addr[CT_ADDR_TEXT_LEN];
    ct_addr_text(addr, d->owner->addr20);
    ct_err err = ct_rpc_balance(chain, d->owner->addr20, &balance, why);
    if (err != CT_OK || ct_u256_cmp(&balance, &needed) >= 0) {
        return err;
    }
    if (d->fund == NULL) {
        return ct_why(why, CT_ERR_CHAIN,
                      "the owner account %s needs %llu.1 ether to deploy the contract and to fund "
                      "the approver and the funder; send it there and run init again",
                      addr, (unsigned long long)d->approver_ether + d->funder_ether);
    }
    err = pay(chain, d->fund, d->owner->addr20, &needed, why);
    if (err != CT_OK) {
        ct_why_prefix(why, "cannot fund the owner account %s", addr);
    }
    return err;
}

static ct_err create(struct ct_chain *chain, const struct ct_deploy *d, struct ct_receipt *receipt,
                     struct ct_why *why)
{
    size_t room = ct_call_deploy_len();
    uint8_t *code = malloc(room);
    if (code == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    struct ct_wr w = ct_wr_init(code, room);
    ct_call_deploy(&w, d->owner->addr20, d->approver->addr20, &d->wm_key);
    ct_err err = ct_wr_end(&w);
    if (err == CT_OK) {
        const struct ct_send tx = {.data = code, .data_len = w.len};
        err = ct_send_and_wait(chain, d->owner, &tx, 1, WAIT_MS, receipt, why);
    }
    free(code);
    if (err == CT_OK && !receipt->created) {
        err = ct_why(why, CT_ERR_CHAIN, "the endpoint's receipt names no contract; try again");
    }
    if (err != CT_OK) {
        ct_why_prefix(why, "deploying the contract");
    }
    return err;
}

/* The code as the agreed head has it, not as one endpoint says. */
static ct_err read_code(struct ct_chain *chain, struct ct_bundle *bundle, uint64_t block,
                        struct ct_why *why)
{
    struct ct_view view = {0};
    struct ct_account account;
    bool found = false;
    uint64_t until = ct_mono_ms() + WAIT_MS;
    ct_err err = CT_OK;
    do {
        err = ct_chain_view(chain, &view, why);
    } while (err == CT_OK && view.number < block && ct_mono_ms() < until);
    if (err == CT_OK) {
        err = ct_chain_account(chain, &view, bundle->contract20, &found, &account, why);
    }
    if (err == CT_OK && !found) {
        err = ct_why(why, CT_ERR_CHAIN,
                     "the deployed contract is not in the block that the endpoints agree on; are "
                     "they on the same chain?");
    }
    if (err == CT_OK) {
        memcpy(bundle->code_hash32, account.code_hash32, 32);
    }
    return err;
}

static ct_err final_check(const struct ct_bundle *bundle, const struct ct_deploy *d,
                          struct ct_why *why)
{
    struct ct_chain *chain = NULL;
    struct ct_view view;
    const struct ct_chain_env env = {.log = d->log};
    ct_err err = ct_chain_open(&chain, bundle, &env, why);
    if (err == CT_OK) {
        err = ct_chain_check(chain, &view, why);
    }
    ct_chain_free(chain);
    return err;
}

static ct_err deploy_on(struct ct_chain *chain, struct ct_bundle *bundle, const struct ct_deploy *d,
                        struct ct_why *why)
{
    struct ct_receipt receipt = {0};
    struct ct_u256 approver_wei = ether(d->approver_ether * 1000);
    struct ct_u256 funder_wei = ether(d->funder_ether * 1000);
    ct_err err = fund_owner(chain, d, why);
    if (err == CT_OK) {
        err = create(chain, d, &receipt, why);
    }
    if (err == CT_OK) {
        memcpy(bundle->contract20, receipt.contract20, 20);
        memcpy(bundle->checkpoint_hash32, receipt.block_hash32, 32);
        bundle->checkpoint_number = receipt.block_number;
        ct_deployment(bundle->deployment32, bundle->chain_id, bundle->contract20);
        err = read_code(chain, bundle, receipt.block_number, why);
    }
    if (err == CT_OK && d->approver_ether > 0) {
        err = pay(chain, d->owner, d->approver->addr20, &approver_wei, why);
    }
    if (err == CT_OK && d->funder_ether > 0) {
        err = pay(chain, d->owner, d->funder->addr20, &funder_wei, why);
    }
    ct_receipt_free(&receipt);
    return err == CT_OK ? final_check(bundle, d, why) : err;
}

ct_err ct_deploy(struct ct_bundle *bundle, const struct ct_deploy *d, struct ct_why *why)
{
    struct ct_chain *chain = NULL;
    const struct ct_chain_env env = {.log = d->log};
    ct_err err = ct_deploy_chain_id(bundle, d->expect_chain_id, &d->log, why);
    if (err == CT_OK) {
        err = ct_chain_open(&chain, bundle, &env, why);
    }
    if (err == CT_OK) {
        err = deploy_on(chain, bundle, d, why);
    }
    ct_chain_free(chain);
    return err;
}

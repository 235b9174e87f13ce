/* Adoption: everything is proven first; then, if the owner signs here, what is missing is sent. */
#include "service/adopt.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "chain/keccak.h"
#include "chain/rpc.h"
#include "chain/send.h"
#include "service/deploy.h"

enum { WAIT_MS = 120000, ANSWER_MAX = 1024, CALL_MAX = 128 };
#define WORD ((size_t)32)

static ct_err keys_call(uint8_t out[CALL_MAX], size_t *len, const struct ct_adopt *a)
{
    struct ct_wr w = ct_wr_init(out, CALL_MAX);
    ct_call_set_wm_key(&w, a->wm_key.ed25519, a->wm_key.x25519, a->wm_key.not_after_s);
    *len = w.len;
    return ct_wr_end(&w);
}

static ct_err approver_call(uint8_t out[CALL_MAX], size_t *len, const struct ct_adopt *a)
{
    struct ct_wr w = ct_wr_init(out, CALL_MAX);
    ct_call_set_approver(&w, a->approver20, true);
    *len = w.len;
    return ct_wr_end(&w);
}

/* Code is there; its hash goes into the bundle, and the block as checkpoint. */
static ct_err read_code(struct ct_chain *chain, struct ct_bundle *bundle, struct ct_view *view,
                        struct ct_why *why)
{
    uint8_t empty32[32];
    struct ct_account account;
    char addr[CT_ADDR_TEXT_LEN];
    bool found = false;
    ct_keccak256(empty32, "", 0); /* of an account without code */
    ct_err err = ct_chain_view(chain, view, why);
    if (err == CT_OK) {
        err = ct_chain_account(chain, view, bundle->contract20, &found, &account, why);
    }
    if (err == CT_OK && (!found || memcmp(account.code_hash32, empty32, 32) == 0)) {
        ct_addr_text(addr, bundle->contract20);
        err = ct_why(why, CT_ERR_CHAIN, "there is no contract at %s on chain %llu; check --adopt",
                     addr, (unsigned long long)bundle->chain_id);
    }
    if (err == CT_OK) {
        memcpy(bundle->code_hash32, account.code_hash32, 32);
        memcpy(bundle->checkpoint_hash32, view->hash32, 32);
        bundle->checkpoint_number = view->number;
        ct_deployment(bundle->deployment32, bundle->chain_id, bundle->contract20);
        ct_chain_set_contract(chain, bundle->contract20, bundle->code_hash32);
    }
    return err;
}

/* ERC-5267: the second word is the offset of the domain's name, there its length and characters. */
static ct_err check_kind(struct ct_chain *chain, const struct ct_bundle *bundle, struct ct_why *why)
{
    static const uint8_t selector[4] = {0x84, 0xb0, 0x19, 0x6e}; /* eip712Domain() */
    static const char name[] = "chainturn";
    uint8_t answer[ANSWER_MAX];
    size_t len = 0;
    const struct ct_rpc_tx call = {
        .from20 = bundle->contract20, .to20 = bundle->contract20, .data = selector, .data_len = 4};
    ct_err err = ct_rpc_call(chain, &call, answer, sizeof answer, &len, why);
    if (CT_ERR_CLASS(err) == CT_ERR_CLASS_WORLD && err != CT_ERR_CHAIN) {
        return err;
    }
    size_t at = err == CT_OK && len >= 2 * WORD
                    ? (size_t)answer[2 * WORD - 2] << 8 | answer[2 * WORD - 1]
                    : ANSWER_MAX;
    bool ours = at <= len && len - at >= 2 * WORD && answer[at + WORD - 1] == sizeof name - 1 &&
                memcmp(answer + at + WORD, name, sizeof name - 1) == 0;
    return ours ? CT_OK
                : ct_why(why, CT_ERR_CHAIN,
                         "the contract at the address of --adopt is no chainturn registry");
}

static bool same_keys(const struct ct_wm_key *a, const struct ct_wm_key *b)
{
    return memcmp(a->ed25519, b->ed25519, 32) == 0 && memcmp(a->x25519, b->x25519, 32) == 0;
}

/* What the contract has of these keys and of this approver. */
static ct_err compare(struct ct_chain *chain, const struct ct_view *view, struct ct_adopted *out,
                      const struct ct_adopt *a, struct ct_why *why)
{
    struct ct_wm_key listed[2] = {{0}};
    uint8_t next20[20];
    bool allowed = false;
    ct_err err = ct_registry_owner(chain, view, out->owner20, next20, why);
    if (err == CT_OK) {
        err = ct_registry_wm_keys(chain, view, listed, why);
    }
    if (err == CT_OK) {
        err = ct_registry_is_approver(chain, view, a->approver20, &allowed, why);
    }
    if (err == CT_OK && listed[1].id != 0 && same_keys(&listed[1], &a->wm_key)) {
        return ct_why(why, CT_ERR_CONFIG,
                      "wm-pass.key and wm-handshake.key in --dir are the contract's previous keys; "
                      "put number %u there, or remove them to have new ones made",
                      listed[0].id);
    }
    if (err == CT_OK) {
        out->lacks_approver = !allowed;
        out->lacks_keys = !same_keys(&listed[0], &a->wm_key);
        out->key_id = listed[0].id + out->lacks_keys;
    }
    return err;
}

static ct_err send(struct ct_chain *chain, const struct ct_adopt *a, const uint8_t *data,
                   size_t len, struct ct_why *why)
{
    struct ct_receipt receipt = {0};
    const struct ct_send tx = {.to20 = a->contract20, .data = data, .data_len = len};
    ct_err err = ct_send_and_wait(chain, a->owner, &tx, 1, WAIT_MS, &receipt, why);
    ct_receipt_free(&receipt);
    return err;
}

static ct_err complete(struct ct_chain *chain, struct ct_adopted *out, const struct ct_adopt *a,
                       struct ct_why *why)
{
    uint8_t call[CALL_MAX];
    char given[CT_ADDR_TEXT_LEN];
    char owner[CT_ADDR_TEXT_LEN];
    size_t len = 0;
    ct_err err = CT_OK;
    if (memcmp(a->owner->addr20, out->owner20, 20) != 0) {
        ct_addr_text(given, a->owner->addr20);
        ct_addr_text(owner, out->owner20);
        return ct_why(
            why, CT_ERR_CONFIG,
            "--owner-key is %s, but the contract's owner is %s; give that key, or none to "
            "be told what the owner has to send",
            given, owner);
    }
    if (out->lacks_approver) {
        err = approver_call(call, &len, a);
        err = err == CT_OK ? send(chain, a, call, len, why) : err;
        out->lacks_approver = err != CT_OK;
    }
    if (err == CT_OK && out->lacks_keys) {
        err = keys_call(call, &len, a);
        err = err == CT_OK ? send(chain, a, call, len, why) : err;
        out->lacks_keys = err != CT_OK;
    }
    return err;
}

ct_err ct_adopt(struct ct_bundle *bundle, struct ct_adopted *out, const struct ct_adopt *a,
                struct ct_why *why)
{
    struct ct_chain *chain = NULL;
    struct ct_view view;
    const struct ct_chain_env env = {.log = a->log};
    struct ct_adopted found = {.key_id = 0};
    ct_err err = ct_deploy_chain_id(bundle, a->expect_chain_id, &a->log, why);
    if (err == CT_OK) {
        err = ct_chain_open(&chain, bundle, &env, why);
    }
    memcpy(bundle->contract20, a->contract20, 20);
    if (err == CT_OK) {
        err = read_code(chain, bundle, &view, why);
    }
    if (err == CT_OK) {
        err = check_kind(chain, bundle, why);
    }
    if (err == CT_OK) {
        err = compare(chain, &view, &found, a, why);
    }
    if (err == CT_OK && a->owner != NULL) {
        err = complete(chain, &found, a, why);
    }
    ct_chain_free(chain);
    if (err == CT_OK) {
        *out = found;
    }
    return err;
}

static void say_call(const char *what, ct_err err, const uint8_t *call, size_t len)
{
    char text[2 * CALL_MAX + 3] = "";
    if (err == CT_OK) {
        ct_hex0x(text, call, len);
        (void)printf("  %s %s\n", what, text);
    }
}

/* What is the owner's to do, ready to be signed elsewhere. */
void ct_adopt_tell(const struct ct_adopt *a, const struct ct_adopted *found)
{
    uint8_t call[CALL_MAX];
    char owner[CT_ADDR_TEXT_LEN];
    char contract[CT_ADDR_TEXT_LEN];
    size_t len = 0;
    if (!found->lacks_approver && !found->lacks_keys) {
        return;
    }
    ct_addr_text(owner, found->owner20);
    ct_addr_text(contract, a->contract20);
    (void)printf("the owner %s has to send to %s:\n", owner, contract);
    if (found->lacks_approver) {
        ct_err err = approver_call(call, &len, a);
        say_call("setApprover", err, call, len);
    }
    if (found->lacks_keys) {
        ct_err err = keys_call(call, &len, a);
        say_call("setWMKey", err, call, len);
    }
}

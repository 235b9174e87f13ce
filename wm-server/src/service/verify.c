/* Checks of the deployment, each with its own sentence. */
#include "service/verify.h"

#include <string.h>

/* An account without ether can send nothing: said, and no reason not to start. */
static ct_err read_ether(struct ct_chain *chain, const struct ct_view *view, const char *role,
                         const uint8_t addr20[20], struct ct_u256 *wei, const struct ct_log *log,
                         struct ct_why *why)
{
    char addr[CT_ADDR_TEXT_LEN];
    bool found = false;
    struct ct_account account;
    ct_err err = ct_chain_account(chain, view, addr20, &found, &account, why);
    if (err != CT_OK) {
        return err;
    }
    *wei = ct_u256_from_u64(0);
    if (found) {
        memcpy(wei->be, account.balance_wei32, sizeof wei->be);
    }
    if (ct_u256_is_zero(wei)) {
        ct_addr_text(addr, addr20);
        ct_log(log, CT_LOG_WARN, "%s_without_ether address=%s remedy=\"send it ether\"", role,
               addr);
    }
    return CT_OK;
}

ct_err ct_verify_approver(struct ct_chain *chain, const struct ct_view *view,
                          const struct ct_wallet *approver, struct ct_why *why)
{
    char addr[CT_ADDR_TEXT_LEN];
    bool allowed = false;
    ct_addr_text(addr, approver->addr20);
    ct_err err = ct_registry_is_approver(chain, view, approver->addr20, &allowed, why);
    if (err == CT_OK && !allowed) {
        return ct_why(why, CT_ERR_CONFIG,
                      "the account %s of keys.approver is no approver of the contract; the owner "
                      "adds it with setApprover",
                      addr);
    }
    return err;
}

/* Three roles, three keys: whoever takes this host must not take the contract with it. */
static ct_err read_owner(struct ct_chain *chain, const struct ct_view *view,
                         const struct ct_keys *keys, uint8_t owner20[20], const struct ct_log *log,
                         struct ct_why *why)
{
    char addr[CT_ADDR_TEXT_LEN];
    uint8_t next20[20];
    ct_err err = ct_registry_owner(chain, view, owner20, next20, why);
    if (err == CT_OK && (memcmp(owner20, keys->approver.addr20, 20) == 0 ||
                         memcmp(owner20, keys->funder.addr20, 20) == 0)) {
        ct_addr_text(addr, owner20);
        ct_log(log, CT_LOG_WARN,
               "owner_is_hot address=%s remedy=\"transferOwnership to a key that is on no server\"",
               addr);
    }
    return err;
}

ct_err ct_verify(struct ct_verified *out, struct ct_chain *chain,
                 const struct ct_settings *settings, const struct ct_keys *keys,
                 const struct ct_log *log, struct ct_why *why)
{
    struct ct_view view;
    struct ct_verified v = {0};
    ct_err err = ct_chain_check(chain, &view, why);
    if (err == CT_OK) {
        err = ct_registry_wm_keys(chain, &view, v.keys, why);
    }
    if (err == CT_OK) {
        v.time_s = view.timestamp_s;
        err = ct_keyring_match(&v.ring, v.keys, v.time_s, settings, keys, why);
    }
    if (err == CT_OK && v.ring.pass[0] == NULL) {
        ct_log(log, CT_LOG_WARN,
               "newer_keys_missing listed=%u serving=%u remedy=\"set keys.next-pass and "
               "keys.next-handshake to the files of the keys that the owner listed\"",
               v.ring.id[0], v.ring.id[1]);
    }
    if (err == CT_OK) {
        err = read_owner(chain, &view, keys, v.owner20, log, why);
    }
    if (err == CT_OK) {
        err = ct_verify_approver(chain, &view, &keys->approver, why);
    }
    if (err == CT_OK) {
        err =
            read_ether(chain, &view, "approver", keys->approver.addr20, &v.approver_wei, log, why);
    }
    if (err == CT_OK && settings->funder_path != NULL) {
        err = read_ether(chain, &view, "funder", keys->funder.addr20, &v.funder_wei, log, why);
    }
    if (err == CT_OK) {
        v.key_count = v.keys[1].id != 0 ? 2 : 1;
        v.block = view.number;
        *out = v;
    }
    return err;
}

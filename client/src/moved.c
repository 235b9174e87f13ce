/* A contract whose owner names another one: devices go there, and remember it. */
#include "moved.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/secret.h"
#include "chain/keccak.h"
#include "chain/registry.h"
#include "chain/registry_moves.h"

enum { MOVES_MAX = 8 };

static bool is_zero(const uint8_t *data, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any |= data[i];
    }
    return any == 0;
}

/* The bundle that comes in the place of the one with this contract. */
static void file_of(char path[CT_HOME_PATH], const struct ct_home *home,
                    const uint8_t contract20[20])
{
    char name[60], hex[41];
    ct_hex(hex, contract20, 20);
    (void)snprintf(name, sizeof name, "moved-%s.json", hex);
    ct_home_path(home, path, name);
}

ct_err ct_moved_follow(const struct ct_home *home, struct ct_bundle *bundle, struct ct_why *why)
{
    for (unsigned i = 0; i < MOVES_MAX; i++) {
        char path[CT_HOME_PATH];
        struct ct_bundle next;
        file_of(path, home, bundle->contract20);
        ct_err err = ct_bundle_read(&next, path, why);
        if (err == CT_ERR_NOT_FOUND) {
            return CT_OK;
        }
        if (err != CT_OK) {
            return err;
        }
        if (next.chain_id != bundle->chain_id) {
            return ct_why(why, CT_ERR_CONFIG, "%s is of another chain; remove it", path);
        }
        /* where the contract is, and nothing else: endpoints and addresses are the platform's word
         */
        memcpy(bundle->contract20, next.contract20, sizeof bundle->contract20);
        memcpy(bundle->code_hash32, next.code_hash32, sizeof bundle->code_hash32);
        memcpy(bundle->deployment32, next.deployment32, sizeof bundle->deployment32);
    }
    return ct_why(why, CT_ERR_CONFIG,
                  "the contracts of this deployment name each other as successors; ask your "
                  "platform for a new bundle");
}

static ct_err keep(struct ct_worker_env *env, const struct ct_bundle *next, struct ct_why *why)
{
    char path[CT_HOME_PATH];
    char text[CT_BUNDLE_TEXT_MAX];
    ct_err err = ct_home_make(&env->home, why);
    if (err == CT_OK && (err = ct_bundle_format(text, sizeof text, next)) != CT_OK) {
        err = ct_why(why, err, "the provisioning bundle is too long to be kept");
    }
    if (err == CT_OK) {
        file_of(path, &env->home, env->bundle.contract20);
        err = ct_file_write(path, text, strlen(text), 0644, why);
    }
    if (err == CT_OK) {
        ct_home_drop_asked(&env->home); /* it was signed for the old contract */
    }
    return err;
}

ct_err ct_moved_check(struct ct_worker_env *env, const struct ct_view *view, struct ct_why *why)
{
    uint8_t before20[20], after20[20];
    char to[CT_ADDR_TEXT_LEN];
    struct ct_bundle next = env->bundle;
    uint8_t no_code32[32];
    struct ct_account account;
    bool found = false;
    ct_err err = ct_registry_neighbours(env->chain, view, before20, after20, why);
    if (err != CT_OK || is_zero(after20, sizeof after20)) {
        return err;
    }
    ct_addr_text(to, after20);
    err = ct_chain_account(env->chain, view, after20, &found, &account, why);
    if (err != CT_OK) {
        return err;
    }
    ct_keccak256(no_code32, "", 0);
    if (!found || memcmp(account.code_hash32, no_code32, sizeof no_code32) == 0) {
        return ct_why(why, CT_ERR_CHAIN,
                      "the contract names %s as its successor, where no contract is; tell your "
                      "platform",
                      to);
    }
    memcpy(next.contract20, after20, sizeof next.contract20);
    memcpy(next.code_hash32, account.code_hash32, sizeof next.code_hash32);
    ct_deployment(next.deployment32, next.chain_id, next.contract20);
    err = keep(env, &next, why);
    return err != CT_OK ? err
                        : ct_why(why, CT_ERR_MOVED,
                                 "the platform has moved to the contract %s (proven at block %llu)",
                                 to, (unsigned long long)view->number);
}

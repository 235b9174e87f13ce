/* One attempt to get this relay listed: transaction, enrolment with the WM, approval. */
#include "life/enrol.h"

#include <string.h>

#include "life/record.h"
#include "wm/wm.h"

enum { APPROVED_WITHIN_MS = 120000, SLICE_MS = 1000 };

struct attempt {
    struct ct_relay record; /* with the index that it replaces */
    uint8_t salt32[32];
    uint8_t pending32[32];
};

/* CT_OK: the block has the pending record as we want it. CT_ERR_NOT_FOUND: not, or another one. */
static ct_err find_pending(struct ct_chain *chain, const struct ct_view *view,
                           const struct attempt *a, struct ct_why *why)
{
    struct ct_relay there;
    ct_err err = ct_registry_pending(chain, view, a->pending32, &there, why);
    if (err != CT_OK) {
        return err;
    }
    uint8_t wanted[32];
    uint8_t found[32];
    ct_relay_digest(wanted, &a->record);
    ct_relay_digest(found, &there);
    return memcmp(wanted, found, sizeof(wanted)) == 0 ? CT_OK : CT_ERR_NOT_FOUND;
}

/* A proposal that is gone may have been approved in a block that the caller has not read. */
static ct_err is_read(bool *read, const struct ct_enrol_env *env, const struct ct_view *view,
                      struct ct_why *why)
{
    struct ct_log_head head;
    ct_err err = ct_registry_log_head(env->chain, view, &head, why);
    *read = err == CT_OK && head.count == env->head->count &&
            memcmp(head.head24, env->head->head24, sizeof(head.head24)) == 0;
    return err;
}

static ct_err register_on_chain(const struct ct_enrol_env *env, struct ct_why *why)
{
    struct ct_rg_call call = {.what = CT_RG_REGISTER, .index = env->replaces};
    memcpy(call.key32, env->config->record->key32, 32);
    return ct_outbox_send(env->outbox, &call, why);
}

/* In slices, between which the registrar is looked after. */
static ct_err wait_approved(struct ct_wm *wm, const struct ct_enrol_env *env,
                            struct ct_wm_operation *operation, struct ct_why *why)
{
    ct_err err = CT_ERR_TIMEOUT;
    for (uint32_t ms = 0;
         err == CT_ERR_TIMEOUT && ms < APPROVED_WITHIN_MS && !env->gives_up(env->arg);
         ms += SLICE_MS) {
        err = ct_wm_operation_wait(wm, operation, operation->id, SLICE_MS, why);
        ct_rg_link_tend(env->config->link);
    }
    return err;
}

static ct_err ask_wallet_manager(struct ct_wm *wm, const struct ct_enrol_env *env,
                                 const struct attempt *a, struct ct_why *why)
{
    const struct ct_registrar_config *config = env->config;
    ct_err err = ct_wm_enrol(wm, why);
    if (err != CT_OK) {
        return err;
    }
    struct ct_wm_operation operation;
    err =
        ct_wm_register_relay(wm, &operation, a->pending32, config->wallet->addr20, a->salt32, why);
    if (err != CT_OK) {
        return err;
    }
    ct_log(&config->log, CT_LOG_INFO, "approval_asked operation=%s", operation.id);
    return wait_approved(wm, env, &operation, why);
}

static ct_err get_approved(const struct ct_enrol_env *env, const struct attempt *a,
                           struct ct_why *why)
{
    const struct ct_registrar_config *config = env->config;
    if (config->bundle->wm_handshake_url[0] == '\0' || config->bundle->wm_tls_url[0] == '\0') {
        return ct_why(why, CT_ERR_NOT_APPROVED,
                      "registered and waiting: the bundle names no wallet manager, so an approver "
                      "has to call approveServer");
    }
    struct ct_view view;
    struct ct_wm_key keys[2];
    ct_err err = ct_chain_view(env->chain, &view, why);
    if (err == CT_OK) {
        err = ct_registry_wm_keys(env->chain, &view, keys, why);
    }
    if (err != CT_OK) {
        return err;
    }
    char identity[23];
    ct_wm_relay_identity(identity, a->pending32);
    struct ct_wm_config wm_config = {
        .bundle = config->bundle,
        .keys = keys,
        .key_count = 2,
        .purpose = CT_HS_ENROL_RELAY,
        .identity = identity,
        .wallet = config->wallet,
        .key = ct_keyring_wanted(config->keys),
    };
    struct ct_wm *wm = NULL;
    err = ct_wm_open(&wm, &wm_config, why);
    if (err == CT_OK) {
        err = ask_wallet_manager(wm, env, a, why);
    }
    ct_wm_free(wm);
    return err;
}

ct_err ct_relay_enrol(bool *approved, const struct ct_enrol_env *env, struct ct_why *why)
{
    const struct ct_registrar_config *config = env->config;
    struct attempt a = {.record = *config->record};
    struct ct_view view;
    bool read = false;
    a.record.index = env->replaces;
    ct_relay_salt(a.salt32, config->bundle->deployment32, &a.record);
    ct_registry_pending_id(a.pending32, config->wallet->addr20, a.salt32);

    *approved = false;
    ct_err err = ct_chain_view(env->chain, &view, why);
    if (err == CT_OK) {
        err = find_pending(env->chain, &view, &a, why);
    }
    if (err == CT_OK) {
        err = get_approved(env, &a, why);
        *approved = err == CT_OK;
        return err;
    }
    if (err != CT_ERR_NOT_FOUND) {
        return err;
    }
    err = is_read(&read, env, &view, why);
    return err == CT_OK && read ? register_on_chain(env, why) : err;
}

/* One attempt to get this relay listed: transaction, enrolment with the WM, approval. */
#include "enrol.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "chain/rpc.h"
#include "chain/send.h"
#include "record.h"
#include "wm/wm.h"

enum {
    MINED_WITHIN_MS = 120000,
    APPROVED_WITHIN_MS = 120000,
    DEEP_WITHIN_MS = 900000, /* later than this the registration was lost with its block */
};

struct attempt {
    struct ct_relay record; /* with the index that it replaces */
    uint8_t salt32[32];
    uint8_t pending32[32];
};

/* CT_OK: the chain has the pending record as we want it. CT_ERR_NOT_FOUND: not, or another one. */
static ct_err find_pending(struct ct_chain *chain, const struct attempt *a, struct ct_why *why)
{
    struct ct_view view;
    struct ct_relay there;
    ct_err err = ct_chain_view(chain, &view, why);
    if (err == CT_OK) {
        err = ct_registry_pending(chain, &view, a->pending32, &there, why);
    }
    if (err != CT_OK) {
        return err;
    }
    uint8_t wanted[32];
    uint8_t found[32];
    ct_relay_digest(wanted, &a->record);
    ct_relay_digest(found, &there);
    return memcmp(wanted, found, sizeof(wanted)) == 0 ? CT_OK : CT_ERR_NOT_FOUND;
}

static ct_err register_on_chain(struct ct_chain *chain, const struct ct_registrar_config *config,
                                const struct attempt *a, struct ct_why *why)
{
    uint8_t data[512];
    struct ct_wr w = ct_wr_init(data, sizeof(data));
    ct_call_register_server(&w, a->salt32, &a->record);
    if (ct_wr_end(&w) != CT_OK) {
        return ct_why(why, CT_ERR_ROOM, "the call data of registerServer does not fit");
    }
    struct ct_send tx = {.to20 = config->bundle->contract20, .data = data, .data_len = w.len};
    uint8_t hash32[32];
    ct_err err = ct_send(chain, config->wallet, &tx, hash32, NULL, why);
    if (err != CT_OK) {
        return err;
    }
    char hash[67];
    ct_hex0x(hash, hash32, sizeof(hash32));
    ct_log(&config->log, CT_LOG_INFO, "registration_sent transaction=%s replaces=%u", hash,
           a->record.index);
    struct ct_receipt receipt;
    memset(&receipt, 0, sizeof(receipt));
    err = ct_send_wait(chain, hash32, 1, MINED_WITHIN_MS, &receipt, why);
    if (err == CT_OK) {
        ct_log(&config->log, CT_LOG_INFO, "registered block=%" PRIu64 " gas=%" PRIu64,
               receipt.block_number, receipt.gas_used);
    }
    if (err == CT_OK || err == CT_ERR_REFUSED) {
        ct_receipt_free(&receipt);
    }
    return err;
}

static ct_err ask_wallet_manager(struct ct_wm *wm, const struct ct_registrar_config *config,
                                 const struct attempt *a, struct ct_why *why)
{
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
    return ct_wm_operation_wait(wm, &operation, operation.id, APPROVED_WITHIN_MS, why);
}

static ct_err get_approved(struct ct_chain *chain, const struct ct_registrar_config *config,
                           const struct attempt *a, struct ct_why *why)
{
    if (config->bundle->wm_handshake_url[0] == '\0' || config->bundle->wm_tls_url[0] == '\0') {
        return ct_why(why, CT_ERR_NOT_APPROVED,
                      "registered and waiting: the bundle names no wallet manager, so an approver "
                      "has to call approveServer");
    }
    struct ct_view view;
    struct ct_wm_key keys[2];
    ct_err err = ct_chain_view(chain, &view, why);
    if (err == CT_OK) {
        err = ct_registry_wm_keys(chain, &view, keys, why);
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
        .key = config->key,
    };
    struct ct_wm *wm = NULL;
    err = ct_wm_open(&wm, &wm_config, why);
    if (err == CT_OK) {
        err = ask_wallet_manager(wm, config, a, why);
    }
    ct_wm_free(wm);
    return err;
}

ct_err ct_relay_enrol(struct ct_chain *chain, const struct ct_registrar_config *config,
                      uint16_t replaces, struct ct_enrol_memory *memory, uint64_t now_ms,
                      struct ct_why *why)
{
    struct attempt a = {.record = *config->record};
    a.record.index = replaces;
    ct_relay_salt(a.salt32, config->bundle->deployment32, &a.record);
    ct_registry_pending_id(a.pending32, config->wallet->addr20, a.salt32);

    ct_err err = find_pending(chain, &a, why);
    if (err == CT_OK) {
        return get_approved(chain, config, &a, why);
    }
    if (err != CT_ERR_NOT_FOUND) {
        return err;
    }
    bool mined = memory->mined_ms != 0 && now_ms - memory->mined_ms < DEEP_WITHIN_MS &&
                 memcmp(memory->pending32, a.pending32, sizeof(a.pending32)) == 0;
    if (!mined) {
        err = register_on_chain(chain, config, &a, why);
        if (err != CT_OK) {
            return err;
        }
        memcpy(memory->pending32, a.pending32, sizeof(a.pending32));
        memory->mined_ms = now_ms;
    }
    return ct_why(why, CT_ERR_AGAIN, "the registration's block is too new to be read");
}

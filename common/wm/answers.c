/* Answers of the wallet manager, believed only as far as they can be checked. */
#include "wm/answers.h"

#include <stdio.h>
#include <string.h>

#include "kex/token.h"

ct_err ct_wm_bad_answer(const char *path, struct ct_why *why)
{
    return ct_why(why, CT_ERR_FORMAT,
                  "the wallet manager's answer to %s cannot be read; use versions of the same "
                  "release on both sides",
                  path);
}

/* ---- passes ---- */

ct_err ct_wm_read_pass(uint8_t out175[CT_PASS_LEN], uint64_t *expires_s,
                       const struct ct_json *document, const struct ct_wm_pass_want *want,
                       struct ct_why *why)
{
    uint8_t bytes[CT_PASS_LEN];
    struct ct_pass pass;
    int64_t expires = 0;
    const char *text = ct_json_text(ct_json_get(document, "pass"));
    if (text == NULL || ct_pass_from_username(bytes, text, strlen(text)) != CT_OK ||
        ct_pass_parse(&pass, bytes, sizeof(bytes)) != CT_OK ||
        ct_json_int(&expires, ct_json_get(document, "expires_at")) != CT_OK || expires < 0 ||
        (uint64_t)expires != pass.expiry_s) {
        return ct_wm_bad_answer("/v1/passes", why);
    }
    if (memcmp(pass.key32, want->pass_key32, 32) != 0) {
        return ct_why(why, CT_ERR_AUTH,
                      "the wallet manager gave a pass for another key than the one asked for; ask "
                      "again, and check the bundle if it stays so");
    }
    ct_err err = ct_pass_verify(&pass, bytes, sizeof(bytes), want->deployment32, want->keys,
                                want->key_count, want->now_s, why);
    if (err != CT_OK) {
        ct_why_prefix(why, "the wallet manager gave a pass that no relay will take");
        return err;
    }
    memcpy(out175, bytes, sizeof(bytes));
    *expires_s = pass.expiry_s;
    return CT_OK;
}

/* ---- operations ---- */

bool ct_wm_id_valid(const char *id)
{
    static const char ALLOWED[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    const size_t len = id != NULL ? strlen(id) : 0;
    return len > 0 && len < sizeof(((struct ct_wm_operation *)0)->id) && strspn(id, ALLOWED) == len;
}

ct_err ct_wm_read_accepted(struct ct_wm_operation *out, const struct ct_json *document)
{
    const char *id = ct_json_text(ct_json_get(document, "operation"));
    if (!ct_wm_id_valid(id)) {
        return CT_ERR_FORMAT;
    }
    memset(out, 0, sizeof(*out));
    memcpy(out->id, id, strlen(id) + 1);
    out->state = CT_WM_QUEUED;
    return CT_OK;
}

static ct_err read_state(struct ct_wm_operation *out, const struct ct_json *document)
{
    const char *state = ct_json_text(ct_json_get(document, "state"));
    for (unsigned i = CT_WM_QUEUED; state != NULL && i <= CT_WM_FAILED; i++) {
        out->state = i;
        if (strcmp(ct_wm_state_text(out), state) == 0) {
            return CT_OK;
        }
    }
    return CT_ERR_FORMAT;
}

/* transaction, block and reason may be missing or null until there is one. */
ct_err ct_wm_read_operation(struct ct_wm_operation *out, const struct ct_json *document,
                            const char *id)
{
    struct ct_wm_operation op;
    const struct ct_json *transaction = ct_json_get(document, "transaction");
    const struct ct_json *block = ct_json_get(document, "block");
    const char *reason = ct_json_text(ct_json_get(document, "reason"));
    int64_t number = 0;
    if (ct_wm_read_accepted(&op, document) != CT_OK || strcmp(op.id, id) != 0 ||
        read_state(&op, document) != CT_OK ||
        (!ct_json_is_null(transaction) &&
         ct_json_fixed(op.transaction32, 32, transaction) != CT_OK) ||
        (!ct_json_is_null(block) && ct_json_int(&number, block) != CT_OK) || number < 0) {
        return CT_ERR_FORMAT;
    }
    op.block = (uint64_t)number;
    if (reason != NULL) {
        (void)snprintf(op.reason, sizeof(op.reason), "%s", reason);
    }
    *out = op;
    return CT_OK;
}

/* ---- vouchers ---- */

/* The fields as they stand; what they mean is not checked here. */
static ct_err read_fields(struct ct_wm_voucher *out, const struct ct_json *document)
{
    const struct ct_json *v = ct_json_get(document, "voucher");
    struct ct_voucher *to = &out->signed_.voucher;
    int64_t deadline = 0;
    int64_t gas = 0;
    if (ct_json_fixed(to->token_hash32, 32, ct_json_get(v, "token_hash")) != CT_OK ||
        ct_json_fixed(to->wallet20, 20, ct_json_get(v, "wallet")) != CT_OK ||
        ct_json_int(&deadline, ct_json_get(v, "deadline")) != CT_OK || deadline < 0 ||
        ct_json_fixed(out->signed_.sig65, CT_SIG_LEN, ct_json_get(v, "signature")) != CT_OK ||
        ct_json_int(&gas, ct_json_get(document, "gas")) != CT_OK || gas < 1 ||
        gas > CT_WM_GAS_MAX) {
        return CT_ERR_FORMAT;
    }
    to->deadline_s = (uint64_t)deadline;
    out->gas = (uint64_t)gas;
    out->is_paid = !ct_json_has(document, "operation");
    return out->is_paid ? CT_OK : ct_wm_read_accepted(&out->payment, document);
}

ct_err ct_wm_read_voucher(struct ct_wm_voucher *out, const struct ct_json *document,
                          const struct ct_wm_voucher_want *want, struct ct_why *why)
{
    struct ct_wm_voucher got;
    uint8_t token_hash32[32];
    uint8_t digest32[32];
    memset(&got, 0, sizeof(got));
    if (read_fields(&got, document) != CT_OK ||
        ct_identity_hash(got.signed_.voucher.id_hash32, want->identity) != CT_OK) {
        return ct_wm_bad_answer("/v1/vouchers", why);
    }
    if (want->token == NULL) {
        ct_voucher_day(token_hash32, want->day);
    } else {
        ct_token_hash(token_hash32, want->token);
    }
    if (memcmp(got.signed_.voucher.wallet20, want->wallet20, 20) != 0 ||
        memcmp(got.signed_.voucher.token_hash32, token_hash32, 32) != 0) {
        return ct_why(why, CT_ERR_AUTH,
                      "the wallet manager gave a voucher for another wallet, token or day than "
                      "asked for; ask again, and check the bundle if it stays so");
    }
    if (got.signed_.voucher.deadline_s <= want->now_s) {
        return ct_why(why, CT_ERR_AUTH,
                      "the wallet manager gave a voucher that is over already; set this host's "
                      "clock");
    }
    ct_voucher_digest(digest32, want->chain_id, want->contract20, &got.signed_.voucher);
    if (ct_sig_recover(got.approver20, digest32, got.signed_.sig65) != CT_OK) {
        return ct_why(why, CT_ERR_AUTH,
                      "the signature of the wallet manager's voucher is none; use versions of the "
                      "same release on both sides");
    }
    *out = got;
    return CT_OK;
}

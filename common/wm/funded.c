/* The requests of the funded road and of signed changes. */
#include "wm/wm.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"
#include "chain/json.h"
#include "wm/account.h"
#include "wm/answers.h"

enum { BODY_MAX = 1024 };

static ct_err need_token(const char *token, struct ct_why *why)
{
    return token != NULL ? ct_wm_check_token(token, why)
                         : ct_why(why, CT_ERR_ARG, "the funded road needs a token");
}

ct_err ct_wm_voucher(struct ct_wm *wm, struct ct_wm_voucher *out, const char *token,
                     const struct ct_wm_terms *terms, struct ct_why *why)
{
    char body[BODY_MAX];
    struct ct_json *document = NULL;
    ct_err err = ct_wm_check_token(token, why);
    if (err != CT_OK) {
        return err;
    }
    (void)snprintf(body, sizeof(body),
                   "{%s%s%s\"relay\":%u,\"port\":%u,\"backup_relay\":%u,\"backup_port\":%u,"
                   "\"expiry_day\":%u}",
                   token != NULL ? "\"token\":\"" : "", token != NULL ? token : "",
                   token != NULL ? "\"," : "", (unsigned)terms->relay, (unsigned)terms->port,
                   (unsigned)terms->backup_relay, (unsigned)terms->backup_port,
                   (unsigned)terms->expiry_day);
    err = ct_wm_ask_long(wm, &document, "/v1/vouchers", body, body, why);
    ct_wipe(body, sizeof(body));
    if (err == CT_OK) {
        const struct ct_wm_voucher_want want = {.chain_id = wm->bundle.chain_id,
                                                .contract20 = wm->bundle.contract20,
                                                .identity = wm->identity,
                                                .token = token,
                                                .day = terms->expiry_day,
                                                .wallet20 = wm->wallet->addr20,
                                                .now_s = ct_wall_s()};
        err = ct_wm_read_voucher(out, document, &want, why);
        if (err != CT_OK || out->is_paid) {
            ct_wm_settled(wm); /* else when the payment is */
        }
    }
    ct_json_free(document);
    return err;
}

ct_err ct_wm_approve_device(struct ct_wm *wm, struct ct_wm_operation *out, const char *token,
                            struct ct_why *why)
{
    char body[BODY_MAX];
    ct_err err = need_token(token, why);
    if (err != CT_OK) {
        return err;
    }
    (void)snprintf(body, sizeof(body), "{\"token\":\"%s\"}", token);
    err = ct_wm_post_operation(wm, out, "/v1/approvals", body, body, why);
    ct_wipe(body, sizeof(body));
    return err;
}

/* The members that the three kinds do not share, ready for the object. */
static void write_own(char *out, size_t cap, const struct ct_wm_change *change)
{
    const struct ct_client_update *u = &change->of.update.update;
    char key[2 * 32 + 3];
    out[0] = '\0';
    if (change->kind == CT_WM_UPDATE) {
        (void)snprintf(out, cap, "\"relay\":%u,\"port\":%u,\"backup_relay\":%u,\"backup_port\":%u,",
                       (unsigned)u->relay, (unsigned)u->port, (unsigned)u->backup_relay,
                       (unsigned)u->backup_port);
    } else if (change->kind == CT_WM_ROTATE) {
        ct_hex0x(key, change->of.rotation.rotation.key32, 32);
        (void)snprintf(out, cap, "\"key\":\"%s\",", key);
    }
}

/* What the three kinds share, wherever each of them has it. */
struct shared {
    const char *kind;
    const uint8_t *id_hash32, *sig65;
    uint16_t sequence;
    uint64_t deadline_s;
};

static struct shared shared_of(const struct ct_wm_change *change)
{
    const struct ct_signed_client_update *u = &change->of.update;
    const struct ct_signed_key_rotation *k = &change->of.rotation;
    const struct ct_signed_self_revocation *r = &change->of.revocation;
    switch (change->kind) {
    case CT_WM_UPDATE:
        return (struct shared){"update", u->update.id_hash32, u->sig65, u->update.sequence,
                               u->update.deadline_s};
    case CT_WM_ROTATE:
        return (struct shared){"rotate", k->rotation.id_hash32, k->sig65, k->rotation.sequence,
                               k->rotation.deadline_s};
    case CT_WM_REVOKE:
        return (struct shared){"revoke", r->revocation.id_hash32, r->sig65, r->revocation.sequence,
                               r->revocation.deadline_s};
    }
    return (struct shared){.kind = NULL};
}

ct_err ct_wm_change(struct ct_wm *wm, struct ct_wm_operation *out,
                    const struct ct_wm_change *change, struct ct_why *why)
{
    char own[160];
    char about[256];
    char sig[2 * CT_SIG_LEN + 3];
    char body[BODY_MAX];
    uint8_t id_hash32[32];
    const struct shared s = shared_of(change);
    if (s.kind == NULL || ct_identity_hash(id_hash32, wm->identity) != CT_OK ||
        memcmp(id_hash32, s.id_hash32, 32) != 0) {
        return ct_why(why, CT_ERR_ARG, "a change is one of the account's own record");
    }
    write_own(own, sizeof(own), change);
    ct_hex0x(sig, s.sig65, CT_SIG_LEN);
    (void)snprintf(about, sizeof(about), "{\"change\":\"%s\",%s\"sequence\":%u,", s.kind, own,
                   (unsigned)s.sequence);
    (void)snprintf(body, sizeof(body), "%s\"deadline\":%" PRIu64 ",\"signature\":\"%s\"}", about,
                   s.deadline_s, sig);
    return ct_wm_post_operation(wm, out, "/v1/changes", body, about, why);
}

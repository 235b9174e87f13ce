/* What the module asks the registrar to sign: as a wallet's signer, and the relay's calls. */
#include <string.h>

#include "kex/handshake.h"
#include "kex/owner.h"
#include "life/registrar_call.h"
#include "life/registrar_link_private.h"

static ct_err sign_digest(void *arg, uint8_t rs64[64], const uint8_t hash32[32])
{
    (void)arg;
    (void)rs64;
    (void)hash32;
    return CT_ERR_REFUSED; /* nobody can tell what a digest is of */
}

/* The statement that the registrar makes the same words of, the key apart. */
static bool to_statement(struct ct_rg_statement *out, const struct ct_typed *typed)
{
    memset(out, 0, sizeof(*out));
    if (strcmp(typed->type, ct_hs_type) == 0 && typed->count == CT_HS_WORDS) {
        out->what = CT_RG_HANDSHAKE;
        memcpy(out->of.handshake.sid16, typed->words[2], 16);
        memcpy(out->of.handshake.n1_32, typed->words[5], 32);
        memcpy(out->of.handshake.n2_32, typed->words[6], 32);
        memcpy(out->of.handshake.session32, typed->words[7], 32);
        memcpy(out->of.handshake.transcript32, typed->words[8], 32);
        return true;
    }
    if (strcmp(typed->type, ct_owner_type) == 0 && typed->count == CT_OWNER_WORDS) {
        out->what = CT_RG_OWNERSHIP;
        memcpy(out->of.ownership.nonce32, typed->words[1], 32);
        out->of.ownership.mode = typed->words[2][31];
        for (size_t i = 24; i < 32; i++) {
            out->of.ownership.until_s = out->of.ownership.until_s << 8 | typed->words[3][i];
        }
        return true;
    }
    return false;
}

static ct_err sign_typed(void *arg, uint8_t rs64[64], const struct ct_typed *typed)
{
    struct ct_rg_link *link = arg;
    struct ct_rg_request request = {.kind = CT_RG_STATEMENT};
    struct ct_rg_answer answer;
    struct ct_why why;
    if (!to_statement(&request.of.statement, typed)) {
        return CT_ERR_REFUSED;
    }
    (void)pthread_mutex_lock(&link->lock);
    memcpy(request.of.statement.key32, link->open.record.key32, 32);
    ct_err err = ct_rg_link_ask(link, &request, &answer, CT_RG_ANSWERED_WITHIN_S, &why);
    (void)pthread_mutex_unlock(&link->lock);
    if (err == CT_OK) {
        memcpy(rs64, answer.of.rs64, 64);
    }
    return err;
}

void ct_rg_link_wallet(struct ct_wallet *out, struct ct_rg_link *link)
{
    memset(out, 0, sizeof(*out));
    (void)pthread_mutex_lock(&link->lock);
    memcpy(out->addr20, link->addr20, 20);
    (void)pthread_mutex_unlock(&link->lock);
    out->signer = (struct ct_signer){.sign = sign_digest, .arg = link, .sign_typed = sign_typed};
}

void ct_rg_link_set_key(struct ct_rg_link *link, const uint8_t key32[32])
{
    (void)pthread_mutex_lock(&link->lock);
    memcpy(link->open.record.key32, key32, 32);
    (void)pthread_mutex_unlock(&link->lock);
}

ct_err ct_rg_link_call(struct ct_rg_link *link, uint8_t raw[CT_RG_RAW_MAX], size_t *len,
                       const struct ct_rg_call *call, struct ct_why *why)
{
    struct ct_rg_request request = {.kind = CT_RG_CALL, .of.call = *call};
    struct ct_rg_answer answer;
    (void)pthread_mutex_lock(&link->lock);
    ct_err err = ct_rg_link_ask(link, &request, &answer, CT_RG_ANSWERED_WITHIN_S, why);
    (void)pthread_mutex_unlock(&link->lock);
    if (err == CT_OK) {
        memcpy(raw, answer.of.call.raw, answer.of.call.len);
        *len = answer.of.call.len;
    }
    return err;
}

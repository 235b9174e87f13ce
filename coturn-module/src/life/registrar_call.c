/* What the registrar signs, as bytes of calls and words of typed data; the module makes the same.
 */
#include "life/registrar_call.h"

#include <string.h>

#include "base/hex.h"
#include "chain/eip712.h"
#include "chain/keccak.h"
#include "chain/registry.h"
#include "chain/registry_client.h"
#include "kex/handshake.h"
#include "kex/owner.h"
#include "life/record.h"

void ct_rg_proposal_make(struct ct_rg_proposal *out, const struct ct_rg_open *open,
                         const uint8_t owner20[20], const uint8_t key32[32], uint16_t index)
{
    uint8_t deployment32[32];
    out->record = open->record;
    memcpy(out->record.owner20, owner20, 20);
    memcpy(out->record.key32, key32, 32);
    out->record.index = index;
    ct_deployment(deployment32, open->chain_id, open->contract20);
    ct_relay_salt(out->salt32, deployment32, &out->record);
    ct_registry_pending_id(out->pending32, owner20, out->salt32);
}

void ct_rg_call_data(struct ct_wr *w, const struct ct_rg_open *open, const uint8_t owner20[20],
                     const struct ct_rg_call *call)
{
    struct ct_rg_proposal p;
    ct_rg_proposal_make(&p, open, owner20, call->key32, call->index);
    switch (call->what) {
    case CT_RG_REGISTER:
        ct_call_register_server(w, p.salt32, &p.record);
        break;
    case CT_RG_WITHDRAW:
        ct_call_withdraw_server(w, call->index);
        break;
    }
}

static void hash_text(uint8_t out32[32], const char *text)
{
    ct_keccak256(out32, text, strlen(text));
}

static void handshake_words(uint8_t words[CT_RG_WORDS_MAX][32], const struct ct_rg_open *open,
                            const uint8_t owner20[20], const struct ct_rg_statement *s)
{
    struct ct_rg_proposal p;
    char digits[17];
    char identity[6 + sizeof(digits)];
    ct_rg_proposal_make(&p, open, owner20, s->key32, 0);
    ct_hex(digits, p.pending32, 8);
    memcpy(identity, "relay:", 6);
    memcpy(identity + 6, digits, sizeof(digits));
    ct_deployment(words[0], open->chain_id, open->contract20);
    hash_text(words[1], ct_hs_label(CT_HS_ENROL_RELAY));
    memcpy(words[2], s->of.handshake.sid16, 16); /* bytes16 stands on the left */
    hash_text(words[3], identity);
    hash_text(words[4], CT_HS_WM_IDENTITY);
    memcpy(words[5], s->of.handshake.n1_32, 32);
    memcpy(words[6], s->of.handshake.n2_32, 32);
    memcpy(words[7], s->of.handshake.session32, 32);
    memcpy(words[8], s->of.handshake.transcript32, 32);
}

static void owner_words(uint8_t words[CT_RG_WORDS_MAX][32], const struct ct_rg_open *open,
                        const uint8_t owner20[20], const struct ct_rg_statement *s)
{
    struct ct_rg_proposal p;
    ct_rg_proposal_make(&p, open, owner20, s->key32, 0);
    ct_owner_relay(words[0], &p.record);
    memcpy(words[1], s->of.ownership.nonce32, 32);
    ct_word_u64(words[2], s->of.ownership.mode);
    ct_word_u64(words[3], s->of.ownership.until_s);
}

void ct_rg_typed(struct ct_typed *out, uint8_t words[CT_RG_WORDS_MAX][32], uint8_t digest32[32],
                 const struct ct_rg_open *open, const uint8_t owner20[20],
                 const struct ct_rg_statement *statement)
{
    uint8_t domain32[32];
    uint8_t struct32[32];
    memset(words, 0, CT_RG_WORDS_MAX * sizeof(words[0]));
    if (statement->what == CT_RG_HANDSHAKE) {
        *out = (struct ct_typed){ct_hs_type, (const uint8_t(*)[32])words, CT_HS_WORDS};
        handshake_words(words, open, owner20, statement);
    } else {
        *out = (struct ct_typed){ct_owner_type, (const uint8_t(*)[32])words, CT_OWNER_WORDS};
        owner_words(words, open, owner20, statement);
    }
    ct_eip712_chainturn(domain32, open->chain_id, open->contract20);
    ct_eip712_struct(struct32, out->type, out->words, out->count);
    ct_eip712_digest(digest32, domain32, struct32);
}

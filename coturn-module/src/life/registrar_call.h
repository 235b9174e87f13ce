/* What the registrar signs, as bytes of calls and words of typed data; the module makes the same.
 */
#ifndef CT_RELAY_REGISTRAR_CALL_H
#define CT_RELAY_REGISTRAR_CALL_H

#include <stdint.h>

#include "base/bytes.h"
#include "chain/key.h"
#include "life/registrar_wire.h"

enum { CT_RG_CALL_DATA_MAX = 512, CT_RG_WORDS_MAX = 9 };

/* The proposal under that key: its record, salt and pending id. */
struct ct_rg_proposal {
    struct ct_relay record; /* owner, key and index set */
    uint8_t salt32[32];
    uint8_t pending32[32];
};
void ct_rg_proposal_make(struct ct_rg_proposal *out, const struct ct_rg_open *open,
                         const uint8_t owner20[20], const uint8_t key32[32], uint16_t index);

/* The call data, appended to w. */
void ct_rg_call_data(struct ct_wr *w, const struct ct_rg_open *open, const uint8_t owner20[20],
                     const struct ct_rg_call *call);

/* Typed data of a statement; out->words points to words, and the digest is what is signed. */
void ct_rg_typed(struct ct_typed *out, uint8_t words[CT_RG_WORDS_MAX][32], uint8_t digest32[32],
                 const struct ct_rg_open *open, const uint8_t owner20[20],
                 const struct ct_rg_statement *statement);

#endif

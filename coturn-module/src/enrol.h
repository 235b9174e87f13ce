/* One attempt to get this relay listed: transaction, enrolment with the WM, approval. */
#ifndef CT_RELAY_ENROL_H
#define CT_RELAY_ENROL_H

#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "chain/chain.h"
#include "registrar.h"

/* What one attempt leaves for the next; all zero at first. */
struct ct_enrol_memory {
    uint8_t pending32[32]; /* registered, and perhaps not deep enough yet to be proven */
    uint64_t mined_ms;     /* 0: nothing was */
};

/*
 * Does what is still missing: the pending record by registerServer, and the wallet manager's
 * approval, waited for. Steps that a former attempt has done are found on the chain, or in memory,
 * and not repeated. replaces is the index of the record to take the place of, or 0.
 *
 * CT_OK: approved, as the wallet manager says; the chain is read by the caller. CT_ERR_AGAIN: the
 * registration is in a block that is too new to be read. Else the step that failed, in words, to be
 * tried again later.
 */
CT_MUST_USE ct_err ct_relay_enrol(struct ct_chain *chain, const struct ct_registrar_config *config,
                                  uint16_t replaces, struct ct_enrol_memory *memory,
                                  uint64_t now_ms, struct ct_why *why);

#endif

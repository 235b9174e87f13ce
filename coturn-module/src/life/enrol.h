/* One attempt to get this relay listed: transaction, enrolment with the WM, approval. */
#ifndef CT_RELAY_ENROL_H
#define CT_RELAY_ENROL_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/chain.h"
#include "life/outbox.h"
#include "life/registrar.h"

/* What the caller knows of the chain, and what it sends with. */
struct ct_enrol_env {
    struct ct_chain *chain;
    const struct ct_registrar_config *config;
    struct ct_outbox *outbox;
    const struct ct_log_head *head; /* of the log, when the relays were read */
    bool (*gives_up)(void *arg); /* asked while an approval is waited for: it is not wanted now */
    void *arg;
    uint16_t replaces; /* the index of the record to take the place of, or 0 */
};

/*
 * Does what is still missing: the pending record by registerServer, and the wallet manager's
 * approval, waited for. Steps that a former attempt has done are found on the chain and not
 * repeated.
 *
 * CT_OK: *approved when the wallet manager says so, and the chain is read by the caller; else the
 * registration is under way in the outbox, or there is news on the chain to be read first. Errors:
 * the step that failed, in words, to be tried again later.
 */
CT_MUST_USE ct_err ct_relay_enrol(bool *approved, const struct ct_enrol_env *env,
                                  struct ct_why *why);

#endif

/* The module's end of the registrar's channel: starts the process, asks it, starts it again. */
#ifndef CT_RELAY_REGISTRAR_LINK_H
#define CT_RELAY_REGISTRAR_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "chain/key.h"
#include "life/registrar_wire.h"

struct ct_rg_link; /* any thread may ask; one at a time is answered */

/*
 * Starts program (a path) and opens it; config is copied. Descriptors that its sources name as
 * "fd:N" are handed over and closed here.
 *
 * Errors: CT_ERR_SYSTEM when it cannot be started, CT_ERR_NOT_FOUND when there is no wallet and
 * none may be made, else what the wallet's file is refused with.
 */
CT_MUST_USE ct_err ct_rg_link_new(struct ct_rg_link **out, bool *made, const char *program,
                                  const struct ct_rg_open *open, const struct ct_log *log,
                                  struct ct_why *why);
/* Ends the process by closing the channel, and waits for it, 2 s at most. NULL is fine. */
void ct_rg_link_free(struct ct_rg_link *link);
/* What it was opened for. */
const struct ct_rg_open *ct_rg_link_open(const struct ct_rg_link *link);
/* The process, or 0 while there is none. */
pid_t ct_rg_link_pid(struct ct_rg_link *link);

/*
 * A wallet whose key is over there: it signs the typed data that the registrar knows, and nothing
 * else (CT_ERR_REFUSED). Borrows link.
 */
void ct_rg_link_wallet(struct ct_wallet *out, struct ct_rg_link *link);
/* The relay's key that handshakes with the wallet manager are made with from now on. */
void ct_rg_link_set_key(struct ct_rg_link *link, const uint8_t key32[32]);
/* A signed transaction, as eth_sendRawTransaction takes it. CT_ERR_REFUSED: above a limit.
 * CT_ERR_IO: the registrar is gone; ct_rg_link_tend() brings it back. */
CT_MUST_USE ct_err ct_rg_link_call(struct ct_rg_link *link, uint8_t raw[CT_RG_RAW_MAX], size_t *len,
                                   const struct ct_rg_call *call, struct ct_why *why);

/* To be called now and then: starts a registrar that has ended, with more and more time between. */
void ct_rg_link_tend(struct ct_rg_link *link);

#endif

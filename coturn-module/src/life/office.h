/* The registrar as the server's options want it: which program, whose key, within which limits. */
#ifndef CT_RELAY_OFFICE_H
#define CT_RELAY_OFFICE_H

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "chain/bundle.h"
#include "options.h"
#include "life/registrar_link.h"

/*
 * Starts the registrar for the record, whose owner is set to its wallet. With check_only nothing is
 * made: a wallet that is not there leaves *out NULL and the owner zero, and that is CT_OK.
 */
CT_MUST_USE ct_err ct_office_open(struct ct_rg_link **out, struct ct_relay *record,
                                  const struct ct_relay_options *options,
                                  const struct ct_bundle *bundle, bool check_only,
                                  const struct ct_log *log, struct ct_why *why);

#endif

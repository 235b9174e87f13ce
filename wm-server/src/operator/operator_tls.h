/* How operators are known: only who is on this host, or by certificates. */
#ifndef CT_WM_OPERATOR_TLS_H
#define CT_WM_OPERATOR_TLS_H

#include <chainturn/err.h>
#include "base/why.h"
#include "http/http.h"
#include "service/settings.h"

struct ct_operator_tls;

/*
 * *out is NULL for the plain listener of a loopback address. CT_ERR_CONFIG: others reach the
 * address and there is no certificate; or one of the three files is not there, or the key is not
 * private.
 */
CT_MUST_USE ct_err ct_operator_tls_load(struct ct_operator_tls **out, const struct ct_settings *s,
                                        struct ct_why *why);
const struct ct_http_tls *ct_operator_tls(const struct ct_operator_tls *t); /* NULL of NULL */
void ct_operator_tls_free(struct ct_operator_tls *t); /* wipes; NULL is fine */

#endif

/* A listening TCP socket by its written address. */
#ifndef CT_WM_BIND_H
#define CT_WM_BIND_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"

/*
 * Listens on "198.51.100.20:8080" or "[2001:db8::1]:8080"; port 0 picks one, *port says which, and
 * *is_loopback (may be NULL) whether only this host can come. CT_ERR_CONFIG: no such address
 * format. CT_ERR_SYSTEM: taken or not this host's.
 */
CT_MUST_USE ct_err ct_bind(int *fd, uint16_t *port, bool *is_loopback, const char *address,
                           struct ct_why *why);
/* Whether only this host could come there; nothing is listened on. CT_ERR_CONFIG as above. */
CT_MUST_USE ct_err ct_bind_reach(bool *is_loopback, const char *address, struct ct_why *why);

#endif

/* The configuration that init writes: every key with its comment. */
#ifndef CT_WM_CONF_TEXT_H
#define CT_WM_CONF_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "chain/bundle.h"

struct ct_conf_text {
    const struct ct_bundle *bundle;
    const char *address; /* as given to init: an IP address is listened on, a name is not */
    uint16_t port, tls_port;
    const char *operator_at;
    const char *approver, *funder; /* what stands behind "approver = "; lines of more keys may */
    uint32_t pass_key_id;
    bool allow_private;
};

/* NUL-terminated, freed by the caller with free(). */
CT_MUST_USE ct_err ct_conf_text(char **out, const struct ct_conf_text *c);

#endif

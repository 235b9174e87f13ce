/* "pkcs11:token=wm;object=approver?module-path=/usr/lib/..": which key in which token (RFC 7512).
 */
#ifndef CT_WM_HSM_URI_H
#define CT_WM_HSM_URI_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"

struct ct_hsm_uri {
    char module[256]; /* of the library; empty: p11-kit's, which knows the system's own */
    char token[33];   /* label, empty: any */
    char serial[17];  /* empty: any */
    char object[129]; /* label, empty: any */
    uint8_t id[64];   /* CKA_ID */
    size_t id_len;    /* 0: any */
};

/*
 * The attributes token, serial, object and id, and module-path, each at most once, with object or
 * id. CT_ERR_CONFIG with the sentence for anything else: a misspelt attribute would name another
 * key.
 */
CT_MUST_USE ct_err ct_hsm_uri_parse(struct ct_hsm_uri *out, const char *text, struct ct_why *why);

#endif

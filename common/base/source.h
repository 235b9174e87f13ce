/* Where a secret comes from: a private file, an open descriptor, or a systemd credential. */
#ifndef CT_BASE_SOURCE_H
#define CT_BASE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include <chainturn/err.h>
#include "base/why.h"

/*
 * A source is "fd:N", read to its end and closed, so once only; "credential:NAME", the file NAME in
 * the folder that systemd names in CREDENTIALS_DIRECTORY; or a path, whose file must be private as
 * ct_secret_load() asks. Gives a NUL-terminated string as ct_file_read() does, and its errors.
 */
CT_MUST_USE ct_err ct_source_read(char *out, size_t cap, size_t *len, const char *source,
                                  struct ct_why *why);
/* Neither "fd:", "credential:" nor "pkcs11:": relative ones may be put behind a folder. */
bool ct_source_is_path(const char *source);

enum { CT_PASSPHRASE_MAX = 1024 };

struct ct_passphrase {
    char text[CT_PASSPHRASE_MAX + 2]; /* NUL-terminated */
    size_t len;                       /* without one trailing newline */
};

/* CT_ERR_CONFIG when source is missing, too long or has a NUL in it. Wipe after use. */
CT_MUST_USE ct_err ct_passphrase_load(struct ct_passphrase *out, const char *source,
                                      struct ct_why *why);

#endif

/* X25519 (RFC 7748) for agreement and Ed25519 (RFC 8032) for the wallet manager's signatures. */
#ifndef CT_KEX_X25519_H
#define CT_KEX_X25519_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/secret.h"
#include "base/why.h"

struct ct_x25519 {
    struct ct_secret32 secret; /* wipe the whole with ct_wipe() when done */
    uint8_t public32[32];
};

/* The pair of any 32 secret bytes (clamped in use, RFC 7748 5). */
CT_MUST_USE ct_err ct_x25519_from_secret(struct ct_x25519 *out, const struct ct_secret32 *secret);

/*
 * The shared secret. CT_ERR_AUTH when it is 32 zero bytes, which a public key of low order forces
 * (RFC 7748 6.1); nothing is written then.
 */
CT_MUST_USE ct_err ct_x25519_shared(struct ct_secret32 *out, const struct ct_secret32 *own,
                                    const uint8_t peer_public32[32]);

/*
 * The pair kept in a private file of 64 hex digits, made when there is none.
 * Errors: those of ct_secret_load() and ct_secret_save_new(), with the sentence in why.
 */
CT_MUST_USE ct_err ct_x25519_load(struct ct_x25519 *out, const char *path, struct ct_why *why);
CT_MUST_USE ct_err ct_x25519_load_or_create(struct ct_x25519 *out, const char *path,
                                            struct ct_why *why);

struct ct_ed25519 {
    struct ct_secret32 seed;
    uint8_t public32[32];
};

CT_MUST_USE ct_err ct_ed25519_from_seed(struct ct_ed25519 *out, const struct ct_secret32 *seed);
CT_MUST_USE ct_err ct_ed25519_load(struct ct_ed25519 *out, const char *path, struct ct_why *why);
CT_MUST_USE ct_err ct_ed25519_load_or_create(struct ct_ed25519 *out, const char *path,
                                             struct ct_why *why);
CT_MUST_USE ct_err ct_ed25519_sign(uint8_t sig64[64], const struct ct_ed25519 *key,
                                   const void *message, size_t len);
/* CT_ERR_AUTH when the signature does not hold. */
CT_MUST_USE ct_err ct_ed25519_verify(const uint8_t sig64[64], const uint8_t public32[32],
                                     const void *message, size_t len);

#endif

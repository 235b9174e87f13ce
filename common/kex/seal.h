/* Sealed bytes: HPKE (RFC 9180) in base mode, single shot; the one cipher suite of chainturn. */
#ifndef CT_KEX_SEAL_H
#define CT_KEX_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "kex/x25519.h"

/* DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305; sealed = enc 32 | ciphertext |
 * tag 16. */
#define CT_SEAL_OVERHEAD 48u
#define CT_SEAL_MAX 65535u /* longest plaintext */

/*
 * Seals for the holder of peer_public32 under info "chainturn/1 seal". out has room for
 * len + CT_SEAL_OVERHEAD bytes. ephemeral is fresh random, used for this one seal.
 *
 * Errors: CT_ERR_ARG (too long), CT_ERR_AUTH (a key of low order), CT_ERR_SYSTEM.
 */
CT_MUST_USE ct_err ct_seal(uint8_t *out, const uint8_t peer_public32[32],
                           const struct ct_secret32 *ephemeral, const void *aad, size_t aad_len,
                           const void *plain, size_t len);

/*
 * Opens what ct_seal() made. out has room for sealed_len - CT_SEAL_OVERHEAD bytes; it is
 * wiped when the seal does not hold.
 *
 * Errors: CT_ERR_FORMAT (too short or too long), CT_ERR_AUTH (not for this key, or altered).
 */
CT_MUST_USE ct_err ct_unseal(uint8_t *out, const struct ct_x25519 *own, const void *aad,
                             size_t aad_len, const uint8_t *sealed, size_t sealed_len);

/* The same with another info, as the test vectors of RFC 9180 need it. */
CT_MUST_USE ct_err ct_hpke_seal(uint8_t *out, const uint8_t peer_public32[32],
                                const struct ct_secret32 *ephemeral, const void *info,
                                size_t info_len, const void *aad, size_t aad_len, const void *plain,
                                size_t len);
CT_MUST_USE ct_err ct_hpke_open(uint8_t *out, const struct ct_x25519 *own, const void *info,
                                size_t info_len, const void *aad, size_t aad_len,
                                const uint8_t *sealed, size_t sealed_len);

#endif

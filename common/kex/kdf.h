/* SHA-256 (FIPS 180-4), HMAC (RFC 2104) and HKDF (RFC 5869), all with SHA-256. */
#ifndef CT_KEX_KDF_H
#define CT_KEX_KDF_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

/* One piece of an input; pieces are hashed one after the other, as if joined. */
struct ct_piece {
    const void *data; /* borrowed; may be NULL when len is 0 */
    size_t len;
};

CT_MUST_USE ct_err ct_sha256(uint8_t out32[32], const struct ct_piece *pieces, size_t count);
CT_MUST_USE ct_err ct_hmac_sha256(uint8_t out32[32], const void *key, size_t key_len,
                                  const struct ct_piece *pieces, size_t count);
/* An empty salt stands for 32 zero bytes, as RFC 5869 2.2 has it. */
CT_MUST_USE ct_err ct_hkdf_extract(uint8_t prk32[32], const void *salt, size_t salt_len,
                                   const struct ct_piece *ikm, size_t ikm_count);
/* out_len is 1 to 8160 bytes, else CT_ERR_ARG. */
CT_MUST_USE ct_err ct_hkdf_expand(void *out, size_t out_len, const uint8_t prk32[32],
                                  const struct ct_piece *info, size_t info_count);

#endif

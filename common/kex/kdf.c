/* SHA-256, HMAC and HKDF on OpenSSL's digest. */
#include "kex/kdf.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/secret.h"

enum { HASH_LEN = 32, PIECES_MAX = 16 };

ct_err ct_sha256(uint8_t out32[32], const struct ct_piece *pieces, size_t count)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; ok && i < count; i++) {
        ok = pieces[i].len == 0 || EVP_DigestUpdate(md, pieces[i].data, pieces[i].len) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(md, out32, NULL) == 1;
    EVP_MD_CTX_free(md);
    return ok ? CT_OK : CT_ERR_SYSTEM;
}

static bool hmac_run(EVP_MAC_CTX *mac, uint8_t out32[32], const uint8_t *key, size_t key_len,
                     const struct ct_piece *pieces, size_t count)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_MAC_init(mac, key, key_len, params) != 1) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].len > 0 && EVP_MAC_update(mac, pieces[i].data, pieces[i].len) != 1) {
            return false;
        }
    }
    size_t len = 0;
    return EVP_MAC_final(mac, out32, &len, HASH_LEN) == 1 && len == HASH_LEN;
}

ct_err ct_hmac_sha256(uint8_t out32[32], const void *key, size_t key_len,
                      const struct ct_piece *pieces, size_t count)
{
    /* HMAC pads keys with zeros, so the empty key, which OpenSSL refuses, is 32 of them. */
    static const uint8_t no_key[HASH_LEN];
    const uint8_t *used = key_len > 0 ? key : no_key;
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = algorithm != NULL ? EVP_MAC_CTX_new(algorithm) : NULL;
    uint8_t out[HASH_LEN];
    bool ok =
        mac != NULL && hmac_run(mac, out, used, key_len > 0 ? key_len : HASH_LEN, pieces, count);
    if (ok) {
        memcpy(out32, out, HASH_LEN);
    }
    ct_wipe(out, sizeof(out));
    EVP_MAC_CTX_free(mac);
    EVP_MAC_free(algorithm);
    return ok ? CT_OK : CT_ERR_SYSTEM;
}

ct_err ct_hkdf_extract(uint8_t prk32[32], const void *salt, size_t salt_len,
                       const struct ct_piece *ikm, size_t ikm_count)
{
    return ct_hmac_sha256(prk32, salt, salt_len, ikm, ikm_count);
}

/* RFC 5869 2.3: T(i) = HMAC(prk, T(i - 1) | info | i). */
ct_err ct_hkdf_expand(void *out, size_t out_len, const uint8_t prk32[32],
                      const struct ct_piece *info, size_t info_count)
{
    if (out_len == 0 || out_len > (size_t)255 * HASH_LEN || info_count > PIECES_MAX) {
        return CT_ERR_ARG;
    }
    uint8_t *at = out;
    uint8_t block[HASH_LEN];
    struct ct_piece pieces[PIECES_MAX + 2];
    ct_err err = CT_OK;
    for (size_t done = 0, i = 1; err == CT_OK && done < out_len; i++) {
        const uint8_t number = (uint8_t)i;
        size_t count = 0;
        pieces[count++] = (struct ct_piece){block, i > 1 ? HASH_LEN : 0};
        for (size_t j = 0; j < info_count; j++) {
            pieces[count++] = info[j];
        }
        pieces[count++] = (struct ct_piece){&number, 1};
        err = ct_hmac_sha256(block, prk32, HASH_LEN, pieces, count);
        if (err == CT_OK) {
            size_t part = out_len - done < HASH_LEN ? out_len - done : HASH_LEN;
            memcpy(at + done, block, part);
            done += part;
        }
    }
    ct_wipe(block, sizeof(block));
    return err;
}

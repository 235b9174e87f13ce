/* SHA-256, HMAC and HKDF on OpenSSL's digest. */
#include "kex/kdf.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/secret.h"

enum { HASH_LEN = 32, BLOCK_LEN = 64, PIECES_MAX = 16 };

/* To look an algorithm up by its name costs more than to hash a few blocks by it. */
static EVP_MD *sha256;

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* Of first, then the pieces. */
static bool digest(EVP_MD_CTX *md, uint8_t out32[32], const struct ct_piece *first,
                   const struct ct_piece *pieces, size_t count)
{
    bool ok = EVP_DigestInit_ex2(md, sha256, NULL) == 1 &&
              EVP_DigestUpdate(md, first->data, first->len) == 1;
    for (size_t i = 0; ok && i < count; i++) {
        ok = pieces[i].len == 0 || EVP_DigestUpdate(md, pieces[i].data, pieces[i].len) == 1;
    }
    return ok && EVP_DigestFinal_ex(md, out32, NULL) == 1;
}

static EVP_MD_CTX *new_digest(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, fetch);
    return sha256 == NULL ? NULL : EVP_MD_CTX_new();
}

ct_err ct_sha256(uint8_t out32[32], const struct ct_piece *pieces, size_t count)
{
    static const struct ct_piece nothing = {"", 0};
    EVP_MD_CTX *md = new_digest();
    bool ok = md != NULL && digest(md, out32, &nothing, pieces, count);
    EVP_MD_CTX_free(md);
    return ok ? CT_OK : CT_ERR_SYSTEM;
}

/* The key, which one block has room for, padded with zeros; its bytes and pad, bit by bit. */
static void pad_key(uint8_t block[BLOCK_LEN], const uint8_t key[BLOCK_LEN], uint8_t pad)
{
    for (size_t i = 0; i < BLOCK_LEN; i++) {
        block[i] = key[i] ^ pad;
    }
}

/* RFC 2104: H(key ^ opad | H(key ^ ipad | text)). */
ct_err ct_hmac_sha256(uint8_t out32[32], const void *key, size_t key_len,
                      const struct ct_piece *pieces, size_t count)
{
    uint8_t own[BLOCK_LEN] = {0};
    uint8_t block[BLOCK_LEN];
    uint8_t inner[HASH_LEN];
    const struct ct_piece first = {block, sizeof block};
    const struct ct_piece whole = {key, key_len};
    const struct ct_piece rest = {inner, sizeof inner};
    EVP_MD_CTX *md = new_digest();
    bool ok = md != NULL;
    if (ok && key_len > BLOCK_LEN) {
        ok = ct_sha256(own, &whole, 1) == CT_OK;
    } else if (ok && key_len > 0) {
        memcpy(own, key, key_len);
    }
    pad_key(block, own, 0x36);
    ok = ok && digest(md, inner, &first, pieces, count);
    pad_key(block, own, 0x5c);
    ok = ok && digest(md, out32, &first, &rest, 1);
    EVP_MD_CTX_free(md);
    ct_wipe(own, sizeof own);
    ct_wipe(block, sizeof block);
    ct_wipe(inner, sizeof inner);
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

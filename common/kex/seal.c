/* HPKE base mode, RFC 9180 4.1, 5.1 and 6.1, for one suite; ChaCha20-Poly1305 is OpenSSL's. */
#include "kex/seal.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/evp.h>

#include "kex/kdf.h"

enum { ENC_LEN = 32, TAG_LEN = 16, KEY_LEN = 32, NONCE_LEN = 12 };

#define TEXT(s)            \
    {                      \
        (s), sizeof(s) - 1 \
    }

static const char SEAL_INFO[] = "chainturn/1 seal";
static const uint8_t SUITE_KEM[] = {'K', 'E', 'M', 0x00, 0x20};
static const uint8_t SUITE_HPKE[] = {'H', 'P', 'K', 'E', 0x00, 0x20, 0x00, 0x01, 0x00, 0x03};

struct aead_key {
    uint8_t key[KEY_LEN];
    uint8_t nonce[NONCE_LEN];
};

/* RFC 9180 4: LabeledExtract. */
static ct_err labeled_extract(uint8_t prk32[32], struct ct_piece suite, struct ct_piece salt,
                              const char *label, struct ct_piece ikm)
{
    const struct ct_piece pieces[] = {TEXT("HPKE-v1"), suite, {label, strlen(label)}, ikm};
    return ct_hkdf_extract(prk32, salt.data, salt.len, pieces, 4);
}

/* RFC 9180 4: LabeledExpand. */
static ct_err labeled_expand(uint8_t *out, size_t len, struct ct_piece suite,
                             const uint8_t prk32[32], const char *label, struct ct_piece info)
{
    const uint8_t length[2] = {(uint8_t)(len >> 8), (uint8_t)len};
    const struct ct_piece pieces[] = {
        {length, 2}, TEXT("HPKE-v1"), suite, {label, strlen(label)}, info};
    return ct_hkdf_expand(out, len, prk32, pieces, 5);
}

/* RFC 9180 4.1: ExtractAndExpand(dh, enc | pkR). */
static ct_err kem_secret(struct ct_secret32 *out, const struct ct_secret32 *own,
                         const uint8_t peer32[32], const uint8_t enc32[32],
                         const uint8_t pk_r32[32])
{
    const struct ct_piece suite = {SUITE_KEM, sizeof(SUITE_KEM)};
    const struct ct_piece none = {NULL, 0};
    struct ct_secret32 dh;
    struct ct_secret32 prk;
    uint8_t context[64];
    memcpy(context, enc32, 32);
    memcpy(context + 32, pk_r32, 32);
    ct_err err = ct_x25519_shared(&dh, own, peer32);
    if (err != CT_OK) {
        return err;
    }
    err = labeled_extract(prk.bytes, suite, none, "eae_prk", (struct ct_piece){dh.bytes, 32});
    if (err == CT_OK) {
        err = labeled_expand(out->bytes, 32, suite, prk.bytes, "shared_secret",
                             (struct ct_piece){context, sizeof(context)});
    }
    ct_wipe(&dh, sizeof(dh));
    ct_wipe(&prk, sizeof(prk));
    return err;
}

/* RFC 9180 5.1: KeySchedule in mode_base, where psk and psk_id are empty. */
static ct_err key_schedule(struct aead_key *out, const struct ct_secret32 *shared,
                           struct ct_piece info)
{
    const struct ct_piece suite = {SUITE_HPKE, sizeof(SUITE_HPKE)};
    const struct ct_piece none = {NULL, 0};
    uint8_t context[65] = {0}; /* mode_base | psk_id_hash | info_hash */
    const struct ct_piece whole = {context, sizeof(context)};
    struct ct_secret32 secret = {{0}};
    ct_err err = labeled_extract(context + 1, suite, none, "psk_id_hash", none);
    if (err == CT_OK) {
        err = labeled_extract(context + 33, suite, none, "info_hash", info);
    }
    if (err == CT_OK) {
        err = labeled_extract(secret.bytes, suite, (struct ct_piece){shared->bytes, 32}, "secret",
                              none);
    }
    if (err == CT_OK) {
        err = labeled_expand(out->key, KEY_LEN, suite, secret.bytes, "key", whole);
    }
    if (err == CT_OK) {
        err = labeled_expand(out->nonce, NONCE_LEN, suite, secret.bytes, "base_nonce", whole);
    }
    ct_wipe(&secret, sizeof(secret));
    return err;
}

static ct_err derive_key(struct aead_key *out, const struct ct_secret32 *own,
                         const uint8_t peer32[32], const uint8_t enc32[32],
                         const uint8_t pk_r32[32], struct ct_piece info)
{
    struct ct_secret32 shared;
    ct_err err = kem_secret(&shared, own, peer32, enc32, pk_r32);
    if (err == CT_OK) {
        err = key_schedule(out, &shared, info);
    }
    ct_wipe(&shared, sizeof(shared));
    return err;
}

/* Lengths are at most CT_SEAL_MAX, checked by the callers, so they fit an int. */
static bool aead_seal(uint8_t *out, const struct aead_key *key, struct ct_piece aad,
                      struct ct_piece plain)
{
    static const uint8_t nothing[1];
    int n = 0;
    const uint8_t *data = plain.len > 0 ? plain.data : nothing;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx != NULL &&
              EVP_EncryptInit_ex(ctx, EVP_chacha20_poly1305(), NULL, key->key, key->nonce) == 1 &&
              (aad.len == 0 || EVP_EncryptUpdate(ctx, NULL, &n, aad.data, (int)aad.len) == 1) &&
              EVP_EncryptUpdate(ctx, out, &n, data, (int)plain.len) == 1 &&
              EVP_EncryptFinal_ex(ctx, out + plain.len, &n) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, out + plain.len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static bool aead_open(uint8_t *out, const struct aead_key *key, struct ct_piece aad,
                      const uint8_t *data, size_t plain_len)
{
    int n = 0;
    uint8_t tag[TAG_LEN];
    uint8_t last[TAG_LEN];
    memcpy(tag, data + plain_len, TAG_LEN);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx != NULL &&
              EVP_DecryptInit_ex(ctx, EVP_chacha20_poly1305(), NULL, key->key, key->nonce) == 1 &&
              (aad.len == 0 || EVP_DecryptUpdate(ctx, NULL, &n, aad.data, (int)aad.len) == 1) &&
              EVP_DecryptUpdate(ctx, out, &n, data, (int)plain_len) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1 &&
              EVP_DecryptFinal_ex(ctx, last, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

ct_err ct_hpke_seal(uint8_t *out, const uint8_t peer_public32[32],
                    const struct ct_secret32 *ephemeral, const void *info, size_t info_len,
                    const void *aad, size_t aad_len, const void *plain, size_t len)
{
    if (len > CT_SEAL_MAX || aad_len > CT_SEAL_MAX || info_len > CT_SEAL_MAX) {
        return CT_ERR_ARG;
    }
    struct ct_x25519 pair;
    struct aead_key key;
    ct_err err = ct_x25519_from_secret(&pair, ephemeral);
    if (err != CT_OK) {
        return err;
    }
    err = derive_key(&key, &pair.secret, peer_public32, pair.public32, peer_public32,
                     (struct ct_piece){info, info_len});
    if (err == CT_OK && !aead_seal(out + ENC_LEN, &key, (struct ct_piece){aad, aad_len},
                                   (struct ct_piece){plain, len})) {
        err = CT_ERR_SYSTEM;
    }
    if (err == CT_OK) {
        memcpy(out, pair.public32, ENC_LEN);
    }
    ct_wipe(&pair, sizeof(pair));
    ct_wipe(&key, sizeof(key));
    return err;
}

ct_err ct_hpke_open(uint8_t *out, const struct ct_x25519 *own, const void *info, size_t info_len,
                    const void *aad, size_t aad_len, const uint8_t *sealed, size_t sealed_len)
{
    if (sealed_len < CT_SEAL_OVERHEAD || sealed_len > CT_SEAL_MAX + CT_SEAL_OVERHEAD) {
        return CT_ERR_FORMAT;
    }
    if (aad_len > CT_SEAL_MAX || info_len > CT_SEAL_MAX) {
        return CT_ERR_ARG;
    }
    const size_t len = sealed_len - CT_SEAL_OVERHEAD;
    struct aead_key key;
    ct_err err = derive_key(&key, &own->secret, sealed, sealed, own->public32,
                            (struct ct_piece){info, info_len});
    if (err == CT_OK &&
        !aead_open(out, &key, (struct ct_piece){aad, aad_len}, sealed + ENC_LEN, len)) {
        ct_wipe(out, len); /* what came out before the tag was checked */
        err = CT_ERR_AUTH;
    }
    ct_wipe(&key, sizeof(key));
    return err;
}

ct_err ct_seal(uint8_t *out, const uint8_t peer_public32[32], const struct ct_secret32 *ephemeral,
               const void *aad, size_t aad_len, const void *plain, size_t len)
{
    return ct_hpke_seal(out, peer_public32, ephemeral, SEAL_INFO, sizeof(SEAL_INFO) - 1, aad,
                        aad_len, plain, len);
}

ct_err ct_unseal(uint8_t *out, const struct ct_x25519 *own, const void *aad, size_t aad_len,
                 const uint8_t *sealed, size_t sealed_len)
{
    return ct_hpke_open(out, own, SEAL_INFO, sizeof(SEAL_INFO) - 1, aad, aad_len, sealed,
                        sealed_len);
}

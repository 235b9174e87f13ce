/* X25519 and Ed25519 keys on OpenSSL's raw-key interface. */
#include "kex/x25519.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static ct_err public_of(uint8_t public32[32], int type, const struct ct_secret32 *secret)
{
    size_t len = 32;
    uint8_t raw[32];
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(type, NULL, secret->bytes, sizeof(secret->bytes));
    bool ok = key != NULL && EVP_PKEY_get_raw_public_key(key, raw, &len) == 1 && len == sizeof(raw);
    EVP_PKEY_free(key);
    if (!ok) {
        return CT_ERR_SYSTEM;
    }
    memcpy(public32, raw, sizeof(raw));
    return CT_OK;
}

ct_err ct_x25519_from_secret(struct ct_x25519 *out, const struct ct_secret32 *secret)
{
    ct_err err = public_of(out->public32, EVP_PKEY_X25519, secret);
    if (err == CT_OK) {
        out->secret = *secret;
    }
    return err;
}

/*
 * A private key for one derivation. Given no public half the library works it out, which costs as
 * much as the derivation, which has no use for it: it is given a blank one.
 */
static EVP_PKEY *private_half(const struct ct_secret32 *secret)
{
    uint8_t blank[32] = {0};
    struct ct_secret32 copy = *secret; /* the interface takes no const */
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, copy.bytes, 32),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, blank, sizeof blank),
        OSSL_PARAM_construct_end()};
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    ct_wipe(&copy, sizeof copy);
    return key;
}

static bool derive(uint8_t shared[32], EVP_PKEY *mine, EVP_PKEY *theirs)
{
    size_t len = 32;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(mine, NULL);
    bool ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
              EVP_PKEY_derive_set_peer(ctx, theirs) == 1 &&
              EVP_PKEY_derive(ctx, shared, &len) == 1 && len == 32;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

ct_err ct_x25519_shared(struct ct_secret32 *out, const struct ct_secret32 *own,
                        const uint8_t peer_public32[32])
{
    static const uint8_t zeros[32];
    uint8_t shared[32] = {0};
    EVP_PKEY *mine = private_half(own);
    EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer_public32, 32);
    ct_err err = CT_ERR_SYSTEM;
    if (mine != NULL && theirs != NULL) {
        /* OpenSSL refuses the zero result itself; the comparison holds for libraries that do not.
         */
        bool ok = derive(shared, mine, theirs) && !ct_equal(shared, 32, zeros, 32);
        err = ok ? CT_OK : CT_ERR_AUTH;
    }
    if (err == CT_OK) {
        memcpy(out->bytes, shared, sizeof(shared));
    }
    ct_wipe(shared, sizeof(shared));
    EVP_PKEY_free(mine);
    EVP_PKEY_free(theirs);
    return err;
}

/* The secret in the file; a new one is saved when there is no file, or somebody else's just made.
 */
static ct_err secret_load_or_create(struct ct_secret32 *secret, const char *path,
                                    struct ct_why *why)
{
    ct_err err = ct_secret_load(secret, path, why);
    if (err != CT_ERR_NOT_FOUND) {
        return err;
    }
    err = ct_random(secret->bytes, sizeof(secret->bytes));
    if (err != CT_OK) {
        return ct_why(why, err, "cannot make a key for %s: the system gives no random bytes", path);
    }
    err = ct_secret_save_new(secret, path, why);
    return err == CT_ERR_STATE ? ct_secret_load(secret, path, why) : err;
}

static ct_err pair_from_file(struct ct_secret32 *out, uint8_t public32[32], int type, bool create,
                             const char *path, struct ct_why *why)
{
    struct ct_secret32 secret;
    ct_err err =
        create ? secret_load_or_create(&secret, path, why) : ct_secret_load(&secret, path, why);
    if (err != CT_OK) {
        return err;
    }
    err = public_of(public32, type, &secret);
    if (err == CT_OK) {
        *out = secret;
    } else {
        (void)ct_why(why, err, "cannot use the key in %s: the crypto library refused it", path);
    }
    ct_wipe(&secret, sizeof(secret));
    return err;
}

ct_err ct_x25519_load(struct ct_x25519 *out, const char *path, struct ct_why *why)
{
    return pair_from_file(&out->secret, out->public32, EVP_PKEY_X25519, false, path, why);
}

ct_err ct_x25519_load_or_create(struct ct_x25519 *out, const char *path, struct ct_why *why)
{
    return pair_from_file(&out->secret, out->public32, EVP_PKEY_X25519, true, path, why);
}

ct_err ct_ed25519_load(struct ct_ed25519 *out, const char *path, struct ct_why *why)
{
    return pair_from_file(&out->seed, out->public32, EVP_PKEY_ED25519, false, path, why);
}

ct_err ct_ed25519_load_or_create(struct ct_ed25519 *out, const char *path, struct ct_why *why)
{
    return pair_from_file(&out->seed, out->public32, EVP_PKEY_ED25519, true, path, why);
}

ct_err ct_ed25519_from_seed(struct ct_ed25519 *out, const struct ct_secret32 *seed)
{
    ct_err err = public_of(out->public32, EVP_PKEY_ED25519, seed);
    if (err == CT_OK) {
        out->seed = *seed;
    }
    return err;
}

ct_err ct_ed25519_sign(uint8_t sig64[64], const struct ct_ed25519 *key, const void *message,
                       size_t len)
{
    size_t sig_len = 64;
    uint8_t sig[64];
    EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key->seed.bytes, 32);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = pair != NULL && ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pair) == 1 &&
              EVP_DigestSign(ctx, sig, &sig_len, message, len) == 1 && sig_len == sizeof(sig);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pair);
    if (!ok) {
        return CT_ERR_SYSTEM;
    }
    memcpy(sig64, sig, sizeof(sig));
    return CT_OK;
}

ct_err ct_ed25519_verify(const uint8_t sig64[64], const uint8_t public32[32], const void *message,
                         size_t len)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public32, 32);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = key != NULL && ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestVerify(ctx, sig64, 64, message, len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok ? CT_OK : CT_ERR_AUTH;
}

/* The one file that sees libsecp256k1: wallets, recoverable signatures, addresses. */
#include "chain/key.h"

#include <ctype.h>
#include <string.h>

#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "chain/keccak.h"
#include "chain/rlp.h"

static void addr_of_pubkey(uint8_t addr20[20], const secp256k1_context *ctx,
                           const secp256k1_pubkey *pubkey)
{
    uint8_t point[65];
    uint8_t hash[32];
    size_t len = sizeof(point);
    (void)secp256k1_ec_pubkey_serialize(ctx, point, &len, pubkey, SECP256K1_EC_UNCOMPRESSED);
    ct_keccak256(hash, point + 1, 64); /* without the 0x04 */
    memcpy(addr20, hash + 12, 20);
}

/* A context of its own that blinds the secret's multiplication against side channels. */
static secp256k1_context *signing_context(void)
{
    uint8_t seed[32];
    secp256k1_context *ctx = secp256k1_context_create(SECP256K1_CONTEXT_SIGN);
    if (ctx != NULL &&
        (ct_random(seed, sizeof(seed)) != CT_OK || secp256k1_context_randomize(ctx, seed) != 1)) {
        secp256k1_context_destroy(ctx);
        ctx = NULL;
    }
    ct_wipe(seed, sizeof(seed));
    return ctx;
}

ct_err ct_wallet_from_secret(struct ct_wallet *out, const struct ct_secret32 *secret)
{
    secp256k1_context *ctx = signing_context();
    secp256k1_pubkey pubkey;
    ct_err err = CT_OK;
    if (ctx == NULL) {
        return CT_ERR_SYSTEM;
    }
    if (secp256k1_ec_pubkey_create(ctx, &pubkey, secret->bytes) != 1) {
        err = CT_ERR_ARG;
    } else {
        *out = (struct ct_wallet){.secret = *secret};
        addr_of_pubkey(out->addr20, ctx, &pubkey);
    }
    secp256k1_context_destroy(ctx);
    return err;
}

ct_err ct_wallet_new(struct ct_wallet *out)
{
    struct ct_secret32 secret;
    ct_err err;
    do { /* a draw outside 1 .. n - 1 has a chance of 2^-128 */
        err = ct_random(secret.bytes, sizeof(secret.bytes));
        if (err == CT_OK) {
            err = ct_wallet_from_secret(out, &secret);
        }
    } while (err == CT_ERR_ARG);
    ct_wipe(&secret, sizeof(secret));
    return err;
}

ct_err ct_wallet_from_signer(struct ct_wallet *out, const uint8_t point65[65],
                             const struct ct_signer *signer)
{
    secp256k1_context *ctx = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    secp256k1_pubkey pubkey;
    if (ctx == NULL) {
        return CT_ERR_NOMEM;
    }
    bool good = secp256k1_ec_pubkey_parse(ctx, &pubkey, point65, 65) == 1;
    if (good) {
        *out = (struct ct_wallet){.signer = *signer};
        addr_of_pubkey(out->addr20, ctx, &pubkey);
    }
    secp256k1_context_destroy(ctx);
    return good ? CT_OK : CT_ERR_ARG;
}

void ct_wallet_wipe(struct ct_wallet *wallet)
{
    if (wallet != NULL) {
        ct_wipe(wallet, sizeof(*wallet));
    }
}

/* Brings s into the lower half (EIP-2). */
static ct_err lower_s(uint8_t rs64[64])
{
    secp256k1_context *ctx = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    secp256k1_ecdsa_signature sig;
    if (ctx == NULL) {
        return CT_ERR_NOMEM;
    }
    bool good = secp256k1_ecdsa_signature_parse_compact(ctx, &sig, rs64) == 1;
    if (good) {
        (void)secp256k1_ecdsa_signature_normalize(ctx, &sig, &sig);
        (void)secp256k1_ecdsa_signature_serialize_compact(ctx, rs64, &sig);
    }
    secp256k1_context_destroy(ctx);
    return good ? CT_OK : CT_ERR_SYSTEM;
}

/* A token tells neither v nor the lower s: the one v that recovers to this wallet is taken. */
static ct_err sign_outside(uint8_t sig65[CT_SIG_LEN], const struct ct_wallet *wallet,
                           const uint8_t hash32[32], const struct ct_typed *typed)
{
    uint8_t sig[CT_SIG_LEN];
    const struct ct_signer *signer = &wallet->signer;
    ct_err err = typed != NULL && signer->sign_typed != NULL
                     ? signer->sign_typed(signer->arg, sig, typed)
                     : signer->sign(signer->arg, sig, hash32);
    if (err == CT_OK) {
        err = lower_s(sig);
    }
    for (uint8_t v = 27; v <= 28 && err == CT_OK; v++) {
        sig[64] = v;
        if (ct_sig_check(wallet->addr20, hash32, sig) == CT_OK) {
            memcpy(sig65, sig, sizeof(sig));
            return CT_OK;
        }
    }
    return err == CT_OK ? CT_ERR_SYSTEM : err;
}

ct_err ct_wallet_sign(uint8_t sig65[CT_SIG_LEN], const struct ct_wallet *wallet,
                      const uint8_t hash32[32])
{
    if (wallet->signer.sign != NULL) {
        return sign_outside(sig65, wallet, hash32, NULL);
    }
    secp256k1_context *ctx = signing_context();
    secp256k1_ecdsa_recoverable_signature sig;
    int recid = 0;
    ct_err err = CT_OK;
    if (ctx == NULL) {
        return CT_ERR_SYSTEM;
    }
    /* nonce function NULL: RFC 6979; the library gives s in the lower half */
    if (secp256k1_ecdsa_sign_recoverable(ctx, &sig, hash32, wallet->secret.bytes, NULL, NULL) !=
        1) {
        err = CT_ERR_ARG;
    } else {
        (void)secp256k1_ecdsa_recoverable_signature_serialize_compact(ctx, sig65, &recid, &sig);
        if (recid > 1) {
            err = CT_ERR_STATE; /* r beyond n: 2^-127, and Ethereum has no v for it */
        } else {
            sig65[64] = (uint8_t)(27 + recid);
        }
    }
    ct_wipe(&sig, sizeof(sig));
    secp256k1_context_destroy(ctx);
    return err;
}

ct_err ct_wallet_sign_typed(uint8_t sig65[CT_SIG_LEN], const struct ct_wallet *wallet,
                            const uint8_t hash32[32], const struct ct_typed *typed)
{
    return wallet->signer.sign != NULL ? sign_outside(sig65, wallet, hash32, typed)
                                       : ct_wallet_sign(sig65, wallet, hash32);
}

static ct_err recover(uint8_t addr20[20], const secp256k1_context *ctx, const uint8_t hash32[32],
                      const uint8_t sig65[CT_SIG_LEN])
{
    secp256k1_ecdsa_recoverable_signature sig;
    secp256k1_ecdsa_signature plain;
    secp256k1_pubkey pubkey;
    if (sig65[64] != 27 && sig65[64] != 28) {
        return CT_ERR_AUTH;
    }
    if (secp256k1_ecdsa_recoverable_signature_parse_compact(ctx, &sig, sig65, sig65[64] - 27) !=
        1) {
        return CT_ERR_AUTH;
    }
    /* normalize tells whether s was in the upper half: a second form of the same signature */
    (void)secp256k1_ecdsa_recoverable_signature_convert(ctx, &plain, &sig);
    if (secp256k1_ecdsa_signature_normalize(ctx, NULL, &plain) != 0 ||
        secp256k1_ecdsa_recover(ctx, &pubkey, &sig, hash32) != 1) {
        return CT_ERR_AUTH;
    }
    addr_of_pubkey(addr20, ctx, &pubkey);
    return CT_OK;
}

ct_err ct_sig_recover(uint8_t addr20[20], const uint8_t hash32[32], const uint8_t sig65[CT_SIG_LEN])
{
    secp256k1_context *ctx = secp256k1_context_create(SECP256K1_CONTEXT_VERIFY);
    if (ctx == NULL) {
        return CT_ERR_NOMEM;
    }
    ct_err err = recover(addr20, ctx, hash32, sig65);
    secp256k1_context_destroy(ctx);
    return err;
}

ct_err ct_sig_check(const uint8_t addr20[20], const uint8_t hash32[32],
                    const uint8_t sig65[CT_SIG_LEN])
{
    uint8_t signer[20];
    ct_err err = ct_sig_recover(signer, hash32, sig65);
    if (err != CT_OK) {
        return err;
    }
    return memcmp(signer, addr20, 20) == 0 ? CT_OK : CT_ERR_AUTH;
}

void ct_sig_compact(uint8_t r32[32], uint8_t vs32[32], const uint8_t sig65[CT_SIG_LEN])
{
    memcpy(r32, sig65, 32);
    memcpy(vs32, sig65 + 32, 32);
    if (sig65[64] == 28) {
        vs32[0] |= 0x80;
    }
}

void ct_addr_text(char out[CT_ADDR_TEXT_LEN], const uint8_t addr20[20])
{
    uint8_t hash[32];
    ct_hex0x(out, addr20, 20);
    ct_keccak256(hash, out + 2, 40);
    for (size_t i = 0; i < 40; i++) {
        unsigned nibble = i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 15u;
        if (nibble >= 8) {
            out[2 + i] = (char)toupper((unsigned char)out[2 + i]);
        }
    }
}

ct_err ct_addr_parse(uint8_t addr20[20], const char *text)
{
    uint8_t addr[20];
    char checksum[CT_ADDR_TEXT_LEN];
    bool lower = false;
    bool upper = false;
    if (strlen(text) != 42 || text[0] != '0' || text[1] != 'x' ||
        ct_unhex(addr, 20, text) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    for (const char *c = text + 2; *c != '\0'; c++) {
        lower = lower || islower((unsigned char)*c);
        upper = upper || isupper((unsigned char)*c);
    }
    ct_addr_text(checksum, addr);
    if (lower && upper && strcmp(checksum, text) != 0) {
        return CT_ERR_FORMAT;
    }
    memcpy(addr20, addr, 20);
    return CT_OK;
}

bool ct_addr_is_zero(const uint8_t addr20[20])
{
    uint8_t any = 0;
    for (size_t i = 0; i < 20; i++) {
        any |= addr20[i];
    }
    return any == 0;
}

void ct_addr_of_create(uint8_t out20[20], const uint8_t addr20[20], uint64_t nonce)
{
    uint8_t buf[40];
    uint8_t hash[32];
    struct ct_wr count = ct_wr_init(NULL, 0);
    ct_rlp_u64(&count, nonce);
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_rlp_list_head(&w, 21 + count.len);
    ct_rlp_bytes(&w, addr20, 20);
    ct_rlp_u64(&w, nonce);
    ct_keccak256(hash, buf, w.len);
    memcpy(out20, hash + 12, 20);
}

/* secp256k1 wallet keys: files, addresses (EIP-55), recoverable signatures (yellow paper, app. F).
 */
#ifndef CT_CHAIN_KEY_H
#define CT_CHAIN_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/secret.h"
#include "base/source.h"
#include "base/why.h"

/* EIP-712 data as it is signed (chain/eip712.h), for a signer that wants to see what it signs. */
struct ct_typed {
    const char *type;           /* "Mail(address to,bytes32 id)" */
    const uint8_t (*words)[32]; /* its members; keccak256 of those that are strings */
    size_t count;
};

/*
 * Who signs in place of a secret, thread-safe: a hardware token, or another process. rs64 is r | s,
 * s in either half. sign_typed NULL: sign is asked for typed data, too.
 */
struct ct_signer {
    ct_err (*sign)(void *arg, uint8_t rs64[64], const uint8_t hash32[32]);
    void *arg; /* borrowed */
    ct_err (*sign_typed)(void *arg, uint8_t rs64[64], const struct ct_typed *typed);
};

struct ct_wallet {
    struct ct_secret32 secret; /* in 1 .. n - 1; zeros when signer.sign is set */
    uint8_t addr20[20];        /* last 20 bytes of keccak256 of the uncompressed public key */
    struct ct_signer signer;   /* sign NULL: the secret signs */
};

enum { CT_SIG_LEN = 65, CT_ADDR_TEXT_LEN = 43 /* "0x", 40 digits, NUL */ };

/* CT_ERR_ARG when the secret is zero or not below the group order. */
CT_MUST_USE ct_err ct_wallet_from_secret(struct ct_wallet *out, const struct ct_secret32 *secret);
CT_MUST_USE ct_err ct_wallet_new(struct ct_wallet *out);
/* The wallet of a public key, 0x04 | x | y, that signer holds. CT_ERR_ARG: no point of the curve.
 */
CT_MUST_USE ct_err ct_wallet_from_signer(struct ct_wallet *out, const uint8_t point65[65],
                                         const struct ct_signer *signer);

/*
 * A key in a source (base/source.h), told apart by its content: 64 hexadecimal digits, or a
 * keystore of version 3, which needs passphrase, too; NULL for a raw key. The memory of *out is
 * locked. CT_ERR_NOT_FOUND when there is no such file, CT_ERR_AUTH for a wrong passphrase, else
 * CT_ERR_CONFIG, with the sentence.
 */
CT_MUST_USE ct_err ct_wallet_open_with(struct ct_wallet *out, const char *source,
                                       const struct ct_passphrase *passphrase, struct ct_why *why);
/*
 * As above; makes key and file when there is none, a keystore of standard cost with a passphrase,
 * and says so in *made (may be NULL).
 */
CT_MUST_USE ct_err ct_wallet_make_with(struct ct_wallet *out, bool *made, const char *path,
                                       const struct ct_passphrase *passphrase, struct ct_why *why);
/* The same with the passphrase in a source of its own, or NULL. */
CT_MUST_USE ct_err ct_wallet_open(struct ct_wallet *out, const char *source, const char *passphrase,
                                  struct ct_why *why);
CT_MUST_USE ct_err ct_wallet_open_or_create(struct ct_wallet *out, bool *made, const char *path,
                                            const char *passphrase, struct ct_why *why);
/* A new file, 0600: a keystore under passphrase, or with NULL the raw key. CT_ERR_STATE: exists. */
CT_MUST_USE ct_err ct_wallet_save_new(const struct ct_wallet *wallet, const char *path,
                                      const struct ct_passphrase *passphrase, bool light,
                                      struct ct_why *why);
/* The same without a passphrase. */
CT_MUST_USE ct_err ct_wallet_load(struct ct_wallet *out, const char *path, struct ct_why *why);
CT_MUST_USE ct_err ct_wallet_load_or_create(struct ct_wallet *out, bool *made, const char *path,
                                            struct ct_why *why);
void ct_wallet_wipe(struct ct_wallet *wallet);

/*
 * sig65 = r | s | v, s in the lower half, v 27 or 28; nonce by RFC 6979 when the secret signs.
 * CT_ERR_SYSTEM when a signer fails, or signs for another key.
 */
CT_MUST_USE ct_err ct_wallet_sign(uint8_t sig65[CT_SIG_LEN], const struct ct_wallet *wallet,
                                  const uint8_t hash32[32]);
/* The same for typed data, whose digest is hash32; what a signer refuses, in its own error. */
CT_MUST_USE ct_err ct_wallet_sign_typed(uint8_t sig65[CT_SIG_LEN], const struct ct_wallet *wallet,
                                        const uint8_t hash32[32], const struct ct_typed *typed);
/*
 * Who signed. CT_ERR_AUTH for r or s out of range, s in the upper half, v other than 27 or 28, or a
 * point that does not exist. The caller compares the address with the one expected.
 */
CT_MUST_USE ct_err ct_sig_recover(uint8_t addr20[20], const uint8_t hash32[32],
                                  const uint8_t sig65[CT_SIG_LEN]);
/* CT_OK when sig65 recovers to addr20, else CT_ERR_AUTH. */
CT_MUST_USE ct_err ct_sig_check(const uint8_t addr20[20], const uint8_t hash32[32],
                                const uint8_t sig65[CT_SIG_LEN]);
/* EIP-2098: s with v - 27 in its top bit, as the registry's batch takes it. */
void ct_sig_compact(uint8_t r32[32], uint8_t vs32[32], const uint8_t sig65[CT_SIG_LEN]);

/* "0x" and 40 digits in the checksum case of EIP-55, NUL-terminated. */
void ct_addr_text(char out[CT_ADDR_TEXT_LEN], const uint8_t addr20[20]);
/* "0x" and 40 digits: all lower, all upper, or mixed with a right checksum; else CT_ERR_FORMAT. */
CT_MUST_USE ct_err ct_addr_parse(uint8_t addr20[20], const char *text);
bool ct_addr_is_zero(const uint8_t addr20[20]);
/* The address of the contract that a creation by addr20 with nonce makes. */
void ct_addr_of_create(uint8_t out20[20], const uint8_t addr20[20], uint64_t nonce);

#endif

/* secp256k1 wallet keys: files, addresses (EIP-55), recoverable signatures (yellow paper, app. F).
 */
#ifndef CT_CHAIN_KEY_H
#define CT_CHAIN_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/secret.h"
#include "base/why.h"

struct ct_wallet {
    struct ct_secret32 secret; /* in 1 .. n - 1 */
    uint8_t addr20[20];        /* last 20 bytes of keccak256 of the uncompressed public key */
};

enum { CT_SIG_LEN = 65, CT_ADDR_TEXT_LEN = 43 /* "0x", 40 digits, NUL */ };

/* CT_ERR_ARG when the secret is zero or not below the group order. */
CT_MUST_USE ct_err ct_wallet_from_secret(struct ct_wallet *out, const struct ct_secret32 *secret);
CT_MUST_USE ct_err ct_wallet_new(struct ct_wallet *out);
/* A key file as ct_secret_load() reads it; its errors, and CT_ERR_CONFIG for an impossible key. */
CT_MUST_USE ct_err ct_wallet_load(struct ct_wallet *out, const char *path, struct ct_why *why);
/* As above; makes key and file when there is none, and says so in *made (may be NULL). */
CT_MUST_USE ct_err ct_wallet_load_or_create(struct ct_wallet *out, bool *made, const char *path,
                                            struct ct_why *why);
void ct_wallet_wipe(struct ct_wallet *wallet);

/* sig65 = r | s | v, s in the lower half, v 27 or 28, nonce by RFC 6979. */
CT_MUST_USE ct_err ct_wallet_sign(uint8_t sig65[CT_SIG_LEN], const struct ct_wallet *wallet,
                                  const uint8_t hash32[32]);
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

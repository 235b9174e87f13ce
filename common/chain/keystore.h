/* Ethereum keystores of version 3 ("Web3 Secret Storage"): a wallet key under a passphrase. */
#ifndef CT_CHAIN_KEYSTORE_H
#define CT_CHAIN_KEYSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/secret.h"
#include "base/why.h"

enum {
    CT_KEYSTORE_TEXT_MAX = 16 * 1024, /* bytes of a file that is read */
    CT_KEYSTORE_ROOM = 1024,          /* bytes that ct_keystore_format() needs, with NUL */
    CT_KEYSTORE_SALT_MAX = 64,
    /* What a file may ask of this host: 256 MiB, and four times geth's standard of work. */
    CT_KEYSTORE_MEMORY_MAX = 1 << 28, /* 128 * n * r */
    CT_KEYSTORE_WORK_MAX = 1 << 23,   /* n * r * p, and PBKDF2's rounds */
};

struct ct_keystore {
    bool is_scrypt;   /* else PBKDF2 with HMAC-SHA-256 */
    uint32_t n, r, p; /* scrypt; n a power of two */
    uint32_t rounds;  /* PBKDF2 */
    uint8_t salt[CT_KEYSTORE_SALT_MAX];
    size_t salt_len;
    uint8_t iv16[16];     /* AES-128-CTR's first block */
    uint8_t sealed32[32]; /* the key, encrypted */
    uint8_t mac32[32];    /* keccak256(derived key, second half | sealed) */
    bool has_addr;
    uint8_t addr20[20];
    uint8_t id16[16]; /* written as a UUID; not read */
};

/* geth's two: standard takes 256 MiB and about a second, light 4 MiB and some 60 ms. */
enum ct_keystore_cost { CT_KEYSTORE_STANDARD, CT_KEYSTORE_LIGHT };

/* Does the text begin as a JSON object does? A raw key does not. */
bool ct_keystore_is(const char *text, size_t len);

/*
 * Reads the file's text, nothing decrypted yet. CT_ERR_FORMAT with the sentence for what is no
 * keystore of version 3, or one that asks for more than the bounds above.
 */
CT_MUST_USE ct_err ct_keystore_parse(struct ct_keystore *out, const char *text, size_t len,
                                     struct ct_why *why);
/* JSON as geth writes it, NUL-terminated. CT_ERR_ROOM when cap is below CT_KEYSTORE_ROOM. */
CT_MUST_USE ct_err ct_keystore_format(char *out, size_t cap, const struct ct_keystore *ks);

/*
 * Decrypts. CT_ERR_AUTH for a wrong passphrase (or an altered file: nobody can tell them apart),
 * CT_ERR_NOMEM when the memory that the file asks for is not there. Whether the key belongs to
 * addr20 is the caller's to check.
 */
CT_MUST_USE ct_err ct_keystore_open(struct ct_secret32 *out, const struct ct_keystore *ks,
                                    const char *passphrase, size_t passphrase_len);
/* Encrypts under fresh salt, first block and id. */
CT_MUST_USE ct_err ct_keystore_seal(struct ct_keystore *out, const struct ct_secret32 *secret,
                                    const uint8_t addr20[20], const char *passphrase,
                                    size_t passphrase_len, enum ct_keystore_cost cost);

#endif

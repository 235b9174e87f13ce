/* The enrolment token of docs/protocol.md 6, and the factory credential that is exchanged for such
 * tokens: signed by the wallet manager, kept private. */
#ifndef CT_KEX_TOKEN_H
#define CT_KEX_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "kex/x25519.h"

struct ct_wm_key; /* chain/registry.h */

#define CT_TOKEN_PAYLOAD_MAX 400u
#define CT_TOKEN_TEXT_MAX 626u /* without NUL */

struct ct_token {
    uint32_t key_id;
    uint8_t jti16[16]; /* the token's own number, random */
    char batch[33];    /* 1 to 32 characters of the identities' alphabet */
    uint64_t expiry_s; /* since 1970 */
    bool is_prefix;    /* identity is a prefix of what may be claimed */
    char identity[64];
    uint64_t max_gas; /* that the platform pays for on the funded road; 0: what it pays for all */
    uint32_t count;   /* 0: a token; else a factory credential, for so many tokens */
    bool is_minted;   /* a token that a factory credential was exchanged for: */
    uint8_t factory16[16]; /* that credential's number */
};

#define CT_FACTORY_COUNT_MAX 1000000u

/*
 * Writes the token's text, NUL-terminated, into out (cap >= CT_TOKEN_TEXT_MAX + 1).
 * Errors: CT_ERR_ARG (a field that is not valid), CT_ERR_ROOM.
 */
CT_MUST_USE ct_err ct_token_sign(char *out, size_t cap, const struct ct_token *token,
                                 const struct ct_ed25519 *key);

/* Reads the fields and checks no signature. Blanks or a newline around the text are refused. */
CT_MUST_USE ct_err ct_token_parse(struct ct_token *out, const char *text, size_t text_len);
/* The same for a factory credential; each refuses the other. */
CT_MUST_USE ct_err ct_factory_parse(struct ct_token *out, const char *text, size_t text_len);
/* Does the text begin as a factory credential's? */
bool ct_factory_is(const char *text, size_t text_len);

/*
 * Parses and checks signature, key and expiry.
 * Errors: CT_ERR_FORMAT, CT_ERR_AUTH (unknown key, signature), CT_ERR_EXPIRED.
 */
CT_MUST_USE ct_err ct_token_verify(struct ct_token *out, const char *text, size_t text_len,
                                   const struct ct_wm_key *keys, size_t count, uint64_t now_s,
                                   struct ct_why *why);

CT_MUST_USE ct_err ct_factory_verify(struct ct_token *out, const char *text, size_t text_len,
                                     const struct ct_wm_key *keys, size_t count, uint64_t now_s,
                                     struct ct_why *why);

/* What that credential is exchanged for, for that identity; to be signed with key key_id.
 * CT_ERR_NOT_APPROVED: the identity is none that it is for. */
CT_MUST_USE ct_err ct_factory_mint(struct ct_token *out, const struct ct_token *factory,
                                   const char *identity, uint32_t key_id);

/* Whether the token lets this identity enrol. A prefix alone, with nothing behind it, does not. */
bool ct_token_allows(const struct ct_token *token, const char *identity);

#endif

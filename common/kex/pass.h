/* The pass of docs/protocol.md 5: who may use a relay, and the TURN credential made of it. */
#ifndef CT_KEX_PASS_H
#define CT_KEX_PASS_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "kex/x25519.h"

struct ct_wm_key; /* chain/registry.h */

#define CT_PASS_LEN 175u
#define CT_PASS_TEXT_LEN 234u    /* base64url, the TURN user name */
#define CT_PASS_PASSWORD_LEN 43u /* base64url */
#define CT_PASS_LIFE_S 86400u    /* longest time from signing to expiry */
#define CT_PASS_SKEW_S 300u      /* how far this host's clock may be behind the WM's */
#define CT_PASS_SCOPE_ALLOCATE 1u

struct ct_pass {
    uint8_t deployment32[32];
    uint32_t key_id;
    uint8_t id16[16];
    uint8_t renews16[16]; /* zeros when it renews none */
    uint8_t key32[32];    /* the device's X25519 key for this pass alone */
    uint64_t expiry_s;    /* since 1970 */
    uint16_t scope;       /* CT_PASS_SCOPE_.. */
};

/*
 * Signs. CT_ERR_ARG when expiry_s is not after now_s or more than 24 h after it, or the scope has
 * unknown bits.
 */
CT_MUST_USE ct_err ct_pass_sign(uint8_t out175[CT_PASS_LEN], const struct ct_pass *pass,
                                const struct ct_ed25519 *key, uint64_t now_s);

/* Reads the fields and checks no signature: for a device that shows its own pass. */
CT_MUST_USE ct_err ct_pass_parse(struct ct_pass *out, const uint8_t *data, size_t len);

/*
 * Parses and checks everything a relay needs: deployment, signature by the key (out of count, with
 * id and not_after) that the pass names, expiry, scope.
 *
 * Errors: CT_ERR_FORMAT, CT_ERR_AUTH (other deployment, unknown key, signature), CT_ERR_EXPIRED
 * (pass or key).
 */
CT_MUST_USE ct_err ct_pass_verify(struct ct_pass *out, const uint8_t *data, size_t len,
                                  const uint8_t deployment32[32], const struct ct_wm_key *keys,
                                  size_t count, uint64_t now_s, struct ct_why *why);

/* out has room for CT_PASS_TEXT_LEN + 1. */
void ct_pass_username(char *out, const uint8_t pass175[CT_PASS_LEN]);
/* CT_ERR_FORMAT when the text is not 234 characters of strict base64url. text_len without NUL. */
CT_MUST_USE ct_err ct_pass_from_username(uint8_t out175[CT_PASS_LEN], const char *text,
                                         size_t text_len);

/* The TURN password; out has room for CT_PASS_PASSWORD_LEN + 1. Both give the same text. */
CT_MUST_USE ct_err ct_pass_password_device(char *out, const struct ct_pass *pass,
                                           const struct ct_secret32 *pass_secret,
                                           const uint8_t relay_key32[32]);
CT_MUST_USE ct_err ct_pass_password_relay(char *out, const struct ct_pass *pass,
                                          const struct ct_x25519 *relay_key);

#endif

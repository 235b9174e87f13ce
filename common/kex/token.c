/* Tokens: "ctk1." payload "." signature, or "ctf1." for a factory credential; the payload is JSON
 * in one way of writing only. */
#include "kex/token.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/secret.h"
#include "chain/json.h"
#include "chain/keccak.h"
#include "chain/registry.h"

/* The two kinds, by whether they are a factory credential. */
static const char *const PREFIX[2] = {"ctk1.", "ctf1."};
static const char *const SIGN_LABEL[2] = {"chainturn/1 token", "chainturn/1 factory"};
static const char MINT_LABEL[] = "chainturn/1 minted";

enum {
    PREFIX_LEN = 5,
    LABEL_MAX = 19,
    SIG_LEN = 64,
    SIG_TEXT_LEN = 86,
    BATCH_MAX = 32,
};

/* A text taken apart, nothing believed yet. */
struct parts {
    char payload[CT_TOKEN_PAYLOAD_MAX + 1];
    size_t payload_len;
    uint8_t sig64[SIG_LEN];
};

static bool batch_valid(const char *batch)
{
    return strlen(batch) <= BATCH_MAX && ct_identity_valid(batch);
}

/* The one way of writing a payload; CT_ERR_ROOM when it is too long. */
static ct_err format_payload(char out[CT_TOKEN_PAYLOAD_MAX + 1], size_t *len,
                             const struct ct_token *token)
{
    char jti[33];
    ct_hex(jti, token->jti16, sizeof(token->jti16));
    char count[24] = "";
    char gas[40] = "";
    char factory[48] = "";
    if (token->count != 0) {
        (void)snprintf(count, sizeof(count), ",\"count\":%" PRIu32, token->count);
    }
    if (token->max_gas != 0) {
        (void)snprintf(gas, sizeof(gas), ",\"max_gas\":%" PRIu64, token->max_gas);
    }
    if (token->is_minted) {
        char number[33];
        ct_hex(number, token->factory16, sizeof(token->factory16));
        (void)snprintf(factory, sizeof(factory), ",\"factory\":\"%s\"", number);
    }
    int n = snprintf(out, CT_TOKEN_PAYLOAD_MAX + 1,
                     "{\"kid\":%" PRIu32 ",\"jti\":\"%s\",\"batch\":\"%s\",\"exp\":%" PRIu64
                     ",\"%s\":\"%s\"%s%s%s}",
                     token->key_id, jti, token->batch, token->expiry_s,
                     token->is_prefix ? "id_prefix" : "id", token->identity, count, gas, factory);
    if (n < 0 || n > (int)CT_TOKEN_PAYLOAD_MAX) {
        return CT_ERR_ROOM;
    }
    *len = (size_t)n;
    return CT_OK;
}

static size_t signed_text(uint8_t out[LABEL_MAX + CT_TOKEN_PAYLOAD_MAX], bool is_factory,
                          const char *payload, size_t len)
{
    const size_t label_len = strlen(SIGN_LABEL[is_factory]);
    memcpy(out, SIGN_LABEL[is_factory], label_len);
    memcpy(out + label_len, payload, len);
    return label_len + len;
}

/* A factory credential is for a prefix, and none was minted from another. */
static bool kind_valid(const struct ct_token *token)
{
    return token->count == 0
               ? !(token->is_minted && token->is_prefix)
               : token->count <= CT_FACTORY_COUNT_MAX && token->is_prefix && !token->is_minted;
}

ct_err ct_token_sign(char *out, size_t cap, const struct ct_token *token,
                     const struct ct_ed25519 *key)
{
    char payload[CT_TOKEN_PAYLOAD_MAX + 1];
    uint8_t text[LABEL_MAX + CT_TOKEN_PAYLOAD_MAX];
    uint8_t sig64[SIG_LEN];
    size_t len = 0;
    if (token->key_id == 0 || !batch_valid(token->batch) || token->expiry_s > INT64_MAX ||
        token->max_gas > INT64_MAX || !ct_identity_valid(token->identity) || !kind_valid(token)) {
        return CT_ERR_ARG;
    }
    ct_err err = format_payload(payload, &len, token);
    if (err != CT_OK) {
        return err;
    }
    if (cap < PREFIX_LEN + CT_BASE64URL_LEN(len) + 1 + SIG_TEXT_LEN + 1) {
        return CT_ERR_ROOM;
    }
    err = ct_ed25519_sign(sig64, key, text, signed_text(text, token->count != 0, payload, len));
    if (err != CT_OK) {
        return err;
    }
    memcpy(out, PREFIX[token->count != 0], PREFIX_LEN);
    char *at = out + PREFIX_LEN;
    ct_base64url(at, payload, len);
    at += CT_BASE64URL_LEN(len);
    *at++ = '.';
    ct_base64url(at, sig64, sizeof(sig64));
    return CT_OK;
}

static bool begins(const char *text, size_t text_len, bool is_factory)
{
    return text_len >= PREFIX_LEN && memcmp(text, PREFIX[is_factory], PREFIX_LEN) == 0;
}

static ct_err take_apart(struct parts *out, const char *text, size_t text_len, bool is_factory)
{
    size_t sig_len = 0;
    if (text_len > CT_TOKEN_TEXT_MAX || text_len < PREFIX_LEN + 1 + SIG_TEXT_LEN ||
        !begins(text, text_len, is_factory)) {
        return CT_ERR_FORMAT;
    }
    const char *sig = text + text_len - SIG_TEXT_LEN;
    const size_t body_len = text_len - PREFIX_LEN - 1 - SIG_TEXT_LEN;
    if (sig[-1] != '.' ||
        ct_unbase64url(out->sig64, SIG_LEN, &sig_len, sig, SIG_TEXT_LEN) != CT_OK ||
        sig_len != SIG_LEN ||
        ct_unbase64url(out->payload, CT_TOKEN_PAYLOAD_MAX, &out->payload_len, text + PREFIX_LEN,
                       body_len) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    out->payload[out->payload_len] = '\0';
    return CT_OK;
}

/* Copies a member's text into out (cap with NUL); false when it is missing or does not fit. */
static bool text_member(char *out, size_t cap, const struct ct_json *object, const char *name)
{
    const char *text = ct_json_text(ct_json_get(object, name));
    if (text == NULL || strlen(text) >= cap) {
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static ct_err read_members(struct ct_token *out, const struct ct_json *object)
{
    char jti[33];
    int64_t kid = 0;
    int64_t expiry = 0;
    int64_t gas = 0;
    int64_t count = 0;
    char factory[33];
    const struct ct_json *many = ct_json_get(object, "count");
    const struct ct_json *max_gas = ct_json_get(object, "max_gas");
    out->is_prefix = ct_json_get(object, "id_prefix") != NULL;
    out->is_minted = ct_json_get(object, "factory") != NULL;
    if (ct_json_int(&kid, ct_json_get(object, "kid")) != CT_OK || kid < 1 || kid > UINT32_MAX ||
        ct_json_int(&expiry, ct_json_get(object, "exp")) != CT_OK || expiry < 0 ||
        (max_gas != NULL && (ct_json_int(&gas, max_gas) != CT_OK || gas < 1)) ||
        (many != NULL && (ct_json_int(&count, many) != CT_OK || count < 1 ||
                          count > (int64_t)CT_FACTORY_COUNT_MAX)) ||
        (out->is_minted && (!text_member(factory, sizeof(factory), object, "factory") ||
                            ct_unhex(out->factory16, sizeof(out->factory16), factory) != CT_OK)) ||
        !text_member(jti, sizeof(jti), object, "jti") ||
        ct_unhex(out->jti16, sizeof(out->jti16), jti) != CT_OK ||
        !text_member(out->batch, sizeof(out->batch), object, "batch") ||
        !text_member(out->identity, sizeof(out->identity), object,
                     out->is_prefix ? "id_prefix" : "id") ||
        !batch_valid(out->batch) || !ct_identity_valid(out->identity)) {
        return CT_ERR_FORMAT;
    }
    out->key_id = (uint32_t)kid;
    out->expiry_s = (uint64_t)expiry;
    out->max_gas = (uint64_t)gas;
    out->count = (uint32_t)count;
    return kind_valid(out) ? CT_OK : CT_ERR_FORMAT;
}

/*
 * What was read is written again and must give the same bytes: so unknown and repeated members,
 * blanks, escapes and other orders are refused without a rule for each.
 */
static ct_err read_payload(struct ct_token *out, const struct parts *parts)
{
    struct ct_json *document = NULL;
    struct ct_token token;
    char again[CT_TOKEN_PAYLOAD_MAX + 1];
    size_t len = 0;
    memset(&token, 0, sizeof(token));
    ct_err err = ct_json_parse(&document, parts->payload, parts->payload_len);
    if (err != CT_OK) {
        return err;
    }
    err = read_members(&token, document);
    ct_json_free(document);
    if (err == CT_OK) {
        err = format_payload(again, &len, &token);
    }
    if (err != CT_OK || !ct_equal(again, len, parts->payload, parts->payload_len)) {
        return err == CT_ERR_NOMEM ? err : CT_ERR_FORMAT;
    }
    *out = token;
    return CT_OK;
}

static ct_err parse(struct ct_token *out, struct parts *parts, bool is_factory, const char *text,
                    size_t text_len)
{
    struct ct_token token;
    ct_err err = take_apart(parts, text, text_len, is_factory);
    if (err == CT_OK) {
        err = read_payload(&token, parts);
    }
    if (err == CT_OK && (token.count != 0) != is_factory) {
        err = CT_ERR_FORMAT;
    }
    if (err == CT_OK) {
        *out = token;
    }
    return err;
}

ct_err ct_token_parse(struct ct_token *out, const char *text, size_t text_len)
{
    struct parts parts;
    return parse(out, &parts, false, text, text_len);
}

ct_err ct_factory_parse(struct ct_token *out, const char *text, size_t text_len)
{
    struct parts parts;
    return parse(out, &parts, true, text, text_len);
}

bool ct_factory_is(const char *text, size_t text_len)
{
    return begins(text, text_len, true);
}

static const struct ct_wm_key *key_of(const struct ct_wm_key *keys, size_t count, uint32_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].id == id) {
            return &keys[i];
        }
    }
    return NULL;
}

static ct_err verify(struct ct_token *out, bool is_factory, const char *text, size_t text_len,
                     const struct ct_wm_key *keys, size_t count, uint64_t now_s, struct ct_why *why)
{
    struct parts parts;
    struct ct_token token;
    uint8_t signed_bytes[LABEL_MAX + CT_TOKEN_PAYLOAD_MAX];
    ct_err err = parse(&token, &parts, is_factory, text, text_len);
    if (err != CT_OK) {
        return ct_why(why, err,
                      "this is not a %s: it does not parse; copy it whole, from \"%s\" on",
                      is_factory ? "factory credential" : "token", PREFIX[is_factory]);
    }
    const struct ct_wm_key *key = key_of(keys, count, token.key_id);
    if (key == NULL) {
        return ct_why(why, CT_ERR_AUTH,
                      "the token is signed with key %" PRIu32 ", which is not in use any more; ask "
                      "the platform for a new one",
                      token.key_id);
    }
    const size_t len = signed_text(signed_bytes, is_factory, parts.payload, parts.payload_len);
    if (ct_ed25519_verify(parts.sig64, key->ed25519, signed_bytes, len) != CT_OK) {
        return ct_why(why, CT_ERR_AUTH,
                      "the token is forged or damaged: its signature does not hold; ask the "
                      "platform for a new one");
    }
    if (now_s > key->not_after_s) {
        return ct_why(why, CT_ERR_EXPIRED,
                      "the token is signed with key %" PRIu32
                      " of the wallet manager, which is past "
                      "its date; ask the platform for a new one",
                      token.key_id);
    }
    if (now_s >= token.expiry_s) {
        return ct_why(why, CT_ERR_EXPIRED,
                      "the token expired %" PRIu64 " s ago; ask the platform for a new one",
                      now_s - token.expiry_s);
    }
    *out = token;
    return CT_OK;
}

ct_err ct_token_verify(struct ct_token *out, const char *text, size_t text_len,
                       const struct ct_wm_key *keys, size_t count, uint64_t now_s,
                       struct ct_why *why)
{
    return verify(out, false, text, text_len, keys, count, now_s, why);
}

ct_err ct_factory_verify(struct ct_token *out, const char *text, size_t text_len,
                         const struct ct_wm_key *keys, size_t count, uint64_t now_s,
                         struct ct_why *why)
{
    return verify(out, true, text, text_len, keys, count, now_s, why);
}

ct_err ct_factory_mint(struct ct_token *out, const struct ct_token *factory, const char *identity,
                       uint32_t key_id)
{
    struct ct_keccak k;
    uint8_t hash32[32];
    if (!ct_token_allows(factory, identity)) {
        return CT_ERR_NOT_APPROVED;
    }
    *out = *factory;
    out->key_id = key_id;
    out->is_prefix = false;
    out->count = 0;
    out->is_minted = true;
    memcpy(out->factory16, factory->jti16, sizeof(out->factory16));
    (void)snprintf(out->identity, sizeof(out->identity), "%s", identity);
    ct_keccak_init(&k);
    ct_keccak_update(&k, MINT_LABEL, sizeof(MINT_LABEL) - 1);
    ct_keccak_update(&k, factory->jti16, sizeof(factory->jti16));
    ct_keccak_update(&k, identity, strlen(identity));
    ct_keccak_final(&k, hash32);
    memcpy(out->jti16, hash32, sizeof(out->jti16));
    return CT_OK;
}

bool ct_token_allows(const struct ct_token *token, const char *identity)
{
    const size_t len = strlen(token->identity);
    if (!ct_identity_valid(identity)) {
        return false;
    }
    if (!token->is_prefix) {
        return strcmp(token->identity, identity) == 0;
    }
    return strlen(identity) > len && memcmp(token->identity, identity, len) == 0;
}

/*
 * Enrolment tokens and factory credentials. Property: an accepted token, written from its fields,
 * is the same text up to its signature, and it never verifies unless the listed key signed it.
 * Payloads are put into base64url here, so that the parser of the JSON is reached.
 */
/* links: ct_kex ct_chain ct_base */
#include "kex/token.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "chain/registry.h"
#include "fuzz.h"

enum { SIG_TEXT = 1 + 86 }; /* the dot and 64 bytes in base64url */

static void check(const char *text, size_t len)
{
    static const struct ct_secret32 seed = {{7}};
    struct ct_token token;
    struct ct_token out;
    struct ct_ed25519 key;
    char again[CT_TOKEN_TEXT_MAX + 1];
    if (ct_token_parse(&token, text, len) != CT_OK) {
        return;
    }
    HOLDS(ct_identity_valid(token.identity) && token.key_id > 0);
    HOLDS(ct_ed25519_from_seed(&key, &seed) == CT_OK);
    HOLDS(ct_token_sign(again, sizeof(again), &token, &key) == CT_OK);
    HOLDS(strlen(again) == len && memcmp(again, text, len - SIG_TEXT) == 0);
    HOLDS(ct_token_allows(&token, token.identity) == !token.is_prefix);
    HOLDS(token.count == 0 && !(token.is_minted && token.is_prefix));
    struct ct_wm_key listed = {.id = token.key_id, .not_after_s = UINT64_MAX};
    memcpy(listed.ed25519, key.public32, 32);
    if (ct_token_verify(&out, text, len, &listed, 1, 0, NULL) == CT_OK) {
        HOLDS(memcmp(again, text, len) == 0); /* Ed25519 is deterministic */
    }
}

/* The same for factory credentials; what one of them is exchanged for is a token. */
static void check_factory(const char *text, size_t len)
{
    static const struct ct_secret32 seed = {{7}};
    struct ct_token token, minted, out;
    struct ct_ed25519 key;
    char name[80];
    char again[CT_TOKEN_TEXT_MAX + 1];
    if (ct_factory_parse(&token, text, len) != CT_OK) {
        return;
    }
    HOLDS(token.count >= 1 && token.count <= CT_FACTORY_COUNT_MAX && token.is_prefix);
    HOLDS(ct_token_parse(&out, text, len) == CT_ERR_FORMAT);
    HOLDS(ct_ed25519_from_seed(&key, &seed) == CT_OK);
    HOLDS(ct_token_sign(again, sizeof(again), &token, &key) == CT_OK);
    HOLDS(strlen(again) == len && memcmp(again, text, len - SIG_TEXT) == 0);
    (void)snprintf(name, sizeof(name), "%s1", token.identity);
    if (ct_factory_mint(&minted, &token, name, 1) == CT_OK) {
        HOLDS(ct_token_sign(again, sizeof(again), &minted, &key) == CT_OK);
        HOLDS(ct_token_parse(&out, again, strlen(again)) == CT_OK && out.is_minted);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[CT_TOKEN_TEXT_MAX + 64];
    static const uint8_t sig[64] = {1};
    check((const char *)data, size);
    check_factory((const char *)data, size);
    if (size > CT_TOKEN_PAYLOAD_MAX) {
        return 0;
    }
    memcpy(text, "ctk1.", 5);
    ct_base64url(text + 5, data, size);
    size_t len = strlen(text);
    text[len++] = '.';
    ct_base64url(text + len, sig, sizeof(sig));
    check(text, strlen(text));
    memcpy(text, "ctf1.", 5);
    check_factory(text, strlen(text));
    return 0;
}

/* The pass: 175 signed bytes, and the TURN user name and password made of them. */
#include "kex/pass.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "base/secret.h"
#include "chain/registry.h"
#include "kex/kdf.h"

enum { VERSION = 1, SIGNED_LEN = 111, SIG_LEN = 64 };

static const char SIGN_LABEL[] = "chainturn/1 pass";
static const char TURN_LABEL[] = "chainturn/1 turn";

#define LABEL_LEN (sizeof(SIGN_LABEL) - 1)

static void signed_text(uint8_t out[LABEL_LEN + SIGNED_LEN], const uint8_t *pass175)
{
    memcpy(out, SIGN_LABEL, LABEL_LEN);
    memcpy(out + LABEL_LEN, pass175, SIGNED_LEN);
}

ct_err ct_pass_sign(uint8_t out175[CT_PASS_LEN], const struct ct_pass *pass,
                    const struct ct_ed25519 *key, uint64_t now_s)
{
    uint8_t text[LABEL_LEN + SIGNED_LEN];
    uint8_t bytes[CT_PASS_LEN];
    if (pass->expiry_s <= now_s || pass->expiry_s - now_s > CT_PASS_LIFE_S ||
        (pass->scope & ~CT_PASS_SCOPE_ALLOCATE) != 0) {
        return CT_ERR_ARG;
    }
    struct ct_wr w = ct_wr_init(bytes, SIGNED_LEN);
    ct_wr_u8(&w, VERSION);
    ct_wr_bytes(&w, pass->deployment32, 32);
    ct_wr_be32(&w, pass->key_id);
    ct_wr_bytes(&w, pass->id16, 16);
    ct_wr_bytes(&w, pass->renews16, 16);
    ct_wr_bytes(&w, pass->key32, 32);
    ct_wr_be64(&w, pass->expiry_s);
    ct_wr_be16(&w, pass->scope);
    ct_err err = ct_wr_end(&w);
    if (err == CT_OK) {
        signed_text(text, bytes);
        err = ct_ed25519_sign(bytes + SIGNED_LEN, key, text, sizeof(text));
    }
    if (err == CT_OK) {
        memcpy(out175, bytes, sizeof(bytes));
    }
    return err;
}

ct_err ct_pass_parse(struct ct_pass *out, const uint8_t *data, size_t len)
{
    struct ct_pass p;
    struct ct_rd r = ct_rd_init(data, len);
    memset(&p, 0, sizeof(p));
    const uint8_t version = ct_rd_u8(&r);
    ct_rd_copy(&r, p.deployment32, 32);
    p.key_id = ct_rd_be32(&r);
    ct_rd_copy(&r, p.id16, 16);
    ct_rd_copy(&r, p.renews16, 16);
    ct_rd_copy(&r, p.key32, 32);
    p.expiry_s = ct_rd_be64(&r);
    p.scope = ct_rd_be16(&r);
    (void)ct_rd_take(&r, SIG_LEN);
    ct_err err = ct_rd_end(&r);
    if (err == CT_OK && (version != VERSION || (p.scope & ~CT_PASS_SCOPE_ALLOCATE) != 0)) {
        err = CT_ERR_FORMAT;
    }
    if (err == CT_OK) {
        *out = p;
    }
    return err;
}

static const struct ct_wm_key *key_of(const struct ct_wm_key *keys, size_t count, uint32_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].id != 0 && keys[i].id == id) {
            return &keys[i];
        }
    }
    return NULL;
}

/* Time and scope, once the signature has shown that the WM said so. */
static ct_err check_terms(const struct ct_pass *p, const struct ct_wm_key *key, uint64_t now_s,
                          struct ct_why *why)
{
    if (now_s > key->not_after_s) {
        return ct_why(why, CT_ERR_EXPIRED,
                      "the pass is signed with key %" PRIu32
                      " of the wallet manager, which is past "
                      "its date; ask for a new pass",
                      p->key_id);
    }
    if (now_s >= p->expiry_s) {
        return ct_why(why, CT_ERR_EXPIRED,
                      "the pass expired %" PRIu64 " s ago; ask the wallet manager for a new one",
                      now_s - p->expiry_s);
    }
    if (p->expiry_s - now_s > CT_PASS_LIFE_S + CT_PASS_SKEW_S) {
        return ct_why(why, CT_ERR_AUTH,
                      "the pass holds for longer than a day; check this host's clock, or ask for a "
                      "new pass");
    }
    if ((p->scope & CT_PASS_SCOPE_ALLOCATE) == 0) {
        return ct_why(why, CT_ERR_AUTH, "the pass does not allow allocations; ask for another one");
    }
    return CT_OK;
}

ct_err ct_pass_verify(struct ct_pass *out, const uint8_t *data, size_t len,
                      const uint8_t deployment32[32], const struct ct_wm_key *keys, size_t count,
                      uint64_t now_s, struct ct_why *why)
{
    uint8_t text[LABEL_LEN + SIGNED_LEN];
    struct ct_pass p;
    ct_err err = ct_pass_parse(&p, data, len);
    if (err != CT_OK) {
        return ct_why(why, err,
                      "this is not a pass: %zu bytes that do not parse; ask for a new one", len);
    }
    if (!ct_equal(p.deployment32, 32, deployment32, 32)) {
        return ct_why(why, CT_ERR_AUTH,
                      "the pass is for another deployment (chain or contract); ask this "
                      "deployment's wallet manager for one");
    }
    const struct ct_wm_key *key = key_of(keys, count, p.key_id);
    if (key == NULL) {
        return ct_why(why, CT_ERR_AUTH,
                      "the pass names key %" PRIu32 " of the wallet manager, which the contract "
                      "does not list; ask for a new pass",
                      p.key_id);
    }
    signed_text(text, data);
    if (ct_ed25519_verify(data + SIGNED_LEN, key->ed25519, text, sizeof(text)) != CT_OK) {
        return ct_why(why, CT_ERR_AUTH,
                      "the pass is forged or damaged: its signature does not hold; ask the wallet "
                      "manager for a new one");
    }
    err = check_terms(&p, key, now_s, why);
    if (err == CT_OK) {
        *out = p;
    }
    return err;
}

void ct_pass_username(char *out, const uint8_t pass175[CT_PASS_LEN])
{
    ct_base64url(out, pass175, CT_PASS_LEN);
}

ct_err ct_pass_from_username(uint8_t out175[CT_PASS_LEN], const char *text, size_t text_len)
{
    uint8_t bytes[CT_PASS_LEN];
    size_t len = 0;
    if (text_len != CT_PASS_TEXT_LEN ||
        ct_unbase64url(bytes, sizeof(bytes), &len, text, text_len) != CT_OK || len != CT_PASS_LEN) {
        return CT_ERR_FORMAT;
    }
    memcpy(out175, bytes, sizeof(bytes));
    return CT_OK;
}

static ct_err password(char *out, const struct ct_pass *pass, const struct ct_secret32 *own,
                       const uint8_t peer32[32], const uint8_t relay_key32[32])
{
    struct ct_secret32 shared;
    struct ct_secret32 prk = {{0}};
    struct ct_secret32 word = {{0}};
    ct_err err = ct_x25519_shared(&shared, own, peer32);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_piece ikm = {shared.bytes, 32};
    const struct ct_piece info[] = {
        {TURN_LABEL, sizeof(TURN_LABEL) - 1},
        {pass->deployment32, 32},
        {relay_key32, 32},
        {pass->id16, 16},
    };
    err = ct_hkdf_extract(prk.bytes, NULL, 0, &ikm, 1);
    if (err == CT_OK) {
        err = ct_hkdf_expand(word.bytes, 32, prk.bytes, info, 4);
    }
    if (err == CT_OK) {
        ct_base64url(out, word.bytes, 32);
    }
    ct_wipe(&shared, sizeof(shared));
    ct_wipe(&prk, sizeof(prk));
    ct_wipe(&word, sizeof(word));
    return err;
}

ct_err ct_pass_password_device(char *out, const struct ct_pass *pass,
                               const struct ct_secret32 *pass_secret, const uint8_t relay_key32[32])
{
    return password(out, pass, pass_secret, relay_key32, relay_key32);
}

ct_err ct_pass_password_relay(char *out, const struct ct_pass *pass,
                              const struct ct_x25519 *relay_key)
{
    return password(out, pass, &relay_key->secret, pass->key32, relay_key->public32);
}

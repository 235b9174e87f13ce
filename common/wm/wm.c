/* An account with the wallet manager: opened, used under the PSK that enrolment gave, closed. */
#include "wm/wm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"
#include "chain/bundle.h"
#include "chain/registry.h"
#include "wm/account.h"
#include "wm/problem.h"

enum {
    DEFAULT_TIMEOUT_MS = 10000,
    DEFAULT_REPEAT_MS = 15000
}; /* a WM that restarts is back by then */

void ct_wm_relay_identity(char out[23], const uint8_t pending_id32[32])
{
    char digits[17];
    ct_hex(digits, pending_id32, 8);
    (void)snprintf(out, 23, "relay:%s", digits);
}

ct_err ct_wm_open(struct ct_wm **out, const struct ct_wm_config *config, struct ct_why *why)
{
    if (config->purpose == CT_HS_CALL || config->key_count < 1 ||
        config->key_count > CT_WM_KEYS_MAX || config->wallet == NULL || config->key == NULL ||
        !ct_identity_valid(config->identity)) {
        return ct_why(why, CT_ERR_ARG,
                      "cannot open an account with the wallet manager: an identity has 1 to 63 "
                      "characters out of A-Z a-z 0-9 . _ : @ -");
    }
    if (config->bundle->wm_handshake_url[0] == '\0' || config->bundle->wm_tls_url[0] == '\0') {
        return ct_why(why, CT_ERR_CONFIG,
                      "the bundle names no wallet manager; get a bundle with \"wm\" in it from the "
                      "platform");
    }
    struct ct_wm *wm = calloc(1, sizeof(*wm));
    if (wm == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    wm->bundle = *config->bundle;
    memcpy(wm->keys, config->keys, config->key_count * sizeof(wm->keys[0]));
    wm->key_count = config->key_count;
    wm->purpose = config->purpose;
    memcpy(wm->identity, config->identity, strlen(config->identity) + 1);
    wm->wallet = config->wallet;
    wm->key = config->key;
    wm->memory = config->memory;
    wm->repeat_ms = config->repeat_ms != 0 ? config->repeat_ms : DEFAULT_REPEAT_MS;
    wm->timeout_ms = config->timeout_ms != 0 ? config->timeout_ms : DEFAULT_TIMEOUT_MS;
    *out = wm;
    return CT_OK;
}

void ct_wm_free(struct ct_wm *wm)
{
    if (wm != NULL) {
        ct_wm_link_free(wm->plain);
        ct_wm_forget_psk(wm);
        ct_wipe(wm, sizeof(*wm));
        free(wm);
    }
}

/* base + path, one slash between them. */
ct_err ct_wm_url(char out[CT_WM_URL_MAX], const char *base, const char *path, struct ct_why *why)
{
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/') {
        len--;
    }
    int n = snprintf(out, CT_WM_URL_MAX, "%.*s%s", (int)len, base, path);
    if (n < 0 || n >= CT_WM_URL_MAX) {
        return ct_why(why, CT_ERR_ARG, "the address %s%s is too long", base, path);
    }
    return CT_OK;
}

void ct_wm_forget_psk(struct ct_wm *wm)
{
    ct_wm_link_free(wm->secure);
    wm->secure = NULL;
    wm->secure_until_ms = 0;
}

static ct_err call_secure(struct ct_wm *wm, struct ct_wm_answer *out, bool *was_sent,
                          const struct ct_wm_question *question, struct ct_why *why)
{
    struct ct_wm_reply reply = {.status = 0};
    ct_err err = ct_wm_link_call(wm->secure, &reply, out->body, sizeof(out->body), question, why);
    out->status = reply.status;
    out->body_len = reply.len;
    *was_sent = *was_sent || reply.was_sent;
    return err;
}

ct_err ct_wm_converse(struct ct_wm *wm, struct ct_wm_answer *out, bool *was_sent,
                      const struct ct_wm_post *what, const char *method, struct ct_why *why)
{
    char url[CT_WM_URL_MAX];
    bool fresh = false;
    memset(out, 0, sizeof(*out));
    ct_err err = ct_wm_url(url, wm->bundle.wm_tls_url, what->path, why);
    if (err == CT_OK && (wm->secure == NULL || ct_mono_ms() >= wm->secure_until_ms)) {
        err = ct_wm_enrol(wm, why);
        fresh = true;
    }
    if (err != CT_OK) {
        return err;
    }
    const struct ct_wm_question question = {.method = method,
                                            .url = url,
                                            .body = what->body,
                                            .key = what->key,
                                            .timeout_ms = wm->timeout_ms};
    err = call_secure(wm, out, was_sent, &question, why);
    if (err == CT_ERR_AUTH && !fresh) { /* a WM that restarted has forgotten its PSKs */
        ct_wm_forget_psk(wm);
        err = ct_wm_enrol(wm, why);
        if (err == CT_OK) {
            err = call_secure(wm, out, was_sent, &question, why);
        }
    }
    if (err != CT_OK) {
        ct_wm_forget_psk(wm);
        return err;
    }
    if (out->status >= 200 && out->status <= 202) { /* docs/protocol.md 7 has no other good ones */
        return CT_OK;
    }
    return ct_wm_problem(out, "the wallet manager refused", why);
}

ct_err ct_wm_request(struct ct_wm *wm, struct ct_wm_answer *out, const char *method,
                     const char *path, const char *body, struct ct_why *why)
{
    char key[CT_WM_KEY_LEN + 1];
    bool was_sent = false;
    struct ct_wm_post what = {.path = path, .body = body, .key = key};
    if (strcmp(method, "POST") != 0) {
        what.key = NULL;
        return ct_wm_converse(wm, out, &was_sent, &what, method, why);
    }
    ct_err err = ct_wm_new_key(key, why);
    return err == CT_OK ? ct_wm_post(wm, out, &what, why) : err;
}

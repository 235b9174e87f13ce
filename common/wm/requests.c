/* The typed requests of the sponsored road: structs to JSON, and operations until they end. */
#include "wm/wm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"
#include "chain/json.h"
#include "chain/registry.h"
#include "kex/token.h"
#include "wm/account.h"
#include "wm/answers.h"

enum {
    BODY_MAX = CT_WM_BODY_MAX,
    POLL_FAST_MS = 100,
    POLL_SLOW_MS = 1000,
    POLL_FAST_FOR_MS = 5000
};
enum { RESTARTS_WITHIN_MS = 15000 }; /* the operation is stored: it outlives the server */

ct_err ct_wm_ask(struct ct_wm *wm, struct ct_json **document, const char *method, const char *path,
                 const char *body, struct ct_why *why)
{
    struct ct_wm_answer *answer = calloc(1, sizeof(*answer));
    if (answer == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    ct_err err = ct_wm_request(wm, answer, method, path, body, why);
    if (err == CT_OK && ct_json_parse(document, answer->body, answer->body_len) != CT_OK) {
        err = ct_wm_bad_answer(path, why);
    }
    ct_wipe(answer, sizeof(*answer));
    free(answer);
    return err;
}

ct_err ct_wm_check_token(const char *token, struct ct_why *why)
{
    struct ct_token parsed;
    if (token != NULL && ct_token_parse(&parsed, token, strlen(token)) != CT_OK) {
        return ct_why(why, CT_ERR_AUTH,
                      "this is not a token: it does not parse; copy it whole, from \"ctk1.\" on");
    }
    return CT_OK;
}

/* ---- passes ---- */

ct_err ct_wm_pass(struct ct_wm *wm, uint8_t out175[CT_PASS_LEN], uint64_t *expires_s,
                  const struct ct_wm_pass_request *request, struct ct_why *why)
{
    char key[CT_BASE64URL_LEN(32) + 1];
    char renews[33] = "";
    char body[BODY_MAX];
    struct ct_json *document = NULL;
    ct_err err = ct_wm_check_token(request->token, why);
    if (err != CT_OK) {
        return err;
    }
    ct_base64url(key, request->pass_key32, 32);
    if (request->renews16 != NULL) {
        ct_hex(renews, request->renews16, 16);
    }
    (void)snprintf(body, sizeof(body), "{\"pass_key\":\"%s\"%s%s%s%s%s%s}", key,
                   request->token != NULL ? ",\"token\":\"" : "",
                   request->token != NULL ? request->token : "", request->token != NULL ? "\"" : "",
                   renews[0] != '\0' ? ",\"renews\":\"" : "", renews,
                   renews[0] != '\0' ? "\"" : "");
    err = ct_wm_ask(wm, &document, "POST", "/v1/passes", body, why);
    ct_wipe(body, sizeof(body));
    if (err == CT_OK) {
        const struct ct_wm_pass_want want = {.deployment32 = wm->bundle.deployment32,
                                             .keys = wm->keys,
                                             .key_count = wm->key_count,
                                             .pass_key32 = request->pass_key32,
                                             .now_s = ct_wall_s()};
        err = ct_wm_read_pass(out175, expires_s, document, &want, why);
    }
    ct_json_free(document);
    return err;
}

ct_err ct_wm_exchange(struct ct_wm *wm, char *out, const char *factory, struct ct_why *why)
{
    char body[BODY_MAX];
    struct ct_json *document = NULL;
    struct ct_token token;
    if (ct_factory_parse(&token, factory, strlen(factory)) != CT_OK) {
        return ct_why(why, CT_ERR_AUTH,
                      "this is not a factory credential: it does not parse; copy it whole, from "
                      "\"ctf1.\" on");
    }
    (void)snprintf(body, sizeof(body), "{\"factory\":\"%s\"}", factory);
    ct_err err = ct_wm_ask(wm, &document, "POST", "/v1/tokens", body, why);
    ct_wipe(body, sizeof(body));
    if (err == CT_OK) {
        const char *text = ct_json_text(ct_json_get(document, "token"));
        if (text == NULL || ct_token_parse(&token, text, strlen(text)) != CT_OK ||
            !ct_token_allows(&token, wm->identity)) {
            err = ct_wm_bad_answer("/v1/tokens", why);
        } else {
            memcpy(out, text, strlen(text) + 1);
        }
    }
    ct_json_free(document);
    return err;
}

/* ---- operations ---- */

static const char *const STATE_TEXT[] = {[CT_WM_QUEUED] = "queued",
                                         [CT_WM_SENT] = "sent",
                                         [CT_WM_DONE] = "done",
                                         [CT_WM_FAILED] = "failed"};

const char *ct_wm_state_text(const struct ct_wm_operation *operation)
{
    return STATE_TEXT[operation->state];
}

ct_err ct_wm_post_operation(struct ct_wm *wm, struct ct_wm_operation *out, const char *path,
                            const char *body, const char *about, struct ct_why *why)
{
    struct ct_json *document = NULL;
    ct_err err = ct_wm_ask_long(wm, &document, path, body, about, why);
    if (err == CT_OK && ct_wm_read_accepted(out, document) != CT_OK) {
        err = ct_wm_bad_answer(path, why);
    }
    ct_json_free(document);
    return err;
}

ct_err ct_wm_register_device(struct ct_wm *wm, struct ct_wm_operation *out, const char *token,
                             const struct ct_registration *r, const uint8_t sig65[65],
                             struct ct_why *why)
{
    char key[67];
    char sig[133];
    char about[BODY_MAX];
    char body[BODY_MAX];
    ct_err err = ct_wm_check_token(token, why);
    if (err != CT_OK) {
        return err;
    }
    ct_hex0x(key, r->key32, 32);
    ct_hex0x(sig, sig65, 65);
    int m = snprintf(about, sizeof(about),
                     "{%s%s%s\"registration\":{\"identity\":\"%s\",\"key\":\"%s\",\"relay\":%u,"
                     "\"port\":%u,\"backup_relay\":%u,\"backup_port\":%u,\"expiry_day\":%u,"
                     "\"sequence\":%u,",
                     token != NULL ? "\"token\":\"" : "", token != NULL ? token : "",
                     token != NULL ? "\"," : "", wm->identity, key, (unsigned)r->relay,
                     (unsigned)r->port, (unsigned)r->backup_relay, (unsigned)r->backup_port,
                     (unsigned)r->expiry_day, (unsigned)r->sequence);
    int n = snprintf(body, sizeof(body), "%s\"deadline\":%" PRIu64 "},\"signature\":\"%s\"}", about,
                     r->deadline_s, sig);
    err = m < 0 || n < 0 || m >= (int)sizeof(about) || n >= (int)sizeof(body)
              ? ct_why(why, CT_ERR_ARG, "the registration does not fit a request")
              : ct_wm_post_operation(wm, out, "/v1/devices", body, about, why);
    ct_wipe(about, sizeof(about));
    ct_wipe(body, sizeof(body));
    return err;
}

ct_err ct_wm_register_relay(struct ct_wm *wm, struct ct_wm_operation *out,
                            const uint8_t pending_id32[32], const uint8_t owner20[20],
                            const uint8_t salt32[32], struct ct_why *why)
{
    char pending[67];
    char owner[43];
    char salt[67];
    char body[BODY_MAX];
    ct_hex0x(pending, pending_id32, 32);
    ct_hex0x(owner, owner20, 20);
    ct_hex0x(salt, salt32, 32);
    (void)snprintf(body, sizeof(body), "{\"pending_id\":\"%s\",\"owner\":\"%s\",\"salt\":\"%s\"}",
                   pending, owner, salt);
    return ct_wm_post_operation(wm, out, "/v1/relays", body, body, why);
}

ct_err ct_wm_operation_get(struct ct_wm *wm, struct ct_wm_operation *out, const char *id,
                           struct ct_why *why)
{
    char path[128];
    struct ct_json *document = NULL;
    if (!ct_wm_id_valid(id)) {
        return ct_why(why, CT_ERR_ARG, "this is not the id of an operation");
    }
    (void)snprintf(path, sizeof(path), "/v1/operations/%s", id);
    ct_err err = ct_wm_ask(wm, &document, "GET", path, NULL, why);
    if (err == CT_OK && ct_wm_read_operation(out, document, id) != CT_OK) {
        err = ct_wm_bad_answer(path, why);
    }
    ct_json_free(document);
    return err;
}

ct_err ct_wm_operation_wait(struct ct_wm *wm, struct ct_wm_operation *out, const char *id,
                            uint32_t timeout_ms, struct ct_why *why)
{
    const uint64_t began_ms = ct_mono_ms();
    uint64_t heard_ms = began_ms;
    char wanted[sizeof(out->id)]; /* id may be out->id itself */
    (void)snprintf(wanted, sizeof(wanted), "%s", id != NULL ? id : "");
    for (;;) {
        ct_err err = ct_wm_operation_get(wm, out, wanted, why);
        const bool is_away = err == CT_ERR_IO || err == CT_ERR_TIMEOUT;
        if (err == CT_ERR_NOT_FOUND) {
            ct_wm_settled(wm); /* the answer that named it is of another store */
        }
        if (err != CT_OK && (!is_away || ct_mono_ms() - heard_ms >= RESTARTS_WITHIN_MS)) {
            return err;
        }
        heard_ms = is_away ? heard_ms : ct_mono_ms();
        if (err == CT_OK && (out->state == CT_WM_DONE || out->state == CT_WM_FAILED)) {
            ct_wm_settled(wm);
        }
        if (err == CT_OK && out->state == CT_WM_DONE) {
            return CT_OK;
        }
        if (err == CT_OK && out->state == CT_WM_FAILED) {
            return ct_why(why, CT_ERR_REFUSED, "the wallet manager could not do it: %s",
                          out->reason[0] != '\0' ? out->reason : "no reason given; see its log");
        }
        const uint64_t took_ms = ct_mono_ms() - began_ms;
        if (took_ms >= timeout_ms && is_away) {
            return err;
        }
        if (took_ms >= timeout_ms) {
            return ct_why(why, CT_ERR_TIMEOUT,
                          "the wallet manager has not finished operation %s after %u s (it is %s); "
                          "ask again later",
                          wanted, (unsigned)(timeout_ms / 1000u), STATE_TEXT[out->state]);
        }
        const uint64_t step_ms = took_ms < POLL_FAST_FOR_MS ? POLL_FAST_MS : POLL_SLOW_MS;
        ct_wm_pause(step_ms < timeout_ms - took_ms ? step_ms : timeout_ms - took_ms);
    }
}

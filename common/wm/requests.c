/* The typed requests: structs to JSON, answers to structs, every field of an answer checked. */
#include "wm/wm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"
#include "chain/json.h"
#include "chain/registry.h"
#include "kex/token.h"
#include "wm/account.h"

enum { BODY_MAX = 2048, POLL_FAST_MS = 100, POLL_SLOW_MS = 1000, POLL_FAST_FOR_MS = 5000 };
enum { RESTARTS_WITHIN_MS = 15000 }; /* the operation is stored: it outlives the server */

static ct_err bad_answer(const char *path, struct ct_why *why)
{
    return ct_why(why, CT_ERR_FORMAT,
                  "the wallet manager's answer to %s cannot be read; use versions of the same "
                  "release on both sides",
                  path);
}

/* Posts and parses; free *document. The answer's text is wiped: a pass is nobody else's business.
 */
static ct_err ask(struct ct_wm *wm, struct ct_json **document, const char *method, const char *path,
                  const char *body, struct ct_why *why)
{
    struct ct_wm_answer *answer = calloc(1, sizeof(*answer));
    if (answer == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    ct_err err = ct_wm_request(wm, answer, method, path, body, why);
    if (err == CT_OK && ct_json_parse(document, answer->body, answer->body_len) != CT_OK) {
        err = bad_answer(path, why);
    }
    ct_wipe(answer, sizeof(*answer));
    free(answer);
    return err;
}

/* A token is put into JSON only once it is known to be one. NULL is fine: none. */
static ct_err check_token(const char *token, struct ct_why *why)
{
    struct ct_token parsed;
    if (token != NULL && ct_token_parse(&parsed, token, strlen(token)) != CT_OK) {
        return ct_why(why, CT_ERR_AUTH,
                      "this is not a token: it does not parse; copy it whole, from \"ctk1.\" on");
    }
    return CT_OK;
}

/* ---- passes ---- */

static ct_err read_pass(const struct ct_wm *wm, uint8_t out175[CT_PASS_LEN], uint64_t *expires_s,
                        const struct ct_json *document, const struct ct_wm_pass_request *request,
                        struct ct_why *why)
{
    uint8_t bytes[CT_PASS_LEN];
    struct ct_pass pass;
    int64_t expires = 0;
    const char *text = ct_json_text(ct_json_get(document, "pass"));
    if (text == NULL || ct_pass_from_username(bytes, text, strlen(text)) != CT_OK ||
        ct_pass_parse(&pass, bytes, sizeof(bytes)) != CT_OK ||
        ct_json_int(&expires, ct_json_get(document, "expires_at")) != CT_OK || expires < 0 ||
        (uint64_t)expires != pass.expiry_s) {
        return bad_answer("/v1/passes", why);
    }
    if (memcmp(pass.key32, request->pass_key32, 32) != 0) {
        return ct_why(why, CT_ERR_AUTH,
                      "the wallet manager gave a pass for another key than the one asked for; ask "
                      "again, and check the bundle if it stays so");
    }
    ct_err err = ct_pass_verify(&pass, bytes, sizeof(bytes), wm->bundle.deployment32, wm->keys,
                                wm->key_count, ct_wall_s(), why);
    if (err != CT_OK) {
        ct_why_prefix(why, "the wallet manager gave a pass that no relay will take");
        return err;
    }
    memcpy(out175, bytes, sizeof(bytes));
    *expires_s = pass.expiry_s;
    return CT_OK;
}

ct_err ct_wm_pass(struct ct_wm *wm, uint8_t out175[CT_PASS_LEN], uint64_t *expires_s,
                  const struct ct_wm_pass_request *request, struct ct_why *why)
{
    char key[CT_BASE64URL_LEN(32) + 1];
    char renews[33] = "";
    char body[BODY_MAX];
    struct ct_json *document = NULL;
    ct_err err = check_token(request->token, why);
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
    err = ask(wm, &document, "POST", "/v1/passes", body, why);
    ct_wipe(body, sizeof(body));
    if (err == CT_OK) {
        err = read_pass(wm, out175, expires_s, document, request, why);
    }
    ct_json_free(document);
    return err;
}

/* ---- operations ---- */

static const char *const STATE_TEXT[] = {[CT_WM_QUEUED] = "queued",
                                         [CT_WM_SENT] = "sent",
                                         [CT_WM_DONE] = "done",
                                         [CT_WM_FAILED] = "failed"};

/* An id goes into a path: only what cannot mean anything there. */
static bool id_valid(const char *id)
{
    static const char ALLOWED[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    const size_t len = id != NULL ? strlen(id) : 0;
    return len > 0 && len < sizeof(((struct ct_wm_operation *)0)->id) && strspn(id, ALLOWED) == len;
}

static ct_err new_operation(struct ct_wm_operation *out, const struct ct_json *document,
                            const char *path, struct ct_why *why)
{
    const char *id = ct_json_text(ct_json_get(document, "operation"));
    if (!id_valid(id)) {
        return bad_answer(path, why);
    }
    memset(out, 0, sizeof(*out));
    memcpy(out->id, id, strlen(id) + 1);
    out->state = CT_WM_QUEUED;
    return CT_OK;
}

static ct_err post_operation(struct ct_wm *wm, struct ct_wm_operation *out, const char *path,
                             const char *body, struct ct_why *why)
{
    struct ct_json *document = NULL;
    ct_err err = ask(wm, &document, "POST", path, body, why);
    if (err == CT_OK) {
        err = new_operation(out, document, path, why);
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
    char body[BODY_MAX];
    ct_err err = check_token(token, why);
    if (err != CT_OK) {
        return err;
    }
    ct_hex0x(key, r->key32, 32);
    ct_hex0x(sig, sig65, 65);
    int n = snprintf(body, sizeof(body),
                     "{%s%s%s\"registration\":{\"identity\":\"%s\",\"key\":\"%s\",\"relay\":%u,"
                     "\"port\":%u,\"backup_relay\":%u,\"backup_port\":%u,\"expiry_day\":%u,"
                     "\"sequence\":%u,\"deadline\":%" PRIu64 "},\"signature\":\"%s\"}",
                     token != NULL ? "\"token\":\"" : "", token != NULL ? token : "",
                     token != NULL ? "\"," : "", wm->identity, key, (unsigned)r->relay,
                     (unsigned)r->port, (unsigned)r->backup_relay, (unsigned)r->backup_port,
                     (unsigned)r->expiry_day, (unsigned)r->sequence, r->deadline_s, sig);
    err = n < 0 || n >= (int)sizeof(body)
              ? ct_why(why, CT_ERR_ARG, "the registration does not fit a request")
              : post_operation(wm, out, "/v1/devices", body, why);
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
    return post_operation(wm, out, "/v1/relays", body, why);
}

static ct_err read_state(struct ct_wm_operation *out, const struct ct_json *document)
{
    const char *state = ct_json_text(ct_json_get(document, "state"));
    for (unsigned i = 0; state != NULL && i < sizeof(STATE_TEXT) / sizeof(STATE_TEXT[0]); i++) {
        if (strcmp(STATE_TEXT[i], state) == 0) {
            out->state = i;
            return CT_OK;
        }
    }
    return CT_ERR_FORMAT;
}

/* transaction, block and reason may be missing or null until there is one. */
static ct_err read_operation(struct ct_wm_operation *out, const struct ct_json *document)
{
    const struct ct_json *transaction = ct_json_get(document, "transaction");
    const struct ct_json *block = ct_json_get(document, "block");
    const char *reason = ct_json_text(ct_json_get(document, "reason"));
    int64_t number = 0;
    if (read_state(out, document) != CT_OK ||
        (!ct_json_is_null(transaction) &&
         ct_json_fixed(out->transaction32, 32, transaction) != CT_OK) ||
        (!ct_json_is_null(block) && ct_json_int(&number, block) != CT_OK) || number < 0) {
        return CT_ERR_FORMAT;
    }
    out->block = (uint64_t)number;
    if (reason != NULL) {
        (void)snprintf(out->reason, sizeof(out->reason), "%s", reason);
    }
    return CT_OK;
}

ct_err ct_wm_operation_get(struct ct_wm *wm, struct ct_wm_operation *out, const char *id,
                           struct ct_why *why)
{
    char path[128];
    struct ct_json *document = NULL;
    struct ct_wm_operation operation;
    if (!id_valid(id)) {
        return ct_why(why, CT_ERR_ARG, "this is not the id of an operation");
    }
    (void)snprintf(path, sizeof(path), "/v1/operations/%s", id);
    ct_err err = ask(wm, &document, "GET", path, NULL, why);
    if (err == CT_OK) {
        err = new_operation(&operation, document, path, why);
    }
    if (err == CT_OK &&
        (strcmp(operation.id, id) != 0 || read_operation(&operation, document) != CT_OK)) {
        err = bad_answer(path, why);
    }
    if (err == CT_OK) {
        *out = operation;
    }
    ct_json_free(document);
    return err;
}

static void pause_ms(uint64_t ms)
{
    const struct timespec t = {(time_t)(ms / 1000u), (long)(ms % 1000u) * 1000000L};
    (void)nanosleep(&t, NULL);
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
        if (err != CT_OK && (!is_away || ct_mono_ms() - heard_ms >= RESTARTS_WITHIN_MS)) {
            return err;
        }
        heard_ms = is_away ? heard_ms : ct_mono_ms();
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
        pause_ms(step_ms < timeout_ms - took_ms ? step_ms : timeout_ms - took_ms);
    }
}

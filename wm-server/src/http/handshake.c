/* Enrolment over HTTP: TCP has proved the source, so no cookie is asked for. */
#include "http/handshake.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "api/fields.h"
#include "chain/registry.h"
#include "operator/metrics.h"

#define HANDSHAKES_AT_ONCE 1024u

/* One for each key: an m1 is sealed to one of them. */
struct opener {
    const struct ct_x25519 *key; /* NULL: none */
    struct ct_hs_responder *responder;
};

struct ct_enrolment {
    struct ct_enrolment_config config;
    pthread_mutex_t lock; /* around the openers */
    struct opener openers[2];
};

static ct_err make_opener(struct opener *out, const struct ct_enrolment_config *config,
                          const struct ct_x25519 *key)
{
    struct ct_hs_responder_config rc = {
        .net = config->net,
        .purposes = 1u << CT_HS_ENROL_DEVICE | 1u << CT_HS_ENROL_RELAY,
        .identity = CT_HS_WM_IDENTITY,
        .key = key,
        .capacity = HANDSHAKES_AT_ONCE,
        .half_open_max = SIZE_MAX,
        .per_source = SIZE_MAX, /* a whole site may be behind one address: a quarter of the table */
    };
    ct_err err = ct_random(&rc.cookie_seed, sizeof rc.cookie_seed);
    if (err == CT_OK) {
        err = ct_hs_responder_new(&out->responder, &rc);
    }
    ct_wipe(&rc, sizeof rc);
    out->key = err == CT_OK ? key : NULL;
    return err;
}

static bool is_among(const struct ct_x25519 *key, const struct ct_x25519 *const *keys, size_t count)
{
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        found = found || key == keys[i];
    }
    return found;
}

static void drop_opener(struct opener *o)
{
    ct_hs_responder_free(o->responder);
    *o = (struct opener){.key = NULL};
}

ct_err ct_enrolment_keys(struct ct_enrolment *e, const struct ct_x25519 *const *keys, size_t count)
{
    ct_err err = CT_OK;
    (void)pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < 2; i++) {
        if (e->openers[i].key != NULL && !is_among(e->openers[i].key, keys, count)) {
            drop_opener(&e->openers[i]);
        }
    }
    for (size_t k = 0; k < count && err == CT_OK; k++) {
        const struct ct_x25519 *const has[2] = {e->openers[0].key, e->openers[1].key};
        if (!is_among(keys[k], has, 2)) {
            err = make_opener(&e->openers[has[0] == NULL ? 0 : 1], &e->config, keys[k]);
        }
    }
    (void)pthread_mutex_unlock(&e->lock);
    return err;
}

ct_err ct_enrolment_new(struct ct_enrolment **out, const struct ct_enrolment_config *config)
{
    struct ct_enrolment *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return CT_ERR_NOMEM;
    }
    e->config = *config;
    (void)pthread_mutex_init(&e->lock, NULL);
    ct_err err = ct_enrolment_keys(e, config->keys, config->key_count);
    if (err != CT_OK) {
        ct_enrolment_free(e);
        return err;
    }
    *out = e;
    return CT_OK;
}

void ct_enrolment_free(struct ct_enrolment *e)
{
    if (e != NULL) {
        drop_opener(&e->openers[0]);
        drop_opener(&e->openers[1]);
        (void)pthread_mutex_destroy(&e->lock);
        free(e);
    }
}

/* A device may not take the WM's name or one of the relays' kind; a relay has one of just that
 * kind. */
static bool name_fits(const struct ct_hs_claim *claim)
{
    const char *id = claim->party.identity;
    size_t prefix = strlen(CT_ENROLMENT_RELAY_PREFIX);
    bool relay_name = strncmp(id, CT_ENROLMENT_RELAY_PREFIX, prefix) == 0;
    if (claim->purpose == CT_HS_ENROL_RELAY) {
        return relay_name && strlen(id) == prefix + 16 &&
               strspn(id + prefix, "0123456789abcdef") == 16;
    }
    return !relay_name && strcmp(id, CT_HS_WM_IDENTITY) != 0 && ct_identity_valid(id);
}

static void answer_m2(struct ct_answer *answer, const uint8_t *m2, size_t len)
{
    char text[CT_BASE64URL_LEN(CT_HS_MAX_LEN) + 1];
    ct_base64url(text, m2, len);
    ct_answer_json(answer, 200, "{\"m2\":\"%s\"}", text);
}

static void answer_error(struct ct_answer *answer, ct_err err)
{
    switch (err) {
    case CT_ERR_FORMAT:
    case CT_ERR_ARG:
        ct_answer_problem(answer, 400, "format", "that is no handshake message of this protocol");
        return;
    case CT_ERR_REFUSED:
        ct_answer_problem(answer, 400, "format",
                          "only enrolments, and only suite 1 of them, are served here");
        return;
    case CT_ERR_AUTH:
        ct_answer_problem(answer, 403, "signature",
                          "the message is not sealed for this wallet manager's key, or its "
                          "signature does not hold; is the bundle of this deployment?");
        return;
    case CT_ERR_REPLAY:
        ct_answer_problem(answer, 409, "format",
                          "this sid is taken; begin a new handshake with a fresh one");
        return;
    case CT_ERR_NOT_FOUND:
    case CT_ERR_STATE:
    case CT_ERR_EXPIRED:
        ct_answer_problem(answer, 404, "not-found",
                          "no such handshake is under way (one lasts 10 s); begin a new one");
        return;
    case CT_ERR_AGAIN:
        ct_answer_problem(answer, 503, "too-many",
                          "too many enrolments are under way; try again in 10 s");
        return;
    default:
        ct_answer_problem(answer, 500, "internal", "%s", ct_err_text(err));
        return;
    }
}

/* Under the lock: an opened m1, its claim checked as far as no chain is needed. */
static ct_err answer_claim(struct ct_enrolment *e, struct ct_hs_responder *responder,
                           const struct ct_hs_result *opened, struct ct_answer *answer,
                           uint64_t now_ms)
{
    const struct ct_hs_claim *claim = &opened->claim;
    if (!name_fits(claim)) {
        ct_hs_responder_refuse(responder, claim->sid16);
        ct_answer_problem(answer, 403, "identity",
                          "an identity of this form cannot enrol for this purpose");
        return CT_OK;
    }
    if (ct_sessions_has(e->config.sessions, claim->sid16, now_ms)) {
        ct_hs_responder_refuse(responder, claim->sid16);
        return CT_ERR_REPLAY;
    }
    struct ct_hs_result result;
    struct ct_hs_responder_draw draw;
    ct_err err = ct_random(&draw, sizeof draw);
    if (err == CT_OK) {
        err =
            ct_hs_responder_answer(responder, &result, claim->sid16, &claim->party, &draw, now_ms);
    }
    ct_wipe(&draw, sizeof draw);
    if (err == CT_OK) {
        answer_m2(answer, result.bytes, result.len);
    }
    return err;
}

static ct_err take_m1(struct ct_enrolment *e, struct ct_hs_responder *responder,
                      struct ct_answer *answer, const struct ct_hs_source *from, const uint8_t *m1,
                      size_t len)
{
    struct ct_hs_result result;
    uint64_t now_ms = e->config.mono_ms();
    ct_err err = ct_hs_responder_input(responder, &result, from, m1, len, now_ms);
    if (err != CT_OK) {
        return err;
    }
    if (result.event == CT_HS_SEND && result.len == CT_HS_M2_LEN) {
        answer_m2(answer, result.bytes, result.len); /* m1 once more */
        return CT_OK;
    }
    return result.event == CT_HS_LOOKUP ? answer_claim(e, responder, &result, answer, now_ms)
                                        : CT_ERR_REPLAY;
}

static ct_err take_flight(struct ct_enrolment *e, struct ct_hs_responder *responder,
                          struct ct_answer *answer, const struct ct_hs_source *from,
                          const uint8_t *flight)
{
    struct ct_hs_result result;
    uint64_t now_ms = e->config.mono_ms();
    ct_err err = ct_hs_responder_input(responder, &result, from, flight, CT_HS_FLIGHT_LEN, now_ms);
    if (err == CT_OK && result.event == CT_HS_SESSION) {
        err = ct_sessions_add(e->config.sessions, &result.session, now_ms);
        if (err == CT_OK) {
            ct_metrics_count(CT_METRIC_ENROLLED);
            ct_log(&e->config.log, CT_LOG_INFO, "enrolled id=%s purpose=%s sid=%s",
                   result.session.peer.identity,
                   result.session.purpose == CT_HS_ENROL_RELAY ? "relay" : "device",
                   result.session.psk_identity);
        }
    } else if (err == CT_OK && result.event != CT_HS_REPEAT) {
        err = CT_ERR_NOT_FOUND;
    }
    ct_wipe(&result, sizeof result);
    if (err == CT_OK) {
        ct_answer_json(answer, 200, "{\"done\":true,\"expires_in_s\":%d}", (int)CT_SESSION_LIFE_S);
    }
    return err;
}

/* Under the lock: each key is tried, and the first one's word counts unless the other can open it.
 */
static ct_err take(struct ct_enrolment *e, struct ct_answer *answer,
                   const struct ct_hs_source *from, const uint8_t *message, size_t m1_len)
{
    ct_err first = CT_ERR_AUTH;
    bool tried = false;
    for (size_t i = 0; i < 2; i++) {
        struct ct_hs_responder *r = e->openers[i].responder;
        if (r == NULL) {
            continue;
        }
        ct_err err = m1_len > 0 ? take_m1(e, r, answer, from, message, m1_len)
                                : take_flight(e, r, answer, from, message);
        if (err == CT_OK) {
            return CT_OK;
        }
        first = tried && (err == CT_ERR_AUTH || err == CT_ERR_NOT_FOUND) ? first : err;
        tried = true;
    }
    return first;
}

static ct_err read_flight(uint8_t out[CT_HS_FLIGHT_LEN], const struct ct_json *body,
                          struct ct_why *why)
{
    static const char *const names[] = {"m3", "m4"};
    ct_err err = ct_fields_only(body, names, 2, why);
    if (err == CT_OK) {
        err = ct_field_bytes(out, CT_HS_M3_LEN, CT_HS_M3_LEN, NULL, body, "m3", why);
    }
    return err != CT_OK ? err
                        : ct_field_bytes(out + CT_HS_M3_LEN, CT_HS_M4_LEN, CT_HS_M4_LEN, NULL, body,
                                         "m4", why);
}

static ct_err read_m1(uint8_t out[CT_HS_M1_COOKIE_LEN], size_t *len, const struct ct_json *body,
                      struct ct_why *why)
{
    static const char *const names[] = {"m1"};
    ct_err err = ct_fields_only(body, names, 1, why);
    return err != CT_OK
               ? err
               : ct_field_bytes(out, CT_HS_M1_LEN, CT_HS_M1_COOKIE_LEN, len, body, "m1", why);
}

void ct_enrolment_post(struct ct_enrolment *e, const struct ct_request *request,
                       struct ct_answer *answer)
{
    struct ct_why why = {{0}};
    struct ct_json *body = NULL;
    struct ct_hs_source from = {{0}};
    uint8_t message[CT_HS_MAX_LEN];
    size_t len = 0;
    ct_err err = ct_fields_parse(&body, request->body, request->body_len, &why);
    bool is_m1 = err == CT_OK && ct_json_get(body, "m1") != NULL;
    if (err == CT_OK) {
        err = is_m1 ? read_m1(message, &len, body, &why) : read_flight(message, body, &why);
    }
    ct_json_free(body);
    if (err != CT_OK) {
        ct_answer_problem(answer, 400, "format", "%s", why.text);
        return;
    }
    memcpy(from.bytes, request->from16, sizeof request->from16); /* ports change with connections */
    (void)pthread_mutex_lock(&e->lock);
    err = take(e, answer, &from, message, is_m1 ? len : 0);
    (void)pthread_mutex_unlock(&e->lock);
    if (err != CT_OK) {
        ct_metrics_count(CT_METRIC_ENROL_REFUSED);
        answer_error(answer, err);
    }
}

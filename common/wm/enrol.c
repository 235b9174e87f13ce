/* Enrolment: the handshake's four messages in two POSTs, and the PSK that comes of it. */
#include "wm/wm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"
#include "chain/json.h"
#include "wm/account.h"
#include "wm/problem.h"

/* A PSK is not used in the last seconds of its life, so that a request does not meet its end. */
enum { PSK_MARGIN_S = 30, PSK_LIFE_MAX_S = 3600 };

static ct_err post_plain(struct ct_wm *wm, struct ct_wm_answer *answer, const char *body,
                         struct ct_why *why)
{
    char url[CT_WM_URL_MAX];
    struct ct_wm_reply reply = {.status = 0};
    memset(answer, 0, sizeof(*answer));
    ct_err err = ct_wm_url(url, wm->bundle.wm_handshake_url, "/v1/handshake", why);
    if (err == CT_OK && wm->plain == NULL) {
        err = ct_wm_link_new(&wm->plain, "", NULL, why);
    }
    if (err == CT_OK) {
        const struct ct_wm_question question = {
            .method = "POST", .url = url, .body = body, .timeout_ms = wm->timeout_ms};
        err =
            ct_wm_link_call(wm->plain, &reply, answer->body, sizeof(answer->body), &question, why);
    }
    if (err != CT_OK) {
        return err;
    }
    answer->status = reply.status;
    answer->body_len = reply.len;
    if (reply.status == 200) {
        return CT_OK;
    }
    return ct_wm_problem(answer, "the enrolment handshake with the wallet manager failed", why);
}

static ct_err not_the_wm(const struct ct_wm *wm, struct ct_why *why)
{
    return ct_why(why, CT_ERR_AUTH,
                  "what answers at %s does not hold the wallet manager's key that the contract "
                  "lists; check the bundle's address and contract",
                  wm->bundle.wm_handshake_url);
}

static ct_err send_m1(struct ct_wm *wm, struct ct_wm_answer *answer, struct ct_hs_initiator *hs,
                      struct ct_why *why)
{
    char body[CT_BASE64URL_LEN(CT_HS_MAX_LEN) + 16];
    char text[CT_BASE64URL_LEN(CT_HS_MAX_LEN) + 1];
    const uint8_t *bytes = NULL;
    size_t len = 0;
    ct_err err = ct_hs_initiator_poll(hs, &bytes, &len, ct_mono_ms());
    if (err != CT_OK) {
        return ct_why(why, err, "the enrolment handshake took longer than 10 s; try again");
    }
    ct_base64url(text, bytes, len);
    (void)snprintf(body, sizeof(body), "{\"m1\":\"%s\"}", text);
    return post_plain(wm, answer, body, why);
}

static ct_err take_m2(const struct ct_wm *wm, const struct ct_wm_answer *answer,
                      struct ct_hs_initiator *hs, struct ct_why *why)
{
    struct ct_json *document = NULL;
    uint8_t m2[CT_HS_M2_LEN] = {0};
    size_t len = 0;
    ct_err err = ct_json_parse(&document, answer->body, answer->body_len);
    const char *text = err == CT_OK ? ct_json_text(ct_json_get(document, "m2")) : NULL;
    if (text == NULL || ct_unbase64url(m2, sizeof(m2), &len, text, strlen(text)) != CT_OK ||
        ct_hs_initiator_input(hs, m2, len, ct_mono_ms()) != CT_OK) {
        err = not_the_wm(wm, why);
    }
    ct_json_free(document);
    return err;
}

static ct_err send_flight(struct ct_wm *wm, struct ct_wm_answer *answer, struct ct_hs_initiator *hs,
                          struct ct_why *why)
{
    char m3[CT_BASE64URL_LEN(CT_HS_M3_LEN) + 1];
    char m4[CT_BASE64URL_LEN(CT_HS_M4_LEN) + 1];
    char body[sizeof(m3) + sizeof(m4) + 32];
    const uint8_t *bytes = NULL;
    size_t len = 0;
    ct_err err = ct_hs_initiator_poll(hs, &bytes, &len, ct_mono_ms());
    if (err != CT_OK || len != CT_HS_FLIGHT_LEN) {
        return ct_why(why, CT_ERR_TIMEOUT,
                      "the enrolment handshake took longer than 10 s; try again");
    }
    ct_base64url(m3, bytes, CT_HS_M3_LEN);
    ct_base64url(m4, bytes + CT_HS_M3_LEN, CT_HS_M4_LEN);
    (void)snprintf(body, sizeof(body), "{\"m3\":\"%s\",\"m4\":\"%s\"}", m3, m4);
    return post_plain(wm, answer, body, why);
}

static ct_err take_done(struct ct_wm *wm, const struct ct_wm_answer *answer,
                        struct ct_hs_initiator *hs, struct ct_why *why)
{
    struct ct_json *document = NULL;
    struct ct_hs_session session;
    bool done = false;
    int64_t life_s = 0;
    ct_err err = ct_json_parse(&document, answer->body, answer->body_len);
    if (err != CT_OK || ct_json_bool(&done, ct_json_get(document, "done")) != CT_OK || !done ||
        ct_json_int(&life_s, ct_json_get(document, "expires_in_s")) != CT_OK || life_s < 1) {
        ct_json_free(document);
        return not_the_wm(wm, why);
    }
    ct_json_free(document);
    err = ct_hs_initiator_session(hs, &session);
    if (err != CT_OK) {
        return ct_why(why, err, "the enrolment handshake is not complete");
    }
    ct_hs_initiator_confirm(hs);
    ct_wm_forget_psk(wm);
    err = ct_wm_link_new(&wm->secure, session.psk_identity, session.psk32, why);
    ct_wipe(&session, sizeof(session));
    if (err == CT_OK) {
        const int64_t used_s = life_s > PSK_LIFE_MAX_S ? PSK_LIFE_MAX_S : life_s;
        const int64_t safe_s =
            used_s > (int64_t)2 * PSK_MARGIN_S ? used_s - PSK_MARGIN_S : used_s / 2;
        wm->secure_until_ms = ct_mono_ms() + (uint64_t)safe_s * 1000u;
    }
    return err;
}

static ct_err enrol_with_key(struct ct_wm *wm, const struct ct_wm_key *key, struct ct_why *why)
{
    struct ct_hs_initiator_config config = {
        .net = {.chain_id = wm->bundle.chain_id},
        .purpose = wm->purpose,
        .identity = wm->identity,
        .wallet = wm->wallet,
        .key = wm->key,
        .peer = {.identity = CT_HS_WM_IDENTITY},
    };
    struct ct_hs_initiator_draw draw;
    struct ct_hs_initiator *hs = NULL;
    memcpy(config.net.contract20, wm->bundle.contract20, 20);
    memcpy(config.peer.key32, key->x25519, 32);
    struct ct_wm_answer *answer = calloc(1, sizeof(*answer));
    if (answer == NULL || ct_random(&draw, sizeof(draw)) != CT_OK ||
        ct_hs_initiator_new(&hs, &config, &draw, ct_mono_ms()) != CT_OK) {
        free(answer);
        ct_wipe(&draw, sizeof(draw));
        return ct_why(why, CT_ERR_SYSTEM, "cannot start the enrolment handshake on this host");
    }
    ct_wipe(&draw, sizeof(draw));
    ct_err err = send_m1(wm, answer, hs, why);
    if (err == CT_OK) {
        err = take_m2(wm, answer, hs, why);
    }
    if (err == CT_OK) {
        err = send_flight(wm, answer, hs, why);
    }
    if (err == CT_OK) {
        err = take_done(wm, answer, hs, why);
    }
    ct_hs_initiator_free(hs);
    free(answer);
    return err;
}

/* Only these say "perhaps the other key"; an unreachable WM is not asked twice. */
static bool other_key_may_help(ct_err err)
{
    return CT_ERR_CLASS(err) == CT_ERR_CLASS_PEER;
}

ct_err ct_wm_enrol(struct ct_wm *wm, struct ct_why *why)
{
    const uint64_t now_s = ct_wall_s();
    ct_err err = CT_ERR_EXPIRED;
    bool tried = false;
    for (size_t i = 0; i < wm->key_count; i++) {
        const struct ct_wm_key *key = &wm->keys[i];
        struct ct_why other;
        if (key->id == 0 || now_s > key->not_after_s) {
            continue;
        }
        /* the sentence of the current key is kept: it is the one that should have worked */
        const ct_err now_err = enrol_with_key(wm, key, tried ? &other : why);
        if (now_err == CT_OK || !tried) {
            err = now_err;
        }
        tried = true;
        if (!other_key_may_help(now_err)) {
            break;
        }
    }
    if (!tried) {
        return ct_why(why, CT_ERR_EXPIRED,
                      "the contract lists no key of the wallet manager that still holds; the "
                      "platform must set one (setWMKey), or this host's clock is wrong");
    }
    return err;
}

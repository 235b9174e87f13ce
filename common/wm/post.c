/* POSTs are done once: each has a key, and while nobody knows its outcome it is sent again with it.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"
#include "chain/json.h"
#include "chain/keccak.h"
#include "wm/account.h"
#include "wm/answers.h"

enum {
    UNDER_WAY_MS = 50000, /* and that: until a killed WM's claim lapses, protocol.md 7 */
    PAUSE_FIRST_MS = 100,
    PAUSE_LAST_MS = 1000,
};

ct_err ct_wm_new_key(char out[CT_WM_KEY_LEN + 1], struct ct_why *why)
{
    uint8_t bytes[CT_WM_KEY_LEN / 2];
    ct_err err = ct_random(bytes, sizeof(bytes));
    if (err != CT_OK) {
        return ct_why(why, err, "this host gives no randomness");
    }
    ct_hex(out, bytes, sizeof(bytes));
    return CT_OK;
}

/* For how long it is worth repeating; 0: the outcome is known, or it was never sent. */
static uint64_t uncertain_ms(const struct ct_wm *wm, ct_err err, const struct ct_wm_answer *answer,
                             bool was_sent)
{
    if (err == CT_OK || !was_sent) {
        return 0;
    }
    if (answer->status != 0) {
        return strcmp(answer->problem, "under-way") == 0  ? wm->repeat_ms + UNDER_WAY_MS
               : strcmp(answer->problem, "stopping") == 0 ? wm->repeat_ms
                                                          : 0;
    }
    /* CT_ERR_AUTH: the connection was cut within the TLS handshake of a repetition */
    return err == CT_ERR_IO || err == CT_ERR_TIMEOUT || err == CT_ERR_AUTH ? wm->repeat_ms : 0;
}

void ct_wm_pause(uint64_t ms)
{
    const struct timespec t = {(time_t)(ms / 1000u), (long)(ms % 1000u) * 1000000L};
    (void)nanosleep(&t, NULL);
}

ct_err ct_wm_post(struct ct_wm *wm, struct ct_wm_answer *out, const struct ct_wm_post *what,
                  struct ct_why *why)
{
    uint64_t since_ms = 0; /* when its outcome became uncertain */
    uint64_t step_ms = PAUSE_FIRST_MS;
    bool was_sent = false;
    for (;;) {
        ct_err err = ct_wm_converse(wm, out, &was_sent, what, "POST", why);
        const uint64_t most_ms = uncertain_ms(wm, err, out, was_sent);
        const uint64_t now_ms = ct_mono_ms();
        since_ms = since_ms == 0 ? now_ms : since_ms;
        if (most_ms == 0 || now_ms - since_ms >= most_ms) {
            return err;
        }
        ct_wm_pause(step_ms);
        step_ms = step_ms * 2 < PAUSE_LAST_MS ? step_ms * 2 : PAUSE_LAST_MS;
    }
}

/* ---- over a restart ---- */

static void name(uint8_t out32[32], const struct ct_wm *wm, const char *path, const char *about)
{
    struct ct_keccak k;
    ct_keccak_init(&k);
    ct_keccak_update(&k, wm->bundle.deployment32, 32);
    ct_keccak_update(&k, wm->identity, strlen(wm->identity) + 1);
    ct_keccak_update(&k, path, strlen(path) + 1);
    ct_keccak_update(&k, about, strlen(about));
    ct_keccak_final(&k, out32);
}

static bool recall(struct ct_wm *wm, struct ct_wm_asked *out, const char *path,
                   const uint8_t about32[32])
{
    const uint64_t now_s = ct_wall_s();
    return wm->memory.load != NULL && wm->memory.load(wm->memory.arg, out) &&
           strcmp(out->path, path) == 0 && memcmp(out->about32, about32, 32) == 0 &&
           out->at_s <= now_s && now_s - out->at_s < CT_WM_ASKED_FOR_S;
}

/* The one that is remembered, or a new one that is from now on. */
static ct_err remember(struct ct_wm *wm, struct ct_wm_asked *out, const char *path,
                       const char *body, const char *about, struct ct_why *why)
{
    uint8_t about32[32];
    name(about32, wm, path, about);
    if (recall(wm, out, path, about32)) {
        return CT_OK;
    }
    memset(out, 0, sizeof(*out));
    if (strlen(path) >= sizeof(out->path) || strlen(body) >= sizeof(out->body)) {
        return ct_why(why, CT_ERR_ARG, "this does not fit a request");
    }
    ct_err err = ct_wm_new_key(out->key, why);
    if (err == CT_OK) {
        memcpy(out->path, path, strlen(path) + 1);
        memcpy(out->body, body, strlen(body) + 1);
        memcpy(out->about32, about32, sizeof(out->about32));
        out->at_s = ct_wall_s();
        if (wm->memory.save != NULL) {
            wm->memory.save(wm->memory.arg, out);
        }
    }
    return err;
}

void ct_wm_settled(struct ct_wm *wm)
{
    if (wm->memory.drop != NULL) {
        wm->memory.drop(wm->memory.arg);
    }
}

static ct_err ask_remembered(struct ct_wm *wm, struct ct_wm_answer *answer,
                             const struct ct_wm_asked *asked, struct ct_why *why)
{
    const struct ct_wm_post what = {.path = asked->path, .body = asked->body, .key = asked->key};
    ct_err err = ct_wm_post(wm, answer, &what, why);
    if (err != CT_OK && answer->status != 0 && uncertain_ms(wm, err, answer, true) == 0) {
        ct_wm_settled(wm); /* a refusal, which has changed nothing */
    }
    return err;
}

ct_err ct_wm_ask_long(struct ct_wm *wm, struct ct_json **document, const char *path,
                      const char *body, const char *about, struct ct_why *why)
{
    struct ct_wm_answer *answer = calloc(1, sizeof(*answer));
    struct ct_wm_asked asked;
    memset(&asked, 0, sizeof(asked));
    if (answer == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    ct_err err = remember(wm, &asked, path, body, about, why);
    if (err == CT_OK) {
        err = ask_remembered(wm, answer, &asked, why);
    }
    if (err == CT_OK && ct_json_parse(document, answer->body, answer->body_len) != CT_OK) {
        err = ct_wm_bad_answer(path, why);
    }
    ct_wipe(&asked, sizeof(asked));
    ct_wipe(answer, sizeof(*answer));
    free(answer);
    return err;
}

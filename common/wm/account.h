/* An account's inside, shared by enrolment and requests; wm only. */
#ifndef CT_WM_ACCOUNT_H
#define CT_WM_ACCOUNT_H

#include "chain/bundle.h"
#include "chain/registry.h"
#include "wm/link.h"
#include "wm/wm.h"

enum { CT_WM_KEYS_MAX = 2, CT_WM_URL_MAX = CT_BUNDLE_URL_MAX + 128 };

struct ct_wm {
    struct ct_bundle bundle;
    struct ct_wm_key keys[CT_WM_KEYS_MAX];
    size_t key_count;
    enum ct_hs_purpose purpose;
    char identity[64];
    const struct ct_wallet *wallet; /* borrowed */
    const struct ct_x25519 *key;    /* borrowed */
    struct ct_wm_memory memory;
    uint32_t timeout_ms, repeat_ms;
    struct ct_wm_link *plain;  /* NULL until used */
    struct ct_wm_link *secure; /* NULL until enrolled */
    uint64_t secure_until_ms;  /* monotonic */
};

/* base and path with one slash between them. */
CT_MUST_USE ct_err ct_wm_url(char out[CT_WM_URL_MAX], const char *base, const char *path,
                             struct ct_why *why);
void ct_wm_forget_psk(struct ct_wm *wm);

/* ---- requests ---- */

struct ct_json;

struct ct_wm_post {
    const char *path, *body, *key; /* key NULL: none, for what is no POST */
};

/* One question and its answer, after an enrolment when there is no PSK or none that the WM knows;
 * *was_sent becomes true when the question may have reached it. */
CT_MUST_USE ct_err ct_wm_converse(struct ct_wm *wm, struct ct_wm_answer *out, bool *was_sent,
                                  const struct ct_wm_post *what, const char *method,
                                  struct ct_why *why);
CT_MUST_USE ct_err ct_wm_new_key(char out[CT_WM_KEY_LEN + 1], struct ct_why *why);
/* A POST, repeated with its key as long as nobody knows its outcome. */
CT_MUST_USE ct_err ct_wm_post(struct ct_wm *wm, struct ct_wm_answer *out,
                              const struct ct_wm_post *what, struct ct_why *why);

/* Asks and parses; free *document. The answer's text is wiped: a pass is nobody else's business. */
CT_MUST_USE ct_err ct_wm_ask(struct ct_wm *wm, struct ct_json **document, const char *method,
                             const char *path, const char *body, struct ct_why *why);
/*
 * The same for a POST that is remembered until ct_wm_settled(), over a restart too. about says what
 * is asked for, without what each signature has of its own (deadline); the one that was remembered
 * is sent again, as it was, when it is about the same.
 */
CT_MUST_USE ct_err ct_wm_ask_long(struct ct_wm *wm, struct ct_json **document, const char *path,
                                  const char *body, const char *about, struct ct_why *why);
/* What was asked for is done, or will never be. */
void ct_wm_settled(struct ct_wm *wm);
/* Posts what becomes an operation; about as above. */
CT_MUST_USE ct_err ct_wm_post_operation(struct ct_wm *wm, struct ct_wm_operation *out,
                                        const char *path, const char *body, const char *about,
                                        struct ct_why *why);
void ct_wm_pause(uint64_t ms);
/* A token is put into JSON only once it is known to be one. NULL is fine: none. CT_ERR_AUTH. */
CT_MUST_USE ct_err ct_wm_check_token(const char *token, struct ct_why *why);

#endif

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
    uint32_t timeout_ms;
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

/* Asks and parses; free *document. The answer's text is wiped: a pass is nobody else's business. */
CT_MUST_USE ct_err ct_wm_ask(struct ct_wm *wm, struct ct_json **document, const char *method,
                             const char *path, const char *body, struct ct_why *why);
/* Posts what becomes an operation. */
CT_MUST_USE ct_err ct_wm_post_operation(struct ct_wm *wm, struct ct_wm_operation *out,
                                        const char *path, const char *body, struct ct_why *why);
/* A token is put into JSON only once it is known to be one. NULL is fine: none. CT_ERR_AUTH. */
CT_MUST_USE ct_err ct_wm_check_token(const char *token, struct ct_why *why);

#endif

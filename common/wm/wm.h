/* The wallet manager as devices and relays see it: handshake by HTTP, then requests over TLS-PSK.
 */
#ifndef CT_WM_WM_H
#define CT_WM_WM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/registry_client.h"
#include "kex/handshake.h"
#include "kex/pass.h"

struct ct_bundle; /* chain/bundle.h */

/* An account with the WM: blocking, one thread at a time. */
struct ct_wm;

enum { CT_WM_KEY_LEN = 32, CT_WM_BODY_MAX = 2048, CT_WM_ASKED_FOR_S = 300 };

/* A POST whose outcome is not known yet: sent again as it is, with its key, it is done once. */
struct ct_wm_asked {
    char path[32];
    char key[CT_WM_KEY_LEN + 1]; /* Idempotency-Key */
    uint8_t about32[32];         /* names what was asked for */
    uint64_t at_s;               /* after CT_WM_ASKED_FOR_S it is asked for anew */
    char body[CT_WM_BODY_MAX];   /* NUL-terminated; it may hold a token */
};

/* Where the one under way is kept over a restart; all NULL: nowhere. What cannot be saved is asked
 * for all the same. */
struct ct_wm_memory {
    bool (*load)(void *arg, struct ct_wm_asked *out); /* false: there is none */
    void (*save)(void *arg, const struct ct_wm_asked *asked);
    void (*drop)(void *arg);
    void *arg;
};

struct ct_wm_config {
    const struct ct_bundle *bundle; /* URLs and deployment; copied */
    const struct ct_wm_key *keys;   /* as proven from the chain, current first; copied */
    size_t key_count;               /* 1 or 2; generations with key id 0 are skipped */
    enum ct_hs_purpose purpose;     /* CT_HS_ENROL_DEVICE or CT_HS_ENROL_RELAY */
    const char *identity;           /* copied; a relay's from ct_wm_relay_identity() */
    const struct ct_wallet *wallet; /* borrowed until free */
    const struct ct_x25519 *key;    /* borrowed until free */
    struct ct_wm_memory memory;     /* its arg borrowed until free */
    uint32_t timeout_ms;            /* of each request; 0 means 10,000 */
    uint32_t repeat_ms; /* a POST of unknown outcome is repeated for so long; 0: 15,000 */
};

CT_MUST_USE ct_err ct_wm_open(struct ct_wm **out, const struct ct_wm_config *config,
                              struct ct_why *why);
void ct_wm_free(struct ct_wm *wm); /* wipes the PSK; NULL is fine */

/* "relay:" and 16 hex digits; out has room for 23 bytes. */
void ct_wm_relay_identity(char out[23], const uint8_t pending_id32[32]);

/*
 * The enrolment handshake. ct_wm_request() does it when there is no PSK or an old one.
 * Errors: CT_ERR_IO, CT_ERR_TIMEOUT (no WM there), CT_ERR_AUTH (not the WM of the contract),
 * CT_ERR_EXPIRED (the WM's keys are past their date), CT_ERR_REFUSED (too many, or policy).
 */
CT_MUST_USE ct_err ct_wm_enrol(struct ct_wm *wm, struct ct_why *why);

#define CT_WM_ANSWER_MAX 16384u

struct ct_wm_answer {
    unsigned status;             /* HTTP */
    char problem[48];            /* word of urn:chainturn:error:, "" when there is none */
    char body[CT_WM_ANSWER_MAX]; /* NUL-terminated */
    size_t body_len;
};

/*
 * One request over TLS-PSK. method "GET" or "POST"; body NULL or JSON text. A POST has an
 * Idempotency-Key and is repeated with it for up to 15 s when the connection is lost or times out,
 * so that it is done once (up to 65 s while the first one is worked on). Answers other than 200,
 * 201 and 202 are errors with a sentence, out being filled all the same: CT_ERR_AUTH (token,
 * identity, signature), CT_ERR_EXPIRED (token), CT_ERR_NOT_FOUND, CT_ERR_NOT_APPROVED (not
 * registered), CT_ERR_STATE (not-pending, registered: another step comes first), CT_ERR_AGAIN
 * (funding-limit: later), CT_ERR_REFUSED, CT_ERR_CHAIN (chain unavailable), CT_ERR_FORMAT.
 * CT_ERR_IO and CT_ERR_TIMEOUT: the WM was not reached or did not know the PSK.
 */
CT_MUST_USE ct_err ct_wm_request(struct ct_wm *wm, struct ct_wm_answer *out, const char *method,
                                 const char *path, const char *body, struct ct_why *why);

/* ---- Typed ----------------------------------------------------------------------------------- */

struct ct_wm_pass_request {
    const uint8_t *pass_key32; /* public key made for this pass */
    const char *token;         /* NULL for a registered device */
    const uint8_t *renews16;   /* pass id, or NULL */
};

/* POST /v1/passes. The pass is checked as a relay would (ct_pass_verify()), and to be for the key
 * asked for. */
CT_MUST_USE ct_err ct_wm_pass(struct ct_wm *wm, uint8_t out175[CT_PASS_LEN], uint64_t *expires_s,
                              const struct ct_wm_pass_request *request, struct ct_why *why);

/* POST /v1/tokens: a factory credential for the account's own token; out has room for
 * CT_TOKEN_TEXT_MAX + 1 (kex/token.h). CT_ERR_REFUSED: as many names as it is for have had one. */
CT_MUST_USE ct_err ct_wm_exchange(struct ct_wm *wm, char *out, const char *factory,
                                  struct ct_why *why);

struct ct_wm_operation {
    char id[65];
    enum { CT_WM_QUEUED, CT_WM_SENT, CT_WM_DONE, CT_WM_FAILED } state;
    uint8_t transaction32[32]; /* zeros when there is none yet */
    uint64_t block;            /* 0 when not mined yet */
    char reason[200];          /* of a failure, else "" */
};

/* "queued", "sent", "done", "failed". */
const char *ct_wm_state_text(const struct ct_wm_operation *operation);

/* POST /v1/devices. token NULL for a registered device; identity is the account's. */
CT_MUST_USE ct_err ct_wm_register_device(struct ct_wm *wm, struct ct_wm_operation *out,
                                         const char *token,
                                         const struct ct_registration *registration,
                                         const uint8_t sig65[65], struct ct_why *why);
/* POST /v1/relays. */
CT_MUST_USE ct_err ct_wm_register_relay(struct ct_wm *wm, struct ct_wm_operation *out,
                                        const uint8_t pending_id32[32], const uint8_t owner20[20],
                                        const uint8_t salt32[32], struct ct_why *why);

/* The record that a device is going to write by addClient; name, wallet and key are the account's.
 */
struct ct_wm_terms {
    uint16_t relay, port; /* both 0: none */
    uint16_t backup_relay, backup_port;
    uint16_t expiry_day; /* days since 1970 */
};

#define CT_WM_GAS_MAX 30000000

struct ct_wm_voucher {
    struct ct_signed_voucher signed_; /* for ct_call_add_client() */
    uint8_t approver20[20];           /* who signed it; ct_registry_is_approver() says if it may */
    uint64_t gas;                     /* the limit to set in the transaction */
    bool is_paid;                     /* nothing is on its way: the wallet has what it gets */
    struct ct_wm_operation payment;   /* else: wait for it with ct_wm_operation_wait() */
};

/*
 * POST /v1/vouchers: leave to write the record, and ether for its gas. The voucher is checked to be
 * for this name, wallet and token. Without a token (NULL) it is one to renew one's own live record,
 * to the day of terms. A token, or a renewal, is paid for once; asked again the voucher is a fresh
 * one. CT_ERR_STATE: a live record has this name already, or is not near its end. CT_ERR_AGAIN: the
 * platform pays no more within this hour or day.
 */
CT_MUST_USE ct_err ct_wm_voucher(struct ct_wm *wm, struct ct_wm_voucher *out, const char *token,
                                 const struct ct_wm_terms *terms, struct ct_why *why);
/* POST /v1/approvals, once addClient's block is there. CT_ERR_STATE: the WM sees no pending record
 * (yet). */
CT_MUST_USE ct_err ct_wm_approve_device(struct ct_wm *wm, struct ct_wm_operation *out,
                                        const char *token, struct ct_why *why);

/* What a live record's wallet signed; of a name's hash only the account's own is good. */
struct ct_wm_change {
    enum { CT_WM_UPDATE, CT_WM_ROTATE, CT_WM_REVOKE } kind;
    union {
        struct ct_signed_client_update update;
        struct ct_signed_key_rotation rotation; /* the next account is opened with the new key */
        struct ct_signed_self_revocation revocation;
    } of;
};

/* POST /v1/changes, for devices without ether. */
CT_MUST_USE ct_err ct_wm_change(struct ct_wm *wm, struct ct_wm_operation *out,
                                const struct ct_wm_change *change, struct ct_why *why);

/* GET /v1/operations/ID, once. */
CT_MUST_USE ct_err ct_wm_operation_get(struct ct_wm *wm, struct ct_wm_operation *out,
                                       const char *id, struct ct_why *why);
/*
 * Asks every 100 ms (later every second) until the operation is done or failed. CT_ERR_REFUSED: it
 * failed, the WM's reason in why. CT_ERR_TIMEOUT: still under way after timeout_ms. A WM that is
 * away for less than 15 s, as when it restarts, is waited for.
 */
CT_MUST_USE ct_err ct_wm_operation_wait(struct ct_wm *wm, struct ct_wm_operation *out,
                                        const char *id, uint32_t timeout_ms, struct ct_why *why);

#endif

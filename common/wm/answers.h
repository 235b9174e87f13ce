/* The wallet manager's answers as structs, every field checked; wm only. No socket, no clock. */
#ifndef CT_WM_ANSWERS_H
#define CT_WM_ANSWERS_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/json.h"
#include "chain/registry.h"
#include "kex/pass.h"
#include "wm/wm.h"

/* CT_ERR_FORMAT with its sentence: the answer to path is none that this release knows. */
ct_err ct_wm_bad_answer(const char *path, struct ct_why *why);

struct ct_wm_pass_want {
    const uint8_t *deployment32;
    const struct ct_wm_key *keys;
    size_t key_count;
    const uint8_t *pass_key32; /* what was asked for */
    uint64_t now_s;
};

/* A pass that relays will take, for the key asked for; else CT_ERR_FORMAT or CT_ERR_AUTH. */
CT_MUST_USE ct_err ct_wm_read_pass(uint8_t out175[CT_PASS_LEN], uint64_t *expires_s,
                                   const struct ct_json *document,
                                   const struct ct_wm_pass_want *want, struct ct_why *why);

/* An id goes into a path: only what cannot mean anything there. */
bool ct_wm_id_valid(const char *id);
/* {"operation": id}: queued. CT_ERR_FORMAT. */
CT_MUST_USE ct_err ct_wm_read_accepted(struct ct_wm_operation *out, const struct ct_json *document);
/* The state of operation id. CT_ERR_FORMAT, also when the answer is about another one. */
CT_MUST_USE ct_err ct_wm_read_operation(struct ct_wm_operation *out, const struct ct_json *document,
                                        const char *id);

struct ct_wm_voucher_want {
    uint64_t chain_id;
    const uint8_t *contract20;
    const char *identity; /* whom the voucher must name, */
    const char *token;    /* for what; NULL: to renew */
    uint16_t day;         /* to that day then */
    const uint8_t *wallet20;
    uint64_t now_s;
};

/* A voucher for just this wallet, name and token or day, not over yet, signed by whom it says; else
 * CT_ERR_FORMAT or CT_ERR_AUTH. */
CT_MUST_USE ct_err ct_wm_read_voucher(struct ct_wm_voucher *out, const struct ct_json *document,
                                      const struct ct_wm_voucher_want *want, struct ct_why *why);

#endif

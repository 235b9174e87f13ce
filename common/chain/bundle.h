/* The provisioning bundle: which chain, contract, endpoints and WM a relay or device belongs to. */
#ifndef CT_CHAIN_BUNDLE_H
#define CT_CHAIN_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/url.h"

enum { CT_BUNDLE_RPC_MAX = 8, CT_BUNDLE_URL_MAX = CT_URL_MAX, CT_BUNDLE_TEXT_MAX = 8192 };

struct ct_bundle {
    uint64_t chain_id;
    uint8_t contract20[20];
    uint8_t code_hash32[32]; /* keccak256 of the registry's run-time code */
    char rpc[CT_BUNDLE_RPC_MAX][CT_BUNDLE_URL_MAX];
    size_t rpc_count;
    unsigned quorum;                          /* k of rpc_count endpoints must agree on a head */
    uint64_t checkpoint_number;               /* a block that must be in the chain .. */
    uint8_t checkpoint_hash32[32];            /* .. with this hash; all zero: not checked */
    uint64_t max_head_age_s;                  /* an agreed head older than this is stale */
    uint64_t safety_depth;                    /* blocks below the head to read at */
    bool insecure_single_rpc;                 /* one endpoint's word is enough (k = 1) */
    char wm_handshake_url[CT_BUNDLE_URL_MAX]; /* http://host:port, or empty */
    char wm_tls_url[CT_BUNDLE_URL_MAX];       /* https://host:port, or empty */
    uint8_t deployment32[32];                 /* D, derived from chain_id and contract20 */
};

/*
 * Reads the JSON text
 *   {"chainturn":1, "chain_id":"31337" (decimal), "contract":"0x..", "code_hash":"0x..",
 *    "rpc":["http://..", ..], "quorum":2, "checkpoint":{"number":"0x..","hash":"0x.."},
 *    "max_head_age_s":120, "safety_depth":0,
 *    "wm":{"handshake":"http://..","tls":"https://.."}}
 * "wm" may be absent. An unknown or malformed member is CT_ERR_CONFIG with its name in the
 * sentence; so is what ct_bundle_check() refuses.
 */
CT_MUST_USE ct_err ct_bundle_parse(struct ct_bundle *out, const char *text, size_t len,
                                   struct ct_why *why);
/* As above from a file; CT_ERR_NOT_FOUND when it is not there. */
CT_MUST_USE ct_err ct_bundle_read(struct ct_bundle *out, const char *path, struct ct_why *why);
/* For --insecure-single-rpc: the first endpoint alone is believed, the others are forgotten. */
void ct_bundle_allow_single(struct ct_bundle *bundle);
/* The JSON text, NUL-terminated, ending in a newline; CT_ERR_ROOM (CT_BUNDLE_TEXT_MAX is enough).
 */
CT_MUST_USE ct_err ct_bundle_format(char *out, size_t cap, const struct ct_bundle *bundle);
/*
 * Is the quorum rule kept? k > n/2 and k >= 2, or one endpoint alone with k = 1 and
 * insecure_single_rpc; and no endpoint is named twice (url.h), as each has one vote. CT_ERR_CONFIG
 * with a sentence if not.
 */
CT_MUST_USE ct_err ct_bundle_check(const struct ct_bundle *bundle, struct ct_why *why);

/* D = keccak256("chainturn/1" | chain id, 32 bytes big-endian | contract address). */
void ct_deployment(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20]);

#endif

/* The chain as k of n endpoints vouch for it, and values proven against that: one object a thread.
 */
#ifndef CT_CHAIN_CHAIN_H
#define CT_CHAIN_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "chain/bundle.h"
#include "chain/http.h"
#include "chain/trie.h"

struct ct_chain; /* thread-confined: each thread opens its own */

struct ct_chain_env {
    ct_http_batch *http; /* NULL: libcurl, owned by the chain object */
    void *http_arg;
    uint64_t (*wall_s)(void *arg); /* NULL: this host's clock. 0 means that nobody knows the time */
    void *wall_arg;
    struct ct_log log;   /* endpoints that fail or lie are named here, once a time */
    uint32_t timeout_ms; /* for one round trip; 0: 5000 */
};

/*
 * Copies the bundle; asks nothing yet. env may be NULL (all defaults). A bundle whose contract is
 * zero (before the deployment) is good for ct_chain_view(), ct_chain_account() and rpc.h only.
 * Errors: CT_ERR_CONFIG (the quorum rule, see bundle.h), CT_ERR_NOMEM.
 */
CT_MUST_USE ct_err ct_chain_open(struct ct_chain **out, const struct ct_bundle *bundle,
                                 const struct ct_chain_env *env, struct ct_why *why);
void ct_chain_free(struct ct_chain *chain);
const struct ct_bundle *ct_chain_bundle(const struct ct_chain *chain);
/* The bundle's contract and code hash, once the deployment has made them. */
void ct_chain_set_contract(struct ct_chain *chain, const uint8_t contract20[20],
                           const uint8_t code_hash32[32]);

/* One agreed block: everything read in one look-up is proven against the same one. */
struct ct_view {
    uint64_t number;
    uint8_t hash32[32];
    uint8_t state_root32[32];
    uint64_t timestamp_s;
    unsigned k;       /* endpoints that vouched for it; at least the bundle's quorum */
    unsigned n;       /* endpoints of the bundle */
    uint32_t support; /* bit i: endpoint i vouched */
};

/*
 * The newest block that k of n endpoints vouch for (quorum.h), its hash recomputed from its fields,
 * not older than the bundle's limit, on the chain that the bundle's chain id and checkpoint name
 * (both asked once an endpoint). One round trip to all endpoints at once, as a JSON-RPC batch the
 * first time; a second one only when they are at different heads. It returns as soon as k agree: an
 * endpoint whose answer was not needed is neither waited for nor judged.
 *
 * CT_ERR_IO      fewer than k endpoints answered
 * CT_ERR_CHAIN   another chain id, a chain without the checkpoint, or a block from the future
 * CT_ERR_QUORUM  fewer than k agree; the sentence names them
 * CT_ERR_EXPIRED the agreed head is stale, or far behind one agreed on before
 */
CT_MUST_USE ct_err ct_chain_view(struct ct_chain *chain, struct ct_view *out, struct ct_why *why);

enum { CT_CHAIN_SLOTS_MAX = 64 };

/*
 * The words in slots of the bundle's contract at view, proven: account proof against the state
 * root, code hash equal to the bundle's, a storage proof a slot. An absent slot is proven zero. One
 * round trip to one endpoint; when its answer does not hold it is named (log and, at the end, why)
 * and the next is asked.
 *
 * count 0 only checks that the contract is there and is the one of the bundle.
 *
 * CT_ERR_CHAIN  no contract at that address, or another code
 * CT_ERR_QUORUM no endpoint gave a proof that holds
 * CT_ERR_IO     none answered
 * CT_ERR_STATE  the bundle has no contract yet
 */
CT_MUST_USE ct_err ct_chain_prove(struct ct_chain *chain, const struct ct_view *view,
                                  const uint8_t (*slots)[32], size_t count, uint8_t (*values)[32],
                                  struct ct_why *why);

/* Any account, proven in the same way. *found false when it is proven absent (no ether, no code).
 */
CT_MUST_USE ct_err ct_chain_account(struct ct_chain *chain, const struct ct_view *view,
                                    const uint8_t addr20[20], bool *found, struct ct_account *out,
                                    struct ct_why *why);

/* A view, and the contract proven to be there: for start-up checks. */
CT_MUST_USE ct_err ct_chain_check(struct ct_chain *chain, struct ct_view *out, struct ct_why *why);

struct ct_chain_stats {
    uint64_t round_trips;
    uint64_t refused_answers; /* answers that did not hold: forged, malformed, wrong chain */
    uint64_t failed_requests; /* no answer */
};
void ct_chain_stats(const struct ct_chain *chain, struct ct_chain_stats *out);

#endif

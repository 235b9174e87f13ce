/* What the bundle's contract logged in a range of blocks, as k endpoints tell it alike. */
#ifndef CT_CHAIN_LOGS_H
#define CT_CHAIN_LOGS_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/chain.h"

enum { CT_LOG_DATA_MAX = 128, CT_LOGS_TOPICS_MAX = 8 };

struct ct_logged {
    uint64_t block;
    uint64_t index; /* of the log in its block */
    size_t topic_count;
    uint8_t topics[4][32];
    size_t data_len; /* longer data is cut */
    uint8_t data[CT_LOG_DATA_MAX];
};

struct ct_logs_query {
    uint64_t from; /* blocks, both included */
    uint64_t to;
    const uint8_t (*kinds)[32]; /* topic 0 is one of these */
    size_t kind_count;
};

struct ct_logs {
    struct ct_logged *list; /* in the order of the chain; ct_logs_free() */
    size_t count;
    uint8_t before32[32]; /* hash of the block before from; zeros when from is 0 */
    uint8_t last32[32];   /* hash of block to */
};

/*
 * k endpoints have to tell the same logs of the same chain, so that fewer can neither hide nor
 * invent one, nor hold an answer up by a different one.
 *
 * CT_ERR_QUORUM  they do not: an endpoint may be behind, or lie; try again
 * CT_ERR_CHAIN   no endpoint gives an answer that can be used: perhaps the range is too long
 * CT_ERR_IO      none answered
 */
CT_MUST_USE ct_err ct_chain_logs(struct ct_chain *chain, const struct ct_logs_query *query,
                                 struct ct_logs *out, struct ct_why *why);
void ct_logs_free(struct ct_logs *logs);

#endif

/* Block headers: from JSON fields to RLP to the block's hash (yellow paper 4.4.3 and later EIPs).
 */
#ifndef CT_CHAIN_HEADER_H
#define CT_CHAIN_HEADER_H

#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/json.h"

struct ct_header {
    uint64_t number;
    uint64_t timestamp_s;
    uint8_t hash32[32]; /* computed here from all fields, never taken over */
    uint8_t parent32[32];
    uint8_t state_root32[32];
};

/*
 * Reads a block object as eth_getBlockByNumber gives it (fields of all forks up to Prague: 15 to
 * 21 of them), encodes its header and hashes it. The hash must be the object's own "hash".
 *
 * CT_ERR_FORMAT  a field is missing or malformed
 * CT_ERR_AUTH    the hash is another; the sentence names a header field unknown here, if any
 */
CT_MUST_USE ct_err ct_header_read(struct ct_header *out, const struct ct_json *block,
                                  struct ct_why *why);

#endif

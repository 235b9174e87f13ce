/* What one transaction is: the operations that it carries as destination, value and call data. */
#ifndef CT_WM_CALLS_H
#define CT_WM_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "chain/u256.h"
#include "store/store.h"

enum { CT_BATCH_MAX = 64, CT_CALL_DATA_MAX = 12288 };

/* A kind of operation, and whether several of it go into one transaction. */
struct ct_lane {
    enum ct_op_kind kind;
    bool is_batched;
};

/* What an account sends, the most urgent first. */
struct ct_lanes {
    const struct ct_lane *items;
    size_t count;
};

extern const struct ct_lanes ct_lanes_approver;
extern const struct ct_lanes ct_lanes_funder;

struct ct_call {
    uint8_t to20[20];
    struct ct_u256 value_wei;
    uint8_t data[CT_CALL_DATA_MAX];
    size_t data_len;
};

/* count operations of one lane, one when it is not batched. CT_ERR_FORMAT: a payload that none of
 * ours wrote. */
CT_MUST_USE ct_err ct_call_write(struct ct_call *out, const struct ct_op *ops, size_t count,
                                 const uint8_t contract20[20]);

#endif

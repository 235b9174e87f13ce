/* A machine's input as steps: op, 1 byte; length, 2 bytes; so many bytes, or what is left of them.
 */
#ifndef CT_FUZZ_STEPS_H
#define CT_FUZZ_STEPS_H

#include <stdbool.h>

#include "base/bytes.h"

struct fuzz_step {
    uint8_t op;
    const uint8_t *data;
    size_t len;
};

enum { FUZZ_STEPS_MAX = 200 }; /* of one input: it ends in bounded time */

static inline bool fuzz_step(struct fuzz_step *out, struct ct_rd *r)
{
    if (r->left < 3) {
        return false;
    }
    out->op = ct_rd_u8(r);
    out->len = ct_rd_be16(r);
    out->len = out->len < r->left ? out->len : r->left;
    out->data = ct_rd_take(r, out->len);
    return true;
}

#endif

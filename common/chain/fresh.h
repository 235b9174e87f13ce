/* Is an agreed block one of now? Decided from its number and time, the clock passed in. */
#ifndef CT_CHAIN_FRESH_H
#define CT_CHAIN_FRESH_H

#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/chain.h"

enum {
    CT_FRESH_AHEAD_S = 60, /* clocks differ by this much; a later block is of no honest clock */
    CT_FRESH_REORG_BLOCKS = 64, /* no chain takes back more */
};

struct ct_newest { /* what has been agreed on so far; begins as zeros */
    uint64_t number;
    uint64_t timestamp_s;
};

/*
 * Notes view in newest on CT_OK. now_s 0: nobody knows the time, the newest block stands in for it.
 *
 * CT_ERR_CHAIN    below the checkpoint (0: none), or from the future
 * CT_ERR_EXPIRED  more than limit_s (0: no limit) old; or older than what was agreed on before, by
 *                 its time and by more than CT_FRESH_REORG_BLOCKS blocks
 */
CT_MUST_USE ct_err ct_fresh_check(struct ct_newest *newest, const struct ct_view *view,
                                  uint64_t checkpoint, uint64_t limit_s, uint64_t now_s,
                                  struct ct_why *why);

#endif

/* What a relay remembers of itself between runs: its index, and a transaction under way. */
#ifndef CT_RELAY_MEMO_H
#define CT_RELAY_MEMO_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "life/registrar_wire.h"

/* A transaction that was signed, and stored before anybody had it. */
struct ct_memo_sent {
    struct ct_rg_call call; /* what 0: none is under way */
    uint64_t mined_block;   /* not later than that; 0 while it is not known to be mined */
    uint8_t raw[CT_RG_RAW_MAX];
    size_t len;
};

struct ct_memo {
    uint16_t index;       /* of its record when it was last listed, or 0 */
    uint16_t renewed_day; /* days since 1970: on which its renewal was last approved */
    struct ct_memo_sent sent;
};

/* Whose it is: a memo of another deployment or wallet is refused as a damaged one. */
struct ct_memo_owner {
    uint8_t deployment32[32];
    uint8_t addr20[20];
};

/* CT_ERR_NOT_FOUND, or CT_ERR_FORMAT for a damaged file or another's. */
CT_MUST_USE ct_err ct_memo_load(struct ct_memo *out, const struct ct_memo_owner *owner,
                                const char *path, struct ct_why *why);
/* Replaced whole, and on the disk when this returns. */
CT_MUST_USE ct_err ct_memo_save(const struct ct_memo *memo, const struct ct_memo_owner *owner,
                                const char *path, struct ct_why *why);

#endif

/* What a relay has to do next on the chain: one decision from all that is known; pure. */
#ifndef CT_RELAY_LIFE_H
#define CT_RELAY_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "life/record.h"

struct ct_life_now {
    bool chain_read;   /* what follows holds */
    bool is_due;       /* the pause after a failure is over */
    bool is_leaving;   /* it drains, or is to be withdrawn before it ends */
    bool is_sent;      /* a transaction of its own is under way */
    bool is_withdrawn; /* that one withdraws, and is in a block */
    bool is_approved;  /* the chain has its record as approved, expired or not, as it is or not */
    enum ct_standing standing;
    uint16_t expiry_day;  /* of its record */
    uint16_t today;       /* of the chain, days since 1970 */
    uint16_t renew_days;  /* before the expiry day */
    uint16_t renewed_day; /* when that was last done */
};

enum ct_life_step {
    CT_LIFE_REST,
    CT_LIFE_SETTLE, /* see what becomes of the transaction */
    CT_LIFE_ENROL,  /* register, or ask for the approval of what is registered */
    CT_LIFE_RENEW,  /* the same, of a record that holds still */
    CT_LIFE_WITHDRAW,
    CT_LIFE_GONE, /* the chain does not list it, as it should be: it may end */
};

enum ct_life_step ct_life_next(const struct ct_life_now *now);
/* "rest", "settle".. */
const char *ct_life_text(enum ct_life_step step);

#endif

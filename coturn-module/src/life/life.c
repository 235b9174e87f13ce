/* What a relay has to do next on the chain: one decision from all that is known; pure. */
#include "life/life.h"

#include <stddef.h>

/* Once a day at most: approvals may be given for less than renew_days. */
static bool wants_renewal(const struct ct_life_now *now)
{
    return (uint32_t)now->today + now->renew_days >= now->expiry_day &&
           now->renewed_day != now->today;
}

static enum ct_life_step leave(const struct ct_life_now *now)
{
    if (now->is_withdrawn || (!now->is_sent && !now->is_approved)) {
        return CT_LIFE_GONE;
    }
    if (now->is_sent) {
        return CT_LIFE_SETTLE;
    }
    return now->is_due ? CT_LIFE_WITHDRAW : CT_LIFE_REST;
}

enum ct_life_step ct_life_next(const struct ct_life_now *now)
{
    if (!now->chain_read) {
        return CT_LIFE_REST;
    }
    if (now->is_leaving) {
        return leave(now);
    }
    if (now->is_sent) {
        return CT_LIFE_SETTLE;
    }
    if (!now->is_due) {
        return CT_LIFE_REST;
    }
    switch (now->standing) {
    case CT_STANDING_NEW:
    case CT_STANDING_CHANGED:
        return CT_LIFE_ENROL;
    case CT_STANDING_LISTED:
        return wants_renewal(now) ? CT_LIFE_RENEW : CT_LIFE_REST;
    case CT_STANDING_REVOKED: /* by the platform: not for the relay to undo */
        return CT_LIFE_REST;
    }
    return CT_LIFE_REST;
}

const char *ct_life_text(enum ct_life_step step)
{
    static const char *const texts[] = {"rest", "settle", "enrol", "renew", "withdraw", "gone"};
    return (size_t)step < sizeof(texts) / sizeof(texts[0]) ? texts[step] : "?";
}

/* The machine of a transaction under way, as one decision. */
#include "tx/txstep.h"

#include <stddef.h>

/* In a block that at least k endpoints tell of. */
static enum ct_tx_step found(const struct ct_tx_seen *s, const struct ct_tx_rules *rules)
{
    if (s->depth >= rules->confirmations) {
        return CT_TX_CLOSE;
    }
    return s->state == CT_TXN_MINED && s->same_block ? CT_TX_WAIT : CT_TX_MINED;
}

/* The nonce is used: by itself, and the receipts come late, or by a stranger. */
static enum ct_tx_step unseen(const struct ct_tx_seen *s, const struct ct_tx_rules *rules)
{
    return !s->disputed && s->unseen_s >= rules->lost_s ? CT_TX_LOSE : CT_TX_WAIT;
}

enum ct_tx_step ct_tx_step(const struct ct_tx_seen *s, const struct ct_tx_rules *rules)
{
    if (s->found && s->depth > 0) {
        return found(s, rules);
    }
    if (s->is_used) {
        return unseen(s, rules);
    }
    if (s->state == CT_TXN_MINED) {
        return CT_TX_PUT_BACK; /* proven: no block that counts has used this nonce */
    }
    if (s->quiet_s == UINT64_MAX) {
        return CT_TX_OFFER;
    }
    if (s->said == CT_NODE_NEVER && !s->is_filler) {
        return CT_TX_FILL;
    }
    bool too_little = s->said == CT_NODE_REPLACES || s->said == CT_NODE_FEE_LOW;
    if ((s->is_next && s->age_s >= rules->bump_s && s->said != CT_NODE_NO_ETHER) ||
        (too_little && s->quiet_s >= 1)) {
        return CT_TX_BUMP;
    }
    return s->quiet_s >= rules->repeat_s ? CT_TX_OFFER : CT_TX_WAIT;
}

const char *ct_tx_step_text(enum ct_tx_step step)
{
    static const char *const text[] = {
        [CT_TX_WAIT] = "wait",   [CT_TX_OFFER] = "offer", [CT_TX_BUMP] = "bump",
        [CT_TX_FILL] = "fill",   [CT_TX_MINED] = "mined", [CT_TX_PUT_BACK] = "put back",
        [CT_TX_CLOSE] = "close", [CT_TX_LOSE] = "lose"};
    return (size_t)step < sizeof text / sizeof text[0] ? text[step] : "wait";
}

/*
 * Where the crash test may end the program between two steps of a transaction's life. Nothing at
 * all unless CT_CRASH_POINTS is defined: that is one program of the tests (CHAINTURN_CRASH_POINTS).
 */
#ifndef CT_WM_CRASH_H
#define CT_WM_CRASH_H

#define CT_CRASH_LIST(X)                                                              \
    X(op_stored)      /* a request is in the store, its answer not sent */            \
    X(payment_stored) /* likewise a payment */                                        \
    X(relay_noted)    /* a relay's test is noted, its approval not queued */          \
    X(relay_queued)   /* queued */                                                    \
    X(batch_taken)    /* operations chosen, nothing signed */                         \
    X(signed)         /* a transaction is signed, not stored */                       \
    X(stored)         /* stored, offered to nobody */                                 \
    X(offered)        /* an endpoint has it, which is not noted */                    \
    X(noted)          /* noted as sent */                                             \
    X(receipt_seen)   /* it is in a block, which is not noted */                      \
    X(mined_noted)    /* noted as mined */                                            \
    X(judged)         /* deep enough, its operations' ends not stored */              \
    X(closed)         /* ended */                                                     \
    X(bump_signed)    /* another attempt is signed, not stored */                     \
    X(bump_stored)    /* stored, offered to nobody */                                 \
    X(bump_offered)   /* an endpoint has it */                                        \
    X(reorg_seen)     /* its block is gone, which is not noted */                     \
    X(put_back)       /* noted, not offered again */                                  \
    X(loss_seen)      /* a stranger has its nonce, its operations not queued again */ \
    X(lost)           /* queued again */                                              \
    X(gap_stored)     /* a nonce that nobody used is filled in the store */

enum ct_crash {
#define CT_CRASH_NUMBER(name) CT_CRASH_##name,
    CT_CRASH_LIST(CT_CRASH_NUMBER)
#undef CT_CRASH_NUMBER
        CT_CRASH_COUNT
};

#ifdef CT_CRASH_POINTS
void ct_crash_point(enum ct_crash point); /* tests/integration/20-wm/crash_point.c */
#define CT_CRASH(name) ct_crash_point(CT_CRASH_##name)
#else
#define CT_CRASH(name) ((void)0)
#endif

#endif

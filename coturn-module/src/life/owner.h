/* What this relay says of whose it is: signed by its wallet off the packet threads, told by them.
 */
#ifndef CT_RELAY_OWNER_H
#define CT_RELAY_OWNER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/bundle.h"
#include "chain/key.h"
#include "chain/registry.h"
#include "kex/owner.h"
#include "packets/policy.h"

enum { CT_OWNER_RENEW_S = 3600 };

struct ct_own_statement {
    pthread_mutex_t lock; /* held while 159 bytes are copied */
    uint8_t bytes[CT_OWNER_LEN];
    uint64_t until_s;  /* 0: there is none */
    uint64_t renew_s;  /* of the signing thread */
    enum ct_mode mode; /* of the peers' policy */
};

void ct_own_statement_init(struct ct_own_statement *s, enum ct_mode mode);
/*
 * Draws a nonce and has the statement signed, when the last one is an hour old or signing failed a
 * minute ago. CT_OK: nothing is due, or done. One thread, which may wait for the wallet.
 */
CT_MUST_USE ct_err ct_own_statement_keep(struct ct_own_statement *s, const struct ct_bundle *bundle,
                                         const struct ct_relay *record,
                                         const struct ct_wallet *wallet, uint64_t now_s,
                                         struct ct_why *why);
/* Any thread. 0: there is none that holds at now_s. */
size_t ct_own_statement_read(struct ct_own_statement *s, uint8_t out159[CT_OWNER_LEN],
                             uint64_t now_s);

#endif

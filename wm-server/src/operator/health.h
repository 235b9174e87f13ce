/* Can this server do its work now? One check a part, each with what to do when it cannot. */
#ifndef CT_WM_HEALTH_H
#define CT_WM_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "http/exchange.h"
#include "store/store.h"
#include "service/text.h"
#include "operator/watch.h"

enum { CT_HEALTH_CHECKS = 4, CT_HEALTH_WORDS = 320, CT_HEALTH_STALE_S = 60 };

enum ct_leads {
    CT_LEADS_NOBODY, /* some account: nothing goes out */
    CT_LEADS_OTHER,  /* another server, some or all accounts; no failure of this one */
    CT_LEADS_SELF,
};

struct ct_health_check {
    const char *name; /* store, rpc, balance, leader */
    bool good;
    char words[CT_HEALTH_WORDS]; /* one sentence, no newline */
};

struct ct_health {
    struct ct_store *store;
    struct ct_watch *watch;
    uint64_t max_head_age_s; /* an older agreed block is no news of the chain */
    /* Who may use the signing keys, with words that say it. NULL: this process alone. */
    enum ct_leads (*leads)(void *arg, char *words, size_t cap);
    void *leads_arg;
    uint64_t (*wall_s)(void);
};

/* All CT_HEALTH_CHECKS; true when all are good. The store is read once, nothing else is waited
 * for. */
bool ct_health_look(const struct ct_health *h, struct ct_health_check out[CT_HEALTH_CHECKS]);
/* GET /readyz: 200 or 503, one line a check. */
void ct_health_ready(const struct ct_health *h, struct ct_answer *answer);

#endif

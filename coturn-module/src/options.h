/* The module's options: their values, defaults and units, and the words for a wrong one. */
#ifndef CT_RELAY_OPTIONS_H
#define CT_RELAY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "packets/policy.h"
#include "turn/addr.h"
#include "packets/usage.h"

enum { CT_PATH_MAX = 512 };

struct ct_relay_options {
    bool any; /* one was set: the module is on */
    bool insecure_single_rpc;
    bool allow_private;
    enum ct_mode mode;            /* relays */
    char bundle[CT_PATH_MAX];     /* required */
    char state[CT_PATH_MAX];      /* folder; /var/lib/chainturn-relay */
    char wallet[CT_PATH_MAX];     /* STATE/wallet.key */
    char passphrase[CT_PATH_MAX]; /* a source of the wallet's (base/source.h); empty: it is raw */
    char key[CT_PATH_MAX];        /* STATE/relay.key */
    char registrar[CT_PATH_MAX];  /* program; empty: chainturn-registrar beside the server's */
    char registrar_user[33];      /* nobody; whom the registrar becomes when root starts it */
    uint32_t max_fee_gwei;        /* 300 */
    uint32_t max_gas;             /* 500000 */
    uint32_t renew_days;          /* 14 */
    uint32_t key_days;            /* 0: the relay's key is never changed */
    uint32_t balance_warn_gwei;   /* 5000000, 0.005 ether */
    bool withdraw_on_stop;
    uint32_t drain_limit_s; /* 3600; 0: none */
    uint32_t max_age_s;     /* 3600 */
    uint32_t poll_ms;       /* 5000 */
    struct ct_limits_config limits;
    struct ct_addr metrics; /* where to tell them; of no family: nowhere */
};

void ct_relay_options_init(struct ct_relay_options *out);
/* id is of CT_OPTIONS; value may be NULL or empty where none is needed. CT_ERR_CONFIG. */
CT_MUST_USE ct_err ct_relay_options_set(struct ct_relay_options *options, int id, const char *value,
                                        struct ct_why *why);
/* Fills in the paths that follow from others. CT_ERR_CONFIG when something required is missing. */
CT_MUST_USE ct_err ct_relay_options_finish(struct ct_relay_options *options, struct ct_why *why);
/*
 * A key of turnserver.conf that the server does not know: CT_ERR_CONFIG when it was meant for the
 * module, CT_OK when it has nothing to do with it.
 */
CT_MUST_USE ct_err ct_relay_options_unknown(const char *key, struct ct_why *why);

#endif

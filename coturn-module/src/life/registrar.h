/* The relay's life on the chain, on a thread of its own: registers, and keeps reading. */
#ifndef CT_RELAY_REGISTRAR_H
#define CT_RELAY_REGISTRAR_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "follow/board.h"
#include "chain/bundle.h"
#include "chain/key.h"
#include "chain/registry.h"
#include "life/keyring.h"
#include "life/owner.h"
#include "passes/passes.h"
#include "packets/policy.h"
#include "life/registrar_link.h"
#include "peers/sets.h"

struct ct_registrar;

/* Everything is borrowed until ct_registrar_stop() has returned. */
struct ct_registrar_config {
    const struct ct_bundle *bundle;
    const struct ct_wallet *wallet;
    struct ct_keyring *keys;        /* these two are the thread's while it runs */
    struct ct_relay *record;        /* what this relay wants to be listed as */
    const struct ct_policy *policy; /* addresses that it refuses do not enter the set */
    struct ct_passes *passes;
    struct ct_sets *sets;
    struct ct_own_statement *statement; /* kept signed by the thread */
    const char *relays_path;            /* where set and keys are kept */
    const char *keys_path;
    const char *log_path;
    const char *devices_path; /* NULL: devices are not asked for */
    struct ct_rg_link *link;  /* to the process with the wallet's key; NULL: nothing is sent */
    const char *memo_path;
    uint32_t key_days;          /* after that many days another key is made; 0: never */
    uint16_t renew_days;        /* a renewal is asked for that long before the expiry */
    uint32_t balance_warn_gwei; /* a wallet with less is told of */
    uint32_t poll_ms;
    struct ct_board *board; /* where to put up what is known; NULL: nowhere */
    struct ct_log log;
    /*
     * Called from the thread when the endpoints agree on a chain that is not the bundle's, or one
     * without its contract, and nothing is known from an earlier run: waiting would mend nothing.
     */
    void (*not_our_chain)(void *arg);
    /* Called from the thread when the log revokes a pass. */
    void (*pass_revoked)(void *arg, const uint8_t id16[16]);
    /* Called from the thread now and then while it leaves; gone: the chain does not list it. */
    void (*leaving)(void *arg, bool gone);
    void *arg;
};

/* Loads what is on disk: before any client can ask. No thread runs yet. */
CT_MUST_USE ct_err ct_registrar_new(struct ct_registrar **out,
                                    const struct ct_registrar_config *config, struct ct_why *why);
CT_MUST_USE ct_err ct_registrar_start(struct ct_registrar *registrar, struct ct_why *why);
/* From now on the relay is not to be listed: it is withdrawn, and nothing is registered anew. */
void ct_registrar_leave(struct ct_registrar *registrar);
/* Waits until the withdrawal is in a block, or nothing is to be withdrawn; false: not in time. */
bool ct_registrar_await_gone(struct ct_registrar *registrar, uint32_t within_ms);
/* Asks the thread to end and does not wait for a request under way: the process ends next. */
void ct_registrar_stop(struct ct_registrar *registrar);

#endif

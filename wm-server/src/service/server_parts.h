/* The parts of the running server, and what its files do with them: joined, then run in rounds of
 * their own threads, then listening; a reload changes some of them. */
#ifndef CT_WM_SERVER_PARTS_H
#define CT_WM_SERVER_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"
#include "http/handshake.h"
#include "http/http.h"
#include "keys/keyring.h"
#include "relays/reprobe.h"
#include "relays/vet.h"
#include "service/loop.h"
#include "service/observe.h"
#include "service/replica.h"
#include "service/server.h"
#include "service/settings.h"
#include "service/verify.h"
#include "tx/desk.h"
#include "tx/txmgr.h"

enum { CT_SERVER_WORKERS = 32 };
enum {
    CT_OF_VET = CT_SERVER_WORKERS,
    CT_OF_REPROBE,
    CT_OF_DESK,
    CT_SERVER_CHAINS
}; /* whose chain object */
/* Whose handle of the store: each of these threads works under a lease. */
enum { CT_BY_TX, CT_BY_FUND, CT_BY_VET, CT_BY_REPROBE, CT_SERVER_HANDLES };

/* Of the test of relays: what a reload may change. */
struct ct_server_vet_bounds {
    uint32_t timeout_ms;
    uint64_t approval_days;
    bool allow_private;
};

struct ct_server {
    struct ct_log log;
    struct ct_observe observe;
    struct ct_settings settings;
    bool has_settings;
    int account_lock, funder_lock; /* -1: not taken */
    struct ct_keys keys;
    struct ct_bundle bundle;
    struct ct_verified verified;
    struct ct_keywatch keywatch;               /* the vet loop's */
    struct ct_chain *chains[CT_SERVER_CHAINS]; /* the first are the workers' */
    struct ct_desk *desk;                      /* at which the workers ask the chain together */
    struct ct_desk_seat seats[CT_SERVER_WORKERS];
    struct ct_ledger ledgers[CT_SERVER_WORKERS];
    struct ct_store *store, *handles[CT_SERVER_HANDLES];
    struct ct_replica replica;
    struct ct_sessions *sessions;
    struct ct_enrolment *enrolment;
    pthread_mutex_t reload_lock; /* for api, the bounds, the next keys and the watch */
    struct ct_server_vet_bounds vet_bounds;
    struct ct_reprobe_bounds reprobe_bounds;
    struct ct_api api;
    struct ct_vet vet;
    struct ct_reprobe reprobe;
    struct ct_txmgr *txmgr, *funder; /* funder: NULL without its key */
    struct ct_loop *vet_loop, *reprobe_loop, *tx_loop, *fund_loop;
    atomic_uint gathered; /* operations since the last round of tx_loop */
    struct ct_listener *plain, *tls;
};

/* ---- server_join.c: desk, enrolment, API, tests of relays, transaction managers ---- */
CT_MUST_USE ct_err ct_server_join(struct ct_server *s, struct ct_why *why);

/* ---- server_rounds.c ---- */
CT_MUST_USE ct_err ct_server_loops(struct ct_server *s, struct ct_why *why);
/* Callbacks, arg is the server: an operation was stored; a lease was taken; an approval or
 * revocation of a relay waits to be sent. */
void ct_server_wake(void *arg, enum ct_op_kind kind);
void ct_server_taken(void *arg);
void ct_server_passed(void *arg);

/* ---- server_listen.c ---- */
CT_MUST_USE ct_err ct_server_listen(struct ct_server *s, struct ct_why *why);
void ct_server_say_ready(const struct ct_server *s);

/* ---- server_reload.c; both under reload_lock once the server runs ---- */
/* What a reload may change. */
void ct_server_apply_bounds(struct ct_server *s);
/* Serves with what the contract lists now. */
CT_MUST_USE ct_err ct_server_apply_keys(struct ct_server *s, struct ct_why *why);

#endif

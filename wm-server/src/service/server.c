/* Wiring: settings, keys, chain objects (one a thread), store, sessions, loops, listeners. */
#include "service/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/account_lock.h"
#include "api/api.h"
#include "base/clock.h"
#include "base/secret.h"
#include "service/command.h"
#include "tx/desk.h"
#include "http/handshake.h"
#include "http/http.h"
#include "keys/keyring.h"
#include "service/loop.h"
#include "service/observe.h"
#include "http/plain.h"
#include "relays/probe.h"
#include "service/reload.h"
#include "service/replica.h"
#include "relays/reprobe.h"
#include "service/restore.h"
#include "service/settings.h"
#include "tx/txmgr.h"
#include "service/verify.h"
#include "relays/vet.h"

enum { WORKERS = 32, SESSIONS = 65536, VET_PERIOD_MS = 500 };
enum { OF_VET = WORKERS, OF_REPROBE, OF_DESK, CHAINS }; /* whose chain object */
/* Whose handle of the store: each of these threads works under a lease. */
enum { BY_TX, BY_FUND, BY_VET, BY_REPROBE, HANDLES };

/* Of the test of relays: what a reload may change. */
struct vet_bounds {
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
    struct ct_keywatch keywatch;     /* the vet loop's */
    struct ct_chain *chains[CHAINS]; /* the first are the workers' */
    struct ct_desk *desk;            /* at which the workers ask the chain together */
    struct ct_desk_seat seats[WORKERS];
    struct ct_ledger ledgers[WORKERS];
    struct ct_store *store, *handles[HANDLES];
    struct ct_replica replica;
    struct ct_sessions *sessions;
    struct ct_enrolment *enrolment;
    pthread_mutex_t reload_lock; /* for api, the bounds, the next keys and the watch */
    struct vet_bounds vet_bounds;
    struct ct_reprobe_bounds reprobe_bounds;
    struct ct_api api;
    struct ct_vet vet;
    struct ct_reprobe reprobe;
    struct ct_txmgr *txmgr, *funder; /* funder: NULL without its key */
    struct ct_loop *vet_loop, *reprobe_loop, *tx_loop, *fund_loop;
    atomic_uint gathered; /* operations since the last round of tx_loop */
    struct ct_listener *plain, *tls;
};

static ct_err load(struct ct_server *s, const char *conf_path, struct ct_why *why)
{
    s->log = ct_command_log(CT_LOG_INFO);
    s->account_lock = -1;
    s->funder_lock = -1;
    ct_err err = ct_settings_load(&s->settings, conf_path, why);
    if (err != CT_OK) {
        return err;
    }
    s->has_settings = true;
    err = ct_observe_log(&s->observe, &s->log, &s->settings, why);
    if (err == CT_OK) {
        err = ct_keys_load(&s->keys, &s->settings, why);
    }
    if (err == CT_OK) {
        err = ct_settings_bundle(&s->bundle, &s->settings, why);
    }
    const struct ct_chain_env env = {.log = s->log};
    for (size_t i = 0; i < CHAINS && err == CT_OK; i++) {
        err = ct_chain_open(&s->chains[i], &s->bundle, &env, why);
    }
    if (err == CT_OK) {
        err = ct_verify(&s->verified, s->chains[OF_VET], &s->settings, &s->keys, &s->log, why);
    }
    return err;
}

static void wake(void *arg, enum ct_op_kind kind)
{
    struct ct_server *s = arg;
    if (kind == CT_OP_APPROVE_RELAY) {
        ct_loop_kick(s->vet_loop);
    } else if (kind == CT_OP_FUND) {
        ct_loop_kick(s->fund_loop);
    } else if (atomic_fetch_add(&s->gathered, 1) + 1 == s->settings.batch) {
        ct_loop_kick(s->tx_loop); /* a full transaction does not wait for the window's end */
    }
}

/* A lease was taken. */
static void taken(void *arg)
{
    struct ct_server *s = arg;
    ct_loop_kick(s->vet_loop);
    ct_loop_kick(s->reprobe_loop);
    ct_loop_kick(s->tx_loop);
    ct_loop_kick(s->fund_loop);
}

static void passed(void *arg)
{
    struct ct_server *s = arg;
    ct_loop_kick(s->tx_loop);
}

static struct ct_pass_issuer issuer_of(const struct ct_server *s, struct ct_store *store)
{
    size_t g = ct_keyring_signer(&s->verified.ring, false);
    struct ct_pass_issuer issuer = {.key_id = s->verified.ring.id[g],
                                    .key = s->verified.ring.pass[g],
                                    .life_s = s->settings.pass_life_s,
                                    .store = store};
    memcpy(issuer.deployment32, s->bundle.deployment32, 32);
    return issuer;
}

static struct ct_fund_policy fund_policy(const struct ct_settings *settings)
{
    return (struct ct_fund_policy){
        .has_funder = settings->funder_path != NULL,
        .gas_most = settings->gas_most,
        .fee_most_gwei = settings->fee_most_gwei,
        .most = {.hour_gwei = settings->hour_gwei, .day_gwei = settings->day_gwei}};
}

/* One manager for each account that sends. */
static ct_err make_txmgrs(struct ct_server *s, struct ct_why *why)
{
    struct ct_txmgr_config tc = {.bundle = &s->bundle,
                                 .wallet = &s->keys.approver,
                                 .role = "approver",
                                 .lanes = ct_lanes_approver,
                                 .store = s->handles[BY_TX],
                                 .lease = s->replica.leases[CT_ACCOUNT_APPROVER],
                                 .rules = {.confirmations = (unsigned)s->settings.confirmations,
                                           .repeat_s = s->settings.repeat_s,
                                           .bump_s = s->settings.bump_s,
                                           .lost_s = s->settings.lost_s},
                                 .fee_most_wei = s->settings.chain_fee_gwei * 1000000000,
                                 .batch = s->settings.batch,
                                 .log = s->log};
    ct_err err = ct_txmgr_new(&s->txmgr, &tc, why);
    if (err == CT_OK && s->settings.funder_path != NULL) {
        tc.wallet = &s->keys.funder;
        tc.role = "funder";
        tc.lanes = ct_lanes_funder;
        tc.store = s->handles[BY_FUND];
        tc.lease = s->replica.leases[CT_ACCOUNT_FUNDER];
        err = ct_txmgr_new(&s->funder, &tc, why);
    }
    return err;
}

/* What a reload may change; under reload_lock once the server runs. */
static void apply_bounds(struct ct_server *s)
{
    const struct ct_settings *c = &s->settings;
    s->api.device_days = c->device_days;
    s->api.allow_private = c->allow_private;
    s->api.issuer.life_s = c->pass_life_s;
    s->api.funding = fund_policy(c);
    s->api.limits = (struct ct_gate_limits){.party = (uint32_t)c->party_minute,
                                            .token = (uint32_t)c->token_minute,
                                            .prefix = (uint32_t)c->prefix_minute};
    s->vet_bounds = (struct vet_bounds){.timeout_ms = (uint32_t)c->probe_timeout_s * 1000,
                                        .approval_days = c->relay_days,
                                        .allow_private = c->allow_private};
    s->reprobe_bounds = (struct ct_reprobe_bounds){.every_s = c->reprobe_s,
                                                   .strikes = c->strikes,
                                                   .grace_s = c->grace_s,
                                                   .timeout_ms = s->vet_bounds.timeout_ms,
                                                   .allow_private = c->allow_private};
    const struct ct_watch_alerts alerts = ct_settings_alerts(c);
    ct_watch_alerts(s->observe.watch, &alerts);
    s->observe.tee.max = c->level;
    s->observe.tee.is_json = c->log_json;
}

static ct_err join_parts(struct ct_server *s, struct ct_why *why)
{
    struct ct_enrolment_config ec = {
        .net = {.chain_id = s->bundle.chain_id},
        .keys = {s->verified.ring.handshake[0], s->verified.ring.handshake[1]},
        .key_count = s->verified.ring.handshakes,
        .sessions = s->sessions,
        .mono_ms = ct_mono_ms,
        .log = s->log};
    memcpy(ec.net.contract20, s->bundle.contract20, 20);
    ct_err err = ct_enrolment_new(&s->enrolment, &ec);
    if (err != CT_OK) {
        return ct_why(why, err, "cannot set up enrolment: %s", ct_err_text(err));
    }
    err = ct_desk_new(&s->desk, s->chains[OF_DESK]);
    if (err != CT_OK) {
        return ct_why(why, err, "out of memory");
    }
    (void)pthread_mutex_init(&s->reload_lock, NULL);
    s->api = (struct ct_api){.chain_id = s->bundle.chain_id,
                             .key_count = s->verified.key_count,
                             .issuer = issuer_of(s, s->store),
                             .approver = &s->keys.approver,
                             .store = s->store,
                             .sessions = s->sessions,
                             .wall_us = ct_wall_us,
                             .wall_s = ct_wall_s,
                             .mono_ms = ct_mono_ms,
                             .wake = wake,
                             .wake_arg = s,
                             .log = s->log};
    memcpy(s->api.contract20, s->bundle.contract20, 20);
    memcpy(s->api.keys, s->verified.keys, sizeof s->api.keys);
    for (size_t i = 0; i < WORKERS; i++) {
        s->ledgers[i] = ct_desk_ledger(&s->seats[i], s->desk, s->chains[i]);
    }
    s->vet = (struct ct_vet){.ledger = ct_ledger_of_chain(s->chains[OF_VET]),
                             .store = s->handles[BY_VET],
                             .issuer = issuer_of(s, s->handles[BY_VET]),
                             .probe = ct_probe_relay,
                             .probe_at = s->settings.probe_at,
                             .wall_s = ct_wall_s,
                             .passed = passed,
                             .passed_arg = s,
                             .log = s->log};
    s->reprobe = (struct ct_reprobe){.ledger = ct_ledger_of_chain(s->chains[OF_REPROBE]),
                                     .store = s->handles[BY_REPROBE],
                                     .issuer = issuer_of(s, s->handles[BY_REPROBE]),
                                     .probe = ct_probe_relay,
                                     .probe_at = s->settings.probe_at,
                                     .wall_s = ct_wall_s,
                                     .queued = passed,
                                     .queued_arg = s,
                                     .log = s->log};
    ct_keywatch_begin(&s->keywatch, s->verified.keys, s->verified.time_s, ct_mono_ms());
    memcpy(s->reprobe.approver20, s->keys.approver.addr20, sizeof s->reprobe.approver20);
    memcpy(s->vet.contract20, s->bundle.contract20, sizeof s->vet.contract20);
    memcpy(s->reprobe.contract20, s->bundle.contract20, sizeof s->reprobe.contract20);
    s->vet.chain_id = s->reprobe.chain_id = s->bundle.chain_id;
    apply_bounds(s);
    return make_txmgrs(s, why);
}

static void on_plain(void *arg, size_t worker, const struct ct_request *request,
                     struct ct_answer *answer)
{
    const struct ct_server *s = arg;
    (void)worker;
    ct_plain_handle(s->enrolment, request, answer);
}

static void on_tls(void *arg, size_t worker, const struct ct_request *request,
                   struct ct_answer *answer)
{
    struct ct_server *s = arg;
    (void)pthread_mutex_lock(&s->reload_lock);
    struct ct_api api = s->api; /* one request sees one configuration */
    (void)pthread_mutex_unlock(&s->reload_lock);
    ct_api_handle(&api, &s->ledgers[worker], request, answer);
}

/* On the threads that serve the sockets. */
static bool on_tls_quick(void *arg, const struct ct_request *request, struct ct_answer *answer)
{
    struct ct_server *s = arg;
    (void)pthread_mutex_lock(&s->reload_lock);
    struct ct_api api = s->api;
    (void)pthread_mutex_unlock(&s->reload_lock);
    return ct_api_quick(&api, request, answer);
}

static ct_err psk_of(void *arg, const char *identity, struct ct_secret32 *out)
{
    struct ct_server *s = arg;
    return ct_sessions_psk(s->sessions, identity, ct_mono_ms(), out);
}

static ct_err listen_all(struct ct_server *s, struct ct_why *why)
{
    struct ct_listener_config c = {.address = s->settings.listen_tls,
                                   .handler = on_tls,
                                   .handler_arg = s,
                                   .quick = on_tls_quick,
                                   .psk = psk_of,
                                   .psk_arg = s,
                                   .workers = WORKERS,
                                   .connections = (unsigned)s->settings.connections,
                                   .per_ip = (unsigned)s->settings.per_ip,
                                   .timeout_s = (unsigned)s->settings.timeout_s,
                                   .log = s->log};
    ct_err err = ct_listener_start(&s->tls, &c, why);
    if (err == CT_OK) {
        c.address = s->settings.listen_handshake;
        c.handler = on_plain;
        c.quick = NULL;
        c.psk = NULL;
        c.workers = 0; /* computes only: no chain, no store */
        err = ct_listener_start(&s->plain, &c, why);
    }
    const struct ct_observe_parts parts = {.settings = &s->settings,
                                           .bundle = &s->bundle,
                                           .keys = &s->keys,
                                           .store = s->store,
                                           .sessions = s->sessions,
                                           .leads = ct_replica_leads,
                                           .leads_arg = &s->replica,
                                           .leases = s->replica.leases,
                                           .lease_count = s->replica.count};
    if (err == CT_OK) {
        err = ct_observe_start(&s->observe, &parts, &s->log, why);
    }
    return err;
}

/* ADDRESS of ADDRESS:PORT, and the port that it is in fact. */
static int host_len(const char *address)
{
    const char *colon = strrchr(address, ':');
    return colon == NULL ? (int)strlen(address) : (int)(colon - address);
}

static void say_ready(const struct ct_server *s)
{
    char contract[CT_ADDR_TEXT_LEN];
    const char *h = s->settings.listen_handshake;
    const char *t = s->settings.listen_tls;
    ct_addr_text(contract, s->bundle.contract20);
    char op[160] = "none";
    const char *o = ct_settings_operator(&s->settings);
    if (o != NULL) {
        (void)snprintf(op, sizeof op, "%s://%.*s:%u", s->observe.tls != NULL ? "https" : "http",
                       host_len(o), o, ct_operator_port(s->observe.op));
    }
    ct_log(&s->log, CT_LOG_INFO,
           "ready handshake=http://%.*s:%u tls=https://%.*s:%u operator=%s chain=%llu contract=%s "
           "block=%llu",
           host_len(h), h, ct_listener_port(s->plain), host_len(t), t, ct_listener_port(s->tls), op,
           (unsigned long long)s->bundle.chain_id, contract, (unsigned long long)s->verified.block);
}

/* Serves with what the contract lists now; under reload_lock. */
static ct_err apply_keys(struct ct_server *s, struct ct_why *why)
{
    struct ct_keyring ring;
    const struct ct_keywatch *w = &s->keywatch;
    /* tokens are checked against what the contract lists, whether or not any of it is ours */
    memcpy(s->api.keys, w->listed, sizeof s->api.keys);
    s->api.key_count = w->listed[1].id != 0 ? 2 : 1;
    ct_err err = ct_keyring_match(&ring, w->listed, w->time_s, &s->settings, &s->keys, why);
    if (err == CT_OK && ct_enrolment_keys(s->enrolment, ring.handshake, ring.handshakes) != CT_OK) {
        err = ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    if (err != CT_OK) {
        return err;
    }
    size_t g = ct_keyring_signer(&ring, ct_keywatch_is_settled(w, ct_mono_ms()));
    s->api.issuer.key = ring.pass[g];
    s->api.issuer.key_id = ring.id[g];
    return CT_OK;
}

/* In the vet loop's thread, whose chain object it asks. */
static void follow_keys(struct ct_server *s)
{
    struct ct_why why = {{0}};
    struct ct_keywatch watch = s->keywatch; /* only this thread writes it */
    bool is_new = ct_keywatch_look(&watch, s->chains[OF_VET], ct_mono_ms());
    (void)pthread_mutex_lock(&s->reload_lock);
    s->keywatch = watch;
    ct_err err = is_new ? apply_keys(s, &why) : CT_OK;
    uint32_t id = s->api.issuer.key_id;
    (void)pthread_mutex_unlock(&s->reload_lock);
    if (err != CT_OK) {
        ct_log(&s->log, CT_LOG_ERROR, "keys_not_listed keeps=%u cause=\"%s\"", id, why.text);
    } else if (is_new) {
        ct_log(&s->log, CT_LOG_INFO, "keys listed=%u previous=%u signs_with=%u", watch.listed[0].id,
               watch.listed[1].id, id);
    }
}

/* One round sees one configuration. */
static void vet_round(void *arg, struct ct_loop *loop)
{
    struct ct_server *s = arg;
    follow_keys(s);
    if (!ct_lease_enter(s->replica.leases[CT_ACCOUNT_APPROVER], s->handles[BY_VET])) {
        return;
    }
    (void)pthread_mutex_lock(&s->reload_lock);
    struct vet_bounds b = s->vet_bounds;
    s->vet.issuer.key = s->api.issuer.key;
    s->vet.issuer.key_id = s->api.issuer.key_id;
    (void)pthread_mutex_unlock(&s->reload_lock);
    s->vet.probe_timeout_ms = b.timeout_ms;
    s->vet.approval_days = b.approval_days;
    s->vet.allow_private = b.allow_private;
    ct_vet_round(&s->vet, loop);
}

static void reprobe_round(void *arg, struct ct_loop *loop)
{
    struct ct_server *s = arg;
    if (!ct_lease_enter(s->replica.leases[CT_ACCOUNT_APPROVER], s->handles[BY_REPROBE])) {
        return;
    }
    (void)pthread_mutex_lock(&s->reload_lock);
    s->reprobe.bounds = s->reprobe_bounds;
    s->reprobe.issuer.key = s->api.issuer.key;
    s->reprobe.issuer.key_id = s->api.issuer.key_id;
    (void)pthread_mutex_unlock(&s->reload_lock);
    ct_reprobe_round(&s->reprobe, loop);
}

static void tx_round(void *arg, struct ct_loop *loop)
{
    struct ct_server *s = arg;
    atomic_store(&s->gathered, 0);
    ct_txmgr_round(s->txmgr, loop);
}

static ct_err start_loops(struct ct_server *s, struct ct_why *why)
{
    uint32_t window_ms = (uint32_t)s->settings.window_ms;
    ct_err err = ct_loop_start(&s->tx_loop, window_ms, tx_round, s);
    if (err == CT_OK && s->funder != NULL) {
        err = ct_loop_start(&s->fund_loop, window_ms, ct_txmgr_round, s->funder);
    }
    if (err == CT_OK) {
        err = ct_loop_start(&s->vet_loop, VET_PERIOD_MS, vet_round, s);
    }
    if (err == CT_OK) {
        err = ct_loop_start(&s->reprobe_loop, VET_PERIOD_MS, reprobe_round, s);
    }
    if (err == CT_OK) {
        return ct_replica_run(&s->replica, why);
    }
    return ct_why(why, CT_ERR_SYSTEM, "cannot start a thread");
}

/* The accounts are this server's alone, or those who share them share the store. */
static ct_err lock_accounts(struct ct_server *s, struct ct_why *why)
{
    bool is_shared = s->settings.store_path == NULL;
    ct_err err = ct_account_lock(&s->account_lock, s->settings.approver_path,
                                 s->keys.approver.addr20, is_shared, why);
    if (err == CT_OK && s->settings.funder_path != NULL) {
        err = ct_account_lock(&s->funder_lock, s->settings.funder_path, s->keys.funder.addr20,
                              is_shared, why);
    }
    return err;
}

/* The store, this server's leases there, and a handle for each thread that works under one. */
static ct_err open_store(struct ct_server *s, struct ct_why *why)
{
    const struct ct_wallet *const accounts[HANDLES] = {&s->keys.approver, &s->keys.funder,
                                                       &s->keys.approver, &s->keys.approver};
    ct_err err = ct_settings_store(&s->store, &s->settings, why);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_replica_parts parts = {.settings = &s->settings,
                                           .keys = &s->keys,
                                           .bundle = &s->bundle,
                                           .store = s->store,
                                           .taken = taken,
                                           .taken_arg = s};
    err = ct_replica_join(&s->replica, &parts, &s->log, why);
    for (size_t i = 0; i < HANDLES && err == CT_OK; i++) {
        err = ct_store_fenced(&s->handles[i], s->store, accounts[i]->addr20);
    }
    if (err == CT_OK) {
        bool pays = s->settings.funder_path != NULL;
        err = ct_restore(s->store, s->chains[OF_VET], pays ? s->keys.funder.addr20 : NULL, &s->log,
                         why);
    }
    return err;
}

static ct_err start(struct ct_server *s, const char *conf_path, struct ct_why *why)
{
    ct_err err = load(s, conf_path, why);
    if (err == CT_OK) {
        err = lock_accounts(s, why);
    }
    if (err == CT_OK) {
        err = open_store(s, why);
    }
    if (err == CT_OK) {
        err = ct_observe_begun(s->store, conf_path, &s->bundle, why);
    }
    if (err == CT_OK && ct_sessions_new(&s->sessions, SESSIONS) != CT_OK) {
        err = ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    if (err == CT_OK) {
        err = join_parts(s, why);
    }
    if (err == CT_OK) {
        err = start_loops(s, why);
    }
    return err == CT_OK ? listen_all(s, why) : err;
}

ct_err ct_server_start(struct ct_server **out, const char *conf_path, struct ct_why *why)
{
    struct ct_server *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    ct_err err = start(s, conf_path, why);
    if (err != CT_OK) {
        ct_server_stop(s);
        return err;
    }
    say_ready(s);
    *out = s;
    return CT_OK;
}

/* Keys that are served with stay where they are: others only come. */
static void take_next_keys(struct ct_server *s, const struct ct_keys *next,
                           const struct ct_settings *wanted)
{
    if (s->settings.next_pass_path == NULL && wanted->next_pass_path != NULL) {
        s->keys.next_pass = next->next_pass;
        s->keys.has_next_pass = true;
    }
    if (s->settings.next_handshake_path == NULL && wanted->next_handshake_path != NULL) {
        s->keys.next_handshake = next->next_handshake;
        s->keys.has_next_handshake = true;
    }
}

ct_err ct_server_reload(struct ct_server *s, const char *conf_path, struct ct_why *why)
{
    struct ct_settings wanted;
    struct ct_reload changed;
    struct ct_log log = s->log;
    struct ct_keys next = {.has_next_pass = false};
    ct_err err = ct_settings_load(&wanted, conf_path, why);
    if (err == CT_OK && (err = ct_next_keys_load(&next, &wanted, why)) != CT_OK) {
        ct_settings_free(&wanted);
    }
    if (err == CT_OK) {
        err = ct_observe_begun(s->store, conf_path, &s->bundle, why);
        if (err != CT_OK) {
            ct_settings_free(&wanted);
        }
    }
    if (err != CT_OK) {
        ct_wipe(&next, sizeof next);
        ct_log(&log, CT_LOG_ERROR, "reload_refused keeps=all cause=\"%s\"", why->text);
        return err;
    }
    (void)pthread_mutex_lock(&s->reload_lock);
    take_next_keys(s, &next, &wanted);
    ct_reload_settings(&s->settings, &wanted, &changed);
    apply_bounds(s);
    ct_err applied = apply_keys(s, why);
    (void)pthread_mutex_unlock(&s->reload_lock);
    if (applied != CT_OK) {
        ct_log(&log, CT_LOG_ERROR, "keys_not_listed cause=\"%s\"", why->text);
    }
    ct_wipe(&next, sizeof next);
    ct_settings_free(&wanted);
    ct_log(&log, CT_LOG_INFO, "reloaded taken=%s waiting_for_restart=%s", changed.taken,
           changed.waiting);
    return CT_OK;
}

struct ct_log ct_server_log(const struct ct_server *s)
{
    return (struct ct_log){.sink = s->settings.log_json ? ct_log_json : ct_log_stderr,
                           .max = s->settings.level};
}

void ct_server_stop(struct ct_server *s)
{
    if (s == NULL) {
        return;
    }
    ct_listener_stop(s->plain);
    ct_listener_stop(s->tls);
    ct_replica_quiet(&s->replica); /* or it would wake loops that are gone */
    ct_loop_stop(s->vet_loop);
    ct_loop_stop(s->reprobe_loop);
    ct_loop_stop(s->tx_loop);
    ct_loop_stop(s->fund_loop);
    ct_replica_leave(&s->replica);
    ct_observe_stop(&s->observe);
    ct_txmgr_free(s->txmgr);
    ct_txmgr_free(s->funder);
    ct_enrolment_free(s->enrolment);
    ct_sessions_free(s->sessions);
    ct_replica_free(&s->replica);
    for (size_t i = 0; i < HANDLES; i++) {
        ct_store_free(s->handles[i]);
    }
    ct_store_free(s->store);
    ct_desk_free(s->desk);
    for (size_t i = 0; i < CHAINS; i++) {
        ct_chain_free(s->chains[i]);
    }
    ct_keys_wipe(&s->keys);
    ct_observe_free(&s->observe);
    if (s->has_settings) {
        ct_settings_free(&s->settings);
    }
    if (s->account_lock >= 0) {
        (void)close(s->account_lock);
    }
    if (s->funder_lock >= 0) {
        (void)close(s->funder_lock);
    }
    free(s);
}

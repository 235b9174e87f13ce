/* The whole, from its files to its end: every part is made, run and taken down in order. */
#include "service/server.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "service/account_lock.h"
#include "service/command.h"
#include "service/restore.h"
#include "service/server_parts.h"

enum { SESSIONS = 65536 };

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
    for (size_t i = 0; i < CT_SERVER_CHAINS && err == CT_OK; i++) {
        err = ct_chain_open(&s->chains[i], &s->bundle, &env, why);
    }
    if (err == CT_OK) {
        err = ct_verify(&s->verified, s->chains[CT_OF_VET], &s->settings, &s->keys, &s->log, why);
    }
    return err;
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
    const struct ct_wallet *const accounts[CT_SERVER_HANDLES] = {
        &s->keys.approver, &s->keys.funder, &s->keys.approver, &s->keys.approver};
    ct_err err = ct_settings_store(&s->store, &s->settings, why);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_replica_parts parts = {.settings = &s->settings,
                                           .keys = &s->keys,
                                           .bundle = &s->bundle,
                                           .store = s->store,
                                           .taken = ct_server_taken,
                                           .taken_arg = s};
    err = ct_replica_join(&s->replica, &parts, &s->log, why);
    for (size_t i = 0; i < CT_SERVER_HANDLES && err == CT_OK; i++) {
        err = ct_store_fenced(&s->handles[i], s->store, accounts[i]->addr20);
    }
    if (err == CT_OK) {
        bool pays = s->settings.funder_path != NULL;
        err = ct_restore(s->store, s->chains[CT_OF_VET], pays ? s->keys.funder.addr20 : NULL,
                         &s->log, why);
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
        err = ct_server_join(s, why);
    }
    if (err == CT_OK) {
        err = ct_server_loops(s, why);
    }
    return err == CT_OK ? ct_server_listen(s, why) : err;
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
    ct_server_say_ready(s);
    *out = s;
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
    for (size_t i = 0; i < CT_SERVER_HANDLES; i++) {
        ct_store_free(s->handles[i]);
    }
    ct_store_free(s->store);
    ct_desk_free(s->desk);
    for (size_t i = 0; i < CT_SERVER_CHAINS; i++) {
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

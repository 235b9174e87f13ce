/* The client's object: what it is made of, what its parts need of one another, its end. */
#include "client_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"

ct_err ct_client_fail(struct ct_client *c, ct_err err, const char *format, ...)
{
    va_list args;
    char text[sizeof c->error];
    struct ct_why why;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)ct_why(&why, err, "%s", text);
    memcpy(c->error, why.text, sizeof c->error);
    return err;
}

const char *ct_client_error(const struct ct_client *c)
{
    return c->error;
}

const char *ct_client_identity(const struct ct_client *c)
{
    return c->identity;
}

void ct_client_tell(struct ct_client *c, const struct ct_client_event *event)
{
    if (c->config.event != NULL) {
        c->config.event(c->config.arg, event);
    }
}

/* ---- what the machines below need of us ---- */

static void log_line(enum ct_log_level level, const char *line, void *arg)
{
    struct ct_client *c = arg;
    (void)level;
    c->config.log(c->config.arg, line);
}

static enum ct_path send_on_lane(void *arg, unsigned lane, const struct ct_addr *to,
                                 const uint8_t *datagram, size_t len)
{
    struct ct_client *c = arg;
    return lane < CT_LANES && c->lanes[lane].is_open
               ? ct_lane_send(&c->lanes[lane], to, datagram, len)
               : CT_PATH_NONE;
}

/* A record that a handshake needs: the answer comes to resolved() below. */
static void look_up(struct ct_client *c, const struct ct_call_lookup *lookup)
{
    for (size_t i = 0; i < CT_LOOKUPS; i++) {
        if (!c->lookups[i].is_used) {
            c->lookups[i].is_used = true;
            c->lookups[i].lookup = *lookup;
            ct_resolver_ask(c->resolver, lookup->identity, lookup->is_fresh,
                            lookup->call == CT_CALLS_NONE, CT_COOKIE_LOOKUP + i, ct_mono_ms(),
                            ct_wall_s());
            return;
        }
    }
    ct_calls_record(c->calls, lookup, NULL, ct_mono_ms());
}

static void call_event(void *arg, const struct ct_call_event *event)
{
    struct ct_client *c = arg;
    if (event->kind == CT_CALL_LOOKUP) {
        look_up(c, event->lookup);
    } else {
        ct_conns_call_event(c, event);
    }
}

static void record_known(struct ct_client *c, size_t which, const struct ct_found *found)
{
    struct ct_hs_party party;
    struct ct_call_lookup lookup = c->lookups[which].lookup;
    c->lookups[which].is_used = false;
    if (c->calls == NULL) {
        return;
    }
    if (found != NULL) {
        memset(&party, 0, sizeof party);
        memcpy(party.identity, found->identity, sizeof party.identity);
        memcpy(party.wallet20, found->device.wallet20, sizeof party.wallet20);
        memcpy(party.key32, found->device.key32, sizeof party.key32);
    }
    ct_calls_record(c->calls, &lookup, found != NULL ? &party : NULL, ct_mono_ms());
}

static void resolved(void *owner, uint64_t cookie, const struct ct_found *found, bool is_cached,
                     ct_err err, const char *why)
{
    struct ct_client *c = owner;
    if (cookie >= CT_COOKIE_ASK) {
        ct_ask_resolved(c, found, err, why);
    } else if (cookie >= CT_COOKIE_LOOKUP) {
        record_known(c, (size_t)(cookie - CT_COOKIE_LOOKUP), found);
    } else {
        struct ct_conn *conn = ct_conns_find(c, (unsigned)cookie);
        if (conn != NULL) {
            ct_conns_resolved(c, conn, found, is_cached, err, why);
        }
    }
}

ct_err ct_client_take_keys(struct ct_client *c, const char *identity,
                           const struct ct_wallet *wallet, const struct ct_x25519 *key)
{
    struct ct_calls_config config = {
        .net = {.chain_id = c->bundle.chain_id},
        .identity = c->identity,
        .wallet = &c->wallet,
        .key = &c->key,
        .random = ct_random,
        .send = send_on_lane,
        .event = call_event,
        .arg = c,
        .env = c->dtls,
        .streams = c->config.takes_streams != 0,
    };
    if (c->calls != NULL) {
        return CT_OK;
    }
    (void)snprintf(c->identity, sizeof c->identity, "%s", identity);
    c->wallet = *wallet;
    c->key = *key;
    c->has_keys = true;
    memcpy(config.net.contract20, c->bundle.contract20, sizeof config.net.contract20);
    memcpy(config.wallet20, c->wallet.addr20, sizeof config.wallet20);
    return ct_calls_new(&c->calls, &config);
}

/* ---- opening and closing ---- */

/* An enrolled device is ready to call at once. */
static void take_home(struct ct_client *c)
{
    struct ct_home_device device;
    struct ct_wallet wallet;
    struct ct_x25519 key;
    uint64_t age_s = 0;
    if (ct_home_load_device(&c->home, &device, NULL) == CT_OK) {
        (void)snprintf(c->identity, sizeof c->identity, "%s", device.identity);
        /* with a rotation under way the chain has to say first which key holds */
        if (!ct_home_has_next_key(&c->home, &age_s) &&
            ct_home_keys(&c->home, &wallet, &key, false, NULL) == CT_OK) {
            (void)!ct_client_take_keys(c, device.identity, &wallet, &key);
            ct_wipe(&wallet, sizeof wallet);
            ct_wipe(&key, sizeof key);
        }
    }
    c->has_pass = ct_home_load_pass(&c->home, &c->pass) == CT_OK &&
                  ct_pass_is_good(&c->pass, c->bundle.deployment32, ct_wall_s());
}

static ct_err open_parts(struct ct_client *c, struct ct_why *why)
{
    struct ct_worker_env env = {.log = c->log};
    ct_err err = ct_home_init(&c->home, c->config.home, why);
    if (err == CT_OK) {
        err = ct_home_bundle(&c->home, &c->bundle, c->config.bundle, why);
    }
    if (err == CT_OK && c->config.wallet_passphrase != NULL) {
        err = ct_home_unlock(&c->home, c->config.wallet_passphrase, why);
    }
    if (err != CT_OK) {
        return err;
    }
    if (c->config.insecure_single_rpc) {
        ct_bundle_allow_single(&c->bundle);
    }
    if ((err = ct_bundle_check(&c->bundle, why)) != CT_OK ||
        (err = ct_dtls_env_new(&c->dtls, why)) != CT_OK) {
        return err;
    }
    env.bundle = c->bundle;
    env.home = c->home;
    if ((err = ct_worker_new(&c->worker, &env)) != CT_OK ||
        (err = ct_resolver_new(&c->resolver, c->worker, &c->home, c->bundle.deployment32, resolved,
                               c)) != CT_OK) {
        return ct_why(why, err, "out of memory or of file descriptors");
    }
    return CT_OK;
}

ct_err ct_client_open(struct ct_client **out, const struct ct_client_config *config,
                      struct ct_client_why *why_out)
{
    struct ct_why why = {.text = ""};
    struct ct_client *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return CT_ERR_NOMEM;
    }
    (void)ct_memory_lock(&c->wallet, sizeof c->wallet);
    (void)ct_memory_lock(&c->key, sizeof c->key);
    c->config = *config;
    c->device.lock = -1;
    if (config->log != NULL) {
        c->log = (struct ct_log){.sink = log_line, .arg = c, .max = CT_LOG_INFO};
    }
    ct_err err = open_parts(c, &why);
    if (err != CT_OK) {
        if (why_out != NULL) {
            memcpy(why_out->text, why.text, sizeof why_out->text);
        }
        (void)ct_client_close(c);
        return err;
    }
    c->config.home = c->home.dir;
    c->config.bundle = NULL;
    c->config.wallet_passphrase = NULL;
    take_home(c);
    *out = c;
    return CT_OK;
}

static bool has_open_lane(const struct ct_client *c)
{
    for (size_t i = 0; i < CT_LANES; i++) {
        if (c->lanes[i].is_open) {
            return true;
        }
    }
    return false;
}

bool ct_client_close(struct ct_client *c)
{
    if (c == NULL) {
        return true;
    }
    uint64_t now_ms = ct_mono_ms();
    uint64_t end_ms = now_ms + 1200;
    c->config.event = NULL; /* nothing more is told */
    ct_calls_free(c->calls);
    c->calls = NULL;
    memset(c->conns, 0, sizeof c->conns);
    ct_device_stop(c, now_ms);
    for (size_t i = 0; i < CT_LANES; i++) {
        ct_lane_release(&c->lanes[i], now_ms);
    }
    while (has_open_lane(c) && ct_mono_ms() < end_ms) {
        ct_client_wait(c, 200);
    }
    for (size_t i = 0; i < CT_LANES; i++) {
        ct_lane_close(&c->lanes[i]);
    }
    bool is_clean = ct_worker_free(c->worker, c->device.lock);
    ct_resolver_free(c->resolver);
    ct_dtls_env_free(c->dtls);
    if (is_clean) { /* else the thread that goes on may use it */
        ct_home_forget(&c->home);
    }
    ct_wipe(c, sizeof *c);
    free(c);
    return is_clean;
}

/* ---- being a device ---- */

ct_err ct_client_listen(struct ct_client *c, const struct ct_client_enrol *enrol)
{
    return ct_device_start(c, enrol, false);
}

ct_err ct_client_up(struct ct_client *c, const struct ct_client_enrol *enrol)
{
    return ct_device_start(c, enrol, true);
}

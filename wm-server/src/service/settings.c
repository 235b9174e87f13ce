/* The table of the configuration's keys; wm-server.conf(5) says the same in words. */
#include "service/settings.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "operator/audit.h"
#include "keys/own_key.h"
#include "store/store.h"
#include "store/store_observed.h"

#define FIELD(member) offsetof(struct ct_settings, member)

static const struct ct_conf_key keys[] = {
    {"chain.bundle", CT_CONF_STRING, true, FIELD(bundle_path), "provisioning bundle"},
    {"chain.contract", CT_CONF_STRING, false, FIELD(contract), "instead of the bundle's"},
    {"chain.rpc", CT_CONF_LIST, false, FIELD(rpc), "endpoints instead of the bundle's"},
    {"chain.quorum", CT_CONF_U64, false, FIELD(quorum), "of them must agree"},
    {"chain.confirmations", CT_CONF_U64, false, FIELD(confirmations), "blocks until done"},
    {"chain.window-ms", CT_CONF_U64, false, FIELD(window_ms), "registrations are gathered so long"},
    {"chain.batch", CT_CONF_U64, false, FIELD(batch), "registrations in one transaction"},
    {"chain.repeat-s", CT_CONF_U64, false, FIELD(repeat_s), "a transaction is offered again"},
    {"chain.bump-s", CT_CONF_U64, false, FIELD(bump_s), "and for more"},
    {"chain.lost-s", CT_CONF_U64, false, FIELD(lost_s), "until a nonce counts as taken"},
    {"chain.fee-max-gwei", CT_CONF_U64, false, FIELD(chain_fee_gwei), "most for a unit of gas"},
    {"keys.approver", CT_CONF_STRING, true, FIELD(approver_path), "approver's wallet key"},
    {"keys.approver-passphrase", CT_CONF_STRING, false, FIELD(approver_passphrase), "of its key"},
    {"keys.funder", CT_CONF_STRING, false, FIELD(funder_path), "wallet key that pays for devices"},
    {"keys.funder-passphrase", CT_CONF_STRING, false, FIELD(funder_passphrase), "of its key"},
    {"keys.pass", CT_CONF_STRING, true, FIELD(pass_path), "Ed25519 key of passes and tokens"},
    {"keys.pass-id", CT_CONF_U64, true, FIELD(pass_key_id), "its number in the contract"},
    {"keys.handshake", CT_CONF_STRING, true, FIELD(handshake_path), "X25519 key of enrolments"},
    {"keys.next-pass", CT_CONF_STRING, false, FIELD(next_pass_path), "of the next generation"},
    {"keys.next-handshake", CT_CONF_STRING, false, FIELD(next_handshake_path), "likewise"},
    {"listen.handshake", CT_CONF_STRING, true, FIELD(listen_handshake), "ADDRESS:PORT, plain"},
    {"listen.tls", CT_CONF_STRING, true, FIELD(listen_tls), "ADDRESS:PORT, TLS-PSK"},
    {"listen.operator", CT_CONF_STRING, false, FIELD(listen_operator), "ADDRESS:PORT or none"},
    {"listen.operator-certificate", CT_CONF_STRING, false, FIELD(op_certificate), "PEM file"},
    {"listen.operator-key", CT_CONF_STRING, false, FIELD(op_key), "of the certificate, private"},
    {"listen.operator-clients", CT_CONF_STRING, false, FIELD(op_clients), "their authorities"},
    {"store.path", CT_CONF_STRING, false, FIELD(store_path), "SQLite file"},
    {"store.redis", CT_CONF_STRING, false, FIELD(store_redis), "unix:/path or host:port instead"},
    {"store.redis-password-file", CT_CONF_STRING, false, FIELD(redis_password_path), "private"},
    {"store.sentinel", CT_CONF_LIST, false, FIELD(sentinels), "HOST:PORT, instead of redis"},
    {"store.sentinel-master", CT_CONF_STRING, false, FIELD(sentinel_master), "its name there"},
    {"store.sentinel-password-file", CT_CONF_STRING, false, FIELD(sentinel_password_path),
     "theirs"},
    {"store.replicas", CT_CONF_U64, false, FIELD(replicas), "that must have each change"},
    {"store.lease-ms", CT_CONF_U64, false, FIELD(lease_ms), "until a silent server is replaced"},
    {"relays.approval-days", CT_CONF_U64, false, FIELD(relay_days), "life of an approval"},
    {"relays.probe-timeout-s", CT_CONF_U64, false, FIELD(probe_timeout_s), "for one test"},
    {"relays.reprobe-s", CT_CONF_U64, false, FIELD(reprobe_s), "between tests; 0: none"},
    {"relays.strikes", CT_CONF_U64, false, FIELD(strikes), "failed tests that revoke; 0: none"},
    {"relays.grace-s", CT_CONF_U64, false, FIELD(grace_s), "that they span at least"},
    {"relays.allow-private", CT_CONF_BOOL, false, FIELD(allow_private), "private addresses"},
    {"relays.probe-address", CT_CONF_STRING, false, FIELD(probe_address), "own IPv4 address"},
    {"devices.max-days", CT_CONF_U64, false, FIELD(device_days), "longest registration"},
    {"funding.gas-max", CT_CONF_U64, false, FIELD(gas_most), "most gas paid for one device"},
    {"funding.fee-max-gwei", CT_CONF_U64, false, FIELD(fee_most_gwei), "most for a unit of gas"},
    {"funding.per-hour-gwei", CT_CONF_U64, false, FIELD(hour_gwei), "most for all devices an hour"},
    {"funding.per-day-gwei", CT_CONF_U64, false, FIELD(day_gwei), "most for all devices a day"},
    {"passes.lifetime-s", CT_CONF_U64, false, FIELD(pass_life_s), "life of a pass"},
    {"limits.connections", CT_CONF_U64, false, FIELD(connections), "of one listener"},
    {"limits.connections-per-address", CT_CONF_U64, false, FIELD(per_ip), "of one client address"},
    {"limits.party-per-minute", CT_CONF_U64, false, FIELD(party_minute), "requests; 0: no limit"},
    {"limits.token-per-minute", CT_CONF_U64, false, FIELD(token_minute), "likewise"},
    {"limits.prefix-per-minute", CT_CONF_U64, false, FIELD(prefix_minute), "likewise"},
    {"limits.timeout-s", CT_CONF_U64, false, FIELD(timeout_s), "of an idle connection"},
    {"alerts.runway-days", CT_CONF_U64, false, FIELD(alert_days), "a shorter runway is said"},
    {"alerts.balance-max-gwei", CT_CONF_U64, false, FIELD(alert_most_gwei), "more is said"},
    {"audit.path", CT_CONF_STRING, false, FIELD(audit_path), "file of the audit log"},
    {"audit.rotate-mb", CT_CONF_U64, false, FIELD(rotate_mb), "a longer one is put aside"},
    {"log.level", CT_CONF_STRING, false, FIELD(log_level), "error, warn, info or debug"},
    {"log.format", CT_CONF_STRING, false, FIELD(log_format), "text or json"},
};

#define KEYS (sizeof keys / sizeof keys[0])

const struct ct_conf_key *ct_settings_keys(size_t *count)
{
    *count = KEYS;
    return keys;
}

void ct_settings_free(struct ct_settings *s)
{
    ct_conf_free(s, keys, KEYS);
}

/* A relative path is one from the configuration's own folder. */
static ct_err from_folder(char **path, const char *conf)
{
    const char *slash = strrchr(conf, '/');
    if (*path == NULL || (*path)[0] == '/' || !ct_source_is_path(*path) || slash == NULL) {
        return CT_OK;
    }
    size_t room = (size_t)(slash - conf) + strlen(*path) + 2;
    char *full = malloc(room);
    if (full == NULL) {
        return CT_ERR_NOMEM;
    }
    (void)snprintf(full, room, "%.*s/%s", (int)(slash - conf), conf, *path);
    free(*path);
    *path = full;
    return CT_OK;
}

static ct_err in_range(const char *name, uint64_t value, uint64_t min, uint64_t max,
                       struct ct_why *why)
{
    return value >= min && value <= max
               ? CT_OK
               : ct_why(why, CT_ERR_CONFIG, "%s is %llu, but must be from %llu to %llu", name,
                        (unsigned long long)value, (unsigned long long)min,
                        (unsigned long long)max);
}

static ct_err check_ranges(const struct ct_settings *s, struct ct_why *why)
{
    const struct {
        const char *name;
        uint64_t value, min, max;
    } ranges[] = {
        {"chain.confirmations", s->confirmations, 1, 1000},
        {"chain.window-ms", s->window_ms, 10, 60000},
        {"chain.batch", s->batch, 1, 64},
        {"chain.repeat-s", s->repeat_s, 1, 3600},
        {"chain.bump-s", s->bump_s, 1, 86400},
        {"chain.lost-s", s->lost_s, 1, 86400},
        {"chain.fee-max-gwei", s->chain_fee_gwei, 1, 1000000},
        {"keys.pass-id", s->pass_key_id, 1, UINT32_MAX},
        {"store.replicas", s->replicas, s->sentinels.count > 0, 8},
        {"store.lease-ms", s->lease_ms, 500, 60000},
        {"relays.approval-days", s->relay_days, 1, 1096},
        {"relays.probe-timeout-s", s->probe_timeout_s, 1, 60},
        {"relays.reprobe-s", s->reprobe_s, 0, 86400},
        {"relays.strikes", s->strikes, 0, 1000},
        {"relays.grace-s", s->grace_s, 0, 2592000},
        {"devices.max-days", s->device_days, 1, 1096},
        {"funding.gas-max", s->gas_most, 100000, 1000000},
        {"funding.fee-max-gwei", s->fee_most_gwei, 1, 1000000},
        {"funding.per-hour-gwei", s->hour_gwei, 1, 1ull << 53},
        {"funding.per-day-gwei", s->day_gwei, 1, 1ull << 53},
        {"passes.lifetime-s", s->pass_life_s, 300, 86400},
        {"alerts.runway-days", s->alert_days, 0, 3650},
        {"alerts.balance-max-gwei", s->alert_most_gwei, 0, 1ull << 53},
        {"audit.rotate-mb", s->rotate_mb, 1, 65536},
        {"limits.connections", s->connections, 4, 60000},
        {"limits.connections-per-address", s->per_ip, 1, 60000},
        {"limits.timeout-s", s->timeout_s, 1, 10},
        {"limits.party-per-minute", s->party_minute, 0, 10000000},
        {"limits.token-per-minute", s->token_minute, 0, 10000000},
        {"limits.prefix-per-minute", s->prefix_minute, 0, 10000000},
    };
    ct_err err = CT_OK;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0] && err == CT_OK; i++) {
        err = in_range(ranges[i].name, ranges[i].value, ranges[i].min, ranges[i].max, why);
    }
    return err;
}

static ct_err check_store(const struct ct_settings *s, struct ct_why *why)
{
    bool has_sentinels = s->sentinels.count > 0;
    int stores = (s->store_path != NULL) + (s->store_redis != NULL) + has_sentinels;
    if (stores != 1) {
        return ct_why(why, CT_ERR_CONFIG,
                      "%s; set store.path to a file for SQLite, or store.redis to unix:/path or "
                      "host:port, or store.sentinel to host:port a line, and only one of these",
                      stores == 0 ? "there is no store" : "there is more than one store");
    }
    if (has_sentinels != (s->sentinel_master != NULL)) {
        return ct_why(why, CT_ERR_CONFIG,
                      "store.sentinel and store.sentinel-master go together; set both");
    }
    if (s->sentinel_password_path != NULL && !has_sentinels) {
        return ct_why(why, CT_ERR_CONFIG,
                      "store.sentinel-password-file is set without store.sentinel; remove it");
    }
    return s->store_path == NULL || (s->redis_password_path == NULL && s->replicas == 0)
               ? CT_OK
               : ct_why(
                     why, CT_ERR_CONFIG,
                     "store.redis-password-file and store.replicas are for a Redis; remove them");
}

void ct_settings_redis(struct ct_redis_place *out, const struct ct_settings *s)
{
    *out = (struct ct_redis_place){.address = s->store_redis,
                                   .password_path = s->redis_password_path,
                                   .sentinels = (const char *const *)s->sentinels.items,
                                   .sentinel_count = s->sentinels.count,
                                   .master = s->sentinel_master,
                                   .sentinel_password_path = s->sentinel_password_path,
                                   .replicas = (unsigned)s->replicas};
}

static ct_err check_level(struct ct_settings *s, struct ct_why *why)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    static const enum ct_log_level levels[] = {CT_LOG_ERROR, CT_LOG_WARN, CT_LOG_INFO,
                                               CT_LOG_DEBUG};
    s->level = CT_LOG_INFO;
    if (s->log_level == NULL) {
        return CT_OK;
    }
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(names[i], s->log_level) == 0) {
            s->level = levels[i];
            return CT_OK;
        }
    }
    return ct_why(why, CT_ERR_CONFIG, "log.level is error, warn, info or debug, not \"%s\"",
                  s->log_level);
}

static ct_err check_format(struct ct_settings *s, struct ct_why *why)
{
    s->log_json = s->log_format != NULL && strcmp(s->log_format, "json") == 0;
    return s->log_format == NULL || s->log_json || strcmp(s->log_format, "text") == 0
               ? CT_OK
               : ct_why(why, CT_ERR_CONFIG, "log.format is text or json, not \"%s\"",
                        s->log_format);
}

static ct_err check_probe_address(struct ct_settings *s, struct ct_why *why)
{
    char text[CT_ADDR_TEXT];
    if (s->probe_address == NULL) {
        return CT_OK;
    }
    int n = snprintf(text, sizeof text, "%s:1", s->probe_address);
    if (n < 0 || (size_t)n >= sizeof text || ct_addr_from_text(&s->probe_at, text) != CT_OK ||
        s->probe_at.family != 4) {
        return ct_why(why, CT_ERR_CONFIG, "relays.probe-address is no IPv4 address: %s",
                      s->probe_address);
    }
    s->probe_at.port = 0; /* of the system's choice */
    return CT_OK;
}

ct_err ct_settings_load(struct ct_settings *out, const char *path, struct ct_why *why)
{
    struct ct_settings s = {
        .confirmations = 1,
        .window_ms = 250,
        .lease_ms = 5000,
        .replicas = UINT64_MAX, /* not said */
        .batch = 64,
        .repeat_s = 10,
        .bump_s = 30,
        .lost_s = 120,
        .chain_fee_gwei = 500,
        .relay_days = 90,
        .probe_timeout_s = 15,
        .reprobe_s = 600,
        .strikes = 3,
        .grace_s = 3600,
        .device_days = 366,
        .pass_life_s = 86400,
        .alert_days = 7,
        .alert_most_gwei = 10000000000,
        .rotate_mb = 64,
        .gas_most = 150000,
        .fee_most_gwei = 200,
        .hour_gwei = 250000000,
        .day_gwei = 2000000000,
        .connections = 256,
        .per_ip = 64,
        .timeout_s = 10,
        .party_minute = 120,
        .token_minute = 60,
        .prefix_minute = 6000,
    };
    ct_err err = ct_conf_read(&s, path, keys, KEYS, why);
    err = err == CT_ERR_NOT_FOUND ? CT_ERR_CONFIG : err;
    s.replicas = s.replicas == UINT64_MAX ? s.sentinels.count > 0 : s.replicas;
    char **paths[] = {
        &s.bundle_path,       &s.store_path,     &s.redis_password_path, &s.sentinel_password_path,
        &s.approver_path,     &s.funder_path,    &s.pass_path,           &s.approver_passphrase,
        &s.funder_passphrase, &s.handshake_path, &s.op_certificate,      &s.op_key,
        &s.op_clients};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0] && err == CT_OK; i++) {
        err = from_folder(paths[i], path);
    }
    if (err == CT_OK) {
        err = from_folder(&s.audit_path, path);
    }
    if (err == CT_OK) {
        err = from_folder(&s.next_pass_path, path);
    }
    if (err == CT_OK) {
        err = from_folder(&s.next_handshake_path, path);
    }
    if (err == CT_OK) {
        err = check_ranges(&s, why);
    }
    if (err == CT_OK) {
        err = check_store(&s, why);
    }
    if (err == CT_OK) {
        err = check_level(&s, why);
    }
    if (err == CT_OK) {
        err = check_format(&s, why);
    }
    if (err == CT_OK) {
        err = check_probe_address(&s, why);
    }
    if (err != CT_OK) {
        ct_settings_free(&s);
        return err;
    }
    *out = s;
    return CT_OK;
}

const char *ct_settings_operator(const struct ct_settings *s)
{
    if (s->listen_operator == NULL) {
        return "127.0.0.1:9180";
    }
    return strcmp(s->listen_operator, "none") == 0 ? NULL : s->listen_operator;
}

ct_err ct_settings_store(struct ct_store **out, const struct ct_settings *s, struct ct_why *why)
{
    struct ct_audit *audit = NULL;
    ct_err err = s->audit_path == NULL
                     ? CT_OK
                     : ct_audit_open(&audit, s->audit_path, s->rotate_mb << 20, why);
    if (err == CT_OK) {
        struct ct_redis_place place;
        ct_settings_redis(&place, s);
        err = s->store_path != NULL ? ct_store_sqlite(out, s->store_path, why)
                                    : ct_store_redis_at(out, &place, why);
    }
    if (err != CT_OK) {
        ct_audit_close(audit);
        return err;
    }
    err = ct_store_observe(*out, audit);
    if (err != CT_OK) {
        ct_store_free(*out);
        ct_audit_close(audit);
        return ct_why(why, err, "out of memory");
    }
    return CT_OK;
}

static ct_err own_endpoints(struct ct_bundle *b, const struct ct_settings *s, struct ct_why *why)
{
    if (s->rpc.count > CT_BUNDLE_RPC_MAX) {
        return ct_why(why, CT_ERR_CONFIG, "chain.rpc has more than %d endpoints",
                      (int)CT_BUNDLE_RPC_MAX);
    }
    for (size_t i = 0; i < s->rpc.count; i++) {
        if (strlen(s->rpc.items[i]) >= CT_BUNDLE_URL_MAX) {
            return ct_why(why, CT_ERR_CONFIG, "a chain.rpc is too long");
        }
        (void)snprintf(b->rpc[i], CT_BUNDLE_URL_MAX, "%s", s->rpc.items[i]);
    }
    if (s->rpc.count > 0) {
        b->rpc_count = s->rpc.count;
        b->quorum = (unsigned)(s->rpc.count / 2 + 1);
    }
    if (s->quorum > 0) {
        b->quorum = s->quorum < UINT32_MAX ? (unsigned)s->quorum : UINT32_MAX;
    }
    return ct_bundle_check(b, why);
}

ct_err ct_settings_bundle(struct ct_bundle *out, const struct ct_settings *s, struct ct_why *why)
{
    struct ct_bundle b;
    ct_err err = ct_bundle_read(&b, s->bundle_path, why);
    if (err == CT_ERR_NOT_FOUND) {
        return ct_why(why, CT_ERR_CONFIG, "there is no bundle at %s; wm-server init writes one",
                      s->bundle_path);
    }
    if (err == CT_OK && s->contract != NULL) {
        if (ct_addr_parse(b.contract20, s->contract) != CT_OK) {
            return ct_why(why, CT_ERR_CONFIG, "chain.contract is no address: %s", s->contract);
        }
        ct_deployment(b.deployment32, b.chain_id, b.contract20);
    }
    if (err == CT_OK) {
        err = own_endpoints(&b, s, why);
    }
    if (err == CT_OK) {
        *out = b;
    }
    return err;
}

static ct_err missing(ct_err err, const char *path, struct ct_why *why)
{
    return err == CT_ERR_NOT_FOUND
               ? ct_why(why, CT_ERR_CONFIG,
                        "there is no key file %s; wm-server init makes one, or restore it from "
                        "your copy",
                        path)
               : err;
}

static ct_err open_key(struct ct_wallet *wallet, struct ct_hsm **hsm, const char *source,
                       const char *passphrase, struct ct_why *why)
{
    struct ct_own_key key;
    ct_err err = ct_own_key_open(&key, source, passphrase, why);
    if (err == CT_OK) {
        *wallet = key.wallet;
        *hsm = key.hsm;
        ct_wipe(&key, sizeof key);
    }
    return missing(err, source, why);
}

ct_err ct_pass_key_load(struct ct_ed25519 *out, const struct ct_settings *s, struct ct_why *why)
{
    return missing(ct_ed25519_load(out, s->pass_path, why), s->pass_path, why);
}

ct_err ct_keys_load(struct ct_keys *out, const struct ct_settings *s, struct ct_why *why)
{
    (void)ct_memory_lock(out, sizeof *out);
    ct_err err =
        open_key(&out->approver, &out->approver_hsm, s->approver_path, s->approver_passphrase, why);
    if (err == CT_OK && s->funder_path != NULL) {
        err = open_key(&out->funder, &out->funder_hsm, s->funder_path, s->funder_passphrase, why);
    }
    if (err == CT_OK && memcmp(out->funder.addr20, out->approver.addr20, 20) == 0) {
        err = ct_why(why, CT_ERR_CONFIG,
                     "keys.funder and keys.approver are one account; give each its own, so that "
                     "neither takes the other's nonces and ether");
    }
    if (err == CT_OK) {
        err = ct_pass_key_load(&out->pass, s, why);
    }
    if (err == CT_OK) {
        err = missing(ct_x25519_load(&out->handshake, s->handshake_path, why), s->handshake_path,
                      why);
    }
    if (err == CT_OK) {
        err = ct_next_keys_load(out, s, why);
    }
    if (err != CT_OK) {
        ct_keys_wipe(out);
    }
    return err;
}

ct_err ct_next_keys_load(struct ct_keys *out, const struct ct_settings *s, struct ct_why *why)
{
    ct_err err = CT_OK;
    if (s->next_pass_path != NULL) {
        err = missing(ct_ed25519_load(&out->next_pass, s->next_pass_path, why), s->next_pass_path,
                      why);
        out->has_next_pass = err == CT_OK;
    }
    if (err == CT_OK && s->next_handshake_path != NULL) {
        err = missing(ct_x25519_load(&out->next_handshake, s->next_handshake_path, why),
                      s->next_handshake_path, why);
        out->has_next_handshake = err == CT_OK;
    }
    return err;
}

void ct_keys_wipe(struct ct_keys *k)
{
    ct_hsm_close(k->funder_hsm); /* the first opened is closed last */
    ct_hsm_close(k->approver_hsm);
    ct_wipe(k, sizeof *k);
}

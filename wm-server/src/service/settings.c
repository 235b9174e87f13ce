/* The table of the configuration's keys; wm-server.conf(5) says the same in words. */
#include "service/settings.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/source.h"
#include "service/settings_check.h"

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
        err = ct_settings_check(&s, why);
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

/* Ranges, and keys that go together or not. */
#include "service/settings_check.h"

#include <stdio.h>
#include <string.h>

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

ct_err ct_settings_check(struct ct_settings *s, struct ct_why *why)
{
    ct_err err = check_ranges(s, why);
    if (err == CT_OK) {
        err = check_store(s, why);
    }
    if (err == CT_OK) {
        err = check_level(s, why);
    }
    if (err == CT_OK) {
        err = check_format(s, why);
    }
    return err == CT_OK ? check_probe_address(s, why) : err;
}

/* The module's options: their values, defaults and units, and the words for a wrong one. */
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "ct_options.h"

#define OPTION_NAME(identifier, name, has_value) name,
static const char *const names[] = {CT_OPTIONS(OPTION_NAME)};
enum { LIMIT_MAX = 100000000 }; /* 100 Gbit/s */
enum { NAMES = sizeof(names) / sizeof(names[0]) };

void ct_relay_options_init(struct ct_relay_options *out)
{
    memset(out, 0, sizeof(*out));
    out->mode = CT_MODE_RELAYS;
    (void)snprintf(out->state, sizeof(out->state), "/var/lib/chainturn-relay");
    out->max_age_s = 3600;
    out->poll_ms = 5000;
    (void)snprintf(out->registrar_user, sizeof(out->registrar_user), "nobody");
    out->max_fee_gwei = 300;
    out->max_gas = 500000;
    out->renew_days = 14;
    out->balance_warn_gwei = 5000000;
    out->drain_limit_s = 3600;
    out->limits.source_pps = 1000;
    out->limits.uninvited_pps = 200;
    out->limits.answer_bps = 1024;
}

static ct_err set_path(char out[CT_PATH_MAX], const char *name, const char *value,
                       struct ct_why *why)
{
    if (value[0] == '\0' || strlen(value) >= CT_PATH_MAX) {
        return ct_why(why, CT_ERR_CONFIG, "%s needs a path of at most %d characters", name,
                      CT_PATH_MAX - 1);
    }
    (void)snprintf(out, CT_PATH_MAX, "%s", value);
    return CT_OK;
}

static ct_err set_number(uint32_t *out, const char *name, const char *value, uint32_t min,
                         uint32_t max, struct ct_why *why)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || n < min || n > max) {
        return ct_why(why, CT_ERR_CONFIG, "%s=%s: a whole number from %u to %u is needed", name,
                      value, min, max);
    }
    *out = (uint32_t)n;
    return CT_OK;
}

static ct_err set_flag(bool *out, const char *name, const char *value, struct ct_why *why)
{
    static const struct {
        const char *text;
        bool value;
    } words[] = {{"", true},   {"1", true},   {"yes", true},    {"true", true}, {"on", true},
                 {"0", false}, {"no", false}, {"false", false}, {"off", false}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(value, words[i].text) == 0) {
            *out = words[i].value;
            return CT_OK;
        }
    }
    return ct_why(why, CT_ERR_CONFIG, "%s=%s: yes or no is needed", name, value);
}

/* A port alone is one of loopback: what is told there is nobody else's business. */
static ct_err set_metrics(struct ct_addr *out, const char *name, const char *value,
                          struct ct_why *why)
{
    static const uint8_t loopback4[4] = {127, 0, 0, 1};
    uint32_t port = 0;
    struct ct_why unused;
    if (strcmp(value, "off") == 0) {
        memset(out, 0, sizeof(*out));
        return CT_OK;
    }
    if (value[strspn(value, "0123456789")] == '\0' &&
        set_number(&port, name, value, 1, UINT16_MAX, &unused) == CT_OK) {
        *out = ct_addr_ip4(loopback4, (uint16_t)port);
        return CT_OK;
    }
    struct ct_addr at;
    if (ct_addr_from_text(&at, value) != CT_OK || at.port == 0) {
        return ct_why(why, CT_ERR_CONFIG,
                      "%s=%s: a port of 127.0.0.1 is needed, an address with a port as in "
                      "192.0.2.1:9642 or [2001:db8::1]:9642, or off",
                      name, value);
    }
    *out = at;
    return CT_OK;
}

static uint32_t *limit_of(struct ct_limits_config *limits, int id)
{
    switch (id) {
    case CT_OPT_SOURCE_PPS:
        return &limits->source_pps;
    case CT_OPT_UNINVITED_PPS:
        return &limits->uninvited_pps;
    case CT_OPT_ALLOCATION_PPS:
        return &limits->allocation_pps;
    case CT_OPT_ALLOCATION_KBPS:
        return &limits->allocation_kbps;
    case CT_OPT_PASS_PPS:
        return &limits->pass_pps;
    case CT_OPT_PASS_KBPS:
        return &limits->pass_kbps;
    default:
        return &limits->answer_bps;
    }
}

/* Of the relay's life on the chain. CT_ERR_NOT_FOUND: id is none of these. */
static ct_err set_life(struct ct_relay_options *o, int id, const char *name, const char *value,
                       struct ct_why *why)
{
    switch (id) {
    case CT_OPT_REGISTRAR:
        return set_path(o->registrar, name, value, why);
    case CT_OPT_REGISTRAR_USER:
        if (value[0] == '\0' || strlen(value) >= sizeof(o->registrar_user)) {
            return ct_why(why, CT_ERR_CONFIG, "%s needs the name of a user", name);
        }
        (void)snprintf(o->registrar_user, sizeof(o->registrar_user), "%s", value);
        return CT_OK;
    case CT_OPT_MAX_FEE_GWEI:
        return set_number(&o->max_fee_gwei, name, value, 1, 1000000, why);
    case CT_OPT_MAX_GAS:
        return set_number(&o->max_gas, name, value, 50000, 30000000, why);
    case CT_OPT_RENEW_DAYS:
        return set_number(&o->renew_days, name, value, 1, 365, why);
    case CT_OPT_KEY_DAYS:
        return set_number(&o->key_days, name, value, 0, 3650, why);
    case CT_OPT_BALANCE_WARNING:
        return set_number(&o->balance_warn_gwei, name, value, 0, UINT32_MAX, why);
    case CT_OPT_DRAIN_LIMIT:
        return set_number(&o->drain_limit_s, name, value, 0, 30 * 86400, why);
    case CT_OPT_ON_STOP:
        o->withdraw_on_stop = strcmp(value, "withdraw") == 0;
        return o->withdraw_on_stop || strcmp(value, "keep") == 0
                   ? CT_OK
                   : ct_why(why, CT_ERR_CONFIG, "%s=%s: keep or withdraw is needed", name, value);
    default:
        return CT_ERR_NOT_FOUND;
    }
}

ct_err ct_relay_options_set(struct ct_relay_options *options, int id, const char *value,
                            struct ct_why *why)
{
    if (id <= CT_OPT_FIRST || id >= CT_OPT_END) {
        return ct_why(why, CT_ERR_ARG, "option %d is not one of the module's", id);
    }
    const char *name = names[id - CT_OPT_FIRST - 1];
    if (!value) {
        value = "";
    }
    options->any = true;
    ct_err err = set_life(options, id, name, value, why);
    if (err != CT_ERR_NOT_FOUND) {
        return err;
    }
    switch (id) {
    case CT_OPT_MODE:
        return ct_mode_parse(&options->mode, value, why);
    case CT_OPT_BUNDLE:
        return set_path(options->bundle, name, value, why);
    case CT_OPT_WALLET:
        return set_path(options->wallet, name, value, why);
    case CT_OPT_WALLET_PASSPHRASE:
        return set_path(options->passphrase, name, value, why);
    case CT_OPT_KEY:
        return set_path(options->key, name, value, why);
    case CT_OPT_STATE:
        return set_path(options->state, name, value, why);
    case CT_OPT_MAX_AGE:
        return set_number(&options->max_age_s, name, value, 1, 30 * 86400, why);
    case CT_OPT_POLL_MS:
        return set_number(&options->poll_ms, name, value, 100, 600000, why);
    case CT_OPT_SOURCE_PPS:
    case CT_OPT_UNINVITED_PPS:
    case CT_OPT_ALLOCATION_PPS:
    case CT_OPT_ALLOCATION_KBPS:
    case CT_OPT_PASS_PPS:
    case CT_OPT_PASS_KBPS:
    case CT_OPT_ANSWER_BPS:
        return set_number(limit_of(&options->limits, id), name, value, 0, LIMIT_MAX, why);
    case CT_OPT_METRICS:
        return set_metrics(&options->metrics, name, value, why);
    case CT_OPT_ALLOW_PRIVATE:
        return set_flag(&options->allow_private, name, value, why);
    case CT_OPT_INSECURE_SINGLE_RPC:
        return set_flag(&options->insecure_single_rpc, name, value, why);
    default:
        return ct_why(why, CT_ERR_ARG, "option %d is not one of the module's", id);
    }
}

static ct_err default_path(char out[CT_PATH_MAX], const char *folder, const char *file,
                           struct ct_why *why)
{
    if (out[0] != '\0') {
        return CT_OK;
    }
    int n = snprintf(out, CT_PATH_MAX, "%s/%s", folder, file);
    return n < CT_PATH_MAX ? CT_OK
                           : ct_why(why, CT_ERR_CONFIG, "chainturn-state=%s is too long", folder);
}

/* What was confirmed at one look has to last until the next one, also when that takes its time. */
static ct_err check_age(const struct ct_relay_options *o, struct ct_why *why)
{
    uint64_t least_ms = 2 * (uint64_t)o->poll_ms;
    if ((uint64_t)o->max_age_s * 1000 >= least_ms) {
        return CT_OK;
    }
    return ct_why(why, CT_ERR_CONFIG,
                  "chainturn-max-age=%" PRIu32 " is less than two times chainturn-poll-ms=%" PRIu32
                  ": what the chain confirms would be too old before it is asked again, and passes "
                  "be turned away; set chainturn-max-age to %" PRIu64
                  " or more, or chainturn-poll-ms to less",
                  o->max_age_s, o->poll_ms, (least_ms + 999) / 1000);
}

ct_err ct_relay_options_finish(struct ct_relay_options *options, struct ct_why *why)
{
    if (options->bundle[0] == '\0') {
        return ct_why(why, CT_ERR_CONFIG,
                      "chainturn-bundle is missing: set it to the provisioning bundle that "
                      "'wm-server init' wrote, or remove every chainturn- option to switch the "
                      "module off");
    }
    ct_err err = default_path(options->wallet, options->state, "wallet.key", why);
    if (err == CT_OK) {
        err = default_path(options->key, options->state, "relay.key", why);
    }
    return err == CT_OK ? check_age(options, why) : err;
}

ct_err ct_relay_options_unknown(const char *key, struct ct_why *why)
{
    const char *likely = ct_conf_suggest(key, names, NAMES);
    bool ours = strncmp(key, "chainturn", 9) == 0;
    /* A server's own misspelt key is the server's business; one that looks like ours is not. */
    if (!ours && (!likely || strncmp(key, "ch", 2) != 0)) {
        return CT_OK;
    }
    if (likely && strcmp(likely, key) == 0) {
        return ct_why(why, CT_ERR_CONFIG, "%s needs a value; turnserver-chain(1) tells which", key);
    }
    if (likely) {
        return ct_why(why, CT_ERR_CONFIG, "%s is not an option; did you mean %s?", key, likely);
    }
    return ct_why(why, CT_ERR_CONFIG, "%s is not an option; turnserver-chain(1) lists them", key);
}

/* Which keys may change under a running server, by the table of all keys. */
#include "service/reload.h"

#include <stdio.h>
#include <string.h>

/* Each read anew by every request, test or line of the log. */
static const char *const live[] = {
    "relays.approval-days",
    "relays.probe-timeout-s",
    "relays.reprobe-s",
    "relays.strikes",
    "relays.grace-s",
    "relays.allow-private",
    "devices.max-days",
    "passes.lifetime-s",
    "funding.gas-max",
    "funding.fee-max-gwei",
    "funding.per-hour-gwei",
    "funding.per-day-gwei",
    "alerts.runway-days",
    "alerts.balance-max-gwei",
    "limits.party-per-minute",
    "limits.token-per-minute",
    "limits.prefix-per-minute",
    "log.level",
    "log.format",
};

static bool is_live(const char *name)
{
    for (size_t i = 0; i < sizeof live / sizeof live[0]; i++) {
        if (strcmp(live[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Keys that may be added to a running server, and not changed: it serves with them. */
static bool may_be_added(const char *name)
{
    return strcmp(name, "keys.next-pass") == 0 || strcmp(name, "keys.next-handshake") == 0;
}

static const void *field(const struct ct_settings *s, const struct ct_conf_key *key)
{
    return (const char *)s + key->offset;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_list(const struct ct_conf_list *a, const struct ct_conf_list *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; i < a->count && same; i++) {
        same = same_text(a->items[i], b->items[i]);
    }
    return same;
}

static bool is_same(const struct ct_settings *a, const struct ct_settings *b,
                    const struct ct_conf_key *key)
{
    const char *text_a;
    const char *text_b;
    switch (key->type) {
    case CT_CONF_STRING:
        memcpy(&text_a, field(a, key), sizeof text_a);
        memcpy(&text_b, field(b, key), sizeof text_b);
        return same_text(text_a, text_b);
    case CT_CONF_U64:
        return memcmp(field(a, key), field(b, key), sizeof(uint64_t)) == 0;
    case CT_CONF_BOOL:
        return memcmp(field(a, key), field(b, key), sizeof(bool)) == 0;
    case CT_CONF_LIST:
        return same_list(field(a, key), field(b, key));
    }
    return false;
}

static bool is_absent(const struct ct_settings *s, const struct ct_conf_key *key)
{
    const char *text;
    memcpy(&text, field(s, key), sizeof text);
    return text == NULL;
}

static void add(char names[CT_RELOAD_NAMES], const char *name)
{
    size_t len = strlen(names);
    (void)snprintf(names + len, CT_RELOAD_NAMES - len, "%s%s", len == 0 ? "" : ",", name);
}

/* Exchanged, so that each text still has one owner. */
static void take(struct ct_settings *now, struct ct_settings *wanted, const struct ct_conf_key *key)
{
    char old[sizeof(uint64_t) > sizeof(char *) ? sizeof(uint64_t) : sizeof(char *)];
    size_t size = key->type == CT_CONF_BOOL     ? sizeof(bool)
                  : key->type == CT_CONF_STRING ? sizeof(char *)
                                                : sizeof(uint64_t);
    memcpy(old, field(now, key), size);
    memcpy((char *)now + key->offset, field(wanted, key), size);
    memcpy((char *)wanted + key->offset, old, size);
}

void ct_reload_settings(struct ct_settings *now, struct ct_settings *wanted, struct ct_reload *out)
{
    size_t count = 0;
    const struct ct_conf_key *keys = ct_settings_keys(&count);
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < count; i++) {
        if (is_same(now, wanted, &keys[i])) {
            continue;
        }
        if (is_live(keys[i].name) || (may_be_added(keys[i].name) && is_absent(now, &keys[i]))) {
            take(now, wanted, &keys[i]);
            add(out->taken, keys[i].name);
        } else {
            add(out->waiting, keys[i].name);
        }
    }
    now->level = wanted->level; /* what the two texts mean */
    now->log_json = wanted->log_json;
    if (out->taken[0] == '\0') {
        add(out->taken, "none");
    }
    if (out->waiting[0] == '\0') {
        add(out->waiting, "none");
    }
}

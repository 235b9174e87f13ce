/* Pins, each a file of HOME; and what the chain tells of a pinned record that is another's now. */
#include "pins.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/secret.h"
#include "chain/json.h"
#include "chain/registry_devices.h"
#include "home_private.h"

/* 640,000 blocks are three months of 12 s; a pin is moved up as often as it is looked at. */
enum { SPAN = 10000, SPANS_MAX = 64, MOVE_UP = 1000, FILE_MAX = 512 };

/* ---- files ---- */

static void file_of(char path[CT_HOME_PATH], const struct ct_home *home, const char *identity)
{
    char name[80], hex[65];
    uint8_t hash[32] = {0};
    (void)!ct_identity_hash(hash, identity); /* a name may hold what a file's may not */
    ct_hex(hex, hash, sizeof hash);
    (void)snprintf(name, sizeof name, "pins/%s", hex);
    ct_home_path(home, path, name);
}

static bool read_pin(struct ct_pin *out, const struct ct_json *json, const char *identity)
{
    int64_t block = 0;
    int64_t sequence = 0;
    const char *name = ct_json_text(ct_json_get(json, "identity"));
    const char *wallet = ct_json_text(ct_json_get(json, "wallet"));
    if (name == NULL || strcmp(name, identity) != 0 || wallet == NULL ||
        ct_addr_parse(out->wallet20, wallet) != CT_OK ||
        ct_json_int(&block, ct_json_get(json, "block")) != CT_OK || block < 0 ||
        ct_json_int(&sequence, ct_json_get(json, "sequence")) != CT_OK || sequence < 0 ||
        sequence > UINT16_MAX) {
        return false;
    }
    (void)snprintf(out->identity, sizeof out->identity, "%.63s", name);
    out->block = (uint64_t)block;
    out->sequence = (uint16_t)sequence;
    return true;
}

ct_err ct_pin_load(const struct ct_home *home, const char *identity, struct ct_pin *out,
                   struct ct_why *why)
{
    char path[CT_HOME_PATH];
    char text[FILE_MAX];
    struct ct_json *json = NULL;
    size_t len = 0;
    file_of(path, home, identity);
    ct_err err = ct_file_read(text, sizeof text, &len, path, false, why);
    if (err == CT_ERR_NOT_FOUND) {
        return err;
    }
    bool good =
        err == CT_OK && ct_json_parse(&json, text, len) == CT_OK && read_pin(out, json, identity);
    ct_json_free(json);
    return good ? CT_OK
                : ct_why(why, CT_ERR_CONFIG,
                         "%s, the pin of %s, is spoilt; pin it anew with 'chainturn pin %s "
                         "--accept'",
                         path, identity, identity);
}

ct_err ct_pin_save(const struct ct_home *home, const struct ct_pin *pin, struct ct_why *why)
{
    char path[CT_HOME_PATH];
    char text[FILE_MAX], wallet[CT_ADDR_TEXT_LEN];
    ct_err err = ct_home_make(home, why);
    if (err != CT_OK) {
        return err;
    }
    ct_home_path(home, path, "pins");
    (void)mkdir(path, 0700); /* what is wrong with it shows when the file is written */
    ct_addr_text(wallet, pin->wallet20);
    int len =
        snprintf(text, sizeof text,
                 "{\"identity\":\"%s\",\"wallet\":\"%s\",\"block\":%llu,\"sequence\":%u}\n",
                 pin->identity, wallet, (unsigned long long)pin->block, (unsigned)pin->sequence);
    file_of(path, home, pin->identity);
    return ct_file_write(path, text, (size_t)len, 0600, why);
}

void ct_pin_drop(const struct ct_home *home, const char *identity)
{
    char path[CT_HOME_PATH];
    file_of(path, home, identity);
    (void)unlink(path);
}

/* ---- what became of it ---- */

struct story {
    uint64_t revoked_at; /* 0: not told */
    uint64_t written_at; /* by whom has it now; 0: likewise */
    uint16_t before;     /* the last sequence number of the pinned wallet's record */
    uint16_t after;      /* of the first other record; 0: not told */
};

static void take_event(struct story *s, const struct ct_device_event *e, const struct ct_pin *pin)
{
    bool is_written = e->turn == CT_DEVICE_WRITTEN;
    if (is_written && memcmp(e->device.wallet20, pin->wallet20, 20) == 0) {
        s->before = e->device.sequence;
        s->revoked_at = 0; /* it came back */
    } else if (e->turn == CT_DEVICE_GONE && e->was_revoked && s->written_at == 0) {
        s->revoked_at = e->block;
    } else if (e->turn != CT_DEVICE_GONE && s->written_at == 0) {
        s->written_at = e->block;
        s->after = is_written ? e->device.sequence : 0;
    }
}

/* False: the endpoints do not tell it, or only over too long a time. */
static bool read_story(struct story *s, struct ct_worker_env *env, const struct ct_view *view,
                       const struct ct_pin *pin)
{
    uint8_t hash[32];
    uint64_t from = pin->block + 1;
    *s = (struct story){.before = pin->sequence};
    if (ct_identity_hash(hash, pin->identity) != CT_OK) {
        return false;
    }
    for (unsigned i = 0; i < SPANS_MAX && from <= view->number; i++) {
        struct ct_device_events events = {.list = NULL};
        struct ct_why why;
        uint64_t to = view->number - from < SPAN ? view->number : from + SPAN - 1;
        if (ct_registry_device_events(env->chain, from, to, &events, &why) != CT_OK) {
            return false;
        }
        for (size_t e = 0; e < events.count; e++) {
            if (memcmp(events.list[e].id_hash32, hash, 32) == 0) {
                take_event(s, &events.list[e], pin);
            }
        }
        ct_device_events_free(&events);
        from = to + 1;
    }
    return from > view->number;
}

/* An approver's revocation leaves the sequence number as it was, a device's own takes one. */
static void tell_story(char *out, size_t cap, const struct story *s)
{
    if (s->revoked_at == 0) {
        (void)snprintf(out, cap, "which had ended without being revoked");
        return;
    }
    (void)snprintf(out, cap, "which was revoked at block %llu%s", (unsigned long long)s->revoked_at,
                   s->after != 0 && s->after == s->before + 1 ? " by the platform" : "");
}

ct_err ct_pin_check(struct ct_worker_env *env, const struct ct_view *view,
                    const struct ct_found *found, struct ct_why *why)
{
    struct ct_pin pin = {.block = 0};
    struct story s;
    char old[CT_ADDR_TEXT_LEN], now[CT_ADDR_TEXT_LEN], told[120] = "", at[60] = "";
    ct_err err = ct_pin_load(&env->home, found->identity, &pin, why);
    if (err == CT_ERR_NOT_FOUND) {
        return CT_OK;
    }
    if (err != CT_OK) {
        return err;
    }
    if (memcmp(pin.wallet20, found->device.wallet20, 20) == 0) {
        if (found->block > pin.block + MOVE_UP) {
            pin.block = found->block;
            pin.sequence = found->device.sequence;
            (void)!ct_pin_save(&env->home, &pin, NULL); /* only a longer look the next time */
        }
        return CT_OK;
    }
    ct_addr_text(old, pin.wallet20);
    ct_addr_text(now, found->device.wallet20);
    if (read_story(&s, env, view, &pin)) {
        tell_story(told, sizeof told, &s);
        if (s.written_at != 0) {
            (void)snprintf(at, sizeof at, ", written at block %llu",
                           (unsigned long long)s.written_at);
        }
    } else {
        (void)snprintf(told, sizeof told, "of which the endpoints do not tell what became");
    }
    return ct_why(why, CT_ERR_AUTH,
                  "%s's key changed: its pinned record was of wallet %s, %s; the one of now is of "
                  "wallet %s%s; if that is as it should be: chainturn pin %s --accept",
                  found->identity, old, told, now, at, found->identity);
}

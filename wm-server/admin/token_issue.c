/* wm-admin token issue: tokens, or one factory credential for so many, signed with the pass key,
 * noted in the store, written to a file. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin.h"
#include "base/clock.h"
#include "base/secret.h"
#include "service/command.h"
#include "duration.h"
#include "kex/token.h"
#include "service/settings.h"
#include "store/store.h"

enum { COUNT_MAX = 100000 };

struct order {
    const char *config, *out;
    uint64_t count;
    bool is_factory;
    struct ct_token token; /* but for its number */
};

static bool copy_text(char *out, size_t cap, const char *text)
{
    return (size_t)snprintf(out, cap, "%s", text) < cap && text[0] != '\0';
}

static bool take(struct order *o, int c)
{
    char *end = NULL;
    uint64_t lasts_s = 0;
    switch (c) {
    case 'c':
        o->config = optarg;
        return true;
    case 'b':
        return copy_text(o->token.batch, sizeof o->token.batch, optarg);
    case 'n':
        o->count = strtoull(optarg, &end, 10);
        return optarg[0] >= '0' && optarg[0] <= '9' && *end == '\0' && o->count > 0 &&
               o->count <= CT_FACTORY_COUNT_MAX;
    case 'e':
        if (!admin_duration(&lasts_s, optarg)) {
            return false;
        }
        o->token.expiry_s = ct_wall_s() + lasts_s;
        return true;
    case 'i':
    case 'p':
        if (o->token.identity[0] != '\0') {
            return false;
        }
        o->token.is_prefix = c == 'p';
        return copy_text(o->token.identity, sizeof o->token.identity, optarg);
    case 'g':
        o->token.max_gas = strtoull(optarg, &end, 10);
        return optarg[0] >= '0' && optarg[0] <= '9' && *end == '\0' && o->token.max_gas > 0 &&
               o->token.max_gas <= INT64_MAX;
    case 'f':
        o->is_factory = true;
        return true;
    case 'o':
        o->out = optarg;
        return true;
    default:
        return false;
    }
}

static bool parse_count(struct order *o)
{
    if (o->is_factory && (!o->token.is_prefix || o->count == 0)) {
        (void)ct_command_usage(
            ADMIN, "a factory credential is for --count names that begin with --id-prefix");
        return false;
    }
    if (o->count > 1 && !o->token.is_prefix) {
        (void)ct_command_usage(ADMIN, "one name takes one token; use --id-prefix for many");
        return false;
    }
    if (!o->is_factory && o->count > COUNT_MAX) {
        (void)ct_command_usage(ADMIN, "at most %d tokens at once; or use --factory",
                               (int)COUNT_MAX);
        return false;
    }
    o->token.count = o->is_factory ? (uint32_t)o->count : 0;
    o->count = o->is_factory || o->count == 0 ? 1 : o->count; /* of lines, from here on */
    return true;
}

/* False when the options are not good, which is said. */
static bool parse(struct order *o, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"batch", required_argument, NULL, 'b'},
        {"count", required_argument, NULL, 'n'},  {"expires", required_argument, NULL, 'e'},
        {"id", required_argument, NULL, 'i'},     {"id-prefix", required_argument, NULL, 'p'},
        {"out", required_argument, NULL, 'o'},    {"max-gas", required_argument, NULL, 'g'},
        {"factory", no_argument, NULL, 'f'},      {0},
    };
    int c;
    int at = 0;
    while ((c = getopt_long(argc, argv, "", options, &at)) != -1) {
        if (c == '?') {
            return false;
        }
        if (!take(o, c)) {
            (void)ct_command_usage(ADMIN,
                                   "the value \"%s\" of --%s cannot be used; see wm-admin(8)",
                                   optarg, options[at].name);
            return false;
        }
    }
    if (optind != argc || o->config == NULL || o->out == NULL || o->token.batch[0] == '\0' ||
        o->token.expiry_s == 0 || o->token.identity[0] == '\0') {
        (void)ct_command_usage(
            ADMIN, "token issue needs --config, --batch, --expires (90d), --id or --id-prefix, and "
                   "--out");
        return false;
    }
    return parse_count(o);
}

static ct_err one(char **at, const struct order *o, const struct ct_ed25519 *key,
                  struct ct_store *store, struct ct_why *why)
{
    struct ct_token token = o->token;
    ct_err err = ct_random(token.jti16, sizeof token.jti16);
    if (err == CT_OK) {
        err = ct_token_sign(*at, CT_TOKEN_TEXT_MAX + 1, &token, key);
    }
    if (err != CT_OK) {
        return ct_why(why, err,
                      "cannot make a token of this batch and name: %s (letters, digits and . _ : @ "
                      "- only)",
                      ct_err_text(err));
    }
    *at += strlen(*at);
    *(*at)++ = '\n';
    err = token.count == 0 ? store->ops->token_add(store, token.jti16, token.batch, token.expiry_s)
                           : store->ops->factory_add(store, token.jti16, token.batch,
                                                     token.expiry_s, token.count);
    if (err == CT_ERR_REFUSED) {
        return ct_why(why, err, "batch %s was withdrawn; choose another --batch", token.batch);
    }
    return err == CT_OK ? CT_OK : ct_why(why, err, "the store failed: %s", ct_err_text(err));
}

static ct_err write_all(const struct order *o, const struct ct_ed25519 *key, struct ct_store *store,
                        struct ct_why *why)
{
    size_t room = (size_t)o->count * (CT_TOKEN_TEXT_MAX + 2) + 1;
    char *text = malloc(room);
    if (text == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    char *at = text;
    ct_err err = CT_OK;
    for (uint64_t i = 0; i < o->count && err == CT_OK; i++) {
        err = one(&at, o, key, store, why);
    }
    if (err == CT_OK) {
        err = ct_file_write(o->out, text, (size_t)(at - text), 0600, why);
    }
    ct_wipe(text, room);
    free(text);
    return err;
}

static ct_err issue(struct order *o, struct ct_why *why)
{
    struct ct_settings settings;
    struct ct_ed25519 pass = {.public32 = {0}};
    struct ct_store *store = NULL;
    ct_err err = ct_settings_load(&settings, o->config, why);
    if (err != CT_OK) {
        return err;
    }
    if (access(o->out, F_OK) == 0) {
        err = ct_why(why, CT_ERR_CONFIG, "%s exists; choose another --out", o->out);
    }
    if (err == CT_OK) {
        err = ct_pass_key_load(&pass, &settings, why);
    }
    if (err == CT_OK) {
        err = ct_settings_store(&store, &settings, why);
    }
    if (err == CT_OK) {
        o->token.key_id = (uint32_t)settings.pass_key_id;
        err = write_all(o, &pass, store, why);
    }
    ct_store_free(store);
    ct_wipe(&pass, sizeof pass);
    ct_settings_free(&settings);
    return err;
}

int admin_token_issue(int argc, char **argv)
{
    struct order o = {.count = 0};
    struct ct_why why = {{0}};
    if (!parse(&o, argc, argv)) {
        return CT_EXIT_USAGE;
    }
    ct_err err = issue(&o, &why);
    if (err != CT_OK) {
        return ct_command_failed(ADMIN, err, &why);
    }
    if (o.is_factory) {
        (void)printf("a factory credential for %u devices named %s*, batch %s, in %s\n",
                     (unsigned)o.token.count, o.token.identity, o.token.batch, o.out);
        return CT_EXIT_OK;
    }
    (void)printf("%llu token%s for %s%s, batch %s, in %s\n", (unsigned long long)o.count,
                 o.count == 1 ? "" : "s", o.token.identity, o.token.is_prefix ? "*" : "",
                 o.token.batch, o.out);
    return CT_EXIT_OK;
}

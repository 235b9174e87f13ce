/* wm-admin token list: the tokens that the store knows, whether used and by whom. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin.h"
#include "base/clock.h"
#include "base/hex.h"
#include "service/command.h"
#include "service/settings.h"
#include "store/store.h"

static const char *state_text(const struct ct_token_row *t, uint64_t now_s)
{
    if (t->state == CT_TOKEN_WITHDRAWN) {
        return "withdrawn";
    }
    if (t->state == CT_TOKEN_USED) {
        return "used";
    }
    return t->expires_s <= now_s ? "expired" : "issued";
}

static void time_text(char out[24], uint64_t when_s)
{
    struct tm tm;
    time_t when = (time_t)when_s;
    if (when_s == 0 || gmtime_r(&when, &tm) == NULL ||
        strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        (void)snprintf(out, 24, "-"); /* issued by another wm-admin, with the same key */
    }
}

static void print_token(const struct ct_token_row *t, uint64_t now_s)
{
    static const uint8_t none[16];
    char jti[33], factory[33], until[24], used[24], wallet[43];
    ct_hex(jti, t->jti16, sizeof t->jti16);
    time_text(until, t->expires_s);
    (void)printf("%s %-9s batch %s until %s", jti, state_text(t, now_s), t->batch, until);
    if (t->count > 0) {
        (void)printf(" factory credential, %u of %u exchanged", (unsigned)t->minted,
                     (unsigned)t->count);
    }
    if (memcmp(t->factory16, none, sizeof none) != 0) {
        ct_hex(factory, t->factory16, sizeof t->factory16);
        (void)printf(" of factory credential %s", factory);
    }
    if (t->identity[0] != '\0') {
        time_text(used, t->used_s);
        ct_hex0x(wallet, t->wallet20, sizeof t->wallet20);
        (void)printf(" used %s by %s wallet %s", used, t->identity, wallet);
    }
    (void)printf("\n");
}

static ct_err list(struct ct_store *store, const char *batch, struct ct_why *why)
{
    static struct ct_token_row rows[CT_STORE_PAGE];
    uint8_t after[16];
    const uint8_t *from = NULL;
    const uint64_t now_s = ct_wall_s();
    size_t count = CT_STORE_PAGE;
    size_t total = 0;
    while (count == CT_STORE_PAGE) {
        ct_err err = store->ops->token_page(store, batch, from, rows, CT_STORE_PAGE, &count);
        if (err != CT_OK) {
            return ct_why(why, err, "the store failed: %s", ct_err_text(err));
        }
        for (size_t i = 0; i < count; i++) {
            print_token(&rows[i], now_s);
        }
        if (count > 0) {
            memcpy(after, rows[count - 1].jti16, sizeof after);
            from = after;
        }
        total += count;
    }
    if (total == 0) {
        (void)printf("no token %s\n", batch == NULL ? "has been issued yet" : "of that batch");
    }
    return CT_OK;
}

static ct_err open_and_list(const char *config, const char *batch, struct ct_why *why)
{
    struct ct_settings settings;
    struct ct_store *store = NULL;
    ct_err err = ct_settings_load(&settings, config, why);
    if (err != CT_OK) {
        return err;
    }
    err = ct_settings_store(&store, &settings, why);
    if (err == CT_OK) {
        err = list(store, batch, why);
    }
    ct_store_free(store);
    ct_settings_free(&settings);
    return err;
}

int admin_token_list(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"batch", required_argument, NULL, 'b'}, {0}};
    const char *config = NULL;
    const char *batch = NULL;
    struct ct_why why = {{0}};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c != 'c' && c != 'b') {
            return CT_EXIT_USAGE;
        }
        *(c == 'c' ? &config : &batch) = optarg;
    }
    if (config == NULL || optind != argc) {
        return ct_command_usage(ADMIN, "token list needs --config FILE, and may have --batch B");
    }
    ct_err err = open_and_list(config, batch, &why);
    return err == CT_OK ? CT_EXIT_OK : ct_command_failed(ADMIN, err, &why);
}

/* wm-admin token revoke: tokens admit nobody any more; what they enrolled goes too when asked for.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "base/hex.h"
#include "chain/registry.h"
#include "service/command.h"
#include "kex/token.h"
#include "revocation.h"
#include "service/settings.h"
#include "store/store.h"
#include "token_file.h"

enum { FILE_MAX = CT_TOKEN_TEXT_MAX * 100001 };

struct order {
    const char *config, *batch, *jti, *identity, *file;
    bool with_devices;
};

/* Devices whose revocation is queued. */
struct devices {
    char (*ids)[CT_OP_ID];
    size_t count, room;
};

static ct_err store_failed(ct_err err, struct ct_why *why)
{
    return err == CT_OK ? CT_OK : ct_why(why, err, "the store failed: %s", ct_err_text(err));
}

static ct_err remember(struct devices *d, const char *id, struct ct_why *why)
{
    if (d->count == d->room) {
        size_t room = d->room == 0 ? 64 : d->room * 2;
        char(*more)[CT_OP_ID] = realloc(d->ids, room * sizeof *more);
        if (more == NULL) {
            return ct_why(why, CT_ERR_NOMEM, "out of memory");
        }
        d->ids = more;
        d->room = room;
    }
    memcpy(d->ids[d->count++], id, CT_OP_ID);
    return CT_OK;
}

/* Whom the token admitted: its passes, and its record unless another token has replaced it. */
static ct_err revoke_enrolled(struct ct_store *store, const struct ct_token_row *t,
                              struct devices *queued, struct ct_why *why)
{
    struct ct_device_row device;
    struct ct_op op;
    if (t->identity[0] == '\0') {
        return CT_OK;
    }
    ct_err err = admin_passes_revoke(store, t->identity, t->wallet20, why);
    if (err != CT_OK) {
        return err;
    }
    err = store->ops->device_find(store, t->identity, &device);
    if (err == CT_ERR_NOT_FOUND ||
        (err == CT_OK && memcmp(device.wallet20, t->wallet20, sizeof t->wallet20) != 0)) {
        return CT_OK;
    }
    if (err != CT_OK) {
        return store_failed(err, why);
    }
    err = admin_op_add(store, CT_OP_REVOKE_DEVICE, t->identity, &op, why);
    return err == CT_OK ? remember(queued, op.id, why) : err;
}

/* All of the batch, or what was minted from a factory credential of that batch. */
static ct_err revoke_enrolled_of(struct ct_store *store, const char *batch,
                                 const uint8_t *factory16, struct devices *queued,
                                 struct ct_why *why)
{
    static struct ct_token_row rows[CT_STORE_PAGE];
    uint8_t after[16];
    size_t count = CT_STORE_PAGE;
    for (const uint8_t *from = NULL; count == CT_STORE_PAGE; from = after) {
        ct_err err = store_failed(
            store->ops->token_page(store, batch, from, rows, CT_STORE_PAGE, &count), why);
        for (size_t i = 0; i < count && err == CT_OK; i++) {
            if (factory16 == NULL || memcmp(rows[i].factory16, factory16, 16) == 0) {
                err = revoke_enrolled(store, &rows[i], queued, why);
            }
        }
        if (err != CT_OK) {
            return err;
        }
        if (count > 0) {
            memcpy(after, rows[count - 1].jti16, sizeof after);
        }
    }
    return CT_OK;
}

/* The one of that number. */
static ct_err revoke_enrolled_by(struct ct_store *store, const uint8_t jti16[16],
                                 struct devices *queued, struct ct_why *why)
{
    struct ct_token_row row;
    uint8_t before[16];
    size_t count = 0;
    memcpy(before, jti16, sizeof before);
    for (size_t i = sizeof before; i-- > 0 && before[i]-- == 0;) {
    }
    ct_err err = store_failed(store->ops->token_page(store, NULL, before, &row, 1, &count), why);
    if (err != CT_OK || count == 0 || memcmp(row.jti16, jti16, 16) != 0) {
        return err;
    }
    return row.count > 0 ? revoke_enrolled_of(store, row.batch, jti16, queued, why)
                         : revoke_enrolled(store, &row, queued, why);
}

static ct_err revoke_one(struct ct_store *store, const uint8_t jti16[16], const char *batch,
                         uint64_t expires_s, struct devices *queued, struct ct_why *why)
{
    ct_err err = store_failed(store->ops->token_withdraw_one(store, jti16, batch, expires_s), why);
    return err != CT_OK || queued == NULL ? err : revoke_enrolled_by(store, jti16, queued, why);
}

struct lines {
    struct ct_store *store;
    struct devices *queued;
    size_t tokens; /* withdrawn */
};

static ct_err revoke_line(void *arg, const char *line, size_t len, struct ct_why *why)
{
    struct lines *l = arg;
    struct ct_token token;
    ct_err err = admin_token_parse(&token, line, len, why);
    if (err != CT_OK) {
        return err;
    }
    err = revoke_one(l->store, token.jti16, token.batch, token.expiry_s, l->queued, why);
    l->tokens += err == CT_OK;
    return err;
}

static ct_err withdraw(struct ct_store *store, const struct order *o, struct devices *queued,
                       struct ct_why *why)
{
    uint8_t jti[16];
    if (o->file != NULL) {
        struct lines l = {.store = store, .queued = queued};
        ct_err err = admin_token_file(o->file, FILE_MAX, revoke_line, &l, why);
        (void)printf("withdrew %zu token%s\n", l.tokens, l.tokens == 1 ? "" : "s");
        return err;
    }
    if (o->jti != NULL) {
        if (ct_unhex(jti, sizeof jti, o->jti) != CT_OK) {
            return ct_why(why, CT_ERR_ARG, "\"%s\" is no token's number (32 hexadecimal digits)",
                          o->jti);
        }
        ct_err err = revoke_one(store, jti, "-", 0, queued, why);
        if (err == CT_OK) {
            (void)printf("withdrew token %s\n", o->jti);
        }
        return err;
    }
    const char *name = o->batch != NULL ? o->batch : o->identity;
    if (!ct_identity_valid(name) || (o->batch != NULL && strlen(name) >= CT_STORE_BATCH)) {
        return ct_why(why, CT_ERR_ARG, "\"%s\" is no %s", name,
                      o->batch != NULL ? "batch" : "identity");
    }
    ct_err err = store_failed(o->batch != NULL ? store->ops->token_withdraw_batch(store, name)
                                               : store->ops->token_withdraw(store, name, NULL),
                              why);
    if (err == CT_OK) {
        (void)printf("withdrew %s %s\n", o->batch != NULL ? "batch" : "the tokens used by", name);
    }
    return err == CT_OK && queued != NULL ? revoke_enrolled_of(store, name, NULL, queued, why)
                                          : err;
}

/* Each is waited for; one that fails (it was revoked before, say) stops nothing. */
static ct_err await_devices(struct ct_store *store, const struct devices *queued,
                            struct ct_why *why)
{
    size_t failed = 0;
    for (size_t i = 0; i < queued->count; i++) {
        struct ct_op op = {.state = CT_OP_QUEUED};
        memcpy(op.id, queued->ids[i], CT_OP_ID);
        ct_err err = admin_op_await(store, &op, why);
        if (err != CT_OK && err != CT_ERR_REFUSED) {
            return err;
        }
        failed += err == CT_ERR_REFUSED;
        (void)printf("%s %s%s%s\n", err == CT_OK ? "revoked" : "did not revoke", op.subject,
                     err == CT_OK ? "" : ": ", err == CT_OK ? "" : op.reason);
    }
    (void)printf("revoked %zu device%s, %zu could not be\n", queued->count - failed,
                 queued->count - failed == 1 ? "" : "s", failed);
    return CT_OK;
}

static ct_err revoke(const struct order *o, struct ct_why *why)
{
    struct ct_settings settings;
    struct ct_store *store = NULL;
    struct devices queued = {.ids = NULL};
    ct_err err = ct_settings_load(&settings, o->config, why);
    if (err != CT_OK) {
        return err;
    }
    err = ct_settings_store(&store, &settings, why);
    if (err == CT_OK) {
        err = withdraw(store, o, o->with_devices ? &queued : NULL, why);
    }
    if (err == CT_OK && o->with_devices) {
        err = await_devices(store, &queued, why);
    }
    free(queued.ids);
    ct_store_free(store);
    ct_settings_free(&settings);
    return err;
}

int admin_token_revoke(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"batch", required_argument, NULL, 'b'},
        {"jti", required_argument, NULL, 'j'},    {"identity", required_argument, NULL, 'i'},
        {"with-devices", no_argument, NULL, 'w'}, {0}};
    struct order o = {.config = NULL};
    struct ct_why why = {{0}};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            o.config = optarg;
            break;
        case 'b':
            o.batch = optarg;
            break;
        case 'j':
            o.jti = optarg;
            break;
        case 'i':
            o.identity = optarg;
            break;
        case 'w':
            o.with_devices = true;
            break;
        default:
            return CT_EXIT_USAGE;
        }
    }
    o.file = optind + 1 == argc ? argv[optind] : NULL;
    if (o.config == NULL || optind + (o.file != NULL) != argc ||
        (o.file != NULL) + (o.batch != NULL) + (o.jti != NULL) + (o.identity != NULL) != 1) {
        return ct_command_usage(ADMIN, "token revoke needs --config FILE and one of a token file, "
                                       "--batch, --jti and --identity");
    }
    if (o.identity != NULL && o.with_devices) {
        return ct_command_usage(ADMIN, "for one name, wm-admin device revoke does all of that");
    }
    ct_err err = revoke(&o, &why);
    return err == CT_OK ? CT_EXIT_OK : ct_command_failed(ADMIN, err, &why);
}

/* wm-admin relay revoke, device revoke: operations put into the store, done by the running server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin.h"
#include "base/clock.h"
#include "base/hex.h"
#include "chain/registry.h"
#include "command.h"
#include "ops.h"
#include "settings.h"
#include "store.h"

enum { WAIT_MS = 120000, ASK_MS = 200, UNTOUCHED_MS = 10000, PASSES_MAX = 256 };

static ct_err add(struct ct_store *store, enum ct_op_kind kind, const char *subject,
                  struct ct_op *op, struct ct_why *why)
{
    *op = (struct ct_op){.kind = kind, .state = CT_OP_QUEUED};
    (void)snprintf(op->subject, sizeof op->subject, "%s", subject);
    ct_err err = store->ops->op_add(store, op);
    return err == CT_OK ? CT_OK : ct_why(why, err, "the store failed: %s", ct_err_text(err));
}

/* Until the server has ended the operation. One that nobody touches means that no server runs. */
static ct_err await(struct ct_store *store, struct ct_op *op, struct ct_why *why)
{
    const struct timespec nap = {.tv_nsec = ASK_MS * 1000000L};
    uint64_t began_ms = ct_mono_ms();
    while (ct_mono_ms() - began_ms < WAIT_MS) {
        ct_err err = store->ops->op_find(store, op->id, op);
        if (err != CT_OK) {
            return ct_why(why, err, "the store failed: %s", ct_err_text(err));
        }
        if (op->state == CT_OP_DONE) {
            return CT_OK;
        }
        if (op->state == CT_OP_FAILED) {
            return ct_why(why, CT_ERR_REFUSED, "not done: %s", op->reason);
        }
        if (op->state == CT_OP_QUEUED && op->reason[0] == '\0' &&
            ct_mono_ms() - began_ms > UNTOUCHED_MS) {
            break;
        }
        (void)nanosleep(&nap, NULL);
    }
    return ct_why(why, CT_ERR_TIMEOUT,
                  "queued as operation %s, but not done yet%s%s; it is done as soon as wm-server "
                  "runs and the chain takes it",
                  op->id, op->reason[0] == '\0' ? "" : ": ", op->reason);
}

static ct_err revoke_relay(struct ct_store *store, const char *subject, struct ct_op *op,
                           struct ct_why *why)
{
    uint16_t index = 0;
    struct ct_op probe = {0};
    (void)snprintf(probe.subject, sizeof probe.subject, "%s", subject);
    if (ct_op_relay_index(&index, &probe) != CT_OK) {
        return ct_why(why, CT_ERR_ARG, "\"%s\" is no relay index (1 to %d)", subject,
                      (int)CT_RELAY_INDEX_MAX);
    }
    return add(store, CT_OP_REVOKE_RELAY, subject, op, why);
}

/* The record, every pass that is still good, and the tokens that the device could show again. */
static ct_err revoke_device(struct ct_store *store, const char *subject, struct ct_op *op,
                            struct ct_why *why)
{
    if (!ct_identity_valid(subject)) {
        return ct_why(why, CT_ERR_ARG, "\"%s\" is no identity", subject);
    }
    size_t count = 0;
    struct ct_op pass_op;
    struct ct_pass_row *passes = calloc(PASSES_MAX, sizeof *passes);
    ct_err err = passes == NULL ? CT_ERR_NOMEM : store->ops->token_withdraw(store, subject);
    if (err == CT_OK) {
        err = store->ops->pass_list(store, subject, ct_wall_s(), passes, PASSES_MAX, &count);
    }
    if (err != CT_OK) {
        (void)ct_why(why, err, "the store failed: %s", ct_err_text(err));
    }
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        char id[33];
        ct_hex(id, passes[i].id16, sizeof passes[i].id16);
        err = add(store, CT_OP_REVOKE_PASS, id, &pass_op, why);
    }
    free(passes);
    return err == CT_OK ? add(store, CT_OP_REVOKE_DEVICE, subject, op, why) : err;
}

typedef ct_err revoke_fn(struct ct_store *store, const char *subject, struct ct_op *op,
                         struct ct_why *why);

static ct_err revoke(const char *config, revoke_fn *fn, const char *subject, struct ct_why *why)
{
    struct ct_settings settings;
    struct ct_store *store = NULL;
    struct ct_op op = {0};
    ct_err err = ct_settings_load(&settings, config, why);
    if (err != CT_OK) {
        return err;
    }
    err = ct_settings_store(&store, &settings, why);
    if (err == CT_OK) {
        err = fn(store, subject, &op, why);
    }
    if (err == CT_OK) {
        err = await(store, &op, why);
    }
    if (err == CT_OK) {
        (void)printf("revoked %s in block %llu\n", subject, (unsigned long long)op.block);
    }
    ct_store_free(store);
    ct_settings_free(&settings);
    return err;
}

static int run(int argc, char **argv, revoke_fn *fn, const char *what)
{
    struct ct_why why = {{0}};
    const char *config = NULL;
    int rest = 0;
    if (!ct_command_config(&config, &rest, argc, argv)) {
        return CT_EXIT_USAGE;
    }
    if (config == NULL || rest + 1 != argc) {
        return ct_command_usage(ADMIN, "revoke needs --config FILE and one %s", what);
    }
    ct_err err = revoke(config, fn, argv[rest], &why);
    return err == CT_OK ? CT_EXIT_OK : ct_command_failed(ADMIN, err, &why);
}

int admin_relay_revoke(int argc, char **argv)
{
    return run(argc, argv, revoke_relay, "relay index");
}

int admin_device_revoke(int argc, char **argv)
{
    return run(argc, argv, revoke_device, "device identity");
}

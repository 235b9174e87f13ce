/* wm-admin relay revoke, device revoke. */
#include <stdio.h>

#include "admin.h"
#include "base/clock.h"
#include "chain/registry.h"
#include "service/command.h"
#include "tx/ops.h"
#include "revocation.h"
#include "service/settings.h"
#include "store/store.h"

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
    ct_err err = store->ops->relay_watch_hold(store, index, ct_wall_s());
    if (err != CT_OK) {
        return ct_why(why, err, "the store failed: %s", ct_err_text(err));
    }
    err = admin_op_add(store, CT_OP_REVOKE_RELAY, subject, op, why);
    return err == CT_ERR_STATE ? CT_OK : err; /* it is being revoked: op is that revocation */
}

/* The record, every pass that is still good, and the tokens that the device could show again. */
static ct_err revoke_device(struct ct_store *store, const char *subject, struct ct_op *op,
                            struct ct_why *why)
{
    if (!ct_identity_valid(subject)) {
        return ct_why(why, CT_ERR_ARG, "\"%s\" is no identity", subject);
    }
    ct_err err = store->ops->token_withdraw(store, subject, NULL);
    if (err != CT_OK) {
        return ct_why(why, err, "the store failed: %s", ct_err_text(err));
    }
    err = admin_passes_revoke(store, subject, NULL, why);
    return err == CT_OK ? admin_op_add(store, CT_OP_REVOKE_DEVICE, subject, op, why) : err;
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
        err = admin_op_await(store, &op, why);
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

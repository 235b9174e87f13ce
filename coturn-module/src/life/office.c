/* The registrar as the server's options want it: which program, whose key, within which limits. */
#include "life/office.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { GWEI = 1000000000 };

/* Beside the server's own program, wherever that is. */
static ct_err find_program(char out[CT_RG_SOURCE_MAX], const struct ct_relay_options *options,
                           struct ct_why *why)
{
    static const char name[] = "chainturn-registrar";
    if (options->registrar[0] != '\0') {
        (void)snprintf(out, CT_RG_SOURCE_MAX, "%s", options->registrar);
        return CT_OK;
    }
    ssize_t len = readlink("/proc/self/exe", out, CT_RG_SOURCE_MAX - 1);
    out[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (!slash || (size_t)(slash + 1 - out) + sizeof(name) > CT_RG_SOURCE_MAX) {
        return ct_why(why, CT_ERR_CONFIG,
                      "where this program is cannot be told: set chainturn-registrar to the path "
                      "of %s",
                      name);
    }
    memcpy(slash + 1, name, sizeof(name));
    return CT_OK;
}

static void set_open(struct ct_rg_open *open, const struct ct_relay *record,
                     const struct ct_relay_options *options, const struct ct_bundle *bundle,
                     bool check_only)
{
    memset(open, 0, sizeof(*open));
    open->chain_id = bundle->chain_id;
    memcpy(open->contract20, bundle->contract20, 20);
    open->fee_max_wei = (uint64_t)options->max_fee_gwei * GWEI;
    open->gas_max = options->max_gas;
    open->record = *record;
    open->may_make = !check_only;
    (void)snprintf(open->wallet, sizeof(open->wallet), "%s", options->wallet);
    (void)snprintf(open->passphrase, sizeof(open->passphrase), "%s", options->passphrase);
    (void)snprintf(open->user, sizeof(open->user), "%s", options->registrar_user);
}

ct_err ct_office_open(struct ct_rg_link **out, struct ct_relay *record,
                      const struct ct_relay_options *options, const struct ct_bundle *bundle,
                      bool check_only, const struct ct_log *log, struct ct_why *why)
{
    char program[CT_RG_SOURCE_MAX];
    char address[CT_ADDR_TEXT_LEN];
    struct ct_rg_open open;
    struct ct_wallet wallet;
    bool made = false;
    *out = NULL;
    set_open(&open, record, options, bundle, check_only);
    ct_err err = find_program(program, options, why);
    if (err == CT_OK) {
        err = ct_rg_link_new(out, &made, program, &open, log, why);
    }
    if (err == CT_ERR_NOT_FOUND && check_only) {
        return CT_OK;
    }
    if (err != CT_OK) {
        return err;
    }
    ct_rg_link_wallet(&wallet, *out);
    memcpy(record->owner20, wallet.addr20, 20);
    ct_addr_text(address, wallet.addr20);
    ct_log(log, CT_LOG_INFO, "wallet address=%s registrar=%ld%s", address,
           (long)ct_rg_link_pid(*out),
           made ? " (new: it needs some ether for its registration)" : "");
    return CT_OK;
}

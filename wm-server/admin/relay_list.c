/* wm-admin relay list: every relay that the contract knows, proven, with its state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "service/command.h"
#include "tx/ledger.h"
#include "service/settings.h"
#include "turn/addr.h"

/* "198.51.100.11:3478 relays 198.51.100.11", or nothing when the record has none of the family. */
static void print_family(bool has, const struct ct_addr *listens, const struct ct_addr *relays)
{
    char at[CT_ADDR_TEXT], from[CT_ADDR_TEXT];
    if (!has) {
        return;
    }
    ct_addr_to_text(at, listens);
    ct_addr_to_text(from, relays);
    *strrchr(from, ':') = '\0'; /* its ports are told once */
    (void)printf(" %-21s relays %s", at, from);
}

static void print_relay(const struct ct_relay *r, uint64_t time_s)
{
    char owner[CT_ADDR_TEXT_LEN];
    bool over = r->state == CT_RECORD_APPROVED && r->expiry_day < time_s / 86400;
    const struct ct_addr at4 = ct_addr_ip4(r->listen_ip4, r->listen_port);
    const struct ct_addr from4 = ct_addr_ip4(r->relay_ip4, 0);
    const struct ct_addr at6 = ct_addr_ip6(r->listen_ip6, r->listen_port);
    const struct ct_addr from6 = ct_addr_ip6(r->relay_ip6, 0);
    ct_addr_text(owner, r->owner20);
    (void)printf("%-5u %-9s", r->index, over ? "expired" : ct_record_state_text(r->state));
    print_family(ct_relay_has_ip4(r->listen_ip4), &at4, &from4);
    print_family(ct_relay_has_ip6(r->listen_ip6), &at6, &from6);
    (void)printf(" ports %u-%u until day %u owner %s\n", r->port_min, r->port_max, r->expiry_day,
                 owner);
}

static ct_err list(const struct ct_settings *settings, struct ct_why *why)
{
    struct ct_bundle bundle;
    struct ct_chain *chain = NULL;
    const struct ct_chain_env env = {.log = ct_command_log(CT_LOG_WARN)};
    uint64_t time_s = 0;
    size_t count = 0;
    struct ct_relay *all = calloc(CT_LEDGER_RELAYS_MAX, sizeof *all);
    if (all == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    ct_err err = ct_settings_bundle(&bundle, settings, why);
    if (err == CT_OK) {
        err = ct_chain_open(&chain, &bundle, &env, why);
    }
    if (err == CT_OK) {
        struct ct_ledger ledger = ct_ledger_of_chain(chain);
        err = ledger.ops->relays(ledger.arg, all, CT_LEDGER_RELAYS_MAX, &count, &time_s, why);
    }
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        print_relay(&all[i], time_s);
    }
    if (err == CT_OK && count == 0) {
        (void)printf("no relay has been approved yet\n");
    }
    ct_chain_free(chain);
    free(all);
    return err;
}

int admin_relay_list(int argc, char **argv)
{
    struct ct_settings settings;
    struct ct_why why = {{0}};
    const char *config = NULL;
    int rest = 0;
    if (!ct_command_config(&config, &rest, argc, argv)) {
        return CT_EXIT_USAGE;
    }
    if (config == NULL || rest != argc) {
        return ct_command_usage(ADMIN, "relay list needs --config FILE and nothing else");
    }
    ct_err err = ct_settings_load(&settings, config, &why);
    if (err == CT_OK) {
        err = list(&settings, &why);
        ct_settings_free(&settings);
    }
    return err == CT_OK ? CT_EXIT_OK : ct_command_failed(ADMIN, err, &why);
}

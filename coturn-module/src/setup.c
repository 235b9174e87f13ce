/* The module's configuration: what the options ask for is read, checked and made. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "chain/sealed.h"
#include "life/office.h"
#include "life/record.h"
#include "module_private.h"

static ct_err read_bundle(struct ct_module *m, struct ct_why *why)
{
    ct_err err = ct_bundle_read(&m->bundle, m->options.bundle, why);
    if (err == CT_ERR_NOT_FOUND) {
        return ct_why(why, CT_ERR_CONFIG,
                      "chainturn-bundle: there is no file %s; 'wm-server init' writes it",
                      m->options.bundle);
    }
    if (err != CT_OK) {
        return err;
    }
    if (m->options.insecure_single_rpc) {
        ct_bundle_allow_single(&m->bundle);
        ct_log(&m->log, CT_LOG_WARN,
               "insecure_single_rpc: the word of one endpoint is taken for the chain");
    }
    if (ct_addr_is_zero(m->bundle.contract20)) {
        return ct_why(why, CT_ERR_CONFIG, "%s names no contract: 'wm-server init' deploys it",
                      m->options.bundle);
    }
    return CT_OK;
}

/* Keys are read, or made, while privileges last; with --check-config nothing is made. The wallet's
 * is never in this process. */
static ct_err load_keys(struct ct_module *m, struct ct_why *why)
{
    bool check_only = m->host->check_only;
    if (!check_only && mkdir(m->options.state, 0700) == 0) {
        ct_log(&m->log, CT_LOG_INFO, "state_folder_made path=%s", m->options.state);
    }
    return ct_keyring_load(&m->keys, m->options.key, check_only, ct_wall_s(), why);
}

static ct_err open_registrar(struct ct_module *m, struct ct_why *why)
{
    ct_err err = ct_office_open(&m->link, &m->record, &m->options, &m->bundle, m->host->check_only,
                                &m->log, why);
    if (err == CT_OK && m->link) {
        ct_rg_link_set_key(m->link, ct_keyring_wanted(&m->keys)->public32);
        ct_rg_link_wallet(&m->wallet, m->link);
    }
    return err;
}

static void not_our_chain(void *arg)
{
    const struct ct_module *m = arg;
    ct_log(&m->log, CT_LOG_ERROR,
           "%s does not fit the chain that its endpoints serve; get the platform's present bundle",
           m->options.bundle);
    m->host->end(CT_EXIT_CONFIG);
}

static void cancel_session(void *arg, uint64_t session)
{
    const struct ct_module *m = arg;
    m->host->cancel(session);
}

static void pass_revoked(void *arg, const uint8_t id16[16])
{
    struct ct_module *m = arg;
    size_t sessions = ct_limits_sessions(m->limits, id16, cancel_session, m);
    char id[2 * 16 + 1];
    ct_hex(id, id16, 16);
    ct_log(&m->log, CT_LOG_INFO, "pass_revoked id=%s allocations=%zu", id, sessions);
}

/* Or each crash could leave the devices' file once more, half written. */
static void sweep_state(const struct ct_module *m)
{
    const char *const paths[] = {m->relays_path, m->keys_path, m->log_path, m->memo_path,
                                 m->devices_path};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        ct_sealed_sweep(paths[i]);
    }
}

/* What an earlier run knew is there before the first client can ask. */
static ct_err make_registrar(struct ct_module *m, struct ct_why *why)
{
    struct ct_registrar_config config = {
        .bundle = &m->bundle,
        .wallet = &m->wallet,
        .keys = &m->keys,
        .record = &m->record,
        .policy = &m->watch.first->policy,
        .passes = m->passes,
        .sets = &m->sets,
        .statement = &m->statement,
        .relays_path = m->relays_path,
        .keys_path = m->keys_path,
        .log_path = m->log_path,
        .link = m->link,
        .memo_path = m->memo_path,
        .key_days = m->options.key_days,
        .renew_days = (uint16_t)m->options.renew_days,
        .balance_warn_gwei = m->options.balance_warn_gwei,
        .devices_path = m->options.mode == CT_MODE_DEVICES ? m->devices_path : NULL,
        .poll_ms = m->options.poll_ms,
        .board = &m->board,
        .log = m->log,
        .not_our_chain = not_our_chain,
        .pass_revoked = pass_revoked,
        .leaving = ct_module_leaving,
        .arg = m,
    };
    sweep_state(m);
    return ct_registrar_new(&m->registrar, &config, why);
}

static void set_status(struct ct_module *m)
{
    m->status.mode = m->options.mode;
    m->status.max_age_s = m->options.max_age_s;
    m->status.chain_id = m->bundle.chain_id;
    m->status.contract20 = m->bundle.contract20;
    m->status.follows_devices = m->options.mode == CT_MODE_DEVICES;
    m->status.sets = &m->sets;
    m->status.board = &m->board;
    m->status.tally = &m->tally;
}

static ct_err make_passes(struct ct_module *m, struct ct_why *why)
{
    if (ct_passes_new(&m->passes, m->bundle.deployment32, &m->keys.now) != CT_OK) {
        return ct_why(why, CT_ERR_NOMEM, "no memory for the passes");
    }
    ct_passes_set_relay_keys(m->passes, &m->keys.now, ct_keyring_other(&m->keys));
    return CT_OK;
}

static ct_err make_portkeeper(struct ct_module *m, struct ct_why *why)
{
    struct ct_portkeeper_config config = {
        .deployment32 = m->bundle.deployment32, .path = m->ports_path, .log = m->log};
    return ct_portkeeper_new(&m->ports, &config, why);
}

ct_err ct_module_configure(struct ct_module *m, struct ct_why *why)
{
    ct_err err = ct_relay_options_finish(&m->options, why);
    if (err == CT_OK) {
        err = read_bundle(m, why);
    }
    if (err == CT_OK) {
        err = ct_hostwatch_open(&m->watch, m->host, &m->options, &m->bundle, &m->sets, why);
    }
    if (err == CT_OK) {
        err = load_keys(m, why);
    }
    if (err == CT_OK) {
        err = ct_relay_record_make(&m->record, m->host, m->wallet.addr20,
                                   ct_keyring_wanted(&m->keys)->public32, why);
    }
    if (err == CT_OK) {
        err = open_registrar(m, why);
    }
    if (err == CT_OK) {
        err = make_passes(m, why);
    }
    if (err == CT_OK && ct_limits_new(&m->limits, &m->options.limits) != CT_OK) {
        err = ct_why(why, CT_ERR_NOMEM, "no memory, or no randomness, for the limits");
    }
    ct_own_statement_init(&m->statement, m->options.mode);
    ct_sets_init(&m->sets, m->host->relays_public, m->host->relay_count);
    (void)snprintf(m->relays_path, sizeof(m->relays_path), "%s/relays", m->options.state);
    (void)snprintf(m->keys_path, sizeof(m->keys_path), "%s/wm-keys", m->options.state);
    (void)snprintf(m->log_path, sizeof(m->log_path), "%s/log", m->options.state);
    (void)snprintf(m->memo_path, sizeof(m->memo_path), "%s/memo", m->options.state);
    (void)snprintf(m->devices_path, sizeof(m->devices_path), "%s/devices", m->options.state);
    set_status(m);
    (void)snprintf(m->ports_path, sizeof(m->ports_path), "%s/ports", m->options.state);
    if (err == CT_OK && !m->host->check_only) {
        err = make_portkeeper(m, why);
    }
    return err == CT_OK && !m->host->check_only ? make_registrar(m, why) : err;
}

/* The module as the server sees it: one table of handlers over one object made at configuration. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/secret.h"
#include "chain/bundle.h"
#include "chain/key.h"
#include "packets/counts.h"
#include "ct_hooks.h"
#include "life/drain.h"
#include "host.h"
#include "life/keyring.h"
#include "life/office.h"
#include "packets/usage.h"
#include "life/owner.h"
#include "options.h"
#include "passes/passes.h"
#include "packets/policy.h"
#include "ports/portkeeper.h"
#include "life/record.h"
#include "life/registrar.h"
#include "status/scrape.h"
#include "peers/sets.h"
#include "status/status.h"
#include "packets/tally.h"

/* A service manager waits longer than that before it kills. */
enum { WITHDRAWN_WITHIN_MS = 20000 };

/* coturn is one server a process, and gives its handlers no argument: so there is one of these. */
static struct module {
    struct ct_tally tally; /* packets are counted, never logged one by one */
    struct ct_sets sets;
    struct ct_relay_options options;
    const struct ct_host *host;
    struct ct_log log;
    struct ct_bundle bundle;
    struct ct_host_policy host_policy;
    struct ct_rg_link *link;
    struct ct_wallet wallet; /* signs over there */
    struct ct_keyring keys;
    struct ct_relay record;
    struct ct_own_statement statement;
    struct ct_passes *passes;
    struct ct_limits *limits;
    struct ct_registrar *registrar;
    struct ct_drain drain;
    struct ct_portkeeper *ports;
    char relays_path[CT_PATH_MAX + 16];
    char keys_path[CT_PATH_MAX + 16];
    char log_path[CT_PATH_MAX + 16];
    char memo_path[CT_PATH_MAX + 16];
    char devices_path[CT_PATH_MAX + 16];
    char ports_path[CT_PATH_MAX + 16];
    _Atomic uint64_t pass_told_ms;
    struct ct_board board;
    struct ct_status status;
    bool options_ready;
} module = {.board = CT_BOARD_INIT};

static void to_server_log(enum ct_log_level level, const char *line, void *arg)
{
    const struct module *m = arg;
    m->host->log(level == CT_LOG_ERROR  ? CT_HOOK_ERROR
                 : level == CT_LOG_WARN ? CT_HOOK_WARNING
                                        : CT_HOOK_INFO,
                 line);
}

/* Options are read before the server's log is there. */
static struct ct_relay_options *options(void)
{
    if (!module.options_ready) {
        ct_relay_options_init(&module.options);
        module.options_ready = true;
    }
    return &module.options;
}

static bool on_option(int id, const char *value)
{
    struct ct_why why;
    if (ct_relay_options_set(options(), id, value, &why) == CT_OK) {
        return true;
    }
    (void)fprintf(stderr, "turnserver: %s\n", why.text);
    return false;
}

static bool on_unknown_key(const char *key)
{
    struct ct_why why;
    if (ct_relay_options_unknown(key, &why) == CT_OK) {
        return true;
    }
    (void)fprintf(stderr, "turnserver: %s\n", why.text);
    return false;
}

static ct_err read_bundle(struct module *m, struct ct_why *why)
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
static ct_err load_keys(struct module *m, struct ct_why *why)
{
    bool check_only = m->host->check_only;
    if (!check_only && mkdir(m->options.state, 0700) == 0) {
        ct_log(&m->log, CT_LOG_INFO, "state_folder_made path=%s", m->options.state);
    }
    return ct_keyring_load(&m->keys, m->options.key, check_only, ct_wall_s(), why);
}

static ct_err open_registrar(struct module *m, struct ct_why *why)
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
    const struct module *m = arg;
    ct_log(&m->log, CT_LOG_ERROR,
           "%s does not fit the chain that its endpoints serve; get the platform's present bundle",
           m->options.bundle);
    m->host->end(CT_EXIT_CONFIG);
}

static void cancel_session(void *arg, uint64_t session)
{
    const struct module *m = arg;
    m->host->cancel(session);
}

static void pass_revoked(void *arg, const uint8_t id16[16])
{
    struct module *m = arg;
    size_t sessions = ct_limits_sessions(m->limits, id16, cancel_session, m);
    char id[2 * 16 + 1];
    ct_hex(id, id16, 16);
    ct_log(&m->log, CT_LOG_INFO, "pass_revoked id=%s allocations=%zu", id, sessions);
}

static void leaving(void *arg, bool gone);

/* What an earlier run knew is there before the first client can ask. */
static ct_err make_registrar(struct module *m, struct ct_why *why)
{
    struct ct_registrar_config config = {
        .bundle = &m->bundle,
        .wallet = &m->wallet,
        .keys = &m->keys,
        .record = &m->record,
        .policy = &m->host_policy.policy,
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
        .leaving = leaving,
        .arg = m,
    };
    return ct_registrar_new(&m->registrar, &config, why);
}

static void set_status(struct module *m)
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

static ct_err make_passes(struct module *m, struct ct_why *why)
{
    if (ct_passes_new(&m->passes, m->bundle.deployment32, &m->keys.now) != CT_OK) {
        return ct_why(why, CT_ERR_NOMEM, "no memory for the passes");
    }
    ct_passes_set_relay_keys(m->passes, &m->keys.now, ct_keyring_other(&m->keys));
    return CT_OK;
}

static ct_err make_portkeeper(struct module *m, struct ct_why *why)
{
    struct ct_portkeeper_config config = {
        .deployment32 = m->bundle.deployment32, .path = m->ports_path, .log = m->log};
    return ct_portkeeper_new(&m->ports, &config, why);
}

static ct_err configure(struct module *m, struct ct_why *why)
{
    ct_err err = ct_relay_options_finish(&m->options, why);
    if (err == CT_OK) {
        err = read_bundle(m, why);
    }
    if (err == CT_OK) {
        err = ct_host_policy_make(&m->host_policy, m->host, &m->options, &m->bundle, why);
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

static enum ct_configured on_configure(const struct ct_host *host)
{
    struct module *m = &module;
    if (!options()->any) {
        return CT_CONFIGURED_OFF;
    }
    m->host = host;
    m->log = (struct ct_log){.sink = to_server_log, .arg = m, .max = CT_LOG_INFO};
    struct ct_why why = {""};
    if (configure(m, &why) != CT_OK) {
        ct_log(&m->log, CT_LOG_ERROR, "%s", why.text);
        (void)fprintf(stderr, "turnserver: %s\n", why.text);
        return CT_CONFIGURED_FAIL;
    }
    ct_log(&m->log, CT_LOG_INFO, "configured mode=%s chain_id=%" PRIu64 " ports=%u-%u max_age_s=%u",
           ct_mode_text(m->options.mode), m->bundle.chain_id, host->port_min, host->port_max,
           m->options.max_age_s);
    return CT_CONFIGURED_ON;
}

static void write_metrics(void *arg, FILE *out)
{
    struct module *m = arg;
    ct_status_metrics(&m->status, ct_wall_s(), out);
}

/* To the end of the process: there is nothing to save. */
static ct_err start_metrics(struct module *m, struct ct_why *why)
{
    struct ct_scrape *scrape = NULL;
    struct ct_scrape_config config = {m->options.metrics, write_metrics, m};
    return m->options.metrics.family != 0 ? ct_scrape_start(&scrape, &config, why) : CT_OK;
}

static bool on_start(void)
{
    struct module *m = &module;
    struct ct_why why = {""};
    if (start_metrics(m, &why) != CT_OK || ct_portkeeper_start(m->ports, &why) != CT_OK ||
        ct_registrar_start(m->registrar, &why) != CT_OK) {
        ct_log(&m->log, CT_LOG_ERROR, "%s", why.text);
        return false;
    }
    ct_log(&m->log, CT_LOG_INFO, "started");
    return true;
}

static void on_stop(void)
{
    struct module *m = &module;
    if (m->registrar && m->options.withdraw_on_stop) {
        ct_registrar_leave(m->registrar);
        bool gone = ct_registrar_await_gone(m->registrar, WITHDRAWN_WITHIN_MS);
        ct_log(&m->log, gone ? CT_LOG_INFO : CT_LOG_WARN, "%s",
               gone ? "withdrawn_on_stop"
                    : "not_withdrawn_on_stop: the chain lists this relay still; its transaction is "
                      "gone on with at the next start");
    }
    if (m->registrar) {
        ct_registrar_stop(m->registrar);
    }
    ct_portkeeper_stop(m->ports);
    ct_counts_tell(&m->tally, &m->log);
}

static void on_drain(void)
{
    struct module *m = &module;
    if (!ct_drain_begin(&m->drain, ct_mono_ms())) {
        return;
    }
    ct_log(&m->log, CT_LOG_INFO, "draining allocations=%" PRIu32 " limit_s=%" PRIu32,
           atomic_load(&m->drain.allocations), m->options.drain_limit_s);
    ct_registrar_leave(m->registrar);
}

static bool on_drains(void)
{
    return ct_drain_is_on(&module.drain);
}

/* On the registrar's thread, once a second at least. */
static void leaving(void *arg, bool gone)
{
    struct module *m = arg;
    if (ct_drain_is_over(&m->drain, gone, m->options.drain_limit_s, ct_mono_ms())) {
        ct_log(&m->log, CT_LOG_INFO, "drained allocations=%" PRIu32 "%s",
               atomic_load(&m->drain.allocations), gone ? "" : " (and not withdrawn)");
        ct_counts_tell(&m->tally, &m->log);
        m->host->end(0);
    }
}

static bool on_peer_ok(const struct ct_endpoint *peer)
{
    struct module *m = &module;
    enum ct_verdict verdict = ct_sets_filter(&m->sets, &m->host_policy.policy, peer);
    if (verdict == CT_VERDICT_ADMIT) {
        return true;
    }
    ct_count_verdict(&m->tally, CT_COUNT_OTHER_WAY, verdict);
    return false;
}

/* What comes in uninvited is held to the limits; what goes out is what a client wants. */
static enum ct_admission on_gate(void *use, const struct ct_endpoint *peer, enum ct_way way)
{
    struct module *m = &module;
    struct ct_guests *guests = use ? ct_limits_guests(use) : NULL;
    struct ct_guests_when now = {ct_sets_state(&m->sets), ct_wall_coarse_s()};
    bool is_known = guests && ct_guests_has(guests, peer, &now);
    enum ct_verdict verdict = CT_VERDICT_ADMIT;
    if (!is_known) {
        verdict = ct_sets_gate(&m->sets, &m->host_policy.policy, peer, way == CT_WAY_CONNECTION,
                               now.second);
    }
    if (verdict == CT_VERDICT_ADMIT && guests && !is_known) {
        ct_guests_ask(guests, peer, &now);
    }
    if (verdict == CT_VERDICT_ADMIT && way != CT_WAY_SEND) {
        verdict = ct_limits_uninvited(m->limits, use, peer, ct_mono_coarse_ns());
    }
    ct_count_verdict(&m->tally, way, verdict);
    return verdict != CT_VERDICT_ADMIT ? CT_REFUSE : is_known ? CT_ADMIT_AGAIN : CT_ADMIT;
}

static void on_admitted(void *use)
{
    if (use) {
        ct_guests_admit(ct_limits_guests(use));
    }
}

static bool on_relay(void *use, enum ct_way way, size_t bytes)
{
    struct module *m = &module;
    bool fits = !ct_limits_has_caps(m->limits) ||
                ct_limits_relay(m->limits, use, bytes, ct_mono_coarse_ns());
    ct_tally_add(&m->tally, (fits ? CT_COUNT_RELAYED : CT_COUNT_CAPPED) + way);
    return fits;
}

/* What is held back is relayed all the same, but late. */
static int64_t on_stream(void *use, size_t bytes)
{
    struct module *m = &module;
    uint64_t wait_ns =
        ct_limits_has_caps(m->limits) ? ct_limits_stream(m->limits, use, bytes, ct_mono_ns()) : 0;
    bool is_relayed = wait_ns != UINT64_MAX;
    if (wait_ns > 0) {
        ct_tally_add(&m->tally, CT_COUNT_CAPPED + CT_WAY_CONNECTION);
    }
    if (is_relayed) {
        ct_tally_add(&m->tally, CT_COUNT_RELAYED + CT_WAY_CONNECTION);
    }
    return is_relayed ? (int64_t)((wait_ns + 999999) / 1000000) : -1;
}

static void on_permitted(void *use)
{
    ct_limits_invite_only(use);
}

static bool on_answer(const struct ct_endpoint *to, size_t in, size_t out)
{
    struct module *m = &module;
    bool may = ct_limits_answer(m->limits, to, in, out, ct_mono_ns());
    ct_tally_add(&m->tally, may ? CT_COUNT_ANSWERED : CT_COUNT_UNANSWERED);
    return may;
}

/* The relayed port that the user had there before, while nobody else has it. */
static uint16_t on_port_had(const char *user, const struct ct_endpoint *at)
{
    return ct_portkeeper_had(module.ports, user, at);
}

static bool on_port_kept(const char *user, const struct ct_endpoint *relayed)
{
    return ct_portkeeper_is_kept(module.ports, user, relayed);
}

static bool is_among(const struct ct_endpoint *list, size_t count, const struct ct_endpoint *e)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].port == e->port && memcmp(list[i].addr16, e->addr16, 16) == 0) {
            return true;
        }
    }
    return false;
}

/* The places of an allocation from now on; the port of one that is left out may be another's before
 * the allocation is deleted. Ports of TCP are nobody's afterwards. */
static void stand_at(struct module *m, struct ct_use *use, const struct ct_allocation_info *info,
                     const struct ct_endpoint *places, size_t place_count, bool was_given_back)
{
    struct ct_live *live = info->is_udp ? &m->sets.live : &m->sets.live_tcp;
    const uint8_t *pass16 = ct_use_pass(use);
    size_t count = 0;
    const struct ct_endpoint *before = ct_use_places(use, &count);
    for (size_t i = 0; i < count; i++) {
        if (is_among(places, place_count, &before[i])) {
            continue;
        }
        ct_live_set(live, &before[i], false);
        if (pass16 && info->is_udp) {
            ct_portkeeper_ended(m->ports, pass16, &before[i], was_given_back);
        }
    }
    ct_use_stand(use, places, place_count);
    for (size_t i = 0; i < place_count; i++) {
        ct_live_set(live, &places[i], true);
        if (pass16 && info->is_udp) {
            ct_portkeeper_stands(m->ports, pass16, &places[i]);
        }
    }
}

static void *on_deleted(struct module *m, struct ct_use *use, bool is_pass,
                        const struct ct_allocation_info *info)
{
    if (use) {
        stand_at(m, use, info, NULL, 0, false);
        ct_limits_close(m->limits, use);
        ct_drain_count(&m->drain, -1);
        ct_status_allocation(&m->status, -1, is_pass);
    }
    return NULL;
}

/* A revocation since the credentials were checked found no allocation yet to end. */
static void end_if_revoked(const struct module *m, const struct ct_allocation_info *info)
{
    uint32_t left_s = 0;
    if (!ct_passes_session(m->passes, &left_s, info->user, ct_wall_s())) {
        m->host->cancel(info->session);
    }
}

/* Only who shows a pass counts as a device: users of the server's own are strangers to the chain.
 */
static void *on_allocation(void *use, enum ct_allocation_event event,
                           const struct ct_allocation_info *info)
{
    struct module *m = &module;
    uint8_t pass16[16];
    bool is_pass = ct_passes_id(pass16, info->user);
    struct ct_use *made = use;
    if (event == CT_ALLOCATION_DELETED) {
        return on_deleted(m, use, is_pass, info);
    }
    if (!use && ct_limits_open(m->limits, &made, info->session) != CT_OK) {
        return NULL; /* no memory: the limits of sources hold all the same */
    }
    ct_drain_count(&m->drain, use ? 0 : 1);
    ct_status_allocation(&m->status, use ? 0 : 1, is_pass);
    ct_limits_of_pass(m->limits, made, is_pass ? pass16 : NULL); /* another one after a renewal */
    if (is_pass) {
        stand_at(m, made, info, info->relayed, info->relayed_count, true);
        end_if_revoked(m, info);
    }
    return made;
}

/* Anybody can send a bad pass: one of them a second is told, so that its owner finds the reason. */
static void tell_refused_pass(struct module *m, const struct ct_why *why)
{
    uint64_t now = ct_mono_ms();
    uint64_t told = atomic_load(&m->pass_told_ms);
    if ((told == 0 || now - told >= 1000) &&
        atomic_compare_exchange_strong(&m->pass_told_ms, &told, now)) {
        ct_log(&m->log, CT_LOG_WARN, "pass_refused reason=\"%s\"", why->text);
    }
}

static bool on_sign_on(const char *user, const struct ct_endpoint *from)
{
    struct module *m = &module;
    bool may =
        ct_passes_is_cheap(m->passes, user) || ct_limits_sign_on(m->limits, from, ct_mono_ns());
    ct_tally_add(&m->tally, may ? CT_COUNT_SIGNED_ON : CT_COUNT_NOT_SIGNED_ON);
    return may;
}

static bool on_renews(const char *user, const char *renewed)
{
    return ct_passes_renews(module.passes, user, renewed);
}

static enum ct_user on_password(char password[CT_USER_PASSWORD_MAX], const char *user)
{
    struct module *m = &module;
    struct ct_why why = {""};
    enum ct_user verdict = ct_passes_password(m->passes, password, user, ct_wall_s(), &why);
    if (verdict == CT_USER_REFUSED) {
        tell_refused_pass(m, &why);
    }
    return verdict;
}

static void on_status(ct_status_row *row, void *arg, bool as_html)
{
    ct_status_rows(&module.status, ct_wall_s(), as_html, row, arg);
}

static size_t on_owner(uint8_t out[CT_HOOK_OWNER_MAX])
{
    return ct_own_statement_read(&module.statement, out, ct_wall_coarse_s());
}

static bool on_old_password(char password[CT_USER_PASSWORD_MAX], const char *user)
{
    return ct_passes_old_password(module.passes, password, user);
}

static bool on_session(uint32_t *left_s, const char *user)
{
    return ct_passes_session(module.passes, left_s, user, ct_wall_s());
}

const struct ct_hooks ct_module_hooks = {
    .abi = CT_HOOKS_ABI,
    .name = "chainturn",
    .option = on_option,
    .unknown_key = on_unknown_key,
    .configure = on_configure,
    .start = on_start,
    .stop = on_stop,
    .drain = on_drain,
    .drains = on_drains,
    .peer_ok = on_peer_ok,
    .gate = on_gate,
    .admitted = on_admitted,
    .relay = on_relay,
    .stream = on_stream,
    .permitted = on_permitted,
    .answer = on_answer,
    .sign_on = on_sign_on,
    .renews = on_renews,
    .password = on_password,
    .old_password = on_old_password,
    .session = on_session,
    .status = on_status,
    .owner = on_owner,
    .allocation = on_allocation,
    .port_had = on_port_had,
    .port_kept = on_port_kept,
};

/* Configuration, keys, endpoints and contract, looked at without touching anything. */
#include "service/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/bind.h"
#include "chain/rpc.h"
#include "service/check_store.h"
#include "operator/operator_tls.h"
#include "service/verify.h"

enum { DAY_S = 86400, SOON_DAYS = 30, REGISTRATION_GAS = 60000, GWEI = 1000000000 };

struct check {
    const char *conf_path;
    struct ct_settings settings;
    struct ct_keys keys;
    bool has_keys;
    struct ct_bundle bundle;
    struct ct_chain *chain;
    struct ct_view view;
    ct_err first; /* failure */
    struct ct_why why;
};

CT_PRINTF(3, 4)
static void line(const char *verdict, const char *what, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)printf("%-4s  %-14s  ", verdict, what);
    (void)vprintf(format, args);
    (void)printf("\n");
    va_end(args);
}

/* True when there is nothing wrong; else the line is said. */
static bool good(struct check *c, const char *what, ct_err err, const struct ct_why *why)
{
    if (err == CT_OK) {
        return true;
    }
    line("FAIL", what, "%s", why->text[0] != '\0' ? why->text : ct_err_text(err));
    if (c->first == CT_OK) {
        c->first = err;
        c->why = *why;
    }
    return false;
}

/* ---- keys ---- */

static const char *held(const struct ct_hsm *hsm, const char *passphrase)
{
    return hsm != NULL ? "in a token" : passphrase != NULL ? "in a keystore" : "raw in a file";
}

static void check_keys(struct check *c)
{
    struct ct_why why = {{0}};
    char approver[CT_ADDR_TEXT_LEN];
    c->has_keys = good(c, "keys", ct_keys_load(&c->keys, &c->settings, &why), &why);
    if (c->has_keys) {
        ct_addr_text(approver, c->keys.approver.addr20);
        line("ok", "keys", "those of approver%s, passes and handshakes can be used; approver %s",
             c->settings.funder_path == NULL ? "" : ", funder", approver);
    }
}

/* ---- endpoints ---- */

/* One endpoint as if it were the only one. */
static void check_endpoint(struct check *c, size_t i)
{
    struct ct_bundle one = c->bundle;
    struct ct_chain *chain = NULL;
    struct ct_view view;
    struct ct_why why = {{0}};
    one.rpc_count = 1;
    one.quorum = 1;
    one.insecure_single_rpc = true;
    memmove(one.rpc[0], c->bundle.rpc[i], sizeof one.rpc[0]);
    ct_err err = ct_chain_open(&chain, &one, NULL, &why);
    if (err == CT_OK) {
        err = ct_chain_check(chain, &view, &why);
    }
    ct_chain_free(chain);
    if (err != CT_OK) { /* the others may be enough: the next line says so */
        line("warn", "endpoint", "%s: %s", c->bundle.rpc[i], why.text);
        return;
    }
    uint64_t now_s = ct_wall_s();
    line("ok", "endpoint", "%s: block %llu, %llu s old", c->bundle.rpc[i],
         (unsigned long long)view.number,
         (unsigned long long)(now_s > view.timestamp_s ? now_s - view.timestamp_s : 0));
}

static bool check_chain(struct check *c)
{
    struct ct_why why = {{0}};
    char contract[CT_ADDR_TEXT_LEN];
    for (size_t i = 0; i < c->bundle.rpc_count; i++) {
        check_endpoint(c, i);
    }
    ct_err err = ct_chain_open(&c->chain, &c->bundle, NULL, &why);
    if (err == CT_OK) {
        err = ct_chain_check(c->chain, &c->view, &why);
    }
    if (!good(c, "chain", err, &why)) {
        return false;
    }
    ct_addr_text(contract, c->bundle.contract20);
    line("ok", "chain",
         "%llu: %u of %u endpoints agree on block %llu, in which %s has the bundle's code",
         (unsigned long long)c->bundle.chain_id, c->view.k, c->view.n,
         (unsigned long long)c->view.number, contract);
    return true;
}

/* ---- roles ---- */

static void check_platform_keys(struct check *c)
{
    struct ct_wm_key listed[2];
    struct ct_keyring ring;
    struct ct_why why = {{0}};
    char date[16] = "";
    struct tm utc;
    ct_err err = ct_registry_wm_keys(c->chain, &c->view, listed, &why);
    if (err == CT_OK) {
        err = ct_keyring_match(&ring, listed, c->view.timestamp_s, &c->settings, &c->keys, &why);
    }
    if (!good(c, "platform keys", err, &why)) {
        return;
    }
    if (ring.pass[0] == NULL) {
        line("warn", "platform keys",
             "the contract lists number %u, whose key this server does not have; it serves with "
             "number %u: set keys.next-pass and keys.next-handshake",
             listed[0].id, listed[1].id);
        return;
    }
    time_t end = (time_t)listed[0].not_after_s;
    uint64_t days = (listed[0].not_after_s - c->view.timestamp_s) / DAY_S;
    if (gmtime_r(&end, &utc) != NULL) {
        (void)strftime(date, sizeof date, "%Y-%m-%d", &utc);
    }
    line(days < SOON_DAYS ? "warn" : "ok", "platform keys", "number %u, until %s (%llu days)%s",
         listed[0].id, date, (unsigned long long)days,
         days < SOON_DAYS ? ": have the owner set the next ones with setWMKey" : "");
}

/* Where init --dir leaves the key that it makes for an owner. */
static bool owner_key_is_here(const struct check *c, char *path, size_t size)
{
    const char *slash = strrchr(c->conf_path, '/');
    int folder = slash == NULL ? 0 : (int)(slash + 1 - c->conf_path);
    int len = snprintf(path, size, "%.*sowner.key", folder, c->conf_path);
    return len > 0 && (size_t)len < size && access(path, F_OK) == 0;
}

static void check_owner(struct check *c)
{
    char path[4096];
    uint8_t owner20[20];
    uint8_t next20[20];
    char addr[CT_ADDR_TEXT_LEN];
    struct ct_why why = {{0}};
    if (!good(c, "owner", ct_registry_owner(c->chain, &c->view, owner20, next20, &why), &why)) {
        return;
    }
    bool hot = memcmp(owner20, c->keys.approver.addr20, 20) == 0 ||
               memcmp(owner20, c->keys.funder.addr20, 20) == 0;
    ct_addr_text(addr, owner20);
    if (!hot && owner_key_is_here(c, path, sizeof path)) {
        line("warn", "owner",
             "%s, and %s is on this host: move that file to one that runs no server, and keep a "
             "copy",
             addr, path);
        return;
    }
    line(hot ? "warn" : "ok", "owner", "%s, %s", addr,
         hot ? "whose key this server holds: transferOwnership to one that is on no server"
             : "whose key is not among this server's, as it should be");
}

/* Registrations that the ether is good for at the fee of now; 0 when nobody knows. */
static uint64_t runway(struct check *c, const struct ct_u256 *wei)
{
    struct ct_u256 fee;
    struct ct_u256 tip;
    struct ct_u256 gwei;
    uint32_t rest = 0;
    uint64_t has = 0;
    uint64_t costs = 0;
    if (ct_rpc_fees(c->chain, &fee, &tip, NULL) != CT_OK ||
        ct_u256_mul_u64(&fee, &fee, REGISTRATION_GAS) != CT_OK ||
        ct_u256_div_u32(&fee, &rest, &fee, GWEI) != CT_OK ||
        ct_u256_to_u64(&costs, &fee) != CT_OK ||
        ct_u256_div_u32(&gwei, &rest, wei, GWEI) != CT_OK || ct_u256_to_u64(&has, &gwei) != CT_OK) {
        return 0;
    }
    return has / (costs == 0 ? 1 : costs);
}

static void check_ether(struct check *c, const char *role, const uint8_t addr20[20],
                        const char *its_key)
{
    struct ct_account account;
    struct ct_why why = {{0}};
    struct ct_u256 wei = ct_u256_from_u64(0);
    char addr[CT_ADDR_TEXT_LEN];
    char ether[CT_U256_DECIMAL_LEN + 2];
    bool found = false;
    ct_err err = ct_chain_account(c->chain, &c->view, addr20, &found, &account, &why);
    if (!good(c, role, err, &why)) {
        return;
    }
    if (found) {
        memcpy(wei.be, account.balance_wei32, sizeof wei.be);
    }
    ct_addr_text(addr, addr20);
    ct_u256_ether(ether, &wei);
    uint64_t count = runway(c, &wei);
    if (count == 0) {
        line("warn", role,
             "%s, its key %s, has %s ether: too little for one registration; send it "
             "some",
             addr, its_key, ether);
    } else {
        line("ok", role,
             "%s, its key %s, has %s ether: about %llu registrations at the present fee", addr,
             its_key, ether, (unsigned long long)count);
    }
}

/* Who took the funder's key is to have the devices' gas money and no approval. */
static void check_funder(struct check *c)
{
    struct ct_why why = {{0}};
    char addr[CT_ADDR_TEXT_LEN];
    bool is_approver = false;
    const uint8_t *funder20 = c->keys.funder.addr20;
    check_ether(c, "funder", funder20, held(c->keys.funder_hsm, c->settings.funder_passphrase));
    if (good(c, "funder", ct_registry_is_approver(c->chain, &c->view, funder20, &is_approver, &why),
             &why) &&
        is_approver) {
        ct_addr_text(addr, funder20);
        line("warn", "funder",
             "%s is an approver of the contract, too: take another account for keys.funder, or "
             "have the owner call setApprover(%s, false)",
             addr, addr);
    }
}

static void check_roles(struct check *c)
{
    struct ct_why why = {{0}};
    check_platform_keys(c);
    check_owner(c);
    if (good(c, "approver", ct_verify_approver(c->chain, &c->view, &c->keys.approver, &why),
             &why)) {
        check_ether(c, "approver", c->keys.approver.addr20,
                    held(c->keys.approver_hsm, c->settings.approver_passphrase));
    }
    if (c->settings.funder_path != NULL) {
        check_funder(c);
    } else {
        line("ok", "funder", "none: devices write their own records only with ether of their own");
    }
}

/* ---- this host ---- */

static void check_listener(struct check *c, const char *what, const char *address)
{
    struct ct_why why = {{0}};
    uint16_t port = 0;
    int fd = -1;
    ct_err err = ct_bind(&fd, &port, NULL, address, &why);
    if (err == CT_OK) {
        (void)close(fd);
        line("ok", what, "%s is free", address);
    } else if (err == CT_ERR_SYSTEM) {
        line("warn", what, "%s If a wm-server runs here, it is its own.", why.text);
    } else {
        (void)good(c, what, err, &why);
    }
}

static void refuse(void *arg, size_t worker, const struct ct_request *request,
                   struct ct_answer *answer)
{
    (void)arg;
    (void)worker;
    (void)request;
    ct_answer_problem(answer, 503, "stopping", "this is a check");
}

/* Certificate and key are good when a server starts with them; this one nobody knows of. */
static void check_operator(struct check *c)
{
    struct ct_operator_tls *tls = NULL;
    struct ct_listener *l = NULL;
    struct ct_why why = {{0}};
    const struct ct_settings *s = &c->settings;
    if (ct_settings_operator(s) == NULL) {
        return;
    }
    ct_err err = ct_operator_tls_load(&tls, s, &why);
    if (err == CT_OK && tls != NULL) {
        const struct ct_listener_config lc = {.address = "127.0.0.1:0",
                                              .handler = refuse,
                                              .tls = ct_operator_tls(tls),
                                              .connections = 4,
                                              .per_ip = 4,
                                              .timeout_s = 1};
        err = ct_listener_start(&l, &lc, &why);
        ct_listener_stop(l);
    }
    if (good(c, "operator", err, &why)) {
        line("ok", "operator", "%s%s",
             tls == NULL ? "plain HTTP, for this host alone" : "certificates signed by those of ",
             tls == NULL ? "" : s->op_clients);
        check_listener(c, "listen operator", ct_settings_operator(s));
    }
    ct_operator_tls_free(tls);
}

static void check_host(struct check *c)
{
    struct ct_why why = {{0}};
    char text[CT_CHECK_STORE_TEXT] = "";
    if (good(c, "store", ct_check_store(text, &c->settings, &why), &why)) {
        line("ok", "store", "%s", text);
    }
    check_listener(c, "listen plain", c->settings.listen_handshake);
    check_listener(c, "listen TLS", c->settings.listen_tls);
    check_operator(c);
}

static ct_err check_all(struct check *c)
{
    struct ct_why why = {{0}};
    line("ok", "configuration", "%s", c->conf_path);
    check_keys(c);
    check_host(c);
    if (good(c, "bundle", ct_settings_bundle(&c->bundle, &c->settings, &why), &why)) {
        line("ok", "bundle", "%s", c->settings.bundle_path);
        if (check_chain(c) && c->has_keys) {
            check_roles(c);
        }
    }
    return c->first;
}

ct_err ct_check(const char *conf_path, struct ct_why *why)
{
    static struct check c; /* with room for eight URLs */
    ct_err err = ct_settings_load(&c.settings, conf_path, why);
    if (err != CT_OK) {
        return err;
    }
    c.conf_path = conf_path;
    err = check_all(&c);
    if (err != CT_OK) {
        *why = c.why;
    }
    ct_chain_free(c.chain);
    ct_keys_wipe(&c.keys);
    ct_settings_free(&c.settings);
    memset(&c, 0, sizeof c);
    return err;
}

/* The wallet manager of a test, its chain, and devices. */
#include "platform.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"
#include "chain/rpc.h"
#include "scene.h"
#include "temp_dir.h"

struct platform platform;

static char said[16384];

static const char *at(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", platform.folder, name);
    return path;
}

static bool init(void)
{
    struct ct_wallet owner;
    struct ct_why why = {{0}};
    char dir[128], key[192], port[8], tls_port[8];
    (void)snprintf(dir, sizeof dir, "%s", at("wm"));
    (void)snprintf(key, sizeof key, "%s", at("owner.key"));
    (void)snprintf(port, sizeof port, "%u", scene_port(SOCK_STREAM));
    (void)snprintf(tls_port, sizeof tls_port, "%u", scene_port(SOCK_STREAM));
    if (ct_wallet_load_or_create(&owner, NULL, key, &why) != CT_OK ||
        !platform_fund(owner.addr20)) {
        return false;
    }
    struct ct_bundle *b = &platform.bundle;
    const char *const argv[] = {platform.server, "init",        "--rpc",   b->rpc[0], "--rpc",
                                b->rpc[1],       "--rpc",       b->rpc[2], "--dir",   dir,
                                "--address",     "127.0.0.1",   "--port",  port,      "--tls-port",
                                tls_port,        "--owner-key", key,       NULL};
    if (scene_run(said, sizeof said, argv) != 0) {
        printf("    %s\n", said);
        return false;
    }
    (void)snprintf(platform.conf, sizeof platform.conf, "%s", at("wm/wm-server.conf"));
    (void)snprintf(platform.log, sizeof platform.log, "%s", at("wm.log"));
    return true;
}

static bool read_back(void)
{
    struct ct_why why = {{0}};
    struct ct_view view;
    bool good = ct_bundle_read(&platform.bundle, at("wm/bundle.json"), &why) == CT_OK &&
                ct_chain_open(&platform.chain, &platform.bundle, NULL, &why) == CT_OK &&
                ct_chain_check(platform.chain, &view, &why) == CT_OK &&
                ct_registry_wm_keys(platform.chain, &view, platform.keys, &why) == CT_OK &&
                ct_ed25519_load(&platform.pass_key, at("wm/wm-pass.key"), &why) == CT_OK &&
                ct_wallet_load(&platform.approver, at("wm/approver.key"), &why) == CT_OK &&
                ct_wallet_load(&platform.funder, at("wm/funder.key"), &why) == CT_OK;
    if (!good) {
        printf("    %s\n", why.text);
    }
    return good;
}

static bool use_redis(void)
{
    char line[160]; /* a server that was killed is followed soon */
    (void)snprintf(line, sizeof line, "redis = %s\nlease-ms = 500\n", platform.redis.address);
    return platform_set("path = wm.sqlite\n", line);
}

bool platform_start(const char *server, bool on_redis)
{
    platform = (struct platform){.server = server, .on_redis = on_redis};
    (void)snprintf(platform.folder, sizeof platform.folder, "%s/ct-wm-XXXXXX", temp_dir_base());
    if (mkdtemp(platform.folder) == NULL || !ct_anvil_start(&platform.anvil)) {
        return false;
    }
    ct_anvil_bundle(&platform.bundle, &platform.anvil);
    return init() && read_back() &&
           (!on_redis || (ct_redis_server_start(&platform.redis) && use_redis()));
}

void platform_stop(void)
{
    ct_chain_free(platform.chain);
    (void)platform_end(SIGKILL);
    ct_anvil_stop(&platform.anvil);
    if (platform.on_redis) {
        ct_redis_server_stop(&platform.redis);
    }
    scene_remove(platform.folder);
}

bool platform_run(void)
{
    const char *const argv[] = {platform.server, "run", "--config", platform.conf, NULL};
    platform.pid = scene_spawn(platform.log, argv);
    return platform.pid > 0 && scene_await(platform.log, " ready handshake=http://127.0.0.1:");
}

int platform_end(int sig)
{
    int code = platform.pid > 0 ? scene_end(platform.pid, sig) : -1;
    platform.pid = 0;
    return code;
}

bool platform_audit_holds(const char *admin)
{
    char path[160];
    const char *const argv[] = {admin, "audit", "verify", path, NULL};
    (void)snprintf(path, sizeof path, "%s/wm/audit.log", platform.folder);
    return scene_run(said, sizeof said, argv) == 0 && strstr(said, "lines hold") != NULL;
}

bool platform_set(const char *from, const char *to)
{
    return scene_change(platform.conf, platform.conf, from, to);
}

bool platform_call(const char *method, const char *params)
{
    char *text = ct_anvil_call(&platform.anvil, method, params);
    bool good = text != NULL && strstr(text, "\"error\"") == NULL;
    if (!good) {
        printf("    %s: %s\n", method, text != NULL ? text : "no answer");
    }
    free(text);
    return good;
}

bool platform_automine(bool on)
{
    return platform_call("evm_setAutomine", on ? "[true]" : "[false]");
}

void platform_mine(void)
{
    (void)platform_call("evm_mine", "[]");
}

bool platform_fund(const uint8_t addr20[20])
{
    return ct_anvil_fund(&platform.anvil, addr20) && platform_call("evm_mine", "[]");
}

bool platform_make_used(const struct ct_wallet *wallet, unsigned nonce, unsigned wei)
{
    char params[80], addr[2 * 20 + 3];
    ct_hex0x(addr, wallet->addr20, 20);
    (void)snprintf(params, sizeof params, "[\"%s\",\"0x%x\"]", addr, nonce);
    bool good = platform_call("anvil_setNonce", params);
    (void)snprintf(params, sizeof params, "[\"%s\",\"0x%x\"]", addr, wei);
    return good && platform_call("anvil_setBalance", params);
}

uint64_t platform_sent_by(const struct ct_wallet *account)
{
    struct ct_why why = {{0}};
    uint64_t count = UINT64_MAX;
    if (ct_rpc_nonce(platform.chain, account->addr20, false, &count, &why) != CT_OK) {
        printf("    %s\n", why.text);
    }
    return count;
}

struct ct_u256 platform_balance(const uint8_t addr20[20])
{
    struct ct_why why = {{0}};
    struct ct_u256 wei = ct_u256_from_u64(0);
    if (ct_rpc_balance(platform.chain, addr20, &wei, &why) != CT_OK) {
        printf("    %s\n", why.text);
    }
    return wei;
}

bool platform_gathers(bool on)
{
    static const char usual[] = "window-ms = 250\n", long_[] = "window-ms = 60000\n";
    return platform_end(SIGKILL) == 1000 + SIGKILL &&
           platform_set(on ? usual : long_, on ? long_ : usual) && platform_run();
}

/* ---- devices ---- */

bool device_open(struct device *d)
{
    struct ct_why why = {{0}};
    const struct ct_wm_config config = {.bundle = &platform.bundle,
                                        .keys = platform.keys,
                                        .key_count = 2,
                                        .purpose = CT_HS_ENROL_DEVICE,
                                        .identity = d->identity,
                                        .wallet = &d->wallet,
                                        .key = &d->key,
                                        .repeat_ms = 1}; /* tests look on: they ask again */
    ct_err err = ct_wm_open(&d->wm, &config, &why);
    if (err != CT_OK) {
        printf("    %s\n", why.text);
    }
    return err == CT_OK;
}

bool device_new(struct device *d, const char *identity)
{
    struct ct_secret32 secret;
    struct ct_token token = {.key_id = 1, .batch = "B1", .expiry_s = ct_wall_s() + 3600};
    memset(d, 0, sizeof *d);
    (void)snprintf(d->identity, sizeof d->identity, "%s", identity);
    (void)snprintf(token.identity, sizeof token.identity, "%s", identity);
    return ct_random(token.jti16, sizeof token.jti16) == CT_OK &&
           ct_token_sign(d->token, sizeof d->token, &token, &platform.pass_key) == CT_OK &&
           ct_wallet_new(&d->wallet) == CT_OK && ct_random(&secret, sizeof secret) == CT_OK &&
           ct_x25519_from_secret(&d->key, &secret) == CT_OK && device_open(d);
}

void device_close(struct device *d)
{
    ct_wm_free(d->wm);
    d->wm = NULL;
}

ct_err device_record(const struct device *d, struct ct_device *out)
{
    uint8_t hash[32];
    struct ct_view view;
    struct ct_why why = {{0}};
    memset(out, 0, sizeof *out);
    ct_err err = ct_identity_hash(hash, d->identity);
    if (err == CT_OK) {
        err = ct_chain_view(platform.chain, &view, &why);
    }
    return err != CT_OK ? err : ct_registry_device(platform.chain, &view, hash, out, &why);
}

ct_err device_wait(struct device *d, struct ct_wm_operation *op)
{
    struct ct_why why = {{0}};
    ct_err err = ct_wm_operation_wait(d->wm, op, op->id, 60000, &why);
    if (err != CT_OK) {
        printf("    %s: %s\n", d->identity, why.text);
    }
    return err;
}

struct ct_wm_terms device_terms(void)
{
    return (struct ct_wm_terms){.expiry_day = (uint16_t)(ct_wall_s() / 86400 + 30)};
}

ct_err device_ask_payment(struct device *d, struct ct_wm_operation *op)
{
    struct ct_why why = {{0}};
    struct ct_wm_voucher v;
    const struct ct_wm_terms terms = device_terms();
    ct_err err = ct_wm_voucher(d->wm, &v, d->token, &terms, &why);
    if (err != CT_OK) {
        printf("    %s: %s\n", d->identity, why.text);
        return err;
    }
    *op = v.payment; /* zeros when it is paid */
    return CT_OK;
}

static ct_err try_registration(struct device *d, struct ct_wm_operation *op, struct ct_why *why)
{
    struct ct_registration r = {.expiry_day = device_terms().expiry_day,
                                .sequence = d->sequence,
                                .deadline_s = ct_wall_s() + 600};
    uint8_t digest[32], sig65[65];
    memcpy(r.key32, d->key.public32, 32);
    ct_err err = ct_identity_hash(r.id_hash32, d->identity);
    ct_registration_digest(digest, platform.bundle.chain_id, platform.bundle.contract20, &r);
    if (err == CT_OK) {
        err = ct_wallet_sign(sig65, &d->wallet, digest);
    }
    if (err == CT_OK) {
        err =
            ct_wm_register_device(d->wm, op, d->token[0] != '\0' ? d->token : NULL, &r, sig65, why);
    }
    return err;
}

ct_err device_ask_registration(struct device *d, struct ct_wm_operation *op)
{
    struct ct_why why = {{0}};
    ct_err err = try_registration(d, op, &why);
    if (err != CT_OK) {
        printf("    %s: %s\n", d->identity, why.text);
    }
    return err;
}

ct_err device_try_registration(struct device *d, struct ct_wm_operation *op)
{
    struct ct_why why = {{0}};
    return try_registration(d, op, &why);
}

ct_err device_register(struct device *d)
{
    struct ct_wm_operation op;
    ct_err err = device_ask_registration(d, &op);
    return err == CT_OK ? device_wait(d, &op) : err;
}

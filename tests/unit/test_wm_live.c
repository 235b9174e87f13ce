/*
 * Claims about a device's dealings with the real wallet manager: one chain, one wm-server in this
 * process, its HTTP and TLS-PSK on loopback. The claims build on one another, in their order.
 */
/* links: ct_testchain ct_wmserver ct_wm ct_kex ct_chain ct_base */
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "anvil.h"
#include "base/clock.h"
#include "base/hex.h"
#include "chain/registry_client.h"
#include "chain/send.h"
#include "ct_test.h"
#include "free_port.h"
#include "service/init.h"
#include "kex/token.h"
#include "service/server.h"
#include "wm/wm.h"

static struct ct_anvil anvil;
static struct ct_server *server;
static struct ct_bundle bundle;
static struct ct_chain *chain;
static struct ct_wm_key keys[2];
static struct ct_ed25519 pass_key;
static char dir[] = "/tmp/ct_wm_live_XXXXXX";
static char conf[128];

struct device {
    struct ct_wallet wallet;
    struct ct_x25519 key;
    struct ct_wm *wm;
};

static struct device first, second;

static const char *in_dir(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static bool init_platform(void)
{
    struct ct_wallet owner;
    struct ct_bundle endpoints;
    struct ct_why why = {""};
    char port[8], tls_port[8], owner_path[128];
    ct_anvil_bundle(&endpoints, &anvil);
    (void)snprintf(port, sizeof(port), "%u", free_port(FREE_PORT_SCENE, SOCK_STREAM));
    (void)snprintf(tls_port, sizeof(tls_port), "%u", free_port(FREE_PORT_SCENE, SOCK_STREAM));
    (void)snprintf(owner_path, sizeof(owner_path), "%s", in_dir("owner.key"));
    if (ct_wallet_load_or_create(&owner, NULL, owner_path, &why) != CT_OK ||
        !ct_anvil_fund(&anvil, owner.addr20)) {
        return false;
    }
    const char *const words[] = {
        "init",       "--rpc",          endpoints.rpc[0], "--rpc",    endpoints.rpc[1],
        "--rpc",      endpoints.rpc[2], "--quorum",       "2",        "--dir",
        dir,          "--address",      "127.0.0.1",      "--port",   port,
        "--tls-port", tls_port,         "--owner-key",    owner_path, "--operator",
        "127.0.0.1:0"};
    enum { COUNT = sizeof(words) / sizeof(words[0]) };
    char *args[COUNT + 1] = {NULL};
    for (size_t i = 0; i < COUNT; i++) {
        args[i] = strdup(words[i]); /* getopt may reorder them */
    }
    (void)fflush(stdout);
    int code = ct_init_main(COUNT, args);
    for (size_t i = 0; i < COUNT; i++) {
        free(args[i]);
    }
    return code == 0;
}

static void the_platform_is_set_up_and_its_keys_are_proven(void)
{
    struct ct_why why = {""};
    struct ct_view view;
    (void)signal(SIGPIPE, SIG_IGN);
    REQUIRE(ct_anvil_start(&anvil));
    REQUIRE(mkdtemp(dir) != NULL);
    REQUIRE(init_platform());
    (void)snprintf(conf, sizeof(conf), "%s", in_dir("wm-server.conf"));
    CHECK_EQ(ct_server_start(&server, conf, &why), CT_OK);
    REQUIRE(ct_bundle_read(&bundle, in_dir("bundle.json"), &why) == CT_OK);
    REQUIRE(ct_chain_open(&chain, &bundle, NULL, &why) == CT_OK);
    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    CHECK_EQ(ct_registry_wm_keys(chain, &view, keys, &why), CT_OK);
    CHECK_EQ(keys[0].id, 1);
    CHECK_EQ(ct_ed25519_load(&pass_key, in_dir("wm-pass.key"), &why), CT_OK);
    CHECK_MEM(pass_key.public32, keys[0].ed25519, 32);
}

static ct_err device_open(struct device *d, const char *identity, struct ct_why *why)
{
    struct ct_secret32 secret;
    if (ct_addr_is_zero(d->wallet.addr20) &&
        (ct_wallet_new(&d->wallet) != CT_OK || ct_random(&secret, sizeof(secret)) != CT_OK ||
         ct_x25519_from_secret(&d->key, &secret) != CT_OK)) {
        return CT_ERR_SYSTEM;
    }
    const struct ct_wm_config config = {.bundle = &bundle,
                                        .keys = keys,
                                        .key_count = 2,
                                        .purpose = CT_HS_ENROL_DEVICE,
                                        .identity = identity,
                                        .wallet = &d->wallet,
                                        .key = &d->key};
    return ct_wm_open(&d->wm, &config, why);
}

static const char *token_for(const char *identity, bool is_prefix, int64_t lasts_s, uint8_t number)
{
    static char text[CT_TOKEN_TEXT_MAX + 1];
    struct ct_token token = {.key_id = 1, .batch = "B1", .is_prefix = is_prefix};
    token.expiry_s = (uint64_t)((int64_t)ct_wall_s() + lasts_s);
    memset(token.jti16, number, sizeof(token.jti16));
    (void)snprintf(token.identity, sizeof(token.identity), "%s", identity);
    CHECK_EQ(ct_token_sign(text, sizeof(text), &token, &pass_key), CT_OK);
    return text;
}

static ct_err ask_pass(struct device *d, const char *token, const uint8_t *renews16,
                       struct ct_pass *out, struct ct_why *why)
{
    uint8_t bytes[CT_PASS_LEN], key32[32];
    uint64_t expires_s = 0;
    if (ct_random(key32, sizeof(key32)) != CT_OK) {
        return CT_ERR_SYSTEM;
    }
    const struct ct_wm_pass_request request = {key32, token, renews16};
    ct_err err = ct_wm_pass(d->wm, bytes, &expires_s, &request, why);
    if (err == CT_OK) {
        CHECK_EQ(ct_pass_verify(out, bytes, sizeof(bytes), bundle.deployment32, keys, 2,
                                ct_wall_s(), why),
                 CT_OK);
        CHECK_MEM(out->key32, key32, 32);
        CHECK_EQ(out->expiry_s, expires_s);
    }
    return err;
}

/* Addresses come in checksum case; digits is lower case. */
static bool contains_hex(const char *text, const char *digits)
{
    const size_t n = strlen(digits);
    for (; strlen(text) >= n; text++) {
        if (strncasecmp(text, digits, n) == 0) {
            return true;
        }
    }
    return false;
}

static void a_device_enrols_and_the_wm_knows_who_it_is(void)
{
    struct ct_why why = {""};
    static struct ct_wm_answer answer;
    char wallet[43];
    REQUIRE(device_open(&first, "sensor-42", &why) == CT_OK);
    CHECK_EQ(ct_wm_enrol(first.wm, &why), CT_OK);
    CHECK_EQ(ct_wm_request(first.wm, &answer, "GET", "/v1/me", NULL, &why), CT_OK);
    CHECK_EQ(answer.status, 200);
    ct_hex0x(wallet, first.wallet.addr20, 20);
    CHECK(strstr(answer.body, "\"sensor-42\"") != NULL);
    CHECK(contains_hex(answer.body, wallet + 2));
}

static void bad_tokens_are_refused_each_with_its_sentence(void)
{
    struct ct_why why = {""};
    struct ct_pass pass;
    CHECK_EQ(ask_pass(&first, NULL, NULL, &pass, &why), CT_ERR_NOT_APPROVED);
    CHECK_EQ(ask_pass(&first, "ctk1.nonsense", NULL, &pass, &why), CT_ERR_AUTH);
    CHECK(strstr(why.text, "token") != NULL);
    CHECK_EQ(ask_pass(&first, token_for("sensor-43", false, 60, 1), NULL, &pass, &why),
             CT_ERR_AUTH);
    CHECK_EQ(ask_pass(&first, token_for("acme-", true, 60, 1), NULL, &pass, &why), CT_ERR_AUTH);
    CHECK_EQ(ask_pass(&first, token_for("sensor-42", false, -1, 1), NULL, &pass, &why),
             CT_ERR_EXPIRED);
    CHECK(strstr(why.text, "expired") != NULL);
    char forged[CT_TOKEN_TEXT_MAX + 1];
    (void)snprintf(forged, sizeof(forged), "%s", token_for("sensor-42", false, 60, 1));
    char *mark = strrchr(forged, '.') + 1;
    *mark = *mark == 'A' ? 'B' : 'A';
    CHECK_EQ(ask_pass(&first, forged, NULL, &pass, &why), CT_ERR_AUTH);
    CHECK(strstr(why.text, "token") != NULL);
}

static void a_token_gives_passes_to_its_wallet_alone(void)
{
    struct ct_why why = {""};
    struct ct_pass pass, renewed;
    char token[CT_TOKEN_TEXT_MAX + 1];
    (void)snprintf(token, sizeof(token), "%s", token_for("sensor-", true, 60, 2));
    REQUIRE(ask_pass(&first, token, NULL, &pass, &why) == CT_OK);
    REQUIRE(ask_pass(&first, token, pass.id16, &renewed, &why) == CT_OK);
    CHECK_MEM(renewed.renews16, pass.id16, 16);
    REQUIRE(device_open(&second, "sensor-43", &why) == CT_OK);
    CHECK_EQ(ask_pass(&second, token, NULL, &pass, &why), CT_ERR_AUTH);
    CHECK(strstr(why.text, "used before") != NULL);
    /* another's pass cannot be renewed */
    CHECK(ask_pass(&second, token_for("sensor-43", false, 60, 3), renewed.id16, &pass, &why) !=
          CT_OK);
}

static void a_registration_reaches_the_chain(void)
{
    struct ct_why why = {""};
    struct ct_registration r = {.expiry_day = (uint16_t)(ct_wall_s() / 86400 + 30),
                                .deadline_s = ct_wall_s() + 3600};
    struct ct_wm_operation operation;
    struct ct_device record;
    struct ct_view view;
    uint8_t digest32[32], sig65[65];
    char token[CT_TOKEN_TEXT_MAX + 1];
    (void)snprintf(token, sizeof(token), "%s", token_for("sensor-", true, 60, 2));
    REQUIRE(ct_identity_hash(r.id_hash32, "sensor-42") == CT_OK);
    memcpy(r.key32, first.key.public32, 32);
    ct_registration_digest(digest32, bundle.chain_id, bundle.contract20, &r);
    REQUIRE(ct_wallet_sign(sig65, &first.wallet, digest32) == CT_OK);
    sig65[5] ^= 1;
    CHECK_EQ(ct_wm_register_device(first.wm, &operation, token, &r, sig65, &why), CT_ERR_AUTH);
    sig65[5] ^= 1;
    REQUIRE(ct_wm_register_device(first.wm, &operation, token, &r, sig65, &why) == CT_OK);
    ct_err err = ct_wm_operation_wait(first.wm, &operation, operation.id, 60000, &why);
    if (err != CT_OK) {
        printf("    %s\n", why.text);
    }
    REQUIRE(err == CT_OK);
    CHECK(operation.block > 0);
    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    REQUIRE(ct_registry_device(chain, &view, r.id_hash32, &record, &why) == CT_OK);
    CHECK_EQ(record.state, CT_RECORD_APPROVED);
    CHECK_MEM(record.wallet20, first.wallet.addr20, 20);
    CHECK_MEM(record.key32, first.key.public32, 32);
}

static void a_registered_device_needs_no_token(void)
{
    struct ct_why why = {""};
    struct ct_pass pass;
    CHECK_EQ(ask_pass(&first, NULL, NULL, &pass, &why), CT_OK);
}

/* ---- the funded road ---- */

static struct device third;
static char third_token[CT_TOKEN_TEXT_MAX + 1];

static struct ct_wm_terms funded_terms(void)
{
    return (struct ct_wm_terms){.expiry_day = (uint16_t)(ct_wall_s() / 86400 + 30)};
}

/* The device's own transaction, with the gas that it was told and the ether that it was sent. */
static ct_err add_itself(const struct device *d, const struct ct_wm_voucher *voucher,
                         uint64_t *gas_used, struct ct_why *why)
{
    struct ct_receipt receipt = {0};
    struct ct_device record = {.expiry_day = funded_terms().expiry_day};
    uint8_t buf[256];
    memcpy(record.key32, d->key.public32, 32);
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_add_client(&w, &voucher->signed_, &record);
    const struct ct_send tx = {
        .to20 = bundle.contract20, .data = buf, .data_len = w.len, .gas_limit = voucher->gas};
    ct_err err = ct_wr_end(&w);
    if (err == CT_OK) {
        err = ct_send_and_wait(chain, &d->wallet, &tx, 1, 60000, &receipt, why);
    }
    *gas_used = receipt.gas_used;
    ct_receipt_free(&receipt);
    return err;
}

static ct_err device_record(const char *identity, struct ct_device *out)
{
    struct ct_why why = {""};
    struct ct_view view;
    uint8_t id_hash32[32];
    ct_err err = ct_identity_hash(id_hash32, identity);
    if (err == CT_OK) {
        err = ct_chain_view(chain, &view, &why);
    }
    return err == CT_OK ? ct_registry_device(chain, &view, id_hash32, out, &why) : err;
}

static ct_err wait_for(struct device *d, struct ct_wm_operation *operation)
{
    struct ct_why why = {""};
    ct_err err = ct_wm_operation_wait(d->wm, operation, operation->id, 60000, &why);
    if (err != CT_OK) {
        printf("    %s\n", why.text);
    }
    return err;
}

static void a_device_without_ether_is_paid_for_and_writes_its_own_record(void)
{
    struct ct_why why = {""};
    struct ct_wm_voucher voucher;
    struct ct_device record;
    struct ct_view view;
    bool is_approver = false;
    uint64_t gas_used = 0;
    const struct ct_wm_terms terms = funded_terms();
    (void)snprintf(third_token, sizeof(third_token), "%s", token_for("sensor-44", false, 60, 4));
    REQUIRE(device_open(&third, "sensor-44", &why) == CT_OK);
    REQUIRE(ct_wm_voucher(third.wm, &voucher, third_token, &terms, &why) == CT_OK);
    REQUIRE(!voucher.is_paid);
    REQUIRE(wait_for(&third, &voucher.payment) == CT_OK);
    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    CHECK_EQ(ct_registry_is_approver(chain, &view, voucher.approver20, &is_approver, &why), CT_OK);
    CHECK(is_approver);
    ct_err err = add_itself(&third, &voucher, &gas_used, &why);
    if (err != CT_OK) {
        printf("    %s\n", why.text);
    }
    REQUIRE(err == CT_OK);
    CHECK(gas_used <= 82000 && gas_used <= voucher.gas);
    REQUIRE(device_record("sensor-44", &record) == CT_OK);
    CHECK_EQ(record.state, CT_RECORD_PENDING);
    CHECK_MEM(record.wallet20, third.wallet.addr20, 20);
    printf("    addClient took %llu gas of %llu\n", (unsigned long long)gas_used,
           (unsigned long long)voucher.gas);
}

static void a_record_that_the_device_wrote_is_approved(void)
{
    struct ct_why why = {""};
    struct ct_wm_operation operation;
    struct ct_device record;
    struct ct_pass pass;
    struct device nobody = {0};
    REQUIRE(third.wm != NULL);
    REQUIRE(device_open(&nobody, "sensor-45", &why) == CT_OK);
    CHECK_EQ(
        ct_wm_approve_device(nobody.wm, &operation, token_for("sensor-45", false, 60, 5), &why),
        CT_ERR_STATE); /* nothing is pending */
    ct_wm_free(nobody.wm);
    REQUIRE(ct_wm_approve_device(third.wm, &operation, third_token, &why) == CT_OK);
    REQUIRE(wait_for(&third, &operation) == CT_OK);
    REQUIRE(device_record("sensor-44", &record) == CT_OK);
    CHECK_EQ(record.state, CT_RECORD_APPROVED);
    CHECK_MEM(record.wallet20, third.wallet.addr20, 20);
    CHECK_EQ(ask_pass(&third, NULL, NULL, &pass, &why), CT_OK); /* as any registered device */
    struct ct_wm_voucher voucher;
    const struct ct_wm_terms terms = funded_terms();
    CHECK_EQ(ct_wm_voucher(third.wm, &voucher, third_token, &terms, &why), CT_ERR_STATE);
}

/* ---- changes by signature ---- */

/* The wallet of the sponsored device never had ether. */
static void a_device_without_ether_changes_its_relay_and_its_key(void)
{
    struct ct_why why = {""};
    struct ct_wm_operation operation;
    struct ct_device record;
    struct ct_u256 balance;
    struct ct_secret32 secret;
    struct ct_x25519 newer;
    uint8_t digest32[32];
    REQUIRE(ct_rpc_balance(chain, first.wallet.addr20, &balance, &why) == CT_OK);
    CHECK(ct_u256_is_zero(&balance));
    REQUIRE(device_record("sensor-42", &record) == CT_OK);
    struct ct_wm_change change = {.kind = CT_WM_UPDATE};
    struct ct_client_update *u = &change.of.update.update;
    *u = (struct ct_client_update){.sequence = record.sequence, .deadline_s = ct_wall_s() + 600};
    REQUIRE(ct_identity_hash(u->id_hash32, "sensor-42") == CT_OK);
    ct_client_update_digest(digest32, bundle.chain_id, bundle.contract20, u);
    REQUIRE(ct_wallet_sign(change.of.update.sig65, &first.wallet, digest32) == CT_OK);
    change.of.update.sig65[4] ^= 1;
    CHECK_EQ(ct_wm_change(first.wm, &operation, &change, &why), CT_ERR_AUTH);
    change.of.update.sig65[4] ^= 1;
    REQUIRE(ct_wm_change(first.wm, &operation, &change, &why) == CT_OK);
    REQUIRE(wait_for(&first, &operation) == CT_OK);
    REQUIRE(ct_random(&secret, sizeof(secret)) == CT_OK &&
            ct_x25519_from_secret(&newer, &secret) == CT_OK);
    change = (struct ct_wm_change){.kind = CT_WM_ROTATE};
    struct ct_key_rotation *k = &change.of.rotation.rotation;
    *k = (struct ct_key_rotation){.sequence = (uint16_t)(record.sequence + 1),
                                  .deadline_s = ct_wall_s() + 600};
    REQUIRE(ct_identity_hash(k->id_hash32, "sensor-42") == CT_OK);
    memcpy(k->key32, newer.public32, 32);
    ct_key_rotation_digest(digest32, bundle.chain_id, bundle.contract20, k);
    REQUIRE(ct_wallet_sign(change.of.rotation.sig65, &first.wallet, digest32) == CT_OK);
    REQUIRE(ct_wm_change(first.wm, &operation, &change, &why) == CT_OK);
    REQUIRE(wait_for(&first, &operation) == CT_OK);
    uint16_t before = record.sequence;
    REQUIRE(device_record("sensor-42", &record) == CT_OK);
    CHECK_EQ(record.sequence, before + 2);
    CHECK_MEM(record.key32, newer.public32, 32);
    ct_wm_free(first.wm); /* the next handshake is made with the new key */
    first.key = newer;
    REQUIRE(device_open(&first, "sensor-42", &why) == CT_OK);
    struct ct_pass pass;
    CHECK_EQ(ask_pass(&first, NULL, NULL, &pass, &why), CT_OK);
}

static void a_device_revokes_itself(void)
{
    struct ct_why why = {""};
    struct ct_wm_operation operation;
    struct ct_device record;
    uint8_t digest32[32];
    REQUIRE(third.wm != NULL && device_record("sensor-44", &record) == CT_OK);
    struct ct_wm_change change = {.kind = CT_WM_REVOKE};
    struct ct_self_revocation *r = &change.of.revocation.revocation;
    *r = (struct ct_self_revocation){.sequence = record.sequence, .deadline_s = ct_wall_s() + 600};
    REQUIRE(ct_identity_hash(r->id_hash32, "sensor-44") == CT_OK);
    ct_self_revocation_digest(digest32, bundle.chain_id, bundle.contract20, r);
    REQUIRE(ct_wallet_sign(change.of.revocation.sig65, &third.wallet, digest32) == CT_OK);
    REQUIRE(ct_wm_change(third.wm, &operation, &change, &why) == CT_OK);
    REQUIRE(wait_for(&third, &operation) == CT_OK);
    REQUIRE(device_record("sensor-44", &record) == CT_OK);
    CHECK_EQ(record.state, CT_RECORD_REVOKED);
    CHECK_EQ(ct_wm_change(third.wm, &operation, &change, &why), CT_ERR_NOT_APPROVED);
    ct_wm_free(third.wm);
}

static void an_operation_of_another_or_of_nobody_is_not_found(void)
{
    struct ct_why why = {""};
    struct ct_wm_operation operation;
    CHECK_EQ(ct_wm_operation_get(first.wm, &operation, "0123456789abcdef", &why), CT_ERR_NOT_FOUND);
    CHECK_EQ(ct_wm_operation_get(first.wm, &operation, "../me", &why), CT_ERR_ARG);
}

static void a_relay_that_is_not_pending_is_refused(void)
{
    struct ct_why why = {""};
    struct device relay = {0};
    struct ct_wm_operation operation;
    uint8_t salt32[32] = {1}, pending32[32];
    char identity[23];
    REQUIRE(ct_wallet_new(&relay.wallet) == CT_OK);
    ct_registry_pending_id(pending32, relay.wallet.addr20, salt32);
    ct_wm_relay_identity(identity, pending32);
    struct ct_secret32 secret;
    REQUIRE(ct_random(&secret, sizeof(secret)) == CT_OK &&
            ct_x25519_from_secret(&relay.key, &secret) == CT_OK);
    const struct ct_wm_config config = {.bundle = &bundle,
                                        .keys = keys,
                                        .key_count = 2,
                                        .purpose = CT_HS_ENROL_RELAY,
                                        .identity = identity,
                                        .wallet = &relay.wallet,
                                        .key = &relay.key};
    REQUIRE(ct_wm_open(&relay.wm, &config, &why) == CT_OK);
    ct_err err =
        ct_wm_register_relay(relay.wm, &operation, pending32, relay.wallet.addr20, salt32, &why);
    CHECK(err == CT_ERR_NOT_FOUND || err == CT_ERR_REFUSED);
    CHECK(why.text[0] != '\0');
    ct_wm_free(relay.wm);
}

/* ---- keys ---- */

static ct_err enrol_with(const struct ct_wm_key with[2], struct ct_why *why)
{
    const struct ct_wm_config config = {.bundle = &bundle,
                                        .keys = with,
                                        .key_count = 2,
                                        .purpose = CT_HS_ENROL_DEVICE,
                                        .identity = "sensor-42",
                                        .wallet = &first.wallet,
                                        .key = &first.key};
    struct ct_wm *wm = NULL;
    ct_err err = ct_wm_open(&wm, &config, why);
    if (err == CT_OK) {
        err = ct_wm_enrol(wm, why);
    }
    ct_wm_free(wm);
    return err;
}

static void a_wm_without_the_contracts_key_is_refused(void)
{
    struct ct_why why = {""};
    struct ct_wm_key others[2] = {keys[0], {.id = 0}};
    memcpy(others[0].x25519, first.key.public32, 32);
    CHECK_EQ(enrol_with(others, &why), CT_ERR_AUTH);
    CHECK(why.text[0] != '\0');
}

static void the_previous_key_is_tried_after_the_current(void)
{
    struct ct_why why = {""};
    struct ct_wm_key others[2] = {keys[0], keys[0]};
    others[0].id = 2;
    memcpy(others[0].x25519, first.key.public32, 32);
    CHECK_EQ(enrol_with(others, &why), CT_OK);
}

static void keys_past_their_date_are_not_used(void)
{
    struct ct_why why = {""};
    struct ct_wm_key others[2] = {keys[0], {.id = 0}};
    others[0].not_after_s = ct_wall_s() - 1;
    CHECK_EQ(enrol_with(others, &why), CT_ERR_EXPIRED);
    CHECK(strstr(why.text, "setWMKey") != NULL);
}

/* ---- the WM comes and goes ---- */

static void a_wm_that_restarted_is_enrolled_with_again_unasked(void)
{
    struct ct_why why = {""};
    struct ct_pass pass;
    ct_server_stop(server);
    server = NULL;
    CHECK_EQ(ct_server_start(&server, conf, &why), CT_OK);
    CHECK_EQ(ask_pass(&first, NULL, NULL, &pass, &why), CT_OK);
}

static void a_wm_that_is_down_is_one_clear_sentence(void)
{
    struct ct_why why = {""};
    struct ct_pass pass;
    ct_server_stop(server);
    server = NULL;
    CHECK_EQ(ask_pass(&first, NULL, NULL, &pass, &why), CT_ERR_IO);
    CHECK(strstr(why.text, "cannot reach the wallet manager") != NULL);
    ct_wm_free(first.wm);
    ct_wm_free(second.wm);
    ct_chain_free(chain);
    ct_anvil_stop(&anvil);
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -r -- %s", dir);
    CHECK_EQ(system(command), 0);
}

static const struct ct_test TESTS[] = {
    CT_TEST(the_platform_is_set_up_and_its_keys_are_proven),
    CT_TEST(a_device_enrols_and_the_wm_knows_who_it_is),
    CT_TEST(bad_tokens_are_refused_each_with_its_sentence),
    CT_TEST(a_token_gives_passes_to_its_wallet_alone),
    CT_TEST(a_registration_reaches_the_chain),
    CT_TEST(a_registered_device_needs_no_token),
    CT_TEST(a_device_without_ether_is_paid_for_and_writes_its_own_record),
    CT_TEST(a_record_that_the_device_wrote_is_approved),
    CT_TEST(a_device_without_ether_changes_its_relay_and_its_key),
    CT_TEST(a_device_revokes_itself),
    CT_TEST(an_operation_of_another_or_of_nobody_is_not_found),
    CT_TEST(a_relay_that_is_not_pending_is_refused),
    CT_TEST(a_wm_without_the_contracts_key_is_refused),
    CT_TEST(the_previous_key_is_tried_after_the_current),
    CT_TEST(keys_past_their_date_are_not_used),
    CT_TEST(a_wm_that_restarted_is_enrolled_with_again_unasked),
    CT_TEST(a_wm_that_is_down_is_one_clear_sentence),
};
CT_TEST_MAIN(TESTS)

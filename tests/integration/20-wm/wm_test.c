/* The wallet manager on a real chain with a real relay: from init to a revoked device. */
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "anvil.h"
#include "base/clock.h"
#include "base/hex.h"
#include "chain/registry.h"
#include "ct_test.h"
#include "kex/pass.h"
#include "redis_server.h"
#include "scene.h"
#include "temp_dir.h"
#include "wm/wm.h"

/*
 *   anvil 127.0.0.1        wm-server 127.0.0.1:http, :https
 *      |                        |   the test's data comes from 127.0.0.9
 *      `---- turnserver 127.0.0.2:turn, relays 51000..51100, owner funded by anvil
 *
 * With --redis wm-server keeps its store in a redis-server of the test's own.
 */
static struct {
    const char *server, *admin, *turnserver;
    char folder[64], conf[128], log[128];
    struct ct_anvil anvil;
    char url[3][CT_BUNDLE_URL_MAX];
    char nowhere[3][CT_BUNDLE_URL_MAX]; /* nobody answers there */
    char http_port[8], tls_port[8];
    uint16_t turn_port;
    pid_t wm, relay;
    struct ct_bundle bundle;
    struct ct_chain *chain;
    struct ct_wm_key keys[2];
    bool on_redis;
    struct ct_redis_server redis;
} scene;

static char said[65536];
static char at_buffer[192];

static const char *at(const char *name)
{
    (void)snprintf(at_buffer, sizeof at_buffer, "%s/%s", scene.folder, name);
    return at_buffer;
}

static bool says(const char *text)
{
    bool there = strstr(said, text) != NULL;
    if (!there) {
        printf("    it said: %s\n", said);
    }
    return there;
}

static int init_with(char (*rpc)[CT_BUNDLE_URL_MAX], const char *extra, const char *value,
                     const char *dir)
{
    const char *const argv[] = {scene.server,
                                "init",
                                "--rpc",
                                rpc[0],
                                "--rpc",
                                rpc[1],
                                "--rpc",
                                rpc[2],
                                "--dir",
                                dir,
                                "--address",
                                "127.0.0.1",
                                "--port",
                                scene.http_port,
                                "--tls-port",
                                scene.tls_port,
                                "--allow-private",
                                extra,
                                value,
                                NULL};
    return scene_run(said, sizeof said, argv);
}

/* Ether out of nothing, and a block whose state root says so. */
static bool fund(const struct ct_wallet *wallet)
{
    if (!ct_anvil_fund(&scene.anvil, wallet->addr20)) {
        return false;
    }
    char *text = ct_anvil_call(&scene.anvil, "evm_mine", "[]");
    free(text);
    return text != NULL;
}

static bool is_there(const char *name)
{
    return access(at(name), F_OK) == 0;
}

static void init_on_a_wrong_chain_deploys_nothing(void)
{
    char dir[96];
    (void)snprintf(dir, sizeof dir, "%s/wrong", scene.folder);
    CHECK_EQ(init_with(scene.url, "--chain-id", "1", dir), 7);
    CHECK(says("chain 31337, not on chain 1"));
    CHECK(!is_there("wrong/bundle.json") && !is_there("wrong/wm-server.conf"));
    CHECK_EQ(init_with(scene.nowhere, "--chain-id", "31337", dir), 7);
    CHECK(!is_there("wrong/bundle.json"));
}

static void init_without_ether_says_where_to_send_it(void)
{
    char dir[96];
    (void)snprintf(dir, sizeof dir, "%s/poor", scene.folder);
    CHECK_EQ(init_with(scene.url, "--chain-id", "31337", dir), 7);
    CHECK(says("owner account 0x") && says("ether"));
    CHECK(!is_there("poor/bundle.json"));
}

static void init_deploys_and_writes_everything(void)
{
    struct ct_why why = {{0}};
    struct ct_wallet owner;
    struct stat st;
    char dir[96];
    char key[128];
    (void)snprintf(dir, sizeof dir, "%s/wm", scene.folder);
    (void)snprintf(key, sizeof key, "%s/owner.key", scene.folder);
    REQUIRE(ct_wallet_load_or_create(&owner, NULL, key, &why) == CT_OK);
    REQUIRE(fund(&owner));
    CHECK_EQ(init_with(scene.url, "--owner-key", key, dir), 0);
    printf("    %s", said);
    (void)snprintf(scene.conf, sizeof scene.conf, "%s/wm/wm-server.conf", scene.folder);
    (void)snprintf(scene.log, sizeof scene.log, "%s/wm.log", scene.folder);
    REQUIRE(ct_bundle_read(&scene.bundle, at("wm/bundle.json"), &why) == CT_OK);
    CHECK_EQ(scene.bundle.quorum, 2);
    CHECK(scene.bundle.checkpoint_number > 0);
    CHECK(stat(at("wm/wm-pass.key"), &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_EQ(init_with(scene.url, "--owner-key", key, dir), 2);
    CHECK(says("exists"));
    REQUIRE(ct_chain_open(&scene.chain, &scene.bundle, NULL, &why) == CT_OK);
    struct ct_view view;
    REQUIRE(ct_chain_check(scene.chain, &view, &why) == CT_OK);
    REQUIRE(ct_registry_wm_keys(scene.chain, &view, scene.keys, &why) == CT_OK);
}

static int check_with(const char *from, const char *to)
{
    char changed[128];
    (void)snprintf(changed, sizeof changed, "%s/wm/changed.conf", scene.folder);
    if (!scene_change(changed, scene.conf, from, to)) {
        printf("    the configuration has no %s\n", from);
        return -1;
    }
    const char *const argv[] = {scene.server, "check", "--config", changed, NULL};
    return scene_run(said, sizeof said, argv);
}

static void store_is_one_of_two(void)
{
    char line[160];
    (void)snprintf(line, sizeof line, "redis = %s\n",
                   scene.on_redis ? scene.redis.address : "unix:/nowhere");
    CHECK_EQ(check_with("path = wm.sqlite\n", ""), 2);
    CHECK(says("there is no store"));
    CHECK_EQ(check_with("#redis = unix:/run/redis/redis.sock\n", line), 2);
    CHECK(says("there is more than one store"));
    if (scene.on_redis) {
        REQUIRE(scene_change(scene.conf, scene.conf, "path = wm.sqlite\n", line));
        CHECK_EQ(check_with("redis = unix:", "redis = unix:"), 0);
    }
}

static void bad_configurations_are_named(void)
{
    CHECK_EQ(check_with("confirmations", "confirmatons"), 2);
    CHECK(says("did you mean chain.confirmations"));
    CHECK_EQ(check_with("pass-id = 1", "pass-id = 2"), 2);
    CHECK(says("keys.pass-id"));
    CHECK_EQ(check_with("pass = wm-pass.key", "pass = wm-handshake.key"), 2);
    CHECK(says("not the pass key that the contract lists"));
    CHECK_EQ(check_with("handshake = wm-handshake.key", "handshake = wm-pass.key"), 2);
    CHECK(says("not the handshake key that the contract lists"));
    CHECK_EQ(check_with("approver = approver.key", "approver = wm-pass.key"), 2);
    CHECK(says("no approver of the contract"));
    CHECK_EQ(check_with("contract = 0x", "contract = 0y"), 2);
    CHECK_EQ(check_with("timeout-s = 10", "timeout-s = 11"), 2);
    CHECK_EQ(check_with("bundle = bundle.json", "bundle = wm-server.conf"), 2);
    CHECK_EQ(check_with("probe-timeout-s", "probe-timeout-s"), 0);
}

static bool start_wm(void)
{
    const char *const argv[] = {scene.server, "run", "--config", scene.conf, NULL};
    scene.wm = scene_spawn(scene.log, argv);
    return scene.wm > 0 && scene_await(scene.log, " ready handshake=http://127.0.0.1:");
}

static void server_starts_and_says_ready(void)
{
    /* a peer at the relay's own address would be refused, and rightly */
    REQUIRE(scene_change(scene.conf, scene.conf, "#probe-address = 198.51.100.20",
                         "probe-address = 127.0.0.9"));
    REQUIRE(start_wm());
    const char *const argv[] = {scene.server, "run", "--config", scene.conf, NULL};
    if (scene.on_redis) { /* several may serve one store, but not at one address */
        CHECK_EQ(scene_run(said, sizeof said, argv), 1);
        CHECK(says("lease_elsewhere account=approver") && says("Address already in use"));
    } else {
        CHECK_EQ(scene_run(said, sizeof said, argv), 2);
        CHECK(says("another wm-server runs with the account of"));
    }
}

static bool relay_conf(const char *extra)
{
    char text[2048];
    const char *f = scene.folder;
    (void)snprintf(text, sizeof text,
                   "listening-ip=127.0.0.2\nrelay-ip=127.0.0.2\nlistening-port=%u\n"
                   "min-port=51000\nmax-port=51100\nrealm=chainturn\nlt-cred-mech\nfingerprint\n"
                   "no-tls\nno-dtls\nno-cli\nlog-file=stdout\nsimple-log\nallow-loopback-peers\n"
                   "pidfile=%s/relay/pid\nuserdb=%s/relay/userdb\nchainturn-mode=relays\n"
                   "chainturn-bundle=%s/wm/bundle.json\nchainturn-wallet=%s/relay/wallet.key\n"
                   "chainturn-key=%s/relay/relay.key\nchainturn-state=%s/relay/state\n"
                   "chainturn-poll-ms=500\nchainturn-allow-private\n%s",
                   scene.turn_port, f, f, f, f, f, f, extra);
    return scene_write(at("relay/turnserver.conf"), text);
}

static void relay_is_tested_and_approved(void)
{
    struct ct_why why = {{0}};
    struct ct_wallet owner;
    struct ct_view view;
    struct ct_relay record;
    char log[128];
    char conf[128];
    char state[128];
    REQUIRE(scene.wm > 0);
    (void)snprintf(conf, sizeof conf, "%s/relay", scene.folder);
    REQUIRE(mkdir(conf, 0700) == 0);
    (void)snprintf(state, sizeof state, "%s/relay/state", scene.folder);
    REQUIRE(mkdir(state, 0700) == 0);
    REQUIRE(ct_wallet_load_or_create(&owner, NULL, at("relay/wallet.key"), &why) == CT_OK);
    REQUIRE(fund(&owner));
    REQUIRE(relay_conf(""));
    (void)snprintf(log, sizeof log, "%s/relay.log", scene.folder);
    (void)snprintf(conf, sizeof conf, "%s/relay/turnserver.conf", scene.folder);
    const char *const argv[] = {scene.turnserver, "-c", conf, NULL};
    scene.relay = scene_spawn(log, argv);
    REQUIRE(scene_await(scene.log, "reason=\"approved as relay 1"));
    REQUIRE(ct_chain_view(scene.chain, &view, &why) == CT_OK);
    REQUIRE(ct_registry_relay(scene.chain, &view, 1, &record, &why) == CT_OK);
    CHECK_EQ(ct_relay_check(&record, view.timestamp_s, &why), CT_OK);
    CHECK_EQ(record.listen_port, scene.turn_port);
    CHECK_MEM(record.owner20, owner.addr20, 20);
}

/* ---- devices ---- */

struct device {
    char identity[64];
    struct ct_wallet wallet;
    struct ct_x25519 key;
    struct ct_wm *wm;
};

static bool device_open(struct device *d, const char *identity)
{
    struct ct_secret32 secret;
    struct ct_why why = {{0}};
    memset(d, 0, sizeof *d);
    (void)snprintf(d->identity, sizeof d->identity, "%s", identity);
    if (ct_wallet_new(&d->wallet) != CT_OK || ct_random(&secret, sizeof secret) != CT_OK ||
        ct_x25519_from_secret(&d->key, &secret) != CT_OK) {
        return false;
    }
    const struct ct_wm_config config = {.bundle = &scene.bundle,
                                        .keys = scene.keys,
                                        .key_count = 2,
                                        .purpose = CT_HS_ENROL_DEVICE,
                                        .identity = d->identity,
                                        .wallet = &d->wallet,
                                        .key = &d->key};
    ct_err err = ct_wm_open(&d->wm, &config, &why);
    if (err != CT_OK) {
        printf("    %s\n", why.text);
    }
    return err == CT_OK;
}

static ct_err device_pass(struct device *d, const char *token, struct ct_why *why)
{
    uint8_t pass[CT_PASS_LEN];
    uint64_t expires_s = 0;
    struct ct_x25519 pair;
    struct ct_secret32 secret;
    if (ct_random(&secret, sizeof secret) != CT_OK ||
        ct_x25519_from_secret(&pair, &secret) != CT_OK) {
        return CT_ERR_SYSTEM;
    }
    const struct ct_wm_pass_request request = {.pass_key32 = pair.public32, .token = token};
    return ct_wm_pass(d->wm, pass, &expires_s, &request, why);
}

static ct_err device_register(struct device *d, const char *token, uint16_t sequence,
                              struct ct_wm_operation *op, struct ct_why *why)
{
    struct ct_registration r = {.relay = 1,
                                .port = 51001,
                                .expiry_day = (uint16_t)(ct_wall_s() / 86400 + 30),
                                .sequence = sequence,
                                .deadline_s = ct_wall_s() + 600};
    uint8_t digest[32];
    uint8_t sig65[65];
    memcpy(r.key32, d->key.public32, 32);
    if (ct_identity_hash(r.id_hash32, d->identity) != CT_OK) {
        return CT_ERR_ARG;
    }
    ct_registration_digest(digest, scene.bundle.chain_id, scene.bundle.contract20, &r);
    ct_err err = ct_wallet_sign(sig65, &d->wallet, digest);
    return err != CT_OK ? err : ct_wm_register_device(d->wm, op, token, &r, sig65, why);
}

static ct_err device_record(const char *identity, struct ct_device *out)
{
    uint8_t hash[32];
    struct ct_view view;
    struct ct_why why = {{0}};
    ct_err err = ct_identity_hash(hash, identity);
    if (err == CT_OK) {
        err = ct_chain_view(scene.chain, &view, &why);
    }
    return err != CT_OK ? err : ct_registry_device(scene.chain, &view, hash, out, &why);
}

static bool issue(char token[700], const char *identity, const char *expires)
{
    static int number;
    char file[128];
    (void)snprintf(file, sizeof file, "%s/token-%d", scene.folder, ++number);
    const char *const argv[] = {scene.admin, "token", "issue", "--config", scene.conf,
                                "--batch",   "B1",    "--id",  identity,   "--expires",
                                expires,     "--out", file,    NULL};
    if (scene_run(said, sizeof said, argv) != 0 || !scene_read(token, 700, file)) {
        printf("    %s\n", said);
        return false;
    }
    token[strcspn(token, "\n")] = '\0';
    return true;
}

static struct device door;
static char door_token[700];

static void device_gets_a_pass_and_is_registered(void)
{
    struct ct_why why = {{0}};
    struct ct_wm_operation op;
    struct ct_device record;
    REQUIRE(scene.relay > 0 && device_open(&door, "door-7"));
    CHECK_EQ(device_pass(&door, NULL, &why), CT_ERR_NOT_APPROVED);
    REQUIRE(issue(door_token, "door-7", "1d"));
    CHECK_EQ(device_pass(&door, door_token, &why), CT_OK);
    CHECK_EQ(device_record("door-7", &record), CT_ERR_NOT_FOUND);
    REQUIRE(device_register(&door, door_token, 0, &op, &why) == CT_OK);
    REQUIRE(ct_wm_operation_wait(door.wm, &op, op.id, 60000, &why) == CT_OK);
    CHECK(op.block > 0);
    REQUIRE(device_record("door-7", &record) == CT_OK);
    CHECK(record.state == CT_RECORD_APPROVED && record.sequence == 1 && record.port == 51001);
    CHECK_MEM(record.wallet20, door.wallet.addr20, 20);
    CHECK_EQ(device_pass(&door, NULL, &why), CT_OK); /* registered: no token needed */
    CHECK(device_register(&door, door_token, 0, &op, &why) != CT_OK);
    CHECK(strstr(why.text, "sequence") != NULL);
}

static void bad_tokens_change_nothing(void)
{
    struct ct_why why = {{0}};
    struct ct_wm_operation op;
    struct ct_device record;
    struct device thief;
    struct device late;
    char token[700];
    REQUIRE(scene.relay > 0 && device_open(&thief, "door-8") && device_open(&late, "door-7"));
    CHECK_EQ(device_pass(&thief, door_token, &why), CT_ERR_AUTH); /* another name's */
    CHECK(device_pass(&late, door_token, &why) != CT_OK);         /* a name that is taken */
    REQUIRE(issue(token, "door-8", "1d"));
    token[strlen(token) - 8] = token[strlen(token) - 8] == 'A' ? 'B' : 'A';
    CHECK_EQ(device_pass(&thief, token, &why), CT_ERR_AUTH);
    REQUIRE(issue(token, "door-8", "1d"));
    CHECK_EQ(device_pass(&thief, token, &why), CT_OK);
    struct device second;
    REQUIRE(device_open(&second, "door-8"));
    CHECK(device_pass(&second, token, &why) != CT_OK); /* used by another wallet */
    CHECK(strstr(why.text, "used") != NULL);
    CHECK(device_register(&second, token, 0, &op, &why) != CT_OK);
    CHECK_EQ(device_record("door-8", &record), CT_ERR_NOT_FOUND);
    ct_wm_free(thief.wm);
    ct_wm_free(late.wm);
    ct_wm_free(second.wm);
}

static bool mining(bool automatic)
{
    char *text = ct_anvil_call(&scene.anvil, "evm_setAutomine", automatic ? "[true]" : "[false]");
    free(text);
    return text != NULL;
}

/* Acknowledged, sent, not mined; killed without warning; the new process goes on with it. */
static void acknowledged_registration_survives_a_kill(void)
{
    struct ct_why why = {{0}};
    struct ct_wm_operation op;
    struct ct_device record;
    struct device d;
    char token[700];
    REQUIRE(scene.relay > 0 && issue(token, "cam-1", "1d") && device_open(&d, "cam-1"));
    REQUIRE(device_pass(&d, token, &why) == CT_OK);
    REQUIRE(mining(false));
    REQUIRE(device_register(&d, token, 0, &op, &why) == CT_OK);
    CHECK(scene_await(scene.log, "kind=register_device operations=1"));
    CHECK_EQ(scene_end(scene.wm, SIGKILL), 1000 + SIGKILL);
    CHECK_EQ(device_record("cam-1", &record), CT_ERR_NOT_FOUND);
    REQUIRE(start_wm());
    free(ct_anvil_call(&scene.anvil, "evm_mine", "[]"));
    REQUIRE(mining(true));
    CHECK(scene_await(scene.log, "subject=cam-1 state=done"));
    REQUIRE(device_record("cam-1", &record) == CT_OK);
    CHECK(record.state == CT_RECORD_APPROVED && record.sequence == 1);
    ct_wm_free(d.wm);
    ct_wm_free(door.wm); /* enrolments end with the process */
    door.wm = NULL;
}

/* Started anew, with the other window for what is gathered. */
static bool window(const char *from, const char *to)
{
    bool good = scene_end(scene.wm, SIGKILL) == 1000 + SIGKILL &&
                scene_change(scene.conf, scene.conf, from, to);
    return good && start_wm();
}

/* As many as a transaction takes go into one, and do not wait for the window's end. */
static void registrations_are_batched(void)
{
    enum { MANY = 8, SOON_MS = 45000 };
    static struct device devices[MANY];
    static char tokens[MANY][700];
    struct ct_wm_operation ops[MANY];
    struct ct_why why = {{0}};
    size_t shared = 0;
    REQUIRE(scene.relay > 0);
    for (int i = 0; i < MANY; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "lamp-%d", i);
        REQUIRE(issue(tokens[i], name, "1d") && device_open(&devices[i], name));
        REQUIRE(device_pass(&devices[i], tokens[i], &why) == CT_OK);
        CHECK_EQ(device_register(&devices[i], NULL, 0, &ops[i], &why), CT_ERR_NOT_APPROVED);
    }
    REQUIRE(window("window-ms = 250\nbatch = 64\n", "window-ms = 60000\nbatch = 8\n"));
    for (int i = 0; i < MANY; i++) {
        REQUIRE(device_register(&devices[i], tokens[i], 0, &ops[i], &why) == CT_OK);
    }
    CHECK(scene_says(scene.log, " operations=8 ", SOON_MS));
    REQUIRE(window("window-ms = 60000\nbatch = 8\n", "window-ms = 250\nbatch = 64\n"));
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(ct_wm_operation_wait(devices[i].wm, &ops[i], ops[i].id, 60000, &why), CT_OK);
        for (int j = 0; j < i; j++) {
            if (memcmp(ops[i].transaction32, ops[j].transaction32, 32) == 0) {
                shared++;
                break;
            }
        }
        ct_wm_free(devices[i].wm);
    }
    CHECK_EQ(shared, MANY - 1);
}

static void revoked_device_stays_out(void)
{
    struct ct_why why = {{0}};
    struct ct_device record;
    char token[700];
    const char *const argv[] = {scene.admin, "device", "revoke", "--config",
                                scene.conf,  "door-7", NULL};
    REQUIRE(scene.relay > 0);
    CHECK_EQ(scene_run(said, sizeof said, argv), 0);
    CHECK(says("revoked door-7 in block"));
    CHECK(scene_await(scene.log, "kind=revoke_pass"));
    REQUIRE(device_record("door-7", &record) == CT_OK);
    CHECK(record.state == CT_RECORD_REVOKED);
    struct device again = door;
    const struct ct_wm_config config = {.bundle = &scene.bundle,
                                        .keys = scene.keys,
                                        .key_count = 2,
                                        .purpose = CT_HS_ENROL_DEVICE,
                                        .identity = again.identity,
                                        .wallet = &again.wallet,
                                        .key = &again.key};
    REQUIRE(ct_wm_open(&again.wm, &config, &why) == CT_OK);
    CHECK(device_pass(&again, NULL, &why) != CT_OK);
    CHECK(device_pass(&again, door_token, &why) != CT_OK); /* withdrawn */
    REQUIRE(issue(token, "door-7", "1d"));
    CHECK_EQ(device_pass(&again, token, &why), CT_OK);
    ct_wm_free(again.wm);
}

static void relay_is_listed_and_revoked(void)
{
    const char *const list[] = {scene.admin, "relay", "list", "--config", scene.conf, NULL};
    const char *const revoke[] = {scene.admin, "relay", "revoke", "--config",
                                  scene.conf,  "1",     NULL};
    REQUIRE(scene.relay > 0);
    CHECK_EQ(scene_run(said, sizeof said, list), 0);
    CHECK(says("approved") && says("127.0.0.2"));
    CHECK_EQ(scene_run(said, sizeof said, revoke), 0);
    CHECK_EQ(scene_run(said, sizeof said, revoke), 7);
    CHECK_EQ(scene_run(said, sizeof said, list), 0);
    CHECK(says("revoked"));
}

static void server_ends_cleanly_and_tells_no_secret(void)
{
    static char log[1 << 20];
    char secret[70];
    REQUIRE(scene.wm > 0);
    CHECK_EQ(scene_end(scene.wm, SIGTERM), 0);
    scene.wm = -1;
    REQUIRE(scene_read(log, sizeof log, scene.log));
    CHECK(strstr(log, "ended signal=15") != NULL);
    CHECK(strstr(log, "ctk1.") == NULL);
    static const char *const files[] = {"wm/approver.key", "wm/wm-pass.key", "wm/wm-handshake.key"};
    for (size_t i = 0; i < 3; i++) {
        REQUIRE(scene_read(secret, sizeof secret, at(files[i])));
        secret[64] = '\0';
        CHECK(strlen(secret) == 64 && strstr(log, secret) == NULL);
    }
}

static const struct ct_test tests[] = {
    CT_TEST(init_on_a_wrong_chain_deploys_nothing),
    CT_TEST(init_without_ether_says_where_to_send_it),
    CT_TEST(init_deploys_and_writes_everything),
    CT_TEST(bad_configurations_are_named),
    CT_TEST(store_is_one_of_two),
    CT_TEST(server_starts_and_says_ready),
    CT_TEST(relay_is_tested_and_approved),
    CT_TEST(device_gets_a_pass_and_is_registered),
    CT_TEST(bad_tokens_change_nothing),
    CT_TEST(acknowledged_registration_survives_a_kill),
    CT_TEST(registrations_are_batched),
    CT_TEST(revoked_device_stays_out),
    CT_TEST(relay_is_listed_and_revoked),
    CT_TEST(server_ends_cleanly_and_tells_no_secret),
};

int main(int argc, char **argv)
{
    scene.on_redis = argc == 5 && strcmp(argv[4], "--redis") == 0;
    if (argc != 4 && !scene.on_redis) {
        (void)fprintf(stderr, "usage: wm_test WM-SERVER WM-ADMIN TURNSERVER [--redis]\n");
        return 2;
    }
    scene.server = argv[1];
    scene.admin = argv[2];
    scene.turnserver = argv[3];
    (void)snprintf(scene.folder, sizeof scene.folder, "%s/ct-wm-XXXXXX", temp_dir_base());
    if (mkdtemp(scene.folder) == NULL || !ct_anvil_start(&scene.anvil)) {
        return 1;
    }
    if (scene.on_redis && !ct_redis_server_start(&scene.redis)) {
        ct_anvil_stop(&scene.anvil);
        return 1;
    }
    ct_anvil_bundle(&scene.bundle, &scene.anvil);
    for (int i = 0; i < 3; i++) {
        (void)snprintf(scene.url[i], sizeof scene.url[i], "%s", scene.bundle.rpc[i]);
        (void)snprintf(scene.nowhere[i], sizeof scene.nowhere[i], "http://127.0.0.1:9/%d", i);
    }
    (void)snprintf(scene.http_port, sizeof scene.http_port, "%u", scene_port(SOCK_STREAM));
    (void)snprintf(scene.tls_port, sizeof scene.tls_port, "%u", scene_port(SOCK_STREAM));
    scene.turn_port = scene_port(SOCK_DGRAM);
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    ct_chain_free(scene.chain);
    (void)scene_end(scene.relay, SIGTERM);
    (void)scene_end(scene.wm, SIGTERM);
    ct_anvil_stop(&scene.anvil);
    if (scene.on_redis) {
        CHECK_EQ(access(at("wm/wm.sqlite"), F_OK), -1);
        ct_redis_server_stop(&scene.redis);
    }
    scene_remove(scene.folder);
    return code;
}

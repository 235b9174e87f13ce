/* Keys under passphrases and in a token: wm-server deploys, checks and runs with them. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "anvil.h"
#include "base/secret.h"
#include "chain/key.h"
#include "ct_test.h"
#include "memory.h"
#include "scene.h"
#include "softhsm.h"

/*
 *   owner       keystore, passphrase in a file      deploys
 *   bank        in a token, PIN in a file           pays for the owner
 *   approver    in a token                          wm-server run
 *   funder      keystore, passphrase by descriptor or as a systemd credential
 *   relay, device   the owner's keystore again, as a wallet of theirs
 */
static struct {
    const char *server, *admin, *turnserver, *chainturn;
    char folder[64], conf[128], log[128];
    struct ct_anvil anvil;
    struct ct_bundle bundle;
    char http_port[8], tls_port[8];
} scene;

static char said[65536];
static struct ct_wallet funder;

static const char bank[] = "pkcs11:token=wm;object=bank" SOFTHSM_QUERY;
static const char approver[] = "pkcs11:token=wm;object=approver" SOFTHSM_QUERY;

static const char *at(const char *name)
{
    static char paths[16][192];
    static size_t turn;
    char *path = paths[turn++ % 16];
    (void)snprintf(path, sizeof paths[0], "%s/%s", scene.folder, name);
    return path;
}

static bool says(const char *text)
{
    bool there = strstr(said, text) != NULL;
    if (!there) {
        printf("    no \"%s\" in: %s\n", text, said);
    }
    return there;
}

static int admin(const char *const words[])
{
    const char *argv[16] = {scene.admin};
    for (size_t i = 0; i < 14 && words[i] != NULL; i++) {
        argv[i + 1] = words[i];
    }
    return scene_run(said, sizeof said, argv);
}

static int check(const char *conf)
{
    const char *const argv[] = {scene.server, "check", "--config", conf, NULL};
    return scene_run(said, sizeof said, argv);
}

static void keystores_are_made_and_imported_by_command(void)
{
    const char *const make[] = {"key",          "new",      "--out",   at("owner.json"),
                                "--passphrase", at("pass"), "--light", NULL};
    const char *const raw[] = {"key", "new", "--out", at("funder.key"), NULL};
    const char *const import[] = {"key",          "import",
                                  "--from",       at("funder.key"),
                                  "--out",        at("funder.json"),
                                  "--passphrase", at("pass"),
                                  "--light",      NULL};
    const char *const address[] = {"key",      "address",         "--passphrase",
                                   at("pass"), at("funder.json"), NULL};
    char first[64];
    struct ct_why why = {{0}};
    CHECK_EQ(admin(make), 0);
    CHECK_EQ(admin(make), 2); /* never over a key that is there */
    CHECK(says("File exists"));
    CHECK_EQ(admin(raw), 0);
    (void)snprintf(first, sizeof first, "%.60s", said);
    CHECK_EQ(admin(import), 0);
    CHECK_STR(said, first);
    CHECK_EQ(admin(address), 0);
    CHECK_STR(said, first);
    CHECK_EQ(ct_wallet_load(&funder, at("funder.key"), &why), CT_OK);
    CHECK_EQ(unlink(at("funder.key")), 0);
}

static void words_that_fit_no_command_are_refused(void)
{
    const char *const none[] = {"key", "new", NULL};
    const char *const light[] = {"key", "new", "--out", at("x"), "--light", NULL};
    const char *const both[] = {"key", "address", at("owner.json"), at("funder.json"), NULL};
    const char *const wrong[] = {"key",       "address",        "--passphrase",
                                 at("wrong"), at("owner.json"), NULL};
    const char *const out[] = {
        "key",           "import",       "--from",   bank, "--from-passphrase", at("pin"), "--out",
        at("bank.json"), "--passphrase", at("pass"), NULL};
    CHECK_EQ(admin(none), 2);
    CHECK_EQ(admin(light), 2);
    CHECK_EQ(admin(both), 2);
    CHECK_EQ(admin(wrong), 6);
    CHECK(says("the passphrase does not open the keystore"));
    CHECK_EQ(admin(out), 2);
    CHECK(says("a key in a token stays in it"));
    CHECK(access(at("bank.json"), F_OK) != 0 && access(at("x"), F_OK) != 0);
}

/* The token's address as the command tells it gets ether out of nothing. */
static bool fund_bank(void)
{
    const char *const address[] = {"key", "address", "--passphrase", at("pin"), bank, NULL};
    uint8_t addr[20];
    int code = admin(address);
    said[strcspn(said, "\n")] = '\0';
    char *mined = NULL;
    if (code == 0 && ct_addr_parse(addr, said) == CT_OK && ct_anvil_fund(&scene.anvil, addr)) {
        mined = ct_anvil_call(&scene.anvil, "evm_mine", "[]");
    }
    free(mined);
    return mined != NULL;
}

static void token_pays_for_a_keystores_deployment(void)
{
    struct ct_bundle *b = &scene.bundle;
    const char *const argv[] = {scene.server,
                                "init",
                                "--rpc",
                                b->rpc[0],
                                "--rpc",
                                b->rpc[1],
                                "--rpc",
                                b->rpc[2],
                                "--dir",
                                at("wm"),
                                "--address",
                                "127.0.0.1",
                                "--port",
                                scene.http_port,
                                "--tls-port",
                                scene.tls_port,
                                "--owner-key",
                                at("owner.json"),
                                "--owner-passphrase",
                                at("pass"),
                                "--fund-from",
                                bank,
                                "--fund-passphrase",
                                at("pin"),
                                "--approver-key",
                                approver,
                                "--approver-passphrase",
                                at("pin"),
                                "--funder-key",
                                at("funder.json"),
                                "--funder-passphrase",
                                at("pass"),
                                "--allow-private",
                                "--operator",
                                "none",
                                NULL};
    REQUIRE(fund_bank());
    int code = scene_run(said, sizeof said, argv);
    CHECK_EQ(code, 0);
    REQUIRE(code == 0 && says("contract 0x"));
    struct stat st;
    CHECK(stat(at("wm/approver.key"), &st) != 0 && stat(at("wm/owner.key"), &st) != 0);
}

static void check_tells_each_role_and_how_its_key_is_kept(void)
{
    CHECK_EQ(check(scene.conf), 0);
    CHECK(says("whose key is not among this server's"));
    CHECK(says("its key in a token, has 1 ether"));
    CHECK(says("its key in a keystore, has 1 ether"));
}

static void wrong_or_missing_passphrases_are_told_and_nothing_runs(void)
{
    static const struct {
        const char *from, *to, *says;
        int code;
    } cases[] = {
        {"/pin", "/wrong", "cannot log in to the token: the PIN is wrong", 6},
        {"/pass", "/wrong", "the passphrase does not open the keystore", 6},
        {"/pass", "/absent", "there is no passphrase at", 2},
        {"/pass", "/shown", "can be read by others", 2},
        {"object=approver", "object=other", "no EC private key other", 2},
        {"token=wm", "token=ours", "no token ours", 2},
        {"\nfunder-passphrase", "\n#", "is a keystore; say where its passphrase is", 2},
        {"\napprover-passphrase", "\n#", "needs its PIN", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        REQUIRE(scene_change(at("wm/bad.conf"), scene.conf, cases[i].from, cases[i].to));
        CHECK_EQ(check(at("wm/bad.conf")), cases[i].code);
        CHECK(says(cases[i].says));
    }
}

/* What its memory tells: of what a keystore holds there is the key, and that only where no page is
 * written to a disk. */
static void check_memory(pid_t pid)
{
    static const char passphrase[] = "correct horse";
    struct found key = {0}, words = {0}, address = {0};
    CHECK(memory_find(&key, pid, funder.secret.bytes, sizeof funder.secret.bytes));
    CHECK(memory_find(&words, pid, passphrase, sizeof passphrase - 1));
    CHECK(memory_find(&address, pid, funder.addr20, sizeof funder.addr20));
    CHECK(key.locked > 0 && key.open == 0);
    CHECK_EQ(words.locked + words.open, 0);
    CHECK(address.open > 0); /* which is no secret: all of its memory is seen */
    printf("    the key %u times in locked memory, %u times elsewhere; the passphrase %u times\n",
           key.locked, key.open, words.locked + words.open);
}

static void server_runs_with_a_credential_and_one_alone_has_the_token(void)
{
    const char *const run[] = {scene.server, "run", "--config", at("wm/credential.conf"), NULL};
    char from[192];
    (void)snprintf(from, sizeof from, "funder-passphrase = %s", at("pass"));
    REQUIRE(scene_change(at("wm/credential.conf"), scene.conf, from,
                         "funder-passphrase = credential:pass"));
    CHECK_EQ(check(at("wm/credential.conf")), 2);
    CHECK(says("LoadCredential=pass"));
    REQUIRE(setenv("CREDENTIALS_DIRECTORY", scene.folder, 1) == 0);
    pid_t pid = scene_spawn(scene.log, run);
    REQUIRE(scene_await(scene.log, "ready"));
    check_memory(pid);
    CHECK_EQ(scene_run(said, sizeof said, run), 2);
    CHECK(says("another wm-server runs with the account of pkcs11:"));
    CHECK_EQ(scene_end(pid, SIGTERM), 0);
    (void)unsetenv("CREDENTIALS_DIRECTORY");
}

static void passphrase_comes_by_a_descriptor(void)
{
    char from[192];
    int fd = open(at("pass"), O_RDONLY); /* inherited */
    char to[64];
    (void)snprintf(from, sizeof from, "funder-passphrase = %s", at("pass"));
    (void)snprintf(to, sizeof to, "funder-passphrase = fd:%d", fd);
    REQUIRE(fd >= 0 && scene_change(at("wm/fd.conf"), scene.conf, from, to));
    CHECK_EQ(check(at("wm/fd.conf")), 0);
    CHECK(says("its key in a keystore"));
    (void)close(fd);
    CHECK_EQ(check(at("wm/fd.conf")), 2);
    CHECK(says("it is read once"));
}

/* turnserver --check-config with the wallet of this kind. */
static int check_relay(const char *wallet, const char *passphrase)
{
    char text[2048];
    const char *const argv[] = {scene.turnserver, "--check-config", "-c", at("turnserver.conf"),
                                NULL};
    (void)snprintf(text, sizeof text,
                   "listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nlistening-port=3478\n"
                   "min-port=50000\nmax-port=50099\nno-cli\nno-tls\nno-dtls\nno-tcp-relay\n"
                   "allow-loopback-peers\nlt-cred-mech\nrealm=test\nlog-file=stdout\nsimple-"
                   "log\nuserdb=%s\npidfile=%s\n"
                   "chainturn-bundle=%s\nchainturn-state=%s\nchainturn-allow-private\n"
                   "chainturn-wallet=%s\n%s%s\n",
                   at("turndb"), at("pid"), at("wm/bundle.json"), scene.folder, wallet,
                   passphrase[0] != '\0' ? "chainturn-wallet-passphrase=" : "", passphrase);
    return scene_write(at("turnserver.conf"), text) ? scene_run(said, sizeof said, argv) : -1;
}

static void relays_wallet_may_be_a_keystore(void)
{
    CHECK_EQ(check_relay(at("owner.json"), at("pass")), 0);
    CHECK(says("The configuration is valid."));
    CHECK_EQ(check_relay(at("owner.json"), at("wrong")), 78);
    CHECK(says("the passphrase does not open the keystore"));
    CHECK_EQ(check_relay(at("owner.json"), ""), 78);
    CHECK(says("is a keystore; say where its passphrase is"));
}

static int device(const char *passphrase)
{
    const char *argv[12] = {scene.chainturn,      "--home", at("home"), "--bundle",
                            at("wm/bundle.json"), "revoke", "--yes"};
    if (passphrase != NULL) {
        argv[7] = "--wallet-passphrase";
        argv[8] = passphrase;
    }
    return scene_run(said, sizeof said, argv);
}

/* This device is not enrolled; what is said of its keys comes first. */
static void devices_wallet_may_be_a_keystore(void)
{
    char text[2048];
    REQUIRE(mkdir(at("home"), 0700) == 0 && scene_read(text, sizeof text, at("owner.json")) &&
            scene_write(at("home/wallet.key"), text));
    CHECK_EQ(device(at("wrong")), 6);
    CHECK(says("the passphrase does not open the keystore"));
    CHECK_EQ(device(at("absent")), 2);
    CHECK(says("there is no passphrase at"));
    CHECK(device(at("pass")) != 6);
    CHECK(strstr(said, "passphrase") == NULL);
}

static const struct ct_test tests[] = {
    CT_TEST(keystores_are_made_and_imported_by_command),
    CT_TEST(words_that_fit_no_command_are_refused),
    CT_TEST(token_pays_for_a_keystores_deployment),
    CT_TEST(check_tells_each_role_and_how_its_key_is_kept),
    CT_TEST(wrong_or_missing_passphrases_are_told_and_nothing_runs),
    CT_TEST(server_runs_with_a_credential_and_one_alone_has_the_token),
    CT_TEST(passphrase_comes_by_a_descriptor),
    CT_TEST(relays_wallet_may_be_a_keystore),
    CT_TEST(devices_wallet_may_be_a_keystore),
};

static bool prepare(void)
{
    (void)snprintf(scene.folder, sizeof scene.folder, "/tmp/chainturn-keys-XXXXXX");
    if (mkdtemp(scene.folder) == NULL || !ct_anvil_start(&scene.anvil)) {
        return false;
    }
    ct_anvil_bundle(&scene.bundle, &scene.anvil);
    (void)snprintf(scene.conf, sizeof scene.conf, "%s/wm/wm-server.conf", scene.folder);
    (void)snprintf(scene.log, sizeof scene.log, "%s/wm.log", scene.folder);
    (void)snprintf(scene.http_port, sizeof scene.http_port, "%u", scene_port(SOCK_STREAM));
    (void)snprintf(scene.tls_port, sizeof scene.tls_port, "%u", scene_port(SOCK_STREAM));
    return scene_write(at("pass"), "correct horse\n") && scene_write(at("pin"), "1234\n") &&
           scene_write(at("wrong"), "battery staple\n") && scene_write(at("shown"), "x\n") &&
           chmod(at("shown"), 0644) == 0 && softhsm_prepare(scene.folder) && softhsm_token("wm") &&
           softhsm_pair("wm", "EC:secp256k1", "bank", "01") &&
           softhsm_pair("wm", "EC:secp256k1", "approver", "02");
}

int main(int argc, char **argv)
{
    int code = 1;
    if (argc != 5) {
        return 2;
    }
    scene.server = argv[1];
    scene.admin = argv[2];
    scene.turnserver = argv[3];
    scene.chainturn = argv[4];
    if (prepare()) {
        code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    }
    ct_anvil_stop(&scene.anvil);
    scene_remove(scene.folder);
    return code;
}

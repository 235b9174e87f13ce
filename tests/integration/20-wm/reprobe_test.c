/* Repeated tests of relays by the real programs: a relay that is stopped is revoked on the chain,
 * and reinstated when it runs again; one that a person revoked stays out. */
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "ct_test.h"
#include "platform.h"
#include "scene.h"

/*
 *   anvil 127.0.0.1        wm-server 127.0.0.1
 *      |                        |   the tests' data comes from 127.0.0.9
 *      |---- turnserver 127.0.0.2, relays 51000..51100
 *      `---- turnserver 127.0.0.3, relays 51200..51300
 */
struct box {
    unsigned number; /* 1, 2: its index in the contract */
    char folder[96], conf[128], log[128];
    uint16_t port;
    pid_t pid;
};

static struct {
    const char *admin, *turnserver;
    struct box boxes[2];
} scene;

static char said[65536];

static bool prepare(struct box *b, unsigned number)
{
    char text[2048];
    char path[160];
    struct ct_wallet owner;
    struct ct_why why = {{0}};
    const char *f = b->folder;
    b->number = number;
    b->port = scene_port(SOCK_DGRAM);
    (void)snprintf(b->folder, sizeof b->folder, "%s/relay-%u", platform.folder, number);
    (void)snprintf(b->conf, sizeof b->conf, "%s/turnserver.conf", f);
    (void)snprintf(b->log, sizeof b->log, "%s/log", f);
    (void)snprintf(path, sizeof path, "%s/state", f);
    if (mkdir(f, 0700) != 0 || mkdir(path, 0700) != 0) {
        return false;
    }
    (void)snprintf(path, sizeof path, "%s/wallet.key", f);
    if (ct_wallet_load_or_create(&owner, NULL, path, &why) != CT_OK ||
        !platform_fund(owner.addr20)) {
        return false;
    }
    (void)snprintf(text, sizeof text,
                   "listening-ip=127.0.0.%u\nrelay-ip=127.0.0.%u\nlistening-port=%u\n"
                   "min-port=%u\nmax-port=%u\nrealm=chainturn\nlt-cred-mech\nfingerprint\n"
                   "no-tls\nno-dtls\nno-cli\nlog-file=stdout\nsimple-log\nallow-loopback-peers\n"
                   "pidfile=%s/pid\nuserdb=%s/userdb\nchainturn-mode=relays\n"
                   "chainturn-bundle=%s/wm/bundle.json\nchainturn-wallet=%s/wallet.key\n"
                   "chainturn-key=%s/relay.key\nchainturn-state=%s/state\n"
                   "chainturn-poll-ms=500\nchainturn-allow-private\n",
                   number + 1, number + 1, b->port, 50800 + 200 * number, 50900 + 200 * number, f,
                   f, platform.folder, f, f, f);
    return scene_write(b->conf, text);
}

static bool start(struct box *b)
{
    const char *const argv[] = {scene.turnserver, "-c", b->conf, NULL};
    b->pid = scene_spawn(b->log, argv);
    return b->pid > 0;
}

static void stop(struct box *b)
{
    if (b->pid > 0) {
        (void)scene_end(b->pid, SIGKILL);
    }
    b->pid = 0;
}

static enum ct_record_state state_of(uint16_t index)
{
    struct ct_view view;
    struct ct_relay relay = {.state = CT_RECORD_NONE};
    struct ct_why why = {{0}};
    if (ct_chain_view(platform.chain, &view, &why) != CT_OK ||
        ct_registry_relay(platform.chain, &view, index, &relay, &why) != CT_OK) {
        printf("    %s\n", why.text);
    }
    return relay.state;
}

static bool admin(const char *what, const char *index)
{
    const char *const argv[] = {scene.admin, "relay", what, "--config", platform.conf, index, NULL};
    return scene_run(said, sizeof said, argv) == 0;
}

/* What the relay itself says tells why. */
static bool await_approval(const struct box *b)
{
    char text[40];
    (void)snprintf(text, sizeof text, "approved as relay %u", b->number);
    bool approved = scene_says(platform.log, text, 120000); /* it tries again, with pauses */
    const char *const logs[] = {platform.log, b->log};
    for (size_t i = 0; i < 2 && !approved; i++) {
        if (scene_read(said, sizeof said, logs[i])) {
            printf("    no \"%s\"; %s:\n%s\n", text, logs[i], said);
        }
    }
    return approved;
}

static void two_relays_are_approved(void)
{
    char from[] = "reprobe-s = 600\nstrikes = 3\ngrace-s = 3600";
    REQUIRE(platform_set(from, "reprobe-s = 1\nstrikes = 2\ngrace-s = 1"));
    REQUIRE(platform_set("probe-timeout-s = 15", "probe-timeout-s = 8"));
    REQUIRE(platform_set("allow-private = no", "allow-private = yes"));
    REQUIRE(platform_set("#probe-address = 198.51.100.20", "probe-address = 127.0.0.9"));
    REQUIRE(platform_run());
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE(prepare(&scene.boxes[i], i + 1) && start(&scene.boxes[i]));
        REQUIRE(await_approval(&scene.boxes[i]));
    }
}

static void stopped_relay_is_revoked_on_the_chain(void)
{
    REQUIRE(scene.boxes[0].pid > 0 && scene.boxes[1].pid > 0);
    stop(&scene.boxes[0]);
    REQUIRE(scene_await(platform.log, "relay_strike relay=1 strikes=2"));
    REQUIRE(scene_await(platform.log, "kind=revoke_relay subject=1 state=done"));
    CHECK_EQ(state_of(1), CT_RECORD_REVOKED);
    CHECK_EQ(state_of(2), CT_RECORD_APPROVED);
}

static void strikes_survive_a_restart_and_it_comes_back(void)
{
    REQUIRE(state_of(1) == CT_RECORD_REVOKED);
    CHECK_EQ(platform_end(SIGKILL), 1000 + SIGKILL);
    REQUIRE(platform_run());
    REQUIRE(start(&scene.boxes[0]));
    REQUIRE(scene_await(platform.log, "kind=reinstate_relay subject=1 state=done"));
    CHECK_EQ(state_of(1), CT_RECORD_APPROVED);
    REQUIRE(scene_await(scene.boxes[0].log, "relay_approved index=1"));
}

static void operators_revocation_is_not_undone(void)
{
    static char log[1 << 20];
    REQUIRE(scene.boxes[1].pid > 0);
    CHECK(admin("revoke", "2"));
    CHECK_EQ(state_of(2), CT_RECORD_REVOKED);
    /* its own tests go on, and pass */
    REQUIRE(scene_await(platform.log, "kind=revoke_relay subject=2 state=done"));
    CHECK_EQ(state_of(2), CT_RECORD_REVOKED);
    REQUIRE(scene_read(log, sizeof log, platform.log));
    CHECK(strstr(log, "relay_reinstated relay=2") == NULL);
}

static const struct ct_test tests[] = {
    CT_TEST(two_relays_are_approved),
    CT_TEST(stopped_relay_is_revoked_on_the_chain),
    CT_TEST(strikes_survive_a_restart_and_it_comes_back),
    CT_TEST(operators_revocation_is_not_undone),
};

int main(int argc, char **argv)
{
    bool on_redis = argc == 5 && strcmp(argv[4], "--redis") == 0;
    if (argc != 4 && !on_redis) {
        (void)fprintf(stderr, "usage: reprobe_test WM-SERVER WM-ADMIN TURNSERVER [--redis]\n");
        return 2;
    }
    scene.admin = argv[2];
    scene.turnserver = argv[3];
    if (!platform_start(argv[1], on_redis)) {
        platform_stop();
        return 1;
    }
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    stop(&scene.boxes[0]);
    stop(&scene.boxes[1]);
    platform_stop();
    return code;
}

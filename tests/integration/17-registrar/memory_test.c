/* Claims about the registrar as a process: the wallet's key is in its memory and in no other, it
 * has given up what it does not need, and its end ends nothing; and about what a relay may spend.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "box.h"
#include "ct_test.h"
#include "platform.h"
#include "scene.h"

static struct box box;
static const char *turnserver;
static char chunk[(1 << 20) + 64];

/* How often the bytes are in the memory of a process. */
static unsigned find_in(pid_t pid, const void *wanted, size_t len)
{
    char path[64];
    char line[512];
    unsigned found = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/maps", (long)pid);
    FILE *maps = fopen(path, "r");
    (void)snprintf(path, sizeof path, "/proc/%ld/mem", (long)pid);
    int mem = open(path, O_RDONLY | O_CLOEXEC);
    while (maps && mem >= 0 && fgets(line, sizeof line, maps)) {
        uint64_t from = 0;
        uint64_t to = 0;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " r", &from, &to) != 2) {
            continue;
        }
        for (uint64_t at = from; at < to; at += 1 << 20) { /* a hit across an edge counts */
            uint64_t left = to - at;
            size_t want = left < sizeof chunk ? (size_t)left : sizeof chunk;
            ssize_t n = pread(mem, chunk, want, (off_t)at);
            size_t limit = n > 0 ? (size_t)n : 0;
            for (const char *c = chunk; (c = memmem(c, limit - (size_t)(c - chunk), wanted, len));
                 c++) {
                found++;
            }
        }
    }
    (void)(maps && fclose(maps));
    (void)close(mem);
    return found;
}

static const uint8_t *key_bytes(void)
{
    return box.owner.secret.bytes;
}

static void wallet_without_ether_is_told_and_tried_again(void)
{
    REQUIRE(platform_set("allow-private = no", "allow-private = yes"));
    REQUIRE(platform_set("#probe-address = 198.51.100.20", "probe-address = 127.0.0.9"));
    REQUIRE(platform_run());
    REQUIRE(box_prepare(&box, turnserver, 1, true));
    REQUIRE(box_start(&box, "chainturn-max-fee-gwei=20\n"));
    CHECK(box_await(&box, "send it ether"));
    CHECK(box_await(&box, "balance_low wallet=0x"));
    CHECK_EQ(box_sent(&box), 0);
}

static void dear_gas_is_waited_out(void)
{
    REQUIRE(box.pid > 0);
    REQUIRE(platform_call("anvil_setNextBlockBaseFeePerGas", "[\"0xba43b7400\"]")); /* 50 gwei */
    platform_mine();
    REQUIRE(platform_fund(box.owner.addr20));
    CHECK(box_await(&box, "chainturn-max-fee-gwei allows 20"));
    CHECK_EQ(box_sent(&box), 0);
    REQUIRE(platform_call("anvil_setNextBlockBaseFeePerGas", "[\"0x3b9aca00\"]")); /* 1 gwei */
    platform_mine();
    CHECK(box_await(&box, "relay_approved index=1"));
    CHECK_EQ(box_sent(&box), 1);
}

static void wallet_key_is_in_the_registrar_and_not_in_the_server(void)
{
    char digits[65];
    pid_t registrar = box_registrar(&box);
    REQUIRE(box.pid > 0 && registrar > 0);
    ct_hex(digits, key_bytes(), 32);
    CHECK(find_in(registrar, key_bytes(), 32) > 0); /* so the search finds it where it is */
    CHECK_EQ(find_in(registrar, digits, 64), 0);
    CHECK_EQ(find_in(box.pid, key_bytes(), 32), 0);
    CHECK_EQ(find_in(box.pid, digits, 64), 0);
    /* and the search of the server sees its memory: what it does know is there */
    CHECK(find_in(box.pid, box.owner.addr20, 20) > 0);
}

static bool status_has(pid_t pid, const char *line)
{
    char path[64];
    char text[4096];
    (void)snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    return scene_read(text, sizeof text, path) && strstr(text, line) != NULL;
}

static unsigned descriptors(pid_t pid)
{
    char path[64];
    unsigned count = 0;
    const struct dirent *e;
    (void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
    DIR *all = opendir(path);
    while (all && (e = readdir(all)) != NULL) {
        count += e->d_name[0] != '.';
    }
    (void)(all && closedir(all));
    return count;
}

static void registrar_has_a_channel_and_no_way_to_more(void)
{
    pid_t registrar = box_registrar(&box);
    REQUIRE(registrar > 0);
    CHECK(status_has(registrar, "NoNewPrivs:\t1"));
    CHECK(status_has(registrar, "Seccomp:\t2"));
    CHECK(status_has(registrar, "CapEff:\t0000000000000000"));
    CHECK(!status_has(registrar, "Uid:\t0"));
    CHECK_EQ(descriptors(registrar), 4); /* the standard three and the channel */
}

static void killed_registrar_is_started_again_while_the_relay_relays(void)
{
    struct box_pass pass;
    struct probe p;
    pid_t before = box_registrar(&box);
    REQUIRE(before > 0 && box_pass(&box, &pass, "relay.key"));
    REQUIRE(box_allocate(&box, &p, &pass) == 0);
    CHECK(box_relays(&p));
    CHECK_EQ(kill(before, SIGKILL), 0);
    CHECK(box_relays(&p));
    CHECK(box_await(&box, "registrar_ended"));
    CHECK(box_await(&box, "registrar_started pid="));
    pid_t after = box_registrar(&box);
    CHECK(after != before && kill(after, 0) == 0);
    CHECK(box_relays(&p));
    CHECK(find_in(after, key_bytes(), 32) > 0);
    CHECK_EQ(find_in(box.pid, key_bytes(), 32), 0);
    probe_close(&p);
}

static void killed_server_leaves_no_registrar_behind(void)
{
    pid_t registrar = box_registrar(&box);
    REQUIRE(registrar > 0);
    CHECK_EQ(box_end(&box, SIGKILL), 1000 + SIGKILL);
    CHECK(box_is_gone(registrar));
    REQUIRE(box_start(&box, ""));
    CHECK(box_await(&box, "relay_approved index=1"));
    registrar = box_registrar(&box);
    CHECK_EQ(box_end(&box, SIGTERM), 0);
    CHECK(box_is_gone(registrar));
    CHECK_EQ(box_sent(&box), 1);
}

/* Its first process, whose child the registrar is, ends. */
static void server_that_becomes_a_daemon_keeps_its_registrar(void)
{
    char options[400];
    char path[160];
    char text[32] = "";
    (void)snprintf(path, sizeof path, "%s/pid", box.folder);
    (void)snprintf(options, sizeof options, "daemon\nlog-file=%s\n", box.log);
    (void)unlink(path);
    REQUIRE(box_start(&box, options));
    CHECK_EQ(box_end(&box, 0), 0);
    REQUIRE(box_await(&box, "relay_approved index=1") && scene_read(text, sizeof text, path));
    pid_t daemon = (pid_t)strtol(text, NULL, 10);
    pid_t before = box_registrar(&box);
    REQUIRE(daemon > 1 && before > 1 && kill(before, 0) == 0);
    CHECK_EQ(kill(before, SIGKILL), 0);
    CHECK(box_await(&box, "registrar_started pid="));
    pid_t after = box_registrar(&box);
    CHECK(after != before);
    CHECK_EQ(kill(daemon, SIGTERM), 0);
    CHECK(box_is_gone(daemon) && box_is_gone(after));
}

/* What root alone reads the registrar has read, and a server that gave up root cannot have it read
 * again: it says so and goes on. */
static void server_that_gave_up_root_goes_on_without_a_registrar(void)
{
    char path[160];
    const struct passwd *nobody = getpwnam("nobody");
    static const char *const theirs[] = {"", "/state", "/userdb", "/state/memo"};
    REQUIRE(nobody != NULL && chmod(platform.folder, 0755) == 0);
    for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++) {
        (void)snprintf(path, sizeof path, "%s%s", box.folder, theirs[i]);
        CHECK(chown(path, nobody->pw_uid, nobody->pw_gid) == 0);
    }
    REQUIRE(box_start(&box, "proc-user=nobody\nproc-group=nogroup\n"));
    REQUIRE(box_await(&box, "relay_approved index=1"));
    CHECK(status_has(box.pid, "Uid:\t65534"));
    CHECK_EQ(find_in(box.pid, key_bytes(), 32), 0);
    CHECK_EQ(kill(box_registrar(&box), SIGKILL), 0);
    CHECK(box_await(&box, "registrar_not_started"));
    CHECK_EQ(box_end(&box, SIGTERM), 0);
}

static void server_without_its_registrar_does_not_start(void)
{
    REQUIRE(box_start(&box, "chainturn-registrar=/nowhere/chainturn-registrar\n"));
    CHECK(box_await(&box, "the registrar /nowhere/chainturn-registrar cannot be run"));
    CHECK_EQ(box_end(&box, 0), 78);
    REQUIRE(box_start(&box, "chainturn-registrar-user=nobody-of-that-name\n"));
    CHECK(box_await(&box, "there is no such user"));
    CHECK_EQ(box_end(&box, 0), 78);
}

static const struct ct_test tests[] = {
    CT_TEST(wallet_without_ether_is_told_and_tried_again),
    CT_TEST(dear_gas_is_waited_out),
    CT_TEST(wallet_key_is_in_the_registrar_and_not_in_the_server),
    CT_TEST(registrar_has_a_channel_and_no_way_to_more),
    CT_TEST(killed_registrar_is_started_again_while_the_relay_relays),
    CT_TEST(killed_server_leaves_no_registrar_behind),
    CT_TEST(server_that_becomes_a_daemon_keeps_its_registrar),
    CT_TEST(server_that_gave_up_root_goes_on_without_a_registrar),
    CT_TEST(server_without_its_registrar_does_not_start),
};

int main(int argc, char **argv)
{
    if (!box_begin(argc, argv)) {
        return 2;
    }
    turnserver = argv[2];
    return box_finish(&box, ct_test_main(tests, sizeof(tests) / sizeof(tests[0])));
}

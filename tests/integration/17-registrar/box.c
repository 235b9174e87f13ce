/* A relay of these tests: turnserver with its registrar, on loopback, at the tests' own chain. */
#include "box.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "chain/rpc.h"
#include "kex/pass.h"
#include "platform.h"
#include "scene.h"

enum { WAIT_MS = 60000 }; /* for what has to come */

static char text[1 << 18];

bool box_prepare(struct box *b, const char *turnserver, unsigned number, bool is_poor)
{
    char path[160];
    struct ct_why why = {{0}};
    *b = (struct box){.turnserver = turnserver,
                      .host = (uint8_t)(number + 10),
                      .port_min = 51000,
                      .port_max = 51100};
    b->port = 3478; /* nobody else is on this network */
    (void)snprintf(b->folder, sizeof b->folder, "%s/relay-%u", platform.folder, number);
    (void)snprintf(b->conf, sizeof b->conf, "%s/turnserver.conf", b->folder);
    (void)snprintf(b->log, sizeof b->log, "%s/log", b->folder);
    (void)snprintf(path, sizeof path, "%s/state", b->folder);
    if (mkdir(b->folder, 0700) != 0 || mkdir(path, 0700) != 0) {
        return false;
    }
    (void)snprintf(path, sizeof path, "%s/state/wallet.key", b->folder);
    return ct_wallet_load_or_create(&b->owner, NULL, path, &why) == CT_OK &&
           (is_poor || platform_fund(b->owner.addr20));
}

static bool configure(const struct box *b, const char *options)
{
    int n = snprintf(text, sizeof text,
                     "listening-ip=127.0.0.%u\nrelay-ip=127.0.0.%u\nlistening-port=%u\n"
                     "min-port=%u\nmax-port=%u\nrealm=chainturn\nlt-cred-mech\nfingerprint\n"
                     "no-tls\nno-dtls\nno-cli\nlog-file=stdout\nsimple-log\nallow-loopback-peers\n"
                     "pidfile=%s/pid\nuserdb=%s/userdb\nchainturn-mode=relays\n"
                     "chainturn-bundle=%s/wm/bundle.json\nchainturn-state=%s/state\n"
                     "chainturn-poll-ms=200\nchainturn-allow-private\n%s",
                     b->host, b->host, b->port, b->port_min, b->port_max, b->folder, b->folder,
                     platform.folder, b->folder, options);
    return n < (int)sizeof text && scene_write(b->conf, text);
}

bool box_start(struct box *b, const char *options)
{
    const char *const argv[] = {b->turnserver, "-c", b->conf, NULL};
    b->pid = configure(b, options) ? scene_spawn(b->log, argv) : -1;
    return b->pid > 0;
}

int box_end(struct box *b, int sig)
{
    int code = b->pid > 0 ? scene_end(b->pid, sig) : -1;
    b->pid = 0;
    return code;
}

pid_t box_registrar(const struct box *b)
{
    static const char *const marks[] = {" registrar=", "registrar_started pid="};
    long pid = 0;
    const char *last = text;
    if (!scene_read(text, sizeof text, b->log)) {
        return 0;
    }
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        for (const char *at = strstr(text, marks[i]); at; at = strstr(at + 1, marks[i])) {
            if (at >= last) {
                last = at;
                pid = strtol(strrchr(marks[i], '=') - marks[i] + at + 1, NULL, 10);
            }
        }
    }
    return (pid_t)pid;
}

void box_show(const struct box *b)
{
    if (scene_read(text, sizeof text, b->log)) {
        printf("%s:\n%s\n", b->log, text);
    }
    if (scene_read(text, sizeof text, platform.log)) {
        printf("%s:\n%s\n", platform.log, text);
    }
}

bool box_await(const struct box *b, const char *wanted)
{
    return scene_await(b->log, wanted);
}

/* ---- the chain ---- */

struct ct_relay box_record(uint16_t index)
{
    struct ct_view view;
    struct ct_relay relay = {.state = CT_RECORD_NONE};
    struct ct_why why = {{0}};
    ct_err err = ct_chain_view(platform.chain, &view, &why);
    if (err == CT_OK) {
        err = ct_registry_relay(platform.chain, &view, index, &relay, &why);
    }
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        printf("    %s\n", why.text);
    }
    return relay;
}

uint16_t box_records(void)
{
    struct ct_view view;
    uint16_t count = UINT16_MAX;
    struct ct_why why = {{0}};
    if (ct_chain_view(platform.chain, &view, &why) != CT_OK ||
        ct_registry_relay_count(platform.chain, &view, &count, &why) != CT_OK) {
        printf("    %s\n", why.text);
    }
    return count;
}

uint64_t box_sent(const struct box *b)
{
    return platform_sent_by(&b->owner);
}

bool box_await_state(enum ct_record_state state)
{
    uint64_t until = ct_mono_ms() + WAIT_MS;
    while (box_record(1).state != state) {
        if (ct_mono_ms() >= until) {
            return false;
        }
        (void)poll(NULL, 0, 100); /* the chain tells nobody */
    }
    return true;
}

/* ---- clients ---- */

bool box_pass(const struct box *b, struct box_pass *out, const char *key_file)
{
    char path[160];
    struct ct_why why = {{0}};
    struct ct_x25519 relay;
    struct ct_x25519 device;
    struct ct_secret32 secret;
    struct ct_pass pass = {.key_id = platform.keys[0].id,
                           .expiry_s = ct_wall_s() + 900,
                           .scope = CT_PASS_SCOPE_ALLOCATE};
    uint8_t bytes[CT_PASS_LEN];
    (void)snprintf(path, sizeof path, "%s/state/%s", b->folder, key_file);
    memcpy(pass.deployment32, platform.bundle.deployment32, 32);
    if (ct_x25519_load(&relay, path, &why) != CT_OK || ct_random(&secret, sizeof secret) != CT_OK ||
        ct_random(pass.id16, 16) != CT_OK || ct_x25519_from_secret(&device, &secret) != CT_OK) {
        printf("    %s\n", why.text);
        return false;
    }
    memcpy(pass.key32, device.public32, 32);
    if (ct_pass_sign(bytes, &pass, &platform.pass_key, ct_wall_s()) != CT_OK) {
        return false;
    }
    ct_pass_username(out->user, bytes);
    return ct_pass_password_device(out->password, &pass, &secret, relay.public32) == CT_OK;
}

int box_allocate(const struct box *b, struct probe *p, const struct box_pass *pass)
{
    const uint8_t ip4[4] = {127, 0, 0, b->host};
    struct ct_addr server = ct_addr_ip4(ip4, b->port);
    if (!probe_open(p, &server, PROBE_UDP)) {
        return PROBE_NO_ANSWER;
    }
    return probe_allocate(p, pass->user, pass->password, PROBE_UDP, 4);
}

bool box_is_gone(pid_t pid)
{
    char path[64];
    char line[256];
    uint64_t until = ct_mono_ms() + WAIT_MS;
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    while (scene_read(line, sizeof line, path) && strstr(line, ") Z ") == NULL) {
        if (ct_mono_ms() >= until) {
            return false;
        }
        (void)poll(NULL, 0, 20); /* it is no child of ours */
    }
    return true;
}

bool box_relays(struct probe *p)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    const uint8_t ip4[4] = {127, 0, 0, 4};
    char got[16] = "";
    memcpy(&at.sin_addr, ip4, 4);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0 &&
                getsockname(fd, (struct sockaddr *)&at, &len) == 0;
    struct ct_addr peer = ct_addr_ip4(ip4, ntohs(at.sin_port));
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    good = good && probe_permit(p, &peer) == 0;
    probe_send(p, &peer, "word");
    good = good && poll(&ready, 1, WAIT_MS) == 1 && recv(fd, got, sizeof got - 1, 0) == 4 &&
           strcmp(got, "word") == 0;
    (void)close(fd);
    return good;
}

bool box_begin(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: %s WM-SERVER TURNSERVER\n", argv[0]);
        return false;
    }
    (void)alarm(580); /* nothing here may hang */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!platform_start(argv[1], false)) {
        (void)fprintf(stderr, "no platform to test with\n");
        return false;
    }
    return true;
}

int box_finish(struct box *b, int code)
{
    if (code != 0) {
        box_show(b);
    }
    (void)box_end(b, SIGKILL);
    platform_stop();
    return code;
}

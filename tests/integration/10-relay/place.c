/* Where the relay is tested: a folder, a server of its own, peers on loopback, a TURN client. */
#include "place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "chain/bundle.h"
#include "peers/devbook.h"
#include "passes/passes.h"
#include "peers/peerset.h"
#include "ports/portfile.h"
#include "sockets.h"

enum { EVENT_MS = 60000 }; /* for what has to come */

static const uint8_t contract[20] = {0xc0, 0xff, 0xee};

const char *const place_module_on = "chainturn-bundle=@/bundle.json\n"
                                    "chainturn-state=@/state\n"
                                    "chainturn-poll-ms=600000\n"
                                    "chainturn-allow-private\n"
                                    "chainturn-insecure-single-rpc\n";

static void path_of(char out[128], const struct place *p, const char *name)
{
    (void)snprintf(out, 128, "%s/%s", p->folder, name);
}

static bool any_port(uint16_t *port)
{
    struct ct_addr any = loopback(1, 0);
    int fd = peer_open(&any);
    struct sockaddr_in in;
    socklen_t len = sizeof(in);
    bool ok = fd >= 0 && getsockname(fd, (struct sockaddr *)&in, &len) == 0;
    *port = ok ? ntohs(in.sin_port) : 0;
    (void)close(fd);
    return ok;
}

/* Not among those that peers may send to: the relay would refuse to listen there. */
static bool free_port(uint16_t *port)
{
    bool ok = false;
    for (unsigned i = 0; i < 100 && !ok; i++) {
        ok = any_port(port) && (*port < APPROVED_MIN || *port > RELAYED_MAX);
    }
    return ok;
}

static bool write_bundle(struct place *p)
{
    struct ct_bundle bundle;
    memset(&bundle, 0, sizeof(bundle));
    bundle.chain_id = 31337;
    memcpy(bundle.contract20, contract, 20);
    bundle.code_hash32[0] = 1;
    (void)snprintf(bundle.rpc[0], sizeof(bundle.rpc[0]), "http://127.0.0.1:1");
    bundle.rpc_count = 1;
    bundle.quorum = 1;
    bundle.insecure_single_rpc = true;
    bundle.max_head_age_s = 120;
    (void)snprintf(bundle.wm_handshake_url, CT_BUNDLE_URL_MAX, "http://127.0.0.1:2");
    (void)snprintf(bundle.wm_tls_url, CT_BUNDLE_URL_MAX, "https://127.0.0.1:3");
    return place_bundle(p, &bundle);
}

bool place_bundle(struct place *p, const struct ct_bundle *bundle)
{
    char text[CT_BUNDLE_TEXT_MAX];
    char path[128];
    struct ct_why why;
    ct_deployment(p->deployment32, bundle->chain_id, bundle->contract20);
    path_of(path, p, "bundle.json");
    return ct_bundle_format(text, sizeof(text), bundle) == CT_OK &&
           ct_file_write(path, text, strlen(text), 0644, &why) == CT_OK;
}

bool place_forget(struct place *p)
{
    static const char *const names[] = {"state/relays", "state/wm-keys", "state/devices"};
    bool ok = true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];
        path_of(path, p, names[i]);
        ok = unlink(path) == 0 && ok;
    }
    return ok;
}

static bool make_keys(struct place *p)
{
    struct ct_secret32 seed = {{0x51}};
    char path[128];
    struct ct_why why;
    path_of(path, p, "state");
    if (ct_ed25519_from_seed(&p->signer, &seed) != CT_OK || mkdir(path, 0700) != 0) {
        return false;
    }
    p->keys[0].id = 1;
    p->keys[0].not_after_s = ct_wall_s() + 86400;
    memcpy(p->keys[0].ed25519, p->signer.public32, 32);
    memset(p->keys[0].x25519, 9, 32); /* nobody enrols here */
    path_of(path, p, "state/relay.key");
    return ct_x25519_load_or_create(&p->relay, path, &why) == CT_OK;
}

static bool save_relays(const struct place *p, const struct ct_peer_range *ranges, size_t count,
                        uint64_t confirmed_s)
{
    struct ct_peerset_origin origin = {.block = 1};
    memcpy(origin.deployment32, p->deployment32, 32);
    char path[128];
    struct ct_why why;
    struct ct_peerset *set = NULL;
    path_of(path, p, "state/relays");
    bool ok = ct_peerset_new(&set, ranges, count, &origin) == CT_OK &&
              ct_peerset_save(set, confirmed_s, path, &why) == CT_OK;
    ct_peerset_free(set);
    return ok;
}

bool place_remember_sets(struct place *p, const struct ct_peer_range *ranges, size_t count,
                         struct ct_devbook_change *devices, size_t device_count, uint64_t age_s)
{
    char path[128];
    struct ct_why why;
    struct ct_devbook *book = NULL;
    path_of(path, p, "state/devices");
    bool ok = save_relays(p, ranges, count, ct_wall_s() - age_s) &&
              ct_devbook_new(&book, p->deployment32) == CT_OK &&
              ct_devbook_write(book, devices, device_count) == CT_OK;
    if (ok) {
        ct_devbook_mark(book)->block = 1;
        ct_devbook_mark(book)->confirmed_s = ct_wall_s() - age_s;
        ok = ct_devbook_save(book, path, &why) == CT_OK;
    }
    ct_devbook_free(book);
    return ok;
}

/* The relays of place.h, one device at the first port of each but this one. */
static bool remember_all(struct place *p, uint64_t age_s)
{
    static const uint8_t hosts[3] = {1, 2, 4};
    struct ct_peer_range ranges[3];
    struct ct_devbook_change devices[2];
    memset(ranges, 0, sizeof(ranges));
    memset(devices, 0, sizeof(devices));
    for (size_t i = 0; i < 3; i++) {
        const uint8_t addr16[16] = {[10] = 0xff, 0xff, 127, 0, 0, hosts[i]};
        memcpy(ranges[i].addr16, addr16, 16);
        ranges[i].port_min = hosts[i] == 1 ? RELAYED_MIN : APPROVED_MIN;
        ranges[i].port_max = hosts[i] == 1 ? RELAYED_MAX : APPROVED_MAX;
        ranges[i].index = hosts[i];
    }
    for (size_t i = 0; i < 2; i++) {
        devices[i].id[0] = (uint8_t)(i + 1);
        devices[i].places = (struct ct_device_places){
            .relay = hosts[i + 1], .port = APPROVED_MIN, .expiry_day = UINT16_MAX};
    }
    return place_remember_sets(p, ranges, 3, devices, 2, age_s);
}

bool place_remember(struct place *p, uint64_t age_s)
{
    char path[128];
    struct ct_why why;
    struct ct_passes *passes = NULL;
    bool ok = remember_all(p, age_s);
    path_of(path, p, "state/wm-keys");
    if (ok && ct_passes_new(&passes, p->deployment32, &p->relay) == CT_OK) {
        (void)ct_passes_set_keys(passes, p->keys);
        ok = ct_passes_save_keys(passes, path, &why) == CT_OK;
    }
    ct_passes_free(passes);
    return ok;
}

bool place_make(struct place *p, char **argv)
{
    memset(p, 0, sizeof(*p));
    p->turnserver = argv[1];
    p->uclient = argv[2];
    p->peer = argv[3];
    (void)snprintf(p->folder, sizeof(p->folder), "/tmp/ct-relay-XXXXXX");
    return mkdtemp(p->folder) && free_port(&p->port) && write_bundle(p) && make_keys(p) &&
           place_remember(p, 0);
}

void place_remove(struct place *p)
{
    static const char *const names[] = {"state/relay.key",
                                        "state/wallet.key",
                                        "state/relays",
                                        "state/devices",
                                        "state/log",
                                        "state/ports",
                                        "state/wm-keys",
                                        "state/memo",
                                        "state/relay.key.old",
                                        "state/relay.key.next",
                                        "state",
                                        "bundle.json",
                                        "turnserver.conf",
                                        "turndb",
                                        "pid",
                                        "log",
                                        "said",
                                        "peer",
                                        ""};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];
        path_of(path, p, names[i]);
        (void)remove(path);
    }
}

bool place_begin(struct place *p, int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: %s TURNSERVER TURNUTILS_UCLIENT TURNUTILS_PEER\n", argv[0]);
        return false;
    }
    (void)alarm(580); /* nothing here may hang */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!place_make(p, argv)) {
        (void)fprintf(stderr, "no place to test in\n");
        return false;
    }
    return true;
}

int place_end(struct place *p, int code)
{
    if (code == 0) {
        place_remove(p);
    } else {
        printf("left for inspection: %s\n", p->folder);
    }
    return code;
}

bool place_configure_all(struct place *p, const char *text)
{
    char path[128];
    path_of(path, p, "turnserver.conf");
    FILE *f = fopen(path, "w");
    if (!f) {
        return false;
    }
    for (const char *c = text; *c; c++) {
        if (*c == '@') {
            (void)fputs(p->folder, f);
        } else {
            (void)fputc(*c, f);
        }
    }
    return fclose(f) == 0;
}

bool place_configure(struct place *p, const char *extra)
{
    char text[2048];
    int n = snprintf(text, sizeof(text),
                     "listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nlistening-port=%u\n"
                     "min-port=%d\nmax-port=%d\nrelay-threads=2\nallow-loopback-peers\n"
                     "denied-peer-ip=127.0.0.4\nno-cli\nno-tls\nno-dtls\nno-tcp-relay\n"
                     "lt-cred-mech\nrealm=test.example\nuser=alice:wonderland\n"
                     "userdb=@/turndb\npidfile=@/pid\nlog-file=@/log\nsimple-log\n%s",
                     p->port, RELAYED_MIN, RELAYED_MAX, extra);
    return n < (int)sizeof(text) && place_configure_all(p, text);
}

pid_t place_spawn(const char *const argv[], const char *output)
{
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever ends the test ends the server */
    char words[24][512];                    /* execv wants them writable */
    char *copy[25] = {NULL};
    for (size_t i = 0; i < 24 && argv[i]; i++) {
        (void)snprintf(words[i], sizeof(words[i]), "%s", argv[i]);
        copy[i] = words[i];
    }
    int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (copy[0] && fd >= 0 && dup2(fd, 1) == 1 && dup2(fd, 2) == 2) {
        (void)execv(copy[0], copy);
    }
    _exit(127);
}

int place_wait(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int place_run(char *said, size_t cap, const char *const argv[])
{
    char output[] = "/tmp/ct-said-XXXXXX";
    int fd = mkstemp(output);
    if (fd < 0) {
        return -1;
    }
    int code = place_wait(place_spawn(argv, output));
    ssize_t n = read(fd, said, cap - 1);
    said[n > 0 ? n : 0] = '\0';
    (void)close(fd);
    (void)unlink(output);
    return code;
}

pid_t place_start(struct place *p)
{
    char conf[128];
    char said[128];
    path_of(conf, p, "turnserver.conf");
    path_of(said, p, "said");
    const char *argv[] = {p->turnserver, "-c", conf, NULL};
    return place_spawn(argv, said);
}

void place_mark(struct place *p)
{
    char path[128];
    struct stat there;
    path_of(path, p, "log");
    p->log_from = stat(path, &there) == 0 ? (long)there.st_size : 0;
}

const char *place_said(const struct place *p, const char *text)
{
    static char log[256 * 1024];
    char path[128];
    path_of(path, p, "log");
    FILE *f = fopen(path, "r");
    if (!f) {
        return NULL;
    }
    size_t len = fseek(f, p->log_from, SEEK_SET) == 0 ? fread(log, 1, sizeof(log) - 1, f) : 0;
    log[len] = '\0';
    (void)fclose(f);
    return strstr(log, text);
}

bool place_await(const struct place *p, const char *text)
{
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    (void)inotify_add_watch(watch, p->folder, IN_CREATE | IN_MODIFY);
    uint64_t until = ct_mono_ms() + EVENT_MS;
    bool found = place_said(p, text) != NULL;
    for (uint64_t now = ct_mono_ms(); !found && now < until; now = ct_mono_ms()) {
        char events[4096];
        struct pollfd fd = {.fd = watch, .events = POLLIN};
        (void)poll(&fd, 1, (int)(until - now));
        (void)!read(watch, events, sizeof(events));
        found = place_said(p, text) != NULL;
    }
    (void)close(watch);
    return found;
}

/* The relay writes each tenth of a second at most; looked at each hundredth. */
bool place_await_ports(const struct place *p, size_t standing)
{
    char path[128];
    size_t found = standing + 1;
    uint64_t until = ct_mono_ms() + EVENT_MS;
    path_of(path, p, "state/ports");
    while (found != standing && ct_mono_ms() < until) {
        struct ct_port *list = NULL;
        size_t count = 0;
        struct ct_why why;
        (void)usleep(10000);
        if (ct_portfile_load(&list, &count, p->deployment32, path, &why) != CT_OK) {
            continue;
        }
        found = 0;
        for (size_t i = 0; i < count; i++) {
            found += list[i].ended_s == 0;
        }
        free(list);
    }
    return found == standing;
}

int place_stop(pid_t pid)
{
    return kill(pid, SIGTERM) == 0 ? place_wait(pid) : -1;
}

static bool make_pass(struct place *p, struct credential *out, struct ct_pass *pass,
                      uint64_t signed_at_s, uint32_t life_s)
{
    struct ct_secret32 secret;
    struct ct_x25519 device;
    uint8_t bytes[CT_PASS_LEN];
    if (ct_random(&secret, sizeof(secret)) != CT_OK || ct_random(pass->id16, 16) != CT_OK ||
        ct_x25519_from_secret(&device, &secret) != CT_OK) {
        return false;
    }
    memcpy(pass->deployment32, p->deployment32, 32);
    memcpy(pass->key32, device.public32, 32);
    pass->key_id = p->keys[0].id;
    pass->expiry_s = signed_at_s + life_s;
    pass->scope = CT_PASS_SCOPE_ALLOCATE;
    if (ct_pass_sign(bytes, pass, &p->signer, signed_at_s) != CT_OK) {
        return false;
    }
    ct_pass_username(out->user, bytes);
    return ct_pass_password_device(out->password, pass, &secret, p->relay.public32) == CT_OK;
}

bool place_pass(struct place *p, struct credential *out, uint64_t signed_at_s, uint32_t life_s)
{
    struct ct_pass pass;
    memset(&pass, 0, sizeof(pass));
    return make_pass(p, out, &pass, signed_at_s, life_s);
}

bool place_pass_renewing(struct place *p, struct credential *out, const uint8_t *renews16,
                         uint8_t id16[16])
{
    struct ct_pass pass;
    memset(&pass, 0, sizeof(pass));
    if (renews16) {
        memcpy(pass.renews16, renews16, 16);
    }
    bool made = make_pass(p, out, &pass, ct_wall_s(), 900);
    memcpy(id16, pass.id16, 16);
    return made;
}

bool place_pass_short(struct place *p, struct credential *out, uint32_t life_s, uint8_t id16[16])
{
    struct ct_pass pass;
    memset(&pass, 0, sizeof(pass));
    bool made = make_pass(p, out, &pass, ct_wall_s(), life_s);
    memcpy(id16, pass.id16, 16);
    return made;
}

struct ct_addr loopback(uint8_t last, uint16_t port)
{
    const uint8_t ip4[4] = {127, 0, 0, last};
    return ct_addr_ip4(ip4, port);
}

static struct sockaddr_in to_sockaddr(const struct ct_addr *addr)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
    memcpy(&in.sin_addr, addr->ip, 4);
    return in;
}

int peer_open(const struct ct_addr *at)
{
    struct sockaddr_in in = to_sockaddr(at);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&in, sizeof(in)) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

void peer_send(int fd, const struct ct_addr *to, const char *text)
{
    struct sockaddr_in in = to_sockaddr(to);
    (void)sendto(fd, text, strlen(text), 0, (const struct sockaddr *)&in, sizeof(in));
}

static const char *receive(int fd, int wait_ms)
{
    static char text[64];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t n = poll(&p, 1, wait_ms) == 1 ? recv(fd, text, sizeof(text) - 1, 0) : 0;
    text[n > 0 ? n : 0] = '\0';
    return text;
}

const char *peer_receive(int fd)
{
    return receive(fd, EVENT_MS);
}

bool peer_has_nothing(int fd)
{
    return receive(fd, 0)[0] == '\0';
}

/* Moves the machine along until something of a peer came, until done(), or until wait_ms is over.
 */
static const char *pump(struct client *c, bool (*done)(const struct client *, const void *),
                        const void *arg, uint64_t wait_ms)
{
    static char text[64];
    uint64_t until = ct_mono_ms() + wait_ms;
    for (;;) {
        uint8_t buf[CT_ALLOC_DATAGRAM];
        size_t len = 0;
        while (ct_alloc_poll(&c->alloc, ct_mono_ms(), buf, sizeof(buf), &len) == CT_OK) {
            (void)send(c->fd, buf, len, 0);
        }
        uint64_t now = ct_mono_ms();
        if ((done && done(c, arg)) || now >= until) {
            return "";
        }
        uint64_t deadline = ct_alloc_deadline(&c->alloc);
        uint64_t next = deadline < until ? deadline : until;
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        if (poll(&p, 1, next > now ? (int)(next - now) : 0) != 1) {
            continue;
        }
        ssize_t n = recv(c->fd, buf, sizeof(buf), 0);
        struct ct_alloc_got got;
        if (n > 0 && ct_alloc_input(&c->alloc, ct_mono_ms(), buf, (size_t)n, &got) == CT_OK &&
            got.kind == CT_ALLOC_DATA && !done) {
            (void)snprintf(text, sizeof(text), "%.*s", (int)got.len, (const char *)got.data);
            return text;
        }
    }
}

static bool is_settled(const struct client *c, const void *arg)
{
    (void)arg;
    return ct_alloc_state(&c->alloc) != CT_ALLOC_ASKING;
}

bool client_open(struct client *c, const struct place *p, const char *user, const char *password)
{
    struct ct_addr server = loopback(1, p->port);
    struct sockaddr_in in = to_sockaddr(&server);
    struct ct_addr any = loopback(1, 0);
    uint8_t seed[32];
    /* patient: nothing gets lost here, and a server may be slow */
    struct ct_alloc_config config = {
        .username = user, .password = password, .seed32 = seed, .lifetime_s = 3000, .rtt_ms = 500};
    struct ct_why why;
    c->fd = socket_fresh(&any);
    if (c->fd < 0 || ct_random(seed, sizeof(seed)) != CT_OK ||
        connect(c->fd, (const struct sockaddr *)&in, sizeof(in)) != 0 ||
        ct_alloc_init(&c->alloc, &config, ct_mono_ms(), &why) != CT_OK) {
        return false;
    }
    (void)pump(c, is_settled, NULL, EVENT_MS);
    return ct_alloc_state(&c->alloc) == CT_ALLOC_READY ||
           ct_alloc_state(&c->alloc) == CT_ALLOC_FAILED;
}

void client_close(struct client *c)
{
    ct_alloc_wipe(&c->alloc);
    (void)close(c->fd);
}

static bool is_answered(const struct client *c, const void *arg)
{
    enum ct_alloc_peer_state state = ct_alloc_peer_state(&c->alloc, arg);
    return state == CT_ALLOC_PEER_READY || state == CT_ALLOC_PEER_REFUSED;
}

bool client_permit(struct client *c, const struct ct_addr *peer)
{
    if (ct_alloc_permit(&c->alloc, ct_mono_ms(), peer) != CT_OK) {
        return false;
    }
    (void)pump(c, is_answered, peer, EVENT_MS);
    return ct_alloc_peer_state(&c->alloc, peer) == CT_ALLOC_PEER_READY;
}

bool client_bind(struct client *c, const struct ct_addr *peer)
{
    if (ct_alloc_bind(&c->alloc, ct_mono_ms(), peer) != CT_OK) {
        return false;
    }
    (void)pump(c, is_answered, peer, EVENT_MS);
    return ct_alloc_is_bound(&c->alloc, peer);
}

static bool is_released(const struct client *c, const void *arg)
{
    (void)arg;
    return ct_alloc_state(&c->alloc) != CT_ALLOC_RELEASING;
}

bool client_release(struct client *c)
{
    ct_alloc_release(&c->alloc, ct_mono_ms());
    (void)pump(c, is_released, NULL, EVENT_MS);
    return ct_alloc_state(&c->alloc) == CT_ALLOC_RELEASED;
}

void client_send(struct client *c, const struct ct_addr *peer, const char *text)
{
    uint8_t out[256];
    size_t len = 0;
    if (ct_alloc_wrap(&c->alloc, out, sizeof(out), &len, peer, text, strlen(text)) == CT_OK) {
        (void)send(c->fd, out, len, 0);
    }
}

const char *client_receive(struct client *c)
{
    return pump(c, NULL, NULL, EVENT_MS);
}

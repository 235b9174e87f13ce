/* What a packet costs the relay's processor, with the module and without, in turn. For
 * relay_policy.mjs: one line of figures a way. */
#include <dirent.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "place.h"
#include "probe.h"
#include "sockets.h"
#include "turn/stun.h"

enum {
    RELAYS = 10000,
    DEVICES_EACH = 100, /* a million in all */
    CLIENTS = 16,       /* allocations of a kind */
    PEERS_EACH = 4,
    PEERS = CLIENTS * PEERS_EACH, /* drawn: not always the same corner of memory */
    CHANNEL = 0x4000,
    BURST = 32, /* on their way at a time: no socket is to run over */
    ROUNDS_MAX = 1000,
    PAYLOAD = 172, /* 20 ms of speech */
};

/* ---- servers ---- */

enum { STOCK, STOCK_OPEN, MODULE, MODULE_CAPS, SERVERS };
static const char *const server_options[SERVERS] = {
    "",
    "server-relay\n",
    "chainturn-mode=devices\nchainturn-uninvited-pps=1000000\nchainturn-source-pps=1000000\n",
    "chainturn-mode=devices\nchainturn-uninvited-pps=1000000\nchainturn-source-pps=1000000\n"
    "chainturn-allocation-pps=1000000\nchainturn-allocation-kbps=10000000\n"
    "chainturn-pass-pps=1000000\nchainturn-pass-kbps=10000000\n",
};

/* A client's allocations: with permissions, with channels, with neither. */
enum { PERMITTED, CHANNELS, BARE, KINDS };

struct server {
    struct place place;
    pid_t pid;
    struct credential pass;
    struct probe clients[KINDS][CLIENTS];
};

static struct server servers[SERVERS];
static struct ct_addr peer_at[PEERS];
static int peers[PEERS];

static uint16_t channel_of(unsigned peer)
{
    return (uint16_t)(CHANNEL + peer % PEERS_EACH);
}

static uint32_t dice = 20260101;

static unsigned roll(unsigned sides)
{
    dice = dice * 1664525u + 1013904223u;
    return (dice >> 8) % sides;
}

static struct ct_addr relay_at(unsigned relay, unsigned device)
{
    unsigned host = relay + 10;
    struct ct_addr a = {.family = 4, .port = (uint16_t)(APPROVED_MIN + device)};
    a.ip[0] = 127;
    a.ip[1] = (uint8_t)(1 + (host >> 16));
    a.ip[2] = (uint8_t)(host >> 8);
    a.ip[3] = (uint8_t)host;
    return a;
}

static void list_everyone(struct ct_peer_range *ranges, struct ct_devbook_change *devices)
{
    for (unsigned r = 0; r < RELAYS; r++) {
        struct ct_addr at = relay_at(r, 0);
        ranges[r] = (struct ct_peer_range){.addr16 = {[10] = 0xff, [11] = 0xff},
                                           .port_min = APPROVED_MIN,
                                           .port_max = APPROVED_MAX,
                                           .index = (uint16_t)(r + 2)};
        memcpy(&ranges[r].addr16[12], at.ip, 4);
        for (unsigned d = 0; d < DEVICES_EACH; d++) {
            struct ct_devbook_change *c = &devices[r * DEVICES_EACH + d];
            uint32_t name[3] = {r, d, roll(1u << 24)};
            memcpy(c->id, name, sizeof(name));
            c->places = (struct ct_device_places){.relay = (uint16_t)(r + 2),
                                                  .port = (uint16_t)(APPROVED_MIN + d),
                                                  .expiry_day = UINT16_MAX};
        }
    }
    ranges[RELAYS] = (struct ct_peer_range){.addr16 = {[10] = 0xff, [11] = 0xff, 127, 0, 0, 1},
                                            .port_min = RELAYED_MIN,
                                            .port_max = RELAYED_MAX,
                                            .index = 1};
}

static bool remember_everyone(struct place *p)
{
    struct ct_peer_range *ranges = calloc(RELAYS + 1, sizeof(*ranges));
    struct ct_devbook_change *devices = calloc((size_t)RELAYS * DEVICES_EACH, sizeof(*devices));
    bool ok = ranges != NULL && devices != NULL;
    if (ok) {
        list_everyone(ranges, devices);
        ok = place_remember_sets(p, ranges, RELAYS + 1, devices, (size_t)RELAYS * DEVICES_EACH, 0);
    }
    free(ranges);
    free(devices);
    return ok;
}

static bool open_clients(struct server *s, bool with_pass)
{
    const char *user = with_pass ? s->pass.user : "alice";
    const char *password = with_pass ? s->pass.password : "wonderland";
    struct ct_addr at = loopback(1, s->place.port);
    for (unsigned i = 0; i < KINDS * CLIENTS; i++) {
        struct probe *client = &s->clients[i / CLIENTS][i % CLIENTS];
        if (!probe_open(client, &at, PROBE_UDP) ||
            probe_allocate(client, user, password, PROBE_UDP, 4) != 0) {
            return false;
        }
    }
    for (unsigned i = 0; i < PEERS; i++) {
        unsigned client = i / PEERS_EACH;
        if (probe_permit(&s->clients[PERMITTED][client], &peer_at[i]) != 0 ||
            probe_bind(&s->clients[CHANNELS][client], &peer_at[i], channel_of(i)) != 0) {
            return false;
        }
    }
    return true;
}

static bool open_server(unsigned which, char **argv)
{
    struct server *s = &servers[which];
    bool with_module = which >= MODULE;
    char extra[1024];
    (void)snprintf(extra, sizeof(extra), "relay-threads=1\n%s%s",
                   with_module ? place_module_on : "", server_options[which]);
    if (!place_make(&s->place, argv) || (with_module && !remember_everyone(&s->place)) ||
        !place_pass(&s->place, &s->pass, ct_wall_s(), 3600) || !place_configure(&s->place, extra)) {
        return false;
    }
    s->pid = place_start(&s->place);
    return s->pid > 0 && (!with_module || place_await(&s->place, "chainturn: started")) &&
           open_clients(s, with_module);
}

/* Processor time of all its threads, ns. */
static uint64_t processor_ns(pid_t pid)
{
    char path[320];
    uint64_t sum = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    for (struct dirent *d = tasks ? readdir(tasks) : NULL; d; d = readdir(tasks)) {
        uint64_t ns = 0;
        (void)snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid, d->d_name);
        FILE *f = d->d_name[0] != '.' ? fopen(path, "r") : NULL;
        if (f) {
            sum += fscanf(f, "%" SCNu64, &ns) == 1 ? ns : 0;
            (void)fclose(f);
        }
    }
    if (tasks) {
        (void)closedir(tasks);
    }
    return sum;
}

/* ---- packets ---- */

struct way {
    const char *name;
    unsigned kind; /* which allocation */
    bool is_inbound;
    unsigned baseline; /* the server without the module that lets it through */
};

static const struct way ways[] = {
    {"send_permission", PERMITTED, false, STOCK}, {"send_none", BARE, false, STOCK_OPEN},
    {"channel_out", CHANNELS, false, STOCK},      {"data_permission", PERMITTED, true, STOCK},
    {"data_none", BARE, true, STOCK_OPEN},        {"channel_in", CHANNELS, true, STOCK},
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static char payload[PAYLOAD + 1];

static bool take_one(int fd)
{
    char in[512];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 1000) == 1 && recv(fd, in, sizeof(in), 0) >= PAYLOAD;
}

static bool burst(struct server *s, const struct way *w)
{
    unsigned drawn[BURST];
    for (unsigned i = 0; i < BURST; i++) {
        drawn[i] = roll(PEERS);
        struct probe *client = &s->clients[w->kind][drawn[i] / PEERS_EACH];
        if (w->is_inbound) {
            socket_send(peers[drawn[i]], &client->relayed, payload);
        } else if (w->kind == CHANNELS) {
            probe_send_in_channel(client, channel_of(drawn[i]), payload);
        } else {
            probe_send(client, &peer_at[drawn[i]], payload);
        }
    }
    for (unsigned i = 0; i < BURST; i++) {
        const struct probe *client = &s->clients[w->kind][drawn[i] / PEERS_EACH];
        if (!take_one(w->is_inbound ? client->fd : peers[drawn[i]])) {
            return false;
        }
    }
    return true;
}

/* ns a packet; 0 when a packet got lost. */
static double cost(struct server *s, const struct way *w, unsigned packets)
{
    uint64_t before = processor_ns(s->pid);
    for (unsigned i = 0; i < packets; i += BURST) {
        if (!burst(s, w)) {
            return 0;
        }
    }
    return (double)(processor_ns(s->pid) - before) / packets;
}

/* ---- figures ---- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *list, unsigned count)
{
    qsort(list, count, sizeof(*list), by_size);
    return count % 2 ? list[count / 2] : (list[count / 2 - 1] + list[count / 2]) / 2;
}

/* One line: the way, ns without the module, with it, with every cap; and what the module adds in
 * the middle one of the rounds, each held against the round's own baseline, in percent. */
static bool measure(const struct way *w, unsigned rounds, unsigned packets)
{
    static double ns[3][ROUNDS_MAX];
    static double added[2][ROUNDS_MAX];
    struct server *const order[3] = {&servers[w->baseline], &servers[MODULE],
                                     &servers[MODULE_CAPS]};
    for (unsigned r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < 3; i++) { /* each is first, second and last as often */
            unsigned which = (r + i) % 3;
            ns[which][r] = cost(order[which], w, packets);
            if (ns[which][r] <= 0) {
                (void)fprintf(stderr, "%s: a packet got lost\n", w->name);
                return false;
            }
        }
        added[0][r] = (ns[1][r] / ns[0][r] - 1) * 100;
        added[1][r] = (ns[2][r] / ns[0][r] - 1) * 100;
    }
    printf("%s %.0f %.0f %.0f %.2f %.2f\n", w->name, median(ns[0], rounds), median(ns[1], rounds),
           median(ns[2], rounds), median(added[0], rounds), median(added[1], rounds));
    return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    unsigned rounds = argc == 6 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;
    unsigned packets = argc == 6 ? (unsigned)strtoul(argv[5], NULL, 10) : 0;
    if (rounds == 0 || rounds > ROUNDS_MAX || packets < BURST || packets % BURST != 0) {
        (void)fprintf(stderr,
                      "usage: relay_policy TURNSERVER UCLIENT PEER ROUNDS PACKETS\n"
                      "  up to %d rounds; packets: a multiple of %d, in each round and way\n",
                      ROUNDS_MAX, BURST);
        return 2;
    }
    memset(payload, 'x', PAYLOAD);
    bool ok = true;
    for (unsigned i = 0; ok && i < PEERS; i++) {
        peer_at[i] = relay_at(roll(RELAYS), roll(DEVICES_EACH));
        peers[i] = socket_at(&peer_at[i], SOCK_DGRAM);
        ok = peers[i] >= 0;
    }
    for (unsigned i = 0; ok && i < SERVERS; i++) {
        ok = open_server(i, argv);
    }
    if (!ok) {
        (void)fprintf(stderr, "no servers to measure\n");
    }
    for (unsigned i = 0; ok && i < WAYS; i++) {
        ok = measure(&ways[i], rounds, packets);
    }
    for (unsigned i = 0; i < SERVERS; i++) {
        if (servers[i].pid > 0) {
            (void)place_stop(servers[i].pid); /* stock: by the signal itself */
        }
        place_remove(&servers[i].place);
    }
    return ok ? 0 : 1;
}

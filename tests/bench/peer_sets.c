/* What the sets of a large platform take of a relay's memory, and a look-up in them of its time.
 * For relay_policy.mjs: "memory NAME BYTES" and "lookup NAME NANOSECONDS". */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "peers/devbook.h"
#include "peers/sets.h"

enum {
    RELAYS = 10000,
    DEVICES_EACH = 100, /* a million in all */
    CHUNK = 50,         /* relays whose devices come at a time, as events do */
    PEERS = 8192,       /* few enough to leave the cache to what is measured, */
    DRAWS = 8,          /* and others each time */
    ROUNDS = 41,
};

/* How relays give ports: the firewall of some has a hole for few, others use all that there are. */
static const struct layout {
    uint16_t port_min;
    uint16_t port_max;
    uint16_t each; /* a device has one of so many */
} layouts[] = {{50000, 50199, 2}, {49152, 65535, 163}};
enum { CLOSE, SPREAD, LAYOUTS };

static uint32_t dice = 20260101;

static uint32_t roll(uint32_t sides)
{
    dice = dice * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)dice * sides >> 32);
}

/* Relays stand all over the world, the same ones in each run. */
static void relay_at(uint8_t addr16[16], uint32_t relay)
{
    uint32_t ip = 0x08000000u + relay * 20011u; /* 8.0.0.0 on: nothing that the filter refuses */
    memset(addr16, 0, 10);
    memset(addr16 + 10, 0xff, 2);
    addr16[12] = (uint8_t)(ip >> 24);
    addr16[13] = (uint8_t)(ip >> 16);
    addr16[14] = (uint8_t)(ip >> 8);
    addr16[15] = (uint8_t)ip;
    if (addr16[12] == 10) {
        addr16[12] = 11;
    }
}

/* The port of a relay's device, or one beside it that nobody has. */
static uint16_t port_of(const struct layout *l, uint32_t relay, uint32_t device, bool is_there)
{
    uint32_t offset = (relay * 31 + device * 7 + (is_there ? 0 : 1)) % l->each;
    return (uint16_t)(l->port_min + device * l->each + offset);
}

static size_t resident(void)
{
    unsigned long pages = 0;
    unsigned long in_memory = 0;
    (void)malloc_trim(0);
    FILE *f = fopen("/proc/self/statm", "r");
    bool ok = f && fscanf(f, "%lu %lu", &pages, &in_memory) == 2;
    if (f) {
        (void)fclose(f);
    }
    return ok ? in_memory * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

static struct ct_peerset *make_relays(const struct layout *l)
{
    struct ct_peerset_origin origin = {.block = 1};
    struct ct_peerset *set = NULL;
    struct ct_peer_range *ranges = calloc(RELAYS, sizeof(*ranges));
    for (uint32_t i = 0; ranges && i < RELAYS; i++) {
        relay_at(ranges[i].addr16, i);
        ranges[i].port_min = l->port_min;
        ranges[i].port_max = l->port_max;
        ranges[i].index = (uint16_t)(i + 1);
    }
    bool ok = ranges && ct_peerset_new(&set, ranges, RELAYS, &origin) == CT_OK;
    free(ranges);
    return ok ? set : NULL;
}

static bool write_devices(const struct layout *l, struct ct_devbook *book, uint32_t first_relay)
{
    static struct ct_devbook_change changes[CHUNK * DEVICES_EACH];
    for (uint32_t i = 0; i < CHUNK * DEVICES_EACH; i++) {
        uint32_t relay = first_relay + i / DEVICES_EACH;
        uint32_t name[3] = {roll(UINT32_MAX), relay, i};
        memset(&changes[i], 0, sizeof(changes[i]));
        memcpy(changes[i].id, name, sizeof(name));
        changes[i].places =
            (struct ct_device_places){.relay = (uint16_t)(relay + 1),
                                      .port = port_of(l, relay, i % DEVICES_EACH, true),
                                      .expiry_day = UINT16_MAX};
    }
    return ct_devbook_write(book, changes, sizeof(changes) / sizeof(changes[0])) == CT_OK;
}

/* Book and sets as a relay has them; again: what replaces them while readers are in the old ones.
 */
static bool publish(const struct layout *l, struct ct_sets *sets, const struct ct_devbook *book)
{
    struct ct_peerset *relays = make_relays(l);
    struct ct_devset *devices = NULL;
    return relays && ct_devbook_places(&devices, book, 1) == CT_OK &&
           ct_snapshot_publish(&sets->relays, &sets->readers, relays) &&
           ct_snapshot_publish(&sets->devices, &sets->readers, devices);
}

static bool weigh(const struct layout *l, struct ct_sets *sets, const char *name)
{
    uint8_t deployment32[32] = {1};
    struct ct_devbook *book = NULL;
    size_t before = resident();
    if (ct_devbook_new(&book, deployment32) != CT_OK) {
        return false;
    }
    bool ok = true;
    for (uint32_t relay = 0; ok && relay < RELAYS; relay += CHUNK) {
        ok = write_devices(l, book, relay);
    }
    size_t with_book = resident();
    ok = ok && publish(l, sets, book);
    size_t with_sets = resident();
    ok = ok && ct_readers_enter(&sets->readers) && publish(l, sets, book);
    size_t with_two = resident();
    ct_readers_leave(&sets->readers);
    ct_snapshot_reap(&sets->relays, &sets->readers);
    ct_snapshot_reap(&sets->devices, &sets->readers);
    const struct ct_peerset *relays = ct_snapshot_read(&sets->relays);
    const struct ct_devset *devices = ct_snapshot_read(&sets->devices);
    ok = ok && ct_peerset_relays(relays) == RELAYS &&
         ct_devset_count(devices) == (size_t)RELAYS * DEVICES_EACH;
    printf("memory %s_book %zu\nmemory %s_relays %zu\nmemory %s_devices %zu\n", name,
           with_book - before, name, ct_peerset_bytes(relays), name, ct_devset_bytes(devices));
    printf("memory %s_all %zu\nmemory %s_while_swapped %zu\n", name, with_sets - before, name,
           with_two - before);
    ct_devbook_free(book);
    return ok;
}

/* ---- look-ups ---- */

struct kind {
    const char *name;
    enum ct_mode mode;
    unsigned layout;
    bool is_known; /* at a relay, else somewhere else */
    bool is_device;
    enum ct_verdict verdict;
};

static const struct kind kinds[] = {
    {"relays_hit", CT_MODE_RELAYS, SPREAD, true, true, CT_VERDICT_ADMIT},
    {"relays_miss", CT_MODE_RELAYS, SPREAD, false, true, CT_VERDICT_UNKNOWN},
    {"devices_hit", CT_MODE_DEVICES, CLOSE, true, true, CT_VERDICT_ADMIT},
    {"devices_no_device", CT_MODE_DEVICES, CLOSE, true, false, CT_VERDICT_UNKNOWN},
    {"devices_miss", CT_MODE_DEVICES, CLOSE, false, true, CT_VERDICT_UNKNOWN},
    {"devices_spread_hit", CT_MODE_DEVICES, SPREAD, true, true, CT_VERDICT_ADMIT},
    {"devices_spread_no_device", CT_MODE_DEVICES, SPREAD, true, false, CT_VERDICT_UNKNOWN},
    {"devices_spread_miss", CT_MODE_DEVICES, SPREAD, false, true, CT_VERDICT_UNKNOWN},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static struct ct_endpoint peers[PEERS];

static void draw_peers(const struct kind *kind)
{
    for (size_t i = 0; i < PEERS; i++) {
        uint32_t relay = roll(RELAYS);
        relay_at(peers[i].addr16, relay);
        peers[i].addr16[15] ^= kind->is_known ? 0 : 0x40;
        peers[i].addr16[13] ^= kind->is_known ? 0 : 0x80;
        peers[i].port = port_of(&layouts[kind->layout], relay, roll(DEVICES_EACH), kind->is_device);
    }
}

/* Of this thread's processor time, since others may be at work here. */
static double now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* What a look-up cannot be quicker than: one word of a table as large as the devices' one, each
 * time another and not known before the last was read. */
static double read_at_random(void)
{
    enum { WORDS = 1 << 21 };
    static uint32_t table[WORDS];
    volatile uint32_t seen = roll(WORDS);
    uint32_t at = seen;
    static bool is_made;
    for (size_t i = 0; !is_made && i < WORDS; i++) {
        table[i] = (uint32_t)(i * 2654435761u + 1);
    }
    is_made = true;
    double before = now_ns();
    for (size_t i = 0; i < (size_t)PEERS * DRAWS; i++) {
        at = table[at] % WORDS;
    }
    seen = at;
    return (now_ns() - before) / (PEERS * DRAWS);
}

/* ns a look-up; 0: one was not as it has to be. */
static double look_up(struct ct_sets *sets, struct ct_policy *policy, const struct kind *kind)
{
    unsigned wrong = 0;
    double ns = 0;
    uint64_t now_s = ct_wall_s();
    policy->mode = kind->mode;
    for (unsigned draw = 0; draw < DRAWS; draw++) {
        draw_peers(kind);
        double before = now_ns();
        for (size_t i = 0; i < PEERS; i++) {
            wrong += ct_sets_gate(sets, policy, &peers[i], false, now_s) != kind->verdict;
        }
        ns += now_ns() - before;
    }
    /* an address that was drawn for nobody may be a relay's after all */
    return wrong > (kind->is_known ? 0 : PEERS * DRAWS / 100) ? 0 : ns / (PEERS * DRAWS);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool measure(struct ct_sets *sets)
{
    static double ns[KINDS + 1][ROUNDS];
    const struct ct_endpoint own[2] = {{{[10] = 0xff, 0xff, 198, 51, 100, 11}, 0},
                                       {{0x20, 0x01, 0x0d, 0xb8, [15] = 0x11}, 0}};
    const struct ct_endpoint backends[5] = {{{[10] = 0xff, 0xff, 198, 51, 100, 30}, 8545},
                                            {{[10] = 0xff, 0xff, 198, 51, 100, 31}, 8545},
                                            {{[10] = 0xff, 0xff, 198, 51, 100, 32}, 8545},
                                            {{[10] = 0xff, 0xff, 198, 51, 100, 20}, 8080},
                                            {{[10] = 0xff, 0xff, 198, 51, 100, 20}, 8443}};
    const struct ct_range denied[1] = {
        {{[10] = 0xff, 0xff, 203, 0, 113, 0}, {[10] = 0xff, 0xff, 203, 0, 113, 255}}};
    struct ct_policy policy = {.port_min = 49152,
                               .port_max = 65535,
                               .max_age_s = 3600,
                               .own = own,
                               .own_count = 2,
                               .relayed = own,
                               .relayed_count = 2,
                               .backends = backends,
                               .backend_count = 5,
                               .denied = denied,
                               .denied_count = 1};
    for (size_t r = 0; r < ROUNDS; r++) { /* by itself: it leaves nothing else in the cache */
        ns[KINDS][r] = read_at_random();
    }
    for (size_t r = 0; r < ROUNDS; r++) {
        for (size_t k = 0; k < KINDS; k++) {
            ns[k][r] = look_up(&sets[kinds[k].layout], &policy, &kinds[k]);
            if (ns[k][r] <= 0) {
                (void)fprintf(stderr, "%s: not the verdict that it has to be\n", kinds[k].name);
                return false;
            }
        }
    }
    for (size_t k = 0; k <= KINDS; k++) {
        qsort(ns[k], ROUNDS, sizeof(ns[k][0]), by_size);
        printf("lookup %s %.1f\n", k < KINDS ? kinds[k].name : "one_read", ns[k][ROUNDS / 2]);
    }
    return true;
}

int main(void)
{
    static const char *const names[LAYOUTS] = {"close", "spread"};
    static struct ct_sets sets[LAYOUTS];
    bool ok = true;
    for (unsigned i = 0; ok && i < LAYOUTS; i++) {
        ct_sets_init(&sets[i], NULL, 0);
        ok = weigh(&layouts[i], &sets[i], names[i]);
        atomic_store(&sets[i].relays.confirmed_s, ct_wall_s());
        atomic_store(&sets[i].devices.confirmed_s, ct_wall_s());
    }
    ok = ok && measure(sets);
    for (unsigned i = 0; i < LAYOUTS; i++) {
        ct_snapshot_clear(&sets[i].relays);
        ct_snapshot_clear(&sets[i].devices);
    }
    return ok ? 0 : 1;
}

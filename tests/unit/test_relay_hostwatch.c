/* Claims about addresses that come, go and are many: of this host, and of what it depends on. */
/* links: ct_coturn_module ct_relay_policy ct_turn ct_chain ct_base */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "ct_test.h"
#include "hostwatch.h"

enum { MANY = 300, PORT = 443 };

static const uint64_t hour_s = 3600;

static char logged[512];

static void log_line(enum ct_hook_level level, const char *line)
{
    (void)level;
    (void)snprintf(logged, sizeof(logged), "%s", line);
}

static struct ct_endpoint ip4(uint8_t a, uint8_t b, unsigned n, uint16_t port)
{
    struct ct_endpoint out = {.addr16 = {[10] = 0xff, 0xff, a, b, (uint8_t)(n >> 8), (uint8_t)n},
                              .port = port};
    return out;
}

/* What the name stands for: addresses 203.0.x.y from first on. */
static unsigned first;
static unsigned count;

static bool resolve(void *arg, struct ct_addrlist *out, const char *name, const char *port,
                    uint64_t now_s)
{
    (void)arg;
    (void)port;
    CHECK_STR(name, "rpc.example.org");
    for (unsigned i = 0; i < count; i++) {
        struct ct_endpoint e = ip4(203, 0, first + i, PORT);
        CHECK(ct_addrlist_add(out, &e, now_s) == CT_OK);
    }
    return count > 0;
}

/* ---- the system's, in place of libc's: one interface, at 192.0.2.77 of 192.0.2.0/24 ---- */

static bool is_untold;

int getifaddrs(struct ifaddrs **out)
{
    static struct sockaddr_in own;
    static struct sockaddr_in broadcast;
    static struct ifaddrs one;
    if (is_untold) {
        errno = EMFILE;
        return -1;
    }
    own = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc000024d)};
    broadcast = own;
    broadcast.sin_addr.s_addr = htonl(0xc00002ff);
    one.ifa_addr = (struct sockaddr *)&own;
    one.ifa_flags = IFF_BROADCAST;
    one.ifa_broadaddr = (struct sockaddr *)&broadcast;
    *out = &one;
    return 0;
}

void freeifaddrs(struct ifaddrs *interfaces)
{
    (void)interfaces;
}

static struct ct_endpoint listeners[MANY];
static struct ct_endpoint relays[MANY];
static const struct ct_host host = {.listeners = listeners,
                                    .listener_count = MANY,
                                    .relays = relays,
                                    .relays_public = relays,
                                    .relay_count = MANY,
                                    .port_min = 49152,
                                    .port_max = 49200,
                                    .log = log_line};
static struct ct_relay_options options;
static struct ct_bundle bundle;
static struct ct_sets sets;
static struct ct_hostwatch watch;

static void begin(unsigned at, unsigned how_many)
{
    struct ct_why why = {""};
    memset(&watch, 0, sizeof(watch));
    memset(&bundle, 0, sizeof(bundle));
    bundle.rpc_count = 1;
    (void)snprintf(bundle.rpc[0], CT_BUNDLE_URL_MAX, "https://rpc.example.org/key");
    for (unsigned i = 0; i < MANY; i++) {
        listeners[i] = ip4(198, 51, i, 3478);
        relays[i] = ip4(192, 0x58, i, 0);
    }
    ct_relay_options_init(&options);
    options.mode = CT_MODE_OPEN;
    ct_sets_init(&sets, NULL, 0);
    watch.backends.resolve = resolve;
    first = at;
    count = how_many;
    logged[0] = '\0';
    REQUIRE(ct_hostwatch_open(&watch, &host, &options, &bundle, &sets, &why) == CT_OK);
}

static void end(void)
{
    ct_snapshot_clear(&sets.policy);
    ct_hostwatch_close(&watch);
}

static enum ct_verdict verdict(struct ct_endpoint peer)
{
    enum ct_verdict filtered = ct_sets_filter(&sets, &watch.first->policy, &peer);
    CHECK_EQ(ct_sets_gate(&sets, &watch.first->policy, &peer, false, 0), filtered);
    return filtered;
}

static void all_of_many_addresses_are_kept_from_peers(void)
{
    begin(0, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        CHECK(verdict(ip4(198, 51, i, 3478)) == CT_VERDICT_OWN_PORT);
        CHECK(verdict(ip4(192, 0x58, i, 22)) == CT_VERDICT_OWN_PORT);
        CHECK(verdict(ip4(192, 0x58, i, 49152)) == CT_VERDICT_ADMIT);
        CHECK(verdict(ip4(203, 0, i, PORT)) == CT_VERDICT_BACKEND);
    }
    CHECK(verdict(ip4(203, 0, MANY, PORT)) == CT_VERDICT_ADMIT);
    end();
}

static void name_that_resolves_later_is_kept_from_peers_then(void)
{
    begin(7, 0);
    CHECK(strstr(logged, "backend_unresolved url=https://rpc.example.org") != NULL);
    CHECK(verdict(ip4(203, 0, 7, PORT)) == CT_VERDICT_ADMIT);
    uint32_t soon_ms = ct_hostwatch_look(&watch, 10);
    count = 1;
    CHECK(ct_hostwatch_look(&watch, 15) > soon_ms);
    CHECK(verdict(ip4(203, 0, 7, PORT)) == CT_VERDICT_BACKEND);
    CHECK(verdict(ip4(203, 0, 7, PORT + 1)) == CT_VERDICT_ADMIT);
    end();
}

static void name_that_moves_is_kept_from_peers_where_it_is_and_for_an_hour_where_it_was(void)
{
    begin(7, 1);
    first = 8;
    (void)ct_hostwatch_look(&watch, hour_s);
    CHECK(strstr(logged, "addresses_changed") != NULL);
    CHECK(verdict(ip4(203, 0, 8, PORT)) == CT_VERDICT_BACKEND);
    (void)ct_hostwatch_look(&watch, hour_s * 100);
    first = 9;
    (void)ct_hostwatch_look(&watch, hour_s * 101 - 1);
    CHECK(verdict(ip4(203, 0, 9, PORT)) == CT_VERDICT_BACKEND);
    CHECK(verdict(ip4(203, 0, 8, PORT)) == CT_VERDICT_BACKEND);
    (void)ct_hostwatch_look(&watch, hour_s * 101 + 1);
    CHECK(verdict(ip4(203, 0, 8, PORT)) == CT_VERDICT_ADMIT);
    CHECK(verdict(ip4(203, 0, 9, PORT)) == CT_VERDICT_BACKEND);
    end();
}

static void name_that_does_not_resolve_any_more_keeps_its_addresses(void)
{
    begin(7, 2);
    (void)ct_hostwatch_look(&watch, hour_s);
    count = 0;
    (void)ct_hostwatch_look(&watch, hour_s * 50);
    CHECK(strstr(logged, "peers are kept from where it was") != NULL);
    CHECK(verdict(ip4(203, 0, 7, PORT)) == CT_VERDICT_BACKEND);
    CHECK(verdict(ip4(203, 0, 8, PORT)) == CT_VERDICT_BACKEND);
    end();
}

static void while_the_system_tells_no_addresses_those_before_stay_and_names_move(void)
{
    const struct ct_endpoint own = ip4(192, 0, 0x24d, 22);
    const struct ct_endpoint broadcast = ip4(192, 0, 0x2ff, 22);
    begin(7, 1);
    CHECK(verdict(own) == CT_VERDICT_OWN_PORT);
    uint32_t usual_ms = ct_hostwatch_look(&watch, 10);
    enum ct_verdict of_broadcast = verdict(broadcast);
    CHECK(of_broadcast != CT_VERDICT_ADMIT);
    is_untold = true;
    uint64_t state = ct_sets_state(&sets);
    logged[0] = '\0';
    CHECK(ct_hostwatch_look(&watch, 40) < usual_ms);
    CHECK(strstr(logged, "own_addresses_unknown") && strstr(logged, "Too many open files"));
    CHECK_EQ(ct_sets_state(&sets), state); /* nothing is news */
    first = 8;
    logged[0] = '\0';
    CHECK(ct_hostwatch_look(&watch, hour_s) < usual_ms);
    CHECK(strstr(logged, "addresses_changed") != NULL); /* and not the other line again */
    CHECK(verdict(ip4(203, 0, 8, PORT)) == CT_VERDICT_BACKEND);
    CHECK(verdict(own) == CT_VERDICT_OWN_PORT && verdict(broadcast) == of_broadcast);
    is_untold = false;
    CHECK_EQ(ct_hostwatch_look(&watch, hour_s + 5), usual_ms);
    is_untold = true;
    (void)ct_hostwatch_look(&watch, hour_s + 35);
    CHECK(strstr(logged, "own_addresses_unknown") != NULL); /* another time */
    is_untold = false;
    end();
}

static void host_that_tells_its_addresses_later_keeps_peers_from_them_then(void)
{
    const struct ct_endpoint own = ip4(192, 0, 0x24d, 22);
    is_untold = true;
    begin(7, 1);
    CHECK(strstr(logged, "only the server's own addresses") != NULL);
    CHECK(verdict(own) == CT_VERDICT_ADMIT);
    uint32_t soon_ms = ct_hostwatch_look(&watch, 5);
    is_untold = false;
    CHECK(ct_hostwatch_look(&watch, 10) > soon_ms);
    CHECK(verdict(own) == CT_VERDICT_OWN_PORT);
    end();
}

static void what_is_the_same_is_not_published_again(void)
{
    begin(7, 2);
    (void)ct_hostwatch_look(&watch, 20);
    uint64_t state = ct_sets_state(&sets);
    (void)ct_hostwatch_look(&watch, 50);
    CHECK_EQ(ct_sets_state(&sets), state);
    end();
}

/* ---- while others read ---- */

enum { READERS = 3, CHANGES = 300 };
static _Atomic bool is_over;
static _Atomic unsigned wrong;

static void *ask_on(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over)) {
        struct ct_endpoint always = ip4(203, 0, MANY, PORT);
        struct ct_endpoint own = ip4(198, 51, 7, 3478);
        bool right =
            ct_sets_filter(&sets, &watch.first->policy, &always) == CT_VERDICT_BACKEND &&
            ct_sets_gate(&sets, &watch.first->policy, &own, false, 0) == CT_VERDICT_OWN_PORT;
        if (!right) {
            (void)atomic_fetch_add(&wrong, 1);
        }
    }
    return NULL;
}

static void readers_see_whole_lists_while_they_change(void)
{
    pthread_t threads[READERS];
    begin(MANY, 1);
    for (size_t i = 0; i < READERS; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, ask_on, NULL) == 0);
    }
    for (unsigned i = 0; i < CHANGES; i++) {
        count = 1 + i % 50;
        (void)ct_hostwatch_look(&watch, hour_s * 2 * i);
    }
    atomic_store(&is_over, true);
    for (size_t i = 0; i < READERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    CHECK_EQ(atomic_load(&wrong), 0);
    end();
}

static const struct ct_test tests[] = {
    CT_TEST(all_of_many_addresses_are_kept_from_peers),
    CT_TEST(name_that_resolves_later_is_kept_from_peers_then),
    CT_TEST(name_that_moves_is_kept_from_peers_where_it_is_and_for_an_hour_where_it_was),
    CT_TEST(name_that_does_not_resolve_any_more_keeps_its_addresses),
    CT_TEST(while_the_system_tells_no_addresses_those_before_stay_and_names_move),
    CT_TEST(host_that_tells_its_addresses_later_keeps_peers_from_them_then),
    CT_TEST(what_is_the_same_is_not_published_again),
    CT_TEST(readers_see_whole_lists_while_they_change),
};

CT_TEST_MAIN(tests)

/* Claims about relayed ports that passes get again: after a crash, a lost connection, on a bad
 * disk. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ct_test.h"
#include "place.h"
#include "probe.h"

enum { PORT_MIN = 51000, PORTS = 8 };

static struct place place;
static char ports_path[128];
static pid_t server;

static bool start(void)
{
    char text[1024];
    (void)snprintf(text, sizeof(text), "%smin-port=%d\nmax-port=%d\n", place_module_on, PORT_MIN,
                   PORT_MIN + PORTS - 1);
    place_mark(&place);
    server = place_configure(&place, text) ? place_start(&place) : -1;
    return server > 0 && place_await(&place, "chainturn: started");
}

static bool crash_and_restart(void)
{
    return kill(server, SIGKILL) == 0 && place_wait(server) == 1000 + SIGKILL && start();
}

static int allocate(struct probe *p, int transport, const struct credential *c)
{
    struct ct_addr at = loopback(1, place.port);
    return probe_open(p, &at, transport) ? probe_allocate(p, c->user, c->password, PROBE_UDP, 4)
                                         : PROBE_NO_ANSWER;
}

static bool new_pass(struct credential *out)
{
    uint8_t id[16];
    return place_pass_renewing(&place, out, NULL, id);
}

static void crash_leaves_every_device_its_port(void)
{
    struct credential first;
    struct credential second;
    struct credential renewed;
    struct credential stranger;
    uint8_t id[16];
    struct probe a;
    struct probe b;
    struct probe others[PORTS];
    REQUIRE(start() && new_pass(&first) && new_pass(&stranger) &&
            place_pass_renewing(&place, &second, NULL, id) &&
            place_pass_renewing(&place, &renewed, id, id));
    CHECK_EQ(allocate(&a, PROBE_UDP, &first), 0);
    CHECK_EQ(allocate(&b, PROBE_UDP, &second), 0);
    uint16_t ports[2] = {a.relayed.port, b.relayed.port};
    CHECK(place_await_ports(&place, 2));
    REQUIRE(crash_and_restart());
    probe_close(&a);
    probe_close(&b);
    for (size_t i = 0; i < PORTS - 2; i++) { /* whoever is first gets the others */
        CHECK_EQ(allocate(&others[i], PROBE_UDP, &stranger), 0);
        CHECK(others[i].relayed.port != ports[0] && others[i].relayed.port != ports[1]);
    }
    CHECK_EQ(allocate(&a, PROBE_UDP, &first), 0);
    CHECK_EQ(a.relayed.port, ports[0]);
    CHECK_EQ(allocate(&b, PROBE_UDP, &renewed), 0);
    CHECK_EQ(b.relayed.port, ports[1]);
    CHECK(place_await_ports(&place, PORTS));
    REQUIRE(crash_and_restart()); /* now the renewal's */
    probe_close(&a);
    probe_close(&b);
    CHECK_EQ(allocate(&b, PROBE_UDP, &renewed), 0);
    CHECK_EQ(b.relayed.port, ports[1]);
    CHECK_EQ(place_stop(server), 0);
    probe_close(&b);
    for (size_t i = 0; i < PORTS - 2; i++) {
        probe_close(&others[i]);
    }
}

/* Of eight ports two are expected back, and seven strangers come. */
static void kept_port_is_better_than_none(void)
{
    struct credential first;
    struct credential second;
    struct credential stranger;
    struct probe p;
    struct probe others[PORTS];
    (void)unlink(ports_path);
    REQUIRE(start() && new_pass(&first) && new_pass(&second) && new_pass(&stranger));
    CHECK_EQ(allocate(&p, PROBE_UDP, &first), 0);
    probe_close(&p);
    CHECK_EQ(allocate(&p, PROBE_UDP, &second), 0);
    probe_close(&p);
    CHECK(place_await_ports(&place, 2));
    REQUIRE(crash_and_restart());
    for (size_t i = 0; i < PORTS; i++) {
        CHECK_EQ(allocate(&others[i], PROBE_UDP, &stranger), 0);
    }
    CHECK_EQ(allocate(&p, PROBE_UDP, &first), 508);
    probe_close(&p);
    for (size_t i = 0; i < PORTS; i++) {
        probe_close(&others[i]);
    }
    CHECK_EQ(place_stop(server), 0);
}

static void client_that_connects_anew_gets_its_port_and_none_is_lost(void)
{
    struct credential first;
    struct credential stranger;
    struct probe p;
    struct probe others[PORTS];
    uint16_t port = 0;
    unsigned seen = 0;
    (void)unlink(ports_path);
    REQUIRE(start() && new_pass(&first) && new_pass(&stranger));
    for (unsigned i = 0; i < 25; i++) {
        CHECK_EQ(allocate(&p, PROBE_TCP, &first), 0);
        CHECK(i == 0 || p.relayed.port == port);
        port = p.relayed.port;
        CHECK(place_await_ports(&place, 1));
        probe_close(&p); /* which ends a connection's allocation */
        CHECK(place_await_ports(&place, 0));
    }
    CHECK_EQ(allocate(&p, PROBE_UDP, &first), 0);
    CHECK_EQ(p.relayed.port, port);
    for (size_t i = 0; i < PORTS - 1; i++) {
        CHECK_EQ(allocate(&others[i], PROBE_UDP, &stranger), 0);
        seen |= 1u << (others[i].relayed.port - PORT_MIN);
    }
    CHECK_EQ(seen | 1u << (port - PORT_MIN), (1u << PORTS) - 1);
    CHECK_EQ(probe_refresh(&p, 0), 0);
    CHECK(place_await_ports(&place, PORTS - 1));
    probe_close(&p);
    for (size_t i = 0; i < PORTS - 1; i++) {
        probe_close(&others[i]);
    }
    CHECK_EQ(place_stop(server), 0);
}

static void damaged_file_costs_the_ports_and_not_the_service(void)
{
    struct credential first;
    struct probe p;
    REQUIRE(truncate(ports_path, 100) == 0 && new_pass(&first));
    REQUIRE(start());
    CHECK(place_await(&place, "ports_forgotten reason=\""));
    CHECK(place_await(&place, "is damaged or of another deployment and is not used"));
    CHECK_EQ(allocate(&p, PROBE_UDP, &first), 0);
    CHECK(place_await_ports(&place, 1)); /* and it is whole again */
    probe_close(&p);
    CHECK_EQ(place_stop(server), 0);
}

static const struct ct_test tests[] = {
    CT_TEST(crash_leaves_every_device_its_port),
    CT_TEST(kept_port_is_better_than_none),
    CT_TEST(client_that_connects_anew_gets_its_port_and_none_is_lost),
    CT_TEST(damaged_file_costs_the_ports_and_not_the_service),
};

int main(int argc, char **argv)
{
    if (!place_begin(&place, argc, argv)) {
        return 2;
    }
    (void)snprintf(ports_path, sizeof(ports_path), "%s/state/ports", place.folder);
    return place_end(&place, ct_test_main(tests, sizeof(tests) / sizeof(tests[0])));
}

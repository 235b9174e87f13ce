/* Claims about the address policy that a relay makes of its own host and its bundle. */
/* links: ct_coturn_module ct_relay_policy ct_turn ct_chain ct_base */
#include <stdio.h>
#include <string.h>

#include "ct_test.h"
#include "hostwatch.h"

static char logged[512];

static void log_line(enum ct_hook_level level, const char *line)
{
    (void)level;
    (void)snprintf(logged, sizeof(logged), "%s", line);
}

static struct ct_endpoint ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
    struct ct_endpoint out = {.addr16 = {[10] = 0xff, 0xff, a, b, c, d}, .port = port};
    return out;
}

struct world {
    struct ct_sets sets;
    struct ct_host host;
    struct ct_bundle bundle;
    struct ct_hostwatch made;
    struct ct_relay_options options;
    struct ct_endpoint listener;
    struct ct_endpoint relay;
    struct ct_endpoint shown;
};

/* All that the tests have made. */
static struct world world;

/* Behind a NAT: 10.0.0.5 here, 198.51.100.11 outside. */
static struct world *world_make(void)
{
    struct world *w = &world;
    ct_hostwatch_close(&w->made);
    ct_snapshot_clear(&w->sets.policy);
    memset(w, 0, sizeof(*w));
    ct_sets_init(&w->sets, NULL, 0);
    w->listener = ip4(10, 0, 0, 5, 3478);
    w->relay = ip4(10, 0, 0, 5, 0);
    w->shown = ip4(198, 51, 100, 11, 0);
    w->host = (struct ct_host){.listeners = &w->listener,
                               .listener_count = 1,
                               .relays = &w->relay,
                               .relays_public = &w->shown,
                               .relay_count = 1,
                               .port_min = 49152,
                               .port_max = 49200,
                               .log = log_line};
    ct_relay_options_init(&w->options);
    return w;
}

static ct_err make(struct world *w, struct ct_why *why)
{
    ct_hostwatch_close(&w->made);
    return ct_hostwatch_open(&w->made, &w->host, &w->options, &w->bundle, &w->sets, why);
}

static enum ct_verdict verdict(struct world *w, struct ct_endpoint peer)
{
    return ct_sets_filter(&w->sets, &w->made.first->policy, &peer);
}

static void what_listens_here_stands_outside_the_relayed_ports(void)
{
    struct ct_why why = {""};
    static const struct ct_service services[2] = {{"listening-port", 3478}, {"cli-port", 49160}};
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    struct world *w = world_make();
    w->host.services = services;
    w->host.service_count = 1;
    CHECK(make(w, &why) == CT_OK);
    w->host.service_count = 2;
    CHECK(make(w, &why) == CT_ERR_CONFIG);
    CHECK(strstr(why.text, "cli-port: port 49160 lies among the relayed ones") != NULL);
    w->host.service_count = 1;
    w->options.metrics = ct_addr_ip4(loopback, 49152);
    CHECK(make(w, &why) == CT_ERR_CONFIG);
    CHECK(strstr(why.text, "chainturn-metrics: port 49152") != NULL);
    w->options.metrics.port = 49201;
    CHECK(make(w, &why) == CT_OK);
}

static void own_public_address_has_only_relayed_ports(void)
{
    struct ct_why why = {""};
    struct world *w = world_make();
    REQUIRE(make(w, &why) == CT_OK);
    CHECK(verdict(w, ip4(198, 51, 100, 11, 3478)) == CT_VERDICT_OWN_PORT);
    CHECK(verdict(w, ip4(198, 51, 100, 11, 49152)) == CT_VERDICT_ADMIT);
    CHECK(verdict(w, ip4(10, 0, 0, 5, 49152)) == CT_VERDICT_PRIVATE);
    CHECK(verdict(w, ip4(127, 0, 0, 1, 49152)) == CT_VERDICT_LOOPBACK);
}

static void endpoints_and_wallet_manager_are_no_peers(void)
{
    struct ct_why why = {""};
    struct world *w = world_make();
    w->bundle.rpc_count = 3;
    (void)snprintf(w->bundle.rpc[0], CT_BUNDLE_URL_MAX, "http://203.0.113.1:8545");
    (void)snprintf(w->bundle.rpc[1], CT_BUNDLE_URL_MAX, "https://key@203.0.113.2/v3/a:b@c");
    (void)snprintf(w->bundle.rpc[2], CT_BUNDLE_URL_MAX, "http://[2001:db8::5]:99/x");
    (void)snprintf(w->bundle.wm_tls_url, CT_BUNDLE_URL_MAX, "https://203.0.113.3:8443");
    REQUIRE(make(w, &why) == CT_OK);
    CHECK(verdict(w, ip4(203, 0, 113, 1, 8545)) == CT_VERDICT_BACKEND);
    CHECK(verdict(w, ip4(203, 0, 113, 1, 8546)) == CT_VERDICT_ADMIT);
    CHECK(verdict(w, ip4(203, 0, 113, 2, 443)) == CT_VERDICT_BACKEND);
    CHECK(verdict(w, ip4(203, 0, 113, 3, 8443)) == CT_VERDICT_BACKEND);
    struct ct_endpoint six = {.addr16 = {0x20, 0x01, 0x0d, 0xb8, [15] = 5}, .port = 99};
    CHECK(verdict(w, six) == CT_VERDICT_BACKEND);
}

static void databases_of_the_server_are_no_peers(void)
{
    struct ct_why why = {""};
    const struct ct_database databases[] = {
        {"ip=203.0.113.40 dbname=2 password=turn port=6380 connect_timeout=30", 6379},
        {"host=203.0.113.41 dbname=coturn user=turn", 5432},
        {"mongodb://turn:secret@203.0.113.42/coturn", 27017},
    };
    struct world *w = world_make();
    w->host.databases = databases;
    w->host.database_count = 3;
    REQUIRE(make(w, &why) == CT_OK);
    CHECK(verdict(w, ip4(203, 0, 113, 40, 6380)) == CT_VERDICT_BACKEND);
    CHECK(verdict(w, ip4(203, 0, 113, 40, 6379)) == CT_VERDICT_ADMIT);
    CHECK(verdict(w, ip4(203, 0, 113, 41, 5432)) == CT_VERDICT_BACKEND);
    CHECK(verdict(w, ip4(203, 0, 113, 42, 27017)) == CT_VERDICT_BACKEND);
}

static void unresolved_backend_is_told_and_left_out(void)
{
    struct ct_why why = {""};
    struct world *w = world_make();
    w->bundle.rpc_count = 1;
    logged[0] = '\0';
    (void)snprintf(w->bundle.rpc[0], CT_BUNDLE_URL_MAX, "http://203.0.113.1:999999");
    CHECK(make(w, &why) == CT_OK);
    CHECK(strstr(logged, "backend_unresolved url=http://203.0.113.1:999999") != NULL);
}

static void private_relayed_address_is_refused_unless_allowed(void)
{
    struct ct_why why = {""};
    struct world *w = world_make();
    w->shown = w->relay;
    CHECK(make(w, &why) == CT_ERR_CONFIG);
    CHECK(strstr(why.text, "external-ip") != NULL);
    w->options.allow_private = true;
    CHECK(make(w, &why) == CT_OK);
}

static void loopback_needs_both_options(void)
{
    struct ct_why why = {""};
    struct world *w = world_make();
    w->host.allow_loopback = true;
    REQUIRE(make(w, &why) == CT_OK);
    CHECK(!w->made.first->policy.allow_loopback);
    w->options.allow_private = true;
    REQUIRE(make(w, &why) == CT_OK);
    CHECK(w->made.first->policy.allow_loopback);
}

static void server_relay_is_refused(void)
{
    struct ct_why why = {""};
    struct world *w = world_make();
    w->host.server_relay = true;
    CHECK(make(w, &why) == CT_ERR_CONFIG);
    CHECK(strstr(why.text, "remove server-relay") != NULL);
}

static const struct ct_test tests[] = {
    CT_TEST(what_listens_here_stands_outside_the_relayed_ports),
    CT_TEST(own_public_address_has_only_relayed_ports),
    CT_TEST(endpoints_and_wallet_manager_are_no_peers),
    CT_TEST(databases_of_the_server_are_no_peers),
    CT_TEST(unresolved_backend_is_told_and_left_out),
    CT_TEST(private_relayed_address_is_refused_unless_allowed),
    CT_TEST(loopback_needs_both_options),
    CT_TEST(server_relay_is_refused),
};

CT_TEST_MAIN(tests)

/* Claims about the address filter and the gate of the relay. */
/* links: ct_relay_policy ct_base */
#include <arpa/inet.h>
#include <string.h>

#include "ct_test.h"
#include "peerset.h"
#include "policy.h"

static struct ct_endpoint at(const char *text, uint16_t port)
{
    struct ct_endpoint out = {.port = port};
    if (inet_pton(AF_INET6, text, out.addr16) != 1) {
        memset(out.addr16, 0, 10);
        memset(out.addr16 + 10, 0xff, 2);
        CHECK(inet_pton(AF_INET, text, out.addr16 + 12) == 1);
    }
    return out;
}

static struct ct_range range(const char *min, const char *max)
{
    struct ct_endpoint low = at(min, 0);
    struct ct_endpoint high = at(max, 0);
    struct ct_range out;
    memcpy(out.min16, low.addr16, 16);
    memcpy(out.max16, high.addr16, 16);
    return out;
}

/* A relay at 198.51.100.11 with ports 49152-49200, a chain at .30, the wallet manager at .20. */
struct world {
    struct ct_endpoint own[2];
    struct ct_endpoint backends[2];
    struct ct_range denied[1];
    struct ct_range allowed[1];
    struct ct_policy policy;
};

static void world_make(struct world *w)
{
    memset(w, 0, sizeof(*w));
    w->own[0] = at("198.51.100.11", 0);
    w->own[1] = at("2001:db8::11", 0);
    w->backends[0] = at("198.51.100.30", 8545);
    w->backends[1] = at("198.51.100.20", 0);
    w->denied[0] = range("203.0.113.0", "203.0.113.255");
    w->allowed[0] = range("203.0.113.9", "203.0.113.9");
    w->policy = (struct ct_policy){
        .mode = CT_MODE_RELAYS,
        .port_min = 49152,
        .port_max = 49200,
        .max_age_s = 600,
        .own = w->own,
        .own_count = 2,
        .backends = w->backends,
        .backend_count = 2,
        .denied = w->denied,
        .denied_count = 1,
        .allowed = w->allowed,
        .allowed_count = 1,
    };
}

static const struct {
    const char *addr;
    uint16_t port;
    enum ct_verdict verdict;
} filter_table[] = {
    {"8.8.8.8", 53, CT_VERDICT_ADMIT},
    {"198.51.100.12", 49160, CT_VERDICT_ADMIT},
    {"2001:db8::12", 49160, CT_VERDICT_ADMIT},
    {"0.0.0.0", 1, CT_VERDICT_UNSPECIFIED},
    {"0.1.2.3", 1, CT_VERDICT_UNSPECIFIED},
    {"::", 1, CT_VERDICT_UNSPECIFIED},
    {"127.0.0.1", 7777, CT_VERDICT_LOOPBACK},
    {"127.255.255.254", 1, CT_VERDICT_LOOPBACK},
    {"::1", 1, CT_VERDICT_LOOPBACK},
    {"169.254.169.254", 80, CT_VERDICT_LINK_LOCAL},
    {"fe80::1", 1, CT_VERDICT_LINK_LOCAL},
    {"febf::1", 1, CT_VERDICT_LINK_LOCAL},
    {"10.0.0.1", 1, CT_VERDICT_PRIVATE},
    {"172.16.0.1", 1, CT_VERDICT_PRIVATE},
    {"172.31.255.255", 1, CT_VERDICT_PRIVATE},
    {"172.32.0.1", 1, CT_VERDICT_ADMIT},
    {"192.168.1.1", 1, CT_VERDICT_PRIVATE},
    {"100.64.0.1", 1, CT_VERDICT_PRIVATE},
    {"100.127.255.255", 1, CT_VERDICT_PRIVATE},
    {"100.128.0.1", 1, CT_VERDICT_ADMIT},
    {"198.19.0.1", 1, CT_VERDICT_PRIVATE},
    {"fc00::1", 1, CT_VERDICT_PRIVATE},
    {"fdff::1", 1, CT_VERDICT_PRIVATE},
    {"fec0::1", 1, CT_VERDICT_PRIVATE},
    {"224.0.0.1", 1, CT_VERDICT_MULTICAST},
    {"239.255.255.255", 1, CT_VERDICT_MULTICAST},
    {"240.0.0.1", 1, CT_VERDICT_MULTICAST},
    {"255.255.255.255", 1, CT_VERDICT_MULTICAST},
    {"ff02::1", 1, CT_VERDICT_MULTICAST},
    /* IPv4 in other clothes */
    {"::ffff:127.0.0.1", 1, CT_VERDICT_LOOPBACK},
    {"::127.0.0.1", 1, CT_VERDICT_LOOPBACK},
    {"::ffff:0:127.0.0.1", 1, CT_VERDICT_LOOPBACK},
    {"64:ff9b::127.0.0.1", 1, CT_VERDICT_LOOPBACK},
    {"64:ff9b::10.0.0.1", 1, CT_VERDICT_PRIVATE},
    {"64:ff9b:1::8.8.8.8", 1, CT_VERDICT_PRIVATE},
    {"2002:7f00:1::1", 1, CT_VERDICT_LOOPBACK},
    {"2002:a9fe:a9fe::", 80, CT_VERDICT_LINK_LOCAL},
    {"2001:0:1:2:3:4:80ff:fffe", 1, CT_VERDICT_LOOPBACK},
    {"64:ff9b::8.8.8.8", 1, CT_VERDICT_ADMIT},
    /* this host: only relayed ports */
    {"198.51.100.11", 49152, CT_VERDICT_ADMIT},
    {"198.51.100.11", 49200, CT_VERDICT_ADMIT},
    {"198.51.100.11", 3478, CT_VERDICT_OWN_PORT},
    {"198.51.100.11", 49151, CT_VERDICT_OWN_PORT},
    {"198.51.100.11", 49201, CT_VERDICT_OWN_PORT},
    {"64:ff9b::198.51.100.11", 3478, CT_VERDICT_OWN_PORT},
    {"2001:db8::11", 22, CT_VERDICT_OWN_PORT},
    {"198.51.100.11", 0, CT_VERDICT_ADMIT},
    /* what the relay itself needs */
    {"198.51.100.30", 8545, CT_VERDICT_BACKEND},
    {"198.51.100.30", 8546, CT_VERDICT_ADMIT},
    {"198.51.100.20", 40000, CT_VERDICT_BACKEND},
    /* denied-peer-ip, allowed-peer-ip */
    {"203.0.113.7", 1, CT_VERDICT_DENIED},
    {"::ffff:203.0.113.7", 1, CT_VERDICT_DENIED},
    {"64:ff9b::203.0.113.7", 1, CT_VERDICT_DENIED},
    {"203.0.113.9", 1, CT_VERDICT_ADMIT},
};

static void every_address_gets_its_verdict(void)
{
    struct world w;
    world_make(&w);
    for (size_t i = 0; i < sizeof(filter_table) / sizeof(filter_table[0]); i++) {
        struct ct_endpoint peer = at(filter_table[i].addr, filter_table[i].port);
        enum ct_verdict verdict = ct_policy_filter(&w.policy, &peer);
        if (verdict != filter_table[i].verdict) {
            printf("    %s port %u: %s, not %s\n", filter_table[i].addr, filter_table[i].port,
                   ct_verdict_text(verdict), ct_verdict_text(filter_table[i].verdict));
        }
        CHECK(verdict == filter_table[i].verdict);
    }
}

static void private_is_allowed_by_choice_and_loopback_by_another(void)
{
    struct world w;
    world_make(&w);
    struct ct_endpoint private_peer = at("10.1.2.3", 5);
    struct ct_endpoint loopback = at("127.0.0.1", 5);
    struct ct_endpoint metadata = at("169.254.169.254", 80);
    w.policy.allow_private = true;
    CHECK(ct_policy_filter(&w.policy, &private_peer) == CT_VERDICT_ADMIT);
    CHECK(ct_policy_filter(&w.policy, &loopback) == CT_VERDICT_LOOPBACK);
    w.policy.allow_loopback = true;
    CHECK(ct_policy_filter(&w.policy, &loopback) == CT_VERDICT_ADMIT);
    CHECK(ct_policy_filter(&w.policy, &metadata) == CT_VERDICT_LINK_LOCAL);
}

static void allowed_is_an_exception_from_denied_only(void)
{
    struct world w;
    world_make(&w);
    w.allowed[0] = range("0.0.0.0", "255.255.255.255");
    struct ct_endpoint loopback = at("127.0.0.1", 5);
    struct ct_endpoint own = at("198.51.100.11", 3478);
    CHECK(ct_policy_filter(&w.policy, &loopback) == CT_VERDICT_LOOPBACK);
    CHECK(ct_policy_filter(&w.policy, &own) == CT_VERDICT_OWN_PORT);
}

static struct ct_peerset *relay2_and_denied(void)
{
    struct ct_peer_range ranges[3];
    memset(ranges, 0, sizeof(ranges));
    const char *addrs[3] = {"198.51.100.12", "203.0.113.7", "127.0.0.1"};
    for (size_t i = 0; i < 3; i++) {
        struct ct_endpoint e = at(addrs[i], 0);
        memcpy(ranges[i].addr16, e.addr16, 16);
        ranges[i].port_min = 50000;
        ranges[i].port_max = 50100;
    }
    struct ct_peerset_origin origin = {.block = 1};
    struct ct_peerset *set = NULL;
    CHECK(ct_peerset_new(&set, ranges, 3, &origin) == CT_OK);
    return set;
}

static void gate_admits_relays_in_their_ports_only(void)
{
    struct world w;
    world_make(&w);
    struct ct_peerset *set = relay2_and_denied();
    REQUIRE(set != NULL);
    static const struct {
        const char *addr;
        uint16_t port;
        enum ct_verdict verdict;
    } table[] = {
        {"198.51.100.12", 50000, CT_VERDICT_ADMIT},
        {"198.51.100.12", 50100, CT_VERDICT_ADMIT},
        {"198.51.100.12", 3478, CT_VERDICT_UNKNOWN},
        {"198.51.100.12", 50101, CT_VERDICT_UNKNOWN},
        {"198.51.100.13", 50000, CT_VERDICT_UNKNOWN},
        {"64:ff9b::198.51.100.12", 50000, CT_VERDICT_UNKNOWN},
        /* what the chain lists does not get past the filter */
        {"203.0.113.7", 50000, CT_VERDICT_DENIED},
        {"127.0.0.1", 50000, CT_VERDICT_LOOPBACK},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct ct_endpoint peer = at(table[i].addr, table[i].port);
        CHECK_EQ(ct_policy_gate(&w.policy, set, 0, &peer), table[i].verdict);
    }
    ct_peerset_free(set);
}

static void old_set_falls_back_to_permissions(void)
{
    struct world w;
    world_make(&w);
    struct ct_peerset *set = relay2_and_denied();
    REQUIRE(set != NULL);
    struct ct_endpoint peer = at("198.51.100.12", 50000);
    CHECK(ct_policy_gate(&w.policy, set, 600, &peer) == CT_VERDICT_ADMIT);
    CHECK(ct_policy_gate(&w.policy, set, 601, &peer) == CT_VERDICT_STALE);
    CHECK(ct_policy_gate(&w.policy, set, UINT64_MAX, &peer) == CT_VERDICT_STALE);
    CHECK(ct_policy_gate(&w.policy, NULL, 0, &peer) == CT_VERDICT_STALE);
    ct_peerset_free(set);
}

static void mode_off_admits_nobody_without_a_permission(void)
{
    struct world w;
    world_make(&w);
    struct ct_peerset *set = relay2_and_denied();
    REQUIRE(set != NULL);
    w.policy.mode = CT_MODE_OFF;
    struct ct_endpoint peer = at("198.51.100.12", 50000);
    CHECK(ct_policy_gate(&w.policy, set, 0, &peer) == CT_VERDICT_MODE_OFF);
    ct_peerset_free(set);
}

static void unknown_and_later_modes_are_refused_in_words(void)
{
    enum ct_mode mode = CT_MODE_OFF;
    struct ct_why why = {""};
    CHECK(ct_mode_parse(&mode, "relays", &why) == CT_OK && mode == CT_MODE_RELAYS);
    CHECK(ct_mode_parse(&mode, "off", &why) == CT_OK && mode == CT_MODE_OFF);
    CHECK(ct_mode_parse(&mode, "open", &why) == CT_ERR_CONFIG);
    CHECK(strstr(why.text, "not in this version") != NULL);
    CHECK(ct_mode_parse(&mode, "on", &why) == CT_ERR_CONFIG);
    CHECK(ct_mode_parse(&mode, "", &why) == CT_ERR_CONFIG);
    CHECK(mode == CT_MODE_OFF);
}

static const struct ct_test tests[] = {
    CT_TEST(every_address_gets_its_verdict),
    CT_TEST(private_is_allowed_by_choice_and_loopback_by_another),
    CT_TEST(allowed_is_an_exception_from_denied_only),
    CT_TEST(gate_admits_relays_in_their_ports_only),
    CT_TEST(old_set_falls_back_to_permissions),
    CT_TEST(mode_off_admits_nobody_without_a_permission),
    CT_TEST(unknown_and_later_modes_are_refused_in_words),
};

CT_TEST_MAIN(tests)

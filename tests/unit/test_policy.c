/* Claims about the address filter and the gate of the relay. */
/* links: ct_relay_policy ct_base */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "ct_test.h"
#include "peers/peerset.h"
#include "packets/policy.h"

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
        .relayed = w->own,
        .relayed_count = 2,
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
        enum ct_verdict verdict = ct_policy_filter(&w.policy, NULL, &peer);
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
    CHECK(ct_policy_filter(&w.policy, NULL, &private_peer) == CT_VERDICT_ADMIT);
    CHECK(ct_policy_filter(&w.policy, NULL, &loopback) == CT_VERDICT_LOOPBACK);
    w.policy.allow_loopback = true;
    CHECK(ct_policy_filter(&w.policy, NULL, &loopback) == CT_VERDICT_ADMIT);
    CHECK(ct_policy_filter(&w.policy, NULL, &metadata) == CT_VERDICT_LINK_LOCAL);
}

static void other_relays_of_this_host_are_reached_at_their_ports_only(void)
{
    struct world w;
    struct ct_peerset *set = NULL;
    struct ct_peerset_origin origin = {.block = 1};
    struct ct_peer_range range = {.port_min = 40000, .port_max = 40100, .index = 7};
    struct ct_endpoint other = at("198.51.100.99", 40050);
    world_make(&w);
    struct ct_endpoint own[3] = {w.own[0], w.own[1], at("198.51.100.99", 0)};
    w.policy.own = own;
    w.policy.own_count = 3;
    /* this relay's ports are not at that address, and the others there are somebody else's */
    struct ct_endpoint our_port = at("198.51.100.99", 49160);
    CHECK(ct_policy_filter(&w.policy, NULL, &our_port) == CT_VERDICT_OWN_PORT);
    CHECK(ct_policy_filter(&w.policy, NULL, &other) == CT_VERDICT_OWN_PORT);
    memcpy(range.addr16, other.addr16, 16);
    REQUIRE(ct_peerset_new(&set, &range, 1, &origin) == CT_OK);
    CHECK(ct_policy_filter(&w.policy, set, &other) == CT_VERDICT_ADMIT);
    CHECK(ct_policy_filter(&w.policy, set, &our_port) == CT_VERDICT_OWN_PORT);
    ct_peerset_free(set);
}

static void allowed_is_an_exception_from_denied_only(void)
{
    struct world w;
    world_make(&w);
    w.allowed[0] = range("0.0.0.0", "255.255.255.255");
    struct ct_endpoint loopback = at("127.0.0.1", 5);
    struct ct_endpoint own = at("198.51.100.11", 3478);
    CHECK(ct_policy_filter(&w.policy, NULL, &loopback) == CT_VERDICT_LOOPBACK);
    CHECK(ct_policy_filter(&w.policy, NULL, &own) == CT_VERDICT_OWN_PORT);
}

/* Relay 2 of the set is at .12, and relays that the filter keeps out all the same. */
static struct ct_peerset *relay2_and_denied(void)
{
    struct ct_peer_range ranges[4];
    memset(ranges, 0, sizeof(ranges));
    const char *addrs[4] = {"198.51.100.12", "203.0.113.7", "127.0.0.1", "198.51.100.11"};
    for (size_t i = 0; i < 4; i++) {
        struct ct_endpoint e = at(addrs[i], 0);
        memcpy(ranges[i].addr16, e.addr16, 16);
        ranges[i].port_min = i < 3 ? 50000 : 49152;
        ranges[i].port_max = i < 3 ? 50100 : 49200;
        ranges[i].index = (uint16_t)(i + 2);
    }
    struct ct_peerset_origin origin = {.block = 1};
    struct ct_peerset *set = NULL;
    CHECK(ct_peerset_new(&set, ranges, 4, &origin) == CT_OK);
    return set;
}

static struct ct_peerset *relays;
static struct ct_devset *devices;

/* A device at each of these relays, one more at a port that its relay has not; a pass here. */
static bool know(struct ct_known *known, struct ct_live *live, const struct ct_endpoint *public_at)
{
    memset(known, 0, sizeof(*known));
    memset(live, 0, sizeof(*live));
    relays = relay2_and_denied();
    known->relays = relays;
    const uint32_t places[] = {ct_devset_place(2, 50000), ct_devset_place(2, 50101),
                               ct_devset_place(3, 50000), ct_devset_place(4, 50000),
                               ct_devset_place(5, 49160), ct_devset_place(9, 50000)};
    if (!relays || ct_devset_new(&devices, places, sizeof(places) / sizeof(places[0])) != CT_OK) {
        return false;
    }
    live->addrs = public_at;
    live->addr_count = 1;
    struct ct_endpoint guest = *public_at;
    guest.port = 49170;
    ct_live_set(live, &guest, true);
    known->devices = devices;
    known->live = live;
    return true;
}

static void forget(void)
{
    ct_peerset_free(relays);
    ct_devset_free(devices);
}

#define Y CT_VERDICT_ADMIT
#define OFF CT_VERDICT_MODE_OFF
#define UNK CT_VERDICT_UNKNOWN
#define ALL(v)     \
    {              \
        v, v, v, v \
    }

/* Peer by peer, what each mode says; whatever the filter refuses no mode admits. */
static const struct {
    const char *addr;
    uint16_t port;
    enum ct_verdict verdicts[4]; /* off, relays, devices, open */
} gate_table[] = {
    {"198.51.100.12", 50000, {OFF, Y, Y, Y}},     /* a device at relay 2 */
    {"198.51.100.12", 50001, {OFF, Y, UNK, Y}},   /* no device's port there */
    {"198.51.100.12", 50100, {OFF, Y, UNK, Y}},   /* the last port of the range */
    {"198.51.100.12", 50101, {OFF, UNK, UNK, Y}}, /* a device says so, its relay does not */
    {"198.51.100.12", 3478, {OFF, UNK, UNK, Y}},  /* a listening port: no nested TURN */
    {"198.51.100.13", 50000, {OFF, UNK, UNK, Y}}, /* a host that is no relay */
    {"2001:db8::12", 50000, {OFF, UNK, UNK, Y}},  /* another address of a relay's host */
    {"198.51.100.11", 49160, {OFF, Y, Y, Y}},     /* a device at this relay */
    {"198.51.100.11", 49170, {OFF, Y, Y, Y}},     /* a pass of somebody here */
    {"198.51.100.11", 49171, {OFF, Y, UNK, Y}},   /* a port here that nobody has */
    {"64:ff9b::198.51.100.12", 50000, {OFF, UNK, UNK, Y}},
    /* what the chain lists, and what holds a pass, does not get past the filter */
    {"203.0.113.7", 50000, ALL(CT_VERDICT_DENIED)},
    {"127.0.0.1", 50000, ALL(CT_VERDICT_LOOPBACK)},
    {"::ffff:127.0.0.1", 50000, ALL(CT_VERDICT_LOOPBACK)},
    {"64:ff9b::127.0.0.1", 50000, ALL(CT_VERDICT_LOOPBACK)},
    {"10.1.2.3", 50000, ALL(CT_VERDICT_PRIVATE)},
    {"169.254.169.254", 80, ALL(CT_VERDICT_LINK_LOCAL)},
    {"fe80::1", 50000, ALL(CT_VERDICT_LINK_LOCAL)},
    {"fd00::1", 50000, ALL(CT_VERDICT_PRIVATE)},
    {"224.0.0.1", 50000, ALL(CT_VERDICT_MULTICAST)},
    {"0.0.0.0", 50000, ALL(CT_VERDICT_UNSPECIFIED)},
    {"198.51.100.11", 3478, ALL(CT_VERDICT_OWN_PORT)},
    {"198.51.100.30", 8545, ALL(CT_VERDICT_BACKEND)},
};

static void each_mode_admits_what_it_says_and_filters_first(void)
{
    struct world w;
    struct ct_known known;
    static struct ct_live live;
    world_make(&w);
    REQUIRE(know(&known, &live, &w.own[0]));
    for (size_t i = 0; i < sizeof(gate_table) / sizeof(gate_table[0]); i++) {
        struct ct_endpoint peer = at(gate_table[i].addr, gate_table[i].port);
        for (size_t mode = CT_MODE_OFF; mode <= CT_MODE_OPEN; mode++) {
            w.policy.mode = (enum ct_mode)mode;
            enum ct_verdict verdict = ct_policy_gate(&w.policy, &known, &peer);
            if (verdict != gate_table[i].verdicts[mode]) {
                printf("    %s port %u, mode %s: %s\n", gate_table[i].addr, gate_table[i].port,
                       ct_mode_text(w.policy.mode), ct_verdict_text(verdict));
            }
            CHECK_EQ(verdict, gate_table[i].verdicts[mode]);
        }
    }
    forget();
}

static void old_sets_fall_back_to_permissions(void)
{
    struct world w;
    struct ct_known known;
    static struct ct_live live;
    world_make(&w);
    REQUIRE(know(&known, &live, &w.own[0]));
    struct ct_endpoint device = at("198.51.100.12", 50000);
    for (size_t mode = CT_MODE_RELAYS; mode <= CT_MODE_DEVICES; mode++) {
        w.policy.mode = (enum ct_mode)mode;
        known.relays_age_s = 600;
        CHECK_EQ(ct_policy_gate(&w.policy, &known, &device), CT_VERDICT_ADMIT);
        known.relays_age_s = 601;
        CHECK_EQ(ct_policy_gate(&w.policy, &known, &device), CT_VERDICT_STALE);
        known.relays_age_s = UINT64_MAX;
        CHECK_EQ(ct_policy_gate(&w.policy, &known, &device), CT_VERDICT_STALE);
        known.relays_age_s = 0;
    }
    known.devices_age_s = 601;
    CHECK_EQ(ct_policy_gate(&w.policy, &known, &device), CT_VERDICT_STALE);
    struct ct_known nothing = {.live = &live};
    CHECK_EQ(ct_policy_gate(&w.policy, &nothing, &device), CT_VERDICT_STALE);
    nothing.relays = known.relays; /* the devices were not read yet */
    CHECK_EQ(ct_policy_gate(&w.policy, &nothing, &device), CT_VERDICT_STALE);
    w.policy.mode = CT_MODE_OPEN;
    nothing.relays = NULL;
    CHECK_EQ(ct_policy_gate(&w.policy, &nothing, &device), CT_VERDICT_ADMIT);
    forget();
}

static void pass_holder_here_needs_no_chain_and_is_gone_with_the_allocation(void)
{
    struct world w;
    static struct ct_live live;
    world_make(&w);
    w.policy.mode = CT_MODE_DEVICES;
    live.addrs = w.own;
    live.addr_count = 2;
    struct ct_known known = {.live = &live};
    struct ct_endpoint guest4 = at("198.51.100.11", 49180);
    struct ct_endpoint guest6 = at("2001:db8::11", 49180);
    struct ct_endpoint elsewhere = at("198.51.100.12", 49180);
    CHECK_EQ(ct_policy_gate(&w.policy, &known, &guest4), CT_VERDICT_STALE);
    ct_live_set(&live, &guest4, true);
    CHECK_EQ(ct_policy_gate(&w.policy, &known, &guest4), CT_VERDICT_ADMIT);
    CHECK_EQ(ct_policy_gate(&w.policy, &known, &guest6), CT_VERDICT_STALE);
    CHECK_EQ(ct_policy_gate(&w.policy, &known, &elsewhere), CT_VERDICT_STALE);
    ct_live_set(&live, &guest6, true);
    ct_live_set(&live, &guest4, false);
    CHECK_EQ(ct_policy_gate(&w.policy, &known, &guest4), CT_VERDICT_STALE);
    CHECK_EQ(ct_policy_gate(&w.policy, &known, &guest6), CT_VERDICT_ADMIT);
}

static void unknown_mode_is_refused_in_words(void)
{
    enum ct_mode mode = CT_MODE_OFF;
    struct ct_why why = {""};
    for (size_t i = 0; i <= CT_MODE_OPEN; i++) {
        CHECK(ct_mode_parse(&mode, ct_mode_text((enum ct_mode)i), &why) == CT_OK);
        CHECK_EQ(mode, i);
    }
    CHECK(ct_mode_parse(&mode, "on", &why) == CT_ERR_CONFIG);
    CHECK(strstr(why.text, "off, relays, devices or open") != NULL);
    CHECK(ct_mode_parse(&mode, "", &why) == CT_ERR_CONFIG);
    CHECK(mode == CT_MODE_OPEN);
}

static const struct ct_test tests[] = {
    CT_TEST(every_address_gets_its_verdict),
    CT_TEST(private_is_allowed_by_choice_and_loopback_by_another),
    CT_TEST(other_relays_of_this_host_are_reached_at_their_ports_only),
    CT_TEST(allowed_is_an_exception_from_denied_only),
    CT_TEST(each_mode_admits_what_it_says_and_filters_first),
    CT_TEST(old_sets_fall_back_to_permissions),
    CT_TEST(pass_holder_here_needs_no_chain_and_is_gone_with_the_allocation),
    CT_TEST(unknown_mode_is_refused_in_words),
};

CT_TEST_MAIN(tests)

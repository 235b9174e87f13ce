/* Claims about what a relay registers, and how it finds itself on the chain. */
/* links: ct_coturn_module ct_chain ct_base */
#include <string.h>

#include "ct_test.h"
#include "life/record.h"

static struct ct_endpoint ip4(uint8_t last, uint16_t port)
{
    struct ct_endpoint out = {.addr16 = {[10] = 0xff, 0xff, 198, 51, 100, last}, .port = port};
    return out;
}

static struct ct_endpoint ip6(uint8_t last, uint16_t port)
{
    struct ct_endpoint out = {.addr16 = {0x20, 0x01, 0x0d, 0xb8, [15] = last}, .port = port};
    return out;
}

static const uint8_t owner[20] = {7};
static const uint8_t key[32] = {8};
enum { TODAY = 20000 };

static struct ct_relay own(void)
{
    struct ct_relay out = {.state = CT_RECORD_PENDING,
                           .listen_port = 3478,
                           .port_min = 49152,
                           .port_max = 49200,
                           .listen_ip4 = {198, 51, 100, 11},
                           .relay_ip4 = {198, 51, 100, 11}};
    memcpy(out.owner20, owner, 20);
    memcpy(out.key32, key, 32);
    return out;
}

static struct ct_relay listed(uint16_t index)
{
    struct ct_relay out = own();
    out.state = CT_RECORD_APPROVED;
    out.index = index;
    out.expiry_day = TODAY + 30;
    return out;
}

static void record_has_the_addresses_that_the_outside_sees(void)
{
    struct ct_endpoint listeners[2] = {ip4(5, 3478), ip6(5, 3478)};
    struct ct_endpoint relays[2] = {ip4(5, 0), ip6(5, 0)};
    struct ct_endpoint shown[2] = {ip4(11, 0), ip6(5, 0)};
    struct ct_host host = {.listeners = listeners,
                           .listener_count = 2,
                           .relays = relays,
                           .relays_public = shown,
                           .relay_count = 2,
                           .port_min = 49152,
                           .port_max = 49200};
    struct ct_relay out;
    struct ct_why why;
    REQUIRE(ct_relay_record_make(&out, &host, owner, key, &why) == CT_OK);
    CHECK_MEM(out.listen_ip4, shown[0].addr16 + 12, 4);
    CHECK_MEM(out.relay_ip4, shown[0].addr16 + 12, 4);
    CHECK_MEM(out.listen_ip6, listeners[1].addr16, 16);
    CHECK_MEM(out.relay_ip6, listeners[1].addr16, 16);
    CHECK_EQ(out.listen_port, 3478);
    CHECK_EQ(out.port_min, 49152);
    CHECK_EQ(out.port_max, 49200);
    CHECK_MEM(out.owner20, owner, 20);
    CHECK_MEM(out.key32, key, 32);
}

static void several_addresses_of_a_family_are_refused(void)
{
    struct ct_endpoint listeners[2] = {ip4(5, 3478), ip4(6, 3478)};
    struct ct_host host = {.listeners = listeners,
                           .listener_count = 2,
                           .relays = listeners,
                           .relays_public = listeners,
                           .relay_count = 1};
    struct ct_relay out;
    struct ct_why why;
    CHECK(ct_relay_record_make(&out, &host, owner, key, &why) == CT_ERR_CONFIG);
    CHECK(strstr(why.text, "listening-ip") != NULL);
    host.listener_count = 0;
    CHECK(ct_relay_record_make(&out, &host, owner, key, &why) == CT_ERR_CONFIG);
}

static void relay_knows_itself_whatever_the_order(void)
{
    struct ct_relay me = own();
    struct ct_relay all[3] = {listed(1), listed(2), listed(3)};
    all[0].owner20[0] = 9;
    all[1].key32[0] = 9; /* an older key of ours, revoked since */
    all[1].state = CT_RECORD_REVOKED;
    uint16_t index = 0;
    CHECK(ct_relay_standing(&index, &me, 0, all, 3, TODAY * 86400ull) == CT_STANDING_LISTED);
    CHECK_EQ(index, 3);
    CHECK(ct_relay_standing(&index, &me, 0, all, 1, TODAY * 86400ull) == CT_STANDING_NEW);
    CHECK_EQ(index, 0);
}

static void changed_relay_takes_the_place_of_its_old_record(void)
{
    uint16_t index = 0;
    struct ct_relay there = listed(4);
    struct ct_relay me = own();
    me.key32[0] = 99;
    CHECK(ct_relay_standing(&index, &me, 0, &there, 1, TODAY * 86400ull) == CT_STANDING_CHANGED);
    CHECK_EQ(index, 4);
    me = own();
    me.listen_port = 3479;
    CHECK(ct_relay_standing(&index, &me, 0, &there, 1, TODAY * 86400ull) == CT_STANDING_CHANGED);
    me.port_min = 60000;
    me.port_max = 60001; /* neither the listening address nor a relayed port in common */
    CHECK(ct_relay_standing(&index, &me, 0, &there, 1, TODAY * 86400ull) == CT_STANDING_NEW);
}

static void expired_or_withdrawn_relay_registers_anew_and_revoked_one_does_not(void)
{
    uint16_t index = 0;
    struct ct_relay me = own();
    struct ct_relay there = listed(4);
    CHECK(ct_relay_standing(&index, &me, 0, &there, 1, (TODAY + 31) * 86400ull) ==
          CT_STANDING_CHANGED);
    there.state = CT_RECORD_WITHDRAWN;
    CHECK(ct_relay_standing(&index, &me, 0, &there, 1, TODAY * 86400ull) == CT_STANDING_CHANGED);
    there.state = CT_RECORD_REVOKED;
    CHECK(ct_relay_standing(&index, &me, 0, &there, 1, TODAY * 86400ull) == CT_STANDING_REVOKED);
    CHECK_EQ(index, 4);
}

static void salt_follows_the_record_and_the_deployment(void)
{
    uint8_t deployment[32] = {1};
    uint8_t a[32];
    uint8_t b[32];
    struct ct_relay me = own();
    ct_relay_salt(a, deployment, &me);
    me.index = 5;
    ct_relay_salt(b, deployment, &me);
    CHECK_MEM(a, b, 32);
    me.port_max++;
    ct_relay_salt(b, deployment, &me);
    CHECK(memcmp(a, b, 32) != 0);
    me.port_max--;
    deployment[0] = 2;
    ct_relay_salt(b, deployment, &me);
    CHECK(memcmp(a, b, 32) != 0);
}

static const struct ct_test tests[] = {
    CT_TEST(record_has_the_addresses_that_the_outside_sees),
    CT_TEST(several_addresses_of_a_family_are_refused),
    CT_TEST(relay_knows_itself_whatever_the_order),
    CT_TEST(changed_relay_takes_the_place_of_its_old_record),
    CT_TEST(expired_or_withdrawn_relay_registers_anew_and_revoked_one_does_not),
    CT_TEST(salt_follows_the_record_and_the_deployment),
};

CT_TEST_MAIN(tests)

/* Claims about the test of a relay: the running relay in each mode, and servers that lie. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "chain/key.h"
#include "ct_test.h"
#include "liar.h"
#include "place.h"
#include "relays/probe.h"

/*
 *   the test: clients 127.0.0.1, peer 127.0.0.9
 *      |---- turnserver 127.0.0.1 (place.h)
 *      `---- liar 127.0.0.5, which holds that relay's key
 */
enum { CHAIN = 31337, MODES = 4, TRIES = 5, LIAR_PORT = 47000 };
static const uint8_t contract[20] = {0xc0, 0xff, 0xee}; /* of place.c */
static const char *const mode_texts[MODES] = {"off", "relays", "devices", "open"};

static struct place place;
static struct ct_wallet owner;
static struct ct_why why;
static uint32_t timeout_ms = 30000; /* of a test that waits for what never comes: set it shorter */

static ct_err probe(const struct ct_relay *record, bool allow_private)
{
    const struct ct_pass_issuer issuer = {.key_id = 1, .key = &place.signer, .life_s = 300};
    struct ct_pass_issuer mine = issuer;
    uint32_t rtt_us = 0;
    memcpy(mine.deployment32, place.deployment32, 32);
    const struct ct_probe p = {.issuer = &mine,
                               .chain_id = CHAIN,
                               .contract20 = contract,
                               .relay = record,
                               .timeout_ms = timeout_ms,
                               .allow_private = allow_private,
                               .peer_at = loopback(9, 0),
                               .now_s = ct_wall_s()};
    why.text[0] = '\0';
    ct_err err = ct_probe_relay(&p, &rtt_us, &why);
    if (err != CT_OK) {
        printf("    %s\n", why.text);
    }
    return err;
}

/* What the running relay registers. */
static struct ct_relay its_record(void)
{
    struct ct_relay r = {.state = CT_RECORD_APPROVED,
                         .listen_port = place.port,
                         .port_min = RELAYED_MIN,
                         .port_max = RELAYED_MAX,
                         .listen_ip4 = {127, 0, 0, 1},
                         .relay_ip4 = {127, 0, 0, 1}};
    memcpy(r.key32, place.relay.public32, 32);
    memcpy(r.owner20, owner.addr20, 20);
    return r;
}

static pid_t start(unsigned mode)
{
    char extra[512];
    char path[160];
    (void)snprintf(extra, sizeof extra, "%schainturn-mode=%s\n", place_module_on, mode_texts[mode]);
    place_mark(&place);
    pid_t pid = place_configure(&place, extra) ? place_start(&place) : -1;
    (void)snprintf(path, sizeof path, "%s/state/wallet.key", place.folder);
    bool up = pid > 0 && place_await(&place, "chainturn: started") &&
              ct_wallet_load(&owner, path, &why) == CT_OK;
    CHECK(up);
    return pid;
}

static void the_running_relay_passes_in_each_mode(void)
{
    for (unsigned mode = 0; mode < MODES; mode++) {
        pid_t pid = start(mode);
        struct ct_relay record = its_record();
        CHECK_EQ(probe(&record, true), CT_OK);
        CHECK_EQ(place_stop(pid), 0);
    }
}

static void records_that_are_not_this_servers_are_refused(void)
{
    pid_t pid = start(1);
    struct ct_wallet thief;
    char named[CT_ADDR_TEXT_LEN];
    struct ct_relay record = its_record();
    record.state = CT_RECORD_PENDING;
    CHECK_EQ(probe(&record, true), CT_OK);

    CHECK_EQ(ct_wallet_new(&thief), CT_OK); /* all of it is copied but the owner */
    memcpy(record.owner20, thief.addr20, 20);
    CHECK_EQ(probe(&record, true), CT_ERR_AUTH);
    ct_addr_text(named, owner.addr20);
    CHECK(strstr(why.text, named) != NULL);

    record = its_record(); /* the owner's record of a server with more ports */
    record.port_max++;
    CHECK_EQ(probe(&record, true), CT_ERR_REFUSED);
    CHECK(strstr(why.text, "another relay") != NULL);

    record = its_record(); /* or with another key */
    memcpy(record.key32, place.signer.public32, 32);
    CHECK_EQ(probe(&record, true), CT_ERR_AUTH);
    CHECK_EQ(place_stop(pid), 0);
}

static void a_relay_into_its_own_network_is_refused(void)
{
    pid_t pid = start(1); /* allow-loopback-peers and chainturn-allow-private */
    struct ct_relay record = its_record();
    CHECK_EQ(probe(&record, false), CT_ERR_REFUSED);
    CHECK(strstr(why.text, "10.0.0.1:9 beside itself: remove chainturn-allow-private") != NULL);
    CHECK_EQ(place_stop(pid), 0);
}

/* ---- a server with the right key ---- */

static struct ct_relay liars_record(void)
{
    struct ct_relay r = its_record();
    const uint8_t at[4] = {127, 0, 0, 5};
    memcpy(r.listen_ip4, at, 4);
    memcpy(r.relay_ip4, at, 4);
    r.listen_port = LIAR_PORT;
    r.port_min = 50000;
    r.port_max = 50007;
    return r;
}

static struct ct_owner statement_of(const struct ct_relay *record, uint8_t mode)
{
    struct ct_owner s = {.mode = mode, .until_s = ct_wall_s() + 600};
    ct_owner_relay(s.relay32, record);
    CHECK_EQ(ct_owner_sign(&s, CHAIN, contract, &owner), CT_OK);
    return s;
}

/* What a test notices it does within a moment: one of a few, should this process be stopped. */
static ct_err probe_liar(const struct ct_owner *statement, unsigned ways)
{
    static struct liar liar;
    const struct ct_addr at = loopback(5, LIAR_PORT);
    struct ct_relay record = liars_record();
    ct_err err = CT_OK;
    for (int i = 0; i < TRIES && (err == CT_OK || err == CT_ERR_TIMEOUT); i++) {
        bool up = liar_open(&liar, &at, &place.relay, statement, ways);
        CHECK(up);
        err = probe(&record, (ways & LIAR_FILTERS) == 0);
        liar_close(&liar);
        if ((ways & ~(unsigned)LIAR_STRICT) == LIAR_FILTERS && err == CT_OK) {
            break; /* it does nothing amiss */
        }
    }
    return err;
}

static void a_relay_that_says_nothing_of_its_owner_is_refused(void)
{
    CHECK_EQ(probe_liar(NULL, LIAR_STRICT), CT_ERR_REFUSED);
    CHECK(strstr(why.text, "does not say whose it is") != NULL);
}

static void anothers_statement_is_no_good_in_another_place(void)
{
    struct ct_relay real = its_record(); /* the server that anybody with a pass may ask */
    struct ct_owner s = statement_of(&real, 1);
    CHECK_EQ(probe_liar(&s, LIAR_STRICT), CT_ERR_REFUSED);
    CHECK(strstr(why.text, "another relay") != NULL);
}

static void a_statement_of_yesterday_is_refused(void)
{
    struct ct_relay record = liars_record();
    struct ct_owner s = statement_of(&record, 1);
    s.until_s = ct_wall_s() - 1;
    CHECK_EQ(ct_owner_sign(&s, CHAIN, contract, &owner), CT_OK);
    CHECK_EQ(probe_liar(&s, LIAR_STRICT), CT_ERR_EXPIRED);
}

static void strangers_let_in_against_the_mode_are_noticed(void)
{
    struct ct_relay record = liars_record();
    for (uint8_t mode = 0; mode < 3; mode++) {
        struct ct_owner s = statement_of(&record, mode);
        CHECK_EQ(probe_liar(&s, 0), CT_ERR_REFUSED);
        CHECK(strstr(why.text, "a stranger's datagram passes") != NULL);
    }
}

static void who_is_kept_out_against_the_mode_is_noticed(void)
{
    struct ct_relay record = liars_record();
    struct ct_owner s = statement_of(&record, 3);
    timeout_ms = 4000;
    CHECK_EQ(probe_liar(&s, LIAR_STRICT), CT_ERR_REFUSED);
    CHECK(strstr(why.text, "says that its mode is open") != NULL);
    for (uint8_t mode = 1; mode < 3; mode++) { /* the record is approved */
        s = statement_of(&record, mode);
        CHECK_EQ(probe_liar(&s, LIAR_STRICT), CT_ERR_REFUSED);
        CHECK(strstr(why.text, "between two of its allocations") != NULL);
    }
    timeout_ms = 30000;
}

/* All that is asked of it before is as it should be. */
static void metadata_services_within_reach_are_noticed(void)
{
    struct ct_relay record = liars_record();
    struct ct_owner s = statement_of(&record, 0);
    CHECK_EQ(probe_liar(&s, LIAR_STRICT), CT_ERR_REFUSED);
    CHECK(strstr(why.text, "169.254.169.254") != NULL);
}

/* It keeps the test away from what the running relay's filter keeps it away from, and no more. */
static void loopback_within_reach_is_noticed(void)
{
    struct ct_relay record = liars_record();
    struct ct_owner s = statement_of(&record, 0);
    CHECK_EQ(probe_liar(&s, LIAR_STRICT | LIAR_FILTERS), CT_OK);
    CHECK_EQ(probe_liar(&s, LIAR_STRICT | LIAR_FILTERS | LIAR_LOOPBACK), CT_ERR_REFUSED);
    CHECK(strstr(why.text, "reach 127.0.0.1:9 beside itself: remove allow-loopback") != NULL);
}

static void data_that_passes_one_way_alone_is_noticed(void)
{
    struct ct_relay record = liars_record();
    struct ct_owner s = statement_of(&record, 0);
    CHECK_EQ(probe_liar(&s, LIAR_STRICT | LIAR_FILTERS | LIAR_KEEPS_OUT), CT_ERR_REFUSED);
    CHECK(strstr(why.text, "data does not pass out of the relay") != NULL);
    CHECK_EQ(probe_liar(&s, LIAR_STRICT | LIAR_FILTERS | LIAR_KEEPS_IN), CT_ERR_REFUSED);
    CHECK(strstr(why.text, "data does not pass into the relay") != NULL);
}

static const struct ct_test tests[] = {
    CT_TEST(the_running_relay_passes_in_each_mode),
    CT_TEST(records_that_are_not_this_servers_are_refused),
    CT_TEST(a_relay_into_its_own_network_is_refused),
    CT_TEST(a_relay_that_says_nothing_of_its_owner_is_refused),
    CT_TEST(anothers_statement_is_no_good_in_another_place),
    CT_TEST(a_statement_of_yesterday_is_refused),
    CT_TEST(strangers_let_in_against_the_mode_are_noticed),
    CT_TEST(who_is_kept_out_against_the_mode_is_noticed),
    CT_TEST(metadata_services_within_reach_are_noticed),
    CT_TEST(loopback_within_reach_is_noticed),
    CT_TEST(data_that_passes_one_way_alone_is_noticed),
};

int main(int argc, char **argv)
{
    if (argc != 4 || !place_make(&place, argv)) {
        (void)fprintf(stderr, "usage: probe_test TURNSERVER UCLIENT PEER\n");
        return 2;
    }
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    place_remove(&place);
    return code;
}

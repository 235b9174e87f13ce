/* Claims about the relay and a real chain: it registers, is approved, follows the list, survives.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "place.h"
#include "platform.h"
#include "life/record.h"

/* anvil is the chain; this program is the platform: it deploys, approves and revokes. */
static struct place place;
static struct platform platform;
static struct ct_wallet relay_owner;
static pid_t server;

/* The relay reads this many blocks below the head; each transaction here makes one block. */
enum { DEPTH = 2 };

static bool give_bundle(void)
{
    struct ct_bundle bundle = *ct_chain_bundle(platform.chain);
    bundle.safety_depth = DEPTH;
    bundle.checkpoint_number = platform.deployed_at;
    platform_mine(&platform, DEPTH);
    return place_bundle(&place, &bundle);
}

static bool start(void);

/* A chain with the contract on it, a bundle for the relay, and some ether for its wallet. */
static bool open_chain(void)
{
    struct ct_why why = {""};
    char path[128];
    bool made = false;
    (void)snprintf(path, sizeof(path), "%s/state/wallet.key", place.folder);
    platform.depth = DEPTH;
    return platform_open(&platform, &place.keys[0], NULL) &&
           ct_wallet_load_or_create(&relay_owner, &made, path, &why) == CT_OK &&
           ct_anvil_fund(&platform.anvil, relay_owner.addr20) && give_bundle();
}

/* What the relay under test registers, as record.c makes it. */
static void own_pending_id(uint8_t pending32[32])
{
    struct ct_relay own;
    memset(&own, 0, sizeof(own));
    own.listen_port = place.port;
    own.port_min = RELAYED_MIN;
    own.port_max = RELAYED_MAX;
    own.listen_ip4[0] = own.relay_ip4[0] = 127;
    own.listen_ip4[3] = own.relay_ip4[3] = 1;
    memcpy(own.owner20, relay_owner.addr20, 20);
    memcpy(own.key32, place.relay.public32, 32);
    uint8_t salt[32];
    ct_relay_salt(salt, place.deployment32, &own);
    ct_registry_pending_id(pending32, relay_owner.addr20, salt);
}

/* Another relay, at 127.0.0.2 with the ports that place.h calls approved. */
static ct_err list_neighbour(uint16_t *index)
{
    return platform_list(&platform, 2, APPROVED_MIN, APPROVED_MAX, index);
}

static bool start(void)
{
    static const char *const options = "chainturn-bundle=@/bundle.json\n"
                                       "chainturn-state=@/state\n"
                                       "chainturn-poll-ms=100\n"
                                       "chainturn-allow-private\n";
    server = place_configure(&place, options) ? place_start(&place) : -1;
    return server > 0;
}

/* Does a packet for 127.0.0.2 pass without a permission? One with a permission follows it. */
static bool neighbour_is_admitted(struct client *c)
{
    struct ct_addr neighbour_at = loopback(2, APPROVED_MIN);
    struct ct_addr stranger_at = loopback(3, APPROVED_MIN);
    int neighbour = peer_open(&neighbour_at);
    int stranger = peer_open(&stranger_at);
    bool ordered = client_permit(c, &stranger_at);
    client_send(c, &neighbour_at, "first");
    client_send(c, &stranger_at, "second");
    ordered = ordered && strcmp(peer_receive(stranger), "second") == 0;
    bool admitted = !peer_has_nothing(neighbour);
    CHECK(ordered);
    (void)close(neighbour);
    (void)close(stranger);
    return admitted;
}

static uint16_t neighbour_index;

static void bundle_of_another_chain_or_contract_ends_it_with_a_sentence(void)
{
    REQUIRE(place_forget(&place));
    struct ct_bundle bundle = *ct_chain_bundle(platform.chain);
    bundle.chain_id++;
    REQUIRE(place_bundle(&place, &bundle) && start());
    CHECK_EQ(place_wait(server), 78);
    CHECK(place_await(&place, "bundle.json does not fit the chain"));
    place_mark(&place);
    bundle = *ct_chain_bundle(platform.chain);
    bundle.contract20[3] ^= 1;
    REQUIRE(place_bundle(&place, &bundle) && start());
    CHECK_EQ(place_wait(server), 78);
    CHECK(place_await(&place, "bundle.json does not fit the chain"));
    uint64_t sent = 1;
    struct ct_why why = {""};
    CHECK(ct_rpc_nonce(platform.chain, relay_owner.addr20, true, &sent, &why) == CT_OK);
    CHECK_EQ(sent, 0);
    CHECK(give_bundle());
}

static void relay_registers_itself_and_is_approved(void)
{
    uint8_t pending[32];
    uint16_t index = 0;
    REQUIRE(start());
    REQUIRE(place_await(&place, "registered block="));
    (void)poll(NULL, 0, 500); /* some looks at the chain, which must not make it register again */
    platform_mine(&platform, DEPTH);
    /* no wallet manager answers, and it says so */
    CHECK(place_await(&place, "enrolment_failed"));
    own_pending_id(pending);
    REQUIRE(platform_approve(&platform, pending, &index) == CT_OK);
    CHECK_EQ(index, 1);
    CHECK(place_await(&place, "relay_approved index=1"));
}

static void pass_of_the_chains_key_and_approved_neighbour_are_taken(void)
{
    struct credential pass;
    struct client c;
    REQUIRE(server > 0 && place_pass(&place, &pass, ct_wall_s(), 900));
    REQUIRE(client_open(&c, &place, pass.user, pass.password));
    CHECK(ct_alloc_state(&c.alloc) == CT_ALLOC_READY);
    CHECK(!neighbour_is_admitted(&c));
    place_mark(&place);
    REQUIRE(list_neighbour(&neighbour_index) == CT_OK);
    CHECK(place_await(&place, "relay_set relays=2"));
    CHECK(neighbour_is_admitted(&c));
    client_close(&c);
}

static void restart_finds_itself_listed_and_registers_nothing(void)
{
    struct ct_why why = {""};
    uint64_t before = 0;
    uint64_t after = 1;
    REQUIRE(server > 0);
    CHECK(ct_rpc_nonce(platform.chain, relay_owner.addr20, true, &before, &why) == CT_OK);
    CHECK_EQ(place_stop(server), 0);
    place_mark(&place);
    REQUIRE(start());
    CHECK(place_await(&place, "relay_set_loaded ranges=2"));
    CHECK(place_await(&place, "relay_approved index=1"));
    CHECK(ct_rpc_nonce(platform.chain, relay_owner.addr20, true, &after, &why) == CT_OK);
    CHECK_EQ(before, 1);
    CHECK_EQ(after, before);
}

static void revoked_neighbour_needs_a_permission_again(void)
{
    struct client c;
    REQUIRE(server > 0 && client_open(&c, &place, "alice", "wonderland"));
    CHECK(neighbour_is_admitted(&c));
    place_mark(&place);
    REQUIRE(platform_revoke_relay(&platform, neighbour_index) == CT_OK);
    CHECK(place_await(&place, "relay_set relays=1"));
    CHECK(!neighbour_is_admitted(&c));
    client_close(&c);
}

static void set_survives_the_chain_and_a_restart_without_it(void)
{
    struct client c;
    struct credential pass;
    uint16_t index = 0;
    place_mark(&place);
    REQUIRE(server > 0 && list_neighbour(&index) == CT_OK);
    REQUIRE(client_open(&c, &place, "alice", "wonderland"));
    CHECK(place_await(&place, "relay_set relays=2"));
    CHECK(neighbour_is_admitted(&c));
    ct_anvil_stop(&platform.anvil);
    CHECK(place_await(&place, "chain_unreadable"));
    CHECK(neighbour_is_admitted(&c));
    client_close(&c);
    CHECK_EQ(place_stop(server), 0);
    place_mark(&place);
    REQUIRE(start() && place_await(&place, "chainturn: started"));
    REQUIRE(place_pass(&place, &pass, ct_wall_s(), 900));
    REQUIRE(client_open(&c, &place, pass.user, pass.password));
    CHECK(neighbour_is_admitted(&c));
    client_close(&c);
    CHECK_EQ(place_stop(server), 0);
}

static const struct ct_test tests[] = {
    CT_TEST(bundle_of_another_chain_or_contract_ends_it_with_a_sentence),
    CT_TEST(relay_registers_itself_and_is_approved),
    CT_TEST(pass_of_the_chains_key_and_approved_neighbour_are_taken),
    CT_TEST(restart_finds_itself_listed_and_registers_nothing),
    CT_TEST(revoked_neighbour_needs_a_permission_again),
    CT_TEST(set_survives_the_chain_and_a_restart_without_it),
};

int main(int argc, char **argv)
{
    if (!place_begin(&place, argc, argv)) {
        return 2;
    }
    if (!open_chain()) {
        (void)fprintf(stderr, "no chain to test with\n");
        return place_end(&place, 1);
    }
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    platform_close(&platform);
    return place_end(&place, code);
}

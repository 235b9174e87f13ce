/* Claims about the relay and a real chain: it registers, is approved, follows the list, survives.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "anvil.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "chain/chain.h"
#include "chain/send.h"
#include "ct_test.h"
#include "place.h"
#include "record.h"

/* anvil is the chain; this program is the platform: it deploys, approves and revokes. */
static struct place place;
static struct ct_anvil anvil;
static struct ct_chain *chain;
static struct ct_wallet platform;
static struct ct_wallet relay_owner;
static pid_t server;

/* The relay reads this many blocks below the head; each transaction here makes one block. */
enum { DEPTH = 2 };

static void deepen(void)
{
    char params[16];
    (void)snprintf(params, sizeof(params), "[\"0x%x\"]", DEPTH);
    free(ct_anvil_call(&anvil, "anvil_mine", params));
}

static ct_err send_data(const struct ct_wr *data, struct ct_receipt *receipt, struct ct_why *why)
{
    struct ct_send tx = {
        .to20 = ct_chain_bundle(chain)->contract20, .data = data->buf, .data_len = data->len};
    ct_err err = ct_send_and_wait(chain, &platform, &tx, 1, 20000, receipt, why);
    if (err != CT_OK) {
        printf("    %s\n", why->text);
    }
    deepen();
    return err;
}

static bool deploy(void)
{
    struct ct_why why = {""};
    struct ct_receipt receipt;
    struct ct_view view;
    struct ct_account account;
    bool found = false;
    memset(&receipt, 0, sizeof(receipt));
    uint8_t *code = malloc(ct_call_deploy_len());
    if (!code) {
        return false;
    }
    struct ct_wr w = ct_wr_init(code, ct_call_deploy_len());
    ct_call_deploy(&w, platform.addr20, platform.addr20, &place.keys[0]);
    struct ct_send tx = {.data = code, .data_len = w.len};
    bool ok = ct_send_and_wait(chain, &platform, &tx, 1, 20000, &receipt, &why) == CT_OK &&
              ct_chain_view(chain, &view, &why) == CT_OK &&
              ct_chain_account(chain, &view, receipt.contract20, &found, &account, &why) == CT_OK;
    if (ok) {
        ct_chain_set_contract(chain, receipt.contract20, account.code_hash32);
    }
    printf("%s%s", why.text, ok ? "" : "\n");
    ct_receipt_free(&receipt);
    free(code);
    return ok;
}

static bool give_bundle(void)
{
    struct ct_bundle bundle = *ct_chain_bundle(chain);
    bundle.safety_depth = DEPTH;
    deepen();
    return place_bundle(&place, &bundle);
}

static bool start(void);

/* A chain with the contract on it, a bundle for the relay, and some ether for its wallet. */
static bool open_chain(void)
{
    struct ct_why why = {""};
    struct ct_bundle bundle;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/state/wallet.key", place.folder);
    if (!ct_anvil_start(&anvil)) {
        return false;
    }
    ct_anvil_bundle(&bundle, &anvil);
    (void)snprintf(bundle.wm_handshake_url, CT_BUNDLE_URL_MAX, "http://127.0.0.1:2");
    (void)snprintf(bundle.wm_tls_url, CT_BUNDLE_URL_MAX, "https://127.0.0.1:3");
    bool made = false;
    return ct_chain_open(&chain, &bundle, NULL, &why) == CT_OK &&
           ct_wallet_new(&platform) == CT_OK && ct_anvil_fund(&anvil, platform.addr20) &&
           ct_wallet_load_or_create(&relay_owner, &made, path, &why) == CT_OK &&
           ct_anvil_fund(&anvil, relay_owner.addr20) && deploy() && give_bundle();
}

static ct_err approve(const uint8_t pending32[32], uint16_t *index)
{
    struct ct_why why = {""};
    struct ct_view view;
    struct ct_relay there;
    struct ct_receipt receipt;
    uint8_t digest[32];
    uint8_t buf[256];
    memset(&receipt, 0, sizeof(receipt));
    ct_err err = ct_chain_view(chain, &view, &why);
    if (err == CT_OK) {
        err = ct_registry_pending(chain, &view, pending32, &there, &why);
    }
    if (err != CT_OK) {
        return err;
    }
    ct_relay_digest(digest, &there);
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_approve_server(&w, pending32, digest, (uint16_t)(ct_wall_s() / 86400 + 30));
    err = send_data(&w, &receipt, &why);
    if (err == CT_OK) {
        err = ct_receipt_relay_approved(index, &receipt, ct_chain_bundle(chain)->contract20);
        ct_receipt_free(&receipt);
    }
    return err;
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
    struct ct_why why = {""};
    struct ct_receipt receipt;
    struct ct_relay relay;
    uint8_t salt[32] = {5};
    uint8_t pending[32];
    uint8_t buf[512];
    memset(&receipt, 0, sizeof(receipt));
    memset(&relay, 0, sizeof(relay));
    relay.listen_port = 3478;
    relay.port_min = APPROVED_MIN;
    relay.port_max = APPROVED_MAX;
    relay.listen_ip4[0] = relay.relay_ip4[0] = 127;
    relay.listen_ip4[3] = relay.relay_ip4[3] = 2;
    relay.key32[0] = 1;
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_register_server(&w, salt, &relay);
    ct_err err = send_data(&w, &receipt, &why);
    if (err != CT_OK) {
        return err;
    }
    ct_receipt_free(&receipt);
    ct_registry_pending_id(pending, platform.addr20, salt);
    return approve(pending, index);
}

static ct_err revoke_relay(uint16_t index)
{
    struct ct_why why = {""};
    struct ct_receipt receipt;
    uint8_t buf[64];
    memset(&receipt, 0, sizeof(receipt));
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_revoke_server(&w, index);
    ct_err err = send_data(&w, &receipt, &why);
    if (err == CT_OK) {
        ct_receipt_free(&receipt);
    }
    return err;
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
    struct ct_bundle bundle = *ct_chain_bundle(chain);
    bundle.chain_id++;
    REQUIRE(place_bundle(&place, &bundle) && start());
    CHECK_EQ(place_wait(server), 78);
    CHECK(place_await(&place, "bundle.json does not fit the chain"));
    place_mark(&place);
    bundle = *ct_chain_bundle(chain);
    bundle.contract20[3] ^= 1;
    REQUIRE(place_bundle(&place, &bundle) && start());
    CHECK_EQ(place_wait(server), 78);
    CHECK(place_await(&place, "bundle.json does not fit the chain"));
    uint64_t sent = 1;
    struct ct_why why = {""};
    CHECK(ct_rpc_nonce(chain, relay_owner.addr20, true, &sent, &why) == CT_OK);
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
    deepen();
    /* no wallet manager answers, and it says so */
    CHECK(place_await(&place, "enrolment_failed"));
    own_pending_id(pending);
    REQUIRE(approve(pending, &index) == CT_OK);
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
    CHECK(ct_rpc_nonce(chain, relay_owner.addr20, true, &before, &why) == CT_OK);
    CHECK_EQ(place_stop(server), 0);
    place_mark(&place);
    REQUIRE(start());
    CHECK(place_await(&place, "relay_set_loaded ranges=2"));
    CHECK(place_await(&place, "relay_approved index=1"));
    CHECK(ct_rpc_nonce(chain, relay_owner.addr20, true, &after, &why) == CT_OK);
    CHECK_EQ(before, 1);
    CHECK_EQ(after, before);
}

static void revoked_neighbour_needs_a_permission_again(void)
{
    struct client c;
    REQUIRE(server > 0 && client_open(&c, &place, "alice", "wonderland"));
    CHECK(neighbour_is_admitted(&c));
    place_mark(&place);
    REQUIRE(revoke_relay(neighbour_index) == CT_OK);
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
    ct_anvil_stop(&anvil);
    CHECK(place_await(&place, "chain_unreadable"));
    CHECK(neighbour_is_admitted(&c));
    client_close(&c);
    CHECK_EQ(place_stop(server), 0);
    REQUIRE(start());
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
    if (argc != 4) {
        (void)fprintf(stderr, "usage: listing_test TURNSERVER TURNUTILS_UCLIENT TURNUTILS_PEER\n");
        return 2;
    }
    (void)alarm(150); /* nothing here may hang */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!place_make(&place, argv) || !open_chain()) {
        (void)fprintf(stderr, "no place or no chain to test with\n");
        return 1;
    }
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    ct_chain_free(chain);
    if (code == 0) {
        place_remove(&place);
    } else {
        ct_anvil_stop(&anvil);
        printf("left for inspection: %s\n", place.folder);
    }
    return code;
}

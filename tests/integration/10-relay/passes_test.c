/* Claims about passes at a relay that follows a real chain: renewed, revoked, rotated, forged. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "ct_test.h"
#include "place.h"
#include "platform.h"
#include "probe.h"
#include "sockets.h"

enum { WAIT_MS = 60000 };

static struct place place;
static struct platform platform;
static pid_t server;

static bool start(const char *extra)
{
    char text[512];
    (void)snprintf(text, sizeof(text),
                   "chainturn-bundle=@/bundle.json\nchainturn-state=@/state\n"
                   "chainturn-poll-ms=100\nchainturn-allow-private\n%s",
                   extra);
    place_mark(&place);
    server = place_configure(&place, text) ? place_start(&place) : -1;
    return server > 0 && place_await(&place, "chainturn: started");
}

static bool open_chain(void)
{
    return platform_open(&platform, &place.keys[0], NULL) && place_forget(&place) &&
           place_bundle(&place, ct_chain_bundle(platform.chain)) && start("") &&
           place_await(&place, "wm_keys current=1");
}

static int allocate(struct probe *p, const struct credential *c)
{
    struct ct_addr at = loopback(1, place.port);
    return probe_open(p, &at, PROBE_UDP) ? probe_allocate(p, c->user, c->password, PROBE_UDP, 4)
                                         : PROBE_NO_ANSWER;
}

static int refresh_as(struct probe *p, const struct credential *c)
{
    p->user = c->user;
    p->password = c->password;
    return probe_refresh(p, 600);
}

static void renewal_takes_over_the_allocation_and_nobody_else_does(void)
{
    struct credential first;
    struct credential second;
    struct credential stranger;
    uint8_t first_id[16];
    uint8_t id[16];
    struct probe p;
    struct ct_addr peer_at = loopback(3, APPROVED_MIN);
    REQUIRE(place_pass_renewing(&place, &first, NULL, first_id) &&
            place_pass_renewing(&place, &second, first_id, id) &&
            place_pass_renewing(&place, &stranger, NULL, id));
    REQUIRE(allocate(&p, &first) == 0);
    uint16_t port = p.relayed.port;
    int peer = socket_at(&peer_at, SOCK_DGRAM);
    CHECK_EQ(probe_bind(&p, &peer_at, 0x4001), 0);
    CHECK_EQ(refresh_as(&p, &stranger), 441);
    CHECK_EQ(refresh_as(&p, &second), 0);
    CHECK_EQ(refresh_as(&p, &first), 441); /* what was renewed has no say any more */
    CHECK_EQ(refresh_as(&p, &second), 0);
    probe_send_in_channel(&p, 0x4001, "still here");
    CHECK_STR(socket_receive(peer, WAIT_MS), "still here");
    socket_send(peer, &p.relayed, "and back");
    CHECK_STR(probe_receive(&p, WAIT_MS), "and back");
    CHECK_EQ(p.relayed.port, port);
    probe_close(&p);
    (void)close(peer);
}

/* Whoever sees a renewing pass go by knows its name, and may forge the client's address. */
static void renewing_pass_takes_nothing_over_before_its_message_proves_it(void)
{
    struct credential first;
    struct credential second;
    uint8_t first_id[16];
    uint8_t id[16];
    struct probe p;
    struct ct_addr peer_at = loopback(3, APPROVED_MIN);
    REQUIRE(place_pass_renewing(&place, &first, NULL, first_id) &&
            place_pass_renewing(&place, &second, first_id, id));
    struct credential forged = second;
    struct credential junk = second;
    forged.password[0] = forged.password[0] == 'x' ? 'y' : 'x';
    junk.user[200] = junk.user[200] == 'x' ? 'y' : 'x'; /* of its signature */
    REQUIRE(allocate(&p, &first) == 0);
    CHECK_EQ(refresh_as(&p, &forged), 401);
    CHECK_EQ(refresh_as(&p, &first), 0);
    CHECK_EQ(refresh_as(&p, &junk), 401);
    CHECK_EQ(refresh_as(&p, &first), 0);
    p.user = forged.user;
    p.password = forged.password;
    CHECK_EQ(probe_bind(&p, &peer_at, 0x4001), 401);
    CHECK_EQ(probe_permit(&p, &peer_at), 401);
    CHECK_EQ(refresh_as(&p, &first), 0);
    CHECK_EQ(refresh_as(&p, &second), 0);
    CHECK_EQ(refresh_as(&p, &forged), 401); /* it is its own now, and still not a forger's */
    CHECK_EQ(refresh_as(&p, &second), 0);
    probe_close(&p);
}

static void revoked_pass_loses_its_allocations_with_the_block_of_the_revocation(void)
{
    struct credential revoked;
    struct credential other;
    uint8_t revoked_id[16];
    uint8_t other_id[16];
    struct probe p;
    struct probe second;
    struct probe kept;
    struct ct_addr peer_at = loopback(3, APPROVED_MIN);
    int peer = socket_at(&peer_at, SOCK_DGRAM);
    REQUIRE(place_pass_renewing(&place, &revoked, NULL, revoked_id) &&
            place_pass_renewing(&place, &other, NULL, other_id));
    REQUIRE(allocate(&p, &revoked) == 0 && allocate(&second, &revoked) == 0 &&
            allocate(&kept, &other) == 0);
    CHECK_EQ(probe_bind(&p, &peer_at, 0x4001), 0);
    CHECK_EQ(probe_bind(&kept, &peer_at, 0x4001), 0);
    place_mark(&place);
    uint64_t began = ct_mono_ms();
    REQUIRE(platform_revoke_pass(&platform, revoked_id) == CT_OK);
    CHECK(place_await(&place, "allocations=2"));
    printf("    revoked to cancelled: %u ms, with a look at the chain each 100 ms\n",
           (unsigned)(ct_mono_ms() - began));
    CHECK(place_await(&place, "to be forcefully canceled"));
    CHECK(refresh_as(&second, &revoked) != 0);
    probe_send_in_channel(&p, 0x4001, "ghost");
    CHECK(refresh_as(&p, &revoked) != 0); /* behind it */
    probe_send_in_channel(&kept, 0x4001, "alive");
    CHECK_STR(socket_receive(peer, WAIT_MS), "alive");
    CHECK_STR(socket_receive(peer, 0), "");
    probe_close(&second);
    CHECK_EQ(allocate(&second, &revoked), 401);
    CHECK_EQ(refresh_as(&kept, &other), 0);
    probe_close(&p);
    probe_close(&second);
    probe_close(&kept);
    (void)close(peer);
}

static void renewed_pass_that_is_revoked_loses_the_allocation_of_the_old_one(void)
{
    struct credential first;
    struct credential second;
    uint8_t first_id[16];
    uint8_t second_id[16];
    struct probe p;
    REQUIRE(place_pass_renewing(&place, &first, NULL, first_id) &&
            place_pass_renewing(&place, &second, first_id, second_id));
    REQUIRE(allocate(&p, &first) == 0);
    CHECK_EQ(refresh_as(&p, &second), 0);
    place_mark(&place);
    REQUIRE(platform_revoke_pass(&platform, first_id) == CT_OK);
    CHECK(place_await(&place, "allocations=0"));
    CHECK_EQ(refresh_as(&p, &second), 0);
    place_mark(&place);
    REQUIRE(platform_revoke_pass(&platform, second_id) == CT_OK);
    CHECK(place_await(&place, "allocations=1"));
    CHECK(refresh_as(&p, &second) != 0);
    probe_close(&p);
}

static bool revert_to(const char *quoted)
{
    char params[80];
    (void)snprintf(params, sizeof(params), "[%s]", quoted);
    char *answer = ct_anvil_call(&platform.anvil, "evm_revert", params);
    bool ok = answer != NULL && strstr(answer, "true") != NULL;
    free(answer);
    return ok;
}

static void revocation_whose_block_vanishes_is_undone(void)
{
    struct credential c;
    uint8_t id[16];
    struct probe p;
    char snapshot[64] = "";
    char *answer = ct_anvil_call(&platform.anvil, "evm_snapshot", "[]");
    const char *result = answer ? strstr(answer, "\"result\":") : NULL;
    REQUIRE(result && sscanf(result, "\"result\":%63[^,}]", snapshot) == 1);
    free(answer);
    REQUIRE(place_pass_renewing(&place, &c, NULL, id));
    place_mark(&place);
    REQUIRE(platform_revoke_pass(&platform, id) == CT_OK);
    CHECK(place_await(&place, "pass_revoked id="));
    CHECK_EQ(allocate(&p, &c), 401);
    probe_close(&p);
    REQUIRE(revert_to(snapshot));
    platform_mine(&platform, 3); /* another branch, longer than the one that vanished */
    int code = 401;
    uint64_t until = ct_mono_ms() + WAIT_MS;
    while (code == 401 && ct_mono_ms() < until) { /* looks each 100 ms, as the relay does */
        code = allocate(&p, &c);
        probe_close(&p);
        (void)usleep(100000);
    }
    CHECK_EQ(code, 0);
}

static void keys_rotate_and_two_generations_hold(void)
{
    struct credential first;
    struct credential second;
    struct probe p;
    uint8_t id[16];
    struct ct_secret32 seed = {{0x52}};
    struct ct_ed25519 old_signer = place.signer;
    struct ct_ed25519 new_signer;
    REQUIRE(ct_ed25519_from_seed(&new_signer, &seed) == CT_OK);
    REQUIRE(place_pass_renewing(&place, &first, NULL, id));
    place_mark(&place);
    REQUIRE(platform_set_wm_key(&platform, new_signer.public32) == CT_OK);
    CHECK(place_await(&place, "wm_keys current=2 previous=1"));
    place.signer = new_signer;
    place.keys[0].id = 2;
    REQUIRE(place_pass_renewing(&place, &second, NULL, id));
    CHECK_EQ(allocate(&p, &second), 0);
    probe_close(&p);
    CHECK_EQ(allocate(&p, &first), 0);
    place_mark(&place);
    seed.bytes[0]++;
    struct ct_ed25519 third_signer;
    REQUIRE(ct_ed25519_from_seed(&third_signer, &seed) == CT_OK);
    REQUIRE(platform_set_wm_key(&platform, third_signer.public32) == CT_OK);
    CHECK(place_await(&place, "wm_keys current=3 previous=2"));
    CHECK_EQ(refresh_as(&p, &first), 401); /* of a generation that is gone */
    probe_close(&p);
    CHECK_EQ(allocate(&p, &second), 0);
    probe_close(&p);
    place.signer = third_signer;
    place.keys[0].id = 3;
    (void)old_signer;
}

static void revocations_outlive_a_restart_without_a_chain(void)
{
    struct credential revoked;
    struct credential other;
    uint8_t id[16];
    uint8_t other_id[16];
    struct probe p;
    REQUIRE(place_pass_renewing(&place, &revoked, NULL, id) &&
            place_pass_renewing(&place, &other, NULL, other_id));
    place_mark(&place);
    REQUIRE(platform_revoke_pass(&platform, id) == CT_OK);
    CHECK(place_await(&place, "pass_revoked id="));
    ct_anvil_stop(&platform.anvil);
    CHECK(place_await(&place, "chain_unreadable"));
    CHECK_EQ(place_stop(server), 0);
    REQUIRE(start(""));
    CHECK_EQ(allocate(&p, &revoked), 401);
    probe_close(&p);
    CHECK_EQ(allocate(&p, &other), 0);
    probe_close(&p);
}

static void quota_is_counted_a_pass_and_renewal_moves_the_count(void)
{
    struct credential first;
    struct credential second;
    uint8_t first_id[16];
    uint8_t id[16];
    struct probe a;
    struct probe b;
    struct probe more;
    REQUIRE(server > 0 && place_pass_renewing(&place, &first, NULL, first_id) &&
            place_pass_renewing(&place, &second, first_id, id));
    CHECK_EQ(place_stop(server), 0);
    REQUIRE(start("user-quota=2\n"));
    CHECK_EQ(allocate(&a, &first), 0);
    CHECK_EQ(allocate(&b, &first), 0);
    CHECK_EQ(allocate(&more, &first), 486);
    probe_close(&more);
    CHECK_EQ(refresh_as(&a, &second), 0); /* one of each now */
    CHECK_EQ(allocate(&more, &second), 0);
    probe_close(&more);
    struct probe last;
    CHECK_EQ(allocate(&last, &second), 486);
    probe_close(&last);
    CHECK_EQ(allocate(&last, &first), 0);
    probe_close(&last);
    probe_close(&a);
    probe_close(&b);
}

/* Clock ticks that the server has used. */
static unsigned long server_ticks(void)
{
    char path[64];
    unsigned long user = 0;
    unsigned long system = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)server);
    FILE *f = fopen(path, "r");
    if (!f || fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                     &system) != 2) {
        user = system = 0;
    }
    if (f) {
        (void)fclose(f);
    }
    return user + system;
}

static int allocate_anew(const struct credential *c)
{
    struct probe p;
    int code = allocate(&p, c);
    probe_close(&p);
    return code;
}

enum { ATTEMPTS = 1000 };

/* Another signature each time, everything else as it has to be. */
static void make_junk(struct credential *c, unsigned i)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    c->user[200] = digits[i % 64];
    c->user[201] = digits[i / 64 % 64];
}

/* Clock ticks of that many sign-ons. */
static unsigned long cost_of(const struct credential *good, bool is_junk)
{
    unsigned long before = server_ticks();
    unsigned refused = 0;
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        struct credential c = *good;
        if (is_junk) {
            make_junk(&c, i);
        } else {
            c.password[0] = c.password[0] == 'x' ? 'y' : 'x';
        }
        refused += allocate_anew(&c) == 401;
    }
    CHECK(refused >= ATTEMPTS - 1); /* one of the junk may be the pass itself */
    return server_ticks() - before;
}

/* The same in Refreshes of an allocation that stands, each by another pass that names its own. */
static unsigned long cost_of_renewing(const struct credential *good, const uint8_t good_id[16])
{
    struct credential renewing;
    struct probe p;
    uint8_t id[16];
    unsigned refused = 0;
    if (!place_pass_renewing(&place, &renewing, good_id, id) || allocate(&p, good) != 0) {
        return ULONG_MAX;
    }
    unsigned long before = server_ticks();
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        struct credential c = renewing;
        make_junk(&c, i);
        refused += refresh_as(&p, &c) == 401;
    }
    unsigned long cost = server_ticks() - before;
    CHECK(refused >= ATTEMPTS - 1);
    CHECK_EQ(refresh_as(&p, good), 0);
    probe_close(&p);
    return cost;
}

static void most_junk_passes_are_refused_without_a_look_at_their_signatures(void)
{
    enum { LOOKS_AT_ONCE = 200, LOOKS_PER_S = 50 }; /* for one network */
    struct credential good;
    struct credential alice = {.user = "alice", .password = "wonderland"};
    uint8_t id[16];
    REQUIRE(server > 0 && place_pass_renewing(&place, &good, NULL, id));
    CHECK_EQ(place_stop(server), 0);
    REQUIRE(start("chainturn-answer-bps=0\n")); /* all of them are answered */
    CHECK_EQ(allocate_anew(&good), 0);
    unsigned long wrong = cost_of(&alice, false);
    uint64_t began = ct_mono_ms();
    unsigned long junk = cost_of(&good, true);
    unsigned long renewing = cost_of_renewing(&good, id);
    double looks = LOOKS_AT_ONCE + LOOKS_PER_S * (double)(ct_mono_ms() - began + 1) / 1e3;
    printf("    %d sign-ons: wrong password %lu ms of processor, junk pass %lu ms, Refresh by junk "
           "that says it renews %lu ms\n",
           ATTEMPTS, wrong * 10, junk * 10, renewing * 10);
    /* whoever has a pass that is known is not kept out by the junk from his own network */
    CHECK_EQ(allocate_anew(&good), 0);
    place_mark(&place);
    CHECK_EQ(place_stop(server), 0);
    CHECK(place_await(&place, "sign_ons tried="));
    const char *counts = place_said(&place, "sign_ons tried=");
    unsigned long unlooked = 0;
    CHECK(counts && sscanf(counts, "sign_ons tried=%*u not=%lu", &unlooked) == 1);
    CHECK((double)unlooked + looks >= 2 * ATTEMPTS - 2); /* twice it may be a good pass */
}

static const struct ct_test tests[] = {
    CT_TEST(renewal_takes_over_the_allocation_and_nobody_else_does),
    CT_TEST(renewing_pass_takes_nothing_over_before_its_message_proves_it),
    CT_TEST(revoked_pass_loses_its_allocations_with_the_block_of_the_revocation),
    CT_TEST(renewed_pass_that_is_revoked_loses_the_allocation_of_the_old_one),
    CT_TEST(revocation_whose_block_vanishes_is_undone),
    CT_TEST(keys_rotate_and_two_generations_hold),
    CT_TEST(revocations_outlive_a_restart_without_a_chain),
    CT_TEST(quota_is_counted_a_pass_and_renewal_moves_the_count),
    CT_TEST(most_junk_passes_are_refused_without_a_look_at_their_signatures),
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

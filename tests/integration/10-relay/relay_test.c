/* Claims about the relay as a program: passes, gate, filter, configuration, and stock behaviour. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "place.h"
#include "sockets.h"

static struct place place;

/* A server configured by extra, and an allocation on it. */
struct scene {
    pid_t server;
    struct client client;
    int approved; /* sockets of peers, see place.h */
    int out_of_range;
    int stranger;
    int denied;
};

static bool scene_open(struct scene *s, const char *extra, const char *user, const char *password)
{
    struct ct_addr approved = loopback(2, APPROVED_MIN);
    struct ct_addr out_of_range = loopback(2, APPROVED_MAX + 1);
    struct ct_addr stranger = loopback(3, APPROVED_MIN);
    struct ct_addr denied = loopback(4, APPROVED_MIN);
    s->approved = peer_open(&approved);
    s->out_of_range = peer_open(&out_of_range);
    s->stranger = peer_open(&stranger);
    s->denied = peer_open(&denied);
    if (s->approved < 0 || s->out_of_range < 0 || s->stranger < 0 || s->denied < 0 ||
        !place_configure(&place, extra)) {
        return false;
    }
    place_mark(&place);
    s->server = place_start(&place);
    bool has_module = strstr(extra, "chainturn-") != NULL;
    if (s->server > 0 &&
        place_await(&place, has_module ? "chainturn: started" : "DB connection success") &&
        client_open(&s->client, &place, user, password)) {
        return true;
    }
    (void)place_stop(s->server); /* else it would share the port with the next one */
    return false;
}

static int scene_close(struct scene *s)
{
    client_close(&s->client);
    (void)close(s->approved);
    (void)close(s->out_of_range);
    (void)close(s->stranger);
    (void)close(s->denied);
    return place_stop(s->server);
}

/* Refused first, admitted after it: when the second is there, the first was dropped. */
static void send_in_order(struct scene *s, uint8_t first_host, uint16_t first_port, int first)
{
    struct ct_addr refused = loopback(first_host, first_port);
    struct ct_addr admitted = loopback(2, APPROVED_MIN);
    client_send(&s->client, &refused, "no");
    client_send(&s->client, &admitted, "yes");
    CHECK_STR(peer_receive(s->approved), "yes");
    CHECK(peer_has_nothing(first));
}

static void pass_allocates_for_no_longer_than_it_lasts(void)
{
    struct scene s;
    struct credential c;
    uint64_t signed_at_s = ct_wall_s();
    REQUIRE(place_pass(&place, &c, signed_at_s, 700));
    REQUIRE(scene_open(&s, place_module_on, c.user, c.password));
    uint64_t left_s = 700 - (ct_wall_s() - signed_at_s);
    CHECK(ct_alloc_state(&s.client.alloc) == CT_ALLOC_READY);
    CHECK(ct_alloc_lifetime_s(&s.client.alloc) <= 700);
    CHECK(ct_alloc_lifetime_s(&s.client.alloc) >= left_s);
    CHECK_EQ(scene_close(&s), 0);
}

static void bad_passes_are_refused(void)
{
    struct scene s;
    struct credential old;
    struct credential good;
    REQUIRE(place_pass(&place, &old, ct_wall_s() - 1000, 900));
    REQUIRE(place_pass(&place, &good, ct_wall_s(), 900));
    REQUIRE(scene_open(&s, place_module_on, old.user, old.password));
    CHECK(ct_alloc_state(&s.client.alloc) == CT_ALLOC_FAILED);
    CHECK_EQ(ct_alloc_error_code(&s.client.alloc), 401);
    client_close(&s.client);
    struct credential forged = good;
    forged.user[180] = forged.user[180] == 'A' ? 'B' : 'A'; /* in the signature */
    REQUIRE(client_open(&s.client, &place, forged.user, forged.password));
    CHECK_EQ(ct_alloc_error_code(&s.client.alloc), 401);
    client_close(&s.client);
    REQUIRE(client_open(&s.client, &place, good.user, old.password)); /* someone else's pass */
    CHECK_EQ(ct_alloc_error_code(&s.client.alloc), 401);
    client_close(&s.client);
    REQUIRE(client_open(&s.client, &place, good.user, good.password));
    CHECK(ct_alloc_state(&s.client.alloc) == CT_ALLOC_READY);
    CHECK_EQ(scene_close(&s), 0);
}

static void users_of_the_server_work_beside_passes(void)
{
    struct scene s;
    REQUIRE(scene_open(&s, place_module_on, "alice", "wonderland"));
    CHECK(ct_alloc_state(&s.client.alloc) == CT_ALLOC_READY);
    CHECK(ct_alloc_lifetime_s(&s.client.alloc) > 700);
    CHECK_EQ(scene_close(&s), 0);
}

static void approved_relay_needs_no_permission_and_others_do(void)
{
    struct scene s;
    struct credential c;
    REQUIRE(place_pass(&place, &c, ct_wall_s(), 700));
    REQUIRE(scene_open(&s, place_module_on, c.user, c.password));
    send_in_order(&s, 3, APPROVED_MIN, s.stranger);
    send_in_order(&s, 2, APPROVED_MAX + 1, s.out_of_range);
    send_in_order(&s, 4, APPROVED_MIN, s.denied);
    struct ct_addr relayed = *ct_alloc_relayed(&s.client.alloc);
    peer_send(s.stranger, &relayed, "stranger");
    peer_send(s.out_of_range, &relayed, "out of range");
    peer_send(s.denied, &relayed, "denied");
    peer_send(s.approved, &relayed, "hello");
    CHECK_STR(client_receive(&s.client), "hello");
    CHECK_EQ(scene_close(&s), 0);
}

static void permission_opens_what_the_gate_does_not(void)
{
    struct scene s;
    struct ct_addr stranger = loopback(3, APPROVED_MIN);
    REQUIRE(scene_open(&s, place_module_on, "alice", "wonderland"));
    CHECK(client_permit(&s.client, &stranger));
    client_send(&s.client, &stranger, "hello");
    CHECK_STR(peer_receive(s.stranger), "hello");
    peer_send(s.stranger, ct_alloc_relayed(&s.client.alloc), "back");
    CHECK_STR(client_receive(&s.client), "back");
    CHECK_EQ(scene_close(&s), 0);
}

static void filter_holds_against_permissions(void)
{
    struct scene s;
    REQUIRE(scene_open(&s, place_module_on, "alice", "wonderland"));
    const uint8_t metadata[4] = {169, 254, 169, 254};
    const uint8_t multicast[4] = {224, 0, 0, 1};
    struct ct_addr refused[4] = {ct_addr_ip4(metadata, 80), ct_addr_ip4(multicast, 5000),
                                 loopback(1, place.port), loopback(4, APPROVED_MIN)};
    for (size_t i = 0; i < 4; i++) {
        CHECK(!client_permit(&s.client, &refused[i]));
    }
    /* a channel's permission names no port: the control port stays shut behind a relayed one's */
    struct ct_addr relayed_port = loopback(1, RELAYED_MIN);
    CHECK(client_bind(&s.client, &relayed_port));
    struct ct_addr bait_at = loopback(1, APPROVED_MIN); /* of this host, not a relayed port */
    int bait = peer_open(&bait_at);
    REQUIRE(bait >= 0);
    send_in_order(&s, 1, APPROVED_MIN, bait);
    struct ct_addr relayed = *ct_alloc_relayed(&s.client.alloc);
    peer_send(bait, &relayed, "from a control port");
    peer_send(s.approved, &relayed, "hello");
    CHECK_STR(client_receive(&s.client), "hello");
    (void)close(bait);
    CHECK_EQ(scene_close(&s), 0);
}

static void without_permission_nothing_passes(struct scene *s)
{
    struct ct_addr approved = loopback(2, APPROVED_MIN);
    struct ct_addr stranger = loopback(3, APPROVED_MIN);
    CHECK(ct_alloc_state(&s->client.alloc) == CT_ALLOC_READY);
    CHECK(client_permit(&s->client, &stranger));
    client_send(&s->client, &approved, "no");
    client_send(&s->client, &stranger, "yes");
    CHECK_STR(peer_receive(s->stranger), "yes");
    CHECK(peer_has_nothing(s->approved));
    peer_send(s->approved, ct_alloc_relayed(&s->client.alloc), "no");
    peer_send(s->stranger, ct_alloc_relayed(&s->client.alloc), "yes");
    CHECK_STR(client_receive(&s->client), "yes");
}

static void mode_off_is_plain_turn(void)
{
    struct scene s;
    char extra[512];
    (void)snprintf(extra, sizeof(extra), "%schainturn-mode=off\n", place_module_on);
    REQUIRE(scene_open(&s, extra, "alice", "wonderland"));
    without_permission_nothing_passes(&s);
    CHECK_EQ(scene_close(&s), 0);
}

static void old_set_is_not_trusted(void)
{
    struct scene s;
    char extra[512];
    (void)snprintf(extra, sizeof(extra), "%schainturn-max-age=1200\n", place_module_on);
    REQUIRE(place_remember(&place, 2000));
    REQUIRE(scene_open(&s, extra, "alice", "wonderland"));
    without_permission_nothing_passes(&s);
    CHECK_EQ(scene_close(&s), 0);
    CHECK(place_remember(&place, 0));
}

static void without_our_options_it_is_a_stock_server(void)
{
    struct scene s;
    struct credential c;
    REQUIRE(scene_open(&s, "", "alice", "wonderland"));
    without_permission_nothing_passes(&s);
    client_close(&s.client);
    REQUIRE(place_pass(&place, &c, ct_wall_s(), 700));
    REQUIRE(client_open(&s.client, &place, c.user, c.password));
    CHECK_EQ(ct_alloc_error_code(&s.client.alloc), 401);
    CHECK_EQ(scene_close(&s), 1000 + SIGTERM);
}

/* turnutils_peer sends back whatever comes. */
static bool peer_echoes(void)
{
    struct ct_addr at = loopback(2, 50050);
    struct ct_addr any = loopback(2, 0);
    int fd = socket_fresh(&any);
    bool echoed = false;
    for (unsigned i = 0; i < 600 && !echoed; i++) {
        peer_send(fd, &at, "is it there?");
        echoed = strcmp(socket_receive(fd, 100), "is it there?") == 0;
    }
    (void)close(fd);
    return echoed;
}

static void stock_client_relays_with_a_pass(void)
{
    struct scene s;
    struct credential c;
    REQUIRE(place_pass(&place, &c, ct_wall_s(), 700));
    REQUIRE(scene_open(&s, place_module_on, c.user, c.password));
    char output[96];
    char port[16];
    char said[16384];
    (void)snprintf(output, sizeof(output), "%s/peer", place.folder);
    (void)snprintf(port, sizeof(port), "%u", place.port);
    const char *peer_argv[] = {place.peer, "-L", "127.0.0.2", "-p", "50050", NULL};
    const char *client_argv[] = {place.uclient, "-u",    c.user, "-w", c.password,  "-n",
                                 "20",          "-m",    "1",    "-c", "-e",        "127.0.0.2",
                                 "-r",          "50050", "-p",   port, "127.0.0.1", NULL};
    pid_t pid = place_spawn(peer_argv, output);
    CHECK(peer_echoes());
    CHECK_EQ(place_run(said, sizeof(said), client_argv), 0);
    CHECK(strstr(said, "Total lost packets 0") != NULL);
    CHECK(strstr(said, "tot_recv_msgs=20") != NULL || strstr(said, "tot_recv_msgs=40") != NULL);
    CHECK_EQ(place_stop(pid), 1000 + SIGTERM);
    CHECK_EQ(scene_close(&s), 0);
}

static const struct {
    const char *claim;
    const char *extra;
    const char *says;
    int code;
} configurations[] = {
    {"right", "chainturn-mode=relays\n", "The configuration is valid.", 0},
    {"misspelt", "chainturn-mod=relays\n", "did you mean chainturn-mode?", 78},
    {"unknown mode", "chainturn-mode=any\n", "chainturn-mode=any is not a mode", 78},
    {"no number", "chainturn-max-age=soon\n", "chainturn-max-age=soon", 78},
    {"policy-free", "server-relay\n", "remove server-relay", 78},
    {"no such bundle", "chainturn-bundle=/nowhere/bundle.json\n", "no file /nowhere/bundle.json",
     78},
    {"private relay", "chainturn-allow-private=no\n", "chainturn-allow-private", 78},
};

static void wrong_configuration_is_one_sentence_and_exit_78(void)
{
    for (size_t i = 0; i < sizeof(configurations) / sizeof(configurations[0]); i++) {
        char extra[512];
        char conf[96];
        char said[32768] = "";
        (void)snprintf(extra, sizeof(extra), "%s%s", place_module_on, configurations[i].extra);
        (void)snprintf(conf, sizeof(conf), "%s/turnserver.conf", place.folder);
        REQUIRE(place_configure(&place, extra));
        const char *argv[] = {place.turnserver, "--check-config", "-c", conf, NULL};
        int code = place_run(said, sizeof(said), argv);
        if (code != configurations[i].code || !strstr(said, configurations[i].says)) {
            printf("    %s: exit code %d, not %d; it said: %s\n", configurations[i].claim, code,
                   configurations[i].code, said);
        }
        CHECK_EQ(code, configurations[i].code);
        CHECK(strstr(said, configurations[i].says) != NULL);
    }
}

static const struct ct_test tests[] = {
    CT_TEST(pass_allocates_for_no_longer_than_it_lasts),
    CT_TEST(bad_passes_are_refused),
    CT_TEST(users_of_the_server_work_beside_passes),
    CT_TEST(approved_relay_needs_no_permission_and_others_do),
    CT_TEST(permission_opens_what_the_gate_does_not),
    CT_TEST(filter_holds_against_permissions),
    CT_TEST(mode_off_is_plain_turn),
    CT_TEST(old_set_is_not_trusted),
    CT_TEST(without_our_options_it_is_a_stock_server),
    CT_TEST(stock_client_relays_with_a_pass),
    CT_TEST(wrong_configuration_is_one_sentence_and_exit_78),
};

int main(int argc, char **argv)
{
    return place_begin(&place, argc, argv)
               ? place_end(&place, ct_test_main(tests, sizeof(tests) / sizeof(tests[0])))
               : 2;
}

/* Claims about the wallet manager's keys while one generation follows another. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include "ct_test.h"
#include "wm-server/src/keys/keyring.h"

enum { NOW_S = 1000 };

static struct ct_keys keys;
static struct ct_settings settings;
static struct ct_wm_key listed[2];
static struct ct_keyring ring;
static struct ct_why why;

static void fill(struct ct_wm_key *key, uint32_t id, const struct ct_ed25519 *pass,
                 const struct ct_x25519 *handshake)
{
    *key = (struct ct_wm_key){.id = id, .not_after_s = NOW_S + 500};
    memcpy(key->ed25519, pass->public32, 32);
    memcpy(key->x25519, handshake->public32, 32);
}

/* One generation, listed; the next one's keys are there, and not in use. */
static void begin(void)
{
    static char p[] = "p", h[] = "h";
    memset(&keys, 0, sizeof keys);
    memset(listed, 0, sizeof listed);
    memset(keys.pass.public32, 1, 32);
    memset(keys.handshake.public32, 2, 32);
    memset(keys.next_pass.public32, 3, 32);
    memset(keys.next_handshake.public32, 4, 32);
    settings = (struct ct_settings){.pass_key_id = 7, .pass_path = p, .handshake_path = h};
    fill(&listed[0], 7, &keys.pass, &keys.handshake);
}

static void rotate(void)
{
    listed[1] = listed[0];
    fill(&listed[0], 8, &keys.next_pass, &keys.next_handshake);
}

static ct_err match(void)
{
    memset(&ring, 0, sizeof ring);
    return ct_keyring_match(&ring, listed, NOW_S, &settings, &keys, &why);
}

static void one_generation_is_served_and_the_next_ones_handshake_before_it_is_listed(void)
{
    begin();
    REQUIRE(match() == CT_OK);
    CHECK(ring.pass[0] == &keys.pass && ring.pass[1] == NULL && ring.handshakes == 1);
    CHECK_EQ(ct_keyring_signer(&ring, false), 0);
    keys.has_next_pass = keys.has_next_handshake = true;
    REQUIRE(match() == CT_OK);
    CHECK(ring.pass[0] == &keys.pass && ring.handshakes == 2);
    CHECK(ring.handshake[1] == &keys.next_handshake);
}

static void both_are_served_once_both_are_listed(void)
{
    begin();
    keys.has_next_pass = keys.has_next_handshake = true;
    rotate();
    REQUIRE(match() == CT_OK);
    CHECK(ring.pass[0] == &keys.next_pass && ring.pass[1] == &keys.pass);
    CHECK(ring.id[0] == 8 && ring.id[1] == 7 && ring.handshakes == 2);
    CHECK_EQ(ct_keyring_signer(&ring, false), 1); /* relays may not know the new one yet */
    CHECK_EQ(ct_keyring_signer(&ring, true), 0);
}

static void handshake_key_may_stay_when_the_pass_key_goes(void)
{
    begin();
    keys.has_next_pass = true;
    rotate();
    memcpy(listed[0].x25519, keys.handshake.public32, 32);
    REQUIRE(match() == CT_OK);
    CHECK(ring.pass[0] == &keys.next_pass && ring.handshakes == 1);
}

static void server_without_the_new_keys_serves_with_the_old_ones_to_their_date(void)
{
    begin();
    rotate();
    REQUIRE(match() == CT_OK);
    CHECK(ring.pass[0] == NULL && ring.pass[1] == &keys.pass && ring.handshakes == 1);
    CHECK_EQ(ct_keyring_signer(&ring, true), 1);
    listed[1].not_after_s = NOW_S;
    CHECK_EQ(match(), CT_ERR_EXPIRED);
}

static void old_keys_past_their_date_are_not_served(void)
{
    begin();
    keys.has_next_pass = keys.has_next_handshake = true;
    rotate();
    listed[1].not_after_s = NOW_S;
    REQUIRE(match() == CT_OK);
    CHECK(ring.pass[1] == NULL && ring.handshakes == 1);
    CHECK(ring.handshake[0] == &keys.next_handshake);
    CHECK_EQ(ct_keyring_signer(&ring, false), 0);
}

static void keys_that_are_not_listed_are_named(void)
{
    begin();
    settings.pass_key_id = 6;
    CHECK_EQ(match(), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "pass-id") != NULL && strstr(why.text, "number 7") != NULL);
    begin();
    listed[0].ed25519[0] ^= 1;
    CHECK_EQ(match(), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "the key in p is not the pass key") != NULL);
    begin();
    listed[0].x25519[0] ^= 1;
    CHECK_EQ(match(), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "the key in h is not the handshake key") != NULL);
    begin();
    listed[0].ed25519[0] ^= 1;
    listed[0].id = 9;
    CHECK_EQ(match(), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "lists key 9") != NULL);
}

static void new_generation_is_settled_after_a_while(void)
{
    struct ct_keywatch w;
    begin();
    ct_keywatch_begin(&w, listed, NOW_S, 100);
    CHECK(!ct_keywatch_is_settled(&w, 100 + CT_KEYS_SETTLE_MS - 1));
    CHECK(ct_keywatch_is_settled(&w, 100 + CT_KEYS_SETTLE_MS));
    w.looked_ms = 100 + CT_KEYS_SETTLE_MS - 1; /* no look at the chain is due */
    CHECK(!ct_keywatch_look(&w, NULL, 100 + CT_KEYS_SETTLE_MS - 1));
    CHECK(ct_keywatch_look(&w, NULL, 100 + CT_KEYS_SETTLE_MS)); /* told once */
    CHECK(!ct_keywatch_look(&w, NULL, 100 + CT_KEYS_SETTLE_MS));
}

static const struct ct_test tests[] = {
    CT_TEST(one_generation_is_served_and_the_next_ones_handshake_before_it_is_listed),
    CT_TEST(both_are_served_once_both_are_listed),
    CT_TEST(handshake_key_may_stay_when_the_pass_key_goes),
    CT_TEST(server_without_the_new_keys_serves_with_the_old_ones_to_their_date),
    CT_TEST(old_keys_past_their_date_are_not_served),
    CT_TEST(keys_that_are_not_listed_are_named),
    CT_TEST(new_generation_is_settled_after_a_while),
};

CT_TEST_MAIN(tests)

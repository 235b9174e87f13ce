/* Claims about passes as the relay sees them: user names, passwords, time left. */
/* links: ct_coturn_module ct_kex ct_chain ct_base */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain/registry.h"
#include "ct_test.h"
#include "kex/pass.h"
#include "passes/passcache.h"
#include "passes/passes.h"

enum { NOW = 1800000000 };

struct world {
    uint8_t deployment[32];
    struct ct_ed25519 signer;
    struct ct_x25519 relay;
    struct ct_x25519 device;
    struct ct_wm_key keys[2];
    struct ct_pass pass;
    struct ct_passes *passes;
    char user[CT_PASS_TEXT_LEN + 1];
};

static bool world_make(struct world *w)
{
    memset(w, 0, sizeof(*w));
    struct ct_secret32 a = {{1}};
    struct ct_secret32 b = {{2}};
    struct ct_secret32 c = {{3}};
    memset(w->deployment, 0xdd, 32);
    bool ok = ct_ed25519_from_seed(&w->signer, &a) == CT_OK &&
              ct_x25519_from_secret(&w->relay, &b) == CT_OK &&
              ct_x25519_from_secret(&w->device, &c) == CT_OK &&
              ct_passes_new(&w->passes, w->deployment, &w->relay) == CT_OK;
    w->keys[0].id = 4;
    w->keys[0].not_after_s = NOW + 1000000;
    memcpy(w->keys[0].ed25519, w->signer.public32, 32);
    memcpy(w->pass.deployment32, w->deployment, 32);
    memcpy(w->pass.key32, w->device.public32, 32);
    w->pass.key_id = 4;
    w->pass.id16[0] = 5;
    w->pass.expiry_s = NOW + 3600;
    w->pass.scope = CT_PASS_SCOPE_ALLOCATE;
    return ok;
}

static bool make_user(struct world *w)
{
    uint8_t bytes[CT_PASS_LEN];
    if (ct_pass_sign(bytes, &w->pass, &w->signer, NOW) != CT_OK) {
        return false;
    }
    ct_pass_username(w->user, bytes);
    return true;
}

static enum ct_user ask(struct world *w, char password[CT_USER_PASSWORD_MAX], const char *user,
                        uint64_t now_s)
{
    struct ct_why why;
    return ct_passes_password(w->passes, password, user, now_s, &why);
}

static void two_keys_of_the_relay_are_good_while_one_follows_the_other(void)
{
    struct world w;
    struct ct_x25519 next;
    struct ct_secret32 d = {{4}};
    char first[CT_USER_PASSWORD_MAX] = "";
    char second[CT_USER_PASSWORD_MAX] = "";
    char by_old[CT_PASS_PASSWORD_LEN + 1] = "";
    char by_next[CT_PASS_PASSWORD_LEN + 1] = "";
    REQUIRE(world_make(&w) && make_user(&w) && ct_x25519_from_secret(&next, &d) == CT_OK);
    (void)ct_passes_set_keys(w.passes, w.keys);
    REQUIRE(ct_pass_password_device(by_old, &w.pass, &w.device.secret, w.relay.public32) == CT_OK);
    REQUIRE(ct_pass_password_device(by_next, &w.pass, &w.device.secret, next.public32) == CT_OK);
    CHECK(ask(&w, first, w.user, NOW) == CT_USER_KNOWN);
    CHECK(!ct_passes_old_password(w.passes, second, w.user)); /* there is one key */
    ct_passes_set_relay_keys(w.passes, &next, &w.relay);
    CHECK(!ct_passes_old_password(w.passes, second, w.user)); /* nobody has shown the pass yet */
    CHECK(ask(&w, first, w.user, NOW) == CT_USER_KNOWN);
    CHECK_STR(first, by_next); /* and not what was worked out before */
    CHECK(ct_passes_old_password(w.passes, second, w.user));
    CHECK_STR(second, by_old);
    ct_passes_set_relay_keys(w.passes, &next, NULL);
    CHECK(ask(&w, first, w.user, NOW) == CT_USER_KNOWN);
    CHECK_STR(first, by_next);
    CHECK(!ct_passes_old_password(w.passes, second, w.user));
    ct_passes_free(w.passes);
}

static void device_and_relay_come_to_one_password(void)
{
    struct world w;
    REQUIRE(world_make(&w) && make_user(&w));
    (void)ct_passes_set_keys(w.passes, w.keys);
    char at_relay[CT_USER_PASSWORD_MAX] = "";
    char at_device[CT_PASS_PASSWORD_LEN + 1] = "";
    CHECK(ask(&w, at_relay, w.user, NOW) == CT_USER_KNOWN);
    CHECK(ct_pass_password_device(at_device, &w.pass, &w.device.secret, w.relay.public32) == CT_OK);
    CHECK_STR(at_relay, at_device);
    ct_passes_free(w.passes);
}

static void either_generation_of_keys_signs(void)
{
    struct world w;
    char password[CT_USER_PASSWORD_MAX] = "";
    REQUIRE(world_make(&w) && make_user(&w));
    CHECK(ask(&w, password, w.user, NOW) == CT_USER_REFUSED); /* no key known yet */
    CHECK(ct_passes_set_keys(w.passes, w.keys));
    CHECK(!ct_passes_set_keys(w.passes, w.keys));
    struct ct_wm_key rotated[2] = {{.id = 5, .not_after_s = NOW + 9}, w.keys[0]};
    CHECK(ct_passes_set_keys(w.passes, rotated));
    CHECK(ask(&w, password, w.user, NOW) == CT_USER_KNOWN);
    struct ct_wm_key gone[2] = {{.id = 6, .not_after_s = NOW + 9}, rotated[0]};
    CHECK(ct_passes_set_keys(w.passes, gone));
    CHECK(ask(&w, password, w.user, NOW) == CT_USER_REFUSED);
    ct_passes_free(w.passes);
}

static void expired_foreign_and_forged_passes_are_refused(void)
{
    struct world w;
    char password[CT_USER_PASSWORD_MAX] = "";
    REQUIRE(world_make(&w) && make_user(&w));
    (void)ct_passes_set_keys(w.passes, w.keys);
    CHECK(ask(&w, password, w.user, NOW + 3600) == CT_USER_REFUSED);
    char forged[CT_PASS_TEXT_LEN + 1];
    memcpy(forged, w.user, sizeof(forged));
    forged[60] = forged[60] == 'A' ? 'B' : 'A';
    CHECK(ask(&w, password, forged, NOW) == CT_USER_REFUSED);
    w.pass.deployment32[0] ^= 1;
    REQUIRE(make_user(&w));
    CHECK(ask(&w, password, w.user, NOW) == CT_USER_REFUSED);
    CHECK_STR(password, "");
    ct_passes_free(w.passes);
}

static void other_user_names_are_left_to_the_server(void)
{
    struct world w;
    char password[CT_USER_PASSWORD_MAX] = "";
    uint32_t left = 77;
    REQUIRE(world_make(&w) && make_user(&w));
    (void)ct_passes_set_keys(w.passes, w.keys);
    CHECK(ask(&w, password, "alice", NOW) == CT_USER_OTHER);
    CHECK(ask(&w, password, "", NOW) == CT_USER_OTHER);
    CHECK(ask(&w, password, "1800000000:alice", NOW) == CT_USER_OTHER);
    char longer[CT_PASS_TEXT_LEN + 2];
    (void)snprintf(longer, sizeof(longer), "%sA", w.user);
    CHECK(ask(&w, password, longer, NOW) == CT_USER_OTHER);
    CHECK(ct_passes_session(w.passes, &left, "alice", NOW));
    CHECK_EQ(left, 77);
    ct_passes_free(w.passes);
}

static void session_ends_with_its_pass(void)
{
    struct world w;
    uint32_t left = 0;
    REQUIRE(world_make(&w) && make_user(&w));
    (void)ct_passes_set_keys(w.passes, w.keys);
    CHECK(ct_passes_session(w.passes, &left, w.user, NOW) && left == 3600);
    CHECK(ct_passes_session(w.passes, &left, w.user, NOW + 3599) && left == 1);
    CHECK(!ct_passes_session(w.passes, &left, w.user, NOW + 3600));
    ct_passes_free(w.passes);
}

static void session_ends_with_its_signers_key(void)
{
    struct world w;
    uint32_t left = 0;
    REQUIRE(world_make(&w) && make_user(&w));
    w.keys[0].not_after_s = NOW + 600;
    (void)ct_passes_set_keys(w.passes, w.keys);
    CHECK(ct_passes_session(w.passes, &left, w.user, NOW) && left == 600);
    CHECK(!ct_passes_session(w.passes, &left, w.user, NOW + 600));
    struct ct_wm_key gone[2] = {{.id = 6, .not_after_s = NOW + 9}, {.id = 5}};
    (void)ct_passes_set_keys(w.passes, gone);
    CHECK(!ct_passes_session(w.passes, &left, w.user, NOW));
    ct_passes_free(w.passes);
}

static void revoked_pass_is_refused_until_its_block_vanishes(void)
{
    struct world w;
    char password[CT_USER_PASSWORD_MAX] = "";
    uint32_t left = 0;
    REQUIRE(world_make(&w) && make_user(&w));
    (void)ct_passes_set_keys(w.passes, w.keys);
    CHECK(ask(&w, password, w.user, NOW) == CT_USER_KNOWN); /* from now on in the cache */
    CHECK(ct_passes_revoke(w.passes, w.pass.id16, 50, NOW));
    CHECK(!ct_passes_revoke(w.passes, w.pass.id16, 51, NOW));
    CHECK(ask(&w, password, w.user, NOW) == CT_USER_REFUSED);
    CHECK(!ct_passes_session(w.passes, &left, w.user, NOW));
    ct_passes_undo(w.passes, 50);
    CHECK(ask(&w, password, w.user, NOW) == CT_USER_REFUSED);
    ct_passes_undo(w.passes, 49);
    CHECK(ask(&w, password, w.user, NOW) == CT_USER_KNOWN);
    ct_passes_free(w.passes);
}

static void pass_is_worked_out_once_and_with_other_keys_again(void)
{
    struct world w;
    char password[CT_USER_PASSWORD_MAX] = "";
    REQUIRE(world_make(&w) && make_user(&w));
    (void)ct_passes_set_keys(w.passes, w.keys);
    CHECK(!ct_passes_is_cheap(w.passes, w.user));
    CHECK(ask(&w, password, w.user, NOW) == CT_USER_KNOWN);
    CHECK(ct_passes_is_cheap(w.passes, w.user));
    CHECK(ct_passes_is_cheap(w.passes, "alice"));
    char forged[CT_PASS_TEXT_LEN + 1];
    memcpy(forged, w.user, sizeof(forged));
    forged[200] = forged[200] == 'A' ? 'B' : 'A'; /* in the signature: not the one that is known */
    CHECK(!ct_passes_is_cheap(w.passes, forged));
    CHECK(ask(&w, password, forged, NOW) == CT_USER_REFUSED);
    struct ct_wm_key rotated[2] = {{.id = 5, .not_after_s = NOW + 9}, w.keys[0]};
    CHECK(ct_passes_set_keys(w.passes, rotated));
    CHECK(!ct_passes_is_cheap(w.passes, w.user));
    CHECK(ask(&w, password, w.user, NOW) == CT_USER_KNOWN);
    ct_passes_free(w.passes);
}

static void cache_keeps_the_passes_that_are_used(void)
{
    enum { MANY = CT_PASSCACHE_SETS * CT_PASSCACHE_WAYS };
    struct ct_passcache *cache = ct_passcache_new();
    uint8_t bytes[CT_PASS_LEN] = {0};
    uint8_t id[16] = {0};
    char password[CT_PASS_PASSWORD_LEN + 1] = "the password";
    char another[CT_PASS_PASSWORD_LEN + 1] = "another";
    char got[CT_PASS_PASSWORD_LEN + 1] = "";
    unsigned misses = 0;
    REQUIRE(cache != NULL);
    ct_passcache_put(cache, bytes, id, password);
    for (unsigned i = 1; i < 3 * MANY; i++) {
        memcpy(bytes, &i, sizeof(i));
        memcpy(id, &i, sizeof(i));
        ct_passcache_put(cache, bytes, id, another);
        memset(bytes, 0, sizeof(i));
        memset(id, 0, sizeof(i));
        if (i % 16 == 0) { /* whoever is used stays */
            misses += !ct_passcache_get(cache, bytes, id, got);
        }
    }
    CHECK_EQ(misses, 0);
    CHECK_STR(got, password);
    ct_passcache_clear(cache);
    CHECK(!ct_passcache_get(cache, bytes, id, got));
    ct_passcache_free(cache);
}

static void pass_takes_over_only_from_the_one_that_it_names(void)
{
    struct world w;
    char old[CT_PASS_TEXT_LEN + 1];
    REQUIRE(world_make(&w) && make_user(&w));
    (void)ct_passes_set_keys(w.passes, w.keys);
    memcpy(old, w.user, sizeof(old));
    w.pass.renews16[0] = 5; /* the id of the one above */
    w.pass.id16[0] = 6;
    REQUIRE(make_user(&w));
    CHECK(ct_passes_renews(w.passes, w.user, old));
    CHECK(!ct_passes_renews(w.passes, old, w.user));
    CHECK(!ct_passes_renews(w.passes, w.user, "alice"));
    CHECK(!ct_passes_renews(w.passes, "alice", old));
    w.pass.renews16[0] = 7;
    REQUIRE(make_user(&w));
    CHECK(!ct_passes_renews(w.passes, w.user, old));
    ct_passes_free(w.passes);
}

static void list_of_revoked_passes_is_bounded_and_forgets(void)
{
    struct ct_revoked revoked = {NULL, 0, 0};
    struct ct_revoked_pass entry = {.block = 1};
    for (unsigned i = 0; i < CT_REVOKED_MAX + 100u; i++) {
        memcpy(entry.id16, &i, sizeof(i));
        entry.seen_s = 1000 + i;
        REQUIRE(ct_revoked_add(&revoked, &entry) == CT_OK);
    }
    CHECK_EQ(revoked.count, CT_REVOKED_MAX);
    CHECK(ct_revoked_has(&revoked, entry.id16));
    unsigned first = 0;
    memcpy(entry.id16, &first, sizeof(first));
    CHECK(!ct_revoked_has(&revoked, entry.id16)); /* the oldest made room */
    ct_revoked_expire(&revoked, 1000 + CT_REVOKED_MAX + CT_REVOKED_KEPT_S);
    CHECK_EQ(revoked.count, 100);
    ct_revoked_free(&revoked);
}

static void keys_outlive_a_restart_and_a_damaged_file_is_refused(void)
{
    struct world w;
    char dir[] = "/tmp/ct-passes-XXXXXX";
    char path[64];
    REQUIRE(world_make(&w) && make_user(&w) && mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof(path), "%s/keys", dir);
    struct ct_why why;
    char password[CT_USER_PASSWORD_MAX] = "";
    CHECK(ct_passes_load_keys(w.passes, path, &why) == CT_ERR_NOT_FOUND);
    (void)ct_passes_set_keys(w.passes, w.keys);
    CHECK(ct_passes_save_keys(w.passes, path, &why) == CT_OK);
    ct_passes_free(w.passes);
    REQUIRE(ct_passes_new(&w.passes, w.deployment, &w.relay) == CT_OK);
    CHECK(ct_passes_load_keys(w.passes, path, &why) == CT_OK);
    CHECK(ask(&w, password, w.user, NOW) == CT_USER_KNOWN);
    CHECK(truncate(path, 100) == 0);
    CHECK(ct_passes_load_keys(w.passes, path, &why) == CT_ERR_FORMAT);
    CHECK(truncate(path, 4000) == 0);
    CHECK(ct_passes_load_keys(w.passes, path, &why) == CT_ERR_FORMAT);
    ct_passes_free(w.passes);
    (void)unlink(path);
    (void)rmdir(dir);
}

static const struct ct_test tests[] = {
    CT_TEST(device_and_relay_come_to_one_password),
    CT_TEST(two_keys_of_the_relay_are_good_while_one_follows_the_other),
    CT_TEST(either_generation_of_keys_signs),
    CT_TEST(expired_foreign_and_forged_passes_are_refused),
    CT_TEST(other_user_names_are_left_to_the_server),
    CT_TEST(session_ends_with_its_pass),
    CT_TEST(session_ends_with_its_signers_key),
    CT_TEST(revoked_pass_is_refused_until_its_block_vanishes),
    CT_TEST(pass_is_worked_out_once_and_with_other_keys_again),
    CT_TEST(cache_keeps_the_passes_that_are_used),
    CT_TEST(pass_takes_over_only_from_the_one_that_it_names),
    CT_TEST(list_of_revoked_passes_is_bounded_and_forgets),
    CT_TEST(keys_outlive_a_restart_and_a_damaged_file_is_refused),
};

CT_TEST_MAIN(tests)

/* Claims about the relay's key as it changes, on disk and for passes, and about draining. */
/* links: ct_coturn_module ct_kex ct_chain ct_base */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "life/drain.h"
#include "life/keyring.h"
#include "temp_dir.h"

static struct temp_dir temp;
static char path[96];

enum { DAY_S = 86400 };

static bool file_is_there(const char *suffix)
{
    char name[112];
    (void)snprintf(name, sizeof(name), "%s%s", path, suffix);
    return access(name, F_OK) == 0;
}

static bool rename_file(const char *from, const char *to)
{
    char a[112];
    char b[112];
    (void)snprintf(a, sizeof(a), "%s%s", path, from);
    (void)snprintf(b, sizeof(b), "%s%s", path, to);
    return rename(a, b) == 0;
}

static bool load(struct ct_keyring *k)
{
    struct ct_why why;
    return ct_keyring_load(k, path, false, ct_wall_s(), &why) == CT_OK;
}

static void fresh(struct ct_keyring *k)
{
    static const char *const suffixes[] = {"", ".next", ".old"};
    for (size_t i = 0; i < 3; i++) {
        char name[112];
        (void)snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        (void)unlink(name);
    }
    CHECK(load(k));
}

static void key_is_made_once_and_not_by_a_check(void)
{
    struct ct_keyring k;
    struct ct_keyring again;
    struct ct_why why;
    (void)unlink(path);
    CHECK_EQ(ct_keyring_load(&k, path, true, ct_wall_s(), &why), CT_OK);
    CHECK(!file_is_there(""));
    fresh(&k);
    CHECK(load(&again));
    CHECK_MEM(again.now.public32, k.now.public32, 32);
    CHECK(ct_keyring_wanted(&k) == &k.now && ct_keyring_other(&k) == NULL);
}

static void change_is_due_by_the_age_of_the_file_and_one_at_a_time(void)
{
    struct ct_keyring k;
    struct ct_why why;
    fresh(&k);
    uint64_t now = ct_wall_s();
    CHECK(!ct_keyring_is_due(&k, 90, now));
    CHECK(ct_keyring_is_due(&k, 90, now + 90ull * DAY_S + 10));
    CHECK(!ct_keyring_is_due(&k, 0, now + 9000ull * DAY_S));
    REQUIRE(ct_keyring_begin(&k, &why) == CT_OK);
    CHECK(!ct_keyring_is_due(&k, 90, now + 90ull * DAY_S + 10));
}

static void next_key_is_wanted_then_present_and_the_one_before_lasts_a_while(void)
{
    struct ct_keyring k;
    struct ct_keyring again;
    struct ct_why why;
    fresh(&k);
    struct ct_x25519 first = k.now;
    REQUIRE(ct_keyring_begin(&k, &why) == CT_OK);
    CHECK(ct_keyring_wanted(&k) == &k.next && ct_keyring_other(&k) == &k.next);
    CHECK(load(&again)); /* a restart goes on with it */
    CHECK_MEM(ct_keyring_wanted(&again)->public32, k.next.public32, 32);
    struct ct_x25519 second = k.next;
    REQUIRE(ct_keyring_finish(&k, &why) == CT_OK);
    CHECK_MEM(k.now.public32, second.public32, 32);
    CHECK_MEM(ct_keyring_other(&k)->public32, first.public32, 32);
    CHECK(ct_keyring_wanted(&k) == &k.now);
    CHECK(load(&again));
    CHECK_MEM(again.now.public32, second.public32, 32);
    CHECK(again.has_old && !again.has_next);
    CHECK(!ct_keyring_expire(&k, ct_wall_s()));
    CHECK(ct_keyring_expire(&k, ct_wall_s() + CT_KEYRING_OVERLAP_S + 10));
    CHECK(ct_keyring_other(&k) == NULL && !file_is_there(".old"));
}

static void crash_between_the_two_renames_is_mended_at_the_start(void)
{
    struct ct_keyring k;
    struct ct_keyring again;
    struct ct_why why;
    fresh(&k);
    REQUIRE(ct_keyring_begin(&k, &why) == CT_OK);
    REQUIRE(rename_file("", ".old"));
    CHECK(load(&again));
    CHECK_MEM(again.now.public32, k.next.public32, 32);
    CHECK_MEM(again.old.public32, k.now.public32, 32);
    CHECK(file_is_there("") && !file_is_there(".next"));
}

static void drain_is_over_when_empty_and_withdrawn_or_at_its_limit(void)
{
    struct ct_drain d;
    memset(&d, 0, sizeof(d));
    CHECK(!ct_drain_is_on(&d) && !ct_drain_is_over(&d, true, 1, 1000000));
    ct_drain_count(&d, 1);
    CHECK(ct_drain_begin(&d, 1000) && !ct_drain_begin(&d, 2000));
    CHECK(ct_drain_is_on(&d));
    CHECK(!ct_drain_is_over(&d, true, 60, 60999));
    CHECK(ct_drain_is_over(&d, false, 60, 61000));
    CHECK(!ct_drain_is_over(&d, true, 0, UINT64_MAX));
    ct_drain_count(&d, -1);
    CHECK(ct_drain_is_over(&d, true, 60, 1001));
    CHECK(!ct_drain_is_over(&d, false, 0, 1001));
    CHECK(ct_drain_is_over(&d, false, 0, 1000 + CT_DRAIN_WITHDRAWN_WITHIN_MS));
}

static const struct ct_test tests[] = {
    CT_TEST(key_is_made_once_and_not_by_a_check),
    CT_TEST(change_is_due_by_the_age_of_the_file_and_one_at_a_time),
    CT_TEST(next_key_is_wanted_then_present_and_the_one_before_lasts_a_while),
    CT_TEST(crash_between_the_two_renames_is_mended_at_the_start),
    CT_TEST(drain_is_over_when_empty_and_withdrawn_or_at_its_limit),
};

int main(void)
{
    if (!temp_dir_make(&temp)) {
        return 1;
    }
    (void)snprintf(path, sizeof(path), "%s/relay.key", temp.path);
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    temp_dir_remove(&temp);
    return code;
}

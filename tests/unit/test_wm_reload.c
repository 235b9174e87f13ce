/* Claims about a changed configuration: what is taken, what waits, and that each text has one
 * owner.
 */
/* links: ct_wmserver ct_chain ct_base */
#include <unistd.h>

#include "ct_test.h"
#include "temp_dir.h"
#include "wm-server/src/service/observe.h"
#include "wm-server/src/service/reload.h"

static struct temp_dir folder;

static bool load(struct ct_settings *out, const char *extra)
{
    char path[96];
    struct ct_why why = {{0}};
    (void)snprintf(path, sizeof path, "%s/conf", folder.path);
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        return false;
    }
    (void)fprintf(f,
                  "[chain]\nbundle = b\nrpc = http://a.example\n[keys]\napprover = a\npass = p\n"
                  "pass-id = 1\nhandshake = h\n[listen]\nhandshake = 127.0.0.1:1\n"
                  "tls = 127.0.0.1:2\n[store]\npath = s\n%s",
                  extra);
    (void)fclose(f);
    ct_err err = ct_settings_load(out, path, &why);
    if (err != CT_OK) {
        printf("    %s\n", why.text);
    }
    return err == CT_OK;
}

static void what_may_change_is_taken(void)
{
    struct ct_settings now;
    struct ct_settings wanted;
    struct ct_reload r;
    REQUIRE(load(&now, ""));
    REQUIRE(load(&wanted, "[limits]\nparty-per-minute = 7\n[devices]\nmax-days = 9\n"
                          "[relays]\nallow-private = yes\n[log]\nlevel = debug\n"
                          "[alerts]\nrunway-days = 3\nbalance-max-gwei = 500000000\n"));
    ct_reload_settings(&now, &wanted, &r);
    CHECK_STR(r.taken, "relays.allow-private,devices.max-days,limits.party-per-minute,"
                       "alerts.runway-days,alerts.balance-max-gwei,log.level");
    CHECK_STR(r.waiting, "none");
    CHECK_EQ(now.party_minute, 7);
    CHECK_EQ(now.device_days, 9);
    CHECK(now.allow_private);
    CHECK(ct_settings_alerts(&now).days == 3 && ct_settings_alerts(&now).most_ether == 0.5);
    CHECK_EQ(now.level, CT_LOG_DEBUG);
    CHECK_STR(now.log_level, "debug");
    ct_settings_free(&wanted);
    ct_settings_free(&now);
}

static void what_must_not_change_waits(void)
{
    struct ct_settings now;
    struct ct_settings wanted;
    struct ct_reload r;
    REQUIRE(load(&now, ""));
    REQUIRE(load(&wanted, "[limits]\nconnections = 99\n[chain]\nrpc = http://b.example\n"
                          "contract = 0x00000000000000000000000000000000000c0de0\n"));
    ct_reload_settings(&now, &wanted, &r);
    CHECK_STR(r.taken, "none");
    CHECK_STR(r.waiting, "chain.contract,chain.rpc,limits.connections");
    CHECK(now.contract == NULL);
    CHECK_EQ(now.rpc.count, 1);
    CHECK_EQ(now.connections, 256);
    ct_settings_free(&wanted);
    ct_settings_free(&now);
}

/* Threads hold pointers to what is served with: keys come, and do not change. */
static void next_keys_are_taken_once(void)
{
    struct ct_settings now, first, second;
    struct ct_reload r;
    REQUIRE(load(&now, "") && load(&first, "[keys]\nnext-pass = a\n"));
    REQUIRE(load(&second, "[keys]\nnext-pass = b\nnext-handshake = c\n"));
    ct_reload_settings(&now, &first, &r);
    CHECK_STR(r.taken, "keys.next-pass");
    CHECK(now.next_pass_path != NULL && now.next_handshake_path == NULL);
    ct_reload_settings(&now, &second, &r);
    CHECK_STR(r.taken, "keys.next-handshake");
    CHECK_STR(r.waiting, "keys.next-pass");
    CHECK(now.next_pass_path[strlen(now.next_pass_path) - 1] == 'a');
    ct_settings_free(&second);
    ct_settings_free(&first);
    ct_settings_free(&now);
}

static void nothing_new_is_said_so(void)
{
    struct ct_settings now;
    struct ct_settings wanted;
    struct ct_reload r;
    REQUIRE(load(&now, "[log]\nlevel = warn\n"));
    REQUIRE(load(&wanted, "[log]\nlevel = warn\n"));
    ct_reload_settings(&now, &wanted, &r);
    CHECK_STR(r.taken, "none");
    CHECK_STR(r.waiting, "none");
    ct_settings_free(&wanted);
    ct_settings_free(&now);
}

static const struct ct_test tests[] = {
    CT_TEST(what_may_change_is_taken),
    CT_TEST(what_must_not_change_waits),
    CT_TEST(next_keys_are_taken_once),
    CT_TEST(nothing_new_is_said_so),
};

int main(void)
{
    if (!temp_dir_make(&folder)) {
        return 1;
    }
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    temp_dir_remove(&folder);
    return code;
}

/* Claims about the relay's options in turnserver.conf. */
/* links: ct_coturn_module ct_relay_policy ct_turn ct_base */
#include <string.h>

#include "ct_options.h"
#include "ct_test.h"
#include "options.h"

static void without_options_the_module_is_off(void)
{
    struct ct_relay_options o;
    ct_relay_options_init(&o);
    CHECK(!o.any);
    CHECK(o.mode == CT_MODE_RELAYS);
}

static void values_are_read(void)
{
    struct ct_relay_options o;
    struct ct_why why;
    ct_relay_options_init(&o);
    CHECK(ct_relay_options_set(&o, CT_OPT_MODE, "off", &why) == CT_OK);
    CHECK(o.any && o.mode == CT_MODE_OFF);
    CHECK(ct_relay_options_set(&o, CT_OPT_MAX_AGE, "60", &why) == CT_OK);
    CHECK_EQ(o.max_age_s, 60);
    CHECK(ct_relay_options_set(&o, CT_OPT_WALLET_PASSPHRASE, "credential:wallet", &why) == CT_OK);
    CHECK(strcmp(o.passphrase, "credential:wallet") == 0);
    CHECK(ct_relay_options_set(&o, CT_OPT_ALLOW_PRIVATE, "", &why) == CT_OK && o.allow_private);
    CHECK(ct_relay_options_set(&o, CT_OPT_ALLOW_PRIVATE, "no", &why) == CT_OK && !o.allow_private);
    CHECK(ct_relay_options_set(&o, CT_OPT_ALLOW_PRIVATE, NULL, &why) == CT_OK && o.allow_private);
}

static void life_on_the_chain_is_set(void)
{
    struct ct_relay_options o;
    struct ct_why why;
    ct_relay_options_init(&o);
    CHECK_STR(o.registrar_user, "nobody");
    CHECK_EQ(o.renew_days, 14);
    CHECK_EQ(o.key_days, 0);
    CHECK(!o.withdraw_on_stop);
    CHECK(ct_relay_options_set(&o, CT_OPT_REGISTRAR, "/x/y", &why) == CT_OK);
    CHECK_STR(o.registrar, "/x/y");
    CHECK(ct_relay_options_set(&o, CT_OPT_MAX_FEE_GWEI, "7", &why) == CT_OK);
    CHECK_EQ(o.max_fee_gwei, 7);
    CHECK(ct_relay_options_set(&o, CT_OPT_MAX_GAS, "50000", &why) == CT_OK);
    CHECK_EQ(o.max_gas, 50000);
    CHECK(ct_relay_options_set(&o, CT_OPT_KEY_DAYS, "90", &why) == CT_OK);
    CHECK_EQ(o.key_days, 90);
    CHECK(ct_relay_options_set(&o, CT_OPT_ON_STOP, "withdraw", &why) == CT_OK);
    CHECK(o.withdraw_on_stop);
    CHECK(ct_relay_options_set(&o, CT_OPT_ON_STOP, "keep", &why) == CT_OK);
    CHECK(!o.withdraw_on_stop);
    CHECK(ct_relay_options_set(&o, CT_OPT_DRAIN_LIMIT, "0", &why) == CT_OK);
    CHECK_EQ(o.drain_limit_s, 0);
}

static void metrics_are_told_on_loopback_unless_an_address_is_named(void)
{
    struct ct_relay_options o;
    struct ct_why why;
    char text[CT_ADDR_TEXT];
    ct_relay_options_init(&o);
    CHECK_EQ(o.metrics.family, 0);
    CHECK(ct_relay_options_set(&o, CT_OPT_METRICS, "9642", &why) == CT_OK);
    ct_addr_to_text(text, &o.metrics);
    CHECK_STR(text, "127.0.0.1:9642");
    CHECK(ct_relay_options_set(&o, CT_OPT_METRICS, "[2001:db8::1]:80", &why) == CT_OK);
    ct_addr_to_text(text, &o.metrics);
    CHECK_STR(text, "[2001:db8::1]:80");
    CHECK(ct_relay_options_set(&o, CT_OPT_METRICS, "off", &why) == CT_OK);
    CHECK_EQ(o.metrics.family, 0);
}

static void wrong_values_are_refused_by_name(void)
{
    static const struct {
        int id;
        const char *value;
        const char *says;
    } table[] = {
        {CT_OPT_MODE, "everyone", "chainturn-mode=everyone is not a mode"},
        {CT_OPT_MODE, "", "chainturn-mode"},
        {CT_OPT_MAX_AGE, "0", "chainturn-max-age=0"},
        {CT_OPT_ON_STOP, "leave", "chainturn-on-stop=leave: keep or withdraw"},
        {CT_OPT_MAX_FEE_GWEI, "0", "chainturn-max-fee-gwei=0"},
        {CT_OPT_MAX_GAS, "49999", "chainturn-max-gas=49999"},
        {CT_OPT_RENEW_DAYS, "366", "chainturn-renew-days=366"},
        {CT_OPT_REGISTRAR_USER, "", "chainturn-registrar-user"},
        {CT_OPT_MAX_AGE, "-1", "chainturn-max-age=-1"},
        {CT_OPT_MAX_AGE, "10s", "chainturn-max-age=10s"},
        {CT_OPT_POLL_MS, "99999999999999999999", "chainturn-poll-ms"},
        {CT_OPT_POLL_MS, "1", "100"},
        {CT_OPT_ALLOW_PRIVATE, "maybe", "chainturn-allow-private=maybe"},
        {CT_OPT_METRICS, "", "chainturn-metrics="},
        {CT_OPT_METRICS, "0", "chainturn-metrics=0"},
        {CT_OPT_METRICS, "65536", "chainturn-metrics=65536"},
        {CT_OPT_METRICS, "127.0.0.1", "an address with a port"},
        {CT_OPT_METRICS, "127.0.0.1:0", "chainturn-metrics=127.0.0.1:0"},
        {CT_OPT_METRICS, "localhost:9642", "chainturn-metrics=localhost:9642"},
        {CT_OPT_BUNDLE, "", "chainturn-bundle"},
        {CT_OPT_WALLET_PASSPHRASE, "", "chainturn-wallet-passphrase"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct ct_relay_options o;
        struct ct_why why = {""};
        ct_relay_options_init(&o);
        CHECK(ct_relay_options_set(&o, table[i].id, table[i].value, &why) == CT_ERR_CONFIG);
        CHECK(strstr(why.text, table[i].says) != NULL);
    }
}

static void bundle_is_required_and_keys_follow_the_state_folder(void)
{
    struct ct_relay_options o;
    struct ct_why why = {""};
    ct_relay_options_init(&o);
    CHECK(ct_relay_options_finish(&o, &why) == CT_ERR_CONFIG);
    CHECK(strstr(why.text, "chainturn-bundle") != NULL);
    CHECK(ct_relay_options_set(&o, CT_OPT_BUNDLE, "/b.json", &why) == CT_OK);
    CHECK(ct_relay_options_set(&o, CT_OPT_STATE, "/s", &why) == CT_OK);
    CHECK(ct_relay_options_set(&o, CT_OPT_KEY, "/k", &why) == CT_OK);
    CHECK(ct_relay_options_finish(&o, &why) == CT_OK);
    CHECK_STR(o.wallet, "/s/wallet.key");
    CHECK_STR(o.key, "/k");
}

static void age_that_ends_between_two_looks_is_refused(void)
{
    static const struct {
        const char *max_age, *poll_ms;
        ct_err err;
        const char *least;
    } table[] = {
        {"9", "5000", CT_ERR_CONFIG, "set chainturn-max-age to 10 or more"},
        {"10", "5000", CT_OK, NULL},
        {"1", "501", CT_ERR_CONFIG, "set chainturn-max-age to 2 or more"},
        {"1", "500", CT_OK, NULL},
        {"300", "600000", CT_ERR_CONFIG, "set chainturn-max-age to 1200 or more"},
        {"2592000", "600000", CT_OK, NULL}, /* in ms more than 32 bits hold */
        {NULL, "600000", CT_OK, NULL},      /* the default of either goes with all of the other's */
        {"9", NULL, CT_ERR_CONFIG, "chainturn-max-age=9 is less than two times"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct ct_relay_options o;
        struct ct_why why = {""};
        ct_relay_options_init(&o);
        CHECK(ct_relay_options_set(&o, CT_OPT_BUNDLE, "/b.json", &why) == CT_OK);
        CHECK(!table[i].max_age ||
              ct_relay_options_set(&o, CT_OPT_MAX_AGE, table[i].max_age, &why) == CT_OK);
        CHECK(!table[i].poll_ms ||
              ct_relay_options_set(&o, CT_OPT_POLL_MS, table[i].poll_ms, &why) == CT_OK);
        CHECK_EQ(ct_relay_options_finish(&o, &why), table[i].err);
        CHECK(!table[i].least || strstr(why.text, table[i].least) != NULL);
    }
}

static void misspelt_key_of_ours_is_refused_and_corrected(void)
{
    struct ct_why why = {""};
    CHECK(ct_relay_options_unknown("chainturn-mod", &why) == CT_ERR_CONFIG);
    CHECK(strstr(why.text, "did you mean chainturn-mode?") != NULL);
    CHECK(ct_relay_options_unknown("chainturn-mode", &why) == CT_ERR_CONFIG);
    CHECK(strstr(why.text, "chainturn-mode needs a value") != NULL);
    CHECK(ct_relay_options_unknown("chainturn_bundle", &why) == CT_ERR_CONFIG);
    CHECK(strstr(why.text, "chainturn-bundle") != NULL);
    CHECK(ct_relay_options_unknown("chanturn-state", &why) == CT_ERR_CONFIG);
    CHECK(ct_relay_options_unknown("chainturn-zebra-crossing-colour", &why) == CT_ERR_CONFIG);
}

static void keys_of_others_are_left_to_the_server(void)
{
    struct ct_why why = {""};
    CHECK(ct_relay_options_unknown("listening-prt", &why) == CT_OK);
    CHECK(ct_relay_options_unknown("no-such-thing", &why) == CT_OK);
    CHECK(ct_relay_options_unknown("", &why) == CT_OK);
}

static const struct ct_test tests[] = {
    CT_TEST(without_options_the_module_is_off),
    CT_TEST(values_are_read),
    CT_TEST(life_on_the_chain_is_set),
    CT_TEST(metrics_are_told_on_loopback_unless_an_address_is_named),
    CT_TEST(wrong_values_are_refused_by_name),
    CT_TEST(bundle_is_required_and_keys_follow_the_state_folder),
    CT_TEST(age_that_ends_between_two_looks_is_refused),
    CT_TEST(misspelt_key_of_ours_is_refused_and_corrected),
    CT_TEST(keys_of_others_are_left_to_the_server),
};

CT_TEST_MAIN(tests)

/* Tokens and the devices that they enrol, with the programs as they are: listed, withdrawn one by
 * one and by batch, and on the chain what becomes of the devices. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"
#include "chain/send.h"
#include "ct_test.h"
#include "platform.h"
#include "scene.h"

static const char *server, *admin;
static bool on_redis;
static char said[16384], rotation[16384];

static bool says(const char *text)
{
    bool found = strstr(said, text) != NULL;
    if (!found) {
        printf("    %s\n", said);
    }
    return found;
}

/* wm-admin token WORD --config .. and up to six more words; its exit code. */
static int token(const char *word, const char *const more[6])
{
    const char *const argv[] = {admin,   "token", word,    "--config", platform.conf, more[0],
                                more[1], more[2], more[3], more[4],    more[5],       NULL};
    return scene_run(said, sizeof said, argv);
}

/* A token of that batch, for the device, in a new file; max_gas: NULL, or what it may cost. */
static bool issue_for(struct device *d, const char *batch, const char *max_gas, char file[128])
{
    static int number;
    char text[CT_TOKEN_TEXT_MAX + 2];
    (void)snprintf(file, 128, "%s/tokens-%d", platform.folder, ++number);
    const char *const argv[] = {admin,         "token",
                                "issue",       "--config",
                                platform.conf, "--batch",
                                batch,         "--id",
                                d->identity,   "--expires",
                                "1d",          "--out",
                                file,          max_gas == NULL ? NULL : "--max-gas",
                                max_gas,       NULL};
    if (scene_run(said, sizeof said, argv) != 0 || !scene_read(text, sizeof text, file)) {
        printf("    %s\n", said);
        return false;
    }
    text[strcspn(text, "\n")] = '\0';
    (void)snprintf(d->token, sizeof d->token, "%.626s", text);
    return true;
}

static bool issue(struct device *d, const char *batch, char file[128])
{
    return issue_for(d, batch, NULL, file);
}

static ct_err ask_pass(struct device *d, struct ct_why *why)
{
    uint8_t pass[CT_PASS_LEN];
    uint8_t key32[32];
    uint64_t expires_s = 0;
    const struct ct_wm_pass_request request = {.pass_key32 = key32, .token = d->token};
    ct_err err = ct_random(key32, sizeof key32);
    return err == CT_OK ? ct_wm_pass(d->wm, pass, &expires_s, &request, why) : err;
}

static void number_of(char out[33], const struct device *d)
{
    struct ct_token t = {.key_id = 0};
    CHECK_EQ(ct_token_parse(&t, d->token, strlen(d->token)), CT_OK);
    for (size_t i = 0; i < sizeof t.jti16; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", t.jti16[i]);
    }
}

static void platform_is_ready(void)
{
    REQUIRE(platform_start(server, on_redis) && platform_run());
    CHECK_EQ(token("list", (const char *const[6]){NULL}), 0);
    CHECK(says("no token has been issued yet"));
}

static void tokens_are_listed_with_who_used_them(void)
{
    struct ct_why why = {{0}};
    struct device d;
    char file[128], line[160], jti[33];
    REQUIRE(platform.pid > 0 && device_new(&d, "list-1") && issue(&d, "L1", file));
    number_of(jti, &d);
    CHECK_EQ(token("list", (const char *const[6]){"--batch", "L1"}), 0);
    (void)snprintf(line, sizeof line, "%s issued    batch L1 until ", jti);
    CHECK(says(line) && strstr(said, "list-1") == NULL);
    REQUIRE(ask_pass(&d, &why) == CT_OK);
    CHECK_EQ(token("list", (const char *const[6]){NULL}), 0);
    (void)snprintf(line, sizeof line, "%s used      batch L1 until ", jti);
    CHECK(says(line) && says(" by list-1 wallet 0x"));
    CHECK_EQ(token("list", (const char *const[6]){"--batch", "L2"}), 0);
    CHECK(says("no token of that batch"));
    CHECK(strstr(said, "ctk1.") == NULL);
    device_close(&d);
}

static void withdrawn_tokens_admit_nobody(void)
{
    struct ct_why why = {{0}};
    struct device a, b, c;
    char file[128], other[128], jti[33];
    REQUIRE(platform.pid > 0 && device_new(&a, "gone-1") && issue(&a, "W1", file));
    REQUIRE(device_new(&b, "gone-2") && issue(&b, "W1", other));
    CHECK_EQ(token("revoke", (const char *const[6]){file}), 0);
    CHECK(says("withdrew 1 token\n"));
    CHECK_EQ(ask_pass(&a, &why), CT_ERR_AUTH);
    CHECK(strstr(why.text, "withdrawn") != NULL);
    number_of(jti, &b);
    REQUIRE(ask_pass(&b, &why) == CT_OK); /* used, and then withdrawn */
    CHECK_EQ(token("revoke", (const char *const[6]){"--jti", jti}), 0);
    CHECK_EQ(ask_pass(&b, &why), CT_ERR_AUTH);
    REQUIRE(device_new(&c, "gone-3") && issue(&c, "W1", other)); /* the batch goes on */
    CHECK_EQ(ask_pass(&c, &why), CT_OK);
    CHECK_EQ(token("revoke", (const char *const[6]){"--identity", "gone-3"}), 0);
    CHECK_EQ(ask_pass(&c, &why), CT_ERR_AUTH);
    CHECK_EQ(token("list", (const char *const[6]){"--batch", "W1"}), 0);
    CHECK(says(" withdrawn ") && strstr(said, " issued ") == NULL &&
          strstr(said, " used  ") == NULL);
    CHECK_EQ(token("revoke", (const char *const[6]){"--jti", "12"}), 2);
    CHECK_EQ(token("revoke", (const char *const[6]){"--jti", jti, "--batch", "W1"}), 2);
    device_close(&a);
    device_close(&b);
    device_close(&c);
}

static void token_pays_for_no_more_gas_than_it_says(void)
{
    struct ct_why why = {{0}};
    struct device d;
    struct ct_wm_voucher v;
    char file[128];
    const struct ct_wm_terms terms = device_terms();
    REQUIRE(platform.pid > 0 && device_new(&d, "thrifty-1"));
    REQUIRE(issue_for(&d, "G1", "30000", file));
    CHECK_EQ(token("inspect", (const char *const[6]){file}), 0);
    CHECK(says(", at most 30000 gas, "));
    CHECK_EQ(ct_wm_voucher(d.wm, &v, d.token, &terms, &why), CT_ERR_REFUSED);
    CHECK(strstr(why.text, "pay for 30000") != NULL);
    REQUIRE(issue_for(&d, "G1", "200000", file));
    CHECK_EQ(ct_wm_voucher(d.wm, &v, d.token, &terms, &why), CT_OK);
    REQUIRE(!issue_for(&d, "G1", "0", file) && !issue_for(&d, "G1", "much", file));
    device_close(&d);
}

static void batch_is_withdrawn_with_the_devices_it_enrolled(void)
{
    enum { MANY = 3 };
    static struct device d[MANY];
    static struct device other;
    struct ct_why why = {{0}};
    struct ct_device record;
    char file[128];
    REQUIRE(platform.pid > 0 && device_new(&other, "kept-1") && issue(&other, "K1", file));
    REQUIRE(device_register(&other) == CT_OK);
    for (int i = 0; i < MANY; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "fleet-%d", i);
        REQUIRE(device_new(&d[i], name) && issue(&d[i], "F1", file));
    }
    REQUIRE(device_register(&d[0]) == CT_OK && device_register(&d[1]) == CT_OK);
    CHECK_EQ(ask_pass(&d[0], &why), CT_OK); /* d[2] has neither record nor pass */
    CHECK_EQ(token("revoke", (const char *const[6]){"--batch", "F1", "--with-devices"}), 0);
    CHECK(says("withdrew batch F1\n") && says("revoked fleet-0\n") && says("revoked fleet-1\n"));
    CHECK(says("revoked 2 devices, 0 could not be\n"));
    CHECK(scene_await(platform.log, "kind=revoke_pass"));
    for (int i = 0; i < 2; i++) {
        REQUIRE(device_record(&d[i], &record) == CT_OK);
        CHECK_EQ(record.state, CT_RECORD_REVOKED);
    }
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(ask_pass(&d[i], &why), CT_ERR_AUTH);
        device_close(&d[i]);
    }
    REQUIRE(device_record(&other, &record) == CT_OK);
    CHECK_EQ(record.state, CT_RECORD_APPROVED);
    CHECK_EQ(ask_pass(&other, &why), CT_OK);
    CHECK(!issue(&other, "F1", file)); /* and no more of it */
    CHECK(says("batch F1 was withdrawn"));
    device_close(&other);
}

/* The same name with a new wallet and key, while the old one's record is live. */
static void device_that_lost_its_wallet_keeps_its_name(void)
{
    struct ct_why why = {{0}};
    struct device old, anew, thief;
    struct ct_device record;
    char file[128];
    REQUIRE(platform.pid > 0 && device_new(&old, "meter-1") && issue(&old, "M1", file));
    REQUIRE(device_register(&old) == CT_OK && ask_pass(&old, &why) == CT_OK);
    REQUIRE(device_new(&thief, "meter-1"));
    thief.token[0] = '\0'; /* no token: the name stays whose it is */
    CHECK(device_register(&thief) != CT_OK);
    REQUIRE(device_new(&anew, "meter-1") && issue(&anew, "M2", file));
    anew.sequence = 1;
    CHECK_EQ(ask_pass(&anew, &why), CT_OK);
    REQUIRE(device_register(&anew) == CT_OK);
    REQUIRE(device_record(&anew, &record) == CT_OK);
    CHECK(record.state == CT_RECORD_APPROVED && record.sequence == 2);
    CHECK_MEM(record.wallet20, anew.wallet.addr20, 20);
    CHECK_MEM(record.key32, anew.key.public32, 32);
    CHECK(scene_await(platform.log, "device_replaced id=meter-1"));
    CHECK(scene_await(platform.log, "kind=revoke_device subject=meter-1 state=done"));
    CHECK_EQ(ask_pass(&anew, &why), CT_OK);
    old.sequence = 2; /* whoever has the old wallet and its token is out */
    CHECK(ask_pass(&old, &why) != CT_OK);
    CHECK(device_register(&old) != CT_OK);
    REQUIRE(device_record(&anew, &record) == CT_OK);
    CHECK_MEM(record.wallet20, anew.wallet.addr20, 20);
    device_close(&old);
    device_close(&anew);
    device_close(&thief);
}

/* One credential for a fleet: each device gets its own token of it, as often as it asks. */
static void fleet_enrols_with_one_factory_credential(void)
{
    enum { MANY = 2 };
    static struct device d[MANY + 1];
    struct ct_why why = {{0}};
    char file[128], factory[CT_TOKEN_TEXT_MAX + 2], once[CT_TOKEN_TEXT_MAX + 1], number[33];
    struct ct_token t = {.key_id = 0};
    REQUIRE(platform.pid > 0);
    (void)snprintf(file, sizeof file, "%s/factory", platform.folder);
    const char *const argv[] = {admin,         "token", "issue",     "--config", platform.conf,
                                "--batch",     "FC1",   "--factory", "--count",  "2",
                                "--id-prefix", "acme-", "--expires", "1d",       "--out",
                                file,          NULL};
    REQUIRE(scene_run(said, sizeof said, argv) == 0);
    CHECK(says("a factory credential for 2 devices named acme-*, batch FC1, in "));
    REQUIRE(scene_read(factory, sizeof factory, file));
    factory[strcspn(factory, "\n")] = '\0';
    REQUIRE(ct_factory_parse(&t, factory, strlen(factory)) == CT_OK);
    ct_hex(number, t.jti16, sizeof t.jti16);
    for (int i = 0; i <= MANY; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "acme-%d", i);
        REQUIRE(device_new(&d[i], name));
        ct_err err = ct_wm_exchange(d[i].wm, d[i].token, factory, &why);
        CHECK_EQ(err, i < MANY ? CT_OK : CT_ERR_REFUSED);
    }
    CHECK(strstr(why.text, "2 names") != NULL);
    CHECK(ct_wm_exchange(d[0].wm, once, factory, &why) == CT_OK);
    CHECK_STR(once, d[0].token);
    REQUIRE(device_register(&d[0]) == CT_OK);
    CHECK_EQ(token("inspect", (const char *const[6]){file}), 0);
    CHECK(says("factory credential for 2 devices, number ") && says("for acme-*") &&
          says("signature good"));
    CHECK_EQ(token("list", (const char *const[6]){"--batch", "FC1"}), 0);
    CHECK(says(" factory credential, 2 of 2 exchanged\n") && says(" of factory credential ") &&
          says(" used ") && says(number));
    CHECK_EQ(token("revoke", (const char *const[6]){file, "--with-devices"}), 0);
    CHECK(says("withdrew 1 token\n") && says("revoked acme-0\n") && says("revoked 1 device, "));
    struct ct_device record;
    REQUIRE(device_record(&d[0], &record) == CT_OK);
    CHECK_EQ(record.state, CT_RECORD_REVOKED);
    CHECK_EQ(ask_pass(&d[1], &why), CT_ERR_AUTH); /* its token was never used */
    CHECK(strstr(why.text, "withdrawn") != NULL);
    CHECK_EQ(ct_wm_exchange(d[1].wm, once, factory, &why), CT_ERR_AUTH);
    CHECK_EQ(token("list", (const char *const[6]){"--batch", "FC1"}), 0);
    CHECK(strstr(said, " issued ") == NULL && strstr(said, " used  ") == NULL);
    for (int i = 0; i <= MANY; i++) {
        device_close(&d[i]);
    }
}

/* The owner's wallet is elsewhere: here it is the test that sends what was printed. */
static bool owner_sends_what_was_printed(void)
{
    char path[128];
    uint8_t call[4 + 3 * 32];
    char hex[2 * sizeof call + 1] = "";
    struct ct_wallet owner;
    struct ct_receipt receipt = {0};
    struct ct_why why = {{0}};
    const char *at = strstr(said, "setWMKey 0x");
    (void)snprintf(path, sizeof path, "%s/owner.key", platform.folder);
    if (at == NULL) {
        return false;
    }
    (void)snprintf(hex, sizeof hex, "%s", at + strlen("setWMKey 0x"));
    const struct ct_send tx = {
        .to20 = platform.bundle.contract20, .data = call, .data_len = sizeof call};
    bool good = ct_unhex(call, sizeof call, hex) == CT_OK &&
                ct_wallet_load(&owner, path, &why) == CT_OK &&
                ct_send_and_wait(platform.chain, &owner, &tx, 1, 60000, &receipt, &why) == CT_OK;
    ct_receipt_free(&receipt);
    if (!good) {
        printf("    %s\n", why.text);
    }
    return good;
}

/* Enrols with the keys of one generation only, as somebody whose view of the chain is older or
 * newer.
 */
static ct_err ask_pass_by(size_t generation, const char *identity, const char *batch)
{
    const struct ct_wm_key other = platform.keys[1 - generation];
    struct ct_why why = {{0}};
    struct device d;
    char file[128];
    ct_err err = CT_ERR_SYSTEM;
    platform.keys[1 - generation].id = 0; /* skipped */
    if (device_new(&d, identity) && issue(&d, batch, file)) {
        platform.keys[1 - generation] = other;
        uint8_t pass[CT_PASS_LEN];
        uint64_t expires_s = 0;
        const struct ct_wm_pass_request request = {.pass_key32 = d.key.public32, .token = d.token};
        err = ct_wm_enrol(d.wm, &why); /* sealed to that generation's key */
        device_close(&d);
        if (err == CT_OK && device_open(&d)) { /* the pass may be of either */
            err = ct_wm_pass(d.wm, pass, &expires_s, &request, &why);
            device_close(&d);
        }
    }
    platform.keys[1 - generation] = other;
    if (err != CT_OK) {
        printf("    generation %zu: %s\n", generation, why.text);
    }
    return err;
}

/* Nobody is refused: before the block, after it, and when the new key signs. */
static void keys_are_rotated_while_the_server_runs(void)
{
    struct ct_why why = {{0}};
    struct device old;
    struct ct_view view;
    char file[128], key[128], handshake[128], lines[600];
    REQUIRE(platform.pid > 0 && device_new(&old, "turn-1") && issue(&old, "R1", file));
    (void)snprintf(key, sizeof key, "%s/pass-2.key", platform.folder);
    (void)snprintf(handshake, sizeof handshake, "%s/handshake-2.key", platform.folder);
    const char *const argv[] = {admin,         "passkey",   "rotate", "--config",
                                platform.conf, "--out",     key,      "--handshake-out",
                                handshake,     "--expires", "30d",    NULL};
    REQUIRE(scene_run(said, sizeof said, argv) == 0);
    CHECK(says("will be number 2\n") && says("  pass-id = 2\n") && says("  next-pass = "));
    (void)snprintf(lines, sizeof lines, "pass-id = 1\nnext-pass = %s\nnext-handshake = %s\n", key,
                   handshake);
    REQUIRE(platform_set("pass-id = 1\n", lines));
    REQUIRE(kill(platform.pid, SIGHUP) == 0);
    memcpy(rotation, said, sizeof rotation);
    REQUIRE(scene_await(platform.log, "reloaded taken=keys.next-pass,keys.next-handshake "));
    CHECK_EQ(ask_pass_by(0, "turn-2", "R1"), CT_OK);
    CHECK(scene_run(said, sizeof said, argv) == 2 && says("exists")); /* it is not replaced */
    memcpy(said, rotation, sizeof said);
    REQUIRE(owner_sends_what_was_printed());
    REQUIRE(ct_chain_view(platform.chain, &view, &why) == CT_OK);
    REQUIRE(ct_registry_wm_keys(platform.chain, &view, platform.keys, &why) == CT_OK);
    CHECK(platform.keys[0].id == 2 && platform.keys[1].id == 1);
    CHECK(memcmp(platform.keys[0].x25519, platform.keys[1].x25519, 32) != 0);
    CHECK_EQ(ask_pass_by(0, "turn-3", "R1"), CT_OK);
    CHECK_EQ(ask_pass_by(1, "turn-4", "R1"), CT_OK);
    REQUIRE(scene_await(platform.log, "keys listed=2 previous=1 signs_with=1"));
    CHECK_EQ(ask_pass_by(0, "turn-5", "R1"), CT_OK);
    CHECK_EQ(ask_pass_by(1, "turn-6", "R1"), CT_OK);
    CHECK_EQ(ask_pass(&old, &why), CT_OK); /* of before all this */
    CHECK_EQ(device_register(&old), CT_OK);
    if (!on_redis) { /* once is enough to wait for */
        REQUIRE(scene_says(platform.log, "keys listed=2 previous=1 signs_with=2", 120000));
        CHECK_EQ(ask_pass_by(0, "turn-7", "R1"), CT_OK);
        CHECK_EQ(ask_pass_by(1, "turn-8", "R1"), CT_OK);
    }
    device_close(&old);
}

static void what_the_old_key_signed_stays_good(void)
{
    struct ct_why why = {{0}};
    struct device old, anew;
    struct ct_token t;
    char file[128], line[300];
    REQUIRE(platform.pid > 0 && device_new(&old, "turn-9") && issue(&old, "R1", file));
    device_close(&old);
    REQUIRE(platform_end(SIGTERM) == 0); /* the old keys are gone from here on */
    (void)snprintf(line, sizeof line, "pass = %s/pass-2.key\n", platform.folder);
    REQUIRE(platform_set("pass = wm-pass.key\n", line));
    (void)snprintf(line, sizeof line, "handshake = %s/handshake-2.key\n", platform.folder);
    REQUIRE(platform_set("handshake = wm-handshake.key\n", line));
    REQUIRE(platform_set("pass-id = 1\n", "pass-id = 2\n") && platform_run());
    REQUIRE(device_open(&old));
    REQUIRE(ct_token_parse(&t, old.token, strlen(old.token)) == CT_OK);
    CHECK_EQ(t.key_id, 1);
    CHECK_EQ(ask_pass(&old, &why), CT_OK);
    CHECK_EQ(device_register(&old), CT_OK);
    REQUIRE(device_new(&anew, "turn-10") && issue(&anew, "R2", file));
    REQUIRE(ct_token_parse(&t, anew.token, strlen(anew.token)) == CT_OK);
    CHECK_EQ(t.key_id, 2);
    CHECK_EQ(ask_pass(&anew, &why), CT_OK);
    device_close(&old);
    device_close(&anew);
}

static void log_tells_no_token(void)
{
    static char log[1 << 20];
    REQUIRE(platform.pid > 0);
    CHECK_EQ(platform_end(SIGTERM), 0);
    REQUIRE(scene_read(log, sizeof log, platform.log));
    CHECK(strstr(log, "ctk1.") == NULL && strstr(log, "ctf1.") == NULL);
    CHECK(strstr(log, "pass_issued") != NULL);
}

static const struct ct_test tests[] = {
    CT_TEST(platform_is_ready),
    CT_TEST(tokens_are_listed_with_who_used_them),
    CT_TEST(withdrawn_tokens_admit_nobody),
    CT_TEST(token_pays_for_no_more_gas_than_it_says),
    CT_TEST(batch_is_withdrawn_with_the_devices_it_enrolled),
    CT_TEST(device_that_lost_its_wallet_keeps_its_name),
    CT_TEST(fleet_enrols_with_one_factory_credential),
    CT_TEST(keys_are_rotated_while_the_server_runs),
    CT_TEST(what_the_old_key_signed_stays_good),
    CT_TEST(log_tells_no_token),
};

int main(int argc, char **argv)
{
    on_redis = argc == 4 && strcmp(argv[3], "--redis") == 0;
    if (argc != 3 && !on_redis) {
        (void)fprintf(stderr, "usage: tokens_test WM-SERVER WM-ADMIN [--redis]\n");
        return 2;
    }
    server = argv[1];
    admin = argv[2];
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    platform_stop();
    return code;
}

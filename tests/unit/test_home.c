/* Claims about HOME: what is written is read back, and what is spoilt is noticed. */
/* links: ct_client_inside chainturn ct_kex ct_turn ct_chain ct_base */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "home.h"
#include "moved.h"

#include "ct_test.h"
#include "temp_dir.h"

static struct ct_home home;
static const uint8_t deployment[32] = {7, 7, 7};

static struct temp_dir dir;

static void remove_home(void)
{
    temp_dir_remove(&dir);
}

static void fresh_home(void)
{
    struct ct_why why;
    if (dir.path[0] != '\0') {
        temp_dir_remove(&dir);
    } else {
        (void)atexit(remove_home);
    }
    CHECK(temp_dir_make(&dir));
    CHECK_EQ(ct_home_init(&home, dir.path, &why), CT_OK);
    CHECK_EQ(ct_home_make(&home, &why), CT_OK);
}

static void path_of(char *out, size_t cap, const char *name)
{
    (void)snprintf(out, cap, "%s/%s", home.dir, name);
}

static void spoil(const char *name, const char *text, unsigned mode)
{
    char path[400];
    path_of(path, sizeof path, name);
    CHECK_EQ(ct_file_write(path, text, strlen(text), mode, NULL), CT_OK);
}

static void device_is_read_back(void)
{
    struct ct_home_device device = {.identity = "sensor-42", .relay = 7};
    struct ct_home_device got;
    struct ct_why why;
    fresh_home();
    CHECK_EQ(ct_home_load_device(&home, &got, &why), CT_ERR_NOT_FOUND);
    REQUIRE(ct_home_save_device(&home, &device, &why) == CT_OK);
    REQUIRE(ct_home_load_device(&home, &got, &why) == CT_OK);
    CHECK_STR(got.identity, "sensor-42");
    CHECK_EQ(got.relay, 7);
}

static void the_road_is_kept_and_a_file_without_one_is_sponsored(void)
{
    struct ct_home_device device = {.identity = "sensor-42", .relay = 7, .is_funded = true};
    struct ct_home_device got;
    fresh_home();
    REQUIRE(ct_home_save_device(&home, &device, NULL) == CT_OK);
    REQUIRE(ct_home_load_device(&home, &got, NULL) == CT_OK);
    CHECK(got.is_funded);
    device.is_funded = false; /* nothing else differs */
    REQUIRE(ct_home_save_device(&home, &device, NULL) == CT_OK);
    REQUIRE(ct_home_load_device(&home, &got, NULL) == CT_OK);
    CHECK(!got.is_funded);
    spoil("device.json", "{\"identity\":\"sensor-42\",\"relay\":7}", 0644);
    REQUIRE(ct_home_load_device(&home, &got, NULL) == CT_OK);
    CHECK(!got.is_funded);
}

static void a_spoilt_device_file_is_an_error_and_not_a_new_device(void)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "{\"identity\":\"a b\",\"relay\":1}",
                                      "{\"identity\":\"a\",\"relay\":16384}",
                                      "{\"relay\":1}",
                                      "{\"identity\":\"a\",\"relay\":\"1\"}",
                                      "{\"identity\":\"a\",\"relay\":1,\"road\":\"toll\"}",
                                      "{\"identity\":\"a\",\"relay\":1,\"road\":1}"};
    struct ct_home_device got;
    struct ct_why why;
    fresh_home();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        spoil("device.json", bad[i], 0644);
        CHECK_EQ(ct_home_load_device(&home, &got, &why), CT_ERR_CONFIG);
    }
}

static struct ct_own_pass make_pass(void)
{
    struct ct_own_pass pass;
    struct ct_x25519 key;
    struct ct_ed25519 signer;
    struct ct_secret32 seed = {{9}};
    memset(&pass, 0, sizeof pass);
    pass.secret = (struct ct_secret32){{5}};
    CHECK_EQ(ct_x25519_from_secret(&key, &pass.secret), CT_OK);
    CHECK_EQ(ct_ed25519_from_seed(&signer, &seed), CT_OK);
    memcpy(pass.fields.deployment32, deployment, 32);
    memcpy(pass.fields.key32, key.public32, 32);
    pass.fields.key_id = 1;
    pass.fields.expiry_s = ct_wall_s() + 3600;
    pass.fields.scope = CT_PASS_SCOPE_ALLOCATE;
    CHECK_EQ(ct_pass_sign(pass.pass175, &pass.fields, &signer, ct_wall_s()), CT_OK);
    return pass;
}

static void pass_is_read_back_and_kept_private(void)
{
    struct ct_own_pass pass;
    struct ct_own_pass got;
    struct ct_why why;
    struct stat st;
    char path[400];
    fresh_home();
    pass = make_pass();
    CHECK_EQ(ct_home_load_pass(&home, &got), CT_ERR_NOT_FOUND);
    REQUIRE(ct_home_save_pass(&home, &pass, &why) == CT_OK);
    path_of(path, sizeof path, "pass.json");
    REQUIRE(stat(path, &st) == 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    REQUIRE(ct_home_load_pass(&home, &got) == CT_OK);
    CHECK_MEM(got.pass175, pass.pass175, sizeof pass.pass175);
    CHECK_MEM(got.secret.bytes, pass.secret.bytes, 32);
    CHECK_EQ(got.fields.expiry_s, pass.fields.expiry_s);
    REQUIRE(chmod(path, 0640) == 0); /* somebody else may have read it: another one is asked for */
    CHECK_EQ(ct_home_load_pass(&home, &got), CT_ERR_NOT_FOUND);
    ct_home_drop_pass(&home);
    CHECK(access(path, F_OK) != 0);
}

static void a_pass_whose_key_is_another_is_not_taken(void)
{
    struct ct_own_pass pass;
    struct ct_own_pass got;
    fresh_home();
    pass = make_pass();
    pass.secret.bytes[1] ^= 1;
    REQUIRE(ct_home_save_pass(&home, &pass, NULL) == CT_OK);
    CHECK_EQ(ct_home_load_pass(&home, &got), CT_ERR_NOT_FOUND);
}

static void an_allocation_left_is_read_back_until_it_ran_out(void)
{
    struct ct_lane_saved saved = {.relay = 3, .local_port = 40123};
    struct ct_lane_saved got;
    fresh_home();
    (void)snprintf(saved.alloc.realm, sizeof saved.alloc.realm, "%s", "a \"realm\"\n");
    memset(saved.alloc.nonce, 'n', sizeof saved.alloc.nonce - 1);
    REQUIRE(ct_addr_from_text(&saved.alloc.relayed, "198.51.100.11:50123") == CT_OK);
    saved.until_s = ct_wall_s() + 100;
    ct_home_save_lane(&home, &saved);
    REQUIRE(ct_home_load_lane(&home, &got) == CT_OK);
    CHECK_EQ(got.relay, 3);
    CHECK_EQ(got.local_port, 40123);
    CHECK_STR(got.alloc.realm, saved.alloc.realm);
    CHECK_STR(got.alloc.nonce, saved.alloc.nonce);
    CHECK(ct_addr_equal(&got.alloc.relayed, &saved.alloc.relayed));
    saved.until_s = ct_wall_s();
    ct_home_save_lane(&home, &saved);
    CHECK_EQ(ct_home_load_lane(&home, &got), CT_ERR_NOT_FOUND);
    ct_home_drop_lane(&home);
    CHECK_EQ(ct_home_load_lane(&home, &got), CT_ERR_NOT_FOUND);
}

static struct ct_found make_found(void)
{
    struct ct_found found = {
        .identity = "door-7", .block = 812, .block_time_s = 99, .k = 2, .n = 3};
    found.device = (struct ct_device){.wallet20 = {1},
                                      .state = CT_RECORD_APPROVED,
                                      .expiry_day = 21000,
                                      .sequence = 4,
                                      .relay = 2,
                                      .port = 50001,
                                      .key32 = {0x11}};
    found.relay = (struct ct_relay){.owner20 = {2},
                                    .state = CT_RECORD_APPROVED,
                                    .listen_port = 3478,
                                    .port_min = 50000,
                                    .port_max = 50999,
                                    .expiry_day = 21000,
                                    .index = 2,
                                    .listen_ip4 = {198, 51, 100, 12},
                                    .relay_ip4 = {198, 51, 100, 12},
                                    .key32 = {0x22}};
    found.read_s = ct_wall_s();
    return found;
}

static void a_record_of_another_is_read_back_for_its_deployment_only(void)
{
    struct ct_found found = make_found();
    struct ct_found got;
    uint8_t other[32] = {8};
    fresh_home();
    CHECK_EQ(ct_home_load_found(&home, &got, "door-7", deployment), CT_ERR_NOT_FOUND);
    ct_home_save_found(&home, &found, deployment);
    REQUIRE(ct_home_load_found(&home, &got, "door-7", deployment) == CT_OK);
    CHECK_EQ(got.block, 812);
    CHECK_EQ(got.device.port, 50001);
    CHECK_EQ(got.relay.index, 2);
    CHECK_MEM(got.device.key32, found.device.key32, 32);
    CHECK_MEM(got.relay.key32, found.relay.key32, 32);
    CHECK_EQ(ct_home_load_found(&home, &got, "door-7", other), CT_ERR_NOT_FOUND);
    CHECK_EQ(ct_home_load_found(&home, &got, "door-8", deployment), CT_ERR_NOT_FOUND);
    ct_home_drop_found(&home, "door-7");
    CHECK_EQ(ct_home_load_found(&home, &got, "door-7", deployment), CT_ERR_NOT_FOUND);
}

static void a_record_from_the_future_is_not_taken(void)
{
    struct ct_found found = make_found();
    struct ct_found got;
    fresh_home();
    found.read_s = ct_wall_s() + 1000;
    ct_home_save_found(&home, &found, deployment);
    CHECK_EQ(ct_home_load_found(&home, &got, "door-7", deployment), CT_ERR_NOT_FOUND);
}

static void one_process_at_a_time_works_for_a_home(void)
{
    char path[400], holder[40];
    struct ct_why why;
    int first, second;
    fresh_home();
    REQUIRE(ct_home_lock(&home, &first, &why) == CT_OK);
    CHECK_EQ(ct_home_lock(&home, &second, &why), CT_ERR_STATE);
    (void)snprintf(holder, sizeof holder, "chainturn, process %ld, works", (long)getpid());
    CHECK(strstr(why.text, holder) != NULL);
    CHECK(strstr(why.text, "end it first") != NULL);
    path_of(path, sizeof path, "listen.lock"); /* whatever stands there: the kernel has the lock */
    CHECK(truncate(path, 0) == 0);
    CHECK_EQ(ct_home_lock(&home, &second, &why), CT_ERR_STATE);
    CHECK(strstr(why.text, "another chainturn works") != NULL);
    (void)close(first);
    CHECK_EQ(ct_home_lock(&home, &second, &why), CT_OK);
    (void)close(second);
}

static void who_dies_lets_go_of_its_home(void)
{
    struct ct_why why;
    int fd, pipes[2];
    char byte;
    fresh_home();
    REQUIRE(pipe(pipes) == 0);
    pid_t child = fork();
    if (child == 0) {
        _exit(ct_home_lock(&home, &fd, &why) == CT_OK && write(pipes[1], "", 1) == 1 ? pause() : 1);
    }
    (void)close(pipes[1]);
    REQUIRE(child > 0 && read(pipes[0], &byte, 1) == 1);
    CHECK_EQ(ct_home_lock(&home, &fd, &why), CT_ERR_STATE);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    CHECK_EQ(ct_home_lock(&home, &fd, &why), CT_OK);
    (void)close(fd);
    (void)close(pipes[0]);
}

static void keys_are_made_once_and_only_when_they_may(void)
{
    struct ct_wallet wallet;
    struct ct_wallet again;
    struct ct_x25519 key;
    struct ct_x25519 key_again;
    struct ct_why why;
    fresh_home();
    CHECK_EQ(ct_home_keys(&home, &wallet, &key, false, &why), CT_ERR_NOT_FOUND);
    REQUIRE(ct_home_keys(&home, &wallet, &key, true, &why) == CT_OK);
    REQUIRE(ct_home_keys(&home, &again, &key_again, false, &why) == CT_OK);
    CHECK_MEM(wallet.addr20, again.addr20, 20);
    CHECK_MEM(key.public32, key_again.public32, 32);
}

static void wallet_under_a_passphrase_is_opened_once_for_all_copies(void)
{
    const struct ct_passphrase right = {.text = "correct horse", .len = 13};
    struct ct_wallet made;
    struct ct_wallet got;
    struct ct_x25519 key;
    struct ct_why why = {""};
    char path[400];
    char pass[400];
    fresh_home();
    path_of(path, sizeof path, "wallet.key");
    path_of(pass, sizeof pass, "pass");
    spoil("pass", "correct horse\n", 0600);
    REQUIRE(ct_wallet_new(&made) == CT_OK);
    REQUIRE(ct_wallet_save_new(&made, path, &right, true, &why) == CT_OK);
    CHECK_EQ(ct_home_keys(&home, &got, &key, true, &why), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "is a keystore") != NULL);
    REQUIRE(ct_home_unlock(&home, pass, &why) == CT_OK);
    const struct ct_home copy = home;
    CHECK_EQ(ct_home_keys(&copy, &got, &key, true, &why), CT_OK);
    CHECK_MEM(got.secret.bytes, made.secret.bytes, 32);
    CHECK_EQ(unlink(path), 0); /* it is not read again */
    CHECK_EQ(ct_home_keys(&home, &got, &key, false, &why), CT_OK);
    CHECK_MEM(got.addr20, made.addr20, 20);
    ct_home_forget(&home);
    CHECK_EQ(ct_home_keys(&home, &got, &key, false, &why), CT_ERR_NOT_FOUND);
}

static void wrong_passphrase_unlocks_nothing(void)
{
    const struct ct_passphrase right = {.text = "correct horse", .len = 13};
    struct ct_wallet made;
    struct ct_why why = {""};
    char path[400];
    char pass[400];
    fresh_home();
    path_of(path, sizeof path, "wallet.key");
    path_of(pass, sizeof pass, "pass");
    CHECK_EQ(ct_home_unlock(&home, pass, &why), CT_ERR_CONFIG); /* no such file */
    spoil("pass", "battery staple\n", 0600);
    REQUIRE(ct_wallet_new(&made) == CT_OK);
    REQUIRE(ct_wallet_save_new(&made, path, &right, true, &why) == CT_OK);
    CHECK_EQ(ct_home_unlock(&home, pass, &why), CT_ERR_AUTH);
    CHECK(home.vault == NULL);
    CHECK(strstr(why.text, "does not open the keystore") != NULL);
}

static void wallet_made_under_a_passphrase_is_a_keystore(void)
{
    struct ct_wallet wallet;
    struct ct_x25519 key;
    struct ct_why why = {""};
    char text[2048];
    char path[400];
    char pass[400];
    size_t len = 0;
    fresh_home();
    path_of(path, sizeof path, "wallet.key");
    path_of(pass, sizeof pass, "pass");
    spoil("pass", "correct horse\n", 0600);
    REQUIRE(ct_home_unlock(&home, pass, &why) == CT_OK); /* nothing to open yet */
    CHECK_EQ(ct_home_keys(&home, &wallet, &key, false, &why), CT_ERR_NOT_FOUND);
    CHECK_EQ(ct_home_keys(&home, &wallet, &key, true, &why), CT_OK);
    REQUIRE(ct_file_read(text, sizeof text, &len, path, true, &why) == CT_OK);
    CHECK(strstr(text, "\"kdf\":\"scrypt\"") != NULL);
    ct_home_forget(&home);
}

static void the_next_key_is_kept_beside_the_old_one_until_it_takes_its_place(void)
{
    struct ct_wallet wallet;
    struct ct_x25519 old;
    struct ct_x25519 next;
    struct ct_x25519 got;
    uint64_t age_s = 99;
    struct ct_why why;
    fresh_home();
    REQUIRE(ct_home_keys(&home, &wallet, &old, true, &why) == CT_OK);
    CHECK(!ct_home_has_next_key(&home, &age_s));
    CHECK_EQ(ct_home_next_key(&home, &next, false, &why), CT_ERR_NOT_FOUND);
    CHECK_EQ(ct_home_take_next_key(&home, &why), CT_ERR_CONFIG);
    REQUIRE(ct_home_next_key(&home, &next, true, &why) == CT_OK);
    CHECK(ct_home_has_next_key(&home, &age_s));
    CHECK(age_s < 60);
    REQUIRE(ct_home_next_key(&home, &got, true, &why) == CT_OK); /* a rotation begun again */
    CHECK_MEM(got.public32, next.public32, 32);
    REQUIRE(ct_home_keys(&home, &wallet, &got, false, &why) == CT_OK);
    CHECK_MEM(got.public32, old.public32, 32);
    REQUIRE(ct_home_take_next_key(&home, &why) == CT_OK);
    CHECK(!ct_home_has_next_key(&home, &age_s));
    REQUIRE(ct_home_keys(&home, &wallet, &got, false, &why) == CT_OK);
    CHECK_MEM(got.public32, next.public32, 32);
}

static void a_sent_transaction_is_read_back_until_it_is_dropped(void)
{
    struct ct_home_sent sent = {.kind = 1, .deadline_s = 1800000000, .len = CT_HOME_SENT_MAX};
    struct ct_home_sent got;
    fresh_home();
    memset(sent.raw, 0xa5, sizeof sent.raw);
    CHECK_EQ(ct_home_load_sent(&home, &got), CT_ERR_NOT_FOUND);
    REQUIRE(ct_home_save_sent(&home, &sent, NULL) == CT_OK);
    REQUIRE(ct_home_load_sent(&home, &got) == CT_OK);
    CHECK_EQ(got.kind, 1);
    CHECK_EQ(got.deadline_s, 1800000000);
    REQUIRE(got.len == sent.len);
    CHECK_MEM(got.raw, sent.raw, sent.len);
    CHECK(got.signed_s == 0 && got.earlier_count == 0);
    sent.signed_s = 1700000000;
    sent.earlier_count = CT_HOME_SENT_EARLIER;
    for (size_t i = 0; i < CT_HOME_SENT_EARLIER; i++) {
        memset(sent.earlier[i], (int)i + 1, 32);
    }
    REQUIRE(ct_home_save_sent(&home, &sent, NULL) == CT_OK);
    REQUIRE(ct_home_load_sent(&home, &got) == CT_OK);
    CHECK_EQ(got.signed_s, 1700000000);
    CHECK_EQ(got.earlier_count, CT_HOME_SENT_EARLIER);
    CHECK_MEM(got.earlier, sent.earlier, sizeof got.earlier);
    CHECK_MEM(got.raw, sent.raw, sent.len);
    ct_home_drop_sent(&home);
    CHECK_EQ(ct_home_load_sent(&home, &got), CT_ERR_NOT_FOUND);
    spoil("sent.json", "{\"kind\":1,\"deadline\":5,\"raw\":\"0x02\"}", 0600);
    REQUIRE(ct_home_load_sent(&home, &got) == CT_OK); /* as versions wrote it that raised no fee */
    CHECK(got.signed_s == 0 && got.earlier_count == 0 && got.len == 1);
    static const char *const bad[] = {"\"earlier\":[\"0x02\"]", "\"earlier\":{}", "\"earlier\":[7]",
                                      "\"signed\":-1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[120];
        (void)snprintf(text, sizeof text, "{\"kind\":1,\"deadline\":5,%s,\"raw\":\"0x02\"}",
                       bad[i]);
        spoil("sent.json", text, 0600);
        CHECK_EQ(ct_home_load_sent(&home, &got), CT_ERR_NOT_FOUND);
    }
    spoil("sent.json", "{\"kind\":1,\"deadline\":5,\"raw\":\"0x\"}", 0600);
    CHECK_EQ(ct_home_load_sent(&home, &got), CT_ERR_NOT_FOUND);
    spoil("sent.json", "{\"kind\":0,\"deadline\":5,\"raw\":\"0x02\"}", 0600);
    CHECK_EQ(ct_home_load_sent(&home, &got), CT_ERR_NOT_FOUND);
}

static void what_was_asked_for_is_read_back_until_it_is_dropped(void)
{
    struct ct_wm_asked asked = {.path = "/v1/devices",
                                .key = "00112233445566778899aabbccddeeff",
                                .about32 = {7},
                                .at_s = 1800000000,
                                .body = "{\"token\":\"ctk1.x\"}"};
    struct ct_wm_asked got;
    fresh_home();
    CHECK(!ct_home_load_asked(&home, &got));
    ct_home_save_asked(&home, &asked);
    REQUIRE(ct_home_load_asked(&home, &got));
    CHECK_STR(got.path, asked.path);
    CHECK_STR(got.key, asked.key);
    CHECK_STR(got.body, asked.body);
    CHECK_MEM(got.about32, asked.about32, 32);
    CHECK_EQ(got.at_s, asked.at_s);
    memset(asked.body, 'x', sizeof asked.body - 1); /* the longest */
    ct_home_save_asked(&home, &asked);
    REQUIRE(ct_home_load_asked(&home, &got));
    CHECK_STR(got.body, asked.body);
    ct_home_drop_asked(&home);
    CHECK(!ct_home_load_asked(&home, &got));
}

static void what_was_asked_for_is_taken_whole_or_not_at_all(void)
{
    static const char good[] =
        "{\"path\":\"/v1/devices\",\"key\":\"00112233445566778899aabbccddeeff\",\"about\":"
        "\"0x0700000000000000000000000000000000000000000000000000000000000000\",\"at\":5,"
        "\"body\":\"0x7b7d\"}";
    struct ct_wm_asked got;
    char text[sizeof good];
    fresh_home();
    spoil("asked.json", good, 0600);
    CHECK(ct_home_load_asked(&home, &got));
    for (size_t len = 0; len < sizeof good - 1; len++) {
        memcpy(text, good, len);
        text[len] = '\0';
        spoil("asked.json", text, 0600);
        CHECK(!ct_home_load_asked(&home, &got));
    }
    memcpy(text, good, sizeof good);
    *strstr(text, "0011") = '\n'; /* no line break gets into a header */
    spoil("asked.json", text, 0600);
    CHECK(!ct_home_load_asked(&home, &got));
    spoil("asked.json", good, 0644); /* others can read it: it holds a token */
    CHECK(!ct_home_load_asked(&home, &got));
}

static void without_a_bundle_the_sentence_says_what_to_do(void)
{
    struct ct_bundle bundle;
    struct ct_why why;
    fresh_home();
    CHECK_EQ(ct_home_bundle(&home, &bundle, NULL, &why), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "--bundle") != NULL);
    CHECK_EQ(ct_home_bundle(&home, &bundle, "/nonexistent/bundle.json", &why), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "/nonexistent/bundle.json") != NULL);
}

/* As ct_moved_check() leaves it. */
static void write_move(const char *from, const char *to, const char *chain_id)
{
    char path[400], text[900];
    (void)snprintf(path, sizeof path, "%s/moved-%s.json", home.dir, from);
    (void)snprintf(text, sizeof text,
                   "{\"chainturn\":1,\"chain_id\":\"%s\",\"contract\":\"0x%s\","
                   "\"code_hash\":\"0x%064d\",\"rpc\":[\"http://192.0.2.1:1\","
                   "\"http://192.0.2.2:1\"],\"quorum\":2,\"checkpoint\":{\"number\":\"0x0\","
                   "\"hash\":\"0x%064d\"},\"max_head_age_s\":120,\"safety_depth\":0}",
                   chain_id, to, 7, 0);
    CHECK_EQ(ct_file_write(path, text, strlen(text), 0644, NULL), CT_OK);
}

#define CONTRACT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CONTRACT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define CONTRACT_C "cccccccccccccccccccccccccccccccccccccccc"

static void a_bundle_leads_to_the_contract_that_followed(void)
{
    struct ct_bundle bundle = {.chain_id = 31337, .rpc_count = 1};
    struct ct_why why = {""};
    uint8_t d[32];
    fresh_home();
    memset(bundle.contract20, 0xaa, 20);
    CHECK_EQ(ct_moved_follow(&home, &bundle, &why), CT_OK);
    CHECK_EQ(bundle.contract20[0], 0xaa);
    REQUIRE(ct_home_make(&home, &why) == CT_OK);
    write_move(CONTRACT_A, CONTRACT_B, "31337");
    write_move(CONTRACT_B, CONTRACT_C, "31337");
    CHECK_EQ(ct_moved_follow(&home, &bundle, &why), CT_OK);
    CHECK_EQ(bundle.contract20[0], 0xcc);
    CHECK_EQ(bundle.code_hash32[31], 7);
    CHECK_EQ(bundle.rpc_count, 1); /* whom to ask stays the bundle's to say */
    ct_deployment(d, 31337, bundle.contract20);
    CHECK_MEM(bundle.deployment32, d, 32);
    write_move(CONTRACT_C, CONTRACT_A, "31337"); /* a circle ends */
    CHECK_EQ(ct_moved_follow(&home, &bundle, &why), CT_ERR_CONFIG);
    memset(bundle.contract20, 0xaa, 20);
    write_move(CONTRACT_A, CONTRACT_B, "1");
    CHECK_EQ(ct_moved_follow(&home, &bundle, &why), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "another chain") != NULL);
}

static const struct ct_test tests[] = {
    CT_TEST(device_is_read_back),
    CT_TEST(the_road_is_kept_and_a_file_without_one_is_sponsored),
    CT_TEST(a_spoilt_device_file_is_an_error_and_not_a_new_device),
    CT_TEST(pass_is_read_back_and_kept_private),
    CT_TEST(a_pass_whose_key_is_another_is_not_taken),
    CT_TEST(an_allocation_left_is_read_back_until_it_ran_out),
    CT_TEST(a_record_of_another_is_read_back_for_its_deployment_only),
    CT_TEST(a_record_from_the_future_is_not_taken),
    CT_TEST(a_bundle_leads_to_the_contract_that_followed),
    CT_TEST(one_process_at_a_time_works_for_a_home),
    CT_TEST(who_dies_lets_go_of_its_home),
    CT_TEST(keys_are_made_once_and_only_when_they_may),
    CT_TEST(wallet_under_a_passphrase_is_opened_once_for_all_copies),
    CT_TEST(wrong_passphrase_unlocks_nothing),
    CT_TEST(wallet_made_under_a_passphrase_is_a_keystore),
    CT_TEST(the_next_key_is_kept_beside_the_old_one_until_it_takes_its_place),
    CT_TEST(a_sent_transaction_is_read_back_until_it_is_dropped),
    CT_TEST(what_was_asked_for_is_read_back_until_it_is_dropped),
    CT_TEST(what_was_asked_for_is_taken_whole_or_not_at_all),
    CT_TEST(without_a_bundle_the_sentence_says_what_to_do),
};
CT_TEST_MAIN(tests)

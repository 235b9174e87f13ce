/* The funded road and signed changes with the programs as they are: who is paid, once, and what a
 * wallet without ether can do. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "chain/registry_client.h"
#include "chain/send.h"
#include "ct_test.h"
#include "platform.h"
#include "scene.h"

static const char *server;
static bool on_redis;
static struct device door;

/* The device's own transaction for that day and sequence; gas 0 asks the chain first whether it
 * would hold. */
static ct_err write_record(const struct device *d, const struct ct_wm_voucher *v,
                           struct ct_device record, uint64_t gas, struct ct_why *why)
{
    struct ct_receipt receipt = {0};
    uint8_t data[256];
    memcpy(record.key32, d->key.public32, 32);
    struct ct_wr w = ct_wr_init(data, sizeof data);
    ct_call_add_client(&w, &v->signed_, &record);
    const struct ct_send tx = {
        .to20 = platform.bundle.contract20, .data = data, .data_len = w.len, .gas_limit = gas};
    ct_err err = ct_wr_end(&w);
    if (err == CT_OK) {
        err = ct_send_and_wait(platform.chain, &d->wallet, &tx, 1, 60000, &receipt, why);
    }
    if (err == CT_OK) {
        printf("    addClient took %llu gas\n", (unsigned long long)receipt.gas_used);
        CHECK(receipt.gas_used <= 82000);
    }
    ct_receipt_free(&receipt);
    return err;
}

static ct_err add_client(const struct device *d, const struct ct_wm_voucher *v, uint64_t gas,
                         struct ct_why *why)
{
    const struct ct_device record = {.expiry_day = device_terms().expiry_day};
    return write_record(d, v, record, gas, why);
}

static void empty_purse(const struct device *d)
{
    char params[80];
    char addr[CT_ADDR_TEXT_LEN];
    ct_addr_text(addr, d->wallet.addr20);
    (void)snprintf(params, sizeof params, "[\"%s\",\"0x0\"]", addr);
    free(ct_anvil_call(&platform.anvil, "anvil_setBalance", params));
    platform_mine();
}

static ct_err ask_voucher(struct device *d, struct ct_wm_voucher *out, struct ct_why *why)
{
    const struct ct_wm_terms terms = device_terms();
    return ct_wm_voucher(d->wm, out, d->token, &terms, why);
}

static void platform_is_ready(void)
{
    char text[4096];
    REQUIRE(platform_start(server, on_redis));
    const char *const argv[] = {server, "check", "--config", platform.conf, NULL};
    CHECK_EQ(scene_run(text, sizeof text, argv), 0);
    if (strstr(text, "funder") == NULL || strstr(text, "1 ether") == NULL) {
        printf("    %s\n", text);
    }
    CHECK(strstr(text, "funder") != NULL && strstr(text, "1 ether") != NULL);
    REQUIRE(platform_run());
}

static void device_without_ether_takes_the_funded_road_to_its_end(void)
{
    struct ct_why why = {{0}};
    struct ct_wm_voucher v;
    struct ct_wm_operation op;
    struct ct_device record;
    REQUIRE(platform.pid > 0 && device_new(&door, "door-7"));
    REQUIRE(ask_voucher(&door, &v, &why) == CT_OK);
    REQUIRE(!v.is_paid && device_wait(&door, &v.payment) == CT_OK);
    CHECK_EQ(platform_sent_by(&platform.funder), 1);
    REQUIRE(add_client(&door, &v, v.gas, &why) == CT_OK);
    REQUIRE(device_record(&door, &record) == CT_OK);
    CHECK_EQ(record.state, CT_RECORD_PENDING);
    REQUIRE(ct_wm_approve_device(door.wm, &op, door.token, &why) == CT_OK);
    REQUIRE(device_wait(&door, &op) == CT_OK);
    REQUIRE(device_record(&door, &record) == CT_OK);
    CHECK_EQ(record.state, CT_RECORD_APPROVED);
    CHECK_MEM(record.wallet20, door.wallet.addr20, 20);
    CHECK_MEM(record.key32, door.key.public32, 32);
}

/* No token any more, and the same wallet, by its signature alone. */
static void record_of_the_funded_road_is_renewed_before_it_expires(void)
{
    struct ct_why why = {{0}};
    struct ct_wm_voucher v;
    struct ct_device before, record;
    REQUIRE(platform.pid > 0 && device_record(&door, &before) == CT_OK);
    CHECK_EQ(ask_voucher(&door, &v, &why), CT_ERR_STATE); /* addClient un-approves nobody */
    struct device renewed = door;
    renewed.token[0] = '\0';
    renewed.sequence = before.sequence;
    REQUIRE(device_register(&renewed) == CT_OK);
    REQUIRE(device_record(&door, &record) == CT_OK);
    CHECK(record.state == CT_RECORD_APPROVED && record.sequence == before.sequence + 1);
    CHECK_MEM(record.wallet20, door.wallet.addr20, 20);
}

/* Within its last 30 days: by its own transaction, which is the approver's word and its own. */
static void device_renews_its_own_record_and_is_paid_for_that_once(void)
{
    struct ct_why why = {{0}};
    struct ct_wm_voucher v, again;
    struct ct_device old, record;
    struct ct_wm_terms terms = device_terms();
    REQUIRE(platform.pid > 0 && device_record(&door, &old) == CT_OK);
    uint64_t before = platform_sent_by(&platform.funder);
    empty_purse(&door);
    terms.expiry_day = (uint16_t)(terms.expiry_day + 40);
    REQUIRE(ct_wm_voucher(door.wm, &v, NULL, &terms, &why) == CT_OK);
    REQUIRE(ct_wm_voucher(door.wm, &again, NULL, &terms, &why) == CT_OK);
    REQUIRE(!v.is_paid && device_wait(&door, &v.payment) == CT_OK);
    CHECK(again.is_paid || strcmp(again.payment.id, v.payment.id) == 0);
    record = (struct ct_device){.expiry_day = (uint16_t)(terms.expiry_day + 1),
                                .sequence = old.sequence};
    CHECK_EQ(write_record(&door, &v, record, 0, &why), CT_ERR_REFUSED); /* longer than allowed */
    record.expiry_day = terms.expiry_day;
    REQUIRE(write_record(&door, &v, record, v.gas, &why) == CT_OK);
    REQUIRE(device_record(&door, &record) == CT_OK);
    CHECK(record.state == CT_RECORD_APPROVED && record.sequence == old.sequence + 1);
    CHECK_EQ(record.expiry_day, terms.expiry_day);
    CHECK_MEM(record.wallet20, door.wallet.addr20, 20);
    CHECK_MEM(record.key32, old.key32, 32);
    CHECK_EQ(platform_sent_by(&platform.funder), before + 1);
    terms.expiry_day = (uint16_t)(terms.expiry_day + 40);
    CHECK_EQ(ct_wm_voucher(door.wm, &v, NULL, &terms, &why), CT_ERR_STATE); /* not again so soon */
}

static void asking_again_pays_nothing(void)
{
    struct ct_why why = {{0}};
    struct ct_wm_voucher v, again;
    struct device d;
    REQUIRE(platform.pid > 0 && device_new(&d, "cam-1"));
    uint64_t before = platform_sent_by(&platform.funder);
    REQUIRE(ask_voucher(&d, &v, &why) == CT_OK);
    REQUIRE(ask_voucher(&d, &again, &why) == CT_OK);
    CHECK(again.is_paid || strcmp(again.payment.id, v.payment.id) == 0);
    REQUIRE(device_wait(&d, &v.payment) == CT_OK);
    struct ct_u256 has = platform_balance(d.wallet.addr20);
    REQUIRE(ask_voucher(&d, &again, &why) == CT_OK);
    CHECK(again.is_paid);
    /* what it got is gone, for whatever: it stays without */
    empty_purse(&d);
    REQUIRE(ask_voucher(&d, &again, &why) == CT_OK);
    CHECK(again.is_paid && !ct_u256_is_zero(&has));
    CHECK_EQ(platform_sent_by(&platform.funder), before + 1);
    device_close(&d);
}

/* Two processes with one wallet, at one moment. */
static void asking_twice_at_once_pays_once(void)
{
    struct device d;
    int gate[2];
    pid_t pids[2];
    REQUIRE(platform.pid > 0 && device_new(&d, "cam-2") && pipe(gate) == 0);
    device_close(&d);
    uint64_t before = platform_sent_by(&platform.funder);
    (void)fflush(stdout);
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        REQUIRE(pids[i] >= 0);
        if (pids[i] == 0) {
            struct ct_why why = {{0}};
            struct ct_wm_voucher v;
            char byte;
            bool good = device_open(&d) && ct_wm_enrol(d.wm, &why) == CT_OK;
            (void)close(gate[1]);
            (void)!read(gate[0], &byte, 1); /* until both are there */
            good = good && ask_voucher(&d, &v, &why) == CT_OK &&
                   (v.is_paid || device_wait(&d, &v.payment) == CT_OK);
            _exit(good ? 0 : 1);
        }
    }
    (void)close(gate[0]);
    (void)close(gate[1]);
    for (int i = 0; i < 2; i++) {
        int status = -1;
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    CHECK_EQ(platform_sent_by(&platform.funder), before + 1);
}

static void strangers_are_not_paid(void)
{
    struct ct_why why = {{0}};
    struct ct_wm_voucher v, others;
    struct device d, thief;
    REQUIRE(platform.pid > 0 && device_new(&d, "cam-3") && device_new(&thief, "cam-4"));
    uint64_t before = platform_sent_by(&platform.funder);
    REQUIRE(ask_voucher(&d, &v, &why) == CT_OK && device_wait(&d, &v.payment) == CT_OK);
    (void)snprintf(thief.token, sizeof thief.token, "%s", d.token); /* another name's */
    CHECK_EQ(ask_voucher(&thief, &others, &why), CT_ERR_AUTH);
    device_close(&thief);
    (void)snprintf(thief.identity, sizeof thief.identity, "cam-3"); /* its name, another wallet */
    REQUIRE(device_open(&thief));
    CHECK_EQ(ask_voucher(&thief, &others, &why), CT_ERR_AUTH);
    CHECK(strstr(why.text, "used before") != NULL);
    CHECK_EQ(platform_sent_by(&platform.funder), before + 1);
    /* the other one's voucher is no leave for this wallet */
    REQUIRE(platform_fund(thief.wallet.addr20));
    CHECK_EQ(add_client(&thief, &v, 0, &why), CT_ERR_REFUSED);
    CHECK(strstr(why.text, "voucher") != NULL);
    device_close(&d);
    device_close(&thief);
}

/* Acknowledged, signed and stored, not in a block; killed without warning. */
static void payment_survives_a_kill_and_is_made_once(void)
{
    struct ct_why why = {{0}};
    struct ct_wm_voucher v;
    struct device d;
    REQUIRE(platform_end(SIGTERM) == 0 && platform_run()); /* a log without earlier payments */
    REQUIRE(device_new(&d, "cam-5") && platform_automine(false));
    uint64_t before = platform_sent_by(&platform.funder);
    REQUIRE(ask_voucher(&d, &v, &why) == CT_OK && !v.is_paid);
    CHECK(scene_await(platform.log, " sent transaction="));
    CHECK_EQ(platform_end(SIGKILL), 1000 + SIGKILL);
    REQUIRE(platform_run());
    platform_mine();
    CHECK(scene_await(platform.log, "subject=cam-5 state=done"));
    REQUIRE(platform_automine(true));
    CHECK_EQ(platform_sent_by(&platform.funder), before + 1);
    struct ct_u256 first = platform_balance(d.wallet.addr20);
    CHECK(!ct_u256_is_zero(&first));
    REQUIRE(ask_voucher(&d, &v, &why) == CT_OK);
    CHECK(v.is_paid);
    struct ct_u256 now = platform_balance(d.wallet.addr20);
    CHECK_EQ(ct_u256_cmp(&first, &now), 0);
    device_close(&d);
    device_close(&door); /* enrolments end with the process */
}

/* ---- changes ---- */

static ct_err send_update(struct device *d, uint16_t sequence, struct ct_wm_operation *op,
                          struct ct_why *why)
{
    struct ct_wm_change change = {.kind = CT_WM_UPDATE};
    struct ct_client_update *u = &change.of.update.update;
    uint8_t digest[32];
    *u = (struct ct_client_update){.sequence = sequence, .deadline_s = ct_wall_s() + 600};
    ct_err err = ct_identity_hash(u->id_hash32, d->identity);
    ct_client_update_digest(digest, platform.bundle.chain_id, platform.bundle.contract20, u);
    if (err == CT_OK) {
        err = ct_wallet_sign(change.of.update.sig65, &d->wallet, digest);
    }
    return err == CT_OK ? ct_wm_change(d->wm, op, &change, why) : err;
}

static ct_err send_rotation(struct device *d, uint16_t sequence, const uint8_t key32[32],
                            struct ct_wm_operation *op, struct ct_why *why)
{
    struct ct_wm_change change = {.kind = CT_WM_ROTATE};
    struct ct_key_rotation *k = &change.of.rotation.rotation;
    uint8_t digest[32];
    *k = (struct ct_key_rotation){.sequence = sequence, .deadline_s = ct_wall_s() + 600};
    memcpy(k->key32, key32, 32);
    ct_err err = ct_identity_hash(k->id_hash32, d->identity);
    ct_key_rotation_digest(digest, platform.bundle.chain_id, platform.bundle.contract20, k);
    if (err == CT_OK) {
        err = ct_wallet_sign(change.of.rotation.sig65, &d->wallet, digest);
    }
    return err == CT_OK ? ct_wm_change(d->wm, op, &change, why) : err;
}

/* One of them cannot hold, since two changes of one record name the same sequence number. */
static void wallets_without_ether_change_their_records_and_a_bad_change_harms_no_other(void)
{
    enum { MANY = 4 };
    static struct device d[MANY];
    static const uint8_t newer[32] = {7, 7, 7};
    struct ct_wm_operation updates[MANY], rotation;
    struct ct_why why = {{0}};
    struct ct_device record;
    REQUIRE(platform.pid > 0);
    for (int i = 0; i < MANY; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "lamp-%d", i);
        REQUIRE(device_new(&d[i], name) && device_register(&d[i]) == CT_OK);
    }
    uint64_t before = platform_sent_by(&platform.approver);
    REQUIRE(platform_gathers(true));
    REQUIRE(send_rotation(&d[0], 1, newer, &rotation, &why) == CT_OK);
    for (int i = 0; i < MANY; i++) {
        REQUIRE(send_update(&d[i], 1, &updates[i], &why) == CT_OK);
    }
    REQUIRE(platform_gathers(false));
    for (int i = 1; i < MANY; i++) {
        CHECK_EQ(device_wait(&d[i], &updates[i]), CT_OK);
        REQUIRE(device_record(&d[i], &record) == CT_OK);
        CHECK(record.sequence == 2 && record.state == CT_RECORD_APPROVED);
    }
    ct_err rotated = device_wait(&d[0], &rotation);
    ct_err updated = device_wait(&d[0], &updates[0]);
    CHECK((rotated == CT_OK) != (updated == CT_OK));
    CHECK(rotated == CT_ERR_REFUSED || updated == CT_ERR_REFUSED);
    CHECK(platform_sent_by(&platform.approver) <= before + 3); /* not one for each */
    for (int i = 0; i < MANY; i++) {
        struct ct_u256 has = platform_balance(d[i].wallet.addr20);
        CHECK(ct_u256_is_zero(&has));
        device_close(&d[i]);
    }
}

/* ---- the governor ---- */

static void governor_holds_over_a_restart(void)
{
    struct ct_why why = {{0}};
    struct ct_wm_voucher v;
    struct device d, late;
    REQUIRE(platform.pid > 0 && device_new(&d, "cam-8") && device_new(&late, "cam-9"));
    uint64_t before = platform_sent_by(&platform.funder);
    CHECK_EQ(platform_end(SIGTERM), 0);
    /* the payments of this hour so far are more than this */
    REQUIRE(platform_set("per-hour-gwei = 250000000", "per-hour-gwei = 1000"));
    REQUIRE(platform_run());
    CHECK_EQ(ask_voucher(&d, &v, &why), CT_ERR_AGAIN);
    CHECK(strstr(why.text, "later") != NULL);
    CHECK(scene_await(platform.log, "funding_limit id=cam-8"));
    CHECK_EQ(platform_sent_by(&platform.funder), before);
    CHECK_EQ(platform_end(SIGTERM), 0);
    REQUIRE(platform_set("per-hour-gwei = 1000", "per-hour-gwei = 250000000"));
    REQUIRE(platform_set("funder = funder.key", "#funder = funder.key"));
    REQUIRE(platform_run());
    CHECK_EQ(ask_voucher(&late, &v, &why), CT_ERR_REFUSED);
    CHECK(strstr(why.text, "pays for no device") != NULL);
    CHECK_EQ(platform_end(SIGTERM), 0);
    REQUIRE(platform_set("#funder = funder.key", "funder = funder.key"));
    REQUIRE(platform_run());
    REQUIRE(ask_voucher(&d, &v, &why) == CT_OK && device_wait(&d, &v.payment) == CT_OK);
    CHECK_EQ(platform_sent_by(&platform.funder), before + 1);
    device_close(&d);
    device_close(&late);
}

static void log_tells_no_key_and_no_token(void)
{
    static char log[1 << 20];
    static const char *const files[] = {"wm/approver.key", "wm/funder.key"};
    char path[192];
    char secret[70];
    REQUIRE(platform.pid > 0 && scene_read(log, sizeof log, platform.log));
    CHECK(strstr(log, "ctk1.") == NULL && strstr(log, "fund_device") != NULL);
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", platform.folder, files[i]);
        REQUIRE(scene_read(secret, sizeof secret, path));
        secret[64] = '\0';
        CHECK(strlen(secret) == 64 && strstr(log, secret) == NULL);
    }
}

static const struct ct_test tests[] = {
    CT_TEST(platform_is_ready),
    CT_TEST(device_without_ether_takes_the_funded_road_to_its_end),
    CT_TEST(record_of_the_funded_road_is_renewed_before_it_expires),
    CT_TEST(device_renews_its_own_record_and_is_paid_for_that_once),
    CT_TEST(asking_again_pays_nothing),
    CT_TEST(asking_twice_at_once_pays_once),
    CT_TEST(strangers_are_not_paid),
    CT_TEST(payment_survives_a_kill_and_is_made_once),
    CT_TEST(wallets_without_ether_change_their_records_and_a_bad_change_harms_no_other),
    CT_TEST(governor_holds_over_a_restart),
    CT_TEST(log_tells_no_key_and_no_token),
};

int main(int argc, char **argv)
{
    on_redis = argc == 3 && strcmp(argv[2], "--redis") == 0;
    if (argc != 2 && !on_redis) {
        (void)fprintf(stderr, "usage: funded_test WM-SERVER [--redis]\n");
        return 2;
    }
    server = argv[1];
    (void)signal(SIGPIPE, SIG_IGN);
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    platform_stop();
    return code;
}

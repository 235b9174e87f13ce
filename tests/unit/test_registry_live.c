/* The whole way on a real chain: deploy, register, approve, prove, revoke, against anvil. */
/* links: ct_testchain ct_chain ct_base */
#include "chain/registry_client.h"

#include <stdlib.h>

#include "anvil.h"
#include "base/clock.h"
#include "chain/eip712.h"
#include "chain/keccak.h"
#include "chain/send.h"
#include "ct_test.h"

static struct ct_anvil anvil;
static struct ct_chain *chain;
static struct ct_wallet owner;
static struct ct_wallet relay_owner;
static struct ct_wallet device_wallet;
static struct ct_wm_key wm_key;
static uint16_t expiry_day;
static const uint8_t salt[32] = {1};

static const uint8_t *contract(void)
{
    return ct_chain_bundle(chain)->contract20;
}

static ct_err send_from(const struct ct_wallet *wallet, const struct ct_wr *data,
                        struct ct_receipt *receipt, struct ct_why *why)
{
    struct ct_send tx = {.to20 = contract(), .data = data->buf, .data_len = data->len};
    return ct_send_and_wait(chain, wallet, &tx, 1, 60000, receipt, why);
}

static struct ct_relay relay_on(uint8_t host)
{
    struct ct_relay relay = {.listen_port = 3478,
                             .port_min = 49152,
                             .port_max = 49999,
                             .listen_ip4 = {198, 51, 100, host},
                             .relay_ip4 = {198, 51, 100, host}};
    memset(relay.key32, host, 32);
    return relay;
}

static void contract_is_deployed_and_its_code_proven(void)
{
    struct ct_why why = {""};
    struct ct_bundle bundle;
    struct ct_receipt receipt = {0};
    struct ct_view view;
    struct ct_account account;
    bool found = false;
    REQUIRE(ct_anvil_start(&anvil));
    ct_anvil_bundle(&bundle, &anvil);
    REQUIRE(ct_chain_open(&chain, &bundle, NULL, &why) == CT_OK);
    REQUIRE(ct_wallet_new(&owner) == CT_OK && ct_wallet_new(&relay_owner) == CT_OK &&
            ct_wallet_new(&device_wallet) == CT_OK);
    REQUIRE(ct_anvil_fund(&anvil, owner.addr20) && ct_anvil_fund(&anvil, relay_owner.addr20));
    memset(wm_key.ed25519, 7, 32);
    memset(wm_key.x25519, 9, 32);
    wm_key.not_after_s = ct_wall_s() + 86400;
    expiry_day = (uint16_t)(ct_wall_s() / 86400 + 90);

    CHECK_EQ(ct_chain_check(chain, &view, &why), CT_ERR_STATE);
    uint8_t *code = malloc(ct_call_deploy_len());
    REQUIRE(code != NULL);
    struct ct_wr w = ct_wr_init(code, ct_call_deploy_len());
    ct_call_deploy(&w, owner.addr20, owner.addr20, &wm_key);
    CHECK_EQ(ct_wr_end(&w), CT_OK);
    CHECK_EQ(w.len, ct_call_deploy_len());
    struct ct_send tx = {.data = code, .data_len = w.len};
    ct_err err = ct_send_and_wait(chain, &owner, &tx, 1, 60000, &receipt, &why);
    free(code);
    REQUIRE(err == CT_OK && receipt.succeeded && receipt.created);
    uint8_t expected[20];
    ct_addr_of_create(expected, owner.addr20, 0);
    CHECK_MEM(receipt.contract20, expected, 20);
    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    CHECK(view.k >= 2 && view.n == 3);
    REQUIRE(ct_chain_account(chain, &view, receipt.contract20, &found, &account, &why) == CT_OK);
    CHECK(found);
    ct_chain_set_contract(chain, receipt.contract20, account.code_hash32);
    CHECK_EQ(ct_chain_check(chain, &view, &why), CT_OK);
    ct_receipt_free(&receipt);
}

static void wm_keys_of_the_constructor_are_proven(void)
{
    struct ct_why why = {""};
    struct ct_view view;
    struct ct_wm_key keys[2];
    struct ct_log_head log;
    bool approver = false;
    REQUIRE(chain != NULL && ct_chain_view(chain, &view, &why) == CT_OK);
    REQUIRE(ct_registry_wm_keys(chain, &view, keys, &why) == CT_OK);
    CHECK_EQ(keys[0].id, 1);
    CHECK_EQ(keys[0].not_after_s, wm_key.not_after_s);
    CHECK_MEM(keys[0].ed25519, wm_key.ed25519, 32);
    CHECK_MEM(keys[0].x25519, wm_key.x25519, 32);
    CHECK_EQ(keys[1].id, 0);
    REQUIRE(ct_registry_log_head(chain, &view, &log, &why) == CT_OK);
    CHECK_EQ(log.count, 1);
    /* head = top 192 bits of keccak256(old slot | kind | subject | detail) */
    uint8_t words[4][32] = {{0}};
    uint8_t detail[3][32];
    uint8_t hash[32];
    ct_word_u64(words[1], 7);
    ct_word_u64(words[2], 1);
    memcpy(detail[0], wm_key.ed25519, 32);
    memcpy(detail[1], wm_key.x25519, 32);
    ct_word_u64(detail[2], wm_key.not_after_s);
    ct_keccak256(words[3], detail, sizeof(detail));
    ct_keccak256(hash, words, sizeof(words));
    CHECK_MEM(log.head24, hash, 24);
    CHECK_EQ(ct_registry_is_approver(chain, &view, owner.addr20, &approver, &why), CT_OK);
    CHECK(approver);
    CHECK_EQ(ct_registry_is_approver(chain, &view, relay_owner.addr20, &approver, &why), CT_OK);
    CHECK(!approver);
    uint8_t holder[20];
    uint8_t next[20];
    CHECK_EQ(ct_registry_owner(chain, &view, holder, next, &why), CT_OK);
    CHECK_MEM(holder, owner.addr20, 20);
    CHECK(ct_addr_is_zero(next));
}

static void relay_goes_from_pending_to_approved(void)
{
    struct ct_why why = {""};
    struct ct_view view;
    struct ct_receipt receipt = {0};
    struct ct_relay wanted = relay_on(11);
    struct ct_relay got;
    uint8_t buf[512];
    uint8_t pending[32];
    uint8_t digest[32];
    uint16_t index = 0;
    REQUIRE(chain != NULL);
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_register_server(&w, salt, &wanted);
    REQUIRE(ct_wr_end(&w) == CT_OK);
    ct_err err = send_from(&relay_owner, &w, &receipt, &why);
    REQUIRE(err == CT_OK);
    ct_receipt_free(&receipt);

    ct_registry_pending_id(pending, relay_owner.addr20, salt);
    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    REQUIRE(ct_registry_pending(chain, &view, pending, &got, &why) == CT_OK);
    CHECK_EQ(got.state, CT_RECORD_PENDING);
    CHECK_MEM(got.owner20, relay_owner.addr20, 20);
    CHECK_MEM(got.relay_ip4, wanted.relay_ip4, 4);
    CHECK_EQ(ct_relay_check(&got, view.timestamp_s, &why), CT_ERR_NOT_APPROVED);

    ct_relay_digest(digest, &got);
    w = ct_wr_init(buf, sizeof(buf));
    ct_call_approve_server(&w, pending, digest, expiry_day);
    CHECK_EQ(send_from(&relay_owner, &w, &receipt, &why), CT_ERR_REFUSED);
    CHECK(strstr(why.text, "not an approver") != NULL);
    REQUIRE(send_from(&owner, &w, &receipt, &why) == CT_OK);
    REQUIRE(ct_receipt_relay_approved(&index, &receipt, contract()) == CT_OK);
    CHECK_EQ(index, 1);
    ct_receipt_free(&receipt);

    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    CHECK_EQ(ct_registry_pending(chain, &view, pending, &got, &why), CT_ERR_NOT_FOUND);
    REQUIRE(ct_registry_relay(chain, &view, index, &got, &why) == CT_OK);
    wanted.state = CT_RECORD_APPROVED;
    wanted.expiry_day = expiry_day;
    wanted.index = index;
    memcpy(wanted.owner20, relay_owner.addr20, 20);
    uint8_t got_words[4][32];
    uint8_t wanted_words[4][32];
    ct_relay_encode(got_words, &got);
    ct_relay_encode(wanted_words, &wanted);
    CHECK_MEM(got_words, wanted_words, sizeof(got_words));
    CHECK_EQ(ct_relay_check(&got, view.timestamp_s, &why), CT_OK);
    CHECK_EQ(ct_relay_check(&got, view.timestamp_s + 91 * UINT64_C(86400), &why),
             CT_ERR_NOT_APPROVED);
    CHECK_EQ(ct_registry_relay(chain, &view, 2, &got, &why), CT_ERR_NOT_FOUND);
}

static void more_relays_than_one_page_are_listed(void)
{
    enum { MORE = 17 };
    struct ct_why why = {""};
    struct ct_view view;
    struct ct_relay all[32];
    size_t count = 0;
    REQUIRE(chain != NULL);
    for (unsigned i = 0; i < MORE; i++) {
        struct ct_receipt receipt = {0};
        struct ct_relay relay = relay_on((uint8_t)(100 + i));
        uint8_t buf[512];
        uint8_t digest[32];
        uint8_t pending[32];
        memcpy(relay.owner20, owner.addr20, 20);
        struct ct_wr w = ct_wr_init(buf, sizeof(buf));
        ct_call_register_server(&w, salt, &relay);
        REQUIRE(send_from(&owner, &w, &receipt, &why) == CT_OK);
        ct_receipt_free(&receipt);
        ct_relay_digest(digest, &relay); /* as the contract computes it from what was sent */
        ct_registry_pending_id(pending, owner.addr20, salt);
        w = ct_wr_init(buf, sizeof(buf));
        ct_call_approve_server(&w, pending, digest, expiry_day);
        REQUIRE(send_from(&owner, &w, &receipt, &why) == CT_OK);
        ct_receipt_free(&receipt);
    }
    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    CHECK_EQ(ct_registry_relays(chain, &view, all, 17, &count, &why), CT_ERR_ROOM);
    CHECK_EQ(count, 18);
    REQUIRE(ct_registry_relays(chain, &view, all, 32, &count, &why) == CT_OK);
    CHECK_EQ(count, 18);
    CHECK_EQ(all[17].index, 18);
    CHECK_EQ(all[17].relay_ip4[3], 116);
}

static struct ct_signed_registration registration(const char *name, uint16_t sequence)
{
    struct ct_signed_registration entry = {0};
    struct ct_registration *r = &entry.registration;
    uint8_t digest[32];
    CHECK_EQ(ct_identity_hash(r->id_hash32, name), CT_OK);
    memset(r->key32, 0x42, 32);
    r->relay = 1;
    r->port = 49160;
    r->backup_relay = 2;
    r->backup_port = 49161;
    r->expiry_day = expiry_day;
    r->sequence = sequence;
    r->deadline_s = ct_wall_s() + 3600;
    ct_registration_digest(digest, ct_chain_bundle(chain)->chain_id, contract(), r);
    CHECK_EQ(ct_wallet_sign(entry.sig65, &device_wallet, digest), CT_OK);
    return entry;
}

static void batch_registers_the_good_and_names_the_bad(void)
{
    struct ct_why why = {""};
    struct ct_view view;
    struct ct_receipt receipt = {0};
    struct ct_device device;
    const char *reason = NULL;
    uint8_t buf[1024];
    REQUIRE(chain != NULL);
    struct ct_signed_registration batch[2] = {registration("sensor-42", 0),
                                              registration("sensor-43", 5)};
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_register_clients(&w, batch, 2);
    REQUIRE(ct_wr_end(&w) == CT_OK);
    REQUIRE(send_from(&owner, &w, &receipt, &why) == CT_OK);
    CHECK(
        !ct_receipt_client_skipped(&reason, &receipt, contract(), batch[0].registration.id_hash32));
    REQUIRE(
        ct_receipt_client_skipped(&reason, &receipt, contract(), batch[1].registration.id_hash32));
    CHECK_STR(reason, "its sequence number is not the stored one");
    ct_receipt_free(&receipt);

    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    REQUIRE(ct_registry_device(chain, &view, batch[0].registration.id_hash32, &device, &why) ==
            CT_OK);
    CHECK_MEM(device.wallet20, device_wallet.addr20, 20);
    CHECK_EQ(device.state, CT_RECORD_APPROVED);
    CHECK_EQ(device.expiry_day, expiry_day);
    CHECK_EQ(device.sequence, 1);
    CHECK_EQ(device.relay, 1);
    CHECK_EQ(device.port, 49160);
    CHECK_EQ(device.backup_relay, 2);
    CHECK_EQ(device.backup_port, 49161);
    CHECK_MEM(device.key32, batch[0].registration.key32, 32);
    CHECK_EQ(ct_device_check(&device, view.timestamp_s, "sensor-42", &why), CT_OK);
    CHECK_EQ(ct_registry_device(chain, &view, batch[1].registration.id_hash32, &device, &why),
             CT_ERR_NOT_FOUND);
}

static void revoked_device_is_not_approved(void)
{
    struct ct_why why = {""};
    struct ct_view view;
    struct ct_receipt receipt = {0};
    struct ct_device device;
    uint8_t id[32];
    uint8_t buf[64];
    REQUIRE(chain != NULL && ct_identity_hash(id, "sensor-42") == CT_OK);
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_revoke_client(&w, id);
    REQUIRE(send_from(&owner, &w, &receipt, &why) == CT_OK);
    ct_receipt_free(&receipt);
    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    REQUIRE(ct_registry_device(chain, &view, id, &device, &why) == CT_OK);
    CHECK_EQ(device.sequence, 1);
    CHECK_EQ(ct_device_check(&device, view.timestamp_s, "sensor-42", &why), CT_ERR_NOT_APPROVED);
    CHECK_STR(why.text, "sensor-42 is revoked; its owner has to register it again");
}

/* ---- the funded road, device "sensor-77" ---- */

static struct ct_device funded; /* as the chain should hold it */
static uint8_t funded_id[32];

static void read_funded(struct ct_device *out)
{
    struct ct_why why = {""};
    struct ct_view view;
    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    REQUIRE(ct_registry_device(chain, &view, funded_id, out, &why) == CT_OK);
}

static void check_funded(void)
{
    struct ct_device got;
    uint8_t words[2][2][32];
    read_funded(&got);
    ct_device_encode(words[0], &got);
    ct_device_encode(words[1], &funded);
    CHECK_MEM(words[0], words[1], sizeof(words[0]));
}

static void send_ok(const struct ct_wallet *wallet, const struct ct_wr *w)
{
    struct ct_why why = {""};
    struct ct_receipt receipt = {0};
    REQUIRE(ct_wr_end(w) == CT_OK);
    ct_err err = send_from(wallet, w, &receipt, &why);
    CHECK_STR(why.text, "");
    REQUIRE(err == CT_OK);
    CHECK_EQ(receipt.log_count, 1); /* a batch that skips its one entry logs one event as well */
    ct_receipt_free(&receipt);
}

static void check_refused(const struct ct_wallet *wallet, const struct ct_wr *w, const char *text)
{
    struct ct_why why = {""};
    struct ct_receipt receipt = {0};
    CHECK_EQ(send_from(wallet, w, &receipt, &why), CT_ERR_REFUSED);
    CHECK(strstr(why.text, text) != NULL);
    ct_receipt_free(&receipt);
}

static void device_with_a_voucher_adds_itself_and_is_approved_by_digest(void)
{
    struct ct_signed_voucher voucher = {.voucher = {.deadline_s = ct_wall_s() + 3600}};
    struct ct_device pending;
    struct ct_approval approval;
    uint8_t digest[32];
    uint8_t buf[512];
    REQUIRE(chain != NULL && ct_identity_hash(funded_id, "sensor-77") == CT_OK);
    REQUIRE(ct_anvil_fund(&anvil, device_wallet.addr20));
    memcpy(voucher.voucher.id_hash32, funded_id, 32);
    memcpy(voucher.voucher.wallet20, device_wallet.addr20, 20);
    ct_token_hash(voucher.voucher.token_hash32, "ctk1.a.token");
    ct_voucher_digest(digest, ct_chain_bundle(chain)->chain_id, contract(), &voucher.voucher);
    REQUIRE(ct_wallet_sign(voucher.sig65, &owner, digest) == CT_OK);
    funded = (struct ct_device){.state = CT_RECORD_PENDING,
                                .expiry_day = expiry_day,
                                .relay = 1,
                                .port = 49170,
                                .backup_relay = 2,
                                .backup_port = 49171};
    memset(funded.key32, 0x77, 32);
    memcpy(funded.wallet20, device_wallet.addr20, 20);

    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_add_client(&w, &voucher, &funded);
    check_refused(&relay_owner, &w, "no approver gave this wallet a voucher");
    send_ok(&device_wallet, &w);
    funded.sequence = 1;
    check_funded();
    read_funded(&pending);

    memcpy(approval.id_hash32, funded_id, 32);
    ct_device_digest(approval.digest32, &pending);
    approval.digest32[0] ^= 1;
    w = ct_wr_init(buf, sizeof(buf));
    ct_call_approve_client(&w, &approval);
    check_refused(&owner, &w, "not the one that was checked");
    approval.digest32[0] ^= 1;
    w = ct_wr_init(buf, sizeof(buf));
    ct_call_approve_clients(&w, &approval, 1);
    check_refused(&relay_owner, &w, "not an approver");
    send_ok(&owner, &w);
    funded.state = CT_RECORD_APPROVED;
    check_funded();
    w = ct_wr_init(buf, sizeof(buf));
    ct_call_approve_client(&w, &approval);
    check_refused(&owner, &w, "no such device is pending");
}

static void device_moves_its_record_itself_and_by_signature(void)
{
    struct ct_signed_client_update entry = {
        .update = {.relay = 2, .port = 49180, .sequence = 1, .deadline_s = ct_wall_s() + 3600}};
    uint8_t digest[32];
    uint8_t buf[512];
    REQUIRE(chain != NULL);
    memcpy(entry.update.id_hash32, funded_id, 32);
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_update_allocation(&w, &entry.update);
    check_refused(&owner, &w, "not the device's wallet");
    send_ok(&device_wallet, &w);
    funded.relay = 2;
    funded.port = 49180;
    funded.backup_relay = funded.backup_port = 0;
    funded.sequence = 2;
    check_funded();

    entry.update.sequence = 2;
    entry.update.backup_relay = 1;
    entry.update.backup_port = 49181;
    ct_client_update_digest(digest, ct_chain_bundle(chain)->chain_id, contract(), &entry.update);
    REQUIRE(ct_wallet_sign(entry.sig65, &device_wallet, digest) == CT_OK);
    w = ct_wr_init(buf, sizeof(buf));
    ct_call_update_allocations(&w, &entry, 1);
    send_ok(&relay_owner, &w);
    funded.backup_relay = 1;
    funded.backup_port = 49181;
    funded.sequence = 3;
    check_funded();
    send_ok(&relay_owner, &w); /* the same again is skipped */
    check_funded();
}

static void device_rotates_its_key_and_revokes_itself_by_signature(void)
{
    uint64_t chain_id = ct_chain_bundle(chain)->chain_id;
    struct ct_signed_key_rotation rotation = {
        .rotation = {.sequence = 3, .deadline_s = ct_wall_s() + 3600}};
    struct ct_signed_self_revocation end = {
        .revocation = {.sequence = 4, .deadline_s = ct_wall_s() + 3600}};
    uint8_t digest[32];
    uint8_t buf[512];
    memcpy(rotation.rotation.id_hash32, funded_id, 32);
    memset(rotation.rotation.key32, 0x78, 32);
    ct_key_rotation_digest(digest, chain_id, contract(), &rotation.rotation);
    REQUIRE(ct_wallet_sign(rotation.sig65, &device_wallet, digest) == CT_OK);
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_rotate_keys(&w, &rotation, 1);
    send_ok(&relay_owner, &w);
    memset(funded.key32, 0x78, 32);
    funded.sequence = 4;
    check_funded();

    memcpy(end.revocation.id_hash32, funded_id, 32);
    ct_self_revocation_digest(digest, chain_id, contract(), &end.revocation);
    REQUIRE(ct_wallet_sign(end.sig65, &device_wallet, digest) == CT_OK);
    struct ct_why why = {""};
    struct ct_receipt receipt = {0};
    w = ct_wr_init(buf, sizeof(buf));
    ct_call_revoke_self(&w, &end);
    REQUIRE(send_from(&relay_owner, &w, &receipt, &why) == CT_OK);
    CHECK_EQ(receipt.log_count, 2); /* the log's entry as well */
    ct_receipt_free(&receipt);
    funded.state = CT_RECORD_REVOKED;
    funded.sequence = 5;
    check_funded();
    check_refused(&relay_owner, &w, "no such device is registered");
}

static void wallet_without_ether_is_told_so_before_anything_is_sent(void)
{
    struct ct_why why = {""};
    struct ct_wallet poor;
    uint8_t buf[512];
    uint8_t hash[32];
    REQUIRE(chain != NULL && ct_wallet_new(&poor) == CT_OK);
    struct ct_relay relay = relay_on(200);
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_register_server(&w, salt, &relay);
    struct ct_send tx = {.to20 = contract(), .data = buf, .data_len = w.len};
    CHECK_EQ(ct_send(chain, &poor, &tx, hash, NULL, &why), CT_ERR_CHAIN);
    CHECK(strstr(why.text, "send it ether") != NULL);
}

static void cold_look_up_takes_three_round_trips(void)
{
    struct ct_why why = {""};
    struct ct_chain *fresh = NULL;
    struct ct_chain_stats stats;
    struct ct_view view;
    struct ct_device device;
    struct ct_relay relay;
    uint8_t id[32];
    REQUIRE(chain != NULL && ct_identity_hash(id, "sensor-42") == CT_OK);
    REQUIRE(ct_chain_open(&fresh, ct_chain_bundle(chain), NULL, &why) == CT_OK);
    CHECK_EQ(ct_chain_view(fresh, &view, &why), CT_OK);
    CHECK_EQ(ct_registry_device(fresh, &view, id, &device, &why), CT_OK);
    CHECK_EQ(ct_registry_relay(fresh, &view, device.relay, &relay, &why), CT_OK);
    ct_chain_stats(fresh, &stats);
    CHECK_EQ(stats.round_trips, 3);
    CHECK_EQ(stats.refused_answers, 0);
    ct_chain_free(fresh);
}

static void chain_is_let_go(void)
{
    ct_chain_free(chain);
    chain = NULL;
    ct_anvil_stop(&anvil);
    CHECK(anvil.pid == 0);
}

static const struct ct_test tests[] = {
    CT_TEST(contract_is_deployed_and_its_code_proven),
    CT_TEST(wm_keys_of_the_constructor_are_proven),
    CT_TEST(relay_goes_from_pending_to_approved),
    CT_TEST(more_relays_than_one_page_are_listed),
    CT_TEST(batch_registers_the_good_and_names_the_bad),
    CT_TEST(revoked_device_is_not_approved),
    CT_TEST(device_with_a_voucher_adds_itself_and_is_approved_by_digest),
    CT_TEST(device_moves_its_record_itself_and_by_signature),
    CT_TEST(device_rotates_its_key_and_revokes_itself_by_signature),
    CT_TEST(wallet_without_ether_is_told_so_before_anything_is_sent),
    CT_TEST(cold_look_up_takes_three_round_trips),
    CT_TEST(chain_is_let_go),
};
CT_TEST_MAIN(tests)

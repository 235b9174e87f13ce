/* The funded road and signed changes at the wallet manager's API: who is paid what, and what is
 * submitted for whom. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include "chain/json.h"
#include "wm-server/src/operator/audit.h"
#include "wm-server/src/store/store_observed.h"
#include "wm_api.h"

static char token[CT_TOKEN_TEXT_MAX + 1];

static unsigned ask_voucher_for(const char *text, unsigned relay, unsigned port, uint64_t day)
{
    char body[1024];
    (void)snprintf(body, sizeof body,
                   "{\"token\":\"%s\",\"relay\":%u,\"port\":%u,\"backup_relay\":0,"
                   "\"backup_port\":0,\"expiry_day\":%llu}",
                   text, relay, port, (unsigned long long)day);
    return ask("POST", "/v1/vouchers", body);
}

static unsigned ask_voucher(void)
{
    return ask_voucher_for(token, 1, 50010, today() + 50);
}

/* The payments in the store. */
static size_t payments(struct ct_op *out, size_t cap)
{
    size_t count = 0;
    CHECK_EQ(api.store->ops->op_list(api.store, CT_OP_QUEUED, CT_OP_FUND, out, cap, &count), CT_OK);
    return count;
}

static void begin_funded(void)
{
    begin();
    token_text(token, 1, "sensor-42", false, 100);
}

static void voucher_is_signed_for_this_wallet_name_and_token(void)
{
    struct ct_voucher v = {.deadline_s = 0};
    uint8_t digest[32], sig[65], token_hash[32], wallet20[20];
    struct ct_json *body = NULL;
    int64_t deadline = 0;
    begin_funded();
    CHECK_EQ(ask_voucher(), 201);
    REQUIRE(ct_json_parse(&body, answer.body, strlen(answer.body)) == CT_OK);
    const struct ct_json *voucher = ct_json_get(body, "voucher");
    CHECK_EQ(ct_json_fixed(sig, 65, ct_json_get(voucher, "signature")), CT_OK);
    CHECK_EQ(ct_json_fixed(v.wallet20, 20, ct_json_get(voucher, "wallet")), CT_OK);
    CHECK_EQ(ct_json_fixed(v.token_hash32, 32, ct_json_get(voucher, "token_hash")), CT_OK);
    CHECK_EQ(ct_json_int(&deadline, ct_json_get(voucher, "deadline")), CT_OK);
    ct_json_free(body);
    ct_token_hash(token_hash, token);
    CHECK_MEM(v.token_hash32, token_hash, 32);
    CHECK_MEM(v.wallet20, wallet.addr20, 20);
    CHECK(deadline >= (int64_t)ct_wall_s() + 500 && deadline <= (int64_t)ct_wall_s() + 600);
    v.deadline_s = (uint64_t)deadline;
    CHECK_EQ(ct_identity_hash(v.id_hash32, "sensor-42"), CT_OK);
    ct_voucher_digest(digest, api.chain_id, api.contract20, &v);
    CHECK_EQ(ct_sig_recover(wallet20, digest, sig), CT_OK);
    CHECK_MEM(wallet20, approver.addr20, 20);
    end();
}

/* 80,000 gas and a fifth, at 4 gwei and a quarter, less what is there. */
static void wallet_is_sent_what_it_lacks_and_no_more(void)
{
    struct ct_op ops[2];
    struct ct_op_before before;
    uint8_t to[20];
    struct ct_u256 wei;
    begin_funded();
    chain.balance_gwei = 1000;
    chain.nonce = 7;
    CHECK_EQ(ask_voucher(), 201);
    CHECK(strstr(answer.body, "\"gas\":96000,\"operation\":\"") != NULL);
    REQUIRE(payments(ops, 2) == 1);
    REQUIRE(ct_op_get_payment(to, &wei, &ops[0]) == CT_OK);
    CHECK_MEM(to, wallet.addr20, 20);
    struct ct_u256 want = gwei(480000 - 1000);
    CHECK_EQ(ct_u256_cmp(&wei, &want), 0);
    want = gwei(1000); /* what it was is kept with the promise */
    REQUIRE(ct_op_get_before(&before, &ops[0]) == CT_OK);
    CHECK(before.is_known && before.nonce == 7);
    CHECK_EQ(ct_u256_cmp(&before.wei, &want), 0);
    end();
    begin_funded();
    chain.balance_gwei = 480000; /* 96,000 gas at 5 gwei */
    CHECK_EQ(ask_voucher(), 201);
    CHECK(strstr(answer.body, "\"operation\"") == NULL);
    CHECK_EQ(payments(ops, 2), 0);
    end();
}

static void second_request_is_a_fresh_voucher_and_no_second_payment(void)
{
    struct ct_op ops[2];
    char id[CT_OP_ID];
    begin_funded();
    CHECK_EQ(ask_voucher(), 201);
    REQUIRE(payments(ops, 2) == 1);
    memcpy(id, ops[0].id, sizeof id);
    CHECK_EQ(ask_voucher(), 201);
    CHECK(strstr(answer.body, id) != NULL); /* the same payment, still under way */
    CHECK_EQ(payments(ops, 2), 1);
    CHECK_EQ(api.store->ops->op_move(api.store, id, CT_OP_QUEUED, CT_OP_DONE, NULL, 0, ""), CT_OK);
    CHECK_EQ(ask_voucher(), 201); /* paid, and the ether is gone elsewhere */
    CHECK(strstr(answer.body, "\"operation\"") == NULL);
    CHECK_EQ(payments(ops, 2), 0);
    end();
}

static void lying_endpoints_cannot_drain_the_funder(void)
{
    struct ct_op ops[2];
    uint8_t to[20];
    struct ct_u256 wei;
    begin_funded();
    chain.gas = UINT64_MAX;
    chain.fee_gwei = UINT32_MAX;
    CHECK_EQ(ask_voucher(), 201);
    CHECK(strstr(answer.body, "\"gas\":150000,") != NULL);
    REQUIRE(payments(ops, 2) == 1);
    REQUIRE(ct_op_get_payment(to, &wei, &ops[0]) == CT_OK);
    struct ct_u256 want = gwei(15000000);
    CHECK_EQ(ct_u256_cmp(&wei, &want), 0);
    end();
}

static void token_says_how_much_gas_is_paid_for(void)
{
    struct ct_op ops[2];
    uint8_t to[20];
    struct ct_u256 wei;
    struct ct_token t = {.key_id = 1, .jti16 = {9}, .batch = "B1", .identity = "sensor-42"};
    begin_funded();
    t.expiry_s = ct_wall_s() + 100;
    t.max_gas = 79999; /* one less than it takes */
    CHECK_EQ(ct_token_sign(token, sizeof token, &t, &pass_key), CT_OK);
    (void)ask_voucher();
    CHECK(problem(403, "token-gas"));
    CHECK_EQ(payments(ops, 2), 0);
    t.max_gas = 90000; /* less than with the margin */
    CHECK_EQ(ct_token_sign(token, sizeof token, &t, &pass_key), CT_OK);
    CHECK_EQ(ask_voucher(), 201);
    CHECK(strstr(answer.body, "\"gas\":90000,") != NULL);
    REQUIRE(payments(ops, 2) == 1);
    REQUIRE(ct_op_get_payment(to, &wei, &ops[0]) == CT_OK);
    struct ct_u256 want = gwei(450000);
    CHECK_EQ(ct_u256_cmp(&wei, &want), 0);
    end();
    begin_funded();
    t.max_gas = INT64_MAX; /* the platform's own bound holds */
    chain.gas = 1000000;
    CHECK_EQ(ct_token_sign(token, sizeof token, &t, &pass_key), CT_OK);
    CHECK_EQ(ask_voucher(), 201);
    CHECK(strstr(answer.body, "\"gas\":150000,") != NULL);
    end();
}

static void governor_refuses_what_the_hour_does_not_allow(void)
{
    struct ct_op ops[2];
    begin_funded();
    api.funding.most.hour_gwei = 480000; /* 96,000 gas at 5 gwei */
    CHECK_EQ(ask_voucher(), 201);
    enrol(CT_HS_ENROL_DEVICE, "sensor-43");
    token_text(token, 2, "sensor-43", false, 100);
    (void)ask_voucher();
    CHECK(problem(503, "funding-limit"));
    CHECK_EQ(payments(ops, 2), 1);
    api.funding.most.hour_gwei *= 2;
    CHECK_EQ(ask_voucher(), 201); /* the refusal used nothing up */
    CHECK_EQ(payments(ops, 2), 2);
    end();
}

static void platform_without_a_funder_says_so(void)
{
    struct ct_op ops[2];
    begin_funded();
    api.funding.has_funder = false;
    (void)ask_voucher();
    CHECK(problem(503, "no-funder"));
    CHECK_EQ(payments(ops, 2), 0);
    chain.balance_gwei = UINT32_MAX; /* who has ether needs no funder */
    CHECK_EQ(ask_voucher(), 201);
    end();
}

static void voucher_needs_ones_own_token(void)
{
    char other[CT_TOKEN_TEXT_MAX + 1];
    struct ct_op ops[2];
    begin_funded();
    (void)ask("POST", "/v1/vouchers", "{}");
    CHECK(problem(400, "format"));
    token_text(other, 2, "sensor-43", false, 100);
    (void)ask_voucher_for(other, 1, 50010, today() + 50);
    CHECK(problem(403, "identity"));
    CHECK_EQ(ask_voucher(), 201);
    CHECK_EQ(ct_wallet_new(&wallet), CT_OK); /* another wallet, the same name and token */
    enrol(CT_HS_ENROL_DEVICE, "sensor-42");
    (void)ask_voucher();
    CHECK(problem(409, "token-used"));
    token_text(other, 3, "sensor-42", false, 100);
    (void)ask_voucher_for(other, 1, 50010, today() + 50); /* while the first is being paid */
    CHECK(problem(409, "too-many"));
    CHECK_EQ(payments(ops, 2), 1);
    end();
}

static void record_that_could_not_be_written_is_not_paid_for(void)
{
    struct ct_op ops[2];
    begin_funded();
    (void)ask_voucher_for(token, 2, 50010, today() + 50);
    CHECK(problem(422, "relay-mismatch"));
    (void)ask_voucher_for(token, 1, 49999, today() + 50);
    CHECK(problem(422, "relay-mismatch"));
    (void)ask_voucher_for(token, 1, 50010, today() + 101);
    CHECK(problem(422, "format"));
    chain.reverts = true;
    (void)ask_voucher();
    CHECK(problem(422, "contract-refuses"));
    chain.reverts = false;
    chain.down = CT_ERR_QUORUM;
    (void)ask_voucher();
    CHECK(problem(503, "chain-unavailable"));
    chain.down = CT_OK;
    register_live_device();
    (void)ask_voucher();
    CHECK(problem(409, "registered"));
    CHECK_EQ(payments(ops, 2), 0);
    end();
}

/* ---- renewals ---- */

static unsigned ask_renewal_to(uint64_t day)
{
    char body[256];
    (void)snprintf(body, sizeof body,
                   "{\"relay\":1,\"port\":50010,\"backup_relay\":0,\"backup_port\":0,"
                   "\"expiry_day\":%llu}",
                   (unsigned long long)day);
    return ask("POST", "/v1/vouchers", body);
}

static unsigned ask_renewal(void)
{
    return ask_renewal_to(today() + 90);
}

static void renewal_needs_no_token_and_its_voucher_names_the_day(void)
{
    struct ct_voucher v = {.deadline_s = 0};
    uint8_t digest[32], sig[65], hash[32], wallet20[20];
    struct ct_json *body = NULL;
    int64_t deadline = 0;
    begin_funded();
    register_live_device();
    CHECK_EQ(ask_renewal(), 201);
    REQUIRE(ct_json_parse(&body, answer.body, strlen(answer.body)) == CT_OK);
    const struct ct_json *voucher = ct_json_get(body, "voucher");
    CHECK_EQ(ct_json_fixed(sig, 65, ct_json_get(voucher, "signature")), CT_OK);
    CHECK_EQ(ct_json_fixed(hash, 32, ct_json_get(voucher, "token_hash")), CT_OK);
    CHECK_EQ(ct_json_int(&deadline, ct_json_get(voucher, "deadline")), CT_OK);
    ct_json_free(body);
    ct_voucher_day(v.token_hash32, (uint16_t)(today() + 90));
    CHECK_MEM(hash, v.token_hash32, 32);
    memcpy(v.wallet20, wallet.addr20, 20);
    v.deadline_s = (uint64_t)deadline;
    CHECK_EQ(ct_identity_hash(v.id_hash32, "sensor-42"), CT_OK);
    ct_voucher_digest(digest, api.chain_id, api.contract20, &v);
    CHECK_EQ(ct_sig_recover(wallet20, digest, sig), CT_OK);
    CHECK_MEM(wallet20, approver.addr20, 20);
    end();
}

/* Days that a test lets pass. */
static uint64_t days_ahead;

static uint64_t later_s(void)
{
    return ct_wall_s() + days_ahead * 86400;
}

/* The first day of a span of 30, so that 29 more are in it. */
static void begin_span(void)
{
    begin_funded();
    days_ahead = 30 - today() % 30;
    api.wall_s = later_s;
    register_live_device();
}

/* It comes with so few days left, and asks for as many more as it may at least. */
static unsigned ask_renewal_in_days(uint64_t ahead, uint64_t left)
{
    days_ahead = ahead;
    chain.device.expiry_day = (uint16_t)(today() + ahead + left);
    chain.relay.expiry_day = (uint16_t)(chain.device.expiry_day + 100);
    return ask_renewal_to(today() + ahead + 60);
}

static void renewal_is_paid_for_once_and_the_next_one_again(void)
{
    struct ct_op ops[2];
    char id[CT_OP_ID];
    uint8_t to[20];
    struct ct_u256 wei;
    begin_span();
    const uint64_t first = days_ahead;
    CHECK_EQ(ask_renewal_in_days(first, 5), 201);
    REQUIRE(payments(ops, 2) == 1);
    memcpy(id, ops[0].id, sizeof id);
    REQUIRE(ct_op_get_payment(to, &wei, &ops[0]) == CT_OK);
    CHECK_MEM(to, wallet.addr20, 20);
    struct ct_u256 want = gwei(480000); /* 96,000 gas at 5 gwei */
    CHECK_EQ(ct_u256_cmp(&wei, &want), 0);
    CHECK_EQ(ask_renewal_in_days(first, 5), 201);
    CHECK(strstr(answer.body, id) != NULL); /* still under way */
    CHECK_EQ(api.store->ops->op_move(api.store, id, CT_OP_QUEUED, CT_OP_DONE, NULL, 0, ""), CT_OK);
    CHECK_EQ(ask_renewal_to(today() + first + 91), 201); /* another day is the same renewal */
    CHECK(strstr(answer.body, "\"operation\"") == NULL);
    CHECK_EQ(payments(ops, 2), 0);
    CHECK_EQ(ask_renewal_in_days(first + 30, 30), 201); /* as soon as the next one can be */
    CHECK_EQ(payments(ops, 2), 1);
    end();
}

/* It shortens its record by a registration of its own, and comes again. */
static void device_that_chooses_when_its_record_ends_is_paid_no_more_often(void)
{
    struct ct_op ops[2];
    unsigned paid = 0;
    begin_span();
    const uint64_t first = days_ahead;
    for (uint64_t day = 0; day < 60; day++) {
        for (uint64_t left = 0; left <= 30; left += 6) {
            CHECK_EQ(ask_renewal_in_days(first + day, left), 201);
            if (payments(ops, 2) == 1) {
                paid++;
                CHECK_EQ(api.store->ops->op_move(api.store, ops[0].id, CT_OP_QUEUED, CT_OP_DONE,
                                                 NULL, 0, ""),
                         CT_OK);
            }
        }
    }
    CHECK_EQ(paid, 2);
    end();
}

static void renewals_are_within_the_limits_of_all_payments(void)
{
    struct ct_op ops[2];
    begin_funded();
    register_live_device();
    api.funding.most.hour_gwei = 479999;
    (void)ask_renewal();
    CHECK(problem(503, "funding-limit"));
    api.funding.has_funder = false;
    (void)ask_renewal();
    CHECK(problem(503, "no-funder"));
    CHECK_EQ(payments(ops, 2), 0);
    chain.balance_gwei = 480000; /* who has ether needs nobody */
    CHECK_EQ(ask_renewal(), 201);
    end();
}

static void renewal_is_of_a_record_near_its_end_to_a_later_day(void)
{
    struct ct_op ops[2];
    begin_funded();
    register_live_device();
    chain.device.expiry_day = (uint16_t)(today() + 31);
    (void)ask_renewal();
    CHECK(problem(409, "registered"));
    chain.device.expiry_day = (uint16_t)(today() + 30);
    (void)ask_renewal_to(today() + 59); /* to come again for money within a month */
    CHECK(problem(422, "format"));
    (void)ask_renewal_to(today() + 101);
    CHECK(problem(422, "format"));
    api.device_days = 9; /* where records are shorter, so is all of this */
    (void)ask_renewal_to(today() + 9);
    CHECK(problem(409, "registered"));
    chain.device.expiry_day = (uint16_t)(today() + 3);
    (void)ask_renewal_to(today() + 5);
    CHECK(problem(422, "format"));
    CHECK_EQ(payments(ops, 2), 0);
    CHECK_EQ(ask_renewal_to(today() + 6), 201);
    api.device_days = 1;
    chain.device.expiry_day = (uint16_t)today();
    (void)ask_renewal_to(today());
    CHECK(problem(422, "format"));
    CHECK_EQ(ask_renewal_to(today() + 1), 201);
    end();
}

static void renewal_is_for_the_records_own_wallet_and_key(void)
{
    struct ct_op ops[2];
    begin_funded();
    (void)ask_renewal();
    CHECK(problem(403, "not-registered")); /* nothing on chain */
    register_live_device();
    chain.device.expiry_day = (uint16_t)(today() - 1);
    (void)ask_renewal();
    CHECK(problem(403, "not-registered"));
    register_live_device();
    chain.device.state = CT_RECORD_PENDING;
    (void)ask_renewal();
    CHECK(problem(403, "not-registered"));
    chain.device.state = CT_RECORD_REVOKED;
    (void)ask_renewal();
    CHECK(problem(403, "not-registered"));
    register_live_device();
    chain.device.key32[0] ^= 1;
    (void)ask_renewal();
    CHECK(problem(403, "not-registered"));
    register_live_device();
    CHECK_EQ(ct_wallet_new(&wallet), CT_OK);
    enrol(CT_HS_ENROL_DEVICE, "sensor-42");
    (void)ask_renewal();
    CHECK(problem(409, "identity"));
    CHECK_EQ(payments(ops, 2), 0);
    end();
}

static void tokens_voucher_is_for_no_live_record_and_its_renewal_uses_no_token_up(void)
{
    struct ct_op ops[2];
    struct ct_token_row row;
    size_t count = 0;
    begin_funded();
    register_live_device();
    (void)ask_voucher(); /* five days before its end, too */
    CHECK(problem(409, "registered"));
    CHECK_EQ(ask_renewal(), 201);
    CHECK_EQ(api.store->ops->token_page(api.store, NULL, NULL, &row, 1, &count), CT_OK);
    CHECK_EQ(count, 0);
    CHECK_EQ(payments(ops, 2), 1);
    end();
}

static void renewal_is_in_the_audit_log_before_its_voucher_is_given_out(void)
{
    struct ct_audit *audit = NULL;
    struct ct_why why = {{0}};
    const uint64_t day = today() + 90;
    char path[80], line[1024] = "", wanted[128];
    begin_funded();
    (void)snprintf(path, sizeof path, "%s-audit", store_path);
    REQUIRE(ct_audit_open(&audit, path, 1 << 20, &why) == CT_OK);
    REQUIRE(ct_store_observe(api.store, audit) == CT_OK);
    register_live_device();
    chain.balance_gwei = 480000;
    CHECK_EQ(ask_renewal(), 201);
    FILE *f = fopen(path, "r");
    REQUIRE(f != NULL && fgets(line, sizeof line, f) != NULL);
    (void)fclose(f);
    (void)snprintf(wanted, sizeof wanted, "\"expires\":\"%llu\"", (unsigned long long)day);
    CHECK(strstr(line, "\"what\":\"renewal_allowed\",\"identity\":\"sensor-42\"") != NULL);
    CHECK(strstr(line, wanted) != NULL);
    end();
    (void)unlink(path);
}

/* ---- changes ---- */

static struct ct_client_update update(void)
{
    struct ct_client_update u = {
        .relay = 1, .port = 50020, .sequence = 3, .deadline_s = ct_wall_s() + 600};
    CHECK_EQ(ct_identity_hash(u.id_hash32, "sensor-42"), CT_OK);
    return u;
}

static unsigned ask_update(const struct ct_client_update *u, const struct ct_wallet *signer)
{
    char body[1024];
    char sig[133];
    uint8_t digest[32], sig65[65];
    ct_client_update_digest(digest, api.chain_id, api.contract20, u);
    CHECK_EQ(ct_wallet_sign(sig65, signer, digest), CT_OK);
    ct_hex0x(sig, sig65, 65);
    (void)snprintf(body, sizeof body,
                   "{\"change\":\"update\",\"relay\":%u,\"port\":%u,\"backup_relay\":%u,"
                   "\"backup_port\":%u,\"sequence\":%u,\"deadline\":%llu,\"signature\":\"%s\"}",
                   u->relay, u->port, u->backup_relay, u->backup_port, u->sequence,
                   (unsigned long long)u->deadline_s, sig);
    return ask("POST", "/v1/changes", body);
}

static void signed_update_is_queued_as_it_was_signed(void)
{
    struct ct_op ops[2];
    struct ct_signed_client_update got;
    size_t count = 0;
    begin();
    register_live_device();
    struct ct_client_update u = update();
    CHECK_EQ(ask_update(&u, &wallet), 202);
    u.port = 50021; /* signed anew before it is sent: the newer one counts */
    CHECK_EQ(ask_update(&u, &wallet), 202);
    CHECK_EQ(api.store->ops->op_list(api.store, CT_OP_QUEUED, CT_OP_UPDATE, ops, 2, &count), CT_OK);
    REQUIRE(count == 1);
    REQUIRE(ct_op_get_update(&got, &ops[0]) == CT_OK);
    CHECK(got.update.port == 50021 && got.update.sequence == 3);
    CHECK_MEM(got.update.id_hash32, u.id_hash32, 32);
    end();
}

static void change_that_the_contract_would_skip_is_refused(void)
{
    struct ct_wallet stranger;
    begin();
    CHECK_EQ(ct_wallet_new(&stranger), CT_OK);
    struct ct_client_update u = update();
    (void)ask_update(&u, &wallet);
    CHECK(problem(403, "not-registered")); /* nothing on chain */
    register_live_device();
    (void)ask_update(&u, &stranger);
    CHECK(problem(403, "signature"));
    u.sequence = 2;
    (void)ask_update(&u, &wallet);
    CHECK(problem(409, "identity"));
    u = update();
    u.deadline_s = ct_wall_s();
    (void)ask_update(&u, &wallet);
    CHECK(problem(422, "format"));
    u = update();
    u.backup_relay = 2;
    (void)ask_update(&u, &wallet);
    CHECK(problem(422, "relay-mismatch"));
    u = update();
    chain.device.wallet20[0] ^= 1; /* another's record */
    (void)ask_update(&u, &wallet);
    CHECK(problem(403, "not-registered"));
    register_live_device();
    chain.device.expiry_day = (uint16_t)(today() - 1);
    (void)ask_update(&u, &wallet);
    CHECK(problem(403, "not-registered"));
    end();
}

static void key_and_end_are_changed_by_signature_too(void)
{
    char body[512], sig[133], key[67];
    uint8_t digest[32], sig65[65];
    struct ct_key_rotation k = {.key32 = {9}, .sequence = 3, .deadline_s = ct_wall_s() + 600};
    struct ct_self_revocation r = {.sequence = 3, .deadline_s = k.deadline_s};
    begin();
    register_live_device();
    chain.device.key32[0] ^= 1; /* the handshake's key is another than the record's */
    CHECK_EQ(ct_identity_hash(k.id_hash32, "sensor-42"), CT_OK);
    CHECK_EQ(ct_identity_hash(r.id_hash32, "sensor-42"), CT_OK);
    ct_key_rotation_digest(digest, api.chain_id, api.contract20, &k);
    CHECK_EQ(ct_wallet_sign(sig65, &wallet, digest), CT_OK);
    ct_hex0x(sig, sig65, 65);
    ct_hex0x(key, k.key32, 32);
    static const char form[] = "{\"change\":\"%s\"%s%s%s,\"sequence\":3,"
                               "\"deadline\":%llu,\"signature\":\"%s\"}";
    (void)snprintf(body, sizeof body, form, "rotate", ",\"key\":\"", key, "\"",
                   (unsigned long long)k.deadline_s, sig);
    CHECK_EQ(ask("POST", "/v1/changes", body), 202);
    (void)snprintf(body, sizeof body, form, "revoke", "", "", "", (unsigned long long)k.deadline_s,
                   sig);
    (void)ask("POST", "/v1/changes", body);
    CHECK(problem(403, "signature")); /* of another type */
    ct_self_revocation_digest(digest, api.chain_id, api.contract20, &r);
    CHECK_EQ(ct_wallet_sign(sig65, &wallet, digest), CT_OK);
    ct_hex0x(sig, sig65, 65);
    (void)snprintf(body, sizeof body, form, "revoke", "", "", "", (unsigned long long)k.deadline_s,
                   sig);
    CHECK_EQ(ask("POST", "/v1/changes", body), 202);
    (void)snprintf(body, sizeof body, form, "vanish", "", "", "", (unsigned long long)k.deadline_s,
                   sig);
    (void)ask("POST", "/v1/changes", body);
    CHECK(problem(400, "format"));
    end();
}

static const struct ct_test tests[] = {
    CT_TEST(voucher_is_signed_for_this_wallet_name_and_token),
    CT_TEST(wallet_is_sent_what_it_lacks_and_no_more),
    CT_TEST(second_request_is_a_fresh_voucher_and_no_second_payment),
    CT_TEST(lying_endpoints_cannot_drain_the_funder),
    CT_TEST(token_says_how_much_gas_is_paid_for),
    CT_TEST(governor_refuses_what_the_hour_does_not_allow),
    CT_TEST(platform_without_a_funder_says_so),
    CT_TEST(voucher_needs_ones_own_token),
    CT_TEST(record_that_could_not_be_written_is_not_paid_for),
    CT_TEST(renewal_needs_no_token_and_its_voucher_names_the_day),
    CT_TEST(renewal_is_paid_for_once_and_the_next_one_again),
    CT_TEST(device_that_chooses_when_its_record_ends_is_paid_no_more_often),
    CT_TEST(renewals_are_within_the_limits_of_all_payments),
    CT_TEST(renewal_is_of_a_record_near_its_end_to_a_later_day),
    CT_TEST(renewal_is_for_the_records_own_wallet_and_key),
    CT_TEST(tokens_voucher_is_for_no_live_record_and_its_renewal_uses_no_token_up),
    CT_TEST(renewal_is_in_the_audit_log_before_its_voucher_is_given_out),
    CT_TEST(signed_update_is_queued_as_it_was_signed),
    CT_TEST(change_that_the_contract_would_skip_is_refused),
    CT_TEST(key_and_end_are_changed_by_signature_too),
};
CT_TEST_MAIN(tests)

/* Claims about the registrar: its frames, what it signs and what never, and its process. */
/* links: ct_registrar_desk ct_chain ct_base */
#include <string.h>

#include "base/secret.h"
#include "chain/tx.h"
#include "ct_test.h"
#include "desk.h"
#include "kex/owner.h"
#include "life/registrar_call.h"
#include "temp_dir.h"

static struct temp_dir temp;

static struct ct_rg_open an_opening(void)
{
    struct ct_rg_open o = {.chain_id = 31337,
                           .contract20 = {0xc0, 0xff, 0xee},
                           .fee_max_wei = 300000000000,
                           .gas_max = 500000,
                           .may_make = true,
                           .user = "nobody"};
    o.record = (struct ct_relay){.listen_port = 3478,
                                 .port_min = 49152,
                                 .port_max = 65535,
                                 .listen_ip4 = {198, 51, 100, 7},
                                 .relay_ip4 = {198, 51, 100, 8}};
    (void)snprintf(o.wallet, sizeof(o.wallet), "%s/wallet.key", temp.path);
    return o;
}

static struct ct_rg_call a_call(enum ct_rg_call_what what)
{
    struct ct_rg_call c = {.what = what, .nonce = 7, .fee_wei = 90, .tip_wei = 2, .gas = 200000};
    c.index = 3;
    c.key32[5] = what == CT_RG_WITHDRAW ? 0 : 9;
    return c;
}

static struct ct_rg_statement a_statement(enum ct_rg_statement_what what)
{
    struct ct_rg_statement s = {.what = what, .key32 = {4}};
    if (what == CT_RG_HANDSHAKE) {
        s.of.handshake.sid16[0] = 1;
        s.of.handshake.transcript32[31] = 2;
    } else {
        s.of.ownership.nonce32[3] = 8;
        s.of.ownership.mode = 1;
        s.of.ownership.until_s = 1800000000;
    }
    return s;
}

enum { REQUESTS = 5 };

static struct ct_rg_request request_of(size_t i)
{
    struct ct_rg_request r = {.number = 0x01020304};
    if (i == 0) {
        r.kind = CT_RG_OPEN;
        r.of.open = an_opening();
    } else if (i <= 2) {
        r.kind = CT_RG_CALL;
        r.of.call = a_call((enum ct_rg_call_what)i);
    } else {
        r.kind = CT_RG_STATEMENT;
        r.of.statement = a_statement((enum ct_rg_statement_what)(i - 2));
    }
    return r;
}

/* ---- frames ---- */

static void requests_come_back_as_written_and_not_cut_or_longer(void)
{
    for (size_t i = 0; i < REQUESTS; i++) {
        uint8_t frame[CT_RG_FRAME_MAX + 1] = {0};
        uint8_t again[CT_RG_FRAME_MAX];
        size_t len = 0;
        size_t again_len = 0;
        struct ct_rg_request in = request_of(i);
        struct ct_rg_request out;
        REQUIRE(ct_rg_request_write(frame, CT_RG_FRAME_MAX, &len, &in) == CT_OK);
        REQUIRE(ct_rg_request_read(&out, frame, len) == CT_OK);
        REQUIRE(ct_rg_request_write(again, sizeof(again), &again_len, &out) == CT_OK);
        CHECK_EQ(again_len, len);
        CHECK_MEM(again, frame, len);
        for (size_t cut = 0; cut <= len + 1; cut++) {
            CHECK((ct_rg_request_read(&out, frame, cut) == CT_OK) == (cut == len));
        }
    }
}

static void answers_come_back_as_written_and_not_cut_or_longer(void)
{
    for (size_t i = 0; i < 4; i++) {
        uint8_t frame[CT_RG_FRAME_MAX + 1] = {0};
        uint8_t again[CT_RG_FRAME_MAX];
        size_t len = 0;
        size_t again_len = 0;
        struct ct_rg_answer in = {.kind = (enum ct_rg_kind)(i < 3 ? i + 1 : 2), .number = 9};
        struct ct_rg_answer out;
        if (i == 1) {
            in.of.call.len = CT_RG_RAW_MAX;
            memset(in.of.call.raw, 0xab, CT_RG_RAW_MAX);
        } else if (i == 3) {
            in.err = ct_why(&in.why, CT_ERR_REFUSED, "too dear");
        }
        REQUIRE(ct_rg_answer_write(frame, CT_RG_FRAME_MAX, &len, &in) == CT_OK);
        REQUIRE(ct_rg_answer_read(&out, frame, len) == CT_OK);
        REQUIRE(ct_rg_answer_write(again, sizeof(again), &again_len, &out) == CT_OK);
        CHECK_EQ(again_len, len);
        CHECK_MEM(again, frame, len);
        for (size_t cut = 0; cut <= len + 1; cut++) {
            CHECK((ct_rg_answer_read(&out, frame, cut) == CT_OK) == (cut == len));
        }
    }
}

static bool is_read(const struct ct_rg_request *request)
{
    uint8_t frame[CT_RG_FRAME_MAX];
    size_t len = 0;
    struct ct_rg_request out;
    return ct_rg_request_write(frame, sizeof(frame), &len, request) == CT_OK &&
           ct_rg_request_read(&out, frame, len) == CT_OK;
}

static void requests_that_make_no_sense_are_not_read(void)
{
    struct ct_rg_request r = request_of(CT_RG_WITHDRAW);
    CHECK(is_read(&r));
    r.of.call.key32[0] = 1; /* a withdrawal has no key */
    CHECK(!is_read(&r));
    r = request_of(CT_RG_WITHDRAW);
    r.of.call.index = 0; /* of which relay? */
    CHECK(!is_read(&r));
    r = request_of(CT_RG_REGISTER);
    memset(r.of.call.key32, 0, 32);
    CHECK(!is_read(&r));
    r = request_of(CT_RG_REGISTER);
    r.of.call.tip_wei = r.of.call.fee_wei + 1;
    CHECK(!is_read(&r));
    r = request_of(3);
    memset(r.of.statement.key32, 0, 32);
    CHECK(!is_read(&r));
}

/* ---- what is signed ---- */

enum { NOW_S = 1800000000 - CT_OWNER_LIFE_S };

static struct ct_rg_answer ask_at(struct ct_desk *desk, const struct ct_rg_request *r, uint64_t ms)
{
    struct ct_rg_answer out;
    ct_desk_answer(desk, &out, r, ms, NOW_S);
    return out;
}

static struct ct_desk an_open_desk(void)
{
    struct ct_desk desk;
    struct ct_rg_request r = request_of(0);
    memset(&desk, 0, sizeof(desk));
    struct ct_rg_answer a = ask_at(&desk, &r, 0);
    CHECK_EQ(a.err, CT_OK);
    CHECK_MEM(a.of.open.addr20, desk.wallet.addr20, 20);
    return desk;
}

static void nothing_is_signed_before_it_is_opened_and_it_opens_once(void)
{
    struct ct_desk desk;
    memset(&desk, 0, sizeof(desk));
    for (size_t i = 1; i < REQUESTS; i++) {
        struct ct_rg_request r = request_of(i);
        CHECK_EQ(ask_at(&desk, &r, 0).err, CT_ERR_STATE);
    }
    desk = an_open_desk();
    struct ct_rg_request r = request_of(0);
    r.of.open.chain_id = 1;
    CHECK_EQ(ask_at(&desk, &r, 0).err, CT_ERR_STATE);
    CHECK_EQ(desk.open.chain_id, 31337);
    ct_desk_close(&desk);
}

/* The transaction that the answer holds, by its own bytes. */
static bool read_back(struct ct_tx *tx, const struct ct_desk *desk, const struct ct_rg_answer *a)
{
    uint8_t sig[CT_SIG_LEN];
    uint8_t from[20];
    return a->err == CT_OK &&
           ct_tx_read_signed(tx, sig, from, a->of.call.raw, a->of.call.len) == CT_OK &&
           memcmp(from, desk->wallet.addr20, 20) == 0;
}

static void transactions_are_calls_of_this_contract_without_value(void)
{
    enum { CALLS = 2 };
    struct ct_desk desk = an_open_desk();
    for (size_t i = 1; i <= CALLS; i++) {
        struct ct_rg_request r = request_of(i);
        struct ct_rg_answer a = ask_at(&desk, &r, 0);
        struct ct_tx tx;
        uint8_t data[CT_RG_CALL_DATA_MAX];
        struct ct_wr w = ct_wr_init(data, sizeof(data));
        REQUIRE(read_back(&tx, &desk, &a));
        ct_rg_call_data(&w, &desk.open, desk.wallet.addr20, &r.of.call);
        CHECK_EQ(tx.chain_id, 31337);
        CHECK_EQ(tx.nonce, 7);
        CHECK_EQ(tx.gas_limit, 200000);
        CHECK_MEM(tx.to20, desk.open.contract20, 20);
        CHECK(ct_u256_is_zero(&tx.value_wei) && !tx.creates);
        CHECK_EQ(tx.data_len, w.len);
        CHECK_MEM(tx.data, data, w.len);
    }
    ct_desk_close(&desk);
}

static void gas_and_fee_above_the_limits_are_refused(void)
{
    struct ct_desk desk = an_open_desk();
    struct ct_rg_request r = request_of(CT_RG_REGISTER);
    r.of.call.fee_wei = desk.open.fee_max_wei;
    r.of.call.gas = desk.open.gas_max;
    CHECK_EQ(ask_at(&desk, &r, 0).err, CT_OK);
    r.of.call.gas++;
    CHECK_EQ(ask_at(&desk, &r, 0).err, CT_ERR_REFUSED);
    r.of.call.gas--;
    r.of.call.fee_wei++;
    struct ct_rg_answer a = ask_at(&desk, &r, 0);
    CHECK_EQ(a.err, CT_ERR_REFUSED);
    CHECK(strstr(a.why.text, "chainturn-max-fee-gwei") != NULL);
    ct_desk_close(&desk);
}

static void only_so_many_transactions_are_signed_in_a_time(void)
{
    struct ct_desk desk = an_open_desk();
    struct ct_rg_request r = request_of(CT_RG_REGISTER);
    unsigned good = 0;
    for (unsigned i = 0; i < 2 * CT_DESK_CALLS; i++) {
        good += ask_at(&desk, &r, 5000).err == CT_OK;
    }
    CHECK_EQ(good, CT_DESK_CALLS);
    CHECK_EQ(ask_at(&desk, &r, 5000 + CT_DESK_CALL_MS - 1).err, CT_ERR_REFUSED);
    CHECK_EQ(ask_at(&desk, &r, 5000 + CT_DESK_CALL_MS).err, CT_OK);
    CHECK_EQ(ask_at(&desk, &r, 5000 + CT_DESK_CALL_MS).err, CT_ERR_REFUSED);
    ct_desk_close(&desk);
}

static void statements_are_typed_data_of_this_deployment(void)
{
    struct ct_desk desk = an_open_desk();
    for (size_t i = 3; i < REQUESTS; i++) {
        struct ct_rg_request r = request_of(i);
        struct ct_typed typed;
        uint8_t words[CT_RG_WORDS_MAX][32];
        uint8_t digest[32];
        uint8_t sig[CT_SIG_LEN];
        struct ct_rg_answer a = ask_at(&desk, &r, 0);
        REQUIRE(a.err == CT_OK);
        ct_rg_typed(&typed, words, digest, &desk.open, desk.wallet.addr20, &r.of.statement);
        memcpy(sig, a.of.rs64, 64);
        sig[64] = 27;
        bool is_27 = ct_sig_check(desk.wallet.addr20, digest, sig) == CT_OK;
        sig[64] = 28;
        CHECK(is_27 || ct_sig_check(desk.wallet.addr20, digest, sig) == CT_OK);
    }
    ct_desk_close(&desk);
}

static void ownership_is_signed_of_its_own_record_alone(void)
{
    struct ct_desk desk = an_open_desk();
    struct ct_rg_request r = {.kind = CT_RG_STATEMENT};
    r.of.statement = a_statement(CT_RG_OWNERSHIP);
    struct ct_rg_answer a = ask_at(&desk, &r, 0);
    REQUIRE(a.err == CT_OK);
    struct ct_owner shown = {.mode = 1, .until_s = 1800000000};
    struct ct_relay record = desk.open.record;
    memcpy(record.owner20, desk.wallet.addr20, 20);
    memcpy(record.key32, r.of.statement.key32, 32);
    memcpy(shown.owner20, desk.wallet.addr20, 20);
    memcpy(shown.nonce32, r.of.statement.of.ownership.nonce32, 32);
    memcpy(shown.sig65, a.of.rs64, 64);
    ct_owner_relay(shown.relay32, &record);
    size_t good = 0;
    for (uint8_t v = 27; v <= 28; v++) {
        shown.sig65[64] = v;
        good += ct_owner_check(&shown, desk.open.chain_id, desk.open.contract20, &record,
                               1800000000, NULL) == CT_OK;
    }
    CHECK_EQ(good, 1);
    r.of.statement.of.ownership.until_s++; /* one that would be good longer than any may be */
    CHECK_EQ(ask_at(&desk, &r, 0).err, CT_ERR_REFUSED);
    record.listen_port ^= 1; /* what a process that was taken over would like to have signed */
    ct_owner_relay(shown.relay32, &record);
    for (uint8_t v = 27; v <= 28; v++) {
        shown.sig65[64] = v;
        CHECK_EQ(ct_owner_check(&shown, desk.open.chain_id, desk.open.contract20, &record,
                                1800000000, NULL),
                 CT_ERR_AUTH);
    }
    ct_desk_close(&desk);
}

/* A signer that keeps the words it was shown, and signs with the secret all the same. */
static uint8_t seen[CT_RG_WORDS_MAX][32];
static const struct ct_wallet *behind;

static ct_err sign_seen(void *arg, uint8_t rs64[64], const struct ct_typed *typed)
{
    uint8_t sig[CT_SIG_LEN];
    memcpy(seen, typed->words, typed->count * 32);
    ct_err err = ct_wallet_sign(sig, behind, arg);
    memcpy(rs64, sig, 64);
    return err;
}

static ct_err sign_nothing(void *arg, uint8_t rs64[64], const uint8_t hash32[32])
{
    (void)arg;
    (void)rs64;
    (void)hash32;
    return CT_ERR_REFUSED;
}

static void wallet_of_a_signer_is_asked_for_the_words_and_not_for_a_digest(void)
{
    struct ct_wallet secret;
    uint8_t digest[32] = {3};
    uint8_t sig[CT_SIG_LEN];
    const uint8_t words[1][32] = {{5}};
    const struct ct_typed typed = {"T(bytes32 x)", words, 1};
    REQUIRE(ct_wallet_new(&secret) == CT_OK);
    struct ct_wallet shown = {.signer = {sign_nothing, digest, sign_seen}};
    memcpy(shown.addr20, secret.addr20, 20);
    behind = &secret;
    CHECK_EQ(ct_wallet_sign(sig, &shown, digest), CT_ERR_REFUSED);
    CHECK_EQ(ct_wallet_sign_typed(sig, &shown, digest, &typed), CT_OK);
    CHECK_EQ(ct_sig_check(secret.addr20, digest, sig), CT_OK);
    CHECK_MEM(seen, words, 32);
    CHECK_EQ(ct_wallet_sign_typed(sig, &secret, digest, &typed), CT_OK);
    ct_wallet_wipe(&secret);
}

static const struct ct_test tests[] = {
    CT_TEST(requests_come_back_as_written_and_not_cut_or_longer),
    CT_TEST(answers_come_back_as_written_and_not_cut_or_longer),
    CT_TEST(requests_that_make_no_sense_are_not_read),
    CT_TEST(nothing_is_signed_before_it_is_opened_and_it_opens_once),
    CT_TEST(transactions_are_calls_of_this_contract_without_value),
    CT_TEST(gas_and_fee_above_the_limits_are_refused),
    CT_TEST(only_so_many_transactions_are_signed_in_a_time),
    CT_TEST(statements_are_typed_data_of_this_deployment),
    CT_TEST(ownership_is_signed_of_its_own_record_alone),
    CT_TEST(wallet_of_a_signer_is_asked_for_the_words_and_not_for_a_digest),
};

int main(void)
{
    if (!temp_dir_make(&temp)) {
        return 1;
    }
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    temp_dir_remove(&temp);
    return code;
}

/* Claims about answers of a wallet manager that holds its handshake key and still must not be
 * believed: passes that no relay takes, and statuses that mean nothing. */
/* links: ct_wmserver ct_wm ct_kex ct_chain ct_base */
#include "base/clock.h"
#include "base/hex.h"
#include "chain/bundle.h"
#include "chain/registry.h"
#include "ct_test.h"
#include "wm-server/src/http/handshake.h"
#include "wm-server/src/http/http.h"
#include "wm-server/src/http/sessions.h"
#include "wm/answers.h"
#include "wm/wm.h"

/*
 *   ct_wm ---- plain listener: enrolment, as it is
 *        `--- TLS listener: answers what the test put into say_status and say_body
 */
static struct {
    struct ct_x25519 key;
    struct ct_ed25519 signs;
    struct ct_wm_key listed;
    struct ct_bundle bundle;
    struct ct_sessions *sessions;
    struct ct_enrolment *enrolment;
    struct ct_listener *plain, *tls;
    struct ct_wallet wallet;
    struct ct_x25519 own;
    struct ct_wm *account;
} wm;

static unsigned say_status;
static char say_body[1024];
static uint8_t heard_from16[16];

static void on_plain(void *arg, size_t worker, const struct ct_request *request,
                     struct ct_answer *answer)
{
    (void)arg;
    (void)worker;
    memcpy(heard_from16, request->from16, 16);
    ct_enrolment_post(wm.enrolment, request, answer);
}

static void on_tls(void *arg, size_t worker, const struct ct_request *request,
                   struct ct_answer *answer)
{
    (void)arg;
    (void)worker;
    (void)request;
    ct_answer_json(answer, say_status, "%s", say_body);
}

static ct_err psk_of(void *arg, const char *identity, struct ct_secret32 *out)
{
    (void)arg;
    return ct_sessions_psk(wm.sessions, identity, ct_mono_ms(), out);
}

static uint64_t stopped_ms; /* 0: the clock goes */

static uint64_t mono_ms(void)
{
    return stopped_ms != 0 ? stopped_ms : ct_mono_ms();
}

static bool start_server(void)
{
    struct ct_why why = {{0}};
    struct ct_listener_config c = {.address = "127.0.0.1:0",
                                   .handler = on_tls,
                                   .psk = psk_of,
                                   .connections = 8,
                                   .per_ip = 8,
                                   .timeout_s = 10};
    struct ct_enrolment_config e = {.net = {.chain_id = 31337},
                                    .keys = {&wm.key},
                                    .key_count = 1,
                                    .sessions = wm.sessions,
                                    .mono_ms = mono_ms};
    memcpy(e.net.contract20, wm.bundle.contract20, 20);
    bool good = ct_enrolment_new(&wm.enrolment, &e) == CT_OK &&
                ct_listener_start(&wm.tls, &c, &why) == CT_OK;
    c.handler = on_plain;
    c.psk = NULL;
    good = good && ct_listener_start(&wm.plain, &c, &why) == CT_OK;
    if (!good) {
        printf("    %s\n", why.text);
        return false;
    }
    (void)snprintf(wm.bundle.wm_handshake_url, CT_BUNDLE_URL_MAX, "http://127.0.0.1:%u",
                   ct_listener_port(wm.plain));
    (void)snprintf(wm.bundle.wm_tls_url, CT_BUNDLE_URL_MAX, "https://127.0.0.1:%u",
                   ct_listener_port(wm.tls));
    return true;
}

static bool start(void)
{
    struct ct_why why = {{0}};
    struct ct_secret32 secret = {{5}};
    memset(&wm, 0, sizeof wm);
    wm.bundle.chain_id = 31337;
    wm.bundle.contract20[0] = 0xc0;
    ct_deployment(wm.bundle.deployment32, 31337, wm.bundle.contract20);
    bool good = ct_x25519_from_secret(&wm.key, &secret) == CT_OK &&
                ct_x25519_from_secret(&wm.own, &secret) == CT_OK &&
                ct_ed25519_from_seed(&wm.signs, &secret) == CT_OK &&
                ct_wallet_new(&wm.wallet) == CT_OK && ct_sessions_new(&wm.sessions, 16) == CT_OK &&
                start_server();
    wm.listed = (struct ct_wm_key){.id = 1, .not_after_s = ct_wall_s() + 1000};
    memcpy(wm.listed.x25519, wm.key.public32, 32);
    memcpy(wm.listed.ed25519, wm.signs.public32, 32);
    const struct ct_wm_config config = {.bundle = &wm.bundle,
                                        .keys = &wm.listed,
                                        .key_count = 1,
                                        .purpose = CT_HS_ENROL_DEVICE,
                                        .identity = "sensor-42",
                                        .wallet = &wm.wallet,
                                        .key = &wm.own,
                                        .timeout_ms = 30000};
    return good && ct_wm_open(&wm.account, &config, &why) == CT_OK;
}

static void stop(void)
{
    ct_wm_free(wm.account);
    ct_listener_stop(wm.plain);
    ct_listener_stop(wm.tls);
    ct_enrolment_free(wm.enrolment);
    ct_sessions_free(wm.sessions);
}

static const uint8_t pass_key[32] = {7};

static struct ct_pass good_pass(void)
{
    struct ct_pass pass = {
        .key_id = 1, .id16 = {1}, .expiry_s = ct_wall_s() + 3600, .scope = CT_PASS_SCOPE_ALLOCATE};
    memcpy(pass.deployment32, wm.bundle.deployment32, 32);
    memcpy(pass.key32, pass_key, 32);
    return pass;
}

/* What the account makes of this pass, with one bit of the signed bytes turned over. */
static ct_err asked(const struct ct_pass *pass, const struct ct_ed25519 *key, size_t flip,
                    struct ct_why *why)
{
    uint8_t bytes[CT_PASS_LEN], got[CT_PASS_LEN];
    char text[CT_PASS_TEXT_LEN + 1];
    uint64_t expires_s = 0;
    const struct ct_wm_pass_request request = {.pass_key32 = pass_key};
    CHECK_EQ(ct_pass_sign(bytes, pass, key, ct_wall_s()), CT_OK);
    if (flip != 0) {
        bytes[flip] ^= 1;
    }
    ct_pass_username(text, bytes);
    say_status = 201;
    (void)snprintf(say_body, sizeof say_body, "{\"pass\":\"%s\",\"expires_at\":%llu}", text,
                   (unsigned long long)pass->expiry_s);
    return ct_wm_pass(wm.account, got, &expires_s, &request, why);
}

static void a_pass_whose_signature_does_not_hold_is_not_taken(void)
{
    struct ct_why why = {{0}};
    const uint8_t loopback[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, 0, 0, 1};
    struct ct_ed25519 other;
    struct ct_secret32 secret = {{6}};
    REQUIRE(start());
    struct ct_pass pass = good_pass();
    REQUIRE(ct_ed25519_from_seed(&other, &secret) == CT_OK);
    CHECK_EQ(asked(&pass, &wm.signs, 0, &why), CT_OK);
    CHECK_MEM(heard_from16, loopback, 16);
    CHECK_EQ(asked(&pass, &other, 0, &why), CT_ERR_AUTH);
    CHECK(strstr(why.text, "signature") != NULL);
    CHECK_EQ(asked(&pass, &wm.signs, CT_PASS_LEN - 1, &why), CT_ERR_AUTH);
    CHECK_EQ(asked(&pass, &wm.signs, 40, &why), CT_ERR_AUTH); /* its id */
    stop();
}

static void a_pass_that_no_relay_takes_is_not_taken(void)
{
    struct ct_why why = {{0}};
    REQUIRE(start());
    struct ct_pass pass = good_pass();
    pass.key_id = 2; /* not listed */
    CHECK_EQ(asked(&pass, &wm.signs, 0, &why), CT_ERR_AUTH);
    pass = good_pass();
    pass.key32[0] ^= 1;
    CHECK_EQ(asked(&pass, &wm.signs, 0, &why), CT_ERR_AUTH);
    pass = good_pass();
    pass.deployment32[0] ^= 1;
    CHECK_EQ(asked(&pass, &wm.signs, 0, &why), CT_ERR_AUTH);
    pass = good_pass();
    pass.scope = 0;
    CHECK_EQ(asked(&pass, &wm.signs, 0, &why), CT_ERR_AUTH);
    stop();
}

static void a_status_of_no_meaning_here_is_no_success(void)
{
    static const struct {
        unsigned status;
        ct_err err;
    } cases[] = {{200, CT_OK},           {201, CT_OK},          {202, CT_OK},
                 {203, CT_ERR_REFUSED},  {302, CT_ERR_REFUSED}, {307, CT_ERR_REFUSED},
                 {404, CT_ERR_NOT_FOUND}};
    static struct ct_wm_answer answer;
    REQUIRE(start());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ct_why why = {{0}};
        say_status = cases[i].status;
        (void)snprintf(say_body, sizeof say_body, "{}");
        CHECK_EQ(ct_wm_request(wm.account, &answer, "GET", "/v1/me", NULL, &why), cases[i].err);
        CHECK_EQ(answer.status, cases[i].status);
    }
    stop();
}

/* ---- vouchers ---- */

static const char token[] =
    "ctk1."
    "eyJraWQiOjEsImp0aSI6IjAxMDEwMTAxMDEwMTAxMDEwMTAxMDEwMTAxMDEwMTAxIiwiYmF0"
    "Y2giOiJCMSIsImV4cCI6MjAwMDAwMDAwMCwiaWQiOiJzZW5zb3ItNDIifQ"
    "."
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAA";

static struct ct_voucher good_voucher(void)
{
    struct ct_voucher v = {.deadline_s = ct_wall_s() + 600};
    CHECK_EQ(ct_identity_hash(v.id_hash32, "sensor-42"), CT_OK);
    ct_token_hash(v.token_hash32, token);
    memcpy(v.wallet20, wm.wallet.addr20, 20);
    return v;
}

static bool is_renewal;

/* What the account makes of this voucher, signed by our own wallet, with `more` at its end. */
static ct_err asked_voucher(const struct ct_voucher *v, const char *more, struct ct_wm_voucher *out,
                            struct ct_why *why)
{
    const struct ct_wm_terms terms = {.relay = 1, .port = 50000, .expiry_day = 20000};
    char hash[67], wallet[43], sig[133];
    uint8_t digest[32], sig65[65];
    ct_voucher_digest(digest, 31337, wm.bundle.contract20, v);
    CHECK_EQ(ct_wallet_sign(sig65, &wm.wallet, digest), CT_OK);
    ct_hex0x(hash, v->token_hash32, 32);
    ct_hex0x(wallet, v->wallet20, 20);
    ct_hex0x(sig, sig65, 65);
    say_status = 201;
    (void)snprintf(say_body, sizeof say_body,
                   "{\"voucher\":{\"token_hash\":\"%s\",\"wallet\":\"%s\",\"deadline\":%llu,"
                   "\"signature\":\"%s\"},\"gas\":92305%s}",
                   hash, wallet, (unsigned long long)v->deadline_s, sig, more);
    return ct_wm_voucher(wm.account, out, is_renewal ? NULL : token, &terms, why);
}

static void a_voucher_for_another_wallet_or_token_is_not_taken(void)
{
    struct ct_why why = {{0}};
    struct ct_wm_voucher got = {.gas = 0};
    REQUIRE(start());
    struct ct_voucher v = good_voucher();
    REQUIRE(asked_voucher(&v, "", &got, &why) == CT_OK);
    CHECK(got.is_paid && got.gas == 92305);
    CHECK_MEM(got.approver20, wm.wallet.addr20, 20);
    CHECK_EQ(asked_voucher(&v, ",\"operation\":\"ab12\"", &got, &why), CT_OK);
    CHECK(!got.is_paid);
    CHECK_STR(got.payment.id, "ab12");
    CHECK_EQ(asked_voucher(&v, ",\"operation\":\"../me\"", &got, &why), CT_ERR_FORMAT);
    CHECK_EQ(asked_voucher(&v, ",\"operation\":null", &got, &why), CT_ERR_FORMAT);
    v.wallet20[3] ^= 1;
    CHECK_EQ(asked_voucher(&v, "", &got, &why), CT_ERR_AUTH);
    v = good_voucher();
    v.token_hash32[3] ^= 1;
    CHECK_EQ(asked_voucher(&v, "", &got, &why), CT_ERR_AUTH);
    v = good_voucher();
    v.deadline_s = ct_wall_s() - 1;
    CHECK_EQ(asked_voucher(&v, "", &got, &why), CT_ERR_AUTH);
    CHECK(strstr(why.text, "clock") != NULL);
    stop();
}

static void a_voucher_to_renew_is_for_the_day_asked_for(void)
{
    struct ct_why why = {{0}};
    struct ct_wm_voucher got = {.gas = 0};
    REQUIRE(start());
    is_renewal = true;
    struct ct_voucher v = good_voucher(); /* a token's */
    CHECK_EQ(asked_voucher(&v, "", &got, &why), CT_ERR_AUTH);
    ct_voucher_day(v.token_hash32, 20000);
    CHECK_EQ(asked_voucher(&v, "", &got, &why), CT_OK);
    ct_voucher_day(v.token_hash32, 20001);
    CHECK_EQ(asked_voucher(&v, "", &got, &why), CT_ERR_AUTH);
    is_renewal = false;
    ct_voucher_day(v.token_hash32, 20000);
    CHECK_EQ(asked_voucher(&v, "", &got, &why), CT_ERR_AUTH);
    stop();
}

static void a_voucher_that_is_cut_or_no_signature_is_not_taken(void)
{
    struct ct_why why = {{0}};
    struct ct_wm_voucher got;
    struct ct_json *document = NULL;
    REQUIRE(start());
    struct ct_voucher v = good_voucher();
    REQUIRE(asked_voucher(&v, "", &got, &why) == CT_OK);
    const struct ct_wm_voucher_want want = {.chain_id = 31337,
                                            .contract20 = wm.bundle.contract20,
                                            .identity = "sensor-42",
                                            .token = token,
                                            .wallet20 = wm.wallet.addr20,
                                            .now_s = ct_wall_s()};
    size_t len = strlen(say_body);
    for (size_t cut = 0; cut < len; cut++) {
        ct_err err = ct_json_parse(&document, say_body, cut);
        CHECK(err != CT_OK || ct_wm_read_voucher(&got, document, &want, &why) != CT_OK);
        ct_json_free(err == CT_OK ? document : NULL);
    }
    char *v_byte = strstr(say_body, "\"},\"gas\"") - 2;
    memcpy(v_byte, "1d", 2); /* v is 27 or 28 */
    REQUIRE(ct_json_parse(&document, say_body, len) == CT_OK);
    CHECK_EQ(ct_wm_read_voucher(&got, document, &want, &why), CT_ERR_AUTH);
    ct_json_free(document);
    stop();
}

/* ---- what the wallet manager itself says of handshakes ---- */

static void post_m1(struct ct_answer *answer, const uint8_t from16[16], uint8_t purpose,
                    uint64_t number)
{
    struct ct_hs_initiator_draw draw;
    struct ct_hs_initiator *hs = NULL;
    struct ct_hs_initiator_config config = {.net = {.chain_id = 31337},
                                            .purpose = CT_HS_ENROL_DEVICE,
                                            .identity = "sensor-42",
                                            .wallet = &wm.wallet,
                                            .key = &wm.own,
                                            .peer = {.identity = CT_HS_WM_IDENTITY}};
    const uint8_t *m1 = NULL;
    size_t len = 0;
    uint8_t bytes[CT_HS_M1_LEN] = {0};
    char text[CT_BASE64URL_LEN(CT_HS_MAX_LEN) + 1], body[sizeof text + 16];
    memcpy(config.net.contract20, wm.bundle.contract20, 20);
    memcpy(config.peer.key32, wm.key.public32, 32);
    CHECK_EQ(ct_random(&draw, sizeof draw), CT_OK);
    memcpy(draw.sid16, &number, sizeof number);
    CHECK_EQ(ct_hs_initiator_new(&hs, &config, &draw, 0), CT_OK);
    CHECK_EQ(ct_hs_initiator_poll(hs, &m1, &len, 0), CT_OK);
    memcpy(bytes, m1, sizeof bytes);
    ct_hs_initiator_free(hs);
    bytes[3] = purpose;
    ct_base64url(text, bytes, sizeof bytes);
    int n = snprintf(body, sizeof body, "{\"m1\":\"%s\"}", text);
    struct ct_request request = {
        .method = "POST", .path = "/v1/handshake", .body = body, .body_len = n > 0 ? (size_t)n : 0};
    memcpy(request.from16, from16, 16);
    memset(answer, 0, sizeof *answer);
    ct_enrolment_post(wm.enrolment, &request, answer);
}

static void a_call_to_the_wallet_manager_is_not_its_internal_error(void)
{
    static struct ct_answer answer;
    const uint8_t here[16] = {0x20, 1};
    REQUIRE(start());
    post_m1(&answer, here, CT_HS_CALL, 1);
    CHECK_EQ(answer.status, 400);
    CHECK(strstr(answer.body, "enrolments") != NULL);
    stop();
}

static void one_address_does_not_keep_others_from_enrolling(void)
{
    static struct ct_answer answer;
    const uint8_t here[16] = {[10] = 0xff, [11] = 0xff, [12] = 198, 51, 100, 1};
    const uint8_t there[16] = {[10] = 0xff, [11] = 0xff, [12] = 198, 51, 100, 2};
    size_t answered = 0;
    REQUIRE(start());
    stopped_ms = ct_mono_ms(); /* or the first would be given up before the last is there */
    for (uint64_t i = 0; i < 300; i++) {
        post_m1(&answer, here, CT_HS_ENROL_DEVICE, i);
        answered += answer.status == 200;
    }
    CHECK_EQ(answered, 256);
    CHECK_EQ(answer.status, 503);
    post_m1(&answer, there, CT_HS_ENROL_DEVICE, 300);
    CHECK_EQ(answer.status, 200);
    stopped_ms = 0;
    stop();
}

static const struct ct_test tests[] = {
    CT_TEST(a_pass_whose_signature_does_not_hold_is_not_taken),
    CT_TEST(a_pass_that_no_relay_takes_is_not_taken),
    CT_TEST(a_status_of_no_meaning_here_is_no_success),
    CT_TEST(a_voucher_for_another_wallet_or_token_is_not_taken),
    CT_TEST(a_voucher_to_renew_is_for_the_day_asked_for),
    CT_TEST(a_voucher_that_is_cut_or_no_signature_is_not_taken),
    CT_TEST(a_call_to_the_wallet_manager_is_not_its_internal_error),
    CT_TEST(one_address_does_not_keep_others_from_enrolling),
};
CT_TEST_MAIN(tests)

/* The wallet manager's API on a chain and a clock of the test's own, fresh for each claim. */
#ifndef CT_TEST_WM_API_H
#define CT_TEST_WM_API_H

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "chain/key.h"
#include "ct_test.h"
#include "kex/token.h"
#include "temp_dir.h"
#include "wm-server/src/api/api.h"
#include "wm-server/src/http/handshake.h"
#include "wm-server/src/tx/ops.h"

/* ---- a chain that says what the test wants ---- */

static struct {
    ct_err down; /* not CT_OK: what every question gets */
    bool has_device;
    struct ct_device device;
    struct ct_relay relay;   /* index 1 */
    struct ct_relay pending; /* state none: absent */
    uint64_t balance_gwei;   /* of any account */
    uint64_t nonce;          /* likewise */
    uint64_t gas, fee_gwei;
    bool reverts;
} chain;

static inline uint64_t today(void)
{
    return ct_wall_s() / 86400;
}

static inline ct_err fake_device(void *arg, const char *identity, struct ct_device *out,
                                 uint64_t *block, uint64_t *time_s, struct ct_why *why)
{
    (void)arg;
    (void)identity;
    if (block != NULL) {
        *block = 7;
    }
    *time_s = ct_wall_s();
    if (chain.down != CT_OK) {
        return ct_why(why, chain.down, "the endpoints are down");
    }
    *out = chain.device;
    return chain.has_device ? CT_OK : CT_ERR_NOT_FOUND;
}

static inline ct_err fake_relay(void *arg, uint16_t index, struct ct_relay *out, uint64_t *block,
                                uint64_t *time_s, struct ct_why *why)
{
    (void)arg;
    (void)why;
    if (block != NULL) {
        *block = 7;
    }
    *time_s = ct_wall_s();
    *out = chain.relay;
    return index == 1 ? CT_OK : CT_ERR_NOT_FOUND;
}

static inline ct_err fake_pending(void *arg, const uint8_t pending32[32], struct ct_relay *out,
                                  uint64_t *time_s, struct ct_why *why)
{
    (void)arg;
    (void)pending32;
    (void)time_s;
    (void)why;
    *out = chain.pending;
    return chain.pending.state == CT_RECORD_NONE ? CT_ERR_NOT_FOUND : CT_OK;
}

static inline ct_err fake_relays(void *arg, struct ct_relay *out, size_t cap, size_t *count,
                                 uint64_t *time_s, struct ct_why *why)
{
    (void)arg;
    (void)out;
    (void)cap;
    (void)time_s;
    (void)why;
    *count = 0;
    return CT_OK;
}

static inline struct ct_u256 gwei(uint64_t count)
{
    const struct ct_u256 one = ct_u256_from_u64(1000000000);
    struct ct_u256 out = {{0}};
    CHECK_EQ(ct_u256_mul_u64(&out, &one, count), CT_OK);
    return out;
}

static inline ct_err fake_account(void *arg, const uint8_t addr20[20], uint64_t *nonce,
                                  struct ct_u256 *out_wei, struct ct_why *why)
{
    (void)arg;
    (void)addr20;
    (void)why;
    *nonce = chain.nonce;
    *out_wei = gwei(chain.balance_gwei);
    return CT_OK;
}

static inline ct_err fake_cost(void *arg, const uint8_t from20[20], const void *data, size_t len,
                               uint64_t *gas, struct ct_u256 *fee_wei, struct ct_why *why)
{
    (void)arg;
    (void)from20;
    (void)data;
    CHECK_EQ(len, 4 + 6 * 32);
    *gas = chain.gas;
    *fee_wei = gwei(chain.fee_gwei);
    return chain.reverts ? ct_why(why, CT_ERR_REFUSED, "the registry refuses: for a reason")
                         : CT_OK;
}

static const struct ct_ledger_ops fake_ops = {.device = fake_device,
                                              .relay = fake_relay,
                                              .pending = fake_pending,
                                              .relays = fake_relays,
                                              .account = fake_account,
                                              .cost = fake_cost};

/* ---- one API, fresh for each claim ---- */

static struct ct_api api;
static struct ct_ledger ledger = {.ops = &fake_ops};
static struct ct_ed25519 pass_key;
static struct ct_wallet wallet, approver;
static struct ct_answer answer;
static char store_path[64];
static char sid[33];
static uint8_t key32[32];

static inline void enrol(enum ct_hs_purpose purpose, const char *identity)
{
    struct ct_hs_session s = {.purpose = purpose};
    CHECK_EQ(ct_random(s.sid16, sizeof s.sid16), CT_OK);
    ct_hex(sid, s.sid16, 16);
    (void)snprintf(s.peer.identity, sizeof s.peer.identity, "%s", identity);
    memcpy(s.peer.wallet20, wallet.addr20, 20);
    memcpy(s.peer.key32, key32, 32);
    CHECK_EQ(ct_sessions_add(api.sessions, &s, ct_mono_ms()), CT_OK);
}

static inline void begin(void)
{
    struct ct_why why = {{0}};
    struct ct_secret32 seed = {{7}};
    memset(&chain, 0, sizeof chain);
    memset(&api, 0, sizeof api);
    (void)snprintf(store_path, sizeof store_path, "%s/ct-api-%d", temp_dir_base(), (int)getpid());
    CHECK_EQ(ct_ed25519_from_seed(&pass_key, &seed), CT_OK);
    CHECK_EQ(ct_wallet_new(&wallet), CT_OK);
    CHECK_EQ(ct_wallet_new(&approver), CT_OK);
    memset(key32, 0x11, sizeof key32);
    CHECK_EQ(ct_store_sqlite(&api.store, store_path, &why), CT_OK);
    CHECK_EQ(ct_sessions_new(&api.sessions, 8), CT_OK);
    api.chain_id = 31337;
    api.contract20[0] = 0xc0;
    api.keys[0] = (struct ct_wm_key){.id = 1, .not_after_s = ct_wall_s() + 1000};
    memcpy(api.keys[0].ed25519, pass_key.public32, 32);
    api.key_count = 1;
    api.issuer =
        (struct ct_pass_issuer){.key_id = 1, .key = &pass_key, .life_s = 3600, .store = api.store};
    api.device_days = 100;
    api.approver = &approver;
    api.funding = (struct ct_fund_policy){.has_funder = true,
                                          .gas_most = 150000,
                                          .fee_most_gwei = 100,
                                          .most = {.hour_gwei = 100000000, .day_gwei = 100000000}};
    chain.gas = 80000;
    chain.fee_gwei = 4;
    api.wall_s = ct_wall_s;
    api.mono_ms = ct_mono_ms;
    chain.relay = (struct ct_relay){.state = CT_RECORD_APPROVED,
                                    .index = 1,
                                    .port_min = 50000,
                                    .port_max = 50999,
                                    .expiry_day = (uint16_t)(today() + 10)};
    enrol(CT_HS_ENROL_DEVICE, "sensor-42");
}

static inline void end(void)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    ct_store_free(api.store);
    ct_sessions_free(api.sessions);
    for (size_t i = 0; i < 3; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "%s%s", store_path, tails[i]);
        (void)unlink(name);
    }
}

/* For tests/api/check-answers.mjs, which holds them against openapi.json. */
static inline void write_down(const struct ct_request *r)
{
    static char request[2 * CT_EXCHANGE_BODY_MAX];
    const char *file = getenv("CT_API_ANSWERS");
    FILE *f = file == NULL || strchr(r->path, ' ') != NULL ? NULL : fopen(file, "a");
    if (f != NULL) {
        ct_json_escape(request, sizeof request, r->body);
        (void)fprintf(
            f,
            "{\"method\":\"%s\",\"path\":\"%s\",\"status\":%u,\"type\":\"application/%sjson\","
            "\"request\":\"%s\",\"body\":%s}\n",
            r->method, r->path, answer.status, answer.is_problem ? "problem+" : "", request,
            answer.body);
        (void)fclose(f);
    }
}

static inline unsigned ask(const char *method, const char *path, const char *body)
{
    const struct ct_request request = {.method = method,
                                       .path = path,
                                       .body = body,
                                       .body_len = strlen(body),
                                       .psk_identity = sid};
    memset(&answer, 0, sizeof answer);
    ct_api_handle(&api, &ledger, &request, &answer);
    write_down(&request);
    return answer.status;
}

/* A pass, with that token; NULL: none. */
static inline unsigned ask_pass(const char *token)
{
    char body[1024];
    char key[44];
    uint8_t pass[32];
    memset(pass, 0x22, sizeof pass);
    ct_base64url(key, pass, sizeof pass);
    (void)snprintf(body, sizeof body, "{\"pass_key\":\"%s\"%s%s%s}", key,
                   token == NULL ? "" : ",\"token\":\"", token == NULL ? "" : token,
                   token == NULL ? "" : "\"");
    return ask("POST", "/v1/passes", body);
}

static inline bool problem(unsigned status, const char *word)
{
    char type[80];
    (void)snprintf(type, sizeof type, "\"urn:chainturn:error:%s\"", word);
    bool right = answer.status == status && answer.is_problem && strstr(answer.body, type) != NULL;
    if (!right) {
        printf("    %u %s\n", answer.status, answer.body);
    }
    return right;
}

static inline void token_text(char out[CT_TOKEN_TEXT_MAX + 1], uint8_t number, const char *name,
                              bool is_prefix, int64_t lasts_s)
{
    struct ct_token t = {.key_id = 1, .batch = "B1", .is_prefix = is_prefix};
    memset(t.jti16, number, sizeof t.jti16);
    t.expiry_s = (uint64_t)((int64_t)ct_wall_s() + lasts_s);
    (void)snprintf(t.identity, sizeof t.identity, "%s", name);
    CHECK_EQ(ct_token_sign(out, CT_TOKEN_TEXT_MAX + 1, &t, &pass_key), CT_OK);
}

static inline void register_live_device(void)
{
    chain.has_device = true;
    chain.device = (struct ct_device){
        .state = CT_RECORD_APPROVED, .expiry_day = (uint16_t)(today() + 5), .sequence = 3};
    memcpy(chain.device.wallet20, wallet.addr20, 20);
    memcpy(chain.device.key32, key32, 32);
}

#endif

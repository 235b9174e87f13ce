/*
 * Bodies of the wallet manager's API, with a chain and a store of the target's own. Property: every
 * answer is one JSON object, an error a problem with a word of docs/protocol.md 7, and nothing is
 * granted to a session that has neither a live record nor a token, and nobody is paid without one.
 */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include <string.h>

#include "base/hex.h"
#include "chain/json.h"
#include "fuzz.h"
#include "api_world.h"
#include "wm-server/src/api/api.h"
#include "wm-server/src/http/handshake.h"

static const char SID[] = "00000000000000000000000000000000";
static struct ct_device record; /* state none: the chain has none */
static struct api_world world;

static uint64_t clock_s(void)
{
    return API_NOW_S;
}

static uint64_t clock_ms(void)
{
    return 1000;
}

/* ---- the chain ---- */

static ct_err say_device(void *arg, const char *identity, struct ct_device *out, uint64_t *block,
                         uint64_t *time_s, struct ct_why *why)
{
    (void)arg;
    (void)identity;
    (void)block;
    (void)why;
    *time_s = API_NOW_S;
    *out = record;
    return record.state == CT_RECORD_NONE ? CT_ERR_NOT_FOUND : CT_OK;
}

static ct_err say_relay(void *arg, uint16_t index, struct ct_relay *out, uint64_t *block,
                        uint64_t *time_s, struct ct_why *why)
{
    (void)arg;
    (void)block;
    (void)why;
    *time_s = API_NOW_S;
    *out = (struct ct_relay){.state = CT_RECORD_APPROVED,
                             .index = index,
                             .port_min = 50000,
                             .port_max = 50999,
                             .expiry_day = UINT16_MAX};
    return index == 1 ? CT_OK : CT_ERR_NOT_FOUND;
}

static ct_err say_pending(void *arg, const uint8_t pending32[32], struct ct_relay *out,
                          uint64_t *time_s, struct ct_why *why)
{
    (void)arg;
    (void)time_s;
    (void)why;
    if (memcmp(pending32, world.pending32, 32) != 0) {
        return CT_ERR_NOT_FOUND;
    }
    *out = (struct ct_relay){.state = CT_RECORD_PENDING,
                             .listen_port = 3478,
                             .port_min = 50000,
                             .port_max = 50999,
                             .listen_ip4 = {8, 8, 8, 8},
                             .relay_ip4 = {8, 8, 8, 8}};
    memcpy(out->owner20, world.wallet.addr20, 20);
    memcpy(out->key32, world.key32, 32);
    return CT_OK;
}

static ct_err say_relays(void *arg, struct ct_relay *out, size_t cap, size_t *count,
                         uint64_t *time_s, struct ct_why *why)
{
    (void)arg;
    (void)out;
    (void)cap;
    (void)why;
    *time_s = API_NOW_S;
    *count = 0;
    return CT_OK;
}

/* ---- the store: empty, and takes everything ---- */

static ct_err take_token(struct ct_store *s, const struct ct_token_use *use)
{
    (void)s;
    (void)use;
    return CT_OK;
}

static ct_err take_pass(struct ct_store *s, const struct ct_pass_row *row)
{
    (void)s;
    HOLDS(ct_identity_valid(row->identity));
    return CT_OK;
}

static ct_err find_pass(struct ct_store *s, const uint8_t id16[16], struct ct_pass_row *out)
{
    (void)s;
    (void)id16;
    (void)out;
    return CT_ERR_NOT_FOUND;
}

static ct_err take_op(struct ct_store *s, struct ct_op *op)
{
    (void)s;
    HOLDS(op->payload_len <= sizeof(op->payload));
    (void)snprintf(op->id, sizeof(op->id), "%s", SID);
    return CT_OK;
}

static ct_err say_account(void *arg, const uint8_t addr20[20], uint64_t *nonce,
                          struct ct_u256 *out_wei, struct ct_why *why)
{
    (void)arg;
    (void)addr20;
    (void)why;
    *nonce = 1;
    *out_wei = ct_u256_from_u64(UINT64_MAX);
    return CT_OK;
}

static ct_err say_cost(void *arg, const uint8_t from20[20], const void *data, size_t len,
                       uint64_t *gas, struct ct_u256 *fee_wei, struct ct_why *why)
{
    (void)arg;
    (void)from20;
    (void)data;
    (void)why;
    HOLDS(len == 4 + 6 * 32);
    *gas = 46000;
    *fee_wei = ct_u256_from_u64(1000000000);
    return CT_OK;
}

static ct_err take_funding(struct ct_store *s, struct ct_op *op, const struct ct_funding *funding,
                           const struct ct_outflow *most)
{
    (void)s;
    (void)op;
    (void)funding;
    (void)most;
    HOLDS(false); /* no token of any input is one, and who renews has ether */
    return CT_ERR_SYSTEM;
}

static ct_err find_op(struct ct_store *s, const char *id, struct ct_op *out)
{
    (void)s;
    (void)id;
    (void)out;
    return CT_ERR_NOT_FOUND;
}

static ct_err find_under_way(struct ct_store *s, enum ct_op_kind kind, const char *subject,
                             struct ct_op *out)
{
    (void)s;
    (void)kind;
    (void)subject;
    (void)out;
    return CT_ERR_NOT_FOUND;
}

static const struct ct_store_ops store_ops = {.token_use = take_token,
                                              .pass_add = take_pass,
                                              .pass_find = find_pass,
                                              .funding_add = take_funding,
                                              .op_add = take_op,
                                              .op_find = find_op,
                                              .op_under_way = find_under_way};
static struct ct_store store = {.ops = &store_ops};
static const struct ct_ledger_ops ledger_ops = {.device = say_device,
                                                .relay = say_relay,
                                                .pending = say_pending,
                                                .relays = say_relays,
                                                .account = say_account,
                                                .cost = say_cost};
static const struct ct_ledger ledger = {.ops = &ledger_ops};

/* ---- the property ---- */

static bool is_known_word(const char *type)
{
    static const char urn[] = "urn:chainturn:error:";
    for (size_t i = 0; type != NULL && ct_problem_words[i] != NULL; i++) {
        if (strncmp(type, urn, strlen(urn)) == 0 &&
            strcmp(type + strlen(urn), ct_problem_words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void check(const struct ct_answer *answer)
{
    struct ct_json *json = NULL;
    int64_t status = 0;
    HOLDS(ct_json_parse(&json, answer->body, strlen(answer->body)) == CT_OK);
    HOLDS(ct_json_is_object(json));
    HOLDS(answer->is_problem == (answer->status >= 400));
    if (answer->is_problem) {
        HOLDS(ct_json_int(&status, ct_json_get(json, "status")) == CT_OK &&
              status == (int64_t)answer->status);
        HOLDS(is_known_word(ct_json_text(ct_json_get(json, "type"))));
        HOLDS(answer->status != 500);
    }
    ct_json_free(json);
}

struct fixture {
    struct ct_ed25519 signs;
    struct ct_x25519 opens;
    struct ct_api api;
};

static void set_up(struct fixture *f, enum ct_hs_purpose purpose, bool is_registered, bool ends)
{
    static const struct ct_secret32 seed = {{9}}; /* signs no token of any input */
    struct ct_hs_session session = {.purpose = purpose};
    HOLDS(ct_ed25519_from_seed(&f->signs, &seed) == CT_OK);
    HOLDS(ct_x25519_from_secret(&f->opens, &seed) == CT_OK);
    f->api =
        (struct ct_api){.chain_id = 31337,
                        .key_count = 1,
                        .issuer = {.key_id = 1, .key = &f->signs, .life_s = 3600, .store = &store},
                        .store = &store,
                        .approver = &world.wallet,
                        .funding = {.gas_most = 150000, .fee_most_gwei = 100},
                        .device_days = 100,
                        .wall_s = clock_s,
                        .mono_ms = clock_ms};
    f->api.keys[0] = (struct ct_wm_key){.id = 1, .not_after_s = API_NOW_S + 1000};
    memcpy(f->api.keys[0].ed25519, f->signs.public32, 32);
    memcpy(f->api.contract20, world.contract20, 20);
    HOLDS(ct_sessions_new(&f->api.sessions, 2) == CT_OK);
    (void)snprintf(session.peer.identity, sizeof(session.peer.identity), "%s",
                   purpose == CT_HS_ENROL_RELAY ? world.relay_name : API_IDENTITY);
    memcpy(session.peer.wallet20, world.wallet.addr20, 20);
    memcpy(session.peer.key32, world.key32, 32);
    HOLDS(ct_sessions_add(f->api.sessions, &session, 1000) == CT_OK);
    record = (struct ct_device){.state = CT_RECORD_NONE};
    if (is_registered) {
        record.state = CT_RECORD_APPROVED;
        record.expiry_day = ends ? (uint16_t)(API_NOW_S / 86400 + 5) : UINT16_MAX;
        memcpy(record.wallet20, world.wallet.addr20, 20);
        memcpy(record.key32, world.key32, 32);
    }
}

static void post_handshake(const struct fixture *f, const struct ct_request *request,
                           struct ct_answer *answer)
{
    struct ct_enrolment *enrolment = NULL;
    const struct ct_enrolment_config config = {.net = {.chain_id = 31337},
                                               .keys = {&f->opens},
                                               .key_count = 1,
                                               .sessions = f->api.sessions,
                                               .mono_ms = clock_ms};
    HOLDS(ct_enrolment_new(&enrolment, &config) == CT_OK);
    ct_enrolment_post(enrolment, request, answer);
    HOLDS(strstr(answer->body, "\"done\"") == NULL); /* nobody's wallet signed */
    ct_enrolment_free(enrolment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* two tables: the first byte's bit 3 says which one its lowest two bits are for; bit 2: there
     * is a record, bit 4: which ends soon */
    static const char *const paths[8] = {"/v1/passes",      "/v1/devices",  "/v1/relays",
                                         "/v1/handshake",   "/v1/vouchers", "/v1/changes",
                                         "/v1/withdrawals", "/v1/approvals"};
    enum { RELAYS = 2, HANDSHAKE = 3, VOUCHERS = 4, WITHDRAWALS = 6 };
    struct fixture f;
    struct ct_answer answer;
    if (size < 1 || size > CT_EXCHANGE_BODY_MAX) {
        return 0;
    }
    if (world.relay_name[0] == '\0') {
        api_world_make(&world);
    }
    size_t which = data[0] % 4u + ((data[0] & 8u) != 0 ? 4u : 0u);
    bool is_relay = which == RELAYS || which == WITHDRAWALS;
    bool is_registered = (data[0] & 4u) != 0;
    bool ends = (data[0] & 16u) != 0;
    char *body = malloc(size);
    HOLDS(body != NULL);
    memcpy(body, data + 1, size - 1);
    body[size - 1] = '\0';
    const struct ct_request request = {.method = "POST",
                                       .path = paths[which],
                                       .body = body,
                                       .body_len = size - 1,
                                       .psk_identity = which == HANDSHAKE ? NULL : SID};
    memset(&answer, 0, sizeof(answer));
    set_up(&f, is_relay ? CT_HS_ENROL_RELAY : CT_HS_ENROL_DEVICE, is_registered, ends);
    if (which == HANDSHAKE) {
        post_handshake(&f, &request, &answer);
    } else {
        ct_api_handle(&f.api, &ledger, &request, &answer);
        HOLDS(is_relay || is_registered || answer.status >= 400);
        HOLDS(which != VOUCHERS || ends || answer.status >= 400);
    }
    check(&answer);
    ct_sessions_free(f.api.sessions);
    free(body);
    return 0;
}

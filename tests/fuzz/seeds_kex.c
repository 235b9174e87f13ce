/* Seeds of handshake, pass, token and a call: honest runs, and each with one thing wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hs_world.h"
#include "chain/key.h"
#include "kex/owner.h"
#include "kex/pass.h"
#include "kex/token.h"
#include "seeds.h"

static void passes(void)
{
    static const struct ct_secret32 secret = {{7}};
    struct ct_ed25519 key;
    struct ct_pass pass = {.deployment32 = {1},
                           .key_id = 1,
                           .id16 = {2},
                           .key32 = {3},
                           .expiry_s = 1800000000,
                           .scope = CT_PASS_SCOPE_ALLOCATE};
    uint8_t bytes[CT_PASS_LEN];
    char name[CT_PASS_TEXT_LEN + 1];
    HOLDS(ct_ed25519_from_seed(&key, &secret) == CT_OK);
    HOLDS(ct_pass_sign(bytes, &pass, &key, pass.expiry_s - 100) == CT_OK);
    ct_pass_username(name, bytes);
    seed("pass", "pass", bytes, sizeof(bytes));
    seed_text("pass", "username", name);
    pass.renews16[0] = 9;
    HOLDS(ct_pass_sign(bytes, &pass, &key, pass.expiry_s - 100) == CT_OK);
    seed("pass", "renewal", bytes, sizeof(bytes));
}

static void owners(void)
{
    static const struct ct_secret32 secret = {{7}};
    static const uint8_t contract[20] = {0xc1};
    struct ct_wallet wallet;
    struct ct_owner s = {.mode = 1, .relay32 = {1}, .nonce32 = {2}, .until_s = 1800000000};
    uint8_t bytes[CT_OWNER_LEN];
    HOLDS(ct_wallet_from_secret(&wallet, &secret) == CT_OK);
    HOLDS(ct_owner_sign(&s, 31337, contract, &wallet) == CT_OK);
    ct_owner_write(bytes, &s);
    seed("owner", "statement", bytes, sizeof(bytes));
    seed("owner", "cut", bytes, sizeof(bytes) - 1);
    bytes[1] = CT_OWNER_MODES;
    seed("owner", "mode", bytes, sizeof(bytes));
}

static void tokens(void)
{
    static const struct ct_secret32 secret = {{7}};
    struct ct_ed25519 key;
    struct ct_token token = {.key_id = 1, .jti16 = {5}, .batch = "B7", .expiry_s = 1800000000};
    char text[CT_TOKEN_TEXT_MAX + 1];
    HOLDS(ct_ed25519_from_seed(&key, &secret) == CT_OK);
    (void)snprintf(token.identity, sizeof(token.identity), "sensor-42");
    HOLDS(ct_token_sign(text, sizeof(text), &token, &key) == CT_OK);
    seed_text("token", "token", text);
    seed_text("token", "payload",
              "{\"kid\":1,\"jti\":\"05000000000000000000000000000000\",\"batch\":\"B7\","
              "\"exp\":1800000000,\"id\":\"sensor-42\"}");
    seed_text("token", "prefix",
              "{\"kid\":1,\"jti\":\"05000000000000000000000000000000\",\"batch\":\"B7\","
              "\"exp\":1800000000,\"id_prefix\":\"acme-\"}");
}

static void wire(void)
{
    struct hs_world w;
    struct ct_hs_p1 p1 = {
        .suites = 1, .sid16 = {1}, .n1_32 = {2}, .record_a32 = {3}, .eph_a32 = {4}};
    struct ct_hs_p2 p2 = {.sid16 = {1}, .n1_32 = {2}, .n2_32 = {3}, .id_b = "device-b"};
    uint8_t out[CT_HS_P1_LEN];
    hs_world_make(&w);
    (void)snprintf(p1.a.identity, sizeof(p1.a.identity), "device-a");
    (void)snprintf(p1.id_b, sizeof(p1.id_b), "device-b");
    HOLDS(ct_hs_p1_write(out, &p1, CT_HS_CALL) == CT_OK);
    seed("wire", "p1", out, sizeof(out));
    p1.a = w.a.party;
    HOLDS(ct_hs_p1_write(out, &p1, CT_HS_ENROL_DEVICE) == CT_OK);
    seed("wire", "p1-enrolment", out, sizeof(out));
    HOLDS(ct_hs_p2_write(out, &p2) == CT_OK);
    seed("wire", "p2", out, CT_HS_P2_LEN);
    ct_hs_header_write(out, 3, CT_HS_CALL, p1.sid16);
    seed("wire", "header", out, CT_HS_HEADER_LEN);
}

/* P1 as an attacker writes it: from somebody whom the chain does not know, or an enrolment. */
static void put_p1(struct ct_wr *all, enum ct_hs_purpose purpose, const char *name)
{
    struct hs_world w;
    uint8_t body[1 + 1 + 16 + CT_HS_P1_LEN] = {1, (uint8_t)purpose, 0x77};
    struct ct_hs_p1 p1 = {.suites = 1, .sid16 = {0x77}, .eph_a32 = {4}};
    hs_world_make(&w);
    p1.a = w.a.party;
    (void)snprintf(p1.a.identity, sizeof(p1.a.identity), "%s", name);
    HOLDS(ct_hs_record(p1.record_a32, w.deployment32, &p1.a) == CT_OK);
    (void)snprintf(p1.id_b, sizeof(p1.id_b), "device-b");
    if (purpose == CT_HS_CALL) {
        memset(p1.a.wallet20, 0, sizeof(p1.a.wallet20));
        memset(p1.a.key32, 0, sizeof(p1.a.key32));
    }
    HOLDS(ct_hs_p1_write(body + 18, &p1, purpose) == CT_OK);
    seed_step(all, 1, body, sizeof(body));
}

static void responders(void)
{
    static const uint8_t zeros[210] = {0};
    uint8_t out[4096];
    struct ct_wr w = ct_wr_init(out, sizeof(out));
    ct_wr_u8(&w, 0); /* never a cookie before the 65th */
    seed_step(&w, 2, "\x01", 1);
    seed_step(&w, 3, "\x01", 1);
    seed_step(&w, 3, "\x01", 1);
    seed("responder", "call", out, w.len);
    w = ct_wr_init(out, sizeof(out));
    ct_wr_u8(&w, 1); /* a cookie from the second on */
    put_p1(&w, CT_HS_CALL, "device-a");
    put_p1(&w, CT_HS_ENROL_DEVICE, "device-a");
    put_p1(&w, CT_HS_ENROL_RELAY, "relay:0011223344556677");
    seed_step(&w, 2, "\x01", 1);
    seed_step(&w, 2, "\x01", 1);
    seed_step(&w, 3, "\x01\x00\x40\x01", 4); /* one bit wrong */
    seed_step(&w, 0, "\x01\x16\xfe\xff", 4);
    seed_step(&w, 3, "\x01", 1);
    seed_step(&w, 5, zeros, sizeof(zeros));
    seed("responder", "crowd", out, w.len);
    w = ct_wr_init(out, sizeof(out));
    ct_wr_u8(&w, 0);
    seed_step(&w, 6, "\x01", 1);
    seed_step(&w, 2, "\x01", 1);
    uint8_t flight[1 + 1 + 16 + 225] = {1};
    seed_step(&w, 4, flight, sizeof(flight));
    seed_step(&w, 3, "\x02", 1); /* from elsewhere */
    seed("responder", "stale-record", out, w.len);
    w = ct_wr_init(out, sizeof(out));
    ct_wr_u8(&w, 0);
    put_p1(&w, CT_HS_CALL, "stranger"); /* the chain does not know it */
    put_p1(&w, CT_HS_CALL, "stranger");
    put_p1(&w, CT_HS_CALL, "device-b"); /* B's own */
    seed_step(&w, 2, "\x01", 1);
    seed("responder", "stranger", out, w.len);
}

static void initiators(void)
{
    static const uint8_t zeros[210] = {0};
    uint8_t p2[1 + CT_HS_P2_LEN] = {0x0f, 1};
    uint8_t out[2048];
    struct ct_wr w = ct_wr_init(out, sizeof(out));
    seed_step(&w, 2, NULL, 0);
    seed_step(&w, 2, NULL, 0);
    seed_step(&w, 6, NULL, 0);
    seed("initiator", "call", out, w.len);
    w = ct_wr_init(out, sizeof(out));
    seed_step(&w, 1, zeros, 32);
    seed_step(&w, 4, zeros, 3);
    seed_step(&w, 2, "\x00\x30\x01", 3);
    seed_step(&w, 2, NULL, 0);
    seed("initiator", "cookie", out, w.len);
    p2[1 + 113] = 9; /* eph_B */
    memcpy(p2 + 1 + 177,
           "\x08"
           "device-b",
           9);
    w = ct_wr_init(out, sizeof(out));
    seed_step(&w, 3, p2, sizeof(p2));
    seed("initiator", "as-b-would", out, w.len);
    p2[0] = 0x07;
    w = ct_wr_init(out, sizeof(out));
    seed_step(&w, 3, p2, sizeof(p2));
    seed_step(&w, 5, "\x01", 1);
    seed("initiator", "other-record", out, w.len);
    p2[0] = 0x0f;
    p2[1 + 113] = 0; /* of low order */
    w = ct_wr_init(out, sizeof(out));
    seed_step(&w, 3, p2, sizeof(p2));
    seed("initiator", "low-order", out, w.len);
    w = ct_wr_init(out, sizeof(out));
    seed_step(&w, 4, zeros, sizeof(zeros));
    seed("initiator", "timeout", out, w.len);
}

static void sessions(void)
{
    /* record: handshake, DTLS 1.0, epoch 0, sequence 0; ClientHello, DTLS 1.2, no cookie, one suite
     */
    static const uint8_t hello[] = {
        0x16, 0xfe, 0xff, 0,  0,  0,  0,  0,  0,    0,    0,  0,  54,   1,    0,  0,  42,
        0,    0,    0,    0,  0,  0,  0,  42, 0xfe, 0xfd, 1,  2,  3,    4,    5,  6,  7,
        8,    9,    10,   11, 12, 13, 14, 15, 16,   17,   18, 19, 20,   21,   22, 23, 24,
        25,   26,   27,   28, 29, 30, 31, 32, 0,    0,    0,  2,  0xcc, 0xac, 1,  0};
    static const uint8_t zeros[210] = {0};
    static const uint8_t m0[CT_HS_M0_LEN] = {0x0c, 1, 0, 0};
    uint8_t m2[CT_HS_M2_LEN] = {0x0c, 1, 2, 0};
    uint8_t out[2048];
    struct ct_wr w = ct_wr_init(out, sizeof(out));
    ct_wr_u8(&w, 2);
    seed_step(&w, 0, hello, sizeof(hello));
    seed_step(&w, 0, hello, sizeof(hello));
    seed_step(&w, 3, "early", 5);
    seed_step(&w, 1, zeros, 40);
    seed("session", "answered", out, w.len);
    out[0] |= 4; /* of streams */
    seed("session", "answered-streams", out, w.len);
    w = ct_wr_init(out, sizeof(out));
    ct_wr_u8(&w, 1);
    seed_step(&w, 0, m0, sizeof(m0));
    seed_step(&w, 0, m2, sizeof(m2));
    seed_step(&w, 0, hello, sizeof(hello));
    seed_step(&w, 1, zeros, sizeof(zeros));
    seed("session", "dialled", out, w.len);
    out[0] |= 4; /* of streams */
    seed("session", "dialled-streams", out, w.len);
    w = ct_wr_init(out, sizeof(out));
    ct_wr_u8(&w, 0);
    static const uint8_t alert[] = {0x15, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40};
    seed_step(&w, 0, alert, sizeof(alert));
    seed_step(&w, 4, NULL, 0);
    seed("session", "alert", out, w.len);
}

void seeds_kex(void)
{
    owners();
    passes();
    tokens();
    wire();
    responders();
    initiators();
    sessions();
}

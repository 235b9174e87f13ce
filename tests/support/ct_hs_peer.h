/*
 * Handshake parties for tests, and an initiator written straight from docs/protocol.md 4 with
 * nothing but the primitives: it checks the real machines' bytes, and can lie in each of its
 * fields.
 */
#ifndef CT_HS_PEER_H
#define CT_HS_PEER_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "chain/bundle.h"
#include "chain/eip712.h"
#include "chain/keccak.h"
#include "chain/key.h"
#include "kex/handshake.h"
#include "kex/kdf.h"
#include "kex/seal.h"
#include "ct_test.h"

struct side {
    struct ct_wallet wallet;
    struct ct_x25519 key;
    struct ct_hs_party party; /* its record */
};

static const struct ct_hs_net NET = {31337, {0xc0, 0xde}};

/* Bytes that differ from draw to draw and are the same in every run. */
static inline void test_draw(void *out, size_t len)
{
    static uint64_t counter = 1;
    uint8_t *at = out;
    while (len > 0) {
        uint8_t block[32];
        const uint64_t n = counter++;
        ct_keccak256(block, &n, sizeof(n));
        const size_t part = len < 32 ? len : 32;
        memcpy(at, block, part);
        at += part;
        len -= part;
    }
}

static inline void side_init(struct side *s, const char *identity)
{
    struct ct_secret32 secret;
    memset(s, 0, sizeof(*s));
    test_draw(&secret, sizeof(secret));
    CHECK_EQ(ct_wallet_from_secret(&s->wallet, &secret), CT_OK);
    test_draw(&secret, sizeof(secret));
    CHECK_EQ(ct_x25519_from_secret(&s->key, &secret), CT_OK);
    (void)snprintf(s->party.identity, sizeof(s->party.identity), "%s", identity);
    memcpy(s->party.wallet20, s->wallet.addr20, 20);
    memcpy(s->party.key32, s->key.public32, 32);
}

static inline struct ct_hs_initiator *side_calls(const struct side *a, const struct side *b,
                                                 enum ct_hs_purpose purpose, uint64_t now_ms)
{
    struct ct_hs_initiator *hs = NULL;
    struct ct_hs_initiator_draw draw;
    struct ct_hs_initiator_config config = {.net = NET,
                                            .purpose = purpose,
                                            .identity = a->party.identity,
                                            .wallet = &a->wallet,
                                            .key = &a->key,
                                            .peer = b->party};
    test_draw(&draw, sizeof(draw));
    CHECK_EQ(ct_hs_initiator_new(&hs, &config, &draw, now_ms), CT_OK);
    return hs;
}

static inline struct ct_hs_responder *side_listens(const struct side *b, unsigned purposes,
                                                   size_t capacity)
{
    struct ct_hs_responder *table = NULL;
    struct ct_hs_responder_config config = {.net = NET,
                                            .purposes = purposes,
                                            .identity = b->party.identity,
                                            .key = &b->key,
                                            .capacity = capacity};
    memcpy(config.wallet20, b->party.wallet20, 20);
    test_draw(&config.cookie_seed, sizeof(config.cookie_seed));
    CHECK_EQ(ct_hs_responder_new(&table, &config), CT_OK);
    return table;
}

/* ---- the initiator from the text ---- */

struct scribe {
    const struct side *a;
    const struct side *b;
    uint8_t deployment32[32];
    uint8_t purpose;
    uint8_t sid[16], n1[32], ks[32];
    struct ct_secret32 eph;

    /* what m4 is made of; scribe_init sets the truth, a test changes one */
    const char *label;
    const char *signed_initiator, *signed_responder;
    const struct ct_wallet *signer;
    uint8_t signed_n1[32], signed_ks[32];
    const char *id_a_in_m1, *id_b_in_m1;
    uint8_t suites;
    uint8_t padding; /* last byte of P1 */
    bool high_s;
    bool raw_v; /* v as 0 or 1 */

    uint8_t n2[32];
    uint8_t m1[389], m2[324], m3[148], m4[213];
    uint8_t psk[32];
};

static inline void scribe_init(struct scribe *s, const struct side *a, const struct side *b,
                               enum ct_hs_purpose purpose)
{
    static const char *const LABELS[] = {"call", "enrol device", "enrol relay"};
    memset(s, 0, sizeof(*s));
    s->a = a;
    s->b = b;
    ct_deployment(s->deployment32, NET.chain_id, NET.contract20);
    s->purpose = (uint8_t)purpose;
    test_draw(s->sid, 16);
    test_draw(s->n1, 32);
    test_draw(s->ks, 32);
    test_draw(&s->eph, sizeof(s->eph));
    s->label = LABELS[purpose];
    s->signed_initiator = s->id_a_in_m1 = a->party.identity;
    s->signed_responder = s->id_b_in_m1 = b->party.identity;
    s->signer = &a->wallet;
    memcpy(s->signed_n1, s->n1, 32);
    memcpy(s->signed_ks, s->ks, 32);
    s->suites = 1;
}

static inline void scribe_seal(const struct scribe *s, uint8_t *message, uint8_t step,
                               uint8_t *seal_at, const uint8_t *plain, size_t len)
{
    uint8_t aad[52];
    struct ct_secret32 eph;
    message[0] = 0x0c;
    message[1] = 1;
    message[2] = step;
    message[3] = s->purpose;
    memcpy(message + 4, s->sid, 16);
    memcpy(aad, s->deployment32, 32);
    memcpy(aad + 32, message, 20);
    test_draw(&eph, sizeof(eph));
    CHECK_EQ(
        ct_hpke_seal(seal_at, s->b->party.key32, &eph, "chainturn/1 seal", 16, aad, 52, plain, len),
        CT_OK);
}

static inline size_t scribe_name(uint8_t *out, const char *name)
{
    out[0] = (uint8_t)strlen(name);
    memcpy(out + 1, name, strlen(name));
    return 1 + strlen(name);
}

static inline void scribe_record(const struct scribe *s, uint8_t out32[32], const char *identity,
                                 const struct ct_hs_party *party)
{
    uint8_t text[116];
    memcpy(text, s->deployment32, 32);
    ct_keccak256(text + 32, identity, strlen(identity));
    memcpy(text + 64, party->wallet20, 20);
    memcpy(text + 84, party->key32, 32);
    ct_keccak256(out32, text, sizeof(text));
}

static inline void scribe_m1(struct scribe *s)
{
    uint8_t p[320] = {0};
    struct ct_x25519 eph;
    size_t at = 113;
    CHECK_EQ(ct_x25519_from_secret(&eph, &s->eph), CT_OK);
    p[0] = s->suites;
    memcpy(p + 1, s->sid, 16);
    memcpy(p + 17, s->n1, 32);
    scribe_record(s, p + 49, s->id_a_in_m1, &s->a->party);
    memcpy(p + 81, eph.public32, 32);
    at += scribe_name(p + at, s->id_a_in_m1);
    at += scribe_name(p + at, s->id_b_in_m1);
    if (s->purpose != 0) {
        memcpy(p + at, s->a->party.wallet20, 20);
        memcpy(p + at + 20, s->a->party.key32, 32);
    }
    p[319] = s->padding;
    s->m1[20] = 0;
    scribe_seal(s, s->m1, 1, s->m1 + 21, p, sizeof(p));
}

static inline void scribe_hash(const struct scribe *s, uint8_t out32[32], int count)
{
    const struct ct_piece pieces[] = {
        {s->m1, 20}, {s->m1 + 21, 368}, {s->m2, 324}, {s->m3, 148}, {s->m4, 213}};
    CHECK_EQ(ct_sha256(out32, pieces, (size_t)count + 1), CT_OK);
}

/* n - s and the other v: the same signature in its other form, which EIP-2 forbids. */
static inline void scribe_raise_s(uint8_t sig65[65])
{
    static const uint8_t ORDER[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
                                      0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b,
                                      0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
    int borrow = 0;
    for (int i = 31; i >= 0; i--) {
        int d = ORDER[i] - sig65[32 + i] - borrow;
        borrow = d < 0;
        sig65[32 + i] = (uint8_t)(d + (borrow ? 256 : 0));
    }
    sig65[64] = sig65[64] == 27 ? 28 : 27;
}

static inline void scribe_sign(const struct scribe *s, uint8_t sig65[65])
{
    uint8_t w[9][32] = {{0}};
    uint8_t domain[32], hash[32], digest[32];
    memcpy(w[0], s->deployment32, 32);
    ct_keccak256(w[1], s->label, strlen(s->label));
    memcpy(w[2], s->sid, 16);
    ct_keccak256(w[3], s->signed_initiator, strlen(s->signed_initiator));
    ct_keccak256(w[4], s->signed_responder, strlen(s->signed_responder));
    memcpy(w[5], s->signed_n1, 32);
    memcpy(w[6], s->n2, 32);
    memcpy(w[7], s->signed_ks, 32);
    scribe_hash(s, w[8], 3);
    ct_eip712_domain(domain, "chainturn", "1", NET.chain_id, NET.contract20);
    ct_eip712_struct(hash,
                     "Handshake(bytes32 deployment,string label,bytes16 sid,string initiator,"
                     "string responder,bytes32 n1,bytes32 n2,bytes32 key,bytes32 transcript)",
                     (const uint8_t(*)[32])w, 9);
    ct_eip712_digest(digest, domain, hash);
    CHECK_EQ(ct_wallet_sign(sig65, s->signer, digest), CT_OK);
    if (s->high_s) {
        scribe_raise_s(sig65);
    }
    if (s->raw_v) {
        sig65[64] = (uint8_t)(sig65[64] - 27);
    }
}

static inline void scribe_psk(struct scribe *s, const uint8_t eph_b[32])
{
    uint8_t ikm[64], salt[64], info[256], prk[32];
    struct ct_secret32 shared;
    size_t at = 0;
    CHECK_EQ(ct_x25519_shared(&shared, &s->eph, eph_b), CT_OK);
    memcpy(ikm, s->ks, 32);
    memcpy(ikm + 32, shared.bytes, 32);
    memcpy(salt, s->n1, 32);
    memcpy(salt + 32, s->n2, 32);
    memcpy(info, "chainturn/1 psk", 15);
    at = 15;
    memcpy(info + at, s->deployment32, 32);
    at += 32;
    info[at++] = s->purpose;
    at += scribe_name(info + at, s->a->party.identity);
    at += scribe_name(info + at, s->b->party.identity);
    scribe_hash(s, info + at, 4);
    at += 32;
    const struct ct_piece ikm_piece = {ikm, 64};
    const struct ct_piece info_piece = {info, at};
    CHECK_EQ(ct_hkdf_extract(prk, salt, 64, &ikm_piece, 1), CT_OK);
    CHECK_EQ(ct_hkdf_expand(s->psk, 32, prk, &info_piece, 1), CT_OK);
}

/* Reads m2 as A would and writes m3, m4 and the PSK; opener holds the key that m2 is sealed to. */
static inline void scribe_flight(struct scribe *s, const uint8_t m2[324], const struct side *opener)
{
    uint8_t aad[52], p2[256], p3[80], p4[145];
    memcpy(s->m2, m2, 324);
    memcpy(aad, s->deployment32, 32);
    memcpy(aad + 32, m2, 20);
    CHECK_EQ(ct_hpke_open(p2, &opener->key, "chainturn/1 seal", 16, aad, 52, m2 + 20, 304), CT_OK);
    memcpy(s->n2, p2 + 49, 32);
    memcpy(p3, s->sid, 16);
    memcpy(p3 + 16, s->n2, 32);
    scribe_hash(s, p3 + 48, 2);
    scribe_seal(s, s->m3, 3, s->m3 + 20, p3, sizeof(p3));
    memcpy(p4, s->sid, 16);
    memcpy(p4 + 16, s->n2, 32);
    memcpy(p4 + 48, s->ks, 32);
    scribe_sign(s, p4 + 80);
    scribe_seal(s, s->m4, 4, s->m4 + 20, p4, sizeof(p4));
    scribe_psk(s, p2 + 113);
}

#endif

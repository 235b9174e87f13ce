/* The two honest parties of the handshake targets, their keys and draws the same in every run. */
#ifndef CT_FUZZ_HS_WORLD_H
#define CT_FUZZ_HS_WORLD_H

#include <string.h>

#include "chain/bundle.h"
#include "chain/keccak.h"
#include "chain/key.h"
#include "fuzz.h"
#include "kex/handshake_wire.h"
#include "steps.h"

struct fuzz_party {
    struct ct_wallet wallet;
    struct ct_x25519 key;
    struct ct_hs_party party;
};

struct hs_world {
    struct ct_hs_net net;
    uint8_t deployment32[32];
    struct fuzz_party a, b;
    uint32_t drawn; /* so that no two draws of one run are the same */
};

static inline void hs_draw(struct hs_world *w, void *out, size_t len)
{
    uint8_t *at = out;
    while (len > 0) {
        uint8_t block[32];
        uint8_t number[8] = {'d', 'r', 'a', 'w'};
        const size_t part = len < 32 ? len : 32;
        w->drawn++;
        for (unsigned i = 0; i < 4; i++) {
            number[4 + i] = (uint8_t)(w->drawn >> (8 * i));
        }
        ct_keccak256(block, number, sizeof(number));
        memcpy(at, block, part);
        at += part;
        len -= part;
    }
}

static inline void hs_party(struct hs_world *w, struct fuzz_party *p, const char *identity)
{
    struct ct_secret32 secret;
    hs_draw(w, &secret, sizeof(secret));
    HOLDS(ct_wallet_from_secret(&p->wallet, &secret) == CT_OK);
    hs_draw(w, &secret, sizeof(secret));
    HOLDS(ct_x25519_from_secret(&p->key, &secret) == CT_OK);
    (void)snprintf(p->party.identity, sizeof(p->party.identity), "%s", identity);
    memcpy(p->party.wallet20, p->wallet.addr20, 20);
    memcpy(p->party.key32, p->key.public32, 32);
}

static inline void hs_world_make(struct hs_world *w)
{
    memset(w, 0, sizeof(*w));
    w->net = (struct ct_hs_net){31337, {0xc0, 0xde}};
    ct_deployment(w->deployment32, w->net.chain_id, w->net.contract20);
    hs_party(w, &w->a, "device-a");
    hs_party(w, &w->b, "device-b");
}

static inline struct ct_hs_initiator *hs_caller(struct hs_world *w,
                                                struct ct_hs_initiator_draw *draw, uint64_t now_ms)
{
    struct ct_hs_initiator *hs = NULL;
    struct ct_hs_initiator_config config = {.net = w->net,
                                            .purpose = CT_HS_CALL,
                                            .identity = w->a.party.identity,
                                            .wallet = &w->a.wallet,
                                            .key = &w->a.key,
                                            .peer = w->b.party};
    hs_draw(w, draw, sizeof(*draw));
    HOLDS(ct_hs_initiator_new(&hs, &config, draw, now_ms) == CT_OK);
    return hs;
}

static inline struct ct_hs_responder *hs_callee(struct hs_world *w, size_t half_open_max)
{
    struct ct_hs_responder *table = NULL;
    struct ct_hs_responder_config config = {
        .net = w->net,
        .purposes = 1u << CT_HS_CALL | 1u << CT_HS_ENROL_DEVICE | 1u << CT_HS_ENROL_RELAY,
        .identity = w->b.party.identity,
        .key = &w->b.key,
        .capacity = 16,
        .half_open_max = half_open_max};
    memcpy(config.wallet20, w->b.party.wallet20, 20);
    hs_draw(w, &config.cookie_seed, sizeof(config.cookie_seed));
    HOLDS(ct_hs_responder_new(&table, &config) == CT_OK);
    return table;
}

/* A message as an attacker makes it, who knows every public key: header and seal of plain. */
static inline void hs_seal(struct hs_world *w, uint8_t *out, unsigned step, unsigned purpose,
                           const uint8_t sid16[16], const uint8_t to32[32], const uint8_t *plain,
                           size_t len)
{
    struct ct_secret32 ephemeral;
    uint8_t header[CT_HS_HEADER_LEN];
    hs_draw(w, &ephemeral, sizeof(ephemeral));
    ct_hs_header_write(header, (uint8_t)step, (enum ct_hs_purpose)purpose, sid16);
    HOLDS(ct_hs_message_seal(out, w->deployment32, header, to32, &ephemeral, plain, len) == CT_OK);
}

/* Changes bytes of a message: offset, 2 bytes; what is added in GF(2), 1 byte. True if it did. */
static inline bool hs_alter(uint8_t *message, size_t len, struct ct_rd *r)
{
    bool is_altered = false;
    while (r->left >= 3) {
        size_t at = ct_rd_be16(r);
        uint8_t with = ct_rd_u8(r);
        if (len > 0 && with != 0) {
            message[at % len] ^= with;
            is_altered = true;
        }
    }
    return is_altered;
}

#endif

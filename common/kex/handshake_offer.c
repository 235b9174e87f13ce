/* The initiator's messages: m1, and the flight of m3 and m4 with the PSK. */
#include "kex/handshake_initiator.h"

#include <string.h>

#include "base/secret.h"
#include "chain/key.h"

void ct_hs_offer_wipe(struct ct_hs_initiator *hs)
{
    ct_wipe(hs->draw.n1_32, sizeof(hs->draw.n1_32));
    ct_wipe(&hs->draw.ephemeral, sizeof(hs->draw.ephemeral));
    ct_wipe(&hs->draw.session, sizeof(hs->draw.session));
    ct_wipe(&hs->draw.seal1, sizeof(hs->draw.seal1));
    ct_wipe(&hs->draw.seal3, sizeof(hs->draw.seal3));
    ct_wipe(&hs->draw.seal4, sizeof(hs->draw.seal4));
    ct_wipe(&hs->p2, sizeof(hs->p2));
}

ct_err ct_hs_offer_m1(struct ct_hs_initiator *hs)
{
    struct ct_hs_p1 p;
    struct ct_x25519 ephemeral;
    uint8_t plain[CT_HS_P1_LEN];
    uint8_t header20[20];
    memset(&p, 0, sizeof(p));
    ct_err err = ct_x25519_from_secret(&ephemeral, &hs->draw.ephemeral);
    if (err != CT_OK) {
        return err;
    }
    p.suites = 1u << (CT_HS_SUITE - 1);
    memcpy(p.sid16, hs->draw.sid16, 16);
    memcpy(p.n1_32, hs->draw.n1_32, 32);
    memcpy(p.eph_a32, ephemeral.public32, 32);
    memcpy(p.a.identity, hs->identity, sizeof(p.a.identity));
    memcpy(p.a.wallet20, hs->wallet->addr20, 20);
    memcpy(p.a.key32, hs->key->public32, 32);
    memcpy(p.id_b, hs->peer.identity, sizeof(p.id_b));
    ct_hs_header_write(header20, 1, hs->purpose, hs->draw.sid16);
    err = ct_hs_record(p.record_a32, hs->deployment32, &p.a);
    if (err == CT_OK) {
        err = ct_hs_p1_write(plain, &p, hs->purpose);
    }
    if (err == CT_OK) {
        err = ct_hs_message_seal(hs->messages, hs->deployment32, header20, hs->peer.key32,
                                 &hs->draw.seal1, plain, sizeof(plain));
    }
    ct_wipe(&ephemeral, sizeof(ephemeral));
    ct_wipe(&p, sizeof(p));
    ct_wipe(plain, sizeof(plain));
    return err;
}

/* The cookie field stands between header and seal. */
size_t ct_hs_offer_m1_datagram(struct ct_hs_initiator *hs)
{
    const size_t cookie_len = hs->cookies > 0 ? CT_HS_COOKIE_LEN : 0;
    uint8_t *at = hs->out;
    memcpy(at, hs->messages, CT_HS_HEADER_LEN);
    at += CT_HS_HEADER_LEN;
    *at++ = (uint8_t)cookie_len;
    memcpy(at, hs->cookie32, cookie_len);
    at += cookie_len;
    memcpy(at, hs->messages + CT_HS_HEADER_LEN, CT_HS_SEAL1_LEN);
    return CT_HS_HEADER_LEN + 1 + cookie_len + CT_HS_SEAL1_LEN;
}

ct_err ct_hs_offer_open_m2(const struct ct_hs_initiator *hs, struct ct_hs_p2 *p2,
                           const uint8_t data[CT_HS_M2_LEN])
{
    uint8_t plain[CT_HS_P2_LEN];
    uint8_t hash1_32[32];
    ct_err err = ct_hs_message_open(plain, sizeof(plain), hs->deployment32, hs->key, data);
    if (err == CT_OK) {
        err = ct_hs_p2_read(p2, plain);
    }
    if (err == CT_OK) {
        err = ct_hs_hash(hash1_32, hs->messages, CT_HS_END1);
    }
    if (err == CT_OK &&
        (!ct_equal(p2->sid16, 16, hs->draw.sid16, 16) ||
         !ct_equal(p2->n1_32, 32, hs->draw.n1_32, 32) ||
         !ct_equal(p2->hash1_32, 32, hash1_32, 32) || strcmp(p2->id_b, hs->peer.identity) != 0)) {
        err = CT_ERR_AUTH;
    }
    ct_wipe(plain, sizeof(plain));
    return err;
}

bool ct_hs_offer_matches(const struct ct_hs_initiator *hs, const struct ct_hs_party *peer,
                         const struct ct_hs_p2 *p2)
{
    uint8_t record32[32];
    return ct_hs_record(record32, hs->deployment32, peer) == CT_OK &&
           ct_equal(record32, 32, p2->record_b32, 32);
}

static ct_err seal_step(const struct ct_hs_initiator *hs, uint8_t *out, uint8_t step,
                        const struct ct_secret32 *ephemeral, const uint8_t *plain, size_t len)
{
    uint8_t header20[20];
    ct_hs_header_write(header20, step, hs->purpose, hs->draw.sid16);
    return ct_hs_message_seal(out, hs->deployment32, header20, hs->peer.key32, ephemeral, plain,
                              len);
}

/* P3 and P4 begin alike: sid | N2. */
static ct_err make_m3(struct ct_hs_initiator *hs)
{
    uint8_t plain[CT_HS_P3_LEN];
    memcpy(plain, hs->draw.sid16, 16);
    memcpy(plain + 16, hs->p2.n2_32, 32);
    ct_err err = ct_hs_hash(plain + 48, hs->messages, CT_HS_END2);
    if (err == CT_OK) {
        err = seal_step(hs, hs->messages + CT_HS_END2, 3, &hs->draw.seal3, plain, sizeof(plain));
    }
    ct_wipe(plain, sizeof(plain));
    return err;
}

static ct_err make_m4(struct ct_hs_initiator *hs, const struct ct_hs_binding *binding)
{
    uint8_t plain[CT_HS_P4_LEN];
    memcpy(plain, hs->draw.sid16, 16);
    memcpy(plain + 16, hs->p2.n2_32, 32);
    memcpy(plain + 48, hs->draw.session.bytes, 32);
    ct_err err = ct_hs_sign(plain + 80, hs->wallet, binding);
    if (err == CT_OK) {
        err = seal_step(hs, hs->messages + CT_HS_END3, 4, &hs->draw.seal4, plain, sizeof(plain));
    }
    ct_wipe(plain, sizeof(plain));
    return err;
}

ct_err ct_hs_offer_flight(struct ct_hs_initiator *hs)
{
    const struct ct_hs_binding binding = {
        .net = &hs->net,
        .deployment32 = hs->deployment32,
        .purpose = hs->purpose,
        .sid16 = hs->draw.sid16,
        .id_a = hs->identity,
        .id_b = hs->peer.identity,
        .n1_32 = hs->draw.n1_32,
        .n2_32 = hs->p2.n2_32,
        .session32 = hs->draw.session.bytes,
        .messages = hs->messages,
    };
    ct_err err = make_m3(hs);
    if (err == CT_OK) {
        err = make_m4(hs, &binding);
    }
    if (err == CT_OK) {
        err = ct_hs_psk(hs->psk32, &binding, &hs->draw.ephemeral, hs->p2.eph_b32);
    }
    return err;
}

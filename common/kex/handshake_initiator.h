/* The initiator's state and the bytes made from it; kex only. */
#ifndef CT_KEX_HANDSHAKE_INITIATOR_H
#define CT_KEX_HANDSHAKE_INITIATOR_H

#include <stdbool.h>

#include "kex/handshake_wire.h"

struct ct_hs_initiator {
    struct ct_hs_net net;
    uint8_t deployment32[32];
    enum ct_hs_purpose purpose;
    char identity[64];
    const struct ct_wallet *wallet; /* borrowed */
    const struct ct_x25519 *key;    /* borrowed */
    struct ct_hs_party peer;
    enum ct_hs_state state;

    uint64_t began_ms;
    uint64_t sent_ms; /* m1, the first time */
    uint64_t next_ms; /* when something is sent (again) */
    uint64_t rto_ms;
    uint32_t rtt_ms;  /* 0 while unknown */
    unsigned sent;    /* times the current message went out */
    unsigned cookies; /* taken from m0 */
    unsigned repeats; /* answers given to a repeated m2 */

    struct ct_hs_initiator_draw draw;
    struct ct_hs_p2 p2; /* of the accepted m2, or the one that waits in CT_HS_RECHECK */
    uint8_t messages[CT_HS_END4];
    uint8_t cookie32[CT_HS_COOKIE_LEN];
    uint8_t out[CT_HS_M1_COOKIE_LEN];
    uint8_t psk32[32];
};

/* m1 into hs->messages, from the draw. */
CT_MUST_USE ct_err ct_hs_offer_m1(struct ct_hs_initiator *hs);
/* m1 as it travels, into hs->out: with the cookie once there is one. */
size_t ct_hs_offer_m1_datagram(struct ct_hs_initiator *hs);
/* Opens an m2 and checks all but the record of B. */
CT_MUST_USE ct_err ct_hs_offer_open_m2(const struct ct_hs_initiator *hs, struct ct_hs_p2 *p2,
                                       const uint8_t data[CT_HS_M2_LEN]);
/* Is this the record that m2 names? */
bool ct_hs_offer_matches(const struct ct_hs_initiator *hs, const struct ct_hs_party *peer,
                         const struct ct_hs_p2 *p2);
/* hs->p2 is accepted: m3 and m4 into hs->messages, and the PSK. */
CT_MUST_USE ct_err ct_hs_offer_flight(struct ct_hs_initiator *hs);
/* Wipes the draw (but the sid) and what m2 told. */
void ct_hs_offer_wipe(struct ct_hs_initiator *hs);

#endif

/* The initiator's machine: m1 out, m0 or m2 in, the flight of m3 and m4 out. */
#include "kex/handshake_initiator.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "chain/bundle.h"

enum {
    COOKIES_MAX = 3,                    /* m0 is not authenticated: a few are answered at once */
    REPEATS_MAX = (int)CT_HS_RESEND_MAX /* answers to an m2 that comes again */
};

static void fail(struct ct_hs_initiator *hs)
{
    ct_hs_offer_wipe(hs);
    ct_wipe(hs->psk32, sizeof(hs->psk32));
    ct_wipe(hs->messages, sizeof(hs->messages));
    hs->state = CT_HS_FAILED;
}

static void start_sending(struct ct_hs_initiator *hs, uint64_t now_ms)
{
    const uint64_t measured = 3u * (uint64_t)hs->rtt_ms;
    hs->rto_ms = measured > CT_HS_RESEND_MIN_MS ? measured : CT_HS_RESEND_MIN_MS;
    hs->next_ms = now_ms;
    hs->sent = 0;
}

static ct_err take_config(struct ct_hs_initiator *hs, const struct ct_hs_initiator_config *config)
{
    if ((unsigned)config->purpose > CT_HS_ENROL_RELAY || config->wallet == NULL ||
        config->key == NULL || ct_hs_identity_copy(hs->identity, config->identity) != CT_OK ||
        ct_hs_identity_copy(hs->peer.identity, config->peer.identity) != CT_OK ||
        strcmp(hs->identity, hs->peer.identity) == 0) {
        return CT_ERR_ARG;
    }
    hs->net = config->net;
    hs->purpose = config->purpose;
    hs->wallet = config->wallet;
    hs->key = config->key;
    hs->rtt_ms = config->rtt_ms;
    memcpy(hs->peer.wallet20, config->peer.wallet20, 20);
    memcpy(hs->peer.key32, config->peer.key32, 32);
    ct_deployment(hs->deployment32, hs->net.chain_id, hs->net.contract20);
    return CT_OK;
}

ct_err ct_hs_initiator_new(struct ct_hs_initiator **out,
                           const struct ct_hs_initiator_config *config,
                           const struct ct_hs_initiator_draw *draw, uint64_t now_ms)
{
    struct ct_hs_initiator *hs = calloc(1, sizeof(*hs));
    if (hs == NULL) {
        return CT_ERR_NOMEM;
    }
    ct_err err = take_config(hs, config);
    if (err == CT_OK) {
        hs->draw = *draw;
        err = ct_hs_offer_m1(hs);
    }
    if (err != CT_OK) {
        ct_hs_initiator_free(hs);
        return err;
    }
    hs->state = CT_HS_WAIT;
    hs->began_ms = now_ms;
    start_sending(hs, now_ms);
    *out = hs;
    return CT_OK;
}

void ct_hs_initiator_free(struct ct_hs_initiator *hs)
{
    if (hs != NULL) {
        ct_wipe(hs, sizeof(*hs));
        free(hs);
    }
}

ct_err ct_hs_initiator_poll(struct ct_hs_initiator *hs, const uint8_t **bytes, size_t *len,
                            uint64_t now_ms)
{
    if (hs->state == CT_HS_FAILED) {
        return CT_ERR_TIMEOUT;
    }
    if (hs->state == CT_HS_DONE) {
        return CT_ERR_AGAIN;
    }
    const bool sending = hs->state != CT_HS_RECHECK;
    if (now_ms - hs->began_ms >= CT_HS_LIFE_MS ||
        (sending && now_ms >= hs->next_ms && hs->sent > CT_HS_RESEND_MAX)) {
        fail(hs);
        return CT_ERR_TIMEOUT;
    }
    if (!sending || now_ms < hs->next_ms) {
        return CT_ERR_AGAIN;
    }
    if (hs->sent++ == 0 && hs->state == CT_HS_WAIT) {
        hs->sent_ms = now_ms;
    }
    hs->next_ms = now_ms + hs->rto_ms;
    hs->rto_ms *= 2;
    if (hs->state == CT_HS_WAIT) {
        *len = ct_hs_offer_m1_datagram(hs);
        *bytes = hs->out;
    } else {
        *len = CT_HS_FLIGHT_LEN;
        *bytes = hs->messages + CT_HS_END2;
    }
    return CT_OK;
}

uint64_t ct_hs_initiator_deadline_ms(const struct ct_hs_initiator *hs)
{
    const uint64_t end_ms = hs->began_ms + CT_HS_LIFE_MS;
    switch (hs->state) {
    case CT_HS_WAIT:
    case CT_HS_READY:
        return hs->next_ms < end_ms ? hs->next_ms : end_ms;
    case CT_HS_RECHECK:
        return end_ms;
    case CT_HS_DONE:
    case CT_HS_FAILED:
        break;
    }
    return UINT64_MAX;
}

static ct_err on_m0(struct ct_hs_initiator *hs, const uint8_t *data, size_t len, uint64_t now_ms)
{
    if (len != CT_HS_M0_LEN) {
        return CT_ERR_FORMAT;
    }
    const uint8_t *cookie32 = data + CT_HS_HEADER_LEN;
    if (hs->cookies > 0 && memcmp(hs->cookie32, cookie32, CT_HS_COOKIE_LEN) == 0) {
        return CT_ERR_REPLAY;
    }
    memcpy(hs->cookie32, cookie32, CT_HS_COOKIE_LEN);
    if (hs->cookies < COOKIES_MAX) {
        hs->cookies++;
        start_sending(hs, now_ms);
    } /* else the next repetition takes it along: forged ones cannot use up B's own */
    return CT_OK;
}

/* hs->p2 is accepted: everything that follows from it, up to the PSK. */
static ct_err become_ready(struct ct_hs_initiator *hs, uint64_t now_ms)
{
    ct_err err = ct_hs_offer_flight(hs);
    if (err != CT_OK) {
        fail(hs); /* B itself sent what cannot be used, or this host failed */
        return err;
    }
    ct_hs_offer_wipe(hs);
    hs->state = CT_HS_READY;
    start_sending(hs, now_ms);
    return CT_OK;
}

static ct_err on_m2(struct ct_hs_initiator *hs, const uint8_t *data, size_t len, uint64_t now_ms)
{
    struct ct_hs_p2 p2;
    if (len != CT_HS_M2_LEN) {
        return CT_ERR_FORMAT;
    }
    ct_err err = ct_hs_offer_open_m2(hs, &p2, data);
    if (err != CT_OK) {
        return err;
    }
    if (hs->rtt_ms == 0 && hs->sent == 1 && hs->cookies == 0) {
        const uint64_t took_ms = now_ms - hs->sent_ms;
        hs->rtt_ms = took_ms < CT_HS_LIFE_MS ? (uint32_t)took_ms : 0;
    }
    memcpy(hs->messages + CT_HS_END1, data, CT_HS_M2_LEN);
    hs->p2 = p2;
    ct_wipe(&p2, sizeof(p2));
    if (!ct_hs_offer_matches(hs, &hs->peer, &hs->p2)) {
        hs->state = CT_HS_RECHECK;
        return CT_ERR_AGAIN;
    }
    return become_ready(hs, now_ms);
}

/* B has not had the flight yet: it goes out at once, in the same bytes, a bounded number of times.
 */
static ct_err on_m2_again(struct ct_hs_initiator *hs, const uint8_t *data, size_t len,
                          uint64_t now_ms)
{
    if (len != CT_HS_M2_LEN || memcmp(data, hs->messages + CT_HS_END1, CT_HS_M2_LEN) != 0) {
        return CT_ERR_REPLAY;
    }
    if (hs->repeats >= REPEATS_MAX || hs->sent > CT_HS_RESEND_MAX) {
        return CT_ERR_REPLAY;
    }
    hs->repeats++;
    hs->next_ms = now_ms;
    return CT_OK;
}

/* What is not in this table is dropped. */
static const struct {
    enum ct_hs_state state;
    uint8_t step;
    ct_err (*take)(struct ct_hs_initiator *, const uint8_t *, size_t, uint64_t);
} TABLE[] = {
    {CT_HS_WAIT, 0, on_m0},
    {CT_HS_WAIT, 2, on_m2},
    {CT_HS_READY, 2, on_m2_again},
};

ct_err ct_hs_initiator_input(struct ct_hs_initiator *hs, const uint8_t *data, size_t len,
                             uint64_t now_ms)
{
    struct ct_hs_header header;
    ct_err err = ct_hs_header_read(&header, data, len);
    if (err != CT_OK) {
        return err;
    }
    if (header.purpose != hs->purpose || memcmp(header.sid16, hs->draw.sid16, 16) != 0) {
        return CT_ERR_AUTH;
    }
    if (now_ms - hs->began_ms >= CT_HS_LIFE_MS) {
        return CT_ERR_EXPIRED;
    }
    for (size_t i = 0; i < sizeof(TABLE) / sizeof(TABLE[0]); i++) {
        if (TABLE[i].state == hs->state && TABLE[i].step == header.step) {
            return TABLE[i].take(hs, data, len, now_ms);
        }
    }
    return CT_ERR_STATE;
}

ct_err ct_hs_initiator_peer(struct ct_hs_initiator *hs, const struct ct_hs_party *peer,
                            uint64_t now_ms)
{
    if (hs->state != CT_HS_RECHECK) {
        return CT_ERR_STATE;
    }
    /* m1 was sealed to the key that answered, so a record with another key is not B's word. */
    if (strcmp(peer->identity, hs->peer.identity) != 0 ||
        memcmp(peer->key32, hs->peer.key32, 32) != 0 || !ct_hs_offer_matches(hs, peer, &hs->p2)) {
        fail(hs);
        return CT_ERR_AUTH;
    }
    hs->peer = *peer;
    return become_ready(hs, now_ms);
}

void ct_hs_initiator_confirm(struct ct_hs_initiator *hs)
{
    if (hs->state == CT_HS_READY) {
        hs->state = CT_HS_DONE;
    }
}

enum ct_hs_state ct_hs_initiator_state(const struct ct_hs_initiator *hs)
{
    return hs->state;
}

const uint8_t *ct_hs_initiator_sid16(const struct ct_hs_initiator *hs)
{
    return hs->draw.sid16;
}

ct_err ct_hs_initiator_session(const struct ct_hs_initiator *hs, struct ct_hs_session *out)
{
    if (hs->state != CT_HS_READY && hs->state != CT_HS_DONE) {
        return CT_ERR_STATE;
    }
    ct_hs_session_fill(out, hs->draw.sid16, hs->purpose, &hs->peer, hs->psk32);
    return CT_OK;
}

/* Enrolments by the handshake, one after the other. */
#include "wm_people.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"
#include "kex/handshake.h"
#include "platform.h"
#include "wm_load.h"

static struct person {
    char identity[32];
    struct ct_wallet wallet;
    struct ct_x25519 key;
} people[BENCH_WALLETS];

static struct bench_psk psks[BENCH_PSKS_MAX];

bool bench_people_new(void)
{
    for (size_t i = 0; i < BENCH_WALLETS; i++) {
        struct ct_secret32 secret;
        (void)snprintf(people[i].identity, sizeof people[i].identity, "bench-%zu", i);
        if (ct_wallet_new(&people[i].wallet) != CT_OK ||
            ct_random(&secret, sizeof secret) != CT_OK ||
            ct_x25519_from_secret(&people[i].key, &secret) != CT_OK) {
            return false;
        }
    }
    return true;
}

const uint8_t *bench_wallet20(size_t number)
{
    return people[number % BENCH_WALLETS].wallet.addr20;
}

/* m1 there, m2 back. */
static bool first_half(struct ct_hs_initiator *hs, uint16_t port)
{
    char text[CT_BASE64URL_LEN(CT_HS_MAX_LEN) + 1];
    char body[sizeof text + 16];
    char answer[2048];
    uint8_t m2[CT_HS_MAX_LEN];
    const uint8_t *m1 = NULL;
    size_t len = 0;
    if (ct_hs_initiator_poll(hs, &m1, &len, ct_mono_ms()) != CT_OK) {
        return false;
    }
    ct_base64url(text, m1, len);
    (void)snprintf(body, sizeof body, "{\"m1\":\"%s\"}", text);
    if (!bench_post(port, "/v1/handshake", body, answer, sizeof answer)) {
        return false;
    }
    const char *at = strstr(answer, "\"m2\":\"");
    const char *end = at == NULL ? NULL : strchr(at + 6, '"');
    return end != NULL &&
           ct_unbase64url(m2, sizeof m2, &len, at + 6, (size_t)(end - at - 6)) == CT_OK &&
           ct_hs_initiator_input(hs, m2, len, ct_mono_ms()) == CT_OK;
}

static bool second_half(struct ct_hs_initiator *hs, uint16_t port)
{
    char m3[CT_BASE64URL_LEN(CT_HS_M3_LEN) + 1];
    char m4[CT_BASE64URL_LEN(CT_HS_M4_LEN) + 1];
    char body[sizeof m3 + sizeof m4 + 32];
    char answer[2048];
    const uint8_t *flight = NULL;
    size_t len = 0;
    if (ct_hs_initiator_poll(hs, &flight, &len, ct_mono_ms()) != CT_OK || len != CT_HS_FLIGHT_LEN) {
        return false;
    }
    ct_base64url(m3, flight, CT_HS_M3_LEN);
    ct_base64url(m4, flight + CT_HS_M3_LEN, CT_HS_M4_LEN);
    (void)snprintf(body, sizeof body, "{\"m3\":\"%s\",\"m4\":\"%s\"}", m3, m4);
    return bench_post(port, "/v1/handshake", body, answer, sizeof answer);
}

static bool enrol(struct bench_psk *out, struct person *p, uint16_t port)
{
    struct ct_hs_initiator_config config = {.net = {.chain_id = platform.bundle.chain_id},
                                            .purpose = CT_HS_ENROL_DEVICE,
                                            .identity = p->identity,
                                            .wallet = &p->wallet,
                                            .key = &p->key,
                                            .peer = {.identity = CT_HS_WM_IDENTITY}};
    struct ct_hs_initiator_draw draw;
    struct ct_hs_initiator *hs = NULL;
    struct ct_hs_session session;
    memcpy(config.net.contract20, platform.bundle.contract20, 20);
    memcpy(config.peer.key32, platform.keys[0].x25519, 32);
    bool good = ct_random(&draw, sizeof draw) == CT_OK &&
                ct_hs_initiator_new(&hs, &config, &draw, ct_mono_ms()) == CT_OK &&
                first_half(hs, port) && second_half(hs, port) &&
                ct_hs_initiator_session(hs, &session) == CT_OK;
    if (good) {
        memcpy(out->identity, session.psk_identity, sizeof out->identity);
        memcpy(out->key32, session.psk32, sizeof out->key32);
    }
    ct_hs_initiator_free(hs);
    return good;
}

const struct bench_psk *bench_enrol(uint16_t port, size_t count)
{
    for (size_t i = 0; i < count && i < BENCH_PSKS_MAX; i++) {
        if (!enrol(&psks[i], &people[i % BENCH_WALLETS], port)) {
            (void)fprintf(stderr, "bench: enrolment %zu failed\n", i);
            return NULL;
        }
    }
    return psks;
}

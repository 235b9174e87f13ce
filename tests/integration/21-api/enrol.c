/* The initiator's side of an enrolment on standard input and output, for a client that has no C. */

/*
 * ct-enrol PURPOSE BUNDLE IDENTITY WALLET KEY
 *   PURPOSE  device or relay; a relay's IDENTITY is its pending id
 *   WALLET   file with the wallet's key     KEY  file with the X25519 key, made if absent
 * Prints the body of the first POST /v1/handshake, reads its answer's "m2" as one line, prints the
 * body of the second, then "sid PSK" in hexadecimal digits: the PSK is a secret, so for tests only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/why.h"
#include "chain/bundle.h"
#include "chain/chain.h"
#include "chain/key.h"
#include "chain/registry.h"
#include "kex/handshake.h"
#include "kex/x25519.h"
#include "wm/wm.h"

static _Noreturn void leave(const char *sentence)
{
    (void)fprintf(stderr, "ct-enrol: %s\n", sentence);
    exit(1);
}

static void need(ct_err err, const struct ct_why *why)
{
    if (err != CT_OK) {
        leave(why->text[0] != '\0' ? why->text : ct_err_text(err));
    }
}

static void read_wm_key(struct ct_wm_key *out, const struct ct_bundle *bundle)
{
    struct ct_chain *chain = NULL;
    struct ct_view view;
    struct ct_wm_key keys[2];
    struct ct_why why = {{0}};
    need(ct_chain_open(&chain, bundle, NULL, &why), &why);
    need(ct_chain_view(chain, &view, &why), &why);
    need(ct_registry_wm_keys(chain, &view, keys, &why), &why);
    ct_chain_free(chain);
    *out = keys[0];
}

static void say_m1(struct ct_hs_initiator *hs)
{
    char text[CT_BASE64URL_LEN(CT_HS_MAX_LEN) + 1];
    const uint8_t *bytes = NULL;
    size_t len = 0;
    need(ct_hs_initiator_poll(hs, &bytes, &len, ct_mono_ms()), &(struct ct_why){{0}});
    ct_base64url(text, bytes, len);
    (void)printf("{\"m1\":\"%s\"}\n", text);
    (void)fflush(stdout);
}

static void hear_m2(struct ct_hs_initiator *hs)
{
    char line[CT_BASE64URL_LEN(CT_HS_MAX_LEN) + 2];
    uint8_t m2[CT_HS_M2_LEN];
    size_t len = 0;
    if (fgets(line, sizeof line, stdin) == NULL) {
        leave("no m2 came");
    }
    line[strcspn(line, "\n")] = '\0';
    if (ct_unbase64url(m2, sizeof m2, &len, line, strlen(line)) != CT_OK ||
        ct_hs_initiator_input(hs, m2, len, ct_mono_ms()) != CT_OK) {
        leave("what came is no m2 of this handshake");
    }
}

static void say_flight(struct ct_hs_initiator *hs)
{
    char m3[CT_BASE64URL_LEN(CT_HS_M3_LEN) + 1];
    char m4[CT_BASE64URL_LEN(CT_HS_M4_LEN) + 1];
    const uint8_t *bytes = NULL;
    size_t len = 0;
    need(ct_hs_initiator_poll(hs, &bytes, &len, ct_mono_ms()), &(struct ct_why){{0}});
    if (len != CT_HS_FLIGHT_LEN) {
        leave("there is no flight to send");
    }
    ct_base64url(m3, bytes, CT_HS_M3_LEN);
    ct_base64url(m4, bytes + CT_HS_M3_LEN, CT_HS_M4_LEN);
    (void)printf("{\"m3\":\"%s\",\"m4\":\"%s\"}\n", m3, m4);
}

int main(int argc, char **argv)
{
    struct ct_why why = {{0}};
    struct ct_bundle bundle;
    struct ct_wallet wallet;
    struct ct_x25519 key;
    struct ct_wm_key wm_key;
    struct ct_hs_initiator_draw draw;
    struct ct_hs_initiator *hs = NULL;
    struct ct_hs_session session;
    char relay[23];
    char psk[65];
    uint8_t pending32[32];
    if (argc != 6) {
        leave("usage: ct-enrol device|relay BUNDLE IDENTITY WALLET KEY");
    }
    bool is_relay = strcmp(argv[1], "relay") == 0;
    need(ct_bundle_read(&bundle, argv[2], &why), &why);
    need(ct_wallet_load(&wallet, argv[4], &why), &why);
    need(ct_x25519_load_or_create(&key, argv[5], &why), &why);
    if (is_relay) {
        need(ct_unhex(pending32, sizeof pending32, argv[3]), &why);
        ct_wm_relay_identity(relay, pending32);
    }
    read_wm_key(&wm_key, &bundle);
    struct ct_hs_initiator_config config = {
        .net = {.chain_id = bundle.chain_id},
        .purpose = is_relay ? CT_HS_ENROL_RELAY : CT_HS_ENROL_DEVICE,
        .identity = is_relay ? relay : argv[3],
        .wallet = &wallet,
        .key = &key,
        .peer = {.identity = CT_HS_WM_IDENTITY},
    };
    memcpy(config.net.contract20, bundle.contract20, 20);
    memcpy(config.peer.key32, wm_key.x25519, 32);
    need(ct_random(&draw, sizeof draw), &why);
    need(ct_hs_initiator_new(&hs, &config, &draw, ct_mono_ms()), &why);
    say_m1(hs);
    hear_m2(hs);
    say_flight(hs);
    need(ct_hs_initiator_session(hs, &session), &why);
    ct_hex(psk, session.psk32, sizeof session.psk32);
    (void)printf("%s %s\n", session.psk_identity, psk);
    ct_hs_initiator_free(hs);
    return 0;
}

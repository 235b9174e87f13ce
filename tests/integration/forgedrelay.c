/* A forger who enrols a relay that is another's: what the wallet manager must refuse. */

/*
 * ct-forgedrelay HOW BUNDLE OWNER SALT
 *   OWNER  address of the wallet whose proposal (of that SALT) stands on chain
 *   HOW    signature  says to be OWNER and signs the handshake with a wallet of its own
 *          proposal   enrols as itself and hands in OWNER's proposal
 * Exit code 0 when the WM took it (the test has failed), 6 when it refused; the sentence is
 * printed.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/why.h"
#include "chain/bundle.h"
#include "chain/chain.h"
#include "chain/key.h"
#include "chain/registry.h"
#include "kex/x25519.h"
#include "wm/wm.h"

enum { REFUSED = 6 };

static _Noreturn void leave(int code, const char *sentence)
{
    (void)fprintf(stderr, "ct-forgedrelay: %s\n", sentence);
    exit(code);
}

static void need(ct_err err, const struct ct_why *why)
{
    if (err != CT_OK) {
        leave(1, why->text);
    }
}

static void wm_keys(struct ct_wm_key keys[2], const struct ct_bundle *bundle)
{
    struct ct_chain *chain = NULL;
    struct ct_view view;
    struct ct_why why = {{0}};
    need(ct_chain_open(&chain, bundle, NULL, &why), &why);
    need(ct_chain_view(chain, &view, &why), &why);
    need(ct_registry_wm_keys(chain, &view, keys, &why), &why);
    ct_chain_free(chain);
}

int main(int argc, char **argv)
{
    struct ct_bundle bundle;
    struct ct_why why = {{0}};
    struct ct_wm_key keys[2];
    struct ct_wallet forger;
    struct ct_secret32 secret;
    struct ct_x25519 key;
    uint8_t owner20[20], salt32[32], pending32[32];
    char identity[23];

    if (argc != 5 || ct_addr_parse(owner20, argv[3]) != CT_OK ||
        ct_unhex(salt32, 32, argv[4]) != CT_OK) {
        leave(2, "usage: ct-forgedrelay signature|proposal BUNDLE OWNER SALT");
    }
    need(ct_bundle_read(&bundle, argv[2], &why), &why);
    wm_keys(keys, &bundle);
    need(ct_wallet_new(&forger), &why);
    need(ct_random(&secret, sizeof secret), &why);
    need(ct_x25519_from_secret(&key, &secret), &why);
    ct_registry_pending_id(pending32, owner20, salt32);
    ct_wm_relay_identity(identity, pending32);
    if (strcmp(argv[1], "signature") == 0) {
        memcpy(forger.addr20, owner20, 20); /* the secret stays the forger's */
    }

    struct ct_wm_config config = {.bundle = &bundle,
                                  .keys = keys,
                                  .key_count = 2,
                                  .purpose = CT_HS_ENROL_RELAY,
                                  .identity = identity,
                                  .wallet = &forger,
                                  .key = &key};
    struct ct_wm *wm = NULL;
    struct ct_wm_operation operation;
    need(ct_wm_open(&wm, &config, &why), &why);
    ct_err err = ct_wm_enrol(wm, &why);
    if (err == CT_OK) {
        err = ct_wm_register_relay(wm, &operation, pending32, owner20, salt32, &why);
    }
    ct_wm_free(wm);
    if (err == CT_OK) {
        leave(0, "the wallet manager took it");
    }
    leave(err == CT_ERR_IO || err == CT_ERR_TIMEOUT ? 1 : REFUSED, why.text);
}

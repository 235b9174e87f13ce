/* A forger who enrols a relay that is another's: what the wallet manager must refuse. */

/*
 * ct-forgedrelay HOW BUNDLE OWNER SALT
 *   OWNER  address of the wallet whose proposal (of that SALT) stands on chain
 *   HOW    signature  says to be OWNER and signs the handshake with a wallet of its own
 *          proposal   enrols as itself and hands in OWNER's proposal
 * ct-forgedrelay HOW BUNDLE WALLET INDEX
 *   WALLET file of a wallet with ether, whose own proposal has the addresses of relay INDEX
 *   HOW    server     with a key of its own: the server there is to be taken for its
 *          key        with the key of that relay, too, as anybody can read it
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
#include "chain/send.h"
#include "kex/x25519.h"
#include "wm/wm.h"

enum { REFUSED = 6, WAIT_MS = 60000, PORT_MIN = 40000, PORT_MAX = 40099 };

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

static struct ct_bundle bundle;
static struct ct_chain *chain;
static struct ct_wallet forger;
static struct ct_x25519 key;
static uint8_t owner20[20], salt32[32];

static void wm_keys(struct ct_wm_key keys[2])
{
    struct ct_view view;
    struct ct_why why = {{0}};
    need(ct_chain_view(chain, &view, &why), &why);
    need(ct_registry_wm_keys(chain, &view, keys, &why), &why);
}

/* On chain nobody is kept from proposing anything. */
static void propose(const char *how, const char *wallet, const char *index)
{
    struct ct_view view;
    struct ct_relay record;
    struct ct_why why = {{0}};
    uint8_t data[512];
    struct ct_receipt receipt;
    struct ct_wr w = ct_wr_init(data, sizeof data);
    need(ct_wallet_load(&forger, wallet, &why), &why);
    need(ct_chain_view(chain, &view, &why), &why);
    need(ct_registry_relay(chain, &view, (uint16_t)atoi(index), &record, &why), &why);
    record.index = 0;
    record.port_min = PORT_MIN; /* its own are taken */
    record.port_max = PORT_MAX;
    if (strcmp(how, "server") == 0) {
        memcpy(record.key32, key.public32, 32);
    }
    memcpy(owner20, forger.addr20, 20);
    need(ct_random(salt32, sizeof salt32), &why);
    ct_call_register_server(&w, salt32, &record);
    const struct ct_send tx = {.to20 = bundle.contract20, .data = data, .data_len = w.len};
    memset(&receipt, 0, sizeof receipt);
    need(ct_send_and_wait(chain, &forger, &tx, 1, WAIT_MS, &receipt, &why), &why);
    ct_receipt_free(&receipt);
}

static ct_err ask(struct ct_why *why)
{
    struct ct_wm_key keys[2];
    uint8_t pending32[32];
    char identity[23];
    struct ct_wm *wm = NULL;
    struct ct_wm_operation operation;
    wm_keys(keys);
    ct_registry_pending_id(pending32, owner20, salt32);
    ct_wm_relay_identity(identity, pending32);
    const struct ct_wm_config config = {.bundle = &bundle,
                                        .keys = keys,
                                        .key_count = 2,
                                        .purpose = CT_HS_ENROL_RELAY,
                                        .identity = identity,
                                        .wallet = &forger,
                                        .key = &key};
    need(ct_wm_open(&wm, &config, why), why);
    ct_err err = ct_wm_enrol(wm, why);
    if (err == CT_OK) {
        err = ct_wm_register_relay(wm, &operation, pending32, owner20, salt32, why);
    }
    if (err == CT_OK) {
        err = ct_wm_operation_wait(wm, &operation, operation.id, WAIT_MS, why);
    }
    ct_wm_free(wm);
    return err;
}

int main(int argc, char **argv)
{
    struct ct_why why = {{0}};
    struct ct_secret32 secret;
    if (argc != 5) {
        leave(2, "usage: ct-forgedrelay signature|proposal|server|key BUNDLE ..");
    }
    need(ct_bundle_read(&bundle, argv[2], &why), &why);
    need(ct_chain_open(&chain, &bundle, NULL, &why), &why);
    need(ct_random(&secret, sizeof secret), &why);
    need(ct_x25519_from_secret(&key, &secret), &why);
    if (strcmp(argv[1], "server") == 0 || strcmp(argv[1], "key") == 0) {
        propose(argv[1], argv[3], argv[4]);
    } else {
        need(ct_wallet_new(&forger), &why);
        if (ct_addr_parse(owner20, argv[3]) != CT_OK || ct_unhex(salt32, 32, argv[4]) != CT_OK) {
            leave(2, "OWNER is no address, or SALT no 32 bytes");
        }
        if (strcmp(argv[1], "signature") == 0) {
            memcpy(forger.addr20, owner20, 20); /* the secret stays the forger's */
        }
    }
    ct_err err = ask(&why);
    ct_chain_free(chain);
    if (err == CT_OK) {
        leave(0, "the wallet manager took it");
    }
    leave(err == CT_ERR_IO || err == CT_ERR_TIMEOUT ? 1 : REFUSED, why.text);
}

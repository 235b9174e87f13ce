/* The platform of these tests: a chain of its own, the contract on it, and who approves there. */
#ifndef CT_RELAY_PLATFORM_H
#define CT_RELAY_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "anvil.h"
#include "chain/chain.h"
#include "chain/key.h"
#include "chain/registry_client.h"
#include "chain/rpc.h"

struct platform {
    struct ct_anvil anvil;
    struct ct_chain *chain;
    struct ct_wallet wallet; /* owner and approver, with ether */
    unsigned depth;          /* blocks mined after each transaction, each of which is one itself */
    uint64_t deployed_at;    /* block */
    uint64_t ahead_s;        /* of the chain's clock before this host's */
};

/* http, when not NULL, is asked in place of libcurl by this program (not by a relay). */
bool platform_open(struct platform *p, const struct ct_wm_key *key, const struct ct_chain_env *env);
void platform_close(struct platform *p);
void platform_mine(struct platform *p, unsigned blocks);
/* The block that reads are made at now. */
bool platform_view(struct platform *p, struct ct_view *out);

/* Sends call data from the platform's wallet; receipt may be NULL. Failures are printed. */
ct_err platform_send(struct platform *p, const struct ct_wr *data, struct ct_receipt *receipt);
ct_err platform_send_from(struct platform *p, const struct ct_wallet *wallet,
                          const struct ct_wr *data, struct ct_receipt *receipt);

/* Relays: the pending one by its id; one at 127.0.0.host, registered and approved. */
ct_err platform_approve(struct platform *p, const uint8_t pending32[32], uint16_t *index);
ct_err platform_list(struct platform *p, uint8_t host, uint16_t port_min, uint16_t port_max,
                     uint16_t *index);
ct_err platform_revoke_relay(struct platform *p, uint16_t index);

ct_err platform_revoke_pass(struct platform *p, const uint8_t pass16[16]);
ct_err platform_set_wm_key(struct platform *p, const uint8_t ed25519[32]);

/* Devices, of the platform's own wallet: registered, moved by its signature, revoked. */
ct_err platform_register(struct platform *p, const char *name, uint16_t relay, uint16_t port,
                         uint16_t sequence);
ct_err platform_move(struct platform *p, const char *name, uint16_t relay, uint16_t port,
                     uint16_t sequence);
ct_err platform_revoke(struct platform *p, const char *name);
/* The funded road: pending by the wallet's own transaction, then approved as it was read. */
ct_err platform_add(struct platform *p, const char *name, uint16_t relay, uint16_t port,
                    uint16_t sequence);
ct_err platform_approve_client(struct platform *p, const char *name);

#endif

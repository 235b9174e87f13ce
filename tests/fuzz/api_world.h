/* Whom the API target serves: one wallet and key, the same in every run, so that seeds can sign. */
#ifndef CT_FUZZ_API_WORLD_H
#define CT_FUZZ_API_WORLD_H

#include <string.h>

#include "base/hex.h"
#include "chain/key.h"
#include "chain/registry.h"
#include "fuzz.h"

enum { API_NOW_S = 1800000000, API_CHAIN_ID = 31337 };
#define API_IDENTITY "sensor-42"
/* For what it is asked that fuzz_wm_answers reads the answers. */
#define ANSWERS_TOKEN "ctk1.e30.AA"
#define ANSWERS_OPERATION "00112233445566778899aabbccddeeff"

struct api_world {
    uint8_t contract20[20];
    struct ct_wallet wallet;
    uint8_t key32[32];
    uint8_t salt32[32];
    uint8_t pending32[32];
    char relay_name[24];
};

static inline void api_world_make(struct api_world *w)
{
    static const struct ct_secret32 secret = {{11}};
    char digits[17];
    memset(w, 0, sizeof(*w));
    HOLDS(ct_wallet_from_secret(&w->wallet, &secret) == CT_OK);
    w->contract20[0] = 0xc0;
    w->key32[0] = 0xbb;
    w->salt32[0] = 2;
    ct_registry_pending_id(w->pending32, w->wallet.addr20, w->salt32);
    ct_hex(digits, w->pending32, 8);
    (void)snprintf(w->relay_name, sizeof(w->relay_name), "relay:%s", digits);
}

#endif

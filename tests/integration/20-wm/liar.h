/* A TURN server that holds a relay's key, and says and does of the rest what a test wants. */
#ifndef CT_WM_LIAR_H
#define CT_WM_LIAR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "fake_relay.h"
#include "kex/owner.h"
#include "kex/x25519.h"

enum { LIAR_CLIENTS = 4 };

/* What it does amiss, or not. */
enum liar_way {
    LIAR_STRICT = 1,    /* nothing passes before a permission was made; else everything */
    LIAR_KEEPS_OUT = 2, /* data for peers goes nowhere */
    LIAR_KEEPS_IN = 4,  /* data from peers goes nowhere */
    LIAR_FILTERS = 8,   /* no permission for peers that are not of the Internet.. */
    LIAR_LOOPBACK = 16, /* ..but for 127.0.0.1 */
};

struct liar {
    struct fake_relay relay;
    struct ct_x25519 key;
    unsigned ways; /* of enum liar_way */
    uint8_t statement[CT_OWNER_LEN];

    /* its own */
    char password[64];
    struct ct_addr at, clients[LIAR_CLIENTS], peer, shown;
    int fd, relayed[FAKE_ALLOCS];
    atomic_bool stops;
    pthread_t thread;
};

/* Serves at an address of this host until liar_close(); statement NULL: says nothing. */
bool liar_open(struct liar *l, const struct ct_addr *at, const struct ct_x25519 *key,
               const struct ct_owner *statement, unsigned ways);
void liar_close(struct liar *l);

#endif

/* One test of a relay under way, between the files of the probe. */
#ifndef CT_WM_PROBE_RUN_H
#define CT_WM_PROBE_RUN_H

#include "kex/owner.h"
#include "relays/probe.h"
#include "turn/alloc.h"

enum {
    CT_PROBE_TOKEN = 32,
    CT_PROBE_TRIES = 5,
    CT_PROBE_RETRY_MS = 300,
};

/* What goes through the relay, each known by bytes of its own. */
enum ct_probe_way {
    CT_PROBE_OUT,       /* from the client to the peer outside, with a permission */
    CT_PROBE_IN,        /* and back */
    CT_PROBE_FREE_OUT,  /* the same without one: the peer is a stranger */
    CT_PROBE_FREE_IN,   /* */
    CT_PROBE_NEIGHBOUR, /* from the client to the second allocation, without a permission */
    CT_PROBE_WAYS
};

/*
 *   client ---- [ allocation ]---.
 *                 the relay      +---- peer, outside
 *   second ---- [ allocation ]---'
 */
struct ct_probe_run {
    const struct ct_probe *probe;
    uint8_t family;           /* 4 or 6 */
    int client, peer, second; /* sockets */
    uint64_t deadline_ms;
    struct ct_addr server;
    struct ct_alloc alloc, second_alloc;
    bool has_second;
    struct ct_addr outside; /* the peer socket, as the relay's side of the network sees it */
    bool has_outside;
    uint8_t tid[CT_STUN_TID];
    uint8_t token[CT_PROBE_WAYS][CT_PROBE_TOKEN];
    bool came[CT_PROBE_WAYS];
    struct ct_owner statement;
};

/* Sends what is due, waits for at most wait_ms, takes in what came. */
void ct_probe_pump(struct ct_probe_run *r, uint32_t wait_ms);
bool ct_probe_in_time(const struct ct_probe_run *r);
/* With a pass of its own. */
CT_MUST_USE ct_err ct_probe_begin(struct ct_probe_run *r, struct ct_alloc *alloc,
                                  struct ct_why *why);
/* Waits for it and looks at the relayed address. */
CT_MUST_USE ct_err ct_probe_allocated(struct ct_probe_run *r, struct ct_alloc *alloc,
                                      struct ct_why *why);
/* From the client through the relay to peer. */
CT_MUST_USE ct_err ct_probe_send(struct ct_probe_run *r, const struct ct_addr *peer,
                                 enum ct_probe_way way, struct ct_why *why);

/* Before any permission: who passes without one, by the mode of the statement. */
CT_MUST_USE ct_err ct_probe_mode(struct ct_probe_run *r, struct ct_why *why);
/* Asks for permissions for what no stranger has business with. */
CT_MUST_USE ct_err ct_probe_filter(struct ct_probe_run *r, struct ct_why *why);
/* Asks for a permission; *granted says what came of it. */
CT_MUST_USE ct_err ct_probe_permit(struct ct_probe_run *r, const struct ct_addr *peer,
                                   bool *granted, struct ct_why *why);

#endif

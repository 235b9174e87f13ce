/* Floods through a relay, both ways: nothing of one gets lost on the way but by a limit. */
#ifndef CT_RELAY_FLOOD_H
#define CT_RELAY_FLOOD_H

#include <stdbool.h>

#include "place.h"
#include "probe.h"

enum { FLOOD_CHANNEL = 0x4000 };

/* A server with limits, and two peers: at an approved relay's device, and one with a channel of
 * every client's, which marks where a flood has come to. */
struct flood {
    struct place *place;
    pid_t server;
    struct ct_addr approved_at;
    struct ct_addr mark_at;
    int approved;
    int mark;
};

/* limits: lines of turnserver.conf. False: it did not start. */
bool flood_open(struct flood *f, struct place *place, const char *limits);
/* True: the server ended well. */
bool flood_close(struct flood *f);
/* A client with an allocation, the mark's channel bound. */
bool flood_client(struct flood *f, struct probe *p, const char *user, const char *password);

/* How many of count datagrams of a peer's came in at the client; -1: the relay is gone. */
int flood_heard(struct flood *f, struct probe *p, int peer, unsigned count);
/* How many of count datagrams in FLOOD_CHANNEL, FLOOD_BYTES long, came to the approved peer; -1
 * as above. */
enum { FLOOD_BYTES = 1000 };
int flood_reached(struct flood *f, struct probe *p, unsigned count);

/* The most that a limit of so many a second, and as many at once, lets through since then. */
int flood_most(unsigned per_s, uint64_t since_ns);

#endif

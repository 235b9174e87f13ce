/* A lane: one UDP socket to one relay, and the allocation on it. */
#ifndef CT_CLIENT_LANE_H
#define CT_CLIENT_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/registry.h"
#include "kex/pass.h"
#include "path.h"
#include "turn/alloc.h"

/* A pass with its private key, as it lies in HOME/pass.json. */
struct ct_own_pass {
    uint8_t pass175[CT_PASS_LEN];
    struct ct_secret32 secret;
    struct ct_pass fields;
};

struct ct_lane {
    bool is_open;
    bool is_plain; /* no allocation: server is the one peer's relayed address */
    int fd;
    uint16_t relay; /* index */
    struct ct_relay record;
    struct ct_addr server;
    struct ct_alloc alloc;
    uint64_t release_by_ms; /* while it is being released: closed then at the latest */
};

/* An allocation of another process, to go on with. */
struct ct_lane_saved {
    uint16_t relay;
    uint16_t local_port;
    uint64_t until_s; /* when the relay drops it */
    struct ct_alloc_saved alloc;
};

/* Where clients send to; IPv4 first. CT_ERR_FORMAT when it has none. */
CT_MUST_USE ct_err ct_lane_server(struct ct_addr *out, const struct ct_relay *relay);
/* The relayed address with this port, as the relay's record has it. */
struct ct_addr ct_lane_relayed(const struct ct_relay *relay, uint16_t port);

/* Opens the socket and starts the allocation; saved may be NULL. refresh_s: how often to make sure
 * that the relay still has it; 0: as its lifetime needs. */
CT_MUST_USE ct_err ct_lane_open(struct ct_lane *lane, const struct ct_relay *relay,
                                const struct ct_own_pass *pass, uint32_t rtt_ms, uint32_t refresh_s,
                                const struct ct_lane_saved *saved, uint64_t now_ms,
                                struct ct_why *why);
/* A socket that talks to one relayed address, as it is: its relay has to be in mode open. */
CT_MUST_USE ct_err ct_lane_open_plain(struct ct_lane *lane, const struct ct_relay *relay,
                                      uint16_t port, struct ct_why *why);
/* New credentials for a lane that stands. */
CT_MUST_USE ct_err ct_lane_renew(struct ct_lane *lane, const struct ct_own_pass *pass,
                                 uint64_t now_ms);
/* Sends what the allocation has due. */
void ct_lane_flush(struct ct_lane *lane, uint64_t now_ms);
/* Data for a peer, as it comes. */
enum ct_path ct_lane_send(struct ct_lane *lane, const struct ct_addr *peer, const void *data,
                          size_t len);
/* Takes a datagram in; CT_PATH_NONE: it has no data of a peer. data points into the datagram. */
enum ct_path ct_lane_input(struct ct_lane *lane, uint64_t now_ms, const void *in, size_t len,
                           struct ct_alloc_got *got);
/* Data for and from this peer goes in a channel from now on, and no longer. */
void ct_lane_bind(struct ct_lane *lane, const struct ct_addr *peer, uint64_t now_ms);
void ct_lane_forget(struct ct_lane *lane, const struct ct_addr *peer);
/* When ct_lane_flush() has something to do at the latest; UINT64_MAX: never. */
uint64_t ct_lane_deadline(const struct ct_lane *lane);
/* CT_OK once READY and the relayed address is of the relay's record; CT_ERR_AGAIN: not yet. */
CT_MUST_USE ct_err ct_lane_check(const struct ct_lane *lane, struct ct_why *why);
/* Everything another process needs to go on. */
CT_MUST_USE ct_err ct_lane_save(const struct ct_lane *lane, struct ct_lane_saved *out);
/* Starts giving the allocation back; ct_lane_flush() closes the socket when that is done. */
void ct_lane_release(struct ct_lane *lane, uint64_t now_ms);
/* Closes at once; the allocation stays at the relay until it runs out. */
void ct_lane_close(struct ct_lane *lane);

#endif

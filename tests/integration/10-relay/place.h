/* Where the relay is tested: a folder, a server of its own, peers on loopback, a TURN client. */
#ifndef CT_RELAY_PLACE_H
#define CT_RELAY_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "chain/bundle.h"
#include "chain/registry.h"
#include "peers/devbook.h"
#include "kex/pass.h"
#include "peers/peerset.h"
#include "turn/alloc.h"

/*
 *   client --- 127.0.0.1:port [relay under test] 127.0.0.1:RELAYED
 *                                                    |--- 127.0.0.2 an approved relay, APPROVED
 *                                                    |--- 127.0.0.3 somebody else
 *                                                    '--- 127.0.0.4 approved, and denied-peer-ip
 * The chain cannot be reached: the relay lives on what it kept on disk.
 */
enum { APPROVED_MIN = 50000, APPROVED_MAX = 50100, RELAYED_MIN = 51000, RELAYED_MAX = 51400 };

struct place {
    const char *turnserver; /* paths of the programs */
    const char *uclient;
    const char *peer;
    char folder[64];
    uint16_t port;
    long log_from; /* bytes of the log that were there at place_mark() */
    uint8_t deployment32[32];
    struct ct_ed25519 signer;
    struct ct_wm_key keys[2];
    struct ct_x25519 relay;
};

/* Makes folder, keys, bundle, and the relay's memory of the chain, confirmed age_s ago. In it are
 * the relays above and this one, and one device, at the first port of 127.0.0.2. */
bool place_make(struct place *p, char **argv);
/* How a test program begins: its arguments, an end for what hangs, the place. False: it said why.
 */
bool place_begin(struct place *p, int argc, char **argv);
/* And how it ends: nothing is left unless a claim failed. Returns code. */
int place_end(struct place *p, int code);
bool place_remember(struct place *p, uint64_t age_s);
void place_remove(struct place *p);
/* Other relays and devices in its memory than those above. devices is put into another order. */
bool place_remember_sets(struct place *p, const struct ct_peer_range *ranges, size_t count,
                         struct ct_devbook_change *devices, size_t device_count, uint64_t age_s);

/* Writes turnserver.conf: what every server here has, then extra. */
bool place_configure(struct place *p, const char *extra);
/* The same, all of it as given; in both @ stands for the folder. */
bool place_configure_all(struct place *p, const char *text);
extern const char *const place_module_on; /* options of the module, for extra */

/* Another bundle than the one whose endpoint nobody answers at; what is remembered stays. */
bool place_bundle(struct place *p, const struct ct_bundle *bundle);
bool place_forget(struct place *p); /* what it remembers of the chain */

pid_t place_start(struct place *p); /* turnserver -c turnserver.conf */
void place_mark(struct place *p);   /* what the log has now does not count below */
/* Until the log of the servers has text; false: not within a minute. */
bool place_await(const struct place *p, const char *text);
/* That text in it and what follows, or NULL; good until the next call. */
const char *place_said(const struct place *p, const char *text);
int place_wait(pid_t pid); /* until it ends by itself; as place_stop() */
/* SIGTERM; the exit code, or 1000 + the signal that ended it. */
int place_stop(pid_t pid);
/* Until STATE/ports has that many ports that stand; false: not within a minute. */
bool place_await_ports(const struct place *p, size_t standing);
/* Runs to the end; exit code, and what it said on both outputs. */
int place_run(char *said, size_t cap, const char *const argv[]);
pid_t place_spawn(const char *const argv[], const char *output); /* in the background */

struct credential {
    char user[CT_PASS_TEXT_LEN + 1];
    char password[CT_PASS_PASSWORD_LEN + 1];
};
/* A pass for life_s seconds, signed at signed_at_s. */
bool place_pass(struct place *p, struct credential *out, uint64_t signed_at_s, uint32_t life_s);
/* One for 900 s from now that renews another, or none (NULL); id16 is set to its id. */
bool place_pass_renewing(struct place *p, struct credential *out, const uint8_t *renews16,
                         uint8_t id16[16]);

/* One for life_s seconds from now; id16 is set to its id. */
bool place_pass_short(struct place *p, struct credential *out, uint32_t life_s, uint8_t id16[16]);

struct client {
    int fd;
    struct ct_alloc alloc;
};
/* Allocates; state READY or FAILED afterwards. */
bool client_open(struct client *c, const struct place *p, const char *user, const char *password);
void client_close(struct client *c);
bool client_permit(struct client *c, const struct ct_addr *peer); /* false: refused */
bool client_bind(struct client *c, const struct ct_addr *peer);   /* as above, with a channel */
bool client_release(struct client *c);                            /* gives the allocation back */
void client_send(struct client *c, const struct ct_addr *peer, const char *text);
/* The next text from a peer; "" when none came in a minute. */
const char *client_receive(struct client *c);

struct ct_addr loopback(uint8_t last, uint16_t port);
int peer_open(const struct ct_addr *at);
void peer_send(int fd, const struct ct_addr *to, const char *text);
const char *peer_receive(int fd); /* "" when none came in a minute */
bool peer_has_nothing(int fd);    /* now */

#endif

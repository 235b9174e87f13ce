/* A TURN client for tests, one request at a time: over UDP or TCP, for UDP or TCP relays, IPv4 or
 * IPv6; it asks for what no good client would. */
#ifndef CT_RELAY_PROBE_H
#define CT_RELAY_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "turn/addr.h"

enum { PROBE_UDP = 17, PROBE_TCP = 6, PROBE_NO_ANSWER = -1, PROBE_QUEUE = 16 };

struct probe {
    int fd;
    bool is_stream;
    bool is_over; /* a stream that the server ended */
    const char *user;
    const char *password;
    char realm[128];
    char nonce[128];
    uint32_t requests;
    struct ct_addr relayed;
    struct ct_addr relayed6; /* the second one of an allocation of both families */
    char ticket[64];         /* RFC 8016: to move the allocation with; "" without one */
    uint32_t lifetime_s;     /* as the last answer told */
    uint32_t connection;     /* RFC 6062: of the last Connect or ConnectionAttempt */
    unsigned attempts;       /* ConnectionAttempt indications that came */
    uint8_t in[65536];       /* of a stream: what is not a whole message yet */
    size_t in_len;
    char texts[PROBE_QUEUE][64]; /* data from peers, in order */
    unsigned first, count;
    unsigned received; /* data from peers, the mark included; what the queue has no room for, too */
    bool is_marked;    /* "mark" was among it */
};

/* transport: between client and server. */
bool probe_open(struct probe *p, const struct ct_addr *server, int transport);
/* From that address; over UDP with a port that no other had. */
bool probe_open_from(struct probe *p, const struct ct_addr *from, const struct ct_addr *server,
                     int transport);
void probe_close(struct probe *p);

/* These give 0, the server's error code, or PROBE_NO_ANSWER. */
int probe_allocate(struct probe *p, const char *user, const char *password, int relay_transport,
                   unsigned family);
/* What a client may want of an allocation, more than a place. */
struct probe_wish {
    bool to_move;    /* a ticket, RFC 8016 */
    bool both;       /* an IPv6 address, too: RFC 8656 */
    unsigned family; /* 4, 6 */
    int transport;   /* of the relayed address */
};
int probe_allocate_as(struct probe *p, const char *user, const char *password,
                      const struct probe_wish *wish);
/* RFC 8016: takes the allocation of from, which has another address, over, with the credentials
 * that p has. */
int probe_move(struct probe *p, const struct probe *from, uint32_t lifetime_s);
int probe_refresh_family(struct probe *p, unsigned family, uint32_t lifetime_s);
/* RFC 6062: p, a stream that was opened for this, is from now on that connection of control's. */
int probe_take_connection(struct probe *p, const struct probe *control);
int probe_permit(struct probe *p, const struct ct_addr *peer);
int probe_bind(struct probe *p, const struct ct_addr *peer, uint16_t channel);
int probe_connect(struct probe *p, const struct ct_addr *peer); /* RFC 6062 */
int probe_refresh(struct probe *p, uint32_t lifetime_s);

void probe_send(struct probe *p, const struct ct_addr *peer, const char *text);
void probe_send_in_channel(struct probe *p, uint16_t channel, const char *text);
/* The next text from a peer; "" when none came in time. */
const char *probe_receive(struct probe *p, int wait_ms);
/* Takes in what comes until "mark" does, for up to wait_ms; how much data came before it, or -1:
 * no mark. */
int probe_until_mark(struct probe *p, int wait_ms);
/* Takes in what is there, for up to wait_ms or until something is. */
void probe_pump(struct probe *p, int wait_ms);

#endif

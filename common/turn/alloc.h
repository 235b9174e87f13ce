/* A TURN allocation over UDP (RFC 8656) as a machine: datagrams and time in, datagrams out. */
#ifndef CT_TURN_ALLOC_H
#define CT_TURN_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "turn/addr.h"
#include "turn/stun.h"

/*
 * The caller owns the socket, which talks to one server only, the clock and the randomness:
 *
 *     ct_alloc_init(&a, &config, now_ms, why);
 *     for (;;) {
 *         while (ct_alloc_poll(&a, now_ms, buf, sizeof buf, &len) == CT_OK) { send(buf, len); }
 *         wait for the socket until ct_alloc_deadline(&a);
 *         ct_alloc_input(&a, now_ms, datagram, n, &got);
 *         ... ct_alloc_state(&a), got.kind ...
 *     }
 *
 * now_ms is any clock that never goes back. Call poll after every other call and at the deadline.
 * Success answers must carry a right MESSAGE-INTEGRITY: they prove that the server knows the
 * password. On an allocation that stands an error without one decides nothing by itself: it is
 * remembered as the cause, should the request get no better answer in time. Answers that fit no
 * request are dropped (CT_ERR_FORMAT, CT_ERR_AUTH; the object is as it was). Everything is of fixed
 * size inside the struct; ct_alloc_wipe() ends its life.
 */

#define CT_ALLOC_PEERS 32      /* permissions and channels kept at one time */
#define CT_ALLOC_DATAGRAM 2304 /* room that ct_alloc_poll() needs at most */
#define CT_ALLOC_GONE 256      /* channels remembered after ct_alloc_forget() */
#define CT_ALLOC_OWNER 192     /* most bytes of a relay's statement */

enum ct_alloc_state {
    CT_ALLOC_ASKING,    /* Allocate under way */
    CT_ALLOC_READY,     /* allocated and kept alive */
    CT_ALLOC_RELEASING, /* Refresh with lifetime 0 under way */
    CT_ALLOC_RELEASED,
    CT_ALLOC_FAILED, /* see ct_alloc_failure(): refused, lost (437) or timed out */
};

struct ct_alloc_config {
    const char *username;  /* long-term credential, up to 508 bytes of ASCII; copied */
    const char *password;  /* up to 127 bytes of ASCII; copied */
    const char *software;  /* SOFTWARE attribute, or NULL */
    const uint8_t *seed32; /* 32 random bytes: transaction ids are derived from them */
    uint32_t lifetime_s;   /* to ask for; 0 leaves it to the server (600 s) */
    uint32_t rtt_ms;       /* measured before, e.g. by Binding; 0 when unknown (RTO 500 ms) */
    uint32_t keepalive_ms; /* a Binding keeps the NAT's mapping alive this often; 0 is 20 s */
    uint32_t refresh_ms;   /* refresh at least this often, to notice a relay that forgot us; 0: only
                              as the lifetime needs */
    uint8_t family;        /* 4, 6: of the relayed address; 0: what the server gives */
    bool asks_owner;       /* whose relay it is, see ct_alloc_owner() */
};

enum ct_alloc_kind {
    CT_ALLOC_NOTHING, /* an answer was taken in; look at ct_alloc_state() */
    CT_ALLOC_DATA,    /* data from a peer */
};

struct ct_alloc_got {
    enum ct_alloc_kind kind;
    struct ct_addr peer;
    bool is_channel;     /* it came as ChannelData, else as a Data indication */
    const uint8_t *data; /* inside the datagram given to ct_alloc_input() */
    size_t len;
};

/* How far a permission or channel is. */
enum ct_alloc_peer_state {
    CT_ALLOC_PEER_NONE,
    CT_ALLOC_PEER_ASKING,
    CT_ALLOC_PEER_READY,
    CT_ALLOC_PEER_REFUSED, /* e.g. 403; forgotten by ct_alloc_forget() */
};

/* One request under way. Private. */
struct ct_alloc_txn {
    uint8_t tid[CT_STUN_TID];
    uint16_t method; /* 0: none */
    uint16_t tries;  /* datagrams sent so far */
    uint32_t rto_ms;
    uint64_t sent_ms;    /* the first sending */
    uint64_t next_ms;    /* when to send again, or to give up */
    uint32_t nonce_age;  /* the allocation's nonce_age at the first sending */
    uint16_t challenges; /* 401 and 438 that were followed */
    uint16_t cause;      /* an error code that nothing proves, for when no other answer comes */
};

/* Private. */
struct ct_alloc_peer {
    struct ct_addr addr;
    uint16_t channel; /* 0: only a permission */
    bool bound;       /* the server confirmed the channel */
    enum ct_alloc_peer_state state;
    uint64_t renew_ms;
    uint64_t asked_ms; /* the last ChannelBind: the server keeps the number for 10 min from it */
    struct ct_alloc_txn txn;
};

/* Private: a channel that is not renewed any more, but that the server may still have. */
struct ct_alloc_gone {
    struct ct_addr addr;
    uint16_t channel; /* 0: unused */
    uint64_t until_ms;
};

/* The fields are private; the struct is here so that it can be a member of another. */
struct ct_alloc {
    enum ct_alloc_state state;
    ct_err failure;
    struct ct_why why;
    uint16_t error; /* the last STUN error code */
    char username[509], password[128], software[64];
    char realm[764], nonce[764]; /* empty before the first 401 */
    uint8_t key16[16];
    uint8_t seed32[32];
    uint64_t tid_count;
    uint32_t wanted_s, lifetime_s, keepalive_ms, refresh_every_ms;
    uint8_t family;
    bool asks_owner;
    uint8_t owner[CT_ALLOC_OWNER];
    size_t owner_len;
    uint32_t srtt_us, rttvar_us; /* RFC 6298; srtt 0 before the first measurement */
    uint32_t nonce_age;          /* how many nonces were taken over */
    unsigned forged;             /* answers with a wrong MESSAGE-INTEGRITY since the last success */
    uint64_t refresh_ms, keepalive_next_ms, expires_ms;
    struct ct_addr relayed, mapped;
    struct ct_addr hint;         /* what a Binding showed last; nothing proves it */
    struct ct_alloc_txn control; /* Allocate, Refresh */
    struct ct_alloc_txn binding; /* the keepalive */
    struct ct_alloc_peer peers[CT_ALLOC_PEERS];
    struct ct_alloc_gone gone[CT_ALLOC_GONE];
    uint16_t next_channel;
};

/* CT_ERR_ARG: a credential or seed that is missing or too long. The first poll asks at once. */
CT_MUST_USE ct_err ct_alloc_init(struct ct_alloc *a, const struct ct_alloc_config *config,
                                 uint64_t now_ms, struct ct_why *why);
void ct_alloc_wipe(struct ct_alloc *a);

/* What another process needs, beside the credentials and the same local port, to go on with an
 * allocation that this one leaves alone. */
struct ct_alloc_saved {
    char realm[764], nonce[764];
    struct ct_addr relayed;
};
/* CT_ERR_STATE: not READY. */
CT_MUST_USE ct_err ct_alloc_save(const struct ct_alloc *a, struct ct_alloc_saved *out);
/* In place of ct_alloc_init(): the first poll refreshes. READY when the server still knows it, else
 * FAILED with CT_ERR_STATE (437) or what else the server says. */
CT_MUST_USE ct_err ct_alloc_resume(struct ct_alloc *a, const struct ct_alloc_config *config,
                                   const struct ct_alloc_saved *saved, uint64_t now_ms,
                                   struct ct_why *why);

/*
 * Takes a datagram from the server. CT_OK: understood, got is set. CT_ERR_FORMAT, CT_ERR_AUTH:
 * dropped. Data is handed out in every state but RELEASED and FAILED.
 */
CT_MUST_USE ct_err ct_alloc_input(struct ct_alloc *a, uint64_t now_ms, const void *in, size_t len,
                                  struct ct_alloc_got *got);

/* CT_OK: one datagram for the server is in out; call again. CT_ERR_AGAIN: nothing to send now. A
 * request that does not fit cap, or cannot be signed, ends the allocation (FAILED). */
CT_MUST_USE ct_err ct_alloc_poll(struct ct_alloc *a, uint64_t now_ms, void *out, size_t cap,
                                 size_t *len);

/* When poll has something to do at the latest; UINT64_MAX: never. */
uint64_t ct_alloc_deadline(const struct ct_alloc *a);

enum ct_alloc_state ct_alloc_state(const struct ct_alloc *a);
/* CT_OK unless FAILED: CT_ERR_TIMEOUT, CT_ERR_AUTH (401, 441, forged answers), CT_ERR_REFUSED
 * (403, 486, 508 ..), CT_ERR_STATE (437: the server does not know this allocation). The sentence is
 * copied to why. */
CT_MUST_USE ct_err ct_alloc_failure(const struct ct_alloc *a, struct ct_why *why);
/* The last STUN error code that the server gave, 0 when none. */
unsigned ct_alloc_error_code(const struct ct_alloc *a);

const struct ct_addr *ct_alloc_relayed(const struct ct_alloc *a);
const struct ct_addr *ct_alloc_mapped(const struct ct_alloc *a); /* as the server sees the client */
uint32_t ct_alloc_lifetime_s(const struct ct_alloc *a);          /* granted; 3600 at most */
uint32_t ct_alloc_rtt_us(const struct ct_alloc *a); /* smoothed; 0 when not measured yet */

/* What the server said, under MESSAGE-INTEGRITY, of whose it is (kex/owner.h); length 0: nothing.
 */
const uint8_t *ct_alloc_owner(const struct ct_alloc *a, size_t *len);

/* New credentials (a renewed pass) for every request from now on; a Refresh follows at once. */
CT_MUST_USE ct_err ct_alloc_renew(struct ct_alloc *a, uint64_t now_ms, const char *username,
                                  const char *password);
/* Frees the allocation at the server: Refresh with lifetime 0, answered or given up. */
void ct_alloc_release(struct ct_alloc *a, uint64_t now_ms);

/*
 * A permission for the peer's address, or a channel to peer (which is a permission too); kept alive
 * until ct_alloc_forget(). Asking again is harmless. CT_ERR_STATE: not READY. CT_ERR_ROOM: the
 * table is full.
 */
CT_MUST_USE ct_err ct_alloc_permit(struct ct_alloc *a, uint64_t now_ms, const struct ct_addr *peer);
CT_MUST_USE ct_err ct_alloc_bind(struct ct_alloc *a, uint64_t now_ms, const struct ct_addr *peer);
enum ct_alloc_peer_state ct_alloc_peer_state(const struct ct_alloc *a, const struct ct_addr *peer);
/* Not renewed any more. The server drops it in its own time; until then, 15 minutes at the longest
 * (RFC 8656 12), the number of a channel is given to the same peer only. */
void ct_alloc_forget(struct ct_alloc *a, const struct ct_addr *peer);
/* Does data for peer go as ChannelData now? */
bool ct_alloc_is_bound(const struct ct_alloc *a, const struct ct_addr *peer);

/*
 * Wraps data for peer: ChannelData once a channel is bound, else a Send indication. out needs
 * data_len + CT_STUN_SEND_OVERHEAD bytes. CT_ERR_STATE: not READY.
 */
CT_MUST_USE ct_err ct_alloc_wrap(struct ct_alloc *a, void *out, size_t cap, size_t *len,
                                 const struct ct_addr *peer, const void *data, size_t data_len);

#endif

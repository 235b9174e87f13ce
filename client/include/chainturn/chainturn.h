/* libchainturn: reach a device by its name, end to end encrypted, through relays listed on chain.
 */
#ifndef CHAINTURN_CHAINTURN_H
#define CHAINTURN_CHAINTURN_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One object, one thread, your loop:
 *
 *     ct_client_open(&c, &config, why);
 *     ct_client_listen(c, NULL);             or ct_client_dial(c, "sensor-42", &call)
 *     for (;;) { ct_client_wait(c, 1000); }  or poll ct_client_fds() and ct_client_process()
 *     ct_client_close(c);
 *
 * (A thread of its own inside does the look-ups; config.log may be called from it.) What happens is
 * told through config.event, from within ct_client_process() and ct_client_wait(). Errors: see
 * err.h; ct_client_error() has the sentence for a person.
 */

#define CT_CLIENT_DATAGRAM_MAX 1152 /* bytes of application data in one datagram */
#define CT_CLIENT_STREAMS 16        /* in a call of streams, each with two directions */
#define CT_CLIENT_FDS_MAX 24

struct ct_client;

enum ct_client_event_kind {
    CT_CLIENT_LISTENING,   /* relay, relayed, block: reachable by name from now on */
    CT_CLIENT_DOWN,        /* err, text: not reachable for now; it tries again by itself */
    CT_CLIENT_FAILED,      /* err, text: listening or coming up has ended */
    CT_CLIENT_STEP,        /* stage, road, block, gas, transaction: of coming up, see below */
    CT_CLIENT_REGISTERED,  /* relay, relayed, road, block: the record on chain was written */
    CT_CLIENT_DIALLING,    /* call, peer, cached */
    CT_CLIENT_PROOF,       /* call, peer, k, n, block: the peer's record holds */
    CT_CLIENT_STAGE,       /* call, stage, ms: "resolve", "allocate", "handshake", "dtls" */
    CT_CLIENT_CONNECTED,   /* call, peer, incoming, streams, rtt_ms */
    CT_CLIENT_DATA,        /* call, peer, incoming, data, len: one datagram */
    CT_CLIENT_STREAM_DATA, /* call, peer, incoming, stream, data, len: bytes, in order */
    CT_CLIENT_STREAM_END,  /* call, peer, incoming, stream: the peer writes no more on it */
    CT_CLIENT_WRITABLE,    /* call, peer, incoming: streams take bytes again */
    CT_CLIENT_CLOSED       /* call, stats, err (CT_OK: hung up here; CT_ERR_IO: there), text */
};

/* How the datagrams of a call went to and came from the relay: as the caller all of them, as the
 * callee from the one on that made the caller authentic. */
struct ct_client_stats {
    uint64_t send_indications, data_indications; /* without a channel */
    uint64_t channel_data_out, channel_data_in;
    uint64_t plain_out, plain_in; /* without an allocation */
};

struct ct_client_event {
    enum ct_client_event_kind kind;
    unsigned call;
    const char *peer;
    int incoming, cached;
    int streams;     /* a call of streams, else of datagrams */
    unsigned stream; /* below CT_CLIENT_STREAMS */
    const void *data;
    size_t len;
    const char *stage;
    double ms;
    unsigned k, n; /* endpoints that vouched for the block, of all */
    uint64_t block;
    uint32_t rtt_ms; /* to the peer, 0 when unknown */
    unsigned relay;
    const char *relayed; /* "address:port" */
    ct_err err;
    const char *text;
    const char *road;        /* "sponsored" or "funded" */
    uint64_t gas;            /* this device's part of the transaction's; 0: none, or not known */
    const char *transaction; /* "0x..", "" when there is none */
    int by_wallet;           /* the device's own transaction, paid with its own ether */
    const struct ct_client_stats *stats;
};

/*
 * Stages of CT_CLIENT_STEP. Sponsored: "register". Funded: "funded" (voucher and ether are there;
 * block 0 when the wallet had what it needs), "sent", "add_client" (the record is pending),
 * "approve"; near the record's end "funded", "sent", "renew", or "register" where that is refused.
 * On either, when the address changes: "update". What a run that was killed had sent is told by the
 * next one.
 */

struct ct_client_config {
    const char *home;   /* folder of this device's keys and state */
    const char *bundle; /* provisioning bundle, or NULL: the one kept in home */
    /* Where the passphrase of home's wallet key is: a private file, "fd:N" (read once) or
     * "credential:NAME" of systemd's. The key is a keystore then; NULL: it is in the clear. */
    const char *wallet_passphrase;
    int insecure_single_rpc; /* believe the first RPC endpoint alone */
    int takes_streams;       /* calls of streams are answered; else refused, as not understood */
    unsigned refresh_s;      /* how often a listener asks its relay for its allocation; 0 is 60 */
    void (*event)(void *arg, const struct ct_client_event *event); /* may call send and hang_up */
    void (*log)(void *arg, const char *line);                      /* NULL: silent */
    void *arg;
};

struct ct_client_why {
    char text[400]; /* one sentence */
};

/* Reads configuration only; no network. CT_ERR_CONFIG, CT_ERR_NOT_FOUND (no bundle). */
CT_MUST_USE ct_err ct_client_open(struct ct_client **out, const struct ct_client_config *config,
                                  struct ct_client_why *why);
/*
 * Hangs up, frees allocations at relays (waits up to a second for that), wipes. NULL is fine. False
 * when a request to the chain or the wallet manager did not end within two more seconds: its thread
 * goes on until it does, and holds HOME so long; leave the process by _exit() if you leave it now.
 */
bool ct_client_close(struct ct_client *client);
const char *ct_client_error(const struct ct_client *client);

/* ---- the loop ---- */

/* Fills fds, at most CT_CLIENT_FDS_MAX; returns how many. */
size_t ct_client_fds(struct ct_client *client, struct pollfd *fds, size_t cap);
int ct_client_timeout_ms(struct ct_client *client); /* as poll() takes it */
void ct_client_process(struct ct_client *client);   /* whatever is ready or due */
/* The three above, for up to timeout_ms. */
void ct_client_wait(struct ct_client *client, int timeout_ms);

/* ---- being a device ---- */

struct ct_client_enrol {
    const char *identity; /* NULL: the one of home, or a random UUID for a new device */
    const char *token;    /* the enrolment token's text; NULL once registered */
    enum {
        CT_CLIENT_ROAD_KEPT,      /* the one of home; for a new device the sponsored one */
        CT_CLIENT_ROAD_SPONSORED, /* the wallet manager writes and pays for the record */
        CT_CLIENT_ROAD_FUNDED,    /* the device's own wallet does, with ether that it is given */
    } road;
};

/*
 * Takes an enrolment to its end: keys, pass, the nearest relay, an allocation there and the record
 * on chain. Then CT_CLIENT_LISTENING, or CT_CLIENT_FAILED. Calls are answered from then on and the
 * allocation is kept alive; enrol may be NULL for a device that has enrolled. CT_CLIENT_FAILED with
 * CT_ERR_MOVED: the contract's owner has named another one; HOME knows it, close and open anew.
 * CT_ERR_STATE: another process, or another client of this one, works for this home: listens, comes
 * up, moves, rotates or revokes. The sentence names it. Calls and look-ups need no home for
 * themselves.
 */
CT_MUST_USE ct_err ct_client_listen(struct ct_client *client, const struct ct_client_enrol *enrol);
/* As above once, for a process that ends afterwards: a live record is left as it is, and the
 * allocation stays at the relay, so that a listener soon after takes it over. */
CT_MUST_USE ct_err ct_client_up(struct ct_client *client, const struct ct_client_enrol *enrol);
const char *ct_client_identity(const struct ct_client *client); /* "" before enrolment */

struct ct_client_changed {
    uint64_t block;
    uint64_t gas;      /* 0: not known, or nothing was left to do */
    int by_wallet;     /* the device's own transaction, else the wallet manager's */
    uint8_t key32[32]; /* the device's public key from now on */
};
/*
 * Another X25519 key, by the wallet's signature; waits until the chain names it. Whoever holds the
 * old record calls in vain for a second and then reads the new one. A rotation that was cut short
 * is gone on with. CT_ERR_STATE: as of ct_client_listen().
 */
CT_MUST_USE ct_err ct_client_rotate(struct ct_client *client, struct ct_client_changed *out);
/* The end of the record, by the wallet's signature; the name is free for a new enrolment then. */
CT_MUST_USE ct_err ct_client_revoke(struct ct_client *client, struct ct_client_changed *out);

/* ---- calls ---- */

CT_MUST_USE ct_err ct_client_dial(struct ct_client *client, const char *identity, unsigned *call);

struct ct_client_dial_options { /* zeroes: as ct_client_dial() */
    bool streams;               /* a call of ordered, reliable streams, not of datagrams */
    bool no_allocation;         /* from a plain socket: the callee's relay has to be in mode open */
    bool move;                  /* the home allocation moves to the callee's relay */
};
/*
 * options may be NULL. CT_ERR_ARG for one that cannot be had. A move gives the home allocation
 * back, allocates at the callee's relay, has the record name that place and calls from there; it
 * stays there afterwards. A client that does not listen is up from then on as with ct_client_up().
 * CT_ERR_STATE: as of ct_client_listen().
 */
CT_MUST_USE ct_err ct_client_dial_with(struct ct_client *client, const char *identity,
                                       const struct ct_client_dial_options *options,
                                       unsigned *call);
/* One datagram, 1 to CT_CLIENT_DATAGRAM_MAX bytes; it may get lost. CT_ERR_STATE: not connected. */
CT_MUST_USE ct_err ct_client_send(struct ct_client *client, unsigned call, const void *data,
                                  size_t len);
/*
 * Ends a call. One of streams ends once the peer has acknowledged everything written: CLOSED with
 * CT_OK then, and CT_ERR_REFUSED when it went away before. A second time ends it at once. The
 * peer's CLOSED has CT_ERR_IO when everything that it had written was acknowledged, else
 * CT_ERR_REFUSED.
 */
void ct_client_hang_up(struct ct_client *client, unsigned call);

/* ---- streams: of a call dialled with that option, or of one that came so ---- */

/*
 * As many bytes as there is room for, from none to all; when not all, CT_CLIENT_WRITABLE follows.
 * CT_ERR_ARG: no such stream. CT_ERR_STATE: not a call of streams, or no more is to be written.
 */
CT_MUST_USE ct_err ct_client_stream_write(struct ct_client *client, unsigned call, unsigned stream,
                                          const void *data, size_t len, size_t *taken);
/* This end writes no more on it, the peer may go on: as shutdown(2) with SHUT_WR. Errors as above.
 */
CT_MUST_USE ct_err ct_client_stream_end(struct ct_client *client, unsigned call, unsigned stream);
/* Until it is told to go on no STREAM_DATA and STREAM_END come; what the peer has sent waits, half
 * a megabyte at most, and then the peer waits. */
CT_MUST_USE ct_err ct_client_stream_pause(struct ct_client *client, unsigned call, int is_paused);
/* So far. CT_ERR_STATE: there is no such call. */
CT_MUST_USE ct_err ct_client_call_stats(struct ct_client *client, unsigned call,
                                        struct ct_client_stats *out);

/* ---- what the chain says; these wait for the answer ---- */

struct ct_client_record {
    char identity[64];
    char wallet[43]; /* 0x.., EIP-55 */
    uint8_t key32[32];
    unsigned relay, expiry_day, sequence;
    char relayed[56], relay_address[56];
    unsigned k, n;
    uint64_t block, timestamp_s;
};
CT_MUST_USE ct_err ct_client_resolve(struct ct_client *client, const char *identity,
                                     struct ct_client_record *out);

/*
 * Pins the name to the wallet that has it now: from then on its calls are refused, both ways, when
 * it is another's (CT_ERR_AUTH, with a sentence that says what became of the pinned one). A name
 * that is pinned to another wallet already is CT_ERR_AUTH, unless accepts is not 0.
 */
CT_MUST_USE ct_err ct_client_pin(struct ct_client *client, const char *identity, int accepts,
                                 struct ct_client_record *out);
CT_MUST_USE ct_err ct_client_unpin(struct ct_client *client, const char *identity);

struct ct_client_relay {
    unsigned index;
    char address[56];
    unsigned port_min, port_max;
    int is_approved;
    const char *state;
    uint32_t rtt_us; /* 0: no answer */
};
/* The first cap of the relays; *count is how many there are. */
CT_MUST_USE ct_err ct_client_relays(struct ct_client *client, struct ct_client_relay *out,
                                    size_t cap, size_t *count);

#ifdef __cplusplus
}
#endif

#endif

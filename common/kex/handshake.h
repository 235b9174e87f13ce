/* The handshake of docs/protocol.md 4, both sides; no socket, clock or randomness inside. */
#ifndef CT_KEX_HANDSHAKE_H
#define CT_KEX_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "kex/x25519.h"

struct ct_wallet; /* chain/key.h */

enum ct_hs_purpose { CT_HS_CALL = 0, CT_HS_ENROL_DEVICE = 1, CT_HS_ENROL_RELAY = 2 };

/* What A signs (docs/protocol.md 2): the EIP-712 type, how many members it has, and its label. */
extern const char ct_hs_type[];
enum { CT_HS_WORDS = 9 };
const char *ct_hs_label(enum ct_hs_purpose purpose);

#define CT_HS_FIRST_BYTE 0x0cu /* tells a handshake message from STUN, DTLS, RTP (RFC 7983) */
#define CT_HS_M0_LEN 52u
#define CT_HS_M1_LEN 389u
#define CT_HS_M1_COOKIE_LEN 421u
#define CT_HS_M2_LEN 324u
#define CT_HS_M3_LEN 148u
#define CT_HS_M4_LEN 213u
#define CT_HS_FLIGHT_LEN (CT_HS_M3_LEN + CT_HS_M4_LEN) /* 361: m3 and m4 */
#define CT_HS_MAX_LEN CT_HS_M1_COOKIE_LEN
#define CT_HS_HELD_MAX 1200u /* longest ClientHello that is held */
#define CT_HS_LIFE_MS 10000u /* a handshake, and the memory of its sid */
#define CT_HS_RESEND_MAX 7u
#define CT_HS_RESEND_MIN_MS 100u
#define CT_HS_HALF_OPEN_MAX 64u /* from here on an m1 needs a cookie */
#define CT_HS_PER_SOURCE_MAX 8u /* half-open and refused handshakes of one source within 10 s */
#define CT_HS_LOOKUPS_MAX 64u   /* records read for calls within one second */
#define CT_HS_SOURCE_LEN 20u

/* The deployment that everything is bound to; D is derived from it. */
struct ct_hs_net {
    uint64_t chain_id;
    uint8_t contract20[20];
};

/* What the chain (or, at enrolment, m1) says of a party. The WM: "wm", 20 zero bytes, its key. */
struct ct_hs_party {
    char identity[64]; /* NUL-terminated, 1 to 63 characters */
    uint8_t wallet20[20];
    uint8_t key32[32];
};

/* What both sides hold in the end. */
struct ct_hs_session {
    uint8_t sid16[16];
    uint8_t psk32[32];     /* wipe with ct_wipe() */
    char psk_identity[33]; /* sid in lower-case hex, NUL-terminated */
    enum ct_hs_purpose purpose;
    struct ct_hs_party peer;
};

#define CT_HS_WM_IDENTITY "wm"

/* The session of two simultaneous calls that is kept: the one with the lower sid. */
bool ct_hs_sid_lower(const uint8_t a16[16], const uint8_t b16[16]);

/*
 * A source address as the responder compares it: 16 bytes of address (IPv4 as ::ffff:a.b.c.d),
 * 2 of port, 2 of whatever else tells paths apart. All zero: unknown, and nothing is limited or
 * held by it. Over HTTP the client's address with port 0, since the port changes between its
 * requests.
 */
struct ct_hs_source {
    uint8_t bytes[CT_HS_SOURCE_LEN];
};

/* ---- Initiator ------------------------------------------------------------------------------- */

struct ct_hs_initiator;

/* Fresh for each handshake: ct_random(&draw, sizeof(draw)) fills it whole; wipe it after _new(). */
struct ct_hs_initiator_draw {
    uint8_t sid16[16];
    uint8_t n1_32[32];
    struct ct_secret32 ephemeral; /* eph_A */
    struct ct_secret32 session;   /* K_S */
    struct ct_secret32 seal1, seal3, seal4;
};

struct ct_hs_initiator_config {
    struct ct_hs_net net;
    enum ct_hs_purpose purpose;
    const char *identity;           /* own; copied */
    const struct ct_wallet *wallet; /* own, signs m4; borrowed until free */
    const struct ct_x25519 *key;    /* own; borrowed until free */
    struct ct_hs_party peer;        /* as read from the chain */
    uint32_t rtt_ms;                /* measured round trip to the peer; 0 when unknown */
};

enum ct_hs_state {
    CT_HS_WAIT,    /* m1 is out, m2 awaited */
    CT_HS_RECHECK, /* m2 names another record of the peer: read the chain, ct_hs_initiator_peer() */
    CT_HS_READY,   /* the session stands; the flight is sent until ct_hs_initiator_confirm() */
    CT_HS_DONE,    /* confirmed; nothing is sent any more */
    CT_HS_FAILED,  /* timed out or refused; everything secret is wiped */
};

/*
 * Starts a handshake; ct_hs_initiator_poll() gives m1 at once.
 * Errors: CT_ERR_ARG (identity, purpose, a call to oneself), CT_ERR_AUTH (peer key of low order),
 * CT_ERR_NOMEM, CT_ERR_SYSTEM.
 */
CT_MUST_USE ct_err ct_hs_initiator_new(struct ct_hs_initiator **out,
                                       const struct ct_hs_initiator_config *config,
                                       const struct ct_hs_initiator_draw *draw, uint64_t now_ms);
void ct_hs_initiator_free(struct ct_hs_initiator *hs); /* wipes; NULL is fine */

/*
 * What to send now: m1 or the flight m3 | m4 (361 bytes, the ClientHello goes behind it in the same
 * datagram). The bytes stay valid until the next call. CT_ERR_AGAIN: nothing is due yet.
 * CT_ERR_TIMEOUT: 7 repetitions or 10 s are over, the state is CT_HS_FAILED.
 */
CT_MUST_USE ct_err ct_hs_initiator_poll(struct ct_hs_initiator *hs, const uint8_t **bytes,
                                        size_t *len, uint64_t now_ms);
/* When to poll again, in the same clock; UINT64_MAX when never. */
uint64_t ct_hs_initiator_deadline_ms(const struct ct_hs_initiator *hs);

/*
 * A datagram that came from the peer's address: m0 or m2. After CT_OK poll, and look at the state.
 * Any error: the datagram is dropped and nothing changed, except CT_ERR_AGAIN, which says that the
 * state is now CT_HS_RECHECK.
 */
CT_MUST_USE ct_err ct_hs_initiator_input(struct ct_hs_initiator *hs, const uint8_t *data,
                                         size_t len, uint64_t now_ms);
/* The peer's record read afresh, in state CT_HS_RECHECK. CT_ERR_AUTH: it still does not match, the
 * state is CT_HS_FAILED. */
CT_MUST_USE ct_err ct_hs_initiator_peer(struct ct_hs_initiator *hs, const struct ct_hs_party *peer,
                                        uint64_t now_ms);
/* The peer answered with DTLS (or "done"): the flight arrived. */
void ct_hs_initiator_confirm(struct ct_hs_initiator *hs);

enum ct_hs_state ct_hs_initiator_state(const struct ct_hs_initiator *hs);
const uint8_t *ct_hs_initiator_sid16(const struct ct_hs_initiator *hs);
/* In CT_HS_READY and CT_HS_DONE, else CT_ERR_STATE. */
CT_MUST_USE ct_err ct_hs_initiator_session(const struct ct_hs_initiator *hs,
                                           struct ct_hs_session *out);

/* ---- Responder ------------------------------------------------------------------------------- */

/* All handshakes that others began with this party: a table of bounded size. */
struct ct_hs_responder;

struct ct_hs_responder_config {
    struct ct_hs_net net;
    unsigned purposes;                /* bits 1 << enum ct_hs_purpose that are served */
    const char *identity;             /* own; copied */
    uint8_t wallet20[20];             /* own; zeros for the WM */
    const struct ct_x25519 *key;      /* own; borrowed until free */
    const struct ct_x25519 *previous; /* a second key still served (rotation), or NULL */
    size_t capacity;                  /* handshakes remembered at once, 1 to 4096 */
    size_t half_open_max;             /* 0: CT_HS_HALF_OPEN_MAX; SIZE_MAX: never a cookie (HTTP) */
    size_t per_source;                /* 0: CT_HS_PER_SOURCE_MAX; see ct_hs_responder_input() */
    struct ct_secret32 cookie_seed;   /* fresh random; cookie keys are derived from it */
};

/* Fresh for each answer: ct_random(&draw, sizeof(draw)). */
struct ct_hs_responder_draw {
    uint8_t n2_32[32];
    struct ct_secret32 ephemeral; /* eph_B */
    struct ct_secret32 seal2;
};

enum ct_hs_event {
    CT_HS_DROP,    /* nothing to do */
    CT_HS_SEND,    /* send bytes back to the source: m0, or m2 once more */
    CT_HS_LOOKUP,  /* read claim.party.identity's record, then _answer() or _refuse() by claim.sid16
                    */
    CT_HS_SESSION, /* session is complete; feed rest (a ClientHello) to DTLS when rest_len > 0 */
    CT_HS_REPEAT,  /* the flight of a session that stands, once more: feed rest to DTLS */
};

struct ct_hs_claim {
    uint8_t sid16[16];
    enum ct_hs_purpose purpose;
    /* identity is claimed; wallet and key are filled at enrolment only, and claimed too until the
     * session is complete. For a call they are zero. */
    struct ct_hs_party party;
};

struct ct_hs_result {
    enum ct_hs_event event;
    struct ct_hs_source source; /* of the handshake: where bytes go */
    const uint8_t *bytes;       /* CT_HS_SEND; valid until the next call */
    size_t len;
    struct ct_hs_claim claim;     /* CT_HS_LOOKUP */
    struct ct_hs_session session; /* CT_HS_SESSION; CT_HS_REPEAT: sid16 only. Wipe it. */
    const uint8_t
        *rest; /* in the datagram that was passed in, or a held one; until the next call */
    size_t rest_len;
};

CT_MUST_USE ct_err ct_hs_responder_new(struct ct_hs_responder **out,
                                       const struct ct_hs_responder_config *config);
void ct_hs_responder_free(struct ct_hs_responder *table); /* wipes; NULL is fine */

/*
 * One datagram: m1, or m3 | m4 | rest, or a ClientHello of DTLS from a source whose handshake is
 * half open, which is held: the newest one. Over HTTP join m3 and m4. Any error: dropped, and
 * nothing changed but counters; result->event is CT_HS_DROP. CT_ERR_AUTH in m3 or m4 keeps the
 * handshake, so that a forger cannot end it. CT_ERR_AGAIN: the table is full; or the half-open and
 * refused handshakes of the last 10 s are too many from this source (per_source) or this address (a
 * quarter of the capacity, 8 at least; of IPv6 the first 64 bits count); or CT_HS_LOOKUPS_MAX calls
 * began within this second.
 */
CT_MUST_USE ct_err ct_hs_responder_input(struct ct_hs_responder *table, struct ct_hs_result *result,
                                         const struct ct_hs_source *source, const uint8_t *data,
                                         size_t len, uint64_t now_ms);
/*
 * The record for a CT_HS_LOOKUP: gives m2 in result (CT_HS_SEND, to result->source, where the m1
 * came from). At enrolment pass claim.party itself.
 *
 * Errors: CT_ERR_NOT_FOUND (unknown or expired sid), CT_ERR_AGAIN (the record does not match R_A:
 * read the chain afresh and answer once more; only the first time), CT_ERR_AUTH (still does not
 * match: forgotten), CT_ERR_STATE (answered already).
 */
CT_MUST_USE ct_err ct_hs_responder_answer(struct ct_hs_responder *table,
                                          struct ct_hs_result *result, const uint8_t sid16[16],
                                          const struct ct_hs_party *record,
                                          const struct ct_hs_responder_draw *draw, uint64_t now_ms);
/* Ends a handshake without an answer and wipes it; its sid stays remembered. */
void ct_hs_responder_refuse(struct ct_hs_responder *table, const uint8_t sid16[16]);
/* Forgets what is older than 10 s; input does it too. */
void ct_hs_responder_expire(struct ct_hs_responder *table, uint64_t now_ms);
/* Handshakes that are neither complete nor refused. */
size_t ct_hs_responder_half_open(const struct ct_hs_responder *table);

#endif

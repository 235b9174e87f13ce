/* One handshake as its responder holds it: claimed, answered, complete or refused; kex only. */
#ifndef CT_KEX_HANDSHAKE_RESPONDER_H
#define CT_KEX_HANDSHAKE_RESPONDER_H

#include <stdbool.h>

#include "kex/handshake_wire.h"

enum ct_hs_entry_state {
    CT_HS_CLAIMED,  /* m1 opened, A's record awaited */
    CT_HS_ANSWERED, /* m2 is out */
    CT_HS_COMPLETE, /* the session was given out; m2 and the flight are remembered */
};

/* Who answers: the deployment and the party, without the table. */
struct ct_hs_self {
    struct ct_hs_net net;
    uint8_t deployment32[32];
    char identity[64];
    uint8_t wallet20[20];
};

struct ct_hs_entry {
    enum ct_hs_entry_state state;
    enum ct_hs_purpose purpose;
    uint64_t began_ms;
    struct ct_hs_source source;
    const struct ct_x25519 *key; /* the one that opened m1; borrowed */
    bool rechecked;              /* A's record was read once more already */
    struct ct_hs_p1 p1;
    struct ct_hs_party peer; /* A, once its record matched */
    uint8_t sid16[16];
    uint8_t n2_32[32];
    struct ct_secret32 ephemeral;
    uint8_t messages[CT_HS_END4];
    uint8_t *held; /* a ClientHello that came early, or NULL */
    size_t held_len;
};

/*
 * Opens an m1 (bytes without cookie field) into a new entry with key. CT_ERR_AUTH: not sealed to
 * key, or not meant for self; CT_ERR_REPLAY: self's own identity came back.
 */
CT_MUST_USE ct_err ct_hs_entry_open(struct ct_hs_entry *entry, const struct ct_hs_self *self,
                                    const struct ct_x25519 *key, enum ct_hs_purpose purpose,
                                    const uint8_t bare[CT_HS_M1_BARE_LEN]);
/* Does A's record match what m1 claims? */
bool ct_hs_entry_matches(const struct ct_hs_entry *entry, const struct ct_hs_self *self,
                         const struct ct_hs_party *record);
/* Makes m2 into entry->messages. */
CT_MUST_USE ct_err ct_hs_entry_answer(struct ct_hs_entry *entry, const struct ct_hs_self *self,
                                      const struct ct_hs_party *record,
                                      const struct ct_hs_responder_draw *draw);
/* Takes m3 | m4 and gives the PSK; any error leaves the entry as it was. */
CT_MUST_USE ct_err ct_hs_entry_complete(struct ct_hs_entry *entry, const struct ct_hs_self *self,
                                        const uint8_t flight[CT_HS_FLIGHT_LEN], uint8_t psk32[32]);
/* Wipes what is secret and keeps the messages' memory. */
void ct_hs_entry_wipe_secrets(struct ct_hs_entry *entry);
void ct_hs_entry_free(struct ct_hs_entry *entry); /* wipes; NULL is fine */

/* All that is left of a refused handshake, apart from the table so that it takes none of its room.
 */
struct ct_hs_refused {
    uint8_t sid16[16];
    struct ct_hs_source source;
    uint64_t end_ms; /* forgotten from then on */
};
enum { CT_HS_REFUSED_MAX = 64 };

struct ct_hs_responder {
    struct ct_hs_self self;
    unsigned purposes;
    const struct ct_x25519 *key;      /* borrowed */
    const struct ct_x25519 *previous; /* borrowed, may be NULL */
    struct ct_secret32 cookie_seed;
    size_t half_open_max;
    size_t half_open;
    size_t per_source;
    uint64_t second; /* of the look-ups counted */
    size_t lookups;
    struct ct_hs_refused refused[CT_HS_REFUSED_MAX]; /* the oldest is overwritten */
    size_t refused_next;
    uint64_t next_expiry_ms; /* nothing expires before */
    uint8_t m0[CT_HS_M0_LEN];
    uint8_t held[CT_HS_HELD_MAX]; /* what result->rest points to when it was held */
    size_t capacity;
    size_t count;
    struct slot {
        uint8_t sid16[16];
        struct ct_hs_entry *entry;
    } * slots; /* the first count are in use */
};

/* NULL when the sid is not known. */
struct ct_hs_entry *ct_hs_table_find(const struct ct_hs_responder *table, const uint8_t sid16[16]);
/* Takes the entry, whose began_ms is set; the caller has checked that there is room. A full table
 * forgets its oldest complete handshake. */
void ct_hs_table_add(struct ct_hs_responder *table, struct ct_hs_entry *entry);
/* May this source begin one more? A complete handshake, which a wallet has signed, never stands in
 * the way. */
bool ct_hs_table_has_room(const struct ct_hs_responder *table, const struct ct_hs_source *source,
                          uint64_t now_ms);
/* CT_HS_ANSWERED is over: the session was given out. */
void ct_hs_table_complete(struct ct_hs_responder *table, struct ct_hs_entry *entry);
/* Removes and frees a half-open entry; its sid stays remembered. */
void ct_hs_table_refuse(struct ct_hs_responder *table, struct ct_hs_entry *entry);
/* NULL when the sid was not refused, or too long ago. */
const struct ct_hs_refused *ct_hs_table_refused(const struct ct_hs_responder *table,
                                                const uint8_t sid16[16], uint64_t now_ms);
/* Holds data, a ClientHello, for the newest answered handshake of source. CT_ERR_FORMAT: it is
 * none; CT_ERR_NOT_FOUND: nobody waits for one. */
CT_MUST_USE ct_err ct_hs_table_hold(struct ct_hs_responder *table,
                                    const struct ct_hs_source *source, const uint8_t *data,
                                    size_t len);
bool ct_hs_source_known(const struct ct_hs_source *source);

#endif

/* What the wallet manager must not forget, behind one table of functions: tokens used, passes,
 * devices, relays, payments, operations asked for and transactions sent. */
#ifndef CT_WM_STORE_H
#define CT_WM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"

#define CT_STORE_IDENTITY 64 /* with NUL */
#define CT_STORE_BATCH 33
#define CT_OP_ID 33 /* 32 hexadecimal digits and NUL */
#define CT_OP_SUBJECT 80
#define CT_OP_PAYLOAD 256
#define CT_OP_REASON 300
#define CT_TXN_RAW 16384

struct ct_token_use {
    uint8_t jti16[16];
    char batch[CT_STORE_BATCH];
    char identity[CT_STORE_IDENTITY];
    uint8_t wallet20[20];
    uint64_t now_s;
    uint8_t factory16[16]; /* the credential that it was exchanged for; zeros: none */
};

/* A factory credential exchanged for one token. */
struct ct_token_mint {
    uint8_t jti16[16]; /* the token's */
    uint8_t factory16[16];
    char batch[CT_STORE_BATCH];
    char identity[CT_STORE_IDENTITY];
    uint32_t count; /* of tokens that the credential is for */
    uint64_t expires_s;
};

enum ct_token_state { CT_TOKEN_ISSUED, CT_TOKEN_USED, CT_TOKEN_WITHDRAWN };

struct ct_token_row {
    uint8_t jti16[16];
    char batch[CT_STORE_BATCH];
    enum ct_token_state state;
    char identity[CT_STORE_IDENTITY]; /* who used it, also when it is withdrawn; "": nobody */
    uint8_t wallet20[20];
    uint64_t expires_s;    /* 0: not known here */
    uint64_t used_s;       /* 0: never */
    uint32_t count;        /* 0: a token; else a factory credential, for so many tokens */
    uint32_t minted;       /* of these */
    uint8_t factory16[16]; /* a token's that was minted from one; else zeros */
};

struct ct_pass_row {
    uint8_t id16[16];
    uint8_t renews16[16]; /* zeros: none */
    char identity[CT_STORE_IDENTITY];
    uint8_t wallet20[20];
    uint64_t expires_s;
};

struct ct_device_row {
    char identity[CT_STORE_IDENTITY];
    uint8_t wallet20[20];
    uint8_t key32[32];
    uint16_t relay, port, sequence, expiry_day;
    uint64_t block; /* the registration's */
};

struct ct_relay_row {
    uint8_t pending32[32];
    uint8_t owner20[20];
    uint16_t index; /* 0 before approval */
    uint64_t checked_s;
    uint32_t rtt_us; /* of the test allocation */
    char verdict[CT_OP_REASON];
};

/* What the repeated tests of an approved relay came to; one an index. */
enum ct_relay_act {
    CT_RELAY_LEFT = 0,        /* it is as others made it */
    CT_RELAY_REVOKED = 1,     /* by these tests */
    CT_RELAY_REINSTATING = 2, /* by these tests, and on its way back */
};

struct ct_relay_watch {
    uint16_t index;
    uint8_t digest32[32];     /* of the record that was tested */
    uint32_t strikes, passes; /* in a row, of the tests since the last act; one of them is 0 */
    uint64_t failing_s;       /* the first of the strikes; 0: none */
    uint64_t due_s;           /* the next test */
    enum ct_relay_act act;
    uint64_t acted_s;
    char op[CT_OP_ID]; /* the act's operation */
    uint64_t held_s;   /* when a person last said that it shall be revoked; 0: never */
};

/* One test of a relay; the newest are kept. */
enum { CT_RELAY_TESTS = 24 };
struct ct_relay_test {
    uint64_t at_s;
    uint32_t rtt_us; /* 0: it failed */
};

/* A payment for the gas of one device: one a token. */
struct ct_funding {
    uint8_t jti16[16];
    char identity[CT_STORE_IDENTITY];
    uint8_t wallet20[20];
    uint8_t wei32[32]; /* big-endian */
    uint64_t gwei;     /* the same in 10^9 wei, rounded up */
    char op[CT_OP_ID]; /* of kind CT_OP_FUND */
    uint64_t created_s;
};

/* What goes out for all devices together, in gwei; at most 2^53. */
struct ct_outflow {
    uint64_t hour_gwei; /* of the 60 minutes before the present one, and in it */
    uint64_t day_gwei;  /* of the 24 hours before the present one, and in it */
};

/* What is under way. */
struct ct_store_counts {
    uint64_t checking, queued, sent;       /* operations */
    uint64_t oldest_s;                     /* when the oldest of them was asked for; 0: none */
    uint64_t tx_signed, tx_sent, tx_mined; /* newest attempts at open nonces */
};

enum { CT_STORE_NOTE = 256 };
enum { CT_STORE_PAGE = 100 }; /* rows of one page at most */

enum ct_op_kind {
    CT_OP_REGISTER = 1,    /* subject: identity; payload: one entry of registerClients */
    CT_OP_APPROVE_RELAY,   /* subject: pending id; payload: see ops.h */
    CT_OP_REVOKE_RELAY,    /* subject: index in decimal */
    CT_OP_REVOKE_DEVICE,   /* subject: identity */
    CT_OP_REVOKE_PASS,     /* subject: pass id in hexadecimal */
    CT_OP_APPROVE_DEVICE,  /* subject: identity; payload: one entry of approveClients */
    CT_OP_FUND,            /* subject: identity; payload: see ops.h */
    CT_OP_UPDATE,          /* subject: identity; payload: one entry of updateAllocations */
    CT_OP_ROTATE,          /* subject: identity; payload: one entry of rotateKeys */
    CT_OP_REVOKE_SELF,     /* subject: identity; payload: the arguments of revokeSelf */
    CT_OP_REINSTATE_RELAY, /* subject: index in decimal */
    CT_OP_ADOPT_RELAY,     /* from the predecessor; subject: index in decimal */
    CT_OP_ADOPT_DEVICE,    /* likewise; subject: identity, or 0x and its hash */
    CT_OP_KINDS,           /* one above the last */
};

/* What a device signs may be signed anew before it is sent; the newer one counts then. */
static inline bool ct_op_takes_newer(enum ct_op_kind kind)
{
    return kind == CT_OP_REGISTER || kind == CT_OP_UPDATE || kind == CT_OP_ROTATE ||
           kind == CT_OP_REVOKE_SELF;
}

enum ct_op_state {
    CT_OP_CHECKING, /* the probe works on it; "queued" outside */
    CT_OP_QUEUED,
    CT_OP_SENT,
    CT_OP_DONE,
    CT_OP_FAILED,
};

struct ct_op {
    char id[CT_OP_ID];
    enum ct_op_kind kind;
    enum ct_op_state state;
    char subject[CT_OP_SUBJECT];
    uint8_t wallet20[20]; /* who asked; zeros: an administrator */
    uint8_t payload[CT_OP_PAYLOAD];
    size_t payload_len;
    bool has_tx;
    uint8_t tx32[32];
    uint64_t block; /* 0 before it is mined */
    char reason[CT_OP_REASON];
    uint64_t created_s;
};

/*
 * signed -> sent -> mined -> confirmed | failed, and mined -> sent when its block is gone. All
 * attempts of a nonce (the same at higher fees) are open until one of them is closed; the others
 * then are replaced. The numbers are in the stores.
 */
enum ct_txn_state {
    CT_TXN_SENT = 0,      /* some endpoint took it */
    CT_TXN_CONFIRMED = 1, /* deep enough */
    CT_TXN_REPLACED = 2,  /* another one has its nonce */
    CT_TXN_SIGNED = 3,    /* stored, perhaps not broadcast yet */
    CT_TXN_MINED = 4,     /* in a block */
    CT_TXN_FAILED = 5,    /* deep enough, and reverted */
};

enum { CT_TXN_ATTEMPTS = 32 }; /* of one nonce */

struct ct_txn {
    uint8_t sender20[20];
    uint64_t nonce;
    uint8_t hash32[32];
    uint8_t raw[CT_TXN_RAW];
    size_t raw_len;
    uint64_t created_s; /* of this attempt */
    enum ct_txn_state state;
    uint32_t attempt;              /* from 0 */
    bool is_filler;                /* it does nothing but use up its nonce */
    uint64_t max_fee_wei, tip_wei; /* for a unit of gas; 0: of an older program, see raw */
    uint64_t block;                /* where it is mined, else 0 */
    uint8_t block32[32];
};

/* One attempt at a nonce. */
struct ct_txn_slot {
    uint8_t hash32[32];
    bool is_filler;
};

/* One under way, for people. */
struct ct_txn_row {
    uint8_t sender20[20], hash32[32];
    uint64_t nonce, created_s, max_fee_wei, tip_wei, block;
    enum ct_txn_state state;
    uint32_t attempt;
};

/* How one operation of a transaction ended. */
struct ct_op_end {
    char id[CT_OP_ID];
    enum ct_op_state state; /* DONE, FAILED, or QUEUED: to be sent again */
    char reason[CT_OP_REASON];
};

/* The one answer to an Idempotency-Key, kept a day; or the claim of whoever works on it. */
enum {
    CT_REPLY_BODY = 4096, /* with NUL */
    CT_REPLIES_OF_PARTY = 256,
    CT_REPLY_CLAIM_S = 60,
    CT_REPLY_KEPT_S = 86400
};

struct ct_reply_key {
    uint8_t key32[32];   /* names party, path and key */
    uint8_t party16[16]; /* whose keys are counted together */
    uint8_t body32[32];  /* of the request */
};

enum ct_reply_state {
    CT_REPLY_NEW,       /* claimed: do it, then reply_end() */
    CT_REPLY_UNDER_WAY, /* claimed by another */
    CT_REPLY_KEPT,      /* status and body are there */
    CT_REPLY_CONFLICT,  /* the key was used with another body */
    CT_REPLY_FULL,      /* the party has as many keys as it may */
};

struct ct_reply {
    enum ct_reply_state state;
    uint8_t claim16[16]; /* when new */
    unsigned status;
    char body[CT_REPLY_BODY];
};

/* A token bucket that is full with per_minute, and filled at that rate. */
struct ct_bucket {
    uint8_t key16[16];
    uint32_t per_minute; /* at least 1 */
};

enum { CT_BUCKETS_MAX = 4, CT_BUCKET_SPAN_US = 60000000 };

/* In which one drop comes. */
static inline uint64_t ct_bucket_step_us(const struct ct_bucket *b)
{
    return b->per_minute < CT_BUCKET_SPAN_US ? CT_BUCKET_SPAN_US / b->per_minute : 1;
}

/*
 * The rule, for drivers: full_us is when the bucket will be full, 0 when it is. Gives 0 and in
 * *then_us when it will be with one less; or how long to wait for one. A clock that was set back
 * makes nobody wait for longer than it takes to fill.
 */
static inline uint64_t ct_bucket_take(uint64_t *then_us, const struct ct_bucket *b,
                                      uint64_t full_us, uint64_t now_us)
{
    uint64_t from_us = full_us < now_us ? now_us : full_us;
    uint64_t latest_us = now_us + CT_BUCKET_SPAN_US;
    *then_us = (from_us > latest_us ? latest_us : from_us) + ct_bucket_step_us(b);
    return *then_us > latest_us ? *then_us - latest_us : 0;
}

/* Which deployment a store belongs to. */
struct ct_store_place {
    uint64_t chain_id;
    uint8_t contract20[20];
};

/*
 * Who of several servers may use an account's key. The number grows by one each time that another
 * one takes the lease, and never goes back.
 */
enum { CT_LEASE_HOLDER = 96 };
struct ct_lease_row {
    uint64_t number;
    char holder[CT_LEASE_HOLDER]; /* "": nobody, it was given back */
    uint64_t left_ms;             /* 0: it is over */
};

struct ct_store;

/*
 * Each function is one transaction: on CT_OK it is on disk, else nothing changed. Any thread may
 * call. CT_ERR_NOT_FOUND: no such row. CT_ERR_AGAIN, CT_ERR_SYSTEM, CT_ERR_NOMEM: the store failed.
 * CT_ERR_EXPIRED: the handle has a fence (below), and another server leads by now; any function
 * that changes something may say so, the buckets' and the replies' do not.
 */
struct ct_store_ops {
    void (*free)(struct ct_store *s);

    /* CT_ERR_STATE: a token of that number is there already. CT_ERR_REFUSED: the batch is
     * withdrawn.
     */
    ct_err (*token_add)(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                        uint64_t expires_s);
    /* A factory credential for count tokens; errors as above. */
    ct_err (*factory_add)(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                          uint64_t expires_s, uint32_t count);
    /*
     * Adds the token and counts it, or finds that it was added before. CT_ERR_STATE: the credential
     * was exchanged as often as it may be. CT_ERR_REFUSED: it, its batch or the token is withdrawn.
     */
    ct_err (*token_mint)(struct ct_store *s, const struct ct_token_mint *mint);
    /*
     * Binds the token to (identity, wallet), or finds it bound to the same. CT_ERR_REPLAY: bound to
     * others. CT_ERR_REFUSED: withdrawn, or the credential that it was minted from is.
     */
    ct_err (*token_use)(struct ct_store *s, const struct ct_token_use *use);

    /* Withdraws every token that identity used, but for those of the wallet except20 (NULL: all):
     * none of them admits it again. */
    ct_err (*token_withdraw)(struct ct_store *s, const char *identity, const uint8_t *except20);
    /* One, used or not; also one without a row, which gets batch and expiry then. */
    ct_err (*token_withdraw_one)(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                                 uint64_t expires_s);
    /* All that name this batch, those without a row too; no more can be added to it. */
    ct_err (*token_withdraw_batch)(struct ct_store *s, const char *batch);
    /* Of one batch, or of any (NULL); a page as below. */
    ct_err (*token_page)(struct ct_store *s, const char *batch, const uint8_t *after16,
                         struct ct_token_row *out, size_t cap, size_t *count);

    ct_err (*pass_add)(struct ct_store *s, const struct ct_pass_row *pass);
    ct_err (*pass_find)(struct ct_store *s, const uint8_t id16[16], struct ct_pass_row *out);
    /* Passes of identity that are not over at now_s. */
    ct_err (*pass_list)(struct ct_store *s, const char *identity, uint64_t now_s,
                        struct ct_pass_row *out, size_t cap, size_t *count);

    ct_err (*device_put)(struct ct_store *s, const struct ct_device_row *device);
    ct_err (*device_find)(struct ct_store *s, const char *identity, struct ct_device_row *out);

    ct_err (*relay_put)(struct ct_store *s, const struct ct_relay_row *relay);
    ct_err (*relay_find)(struct ct_store *s, const uint8_t pending32[32], struct ct_relay_row *out);

    /* Keeps all of it but held_s, which only the last of these three writes. */
    ct_err (*relay_watch_put)(struct ct_store *s, const struct ct_relay_watch *watch);
    ct_err (*relay_watch_find)(struct ct_store *s, uint16_t index, struct ct_relay_watch *out);
    ct_err (*relay_watch_hold)(struct ct_store *s, uint16_t index, uint64_t now_s);
    ct_err (*test_add)(struct ct_store *s, const uint8_t pending32[32],
                       const struct ct_relay_test *test);
    /* Oldest first; *count 0 when there is none. */
    ct_err (*test_list)(struct ct_store *s, const uint8_t pending32[32],
                        struct ct_relay_test out[CT_RELAY_TESTS], size_t *count);

    /*
     * Pays for a token once: adds op (kind CT_OP_FUND; op->id is made here), the row and what goes
     * out, in one step. CT_OK also when the token was paid for or is being paid for, or another
     * token of the same name and wallet is: op->id is that payment and nothing is added but the
     * row. One that failed is made again. CT_ERR_STATE: another wallet of that name is being paid.
     * CT_ERR_REFUSED: more would go out than `most`; nothing changed.
     */
    ct_err (*funding_add)(struct ct_store *s, struct ct_op *op, const struct ct_funding *funding,
                          const struct ct_outflow *most);
    ct_err (*funding_find)(struct ct_store *s, const uint8_t jti16[16], struct ct_funding *out);
    ct_err (*outflow)(struct ct_store *s, uint64_t now_s, struct ct_outflow *out);

    /* Claims the key or says what is known of it. */
    ct_err (*reply_begin)(struct ct_store *s, const struct ct_reply_key *key, uint64_t now_s,
                          struct ct_reply *out);
    /* Keeps the answer, or with status 0 frees the key. A claim that lapsed changes nothing. */
    ct_err (*reply_end)(struct ct_store *s, const struct ct_reply_key *key,
                        const uint8_t claim16[16], uint64_t now_s, unsigned status,
                        const char *body);
    /*
     * Takes one out of each bucket, or nothing when one is empty: CT_ERR_REFUSED, *wait_ms until
     * it will not be. A power cut may forget it.
     */
    ct_err (*bucket_take)(struct ct_store *s, const struct ct_bucket *buckets, size_t count,
                          uint64_t now_us, uint32_t *wait_ms);

    /*
     * Adds an operation (op->id is made here) or finds the one under way with the same kind,
     * subject and wallet: what a device signed takes the new payload as long as it is not sent.
     * CT_ERR_STATE: another one on this subject is under way; op->id says which.
     */
    ct_err (*op_add)(struct ct_store *s, struct ct_op *op);
    ct_err (*op_find)(struct ct_store *s, const char *id, struct ct_op *out);
    /* The one on that subject that is neither done nor failed. */
    ct_err (*op_under_way)(struct ct_store *s, enum ct_op_kind kind, const char *subject,
                           struct ct_op *out);
    /* The oldest in that state (any kind with kind 0), at most cap; CT_OK with *count 0 when none.
     */
    ct_err (*op_list)(struct ct_store *s, enum ct_op_state state, unsigned kind, struct ct_op *out,
                      size_t cap, size_t *count);
    /* Moves one on that has no transaction; payload_len 0 keeps the payload. CT_ERR_STATE: it is
     * not in the state `from` any more. */
    ct_err (*op_move)(struct ct_store *s, const char *id, enum ct_op_state from,
                      enum ct_op_state to, const void *payload, size_t payload_len,
                      const char *reason);
    ct_err (*op_of_tx)(struct ct_store *s, const uint8_t hash32[32], struct ct_op *out, size_t cap,
                       size_t *count);

    /* Keeps a signed transaction (state SIGNED) and marks its operations as sent, before it is
     * broadcast. count 0: it only fills its nonce. */
    ct_err (*tx_add)(struct ct_store *s, const struct ct_txn *tx, const char (*ids)[CT_OP_ID],
                     size_t count);
    /*
     * Keeps another attempt at the nonce of old, which must be the newest one and open: the
     * operations are tx's now, with that reason (NULL: as it was). CT_ERR_STATE otherwise.
     */
    ct_err (*tx_replace)(struct ct_store *s, const uint8_t old32[32], const struct ct_txn *tx,
                         const char *reason);
    /* SIGNED, SENT or MINED; block and block32 are 0 and NULL but for MINED. CT_ERR_STATE: it is
     * not open. */
    ct_err (*tx_mark)(struct ct_store *s, const uint8_t hash32[32], enum ct_txn_state state,
                      uint64_t block, const uint8_t *block32);
    /* The newest attempt of the lowest open nonce after `after` (UINT64_MAX: from the first). */
    ct_err (*tx_next)(struct ct_store *s, const uint8_t sender20[20], uint64_t after,
                      struct ct_txn *out);
    /* The attempts of a nonce, the newest first. */
    ct_err (*tx_slot)(struct ct_store *s, const uint8_t sender20[20], uint64_t nonce,
                      struct ct_txn_slot out[CT_TXN_ATTEMPTS], size_t *count);
    /* The attempt of that nonce which is in the chain for all that is known, else the newest. */
    ct_err (*tx_at)(struct ct_store *s, const uint8_t sender20[20], uint64_t nonce,
                    struct ct_txn *out);
    /* The highest nonce ever kept. */
    ct_err (*tx_top)(struct ct_store *s, const uint8_t sender20[20], uint64_t *nonce);
    /* Those under way, of any account, by account and nonce: the newest attempt of each. */
    ct_err (*tx_list)(struct ct_store *s, struct ct_txn_row *out, size_t cap, size_t *count);
    /*
     * Ends a nonce by this open attempt: CONFIRMED or FAILED, the others are replaced; or REPLACED,
     * and so are they all. Its operations end as told; they name this transaction, or none when
     * they are queued again. CT_ERR_STATE: it is not open.
     */
    ct_err (*tx_close)(struct ct_store *s, const uint8_t hash32[32], enum ct_txn_state state,
                       uint64_t block, const struct ct_op_end *ends, size_t count);

    /*
     * For those who look on. A page has the rows
     * after that name or number (NULL: from the first), in the order of its bytes, at most cap and
     * CT_STORE_PAGE. Totals may take long with many rows: not for each request.
     */
    ct_err (*counts)(struct ct_store *s, struct ct_store_counts *out);
    ct_err (*totals)(struct ct_store *s, uint64_t *devices, uint64_t *relays);
    ct_err (*device_page)(struct ct_store *s, const char *after, struct ct_device_row *out,
                          size_t cap, size_t *count);
    ct_err (*relay_page)(struct ct_store *s, const uint8_t *after32, struct ct_relay_row *out,
                         size_t cap, size_t *count);
    /*
     * A few bytes under a name, at most CT_STORE_NOTE of them, for those who watch; a power cut may
     * bring back the ones before. *len is what they are, out what fits of them.
     */
    ct_err (*note_put)(struct ct_store *s, const char *name, const void *bytes, size_t len);
    ct_err (*note_get)(struct ct_store *s, const char *name, void *out, size_t cap, size_t *len);

    /*
     * Takes the lease of an account for life_ms from now, by the store's clock, or renews that of
     * this holder, whose number stays. A new number is also above `seen`. With `alone` whoever has
     * it is known to be gone. CT_ERR_REFUSED: another's; *out says whose and for how long.
     */
    ct_err (*lease_take)(struct ct_store *s, const uint8_t account20[20], const char *holder,
                         uint64_t life_ms, uint64_t seen, bool alone, struct ct_lease_row *out);
    /* Gives it back. CT_ERR_STATE: it has another number. */
    ct_err (*lease_end)(struct ct_store *s, const uint8_t account20[20], uint64_t number);
    /* The first to come says it; CT_ERR_STATE: it is another, and *out says which. */
    ct_err (*place)(struct ct_store *s, const struct ct_store_place *place,
                    struct ct_store_place *out);
    /* When it was copied, should it be a copy (sql_copy.h) that was put in the store's place.
     * CT_ERR_NOT_FOUND: it is none. */
    ct_err (*copy_find)(struct ct_store *s, uint64_t *taken_s);
    /* From now on it is the store. */
    ct_err (*copy_settle)(struct ct_store *s);
    /* Another handle of the same store, see ct_store_fenced(). */
    ct_err (*share)(struct ct_store *s, struct ct_store **out);
};

struct ct_store_observed;

/* With a number, each change is refused in the same step unless it is the lease's number still. */
struct ct_fence {
    uint8_t account20[20];
    uint64_t number; /* 0: none */
};

struct ct_store {
    struct ct_fence fence;
    bool is_shared; /* by ct_store_fenced() */
    const struct ct_store_ops *ops;
    struct ct_store_observed *observed; /* NULL until ct_store_observe() */
    bool reads_wait;                    /* a read is a question to another host */
};

/* Opens the SQLite store at path, made if absent. CT_ERR_CONFIG: of a newer schema. */
CT_MUST_USE ct_err ct_store_sqlite(struct ct_store **out, const char *path, struct ct_why *why);
/* Where a Redis is. */
struct ct_redis_place {
    const char *address;          /* unix:/path or host:port; NULL: the sentinels know */
    const char *password_path;    /* names a private file; NULL: none */
    const char *const *sentinels; /* each host:port; asked in turn for the master of that name */
    size_t sentinel_count;
    const char *master;
    const char *sentinel_password_path; /* NULL: they want none */
    unsigned replicas; /* so many must have a change, too, before it counts as made */
};

/*
 * Opens the store in a Redis, made if absent. CT_ERR_CONFIG: of a newer schema, or a Redis that may
 * forget. A step whose connection is lost, or that too few replicas have, is CT_ERR_AGAIN when that
 * stays so for 5 s; it may have been done.
 */
CT_MUST_USE ct_err ct_store_redis_at(struct ct_store **out, const struct ct_redis_place *place,
                                     struct ct_why *why);
/* At one address, without replicas. */
CT_MUST_USE ct_err ct_store_redis(struct ct_store **out, const char *address,
                                  const char *password_path, struct ct_why *why);
/*
 * A handle of the same store for one thread that works for an account: what that thread writes into
 * its fence before a piece of work holds for all its changes. Free it before the store. It starts
 * without a number.
 */
CT_MUST_USE ct_err ct_store_fenced(struct ct_store **out, struct ct_store *s,
                                   const uint8_t account20[20]);
void ct_store_free(struct ct_store *s);

#endif

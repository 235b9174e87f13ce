/* Becoming and staying a device: keys, pass, relay, record; jobs of the worker. */
#ifndef CT_CLIENT_ENROL_H
#define CT_CLIENT_ENROL_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/registry.h"
#include "change.h"
#include "lane.h"
#include "worker.h"

/* A pass is renewed when less than a tenth of its day is left. */
bool ct_pass_is_good(const struct ct_own_pass *pass, const uint8_t deployment32[32],
                     uint64_t now_s);

#define CT_TOKEN_CAP 640

/* Everything that comes before an allocation. */
struct ct_prepare {
    struct ct_job job;
    /* in */
    char identity[64];        /* "": that of HOME, or a UUID */
    char token[CT_TOKEN_CAP]; /* or a factory credential, in whose place comes a token */
    bool only_pass;           /* no relay is needed: to dial */
    uint16_t to_relay;        /* 0, or the one to move to */
    bool names_road;          /* is_funded is asked for; else that of HOME holds */
    /* in and out */
    bool is_funded;
    /* out */
    struct ct_wallet wallet;
    struct ct_x25519 key;
    struct ct_own_pass pass;
    struct ct_relay relay;
    uint32_t relay_rtt_us;
    struct ct_relay left; /* where an allocation was left that is not moved to; index 0: nowhere */
    bool is_registered;   /* approved, with this wallet and key */
    struct ct_device device; /* the record when is_registered */
    uint64_t block, time_s;
};
void ct_prepare_run(struct ct_job *job, struct ct_worker_env *env);

/* Exchanges a factory credential, if p has one and no record yet, for the device's own token. */
CT_MUST_USE ct_err ct_factory_exchange(struct ct_prepare *p, struct ct_worker_env *env,
                                       const struct ct_view *view);
/* Is the token for this very name? Then it takes it over from a wallet that was lost. */
bool ct_token_replaces(const struct ct_prepare *p);
/* Puts the prefix that the token is for before a name that was made up. */
void ct_factory_name(struct ct_prepare *p);

/* ---- the record ---- */

enum ct_register_do { /* the next step towards the record that is wanted */
                      CT_REGISTER_NOTHING,
                      CT_REGISTER_UPDATE,    /* a live record names another place */
                      CT_REGISTER_SPONSORED, /* by the wallet manager, registerClients */
                      CT_REGISTER_ADD,       /* by the device, addClient */
                      CT_REGISTER_RENEW,     /* the same for its live record near its end */
                      CT_REGISTER_APPROVE,   /* the device's pending record waits for an approver */
};

struct ct_wanted {
    const uint8_t *wallet20, *key32;
    uint16_t relay, port;
    bool is_funded;
    bool by_signature; /* its renewal, on either road */
};
/* record: as proven at time_s; zeros when there is none. */
enum ct_register_do ct_register_decide(const struct ct_device *record,
                                       const struct ct_wanted *wanted, uint64_t time_s);

struct ct_step { /* what one run of the job got done; name NULL: nothing to tell */
    const char *name;
    bool is_funded; /* on the device's own road */
    struct ct_written written;
};

/*
 * Makes the record on chain name this relay and port, unless it does: one step a run, each found
 * by looking at the chain, so that whoever was killed goes on where it was. Submit it again until
 * is_over.
 */
struct ct_register {
    struct ct_job job;
    /* in */
    char token[CT_TOKEN_CAP]; /* "" for a registered device */
    uint16_t relay, port;
    bool is_funded;
    /* from step to step */
    uint64_t least; /* the block that has to be seen before anything is judged */
    unsigned rounds, waits;
    bool has_voucher, must_write;
    bool by_signature;    /* the device's own renewal was refused */
    bool is_to_renew;     /* the voucher, */
    uint16_t voucher_day; /* and the last day of the record that it is for */
    struct ct_wm_voucher voucher;
    /* out */
    bool is_over, was_written;
    struct ct_step step;
    uint64_t block;
    bool has_new_key; /* a rotation that was under way has come to its end */
    struct ct_x25519 new_key;
};
void ct_register_run(struct ct_job *job, struct ct_worker_env *env);

/* Of the funded road, each a step. CT_ERR_AGAIN: nothing done, look again. */
CT_MUST_USE ct_err ct_funded_add(struct ct_register *r, struct ct_worker_env *env,
                                 const struct ct_view *view, const struct ct_device *old);
/* What is refused, or cannot be paid, is by_signature from then on, and no error. */
CT_MUST_USE ct_err ct_funded_renew(struct ct_register *r, struct ct_worker_env *env,
                                   const struct ct_view *view, const struct ct_device *old);
CT_MUST_USE ct_err ct_funded_approve(struct ct_register *r, struct ct_worker_env *env,
                                     const struct ct_view *view, const struct ct_device *pending);
/* The last day of a record written now. */
uint16_t ct_register_expiry_day(const struct ct_view *view);

/* The key that the record names becomes the device's, if it is the next one of a rotation. */
CT_MUST_USE ct_err ct_enrol_take_next_key(struct ct_worker_env *env, const struct ct_device *record,
                                          bool *taken, struct ct_why *why);

#endif

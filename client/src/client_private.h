/* The client's object, shared by the files that make it up: loop, device, calls, questions. */
#ifndef CT_CLIENT_PRIVATE_H
#define CT_CLIENT_PRIVATE_H

#include <chainturn/chainturn.h>

#include "base/log.h"
#include "calls.h"
#include "enrol.h"
#include "home.h"
#include "lane.h"
#include "resolver.h"
#include "worker.h"

#define CT_LANES 16
#define CT_LANE_HOME 0u
#define CT_CONNS (CT_CALLS_MAX + 16)
#define CT_LOOKUPS 64

/* ---- the device: home.. is this state machine's ---- */

enum ct_device_state {
    CT_DEVICE_OFF,
    CT_DEVICE_PREPARING,   /* keys, pass, relay: a job */
    CT_DEVICE_ALLOCATING,  /* on the home lane */
    CT_DEVICE_REGISTERING, /* a job, unless the record is right already */
    CT_DEVICE_UP,
    CT_DEVICE_WAITING, /* to try again at retry_ms */
};

struct ct_device_machine {
    enum ct_device_state state;
    bool is_once;      /* up: ends as soon as it is up */
    bool was_up;       /* failures are retried from then on */
    bool resumes;      /* the lane was opened with what another process left */
    bool is_announced; /* LISTENING was told since the last DOWN */
    int lock;          /* -1, or the lock of HOME */
    char identity[64];
    char token[CT_TOKEN_CAP];
    bool is_funded, names_road; /* the road; whether it was asked for */
    uint16_t to_relay;          /* 0, or the one that the home moves to */
    struct ct_relay relay;
    uint32_t relay_rtt_us;
    bool is_registered;
    struct ct_device record; /* when is_registered */
    uint64_t block;
    uint64_t retry_ms, backoff_ms;
    uint64_t pass_check_ms, record_check_ms, save_ms;
    bool is_renewing, is_checking; /* jobs under way */
};

/* ---- connections: a call with what comes before it ---- */

enum ct_conn_state {
    CT_CONN_FREE,
    CT_CONN_RESOLVING,  /* record, and pass when there is none */
    CT_CONN_MOVING,     /* the home, to the callee's relay */
    CT_CONN_ALLOCATING, /* a guest lane */
    CT_CONN_CALLING,
    CT_CONN_OPEN,
};

struct ct_conn {
    enum ct_conn_state state;
    unsigned id;
    unsigned call; /* of ct_calls */
    unsigned lane;
    bool is_dialled, is_cached, is_checked;           /* checked: a fresh record was asked for */
    bool has_found, has_moved, is_ending, asked_pass; /* the last: since the relay refused ours */
    struct ct_client_dial_options options;
    struct ct_path_counts counts; /* once the call has ended */
    char identity[64];
    struct ct_found found;
    uint64_t stage_ns;    /* when the stage at work began */
    uint64_t check_at_ms; /* no answer by then: is the cached record still right? */
    uint64_t give_up_ms;  /* while allocating: the relay has to have answered by then */
};

struct ct_client {
    struct ct_client_config config;
    struct ct_log log;
    struct ct_home home;
    struct ct_bundle bundle;
    char error[400];
    struct ct_worker *worker;
    struct ct_resolver *resolver;
    struct ct_dtls_env *dtls;
    struct ct_calls *calls;              /* NULL before there are keys */
    bool has_keys, has_pass, is_passing; /* passing: a job for a pass is under way */
    char identity[64];
    struct ct_wallet wallet;
    struct ct_x25519 key;
    struct ct_own_pass pass;
    struct ct_device_machine device;
    struct ct_lane lanes[CT_LANES];
    struct ct_conn conns[CT_CONNS];
    unsigned last_conn;
    struct {
        bool is_used;
        struct ct_call_lookup lookup;
    } lookups[CT_LOOKUPS];
    struct ct_answer_slot *answer; /* who waits for an answer, ask.c */
};

/* Remembers the sentence and returns err. */
ct_err ct_client_fail(struct ct_client *c, ct_err err, const char *format, ...) CT_PRINTF(3, 4);
void ct_client_tell(struct ct_client *c, const struct ct_client_event *event);
/* Takes the keys of a prepared device, so that calls can be made. */
ct_err ct_client_take_keys(struct ct_client *c, const char *identity,
                           const struct ct_wallet *wallet, const struct ct_x25519 *key);

/* device.c */
ct_err ct_device_start(struct ct_client *c, const struct ct_client_enrol *enrol, bool is_once);
void ct_device_tick(struct ct_client *c, uint64_t now_ms);
uint64_t ct_device_deadline(const struct ct_client *c);
void ct_device_lane_moved(struct ct_client *c, uint64_t now_ms);
void ct_device_stop(struct ct_client *c, uint64_t now_ms);
/* The pass is renewed or fetched; conns that wait for it go on. */
void ct_device_want_pass(struct ct_client *c);
/* A relay refused the pass (401, 441): it may be revoked, so a new one is asked for next time. */
void ct_device_distrust_pass(struct ct_client *c, unsigned stun_error);

/* move.c */
/* May this client move its home? Takes HOME's lock when nobody has it. */
ct_err ct_move_check(struct ct_client *c);
void ct_move_start(struct ct_client *c, struct ct_conn *conn);
void ct_move_ended(struct ct_client *c, ct_err err, const char *text);
/* Gives back the allocation that another process left there; index 0: none. */
void ct_move_release_left(struct ct_client *c, const struct ct_relay *left);

/* conns.c */
void ct_conns_resolved(struct ct_client *c, struct ct_conn *conn, const struct ct_found *found,
                       bool is_cached, ct_err err, const char *why);
void ct_conns_pass(struct ct_client *c, ct_err err, const char *why);
void ct_conns_lane_moved(struct ct_client *c, unsigned lane, uint64_t now_ms);
void ct_conns_call_event(struct ct_client *c, const struct ct_call_event *event);
void ct_conns_tick(struct ct_client *c, uint64_t now_ms);
uint64_t ct_conns_deadline(const struct ct_client *c);
struct ct_conn *ct_conns_find(struct ct_client *c, unsigned id);

/* Cookies of the resolver: a connection's number, or a place in lookups. */
#define CT_COOKIE_LOOKUP (UINT64_C(1) << 32)
#define CT_COOKIE_ASK (UINT64_C(1) << 33)

/* ask.c */
void ct_ask_resolved(struct ct_client *c, const struct ct_found *found, ct_err err,
                     const char *why);
void ct_ask_describe(struct ct_client_record *out, const struct ct_found *found);

#endif

/* The HTTP API of docs/protocol.md 7 as decisions: request and session in, answer out. */
#ifndef CT_WM_API_H
#define CT_WM_API_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "chain/registry.h"
#include "http/exchange.h"
#include "api/gate.h"
#include "tx/ledger.h"
#include "api/pass.h"
#include "http/sessions.h"
#include "store/store.h"

/* What is paid for devices that write their own records. */
struct ct_fund_policy {
    bool has_funder;
    uint64_t gas_most;      /* for one device, whatever endpoints estimate */
    uint64_t fee_most_gwei; /* a unit of gas, likewise */
    struct ct_outflow most; /* for all devices together */
};

/* Shared by all threads and never written after start-up. */
struct ct_api {
    uint64_t chain_id;
    uint8_t contract20[20];
    struct ct_wm_key keys[2]; /* as the contract lists them */
    size_t key_count;
    struct ct_pass_issuer issuer;
    const struct ct_wallet *approver; /* signs vouchers; borrowed */
    struct ct_fund_policy funding;
    struct ct_store *store;
    struct ct_sessions *sessions;
    uint64_t device_days; /* longest life of a registration */
    bool allow_private;   /* relays on private and loopback addresses, for tests */
    struct ct_gate_limits limits;
    uint64_t (*wall_s)(void);
    uint64_t (*wall_us)(void); /* NULL: of wall_s */
    uint64_t (*mono_ms)(void);
    void (*wake)(void *arg, enum ct_op_kind kind); /* there is a new operation; may be NULL */
    void *wake_arg;
    struct ct_log log;
};

/* A request that came over TLS-PSK. ledger belongs to the calling thread. */
void ct_api_handle(const struct ct_api *api, const struct ct_ledger *ledger,
                   const struct ct_request *request, struct ct_answer *answer);

/* The same for what neither waits nor writes, as far as this store can read without waiting; false:
 * it is something else, and nothing was done. Any thread, also one that serves sockets. */
bool ct_api_quick(const struct ct_api *api, const struct ct_request *request,
                  struct ct_answer *answer);

/* The routing table, for the check against openapi.json: false past its end. "{..}" in a path is
 * one segment. */
bool ct_api_route_at(size_t i, const char **method, const char **path);

/* ---- between the files of the API ---- */

struct ct_api_call {
    const struct ct_api *api;
    const struct ct_ledger *ledger;
    const struct ct_session *session;
    const struct ct_request *request;
    const char *id;             /* the path's segment that is a name, else "" */
    const struct ct_json *body; /* of a POST */
    struct ct_answer *answer;
};

void ct_api_passes(const struct ct_api_call *call);
void ct_api_tokens(const struct ct_api_call *call);
void ct_api_devices(const struct ct_api_call *call);
void ct_api_vouchers(const struct ct_api_call *call);
void ct_api_approvals(const struct ct_api_call *call);
void ct_api_changes(const struct ct_api_call *call);
void ct_api_relays(const struct ct_api_call *call);
void ct_api_withdrawals(const struct ct_api_call *call);
void ct_api_me(const struct ct_api_call *call);
void ct_api_operation(const struct ct_api_call *call);
void ct_api_device_status(const struct ct_api_call *call);
void ct_api_relay_status(const struct ct_api_call *call);
/* Runs a POST, or answers as its Idempotency-Key was answered. is_secret: the answer is kept
 * nowhere; run makes the same one again from the same body. */
void ct_api_once(struct ct_api_call *call, void (*run)(struct ct_api_call *call, void *arg),
                 void *arg, bool is_secret);
/* Answers for a failure that is not the request's fault: chain, store. */
void ct_api_failure(struct ct_answer *answer, ct_err err, const struct ct_why *why);
/* Logs that this step of the store failed, and answers so. */
void ct_api_store_failed(const struct ct_api_call *call, const char *what, ct_err err);
/* Answers why a token, or a factory credential, is not taken. */
void ct_api_refuse_token(struct ct_answer *answer, ct_err err, const struct ct_why *why);
/* Stores the operation, wakes who works on it, answers 202 or the reason why not. */
void ct_api_queue(const struct ct_api_call *call, struct ct_op *op);
/*
 * May this session have what only a device of this platform may have? True for a live record with
 * the session's wallet and key, or with a token. Else the problem is in call->answer. record is
 * what the chain says now (state none when absent).
 */
bool ct_api_admit(const struct ct_api_call *call, struct ct_device *record);

/* A voucher for one's own live record near its end: may it be renewed to that day? Else likewise.
 */
bool ct_api_may_renew(const struct ct_api_call *call, const struct ct_device *record,
                      uint16_t expiry_day);
/* What stands in a token's place when its renewal is paid for: one for each span of days in which
 * an honest device renews at most once, whatever its record says. */
void ct_api_renewal_key(uint8_t out16[16], const struct ct_api_call *call);
/* In the audit log, before the voucher is given out: else likewise. */
bool ct_api_tell_renewal(const struct ct_api_call *call, uint16_t expiry_day);

/* The device's record of now, state none when absent, and the block's time. Else the problem is in
 * call->answer. */
bool ct_api_record(const struct ct_api_call *call, struct ct_device *out, uint64_t *time_s);

/* Is that relay live and the port its? Relay 0 with port 0 means none. Else the problem is in
 * call->answer. */
bool ct_api_relay_serves(const struct ct_api_call *call, uint16_t index, uint16_t port);
/* May a record end on that day? Is there time to send it? Does it name the sequence that the chain
 * expects? Else likewise. */
/* No registration of the name by another wallet is under way; else it has been answered. */
bool ct_api_name_free(const struct ct_api_call *call);
/* Revokes what another wallet has under the name; queue the registration then, which waits for it.
 */
bool ct_api_replace(const struct ct_api_call *call);
bool ct_api_day_allowed(const struct ct_api_call *call, uint16_t expiry_day);
bool ct_api_deadline_holds(const struct ct_api_call *call, uint64_t deadline_s);
bool ct_api_sequence_holds(const struct ct_api_call *call, uint16_t sequence,
                           const struct ct_device *record);

#endif

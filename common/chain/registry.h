/* Our contract, typed: records from proven words, call data to change them, what its errors mean.
 */
#ifndef CT_CHAIN_REGISTRY_H
#define CT_CHAIN_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/bytes.h"
#include "base/why.h"
#include "chain/chain.h"
#include "chain/key.h"
#include "chain/rpc.h"

enum {
    CT_IDENTITY_MAX = 63,       /* characters, without NUL */
    CT_RELAY_INDEX_MAX = 16383, /* 14 bits in a device's record; indices begin at 1 */
};

enum ct_record_state {
    CT_RECORD_NONE = 0,
    CT_RECORD_PENDING = 1,
    CT_RECORD_APPROVED = 2,
    CT_RECORD_REVOKED = 3,
    CT_RECORD_WITHDRAWN = 4, /* relays only */
};

struct ct_device {
    uint8_t wallet20[20];
    enum ct_record_state state;
    uint16_t expiry_day; /* days since 1970; valid until the end of that day, UTC */
    uint16_t sequence;   /* what the next registration must name */
    uint16_t relay;      /* index of the home relay, 0 none */
    uint16_t port;       /* of the relayed address there */
    uint16_t backup_relay;
    uint16_t backup_port;
    uint8_t key32[32]; /* X25519 */
};

struct ct_relay {
    uint8_t owner20[20];
    enum ct_record_state state;
    uint16_t listen_port;
    uint16_t port_min; /* range of relayed addresses, inclusive */
    uint16_t port_max;
    uint16_t expiry_day;
    uint16_t index;        /* of a pending record: the one that it replaces, 0 for a new relay */
    uint8_t listen_ip4[4]; /* network order; all zero: none */
    uint8_t relay_ip4[4];
    uint8_t listen_ip6[16];
    uint8_t relay_ip6[16];
    uint8_t key32[32]; /* X25519 */
};

struct ct_wm_key {
    uint32_t id; /* 0: never set */
    uint64_t not_after_s;
    uint8_t ed25519[32]; /* signs passes */
    uint8_t x25519[32];  /* opens enrolment handshakes */
};

struct ct_log_head {
    uint8_t head24[24];
    uint64_t count;
};

/* ---- names, hashes, words (pure) ---- */

/* 1..63 characters out of A-Z a-z 0-9 . _ : @ - */
bool ct_identity_valid(const char *identity);
/* keccak256 of its bytes; CT_ERR_ARG when it is not valid. */
CT_MUST_USE ct_err ct_identity_hash(uint8_t out32[32], const char *identity);

/* Storage slots of the contract's layout (contracts/src, docs/protocol.md). */
void ct_slot_device(uint8_t out32[32], const uint8_t id_hash32[32]);  /* 2 words from here */
void ct_slot_relay(uint8_t out32[32], uint16_t index);                /* 4 words from here */
void ct_slot_pending(uint8_t out32[32], const uint8_t pending32[32]); /* 4 words from here */
void ct_slot_approver(uint8_t out32[32], const uint8_t addr20[20]);
/* slot32 + add, as words that follow each other are found. */
void ct_slot_plus(uint8_t slot32[32], unsigned add);

/* Decoding refuses (CT_ERR_FORMAT) what the contract never writes: unknown states, reserved bits.
 */
CT_MUST_USE ct_err ct_device_decode(struct ct_device *out, const uint8_t words[2][32]);
void ct_device_encode(uint8_t words[2][32], const struct ct_device *device);
CT_MUST_USE ct_err ct_relay_decode(struct ct_relay *out, const uint8_t words[4][32]);
void ct_relay_encode(uint8_t words[4][32], const struct ct_relay *relay);
/* What approveServer binds: keccak256 of the words, state and expiry masked to 0. */
void ct_relay_digest(uint8_t out32[32], const struct ct_relay *relay);
/* keccak256(abi.encode(owner, salt)). */
void ct_registry_pending_id(uint8_t out32[32], const uint8_t owner20[20], const uint8_t salt32[32]);

const char *ct_record_state_text(enum ct_record_state state);
/* Is there such an address (it is not all zero)? */
bool ct_relay_has_ip4(const uint8_t ip4[4]);
bool ct_relay_has_ip6(const uint8_t ip6[16]);

/*
 * Can it be used at time_s (the view's timestamp)? CT_ERR_NOT_APPROVED with a sentence that says
 * pending, revoked, withdrawn or expired; CT_ERR_NOT_FOUND for state none. identity is for the
 * sentence.
 */
CT_MUST_USE ct_err ct_device_check(const struct ct_device *device, uint64_t time_s,
                                   const char *identity, struct ct_why *why);
CT_MUST_USE ct_err ct_relay_check(const struct ct_relay *relay, uint64_t time_s,
                                  struct ct_why *why);

/* ---- reads, proven against view (errors of ct_chain_prove) ---- */

/* CT_ERR_NOT_FOUND: proven that there is none. */
CT_MUST_USE ct_err ct_registry_device(struct ct_chain *chain, const struct ct_view *view,
                                      const uint8_t id_hash32[32], struct ct_device *out,
                                      struct ct_why *why);
CT_MUST_USE ct_err ct_registry_relay(struct ct_chain *chain, const struct ct_view *view,
                                     uint16_t index, struct ct_relay *out, struct ct_why *why);
CT_MUST_USE ct_err ct_registry_pending(struct ct_chain *chain, const struct ct_view *view,
                                       const uint8_t pending32[32], struct ct_relay *out,
                                       struct ct_why *why);
CT_MUST_USE ct_err ct_registry_relay_count(struct ct_chain *chain, const struct ct_view *view,
                                           uint16_t *out, struct ct_why *why);
/*
 * All relays ever approved, in the order of their indices (in out[i].index), whatever their state:
 * filter with ct_relay_check(). 16 relays a round trip. CT_ERR_ROOM when there are more than cap
 * (*count is then how many).
 */
CT_MUST_USE ct_err ct_registry_relays(struct ct_chain *chain, const struct ct_view *view,
                                      struct ct_relay *out, size_t cap, size_t *count,
                                      struct ct_why *why);
/* Devices by the hashes of their names, at most 32, in one round trip; state NONE where there is
 * none. */
CT_MUST_USE ct_err ct_registry_devices_of(struct ct_chain *chain, const struct ct_view *view,
                                          const uint8_t (*id_hashes)[32], size_t count,
                                          struct ct_device *out, struct ct_why *why);
/* Those of count indices, at most 16, in one round trip; state NONE where there is none. */
CT_MUST_USE ct_err ct_registry_relays_of(struct ct_chain *chain, const struct ct_view *view,
                                         const uint16_t *indices, size_t count,
                                         struct ct_relay *out, struct ct_why *why);
/* out[0] current, out[1] previous (id 0 when there is none). */
CT_MUST_USE ct_err ct_registry_wm_keys(struct ct_chain *chain, const struct ct_view *view,
                                       struct ct_wm_key out[2], struct ct_why *why);
CT_MUST_USE ct_err ct_registry_log_head(struct ct_chain *chain, const struct ct_view *view,
                                        struct ct_log_head *out, struct ct_why *why);
CT_MUST_USE ct_err ct_registry_is_approver(struct ct_chain *chain, const struct ct_view *view,
                                           const uint8_t addr20[20], bool *out, struct ct_why *why);
/* Who lists keys and approvers, and to whom that has been offered and not yet taken; zeros: none.
 */
CT_MUST_USE ct_err ct_registry_owner(struct ct_chain *chain, const struct ct_view *view,
                                     uint8_t owner20[20], uint8_t next20[20], struct ct_why *why);

/* ---- registrations of devices (EIP-712) ---- */

struct ct_registration {
    uint8_t id_hash32[32];
    uint8_t key32[32];
    uint16_t relay;
    uint16_t port;
    uint16_t backup_relay;
    uint16_t backup_port;
    uint16_t expiry_day;
    uint16_t sequence;
    uint64_t deadline_s; /* unix; the contract refuses it later */
};

/* What the device's wallet signs. */
void ct_registration_digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                            const struct ct_registration *registration);

struct ct_signed_registration {
    struct ct_registration registration;
    uint8_t sig65[CT_SIG_LEN];
};

/* ---- call data, appended to w (check with ct_wr_end) ---- */

/* relay: addresses, ports, key and index (0 or the one it replaces) count; the rest is ignored. */
void ct_call_register_server(struct ct_wr *w, const uint8_t salt32[32],
                             const struct ct_relay *relay);
void ct_call_cancel_server(struct ct_wr *w, const uint8_t salt32[32]);
void ct_call_approve_server(struct ct_wr *w, const uint8_t pending32[32],
                            const uint8_t digest32[32], uint16_t expiry_day);
void ct_call_renew_server(struct ct_wr *w, uint16_t index, uint16_t expiry_day);
void ct_call_revoke_server(struct ct_wr *w, uint16_t index);
void ct_call_reinstate_server(struct ct_wr *w, uint16_t index);
void ct_call_withdraw_server(struct ct_wr *w, uint16_t index);
void ct_call_register_clients(struct ct_wr *w, const struct ct_signed_registration *batch,
                              size_t count);
void ct_call_revoke_client(struct ct_wr *w, const uint8_t id_hash32[32]);
void ct_call_revoke_pass(struct ct_wr *w, const uint8_t pass16[16]);
void ct_call_set_wm_key(struct ct_wr *w, const uint8_t ed25519[32], const uint8_t x25519[32],
                        uint64_t not_after_s);
void ct_call_set_approver(struct ct_wr *w, const uint8_t addr20[20], bool allowed);
/*
 * Creation code and constructor arguments (a transaction without "to"): the cold owner, the first
 * approver, the first WM keys (its id is ignored: the contract begins with 1).
 */
void ct_call_deploy(struct ct_wr *w, const uint8_t owner20[20], const uint8_t approver20[20],
                    const struct ct_wm_key *wm_key);
/* Bytes that takes: about 17,000. */
size_t ct_call_deploy_len(void);

/* ---- what happened ---- */

/* The index that an approveServer in this receipt gave. CT_ERR_NOT_FOUND. */
CT_MUST_USE ct_err ct_receipt_relay_approved(uint16_t *index, const struct ct_receipt *receipt,
                                             const uint8_t contract20[20]);
/* How many devices or relays it was about: each has one event, besides the log's own. */
size_t ct_receipt_entries(const struct ct_receipt *receipt, const uint8_t contract20[20]);
/* Was this entry of a batch skipped? *reason_text is a static sentence. */
bool ct_receipt_client_skipped(const char **reason_text, const struct ct_receipt *receipt,
                               const uint8_t contract20[20], const uint8_t id_hash32[32]);

/* What a revert returned, in words; NULL when it is no error of the registry. Static storage. */
const char *ct_registry_error_text(const uint8_t *data, size_t len);

#endif

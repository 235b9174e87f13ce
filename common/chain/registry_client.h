/*
 * The two roads of a device's record beyond registerClients: what an approver or a wallet signs,
 * and the call data that carries it (docs/protocol.md, section 2).
 */
#ifndef CT_CHAIN_REGISTRY_CLIENT_H
#define CT_CHAIN_REGISTRY_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "chain/key.h"
#include "chain/registry.h"

/* Leave of an approver for one wallet to write one name as pending, or to renew it. */
struct ct_voucher {
    uint8_t id_hash32[32];
    uint8_t token_hash32[32]; /* ct_token_hash() of the token that it was given for, or the day */
    uint8_t wallet20[20];     /* who has to send addClient */
    uint64_t deadline_s;      /* unix, the last second */
};

/* Other relays and ports for a live record. */
struct ct_client_update {
    uint8_t id_hash32[32];
    uint16_t relay; /* 0 with port 0: none */
    uint16_t port;
    uint16_t backup_relay;
    uint16_t backup_port;
    uint16_t sequence;   /* the stored one */
    uint64_t deadline_s; /* of the signed form only */
};

struct ct_key_rotation {
    uint8_t id_hash32[32];
    uint8_t key32[32]; /* the new X25519 key */
    uint16_t sequence;
    uint64_t deadline_s;
};

struct ct_self_revocation {
    uint8_t id_hash32[32];
    uint16_t sequence;
    uint64_t deadline_s;
};

/* A record that was checked, and by its digest which one. */
struct ct_approval {
    uint8_t id_hash32[32];
    uint8_t digest32[32]; /* ct_device_digest() */
};

struct ct_signed_voucher {
    struct ct_voucher voucher;
    uint8_t sig65[CT_SIG_LEN]; /* by an approver */
};

struct ct_signed_client_update {
    struct ct_client_update update;
    uint8_t sig65[CT_SIG_LEN]; /* by the record's wallet, as the next two */
};

struct ct_signed_key_rotation {
    struct ct_key_rotation rotation;
    uint8_t sig65[CT_SIG_LEN];
};

struct ct_signed_self_revocation {
    struct ct_self_revocation revocation;
    uint8_t sig65[CT_SIG_LEN];
};

/* ---- digests ---- */

/* What approveClient binds: keccak256 of the two words, the state masked to 0. */
void ct_device_digest(uint8_t out32[32], const struct ct_device *device);
/* keccak256 of the token's characters, as a voucher names it. */
void ct_token_hash(uint8_t out32[32], const char *token);

/* What token_hash32 is in a voucher to renew a live record to that day. */
void ct_voucher_day(uint8_t out32[32], uint16_t expiry_day);

/* What is signed, EIP-712. */
void ct_voucher_digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                       const struct ct_voucher *voucher);
void ct_client_update_digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                             const struct ct_client_update *update);
void ct_key_rotation_digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                            const struct ct_key_rotation *rotation);
void ct_self_revocation_digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                               const struct ct_self_revocation *revocation);

/* ---- call data, appended to w (check with ct_wr_end) ---- */

/*
 * Sent by the voucher's wallet. Of device count key, relays, ports, expiry day and sequence (the
 * stored one: 0 for a new name); name and deadline are the voucher's.
 */
void ct_call_add_client(struct ct_wr *w, const struct ct_signed_voucher *voucher,
                        const struct ct_device *device);
void ct_call_approve_client(struct ct_wr *w, const struct ct_approval *approval);
void ct_call_approve_clients(struct ct_wr *w, const struct ct_approval *batch, size_t count);
/* Sent by the record's wallet; the deadline does not count. */
void ct_call_update_allocation(struct ct_wr *w, const struct ct_client_update *update);
/* These three may be sent by anyone. */
void ct_call_update_allocations(struct ct_wr *w, const struct ct_signed_client_update *batch,
                                size_t count);
void ct_call_rotate_keys(struct ct_wr *w, const struct ct_signed_key_rotation *batch, size_t count);
void ct_call_revoke_self(struct ct_wr *w, const struct ct_signed_self_revocation *revocation);

#endif

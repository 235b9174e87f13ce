/* Call data of the funded road and of what a wallet changes itself. */
#include "chain/registry_client.h"

#include <string.h>

#include "registry_abi.h"

#include "chain/abi.h"

/* deadline 64 | expiryDay 16 | sequence 16 | relay 16 | port 16 | relay 16 | port 16 | zero 96 */
static void put_terms(struct ct_wr *w, uint64_t deadline_s, const struct ct_device *device)
{
    ct_wr_be64(w, deadline_s);
    ct_wr_be16(w, device->expiry_day);
    ct_wr_be16(w, device->sequence);
    ct_wr_be16(w, device->relay);
    ct_wr_be16(w, device->port);
    ct_wr_be16(w, device->backup_relay);
    ct_wr_be16(w, device->backup_port);
    ct_wr_zeros(w, 12);
}

static void put_signature(struct ct_wr *w, const uint8_t sig65[CT_SIG_LEN])
{
    uint8_t r[32];
    uint8_t vs[32];
    ct_sig_compact(r, vs, sig65);
    ct_wr_bytes(w, r, 32);
    ct_wr_bytes(w, vs, 32);
}

static void begin_batch(struct ct_wr *w, uint32_t selector, size_t count)
{
    ct_wr_be32(w, selector);
    ct_abi_put_u64(w, 32); /* where the array begins */
    ct_abi_put_u64(w, count);
}

void ct_call_add_client(struct ct_wr *w, const struct ct_signed_voucher *voucher,
                        const struct ct_device *device)
{
    ct_wr_be32(w, CT_SEL_addClient);
    ct_wr_bytes(w, voucher->voucher.id_hash32, 32);
    ct_wr_bytes(w, voucher->voucher.token_hash32, 32);
    ct_wr_bytes(w, device->key32, 32);
    put_terms(w, voucher->voucher.deadline_s, device);
    put_signature(w, voucher->sig65);
}

static void put_approval(struct ct_wr *w, const struct ct_approval *approval)
{
    ct_wr_bytes(w, approval->id_hash32, 32);
    ct_wr_bytes(w, approval->digest32, 32);
}

void ct_call_approve_client(struct ct_wr *w, const struct ct_approval *approval)
{
    ct_wr_be32(w, CT_SEL_approveClient);
    put_approval(w, approval);
}

void ct_call_approve_clients(struct ct_wr *w, const struct ct_approval *batch, size_t count)
{
    begin_batch(w, CT_SEL_approveClients, count);
    for (size_t i = 0; i < count; i++) {
        put_approval(w, &batch[i]);
    }
}

void ct_call_update_allocation(struct ct_wr *w, const struct ct_client_update *update)
{
    ct_wr_be32(w, CT_SEL_updateAllocation);
    ct_wr_bytes(w, update->id_hash32, 32);
    ct_abi_put_u64(w, update->relay);
    ct_abi_put_u64(w, update->port);
    ct_abi_put_u64(w, update->backup_relay);
    ct_abi_put_u64(w, update->backup_port);
    ct_abi_put_u64(w, update->sequence);
}

void ct_call_update_allocations(struct ct_wr *w, const struct ct_signed_client_update *batch,
                                size_t count)
{
    begin_batch(w, CT_SEL_updateAllocations, count);
    for (size_t i = 0; i < count; i++) {
        const struct ct_client_update *u = &batch[i].update;
        struct ct_device terms = {.sequence = u->sequence,
                                  .relay = u->relay,
                                  .port = u->port,
                                  .backup_relay = u->backup_relay,
                                  .backup_port = u->backup_port};
        ct_wr_bytes(w, u->id_hash32, 32);
        put_terms(w, u->deadline_s, &terms);
        put_signature(w, batch[i].sig65);
    }
}

void ct_call_rotate_keys(struct ct_wr *w, const struct ct_signed_key_rotation *batch, size_t count)
{
    begin_batch(w, CT_SEL_rotateKeys, count);
    for (size_t i = 0; i < count; i++) {
        const struct ct_key_rotation *k = &batch[i].rotation;
        struct ct_device terms = {.sequence = k->sequence};
        ct_wr_bytes(w, k->id_hash32, 32);
        ct_wr_bytes(w, k->key32, 32);
        put_terms(w, k->deadline_s, &terms);
        put_signature(w, batch[i].sig65);
    }
}

void ct_call_revoke_self(struct ct_wr *w, const struct ct_signed_self_revocation *revocation)
{
    ct_wr_be32(w, CT_SEL_revokeSelf);
    ct_wr_bytes(w, revocation->revocation.id_hash32, 32);
    ct_abi_put_u64(w, revocation->revocation.sequence);
    ct_abi_put_u64(w, revocation->revocation.deadline_s);
    put_signature(w, revocation->sig65);
}

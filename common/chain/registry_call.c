/* Call data of the registry's functions: selector and words, as the ABI has them. */
#include "chain/registry.h"

#include <string.h>

#include "registry_abi.h"
#include "registry_bytecode.h"

#include "chain/abi.h"

enum { CONSTRUCTOR_WORDS = 5 };

void ct_call_register_server(struct ct_wr *w, const uint8_t salt32[32],
                             const struct ct_relay *relay)
{
    ct_wr_be32(w, CT_SEL_registerServer);
    ct_wr_bytes(w, salt32, 32);
    ct_abi_put_uint_be(w, relay->listen_ip4, 4);
    ct_abi_put_uint_be(w, relay->listen_ip6, 16);
    ct_abi_put_u64(w, relay->listen_port);
    ct_abi_put_uint_be(w, relay->relay_ip4, 4);
    ct_abi_put_uint_be(w, relay->relay_ip6, 16);
    ct_abi_put_u64(w, relay->port_min);
    ct_abi_put_u64(w, relay->port_max);
    ct_wr_bytes(w, relay->key32, 32);
    ct_abi_put_u64(w, relay->index);
}

void ct_call_cancel_server(struct ct_wr *w, const uint8_t salt32[32])
{
    ct_wr_be32(w, CT_SEL_cancelServer);
    ct_wr_bytes(w, salt32, 32);
}

void ct_call_approve_server(struct ct_wr *w, const uint8_t pending32[32],
                            const uint8_t digest32[32], uint16_t expiry_day)
{
    ct_wr_be32(w, CT_SEL_approveServer);
    ct_wr_bytes(w, pending32, 32);
    ct_wr_bytes(w, digest32, 32);
    ct_abi_put_u64(w, expiry_day);
}

void ct_call_renew_server(struct ct_wr *w, uint16_t index, uint16_t expiry_day)
{
    ct_wr_be32(w, CT_SEL_renewServer);
    ct_abi_put_u64(w, index);
    ct_abi_put_u64(w, expiry_day);
}

static void call_with_index(struct ct_wr *w, uint32_t selector, uint16_t index)
{
    ct_wr_be32(w, selector);
    ct_abi_put_u64(w, index);
}

void ct_call_revoke_server(struct ct_wr *w, uint16_t index)
{
    call_with_index(w, CT_SEL_revokeServer, index);
}

void ct_call_reinstate_server(struct ct_wr *w, uint16_t index)
{
    call_with_index(w, CT_SEL_reinstateServer, index);
}

void ct_call_withdraw_server(struct ct_wr *w, uint16_t index)
{
    call_with_index(w, CT_SEL_withdrawServer, index);
}

/* identityHash, key, terms, r, vs; terms from the top bit, the low 96 zero. */
static void put_registration(struct ct_wr *w, const struct ct_signed_registration *entry)
{
    const struct ct_registration *reg = &entry->registration;
    uint8_t r[32];
    uint8_t vs[32];
    ct_sig_compact(r, vs, entry->sig65);
    ct_wr_bytes(w, reg->id_hash32, 32);
    ct_wr_bytes(w, reg->key32, 32);
    ct_wr_be64(w, reg->deadline_s);
    ct_wr_be16(w, reg->expiry_day);
    ct_wr_be16(w, reg->sequence);
    ct_wr_be16(w, reg->relay);
    ct_wr_be16(w, reg->port);
    ct_wr_be16(w, reg->backup_relay);
    ct_wr_be16(w, reg->backup_port);
    ct_wr_zeros(w, 12);
    ct_wr_bytes(w, r, 32);
    ct_wr_bytes(w, vs, 32);
}

void ct_call_register_clients(struct ct_wr *w, const struct ct_signed_registration *batch,
                              size_t count)
{
    ct_wr_be32(w, CT_SEL_registerClients);
    ct_abi_put_u64(w, 32); /* where the array begins */
    ct_abi_put_u64(w, count);
    for (size_t i = 0; i < count; i++) {
        put_registration(w, &batch[i]);
    }
}

void ct_call_revoke_client(struct ct_wr *w, const uint8_t id_hash32[32])
{
    ct_wr_be32(w, CT_SEL_revokeClient);
    ct_wr_bytes(w, id_hash32, 32);
}

void ct_call_revoke_pass(struct ct_wr *w, const uint8_t pass16[16])
{
    ct_wr_be32(w, CT_SEL_revokePass);
    ct_abi_put_fixed(w, pass16, 16);
}

void ct_call_set_wm_key(struct ct_wr *w, const uint8_t ed25519[32], const uint8_t x25519[32],
                        uint64_t not_after_s)
{
    ct_wr_be32(w, CT_SEL_setWMKey);
    ct_wr_bytes(w, ed25519, 32);
    ct_wr_bytes(w, x25519, 32);
    ct_abi_put_u64(w, not_after_s);
}

void ct_call_set_approver(struct ct_wr *w, const uint8_t addr20[20], bool allowed)
{
    ct_wr_be32(w, CT_SEL_setApprover);
    ct_abi_put_address(w, addr20);
    ct_abi_put_bool(w, allowed);
}

void ct_call_deploy(struct ct_wr *w, const uint8_t owner20[20], const uint8_t approver20[20],
                    const struct ct_wm_key *wm_key)
{
    ct_wr_bytes(w, ct_registry_creation_code, CT_REGISTRY_CREATION_LEN);
    ct_abi_put_address(w, owner20);
    ct_abi_put_address(w, approver20);
    ct_wr_bytes(w, wm_key->ed25519, 32);
    ct_wr_bytes(w, wm_key->x25519, 32);
    ct_abi_put_u64(w, wm_key->not_after_s);
}

size_t ct_call_deploy_len(void)
{
    return CT_REGISTRY_CREATION_LEN + CONSTRUCTOR_WORDS * 32;
}

/* What wallets and approvers sign about a device, and the digest of a pending record. */
#include "chain/registry_client.h"

#include <string.h>

#include "registry_abi.h"

#include "chain/eip712.h"
#include "chain/keccak.h"

static void digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                   const char *type, const uint8_t (*words)[32], size_t count)
{
    uint8_t domain[32];
    uint8_t hash[32];
    ct_eip712_chainturn(domain, chain_id, contract20);
    ct_eip712_struct(hash, type, words, count);
    ct_eip712_digest(out32, domain, hash);
}

void ct_registration_digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                            const struct ct_registration *registration)
{
    uint8_t words[9][32];
    memcpy(words[0], registration->id_hash32, 32);
    memcpy(words[1], registration->key32, 32);
    ct_word_u64(words[2], registration->relay);
    ct_word_u64(words[3], registration->port);
    ct_word_u64(words[4], registration->backup_relay);
    ct_word_u64(words[5], registration->backup_port);
    ct_word_u64(words[6], registration->expiry_day);
    ct_word_u64(words[7], registration->sequence);
    ct_word_u64(words[8], registration->deadline_s);
    digest(out32, chain_id, contract20, CT_EIP712_REGISTRATION_TYPE, (const uint8_t(*)[32])words,
           9);
}

void ct_voucher_digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                       const struct ct_voucher *voucher)
{
    uint8_t words[4][32];
    memcpy(words[0], voucher->id_hash32, 32);
    memcpy(words[1], voucher->token_hash32, 32);
    ct_word_be(words[2], voucher->wallet20, 20);
    ct_word_u64(words[3], voucher->deadline_s);
    digest(out32, chain_id, contract20, CT_EIP712_VOUCHER_TYPE, (const uint8_t(*)[32])words, 4);
}

void ct_client_update_digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                             const struct ct_client_update *update)
{
    uint8_t words[7][32];
    memcpy(words[0], update->id_hash32, 32);
    ct_word_u64(words[1], update->relay);
    ct_word_u64(words[2], update->port);
    ct_word_u64(words[3], update->backup_relay);
    ct_word_u64(words[4], update->backup_port);
    ct_word_u64(words[5], update->sequence);
    ct_word_u64(words[6], update->deadline_s);
    digest(out32, chain_id, contract20, CT_EIP712_UPDATE_TYPE, (const uint8_t(*)[32])words, 7);
}

void ct_key_rotation_digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                            const struct ct_key_rotation *rotation)
{
    uint8_t words[4][32];
    memcpy(words[0], rotation->id_hash32, 32);
    memcpy(words[1], rotation->key32, 32);
    ct_word_u64(words[2], rotation->sequence);
    ct_word_u64(words[3], rotation->deadline_s);
    digest(out32, chain_id, contract20, CT_EIP712_KEY_ROTATION_TYPE, (const uint8_t(*)[32])words,
           4);
}

void ct_self_revocation_digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                               const struct ct_self_revocation *revocation)
{
    uint8_t words[3][32];
    memcpy(words[0], revocation->id_hash32, 32);
    ct_word_u64(words[1], revocation->sequence);
    ct_word_u64(words[2], revocation->deadline_s);
    digest(out32, chain_id, contract20, CT_EIP712_SELF_REVOCATION_TYPE, (const uint8_t(*)[32])words,
           3);
}

void ct_device_digest(uint8_t out32[32], const struct ct_device *device)
{
    struct ct_device masked = *device;
    uint8_t words[2][32];
    masked.state = CT_RECORD_NONE;
    ct_device_encode(words, &masked);
    ct_keccak256(out32, words, sizeof(words));
}

void ct_token_hash(uint8_t out32[32], const char *token)
{
    ct_keccak256(out32, token, strlen(token));
}

/* What wallets and approvers sign about a device, and the digest of a pending record. */
#include "chain/registry_client.h"

#include <string.h>

#include "registry_abi.h"

#include "chain/eip712.h"
#include "chain/keccak.h"

/* Every type begins with words as they are and ends with numbers. */
struct fields {
    uint8_t words[9][32];
    size_t count;
};

static void put_word(struct fields *f, const void *be, size_t len)
{
    ct_word_be(f->words[f->count++], be, len);
}

static void put_numbers(struct fields *f, const uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ct_word_u64(f->words[f->count++], numbers[i]);
    }
}

static void digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                   const char *type, const struct fields *f)
{
    uint8_t domain[32];
    uint8_t hash[32];
    ct_eip712_chainturn(domain, chain_id, contract20);
    ct_eip712_struct(hash, type, f->words, f->count);
    ct_eip712_digest(out32, domain, hash);
}

void ct_registration_digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                            const struct ct_registration *r)
{
    const uint64_t numbers[] = {r->relay,      r->port,     r->backup_relay, r->backup_port,
                                r->expiry_day, r->sequence, r->deadline_s};
    struct fields f = {.count = 0};
    put_word(&f, r->id_hash32, 32);
    put_word(&f, r->key32, 32);
    put_numbers(&f, numbers, 7);
    digest(out32, chain_id, contract20, CT_EIP712_REGISTRATION_TYPE, &f);
}

void ct_voucher_day(uint8_t out32[32], uint16_t expiry_day)
{
    memset(out32, 0, 32);
    out32[30] = (uint8_t)(expiry_day >> 8);
    out32[31] = (uint8_t)expiry_day;
}

void ct_voucher_digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                       const struct ct_voucher *v)
{
    struct fields f = {.count = 0};
    put_word(&f, v->id_hash32, 32);
    put_word(&f, v->token_hash32, 32);
    put_word(&f, v->wallet20, 20);
    put_numbers(&f, &v->deadline_s, 1);
    digest(out32, chain_id, contract20, CT_EIP712_VOUCHER_TYPE, &f);
}

void ct_client_update_digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                             const struct ct_client_update *u)
{
    const uint64_t numbers[] = {u->relay,       u->port,     u->backup_relay,
                                u->backup_port, u->sequence, u->deadline_s};
    struct fields f = {.count = 0};
    put_word(&f, u->id_hash32, 32);
    put_numbers(&f, numbers, 6);
    digest(out32, chain_id, contract20, CT_EIP712_UPDATE_TYPE, &f);
}

void ct_key_rotation_digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                            const struct ct_key_rotation *k)
{
    const uint64_t numbers[] = {k->sequence, k->deadline_s};
    struct fields f = {.count = 0};
    put_word(&f, k->id_hash32, 32);
    put_word(&f, k->key32, 32);
    put_numbers(&f, numbers, 2);
    digest(out32, chain_id, contract20, CT_EIP712_KEY_ROTATION_TYPE, &f);
}

void ct_self_revocation_digest(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20],
                               const struct ct_self_revocation *s)
{
    const uint64_t numbers[] = {s->sequence, s->deadline_s};
    struct fields f = {.count = 0};
    put_word(&f, s->id_hash32, 32);
    put_numbers(&f, numbers, 2);
    digest(out32, chain_id, contract20, CT_EIP712_SELF_REVOCATION_TYPE, &f);
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

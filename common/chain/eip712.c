/* EIP-712: hashes of hashes; dynamic members are hashed by whoever builds the words. */
#include "chain/eip712.h"

#include <string.h>

#include "chain/keccak.h"

static const char domain_type[] =
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";

void ct_word_be(uint8_t out32[32], const void *be, size_t len)
{
    memset(out32, 0, 32 - len);
    memcpy(out32 + 32 - len, be, len);
}

void ct_word_u64(uint8_t out32[32], uint64_t value)
{
    memset(out32, 0, 24);
    for (size_t i = 0; i < 8; i++) {
        out32[31 - i] = (uint8_t)(value >> (8 * i));
    }
}

void ct_eip712_struct(uint8_t out32[32], const char *type, const uint8_t (*words)[32], size_t count)
{
    uint8_t type_hash[32];
    struct ct_keccak k;
    ct_keccak256(type_hash, type, strlen(type));
    ct_keccak_init(&k);
    ct_keccak_update(&k, type_hash, sizeof(type_hash));
    for (size_t i = 0; i < count; i++) {
        ct_keccak_update(&k, words[i], 32);
    }
    ct_keccak_final(&k, out32);
}

void ct_eip712_domain(uint8_t out32[32], const char *name, const char *version, uint64_t chain_id,
                      const uint8_t contract20[20])
{
    uint8_t words[4][32];
    ct_keccak256(words[0], name, strlen(name));
    ct_keccak256(words[1], version, strlen(version));
    ct_word_u64(words[2], chain_id);
    ct_word_be(words[3], contract20, 20);
    ct_eip712_struct(out32, domain_type, (const uint8_t(*)[32])words, 4);
}

void ct_eip712_chainturn(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20])
{
    ct_eip712_domain(out32, "chainturn", "1", chain_id, contract20);
}

void ct_eip712_digest(uint8_t out32[32], const uint8_t domain32[32], const uint8_t struct32[32])
{
    struct ct_keccak k;
    ct_keccak_init(&k);
    ct_keccak_update(&k, "\x19\x01", 2);
    ct_keccak_update(&k, domain32, 32);
    ct_keccak_update(&k, struct32, 32);
    ct_keccak_final(&k, out32);
}

/* EIP-712 typed data: domain separator, struct hash from its words, digest to sign. */
#ifndef CT_CHAIN_EIP712_H
#define CT_CHAIN_EIP712_H

#include <stddef.h>
#include <stdint.h>

/*
 * Domain with name, version, chainId and verifyingContract, as in the registry: name "chainturn",
 * version "1" (ct_eip712_chainturn below).
 */
void ct_eip712_domain(uint8_t out32[32], const char *name, const char *version, uint64_t chain_id,
                      const uint8_t contract20[20]);
void ct_eip712_chainturn(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20]);

/*
 * keccak256(keccak256(type) | words). type is the encoded type, "Mail(address to,bytes32 id)";
 * words are its members in order: numbers right-aligned, bytes32 as they are, keccak256 of dynamic
 * members.
 */
void ct_eip712_struct(uint8_t out32[32], const char *type, const uint8_t (*words)[32],
                      size_t count);

/* keccak256(0x19 0x01 | domain | struct hash): what ct_wallet_sign() signs. */
void ct_eip712_digest(uint8_t out32[32], const uint8_t domain32[32], const uint8_t struct32[32]);

/* A right-aligned word out of a number, or out of len big-endian bytes (an address has 20). */
void ct_word_u64(uint8_t out32[32], uint64_t value);
void ct_word_be(uint8_t out32[32], const void *be, size_t len);

#endif

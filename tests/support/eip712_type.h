/* EIP-712 for any types: encodeType, encodeData and hashStruct out of a vector's JSON. */
#ifndef CT_TEST_EIP712_TYPE_H
#define CT_TEST_EIP712_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "chain/json.h"

/*
 * types: {"Mail": [{"name": "to", "type": "Person"}, ..], ..}. False for a type or member that is
 * not there, or a value that is none of its type.
 *
 * "Mail(Person from,..)Person(..)": the type, then those that it refers to, in their names' order.
 */
bool ct_eip712_type_write(struct ct_wr *w, const struct ct_json *types, const char *name);
/* The type's hash and a word for each member: what hashStruct hashes. */
bool ct_eip712_data_write(struct ct_wr *w, const struct ct_json *types, const char *name,
                          const struct ct_json *data);
bool ct_eip712_data_hash(uint8_t out32[32], const struct ct_json *types, const char *name,
                         const struct ct_json *data);
/* The separator of a domain that has any of the five members, in the standard's order. */
bool ct_eip712_any_domain(uint8_t out32[32], const struct ct_json *domain);

#endif

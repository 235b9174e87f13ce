/* Values of any ABI type: written, read strictly and compared, packed as for a hash. */
#ifndef CT_TEST_ABI_VALUE_H
#define CT_TEST_ABI_VALUE_H

#include "abi_type.h"
#include "base/bytes.h"

/* The encoding of a tuple's members (values: a JSON list), as abi.encode gives it. */
bool ct_abi_value_write(struct ct_wr *w, const struct ct_abi_type *tuple,
                        const struct ct_json *values);

/* Is data the one canonical encoding of values? Read with the strict readers of common/chain. */
bool ct_abi_value_holds(const struct ct_abi_type *tuple, const struct ct_json *values,
                        const uint8_t *data, size_t len);

/* One value as abi.encodePacked gives it: elements of arrays fill their word. */
bool ct_abi_value_pack(struct ct_wr *w, const struct ct_abi_type *type,
                       const struct ct_json *value);

#endif

/* Ether that went out, for the counters: wei as whole gwei. */
#ifndef CT_WM_SPENT_H
#define CT_WM_SPENT_H

#include <stdint.h>

#include "chain/u256.h"

/* Of a transaction that is deep enough in the chain. */
void ct_spent_gas(uint64_t gas, const struct ct_u256 *price_wei);
/* Given to a device. */
void ct_spent_payment(const struct ct_u256 *wei);

#endif

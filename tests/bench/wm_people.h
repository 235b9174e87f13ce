/* Parties that have enrolled with the wallet manager: who may ask over TLS. */
#ifndef CT_BENCH_WM_PEOPLE_H
#define CT_BENCH_WM_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wm_tls.h"

enum { BENCH_WALLETS = 64, BENCH_PSKS_MAX = 4096 };

/* New wallets and keys; their numbers are 0 to BENCH_WALLETS - 1. */
bool bench_people_new(void);
const uint8_t *bench_wallet20(size_t number);
/*
 * So many fresh enrolments, the n-th of wallet n % BENCH_WALLETS; valid until the next call. NULL,
 * and a message: the server at that port refused.
 */
const struct bench_psk *bench_enrol(uint16_t port, size_t count);

#endif

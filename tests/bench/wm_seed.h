/* A store that has been in use for long, made in bulk through the store's own tables. */
#ifndef CT_BENCH_WM_SEED_H
#define CT_BENCH_WM_SEED_H

#include <stdbool.h>
#include <stddef.h>

#include "wm-server/src/store/store.h"

/* The operation that registered device i: 32 digits, spread as random ones are. */
void bench_op_id(char out[CT_OP_ID], size_t i);
/*
 * Devices `from` to `to` - 1, each with its record, the token that admitted it and its operation,
 * which is in that state and belongs to wallet i % BENCH_WALLETS. The file is made if absent.
 */
bool bench_seed_sqlite(const char *path, size_t from, size_t to, enum ct_op_state state);
#endif

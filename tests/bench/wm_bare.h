/* What the HTTP library does alone: a server that answers each request with the same bytes. */
#ifndef CT_BENCH_WM_BARE_H
#define CT_BENCH_WM_BARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "wm_tls.h"

/*
 * A child process with as many threads and the same way of waiting as the wallet manager's
 * listener; psk NULL: plain, else the one key that it knows. 0: it could not be started.
 */
pid_t bench_bare_start(uint16_t port, const struct bench_psk *psk, const char *body);
void bench_bare_stop(pid_t pid);

#endif

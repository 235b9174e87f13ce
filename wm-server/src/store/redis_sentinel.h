/* Where the master of a Redis is now, by the word of its sentinels; and addresses. */
#ifndef CT_WM_REDIS_SENTINEL_H
#define CT_WM_REDIS_SENTINEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"

enum { CT_REDIS_HOST = 256, CT_REDIS_PASSWORD = 512 };

/* "host:port" or "[host]:port" into its parts; false when address is neither. */
bool ct_redis_split(char host[CT_REDIS_HOST], uint16_t *port, const char *address);

/*
 * Asks one sentinel, for 2 s at most. password is NULL or what it wants. CT_ERR_AGAIN: it does not
 * answer, or knows no master of that name. CT_ERR_CONFIG: its address is none.
 */
CT_MUST_USE ct_err ct_sentinel_master(char host[CT_REDIS_HOST], uint16_t *port,
                                      const char *sentinel, const char *password,
                                      const char *master, struct ct_why *why);

#endif

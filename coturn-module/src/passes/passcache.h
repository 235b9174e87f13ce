/* Passes whose signature held, with the password that follows: what has been worked out once. */
#ifndef CT_RELAY_PASSCACHE_H
#define CT_RELAY_PASSCACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "kex/pass.h"

/* The least recently used of four makes room: 16,384 passes, 4 MB once they are all used. */
enum { CT_PASSCACHE_SETS = 4096, CT_PASSCACHE_WAYS = 4 };

struct ct_passcache; /* one thread's at a time */

struct ct_passcache *ct_passcache_new(void); /* NULL: no memory */
void ct_passcache_free(struct ct_passcache *cache);
/* True when exactly this pass is there; its password, unless that is NULL. */
bool ct_passcache_get(struct ct_passcache *cache, const uint8_t pass175[CT_PASS_LEN],
                      const uint8_t id16[16], char password[CT_PASS_PASSWORD_LEN + 1]);
void ct_passcache_put(struct ct_passcache *cache, const uint8_t pass175[CT_PASS_LEN],
                      const uint8_t id16[16], const char password[CT_PASS_PASSWORD_LEN + 1]);
/* Other keys hold now: everything is checked anew. */
void ct_passcache_clear(struct ct_passcache *cache);

#endif

/* Where approved devices are reached, as one immutable snapshot: relay index and port. */
#ifndef CT_DEVSET_H
#define CT_DEVSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

struct ct_devset; /* 4 bytes a place, in a table at most 80 % full */

enum { CT_DEVSET_PLACES_MAX = 4000000 };

/* An empty set with room for places. CT_ERR_ARG: more than CT_DEVSET_PLACES_MAX; CT_ERR_NOMEM. */
CT_MUST_USE ct_err ct_devset_new(struct ct_devset **out, size_t places);
void ct_devset_free(void *set);
/* While the set is made; the same place again is harmless. relay 1.., false: no room is left. */
bool ct_devset_add(struct ct_devset *set, uint16_t relay, uint16_t port);

bool ct_devset_has(const struct ct_devset *set, uint16_t relay, uint16_t port);
size_t ct_devset_count(const struct ct_devset *set); /* places */
/* The same places? By count and a sum over them: good for what changes by itself. */
bool ct_devset_equal(const struct ct_devset *a, const struct ct_devset *b);
size_t ct_devset_bytes(const struct ct_devset *set); /* of memory */

#endif

/* The approved relays as one immutable snapshot: looked up without a lock, kept on disk. */
#ifndef CT_PEERSET_H
#define CT_PEERSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"

struct ct_peer_range {
    uint8_t addr16[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint16_t port_min;  /* both included, not 0 */
    uint16_t port_max;
    uint16_t index; /* of the relay, not 0 */
};

/* What the snapshot was read from. */
struct ct_peerset_origin {
    uint8_t deployment32[32];
    uint64_t block;
    uint64_t log_count;
    uint64_t confirmed_s; /* when the chain last confirmed it, seconds since 1970 */
};

struct ct_peerset;

/* Copies and sorts ranges. CT_ERR_ARG for an index 0 or an empty port range, CT_ERR_NOMEM. */
CT_MUST_USE ct_err ct_peerset_new(struct ct_peerset **out, const struct ct_peer_range *ranges,
                                  size_t count, const struct ct_peerset_origin *origin);
void ct_peerset_free(void *set);

size_t ct_peerset_count(const struct ct_peerset *set);
size_t ct_peerset_relays(const struct ct_peerset *set); /* each may have two ranges */
size_t ct_peerset_bytes(const struct ct_peerset *set);  /* of memory */
const struct ct_peerset_origin *ct_peerset_origin(const struct ct_peerset *set);
/* The relay that has this relayed address, or 0. */
uint16_t ct_peerset_index(const struct ct_peerset *set, const uint8_t addr16[16], uint16_t port);
bool ct_peerset_equal(const struct ct_peerset *a, const struct ct_peerset *b); /* ranges only */

/* Writes the set with a new time of confirmation, whole or not at all. */
CT_MUST_USE ct_err ct_peerset_save(const struct ct_peerset *set, uint64_t confirmed_s,
                                   const char *path, struct ct_why *why);
/*
 * CT_ERR_NOT_FOUND when there is no file; CT_ERR_FORMAT when it is cut, changed, or of another
 * deployment.
 */
CT_MUST_USE ct_err ct_peerset_load(struct ct_peerset **out, const uint8_t deployment32[32],
                                   const char *path, struct ct_why *why);

#endif

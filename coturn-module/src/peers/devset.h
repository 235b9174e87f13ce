/* Where approved devices are reached, as one immutable snapshot: relay index and port. */
#ifndef CT_DEVSET_H
#define CT_DEVSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

/* 8 bytes a relay, and its ports: as bits where they lie close to each other, else one byte each
 * behind a list of the relay's. Small enough for a processor's cache. */
struct ct_devset;

enum { CT_DEVSET_PLACES_MAX = 4000000 };

/* relay 1 .. 65535 */
static inline uint32_t ct_devset_place(uint16_t relay, uint16_t port)
{
    return (uint32_t)relay << 16 | port;
}

/*
 * The set of these places, in any order; the same one again is harmless. CT_ERR_ARG: relay 0, or
 * more than CT_DEVSET_PLACES_MAX; CT_ERR_NOMEM.
 */
CT_MUST_USE ct_err ct_devset_new(struct ct_devset **out, const uint32_t *places, size_t count);
void ct_devset_free(void *set);

bool ct_devset_has(const struct ct_devset *set, uint16_t relay, uint16_t port);
/* It is about to be asked that, after something else: begins to read what is far away. */
void ct_devset_expect(const struct ct_devset *set, uint16_t relay, uint16_t port);
size_t ct_devset_count(const struct ct_devset *set); /* places, each once */
bool ct_devset_equal(const struct ct_devset *a, const struct ct_devset *b);
size_t ct_devset_bytes(const struct ct_devset *set); /* of memory */

#endif

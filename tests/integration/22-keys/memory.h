/* Where in another process's memory some bytes are. */
#ifndef CT_KEYS_MEMORY_H
#define CT_KEYS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct found {
    unsigned locked; /* in mappings that are locked whole */
    unsigned open;   /* in others */
};

/* Counts them in every mapping that can be read; false when the process cannot be looked at. */
bool memory_find(struct found *out, pid_t pid, const void *bytes, size_t len);

#endif

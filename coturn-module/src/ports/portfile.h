/* The remembered ports on disk (docs/protocol.md 9). */
#ifndef CT_RELAY_PORTFILE_H
#define CT_RELAY_PORTFILE_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "ports/ports.h"

/* At most CT_PORTS_MAX. */
CT_MUST_USE ct_err ct_portfile_save(const struct ct_port *list, size_t count,
                                    const uint8_t deployment32[32], const char *path,
                                    struct ct_why *why);
/* *list is to be freed. CT_ERR_NOT_FOUND when there is no file; CT_ERR_FORMAT when it is cut,
 * changed, or of another deployment. */
CT_MUST_USE ct_err ct_portfile_load(struct ct_port **list, size_t *count,
                                    const uint8_t deployment32[32], const char *path,
                                    struct ct_why *why);

#endif

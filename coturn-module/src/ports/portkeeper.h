/* The remembered ports of a running relay: asked by its threads, written by a thread of its own. */
#ifndef CT_RELAY_PORTKEEPER_H
#define CT_RELAY_PORTKEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "ct_hooks.h"

struct ct_portkeeper; /* any thread may use it */

struct ct_portkeeper_config {
    const uint8_t *deployment32; /* borrowed, as path is */
    const char *path;
    struct ct_log log;
};

/* Reads the file; without one, or with a damaged one, nothing is remembered. */
CT_MUST_USE ct_err ct_portkeeper_new(struct ct_portkeeper **out,
                                     const struct ct_portkeeper_config *config, struct ct_why *why);
/* The thread that writes: a change is on disk a tenth of a second later, in a relay with many
 * changes when the disk has had some rest. */
CT_MUST_USE ct_err ct_portkeeper_start(struct ct_portkeeper *keeper, struct ct_why *why);
/* Writes what is left to write, for two seconds at most. The object stays: it may be asked still.
 */
void ct_portkeeper_stop(struct ct_portkeeper *keeper);
/* After ct_portkeeper_stop(), or when it never was started. */
void ct_portkeeper_free(struct ct_portkeeper *keeper);

/* As in ports.h; a user name that is no pass has no ports. */
void ct_portkeeper_stands(struct ct_portkeeper *keeper, const uint8_t pass16[16],
                          const struct ct_endpoint *relayed);
void ct_portkeeper_ended(struct ct_portkeeper *keeper, const uint8_t pass16[16],
                         const struct ct_endpoint *relayed, bool was_given_back);
uint16_t ct_portkeeper_had(struct ct_portkeeper *keeper, const char *user,
                           const struct ct_endpoint *at);
bool ct_portkeeper_is_kept(struct ct_portkeeper *keeper, const char *user,
                           const struct ct_endpoint *relayed);

#endif

/* Which relayed ports passes have, and had, so that after a crash each gets its own again. */
#ifndef CT_RELAY_PORTS_H
#define CT_RELAY_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "ct_hooks.h"

enum {
    CT_PORTS_MAX = 65536,         /* remembered at one time: 7 MB, and 3 MB on disk */
    CT_PORTS_KEPT_S = 600,        /* after its end nobody else gets it, while others are left */
    CT_PORTS_REMEMBERED_S = 86400 /* as long as a pass can last */
};

struct ct_port {
    uint8_t pass16[16];
    struct ct_endpoint relayed;
    uint64_t ended_s; /* since 1970; 0: the allocation stands */
};

/* What a user name says it is; both NULL for one that is no pass. */
struct ct_port_owner {
    const uint8_t *pass16;
    const uint8_t *renews16; /* what it renews is its own, too */
};

struct ct_ports; /* one thread at a time, see portkeeper.h */

CT_MUST_USE ct_err ct_ports_new(struct ct_ports **out);
void ct_ports_free(struct ct_ports *ports);

/* These two tell whether anything changed. */
/* An allocation of that pass stands there, now or still. */
bool ct_ports_stands(struct ct_ports *ports, const uint8_t pass16[16],
                     const struct ct_endpoint *relayed);
/* That pass's stands no more. One that was given back is not remembered. */
bool ct_ports_ended(struct ct_ports *ports, const uint8_t pass16[16],
                    const struct ct_endpoint *relayed, bool was_given_back, uint64_t now_s);

/* The port that the owner had at that address, of several the one that stood last; 0: none. */
uint16_t ct_ports_had(const struct ct_ports *ports, const struct ct_port_owner *owner,
                      const uint8_t addr16[16], uint64_t now_s);
/* Is it, for now, kept for somebody else? */
bool ct_ports_is_kept(const struct ct_ports *ports, const struct ct_port_owner *owner,
                      const struct ct_endpoint *relayed, uint64_t now_s);

size_t ct_ports_count(const struct ct_ports *ports);
/* For the disk, with room for CT_PORTS_MAX or what ct_ports_count() tells; how many there are. */
size_t ct_ports_list(const struct ct_ports *ports, struct ct_port *out, size_t room,
                     uint64_t now_s);
/* As ct_ports_list() gave it to a process that is gone: what stood then has ended now. */
CT_MUST_USE ct_err ct_ports_take_over(struct ct_ports *ports, const struct ct_port *list,
                                      size_t count, uint64_t now_s);

#endif

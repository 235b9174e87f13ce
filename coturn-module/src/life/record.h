/* This relay's record: made of the server's addresses, and recognised among those on the chain. */
#ifndef CT_RELAY_RECORD_H
#define CT_RELAY_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/registry.h"
#include "ct_hooks.h"

/*
 * The record to register: listening address and port and relayed address as the outside sees them
 * (external-ip), at most one of each family; the port range; key and owner. CT_ERR_CONFIG when the
 * server has several addresses of a family or none.
 */
CT_MUST_USE ct_err ct_relay_record_make(struct ct_relay *out, const struct ct_host *host,
                                        const uint8_t owner20[20], const uint8_t key32[32],
                                        struct ct_why *why);

enum ct_standing {
    CT_STANDING_NEW,     /* nothing like it on the chain */
    CT_STANDING_LISTED,  /* approved and in force, as it is */
    CT_STANDING_CHANGED, /* an older form is there: register in its place */
    CT_STANDING_REVOKED, /* taken off by the platform: not for the relay to undo */
};

/*
 * How own stands among the relays of the chain at time_s; *index is the record's, or 0. A relay is
 * the same one when its owner is and it had the index known (0: none is), the listening address, or
 * the relayed address with a common port. known comes first: every address may have changed.
 */
enum ct_standing ct_relay_standing(uint16_t *index, const struct ct_relay *own, uint16_t known,
                                   const struct ct_relay *relays, size_t count, uint64_t time_s);

/* Fixed by the record, so that a restart finds its own pending registration again. */
void ct_relay_salt(uint8_t salt32[32], const uint8_t deployment32[32], const struct ct_relay *own);

#endif

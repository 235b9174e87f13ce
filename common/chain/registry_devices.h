/* What became of devices in a range of blocks, from the contract's events. */
#ifndef CT_CHAIN_REGISTRY_DEVICES_H
#define CT_CHAIN_REGISTRY_DEVICES_H

#include <stdbool.h>

#include <chainturn/err.h>
#include "chain/logs.h"
#include "chain/registry.h"
#include "chain/registry_log.h"

enum ct_device_turn {
    CT_DEVICE_WRITTEN,  /* approved with the record that the event has */
    CT_DEVICE_APPROVED, /* the record that it had, which the event does not have */
    CT_DEVICE_GONE,     /* revoked, or pending anew */
};

struct ct_device_event {
    enum ct_device_turn turn;
    uint64_t block;
    uint8_t id_hash32[32];
    bool was_revoked;        /* with CT_DEVICE_GONE, by the log; else it is pending anew */
    struct ct_device device; /* with CT_DEVICE_WRITTEN; its key32 is zero */
};

struct ct_device_events {
    struct ct_device_event *list; /* in the order of the chain; ct_device_events_free() */
    size_t count;
    struct ct_log_entry *entries; /* of the contract's log, among them all revocations in list: */
    size_t entry_count;           /* what they lead to can be held to the head that is proven */
    uint8_t before32[32];         /* hash of the block before the first */
    uint8_t last32[32];           /* hash of the last block */
};

/* Blocks from to to, both included. Errors of ct_chain_logs(). */
CT_MUST_USE ct_err ct_registry_device_events(struct ct_chain *chain, uint64_t from, uint64_t to,
                                             struct ct_device_events *out, struct ct_why *why);
void ct_device_events_free(struct ct_device_events *events);

/*
 * Records of up to CT_CHAIN_SLOTS_MAX devices, proven against view, without their keys; state NONE
 * where there is none. One round trip.
 */
CT_MUST_USE ct_err ct_registry_devices(struct ct_chain *chain, const struct ct_view *view,
                                       const uint8_t (*id_hashes)[32], size_t count,
                                       struct ct_device *out, struct ct_why *why);

#endif

/* What allocations and passes have used, for the files that make it up. */
#ifndef CT_RELAY_USAGE_PRIVATE_H
#define CT_RELAY_USAGE_PRIVATE_H

#include <pthread.h>

#include "packets/usage.h"

enum { CT_PASS_CHAINS = 4096 };

/* The buckets of what is relayed: packets and bytes; and what datagrams may take besides, on their
 * credit, once streams take on credit, too. */
struct ct_volume {
    struct ct_bucket packets;
    struct ct_bucket bytes;
    struct ct_bucket spare_packets;
    struct ct_bucket spare_bytes;
    _Atomic bool has_streams;
};

/* Shared by the allocations of one pass, on whatever threads they are. It outlives them until what
 * it used has come in again, or whoever allocates anew would have another burst each time. */
struct ct_pass_use {
    uint8_t pass16[16];
    struct ct_use *first; /* this and the next under lock */
    struct ct_pass_use *next;
    struct ct_volume volume;
};

/* What was taken from the buckets for packets that are yet to come. */
struct ct_lot {
    uint32_t packets;
    uint32_t bytes;
};

struct ct_use {
    struct ct_lot lot; /* first: of most packets nothing else is read */
    uint64_t session;
    struct ct_endpoint places[CT_USE_PLACES];
    size_t place_count;
    bool is_invite_only;
    struct ct_bucket uninvited;
    struct ct_volume volume;
    struct ct_pass_use *pass; /* NULL: of no pass */
    struct ct_use *next;      /* of the same pass */
    struct ct_guests guests;
};

struct ct_rates {
    struct ct_rate packets;
    struct ct_rate bytes;
};

struct ct_limits {
    struct ct_rate source;
    struct ct_rate uninvited;
    struct ct_answer_rates answers;
    struct ct_rate sign_ons;
    struct ct_rates allocation;
    struct ct_rates pass;
    bool has_caps; /* any of those of allocation and pass */
    struct ct_sources sources;
    pthread_mutex_t lock; /* guards chains: taken when an allocation comes or goes */
    struct ct_pass_use *chains[CT_PASS_CHAINS];
};

/* Puts back what is left of the lot of use, before it leaves its pass or takes another. */
void ct_limits_return(struct ct_limits *limits, struct ct_use *use, uint64_t now_ns);
/* Frees what is kept of passes that have no allocation. */
void ct_limits_forget(struct ct_limits *limits);

#endif

/* What an allocation, and all of a pass together, may relay; and who may come uninvited. */
#ifndef CT_RELAY_USAGE_H
#define CT_RELAY_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "ct_hooks.h"
#include "packets/guests.h"
#include "packets/policy.h"
#include "packets/sources.h"

/* As the options have them; 0: no limit. */
struct ct_limits_config {
    uint32_t source_pps;      /* without a permission, of one prefix to all allocations */
    uint32_t uninvited_pps;   /* the same, of all sources to one allocation */
    uint32_t allocation_pps;  /* both ways together */
    uint32_t allocation_kbps; /* payload, both ways together */
    uint32_t pass_pps;        /* of all allocations of one pass */
    uint32_t pass_kbps;
    uint32_t answer_bps; /* bytes a second to a prefix that has proved nothing, beyond what it paid
                          * for; 16 times as many to all such prefixes together */
};

struct ct_limits; /* any thread may use it */
struct ct_use;    /* of one allocation; its thread's, but for ct_limits_free() */

CT_MUST_USE ct_err ct_limits_new(struct ct_limits **out, const struct ct_limits_config *config);
void ct_limits_free(struct ct_limits *limits);

/* session: what names it to the server. */
CT_MUST_USE ct_err ct_limits_open(struct ct_limits *limits, struct ct_use **out, uint64_t session);
/* Where it is relayed, one of each family: the server does not tell any more when it ends. */
enum { CT_USE_PLACES = 2 };
void ct_use_stand(struct ct_use *use, const struct ct_endpoint *places, size_t count);
const struct ct_endpoint *ct_use_places(const struct ct_use *use, size_t *count);
const uint8_t *ct_use_pass(const struct ct_use *use); /* its id; NULL: of none */
/* Whose allocation it is from now on; NULL: of a user of the server's own. */
void ct_limits_of_pass(struct ct_limits *limits, struct ct_use *use, const uint8_t *pass16,
                       uint64_t now_ns);
void ct_limits_close(struct ct_limits *limits, struct ct_use *use, uint64_t now_ns);

/* Calls each, unless it is NULL, for the sessions of that pass, with a lock held; how many there
 * are. */
size_t ct_limits_sessions(struct ct_limits *limits, const uint8_t pass16[16],
                          void (*each)(void *arg, uint64_t session), void *arg);

/* Who was let in just now. */
struct ct_guests *ct_limits_guests(struct ct_use *use);
/* From now on only peers with a permission or channel are heard. */
void ct_limits_invite_only(struct ct_use *use);
/* One packet or connection of a peer without a permission: ADMIT, or why not. use may be NULL. */
enum ct_verdict ct_limits_uninvited(struct ct_limits *limits, struct ct_use *use,
                                    const struct ct_endpoint *peer, uint64_t now_ns);
/* false: ct_limits_relay() has nothing to say, and nobody need read the clock for it. */
bool ct_limits_has_caps(const struct ct_limits *limits);
/* One packet on its way, either way: was it paid for with one before? Else the next one is asked.
 */
bool ct_limits_prepaid(struct ct_use *use, size_t bytes);
/* false: over the limit. */
bool ct_limits_relay(struct ct_limits *limits, struct ct_use *use, size_t bytes, uint64_t now_ns);
/*
 * A piece of a stream on its way, either way: how long to read no more from there, in ns, 0: go on.
 * UINT64_MAX: it is not to be relayed, and its connection is to end: others of the same allocation
 * or pass have used up what a minute brings.
 */
uint64_t ct_limits_stream(struct ct_limits *limits, struct ct_use *use, size_t bytes,
                          uint64_t now_ns);
/* May a pass that nobody has checked yet be checked for a client there? */
bool ct_limits_sign_on(struct ct_limits *limits, const struct ct_endpoint *from, uint64_t now_ns);
/* May this be answered? See ct_sources_answer(). */
bool ct_limits_answer(struct ct_limits *limits, const struct ct_endpoint *to, size_t in, size_t out,
                      uint64_t now_ns);

#endif

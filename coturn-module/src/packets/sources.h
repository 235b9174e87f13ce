/* What addresses outside have used up: packets that came without a permission, and answers to
 * those who have not shown that they are where they say. By prefix, in tables of fixed size. */
#ifndef CT_RELAY_SOURCES_H
#define CT_RELAY_SOURCES_H

#include <stddef.h>

#include <chainturn/err.h>
#include "packets/bucket.h"
#include "ct_hooks.h"

enum { CT_SOURCES_ROWS = 2, CT_SOURCES_PLACES = 8192 };

struct ct_sources {
    uint64_t secret[4];
    struct ct_bucket packets[CT_SOURCES_ROWS][CT_SOURCES_PLACES];
    struct ct_bucket answers[CT_SOURCES_ROWS][CT_SOURCES_PLACES];
    struct ct_bucket all_answers;
    struct ct_bucket sign_ons[CT_SOURCES_ROWS][CT_SOURCES_PLACES];
};

/* Draws the secret that keeps others from choosing each other's places. */
CT_MUST_USE ct_err ct_sources_init(struct ct_sources *sources);

/* A packet from this address, of an IPv4 /24 or IPv6 /48. false: too many came. */
bool ct_sources_packet(struct ct_sources *sources, const struct ct_rate *rate,
                       const struct ct_endpoint *from, uint64_t now_ns);
/* A pass whose signature nobody has checked yet. false: too many came from there. */
bool ct_sources_sign_on(struct ct_sources *sources, const struct ct_rate *rate,
                        const struct ct_endpoint *from, uint64_t now_ns);
/* What a victim gets without having asked, by its prefix and over all prefixes. */
struct ct_answer_rates {
    struct ct_rate prefix;
    struct ct_rate all;
};
/*
 * An answer of out bytes to a question of in bytes, at an address that nothing proves. One that is
 * no longer than its question goes out in any case; of others each question pays for half of its
 * length, be it answered or not, and the rest has to be in the buckets. false: it stays unanswered.
 */
bool ct_sources_answer(struct ct_sources *sources, const struct ct_answer_rates *rates,
                       const struct ct_endpoint *to, size_t in, size_t out, uint64_t now_ns);

#endif

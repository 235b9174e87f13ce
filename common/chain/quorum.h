/* Which block do k of n endpoints vouch for? Decided from their answers alone, no I/O. */
#ifndef CT_CHAIN_QUORUM_H
#define CT_CHAIN_QUORUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "chain/header.h"

enum { CT_QUORUM_MAX = 8, CT_QUORUM_TRIES = CT_QUORUM_MAX + 2 };

struct ct_quorum_answer {
    bool has_head;         /* the endpoint told a head whose hash holds */
    struct ct_header head; /* its newest block */
    bool has_block;        /* it also told the block below, asked for by number */
    struct ct_header block;
};

/*
 * The block number to agree on: the k-th highest head, less depth. Not the lowest head of all: one
 * endpoint that is behind (or lies that it is) would drag everybody back with it. Not the highest:
 * one that runs ahead, or lies that it does, would name a block that nobody else has. At most
 * n - k endpoints can be wrong either way, and the k-th highest is then between two honest heads.
 * try 0 is that number; 1 and 2 are the two blocks below, for the moment in which honest endpoints
 * have different blocks at the tip; 3.. are the next lower distinct heads, for one in which a block
 * has not reached all. CT_ERR_QUORUM when there are fewer than k heads, CT_ERR_NOT_FOUND when there
 * is no such try.
 */
CT_MUST_USE ct_err ct_quorum_target(uint64_t *number, const struct ct_quorum_answer *answers,
                                    size_t n, unsigned k, uint64_t depth, unsigned attempt);

/*
 * CT_OK when at least k answers hold a block (head or block) with that number and one same hash:
 * *agreed is the index of the first of them, *support (may be NULL) a bit mask of all. Else
 * CT_ERR_QUORUM.
 */
CT_MUST_USE ct_err ct_quorum_agree(size_t *agreed, uint32_t *support,
                                   const struct ct_quorum_answer *answers, size_t n, unsigned k,
                                   uint64_t number);

/* The header of an answer with that number, or NULL. */
const struct ct_header *ct_quorum_header(const struct ct_quorum_answer *answer, uint64_t number);

#endif

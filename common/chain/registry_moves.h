/* The move of records from one contract to the next: who follows whom, and the calls. */
#ifndef CT_CHAIN_REGISTRY_MOVES_H
#define CT_CHAIN_REGISTRY_MOVES_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/bytes.h"
#include "base/why.h"
#include "chain/chain.h"

/* What the contract's owner has named, proven against view; zeros: nothing. */
CT_MUST_USE ct_err ct_registry_neighbours(struct ct_chain *chain, const struct ct_view *view,
                                          uint8_t predecessor20[20], uint8_t successor20[20],
                                          struct ct_why *why);

/* Call data, appended to w (check with ct_wr_end). */
void ct_call_set_predecessor(struct ct_wr *w, const uint8_t contract20[20]);
void ct_call_set_successor(struct ct_wr *w, const uint8_t contract20[20]);
void ct_call_adopt_servers(struct ct_wr *w, const uint16_t *indices, size_t count);
void ct_call_adopt_clients(struct ct_wr *w, const uint8_t (*id_hashes)[32], size_t count);

#endif

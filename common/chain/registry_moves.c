/* The move of records from one contract to the next: slots and calls. */
#include "chain/registry_moves.h"

#include <string.h>

#include "registry_abi.h"

#include "chain/abi.h"
#include "chain/eip712.h"
#include "chain/registry.h"

_Static_assert(CT_SLOT_successor == CT_SLOT_predecessor + 1, "both are read as one run of slots");

ct_err ct_registry_neighbours(struct ct_chain *chain, const struct ct_view *view,
                              uint8_t predecessor20[20], uint8_t successor20[20],
                              struct ct_why *why)
{
    uint8_t slots[2][32];
    uint8_t words[2][32];
    ct_word_u64(slots[0], CT_SLOT_predecessor);
    ct_word_u64(slots[1], CT_SLOT_successor);
    ct_err err = ct_chain_prove(chain, view, (const uint8_t(*)[32])slots, 2, words, why);
    if (err == CT_OK) {
        memcpy(predecessor20, words[0] + 12, 20);
        memcpy(successor20, words[1] + 12, 20);
    }
    return err;
}

void ct_call_set_predecessor(struct ct_wr *w, const uint8_t contract20[20])
{
    ct_wr_be32(w, CT_SEL_setPredecessor);
    ct_abi_put_address(w, contract20);
}

void ct_call_set_successor(struct ct_wr *w, const uint8_t contract20[20])
{
    ct_wr_be32(w, CT_SEL_setSuccessor);
    ct_abi_put_address(w, contract20);
}

/* Selector, and where the array begins: directly behind. */
static void begin_array(struct ct_wr *w, uint32_t selector, size_t count)
{
    ct_wr_be32(w, selector);
    ct_abi_put_u64(w, 32);
    ct_abi_put_u64(w, count);
}

void ct_call_adopt_servers(struct ct_wr *w, const uint16_t *indices, size_t count)
{
    begin_array(w, CT_SEL_adoptServers, count);
    for (size_t i = 0; i < count; i++) {
        ct_abi_put_u64(w, indices[i]);
    }
}

void ct_call_adopt_clients(struct ct_wr *w, const uint8_t (*id_hashes)[32], size_t count)
{
    begin_array(w, CT_SEL_adoptClients, count);
    for (size_t i = 0; i < count; i++) {
        ct_wr_bytes(w, id_hashes[i], 32);
    }
}

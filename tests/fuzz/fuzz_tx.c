/*
 * Signed EIP-1559 transactions. Property: what is accepted encodes back to the same bytes, and its
 * sender is who signed its hash.
 */
/* links: ct_chain ct_base */
#include <string.h>

#include "chain/tx.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_tx tx;
    uint8_t sig[CT_SIG_LEN];
    uint8_t from[20];
    uint8_t hash[32];
    ct_err err = ct_tx_read_signed(&tx, sig, from, data, size);
    if (err != CT_OK) {
        HOLDS(err == CT_ERR_FORMAT || err == CT_ERR_AUTH);
        return 0;
    }
    uint8_t *again = malloc(size);
    HOLDS(again != NULL && ct_tx_room(&tx) >= size);
    struct ct_wr w = ct_wr_init(again, size);
    ct_tx_write_signed(&w, &tx, sig);
    HOLDS(ct_wr_end(&w) == CT_OK && w.len == size && memcmp(again, data, size) == 0);
    free(again);
    ct_tx_sighash(hash, &tx);
    HOLDS(ct_sig_check(from, hash, sig) == CT_OK);
    HOLDS(tx.data_len <= size && (tx.data_len == 0 || (tx.data >= data && tx.data < data + size)));
    return 0;
}

/* One endpoint's answers held to the bundle: is it the right chain, and is that a block? */
#include "chain/view_answer.h"

#include <inttypes.h>
#include <string.h>

bool ct_view_has_checkpoint(const struct ct_bundle *bundle)
{
    static const uint8_t zero32[32];
    return memcmp(bundle->checkpoint_hash32, zero32, 32) != 0;
}

/* An error in place of an answer (a rate limit, a gateway without its node) tells no chain. */
static ct_err cannot_serve(const struct ct_jsonrpc_answer *answer, const char *method,
                           struct ct_why *why)
{
    (void)ct_jsonrpc_error(answer, method, why);
    return CT_ERR_IO;
}

ct_err ct_view_check_chain_id(const struct ct_chain *chain, const struct ct_jsonrpc_answer *answer,
                              struct ct_why *why)
{
    uint64_t id = 0;
    if (answer->failed) {
        return cannot_serve(answer, "eth_chainId", why);
    }
    if (ct_json_u64(&id, answer->result) != CT_OK) {
        return ct_why(why, CT_ERR_FORMAT, "the chain id is malformed");
    }
    if (id != chain->bundle.chain_id) {
        return ct_why(why, CT_ERR_CHAIN, "it serves chain %" PRIu64 ", not chain %" PRIu64, id,
                      chain->bundle.chain_id);
    }
    return CT_OK;
}

ct_err ct_view_check_checkpoint(const struct ct_chain *chain,
                                const struct ct_jsonrpc_answer *answer, struct ct_why *why)
{
    struct ct_header header;
    const struct ct_bundle *bundle = &chain->bundle;
    if (answer->failed) {
        return cannot_serve(answer, "eth_getBlockByNumber", why);
    }
    if (ct_json_is_null(answer->result)) {
        return ct_why(why, CT_ERR_CHAIN, "it does not have checkpoint block %" PRIu64,
                      bundle->checkpoint_number);
    }
    ct_err err = ct_header_read(&header, answer->result, why);
    if (err != CT_OK) {
        return err;
    }
    if (header.number != bundle->checkpoint_number ||
        memcmp(header.hash32, bundle->checkpoint_hash32, 32) != 0) {
        return ct_why(why, CT_ERR_CHAIN,
                      "its block %" PRIu64 " is not the checkpoint: this is another chain",
                      bundle->checkpoint_number);
    }
    return CT_OK;
}

ct_err ct_view_read_block(struct ct_header *out, const struct ct_jsonrpc_answer *answer,
                          struct ct_why *why)
{
    if (answer->failed) {
        return cannot_serve(answer, "eth_getBlockByNumber", why);
    }
    if (ct_json_is_null(answer->result)) {
        return ct_why(why, CT_ERR_AGAIN, "it does not have that block");
    }
    return ct_header_read(out, answer->result, why);
}

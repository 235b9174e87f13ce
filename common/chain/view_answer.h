/* What one endpoint must answer before its head counts. For files of this folder only. */
#ifndef CT_CHAIN_VIEW_ANSWER_H
#define CT_CHAIN_VIEW_ANSWER_H

#include <stdbool.h>

#include "chain/endpoints.h"
#include "chain/header.h"

/* A checkpoint hash of zero is none: before the deployment. */
bool ct_view_has_checkpoint(const struct ct_bundle *bundle);
/* CT_ERR_CHAIN: another chain id. */
CT_MUST_USE ct_err ct_view_check_chain_id(const struct ct_chain *chain,
                                          const struct ct_jsonrpc_answer *answer,
                                          struct ct_why *why);
/* CT_ERR_CHAIN: the checkpoint block is not there, or is another. */
CT_MUST_USE ct_err ct_view_check_checkpoint(const struct ct_chain *chain,
                                            const struct ct_jsonrpc_answer *answer,
                                            struct ct_why *why);
/* CT_ERR_AGAIN: it does not have that block; else the errors of ct_header_read(). */
CT_MUST_USE ct_err ct_view_read_block(struct ct_header *out, const struct ct_jsonrpc_answer *answer,
                                      struct ct_why *why);

#endif

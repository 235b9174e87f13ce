/*
 * The provisioning bundle. Property: an accepted bundle keeps the quorum rule and, written out, is
 * read as the same bundle again; a refused one has a sentence of one line.
 */
/* links: ct_chain ct_base */
#include <string.h>

#include "chain/bundle.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_bundle bundle;
    struct ct_bundle again;
    struct ct_why why = {""};
    char text[CT_BUNDLE_TEXT_MAX];
    memset(&bundle, 0, sizeof(bundle));
    memset(&again, 0, sizeof(again));
    if (ct_bundle_parse(&bundle, (const char *)data, size, &why) != CT_OK) {
        HOLDS(why.text[0] != '\0' && fuzz_is_line(why.text, sizeof(why.text)));
        return 0;
    }
    HOLDS(ct_bundle_check(&bundle, &why) == CT_OK);
    HOLDS(ct_bundle_format(text, sizeof(text), &bundle) == CT_OK);
    HOLDS(ct_bundle_parse(&again, text, strlen(text), &why) == CT_OK);
    for (size_t i = 0; i < bundle.rpc_count; i++) {
        HOLDS(strcmp(bundle.rpc[i], again.rpc[i]) == 0);
    }
    HOLDS(bundle.chain_id == again.chain_id && bundle.rpc_count == again.rpc_count &&
          bundle.quorum == again.quorum && bundle.checkpoint_number == again.checkpoint_number &&
          bundle.max_head_age_s == again.max_head_age_s &&
          bundle.safety_depth == again.safety_depth &&
          bundle.insecure_single_rpc == again.insecure_single_rpc &&
          memcmp(bundle.contract20, again.contract20, 20) == 0 &&
          memcmp(bundle.code_hash32, again.code_hash32, 32) == 0 &&
          memcmp(bundle.checkpoint_hash32, again.checkpoint_hash32, 32) == 0 &&
          memcmp(bundle.deployment32, again.deployment32, 32) == 0 &&
          strcmp(bundle.wm_handshake_url, again.wm_handshake_url) == 0 &&
          strcmp(bundle.wm_tls_url, again.wm_tls_url) == 0);
    return 0;
}

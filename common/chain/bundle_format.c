/* The bundle written out, member by member, as ct_bundle_parse() reads it. */
#include "chain/bundle.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "chain/key.h"
#include "chain/u256.h"

static void put(struct ct_wr *w, const char *before, const char *value, const char *after)
{
    ct_wr_bytes(w, before, strlen(before));
    ct_wr_bytes(w, value, strlen(value));
    ct_wr_bytes(w, after, strlen(after));
}

static void put_hex(struct ct_wr *w, const char *before, const uint8_t hash32[32],
                    const char *after)
{
    char text[2 * 32 + 3];
    ct_hex0x(text, hash32, 32);
    put(w, before, text, after);
}

static void put_limits(struct ct_wr *w, const struct ct_bundle *b)
{
    char number[CT_U256_QUANTITY_LEN];
    char limits[160];
    struct ct_u256 wide = ct_u256_from_u64(b->checkpoint_number);
    ct_u256_quantity(number, &wide);
    (void)snprintf(limits, sizeof(limits), "  \"quorum\": %u,\n", b->quorum);
    put(w, limits, "  \"checkpoint\": {\"number\": \"", number);
    put_hex(w, "\", \"hash\": \"", b->checkpoint_hash32, "\"},\n");
    (void)snprintf(limits, sizeof(limits), "  \"max_head_age_s\": %llu,\n  \"safety_depth\": %llu",
                   (unsigned long long)b->max_head_age_s, (unsigned long long)b->safety_depth);
    put(w, limits, b->insecure_single_rpc ? ",\n  \"insecure_single_rpc\": true" : "", "");
}

ct_err ct_bundle_format(char *out, size_t cap, const struct ct_bundle *bundle)
{
    struct ct_wr w = ct_wr_init(out, cap);
    char text[CT_U256_DECIMAL_LEN];
    char contract[CT_ADDR_TEXT_LEN];
    struct ct_u256 id = ct_u256_from_u64(bundle->chain_id);
    ct_u256_decimal(text, &id);
    ct_addr_text(contract, bundle->contract20);
    put(&w, "{\n  \"chainturn\": 1,\n  \"chain_id\": \"", text, "\",\n");
    put(&w, "  \"contract\": \"", contract, "\",\n");
    put_hex(&w, "  \"code_hash\": \"", bundle->code_hash32, "\",\n");
    for (size_t i = 0; i < bundle->rpc_count; i++) {
        put(&w, i == 0 ? "  \"rpc\": [\"" : ", \"", bundle->rpc[i], "\"");
    }
    put(&w, "],\n", "", "");
    put_limits(&w, bundle);
    if (bundle->wm_handshake_url[0] != '\0' || bundle->wm_tls_url[0] != '\0') {
        put(&w, ",\n  \"wm\": {\"handshake\": \"", bundle->wm_handshake_url, "\"");
        put(&w, ", \"tls\": \"", bundle->wm_tls_url, "\"}");
    }
    put(&w, "\n}\n", "", "");
    ct_wr_u8(&w, 0);
    return ct_wr_end(&w);
}

/* The bundle's JSON: every member known and checked, so that a slip of the pen is named. */
#include "chain/bundle.h"

#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "base/secret.h"
#include "chain/json.h"
#include "chain/keccak.h"
#include "chain/key.h"
#include "chain/u256.h"
#include "chain/url.h"

void ct_deployment(uint8_t out32[32], uint64_t chain_id, const uint8_t contract20[20])
{
    struct ct_u256 id = ct_u256_from_u64(chain_id);
    struct ct_keccak k;
    ct_keccak_init(&k);
    ct_keccak_update(&k, "chainturn/1", 11);
    ct_keccak_update(&k, id.be, 32);
    ct_keccak_update(&k, contract20, 20);
    ct_keccak_final(&k, out32);
}

static ct_err bad(struct ct_why *why, const char *name, const char *wanted)
{
    return ct_why(why, CT_ERR_CONFIG, "the bundle's \"%s\" must be %s", name, wanted);
}

static ct_err only_known(const struct ct_json *object, const char *const *known, size_t count,
                         const char *where, struct ct_why *why)
{
    const char *name;
    for (size_t i = 0; (name = ct_json_key_at(object, i)) != NULL; i++) {
        bool found = false;
        for (size_t j = 0; j < count; j++) {
            found = found || strcmp(known[j], name) == 0;
        }
        if (!found) {
            const char *near = ct_conf_suggest(name, known, count);
            return ct_why(why, CT_ERR_CONFIG, "the bundle has an unknown member \"%s%.60s\"%s%s%s",
                          where, name, near != NULL ? "; did you mean \"" : "",
                          near != NULL ? near : "", near != NULL ? "\"?" : "");
        }
    }
    return CT_OK;
}

static ct_err bad_rpc(struct ct_why *why)
{
    return bad(why, "rpc",
               "a list of http:// or https:// URLs below 200 characters, without user:password@ "
               "and #");
}

static ct_err read_rpc(struct ct_bundle *b, const struct ct_json *rpc, struct ct_why *why)
{
    size_t count = ct_json_count(rpc);
    if (count == 0 || count > CT_BUNDLE_RPC_MAX) {
        return bad(why, "rpc", "a list of 1 to 8 URLs");
    }
    for (size_t i = 0; i < count; i++) {
        const char *url = ct_json_text(ct_json_at(rpc, i));
        if (url == NULL || !ct_url_is_good(url, false)) {
            return bad_rpc(why);
        }
        (void)snprintf(b->rpc[i], sizeof(b->rpc[i]), "%s", url);
        b->rpc_count = i + 1;
    }
    return CT_OK;
}

static ct_err read_number(uint64_t *out, const struct ct_json *value, uint64_t max)
{
    int64_t number = 0;
    if (ct_json_int(&number, value) != CT_OK || number < 0 || (uint64_t)number > max) {
        return CT_ERR_FORMAT;
    }
    *out = (uint64_t)number;
    return CT_OK;
}

static ct_err read_checkpoint(struct ct_bundle *b, const struct ct_json *point, struct ct_why *why)
{
    static const char *const known[] = {"number", "hash"};
    ct_err err = only_known(point, known, 2, "checkpoint.", why);
    if (err != CT_OK) {
        return err;
    }
    if (ct_json_u64(&b->checkpoint_number, ct_json_get(point, "number")) != CT_OK ||
        ct_json_fixed(b->checkpoint_hash32, 32, ct_json_get(point, "hash")) != CT_OK) {
        return bad(why, "checkpoint", "{\"number\": \"0x..\", \"hash\": \"0x..\"}");
    }
    return CT_OK;
}

static ct_err read_wm(struct ct_bundle *b, const struct ct_json *wm, struct ct_why *why)
{
    static const char *const known[] = {"handshake", "tls"};
    const char *handshake = ct_json_text(ct_json_get(wm, "handshake"));
    const char *tls = ct_json_text(ct_json_get(wm, "tls"));
    if (wm == NULL) {
        return CT_OK;
    }
    ct_err err = only_known(wm, known, 2, "wm.", why);
    if (err != CT_OK) {
        return err;
    }
    /* the handshake proves itself, and there is no certificate for https to check */
    if (handshake == NULL || tls == NULL || !ct_url_is_good(handshake, false) ||
        strncmp(handshake, "http://", 7) != 0 || !ct_url_is_good(tls, true)) {
        return bad(why, "wm", "{\"handshake\": \"http://..\", \"tls\": \"https://..\"}");
    }
    (void)snprintf(b->wm_handshake_url, sizeof(b->wm_handshake_url), "%s", handshake);
    (void)snprintf(b->wm_tls_url, sizeof(b->wm_tls_url), "%s", tls);
    return CT_OK;
}

static ct_err read_chain(struct ct_bundle *b, const struct ct_json *root, struct ct_why *why)
{
    const char *chain_id = ct_json_text(ct_json_get(root, "chain_id"));
    const char *contract = ct_json_text(ct_json_get(root, "contract"));
    struct ct_u256 id;
    if (chain_id == NULL || ct_u256_from_decimal(&id, chain_id) != CT_OK ||
        ct_u256_to_u64(&b->chain_id, &id) != CT_OK || b->chain_id == 0) {
        return bad(why, "chain_id", "the chain's number as a string of decimal digits");
    }
    if (contract == NULL || ct_addr_parse(b->contract20, contract) != CT_OK ||
        ct_addr_is_zero(b->contract20)) {
        return bad(why, "contract", "the registry's address: 0x and 40 digits, checksum right");
    }
    if (ct_json_fixed(b->code_hash32, 32, ct_json_get(root, "code_hash")) != CT_OK) {
        return bad(why, "code_hash", "the keccak256 of the registry's code: 0x and 64 digits");
    }
    return CT_OK;
}

static ct_err read_limits(struct ct_bundle *b, const struct ct_json *root, struct ct_why *why)
{
    uint64_t quorum = 0;
    const struct ct_json *depth = ct_json_get(root, "safety_depth");
    const struct ct_json *single = ct_json_get(root, "insecure_single_rpc");
    if (read_number(&quorum, ct_json_get(root, "quorum"), CT_BUNDLE_RPC_MAX) != CT_OK) {
        return bad(why, "quorum", "a number: how many endpoints must agree");
    }
    b->quorum = (unsigned)quorum;
    if (read_number(&b->max_head_age_s, ct_json_get(root, "max_head_age_s"), 31536000) != CT_OK ||
        b->max_head_age_s == 0) {
        return bad(why, "max_head_age_s", "a number of seconds, 1 to 31536000");
    }
    if (depth != NULL && read_number(&b->safety_depth, depth, 1000000) != CT_OK) {
        return bad(why, "safety_depth", "a number of blocks, 0 to 1000000");
    }
    if (single != NULL && ct_json_bool(&b->insecure_single_rpc, single) != CT_OK) {
        return bad(why, "insecure_single_rpc", "true or false");
    }
    return CT_OK;
}

static ct_err read_root(struct ct_bundle *b, const struct ct_json *root, struct ct_why *why)
{
    static const char *const known[] = {
        "chainturn",  "chain_id",       "contract",     "code_hash",           "rpc", "quorum",
        "checkpoint", "max_head_age_s", "safety_depth", "insecure_single_rpc", "wm"};
    int64_t version = 0;
    if (ct_json_int(&version, ct_json_get(root, "chainturn")) != CT_OK || version != 1) {
        return ct_why(why, CT_ERR_CONFIG,
                      "this is no bundle of version 1 (\"chainturn\": 1 is missing); "
                      "use the bundle.json that wm-server init wrote");
    }
    ct_err err = only_known(root, known, sizeof(known) / sizeof(known[0]), "", why);
    if (err == CT_OK) {
        err = read_chain(b, root, why);
    }
    if (err == CT_OK) {
        err = read_rpc(b, ct_json_get(root, "rpc"), why);
    }
    if (err == CT_OK) {
        err = read_limits(b, root, why);
    }
    if (err == CT_OK) {
        err = read_checkpoint(b, ct_json_get(root, "checkpoint"), why);
    }
    if (err == CT_OK) {
        err = read_wm(b, ct_json_get(root, "wm"), why);
    }
    return err == CT_OK ? ct_bundle_check(b, why) : err;
}

ct_err ct_bundle_parse(struct ct_bundle *out, const char *text, size_t len, struct ct_why *why)
{
    struct ct_bundle bundle;
    struct ct_json *root = NULL;
    memset(&bundle, 0, sizeof(bundle));
    ct_err err = ct_json_parse(&root, text, len);
    if (err != CT_OK) {
        return ct_why(why, err == CT_ERR_FORMAT ? CT_ERR_CONFIG : err, "the bundle is not JSON");
    }
    err = read_root(&bundle, root, why);
    ct_json_free(root);
    if (err == CT_OK) {
        ct_deployment(bundle.deployment32, bundle.chain_id, bundle.contract20);
        *out = bundle;
    }
    return err;
}

ct_err ct_bundle_read(struct ct_bundle *out, const char *path, struct ct_why *why)
{
    char text[CT_BUNDLE_TEXT_MAX];
    size_t len = 0;
    ct_err err = ct_file_read(text, sizeof(text), &len, path, false, why);
    if (err != CT_OK) {
        return err;
    }
    err = ct_bundle_parse(out, text, len, why);
    if (err != CT_OK) {
        ct_why_prefix(why, "%.120s", path);
    }
    return err;
}

void ct_bundle_allow_single(struct ct_bundle *bundle)
{
    bundle->insecure_single_rpc = true;
    bundle->quorum = 1;
    bundle->rpc_count = bundle->rpc_count > 0; /* with more, any of them would be believed */
}

/* One endpoint has one vote, however its URL is written. */
static ct_err check_endpoints(const struct ct_bundle *bundle, struct ct_why *why)
{
    for (size_t i = 0; i < bundle->rpc_count; i++) {
        if (!ct_url_is_good(bundle->rpc[i], false)) {
            return bad_rpc(why);
        }
        for (size_t j = 0; j < i; j++) {
            if (ct_url_is_same(bundle->rpc[j], bundle->rpc[i])) {
                char origin[CT_URL_MAX];
                ct_url_origin(origin, bundle->rpc[i]);
                return ct_why(why, CT_ERR_CONFIG,
                              "the endpoint at %s is named twice, as number %zu and %zu; one "
                              "endpoint has one vote: name another or remove it",
                              origin, j + 1, i + 1);
            }
        }
    }
    return CT_OK;
}

ct_err ct_bundle_check(const struct ct_bundle *bundle, struct ct_why *why)
{
    size_t n = bundle->rpc_count;
    unsigned k = bundle->quorum;
    if (n == 0 || n > CT_BUNDLE_RPC_MAX || k == 0 || k > n) {
        return ct_why(why, CT_ERR_CONFIG,
                      "a quorum of %u out of %zu RPC endpoints cannot be reached; "
                      "name more endpoints or lower the quorum",
                      k, n);
    }
    if (bundle->insecure_single_rpc && k == 1 && n > 1) {
        return ct_why(
            why, CT_ERR_CONFIG,
            "a quorum of 1 out of %zu RPC endpoints believes whichever of them lies; name "
            "the one endpoint that is to be believed",
            n);
    }
    if (!(bundle->insecure_single_rpc && n == 1) && (k < 2 || 2 * (size_t)k <= n)) {
        return ct_why(why, CT_ERR_CONFIG,
                      "a quorum of %u out of %zu RPC endpoints proves nothing: at least 2 and more "
                      "than half must agree; name more endpoints, or accept the risk with "
                      "--insecure-single-rpc",
                      k, n);
    }
    return check_endpoints(bundle, why);
}

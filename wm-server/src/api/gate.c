/* Names of buckets, and the answer to who comes too often. */
#include "api/gate.h"

#include <string.h>

#include "api/api.h"
#include "chain/keccak.h"

enum { IP4_PREFIX = 3, IP6_PREFIX = 6 /* bytes */ };

static struct ct_bucket bucket(const char *kind, const void *name, size_t len, uint32_t per_minute)
{
    struct ct_bucket b = {.per_minute = per_minute};
    struct ct_keccak k;
    uint8_t hash[32];
    ct_keccak_init(&k);
    ct_keccak_update(&k, kind, strlen(kind) + 1);
    ct_keccak_update(&k, name, len);
    ct_keccak_final(&k, hash);
    memcpy(b.key16, hash, sizeof b.key16);
    return b;
}

/* A stranger may claim any name in a handshake: with its wallet it has a bucket of its own. */
static struct ct_bucket of_party(const struct ct_api_call *call)
{
    const struct ct_hs_party *p = &call->session->party;
    uint8_t name[20 + sizeof p->identity] = {0};
    size_t len = strlen(p->identity);
    memcpy(name, p->wallet20, 20);
    memcpy(name + 20, p->identity, len);
    return bucket("party", name, 20 + len, call->api->limits.party);
}

static struct ct_bucket of_prefix(const struct ct_api_call *call)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *from = call->request->from16;
    bool is_ip4 = memcmp(from, mapped, sizeof mapped) == 0;
    return bucket("prefix", from, is_ip4 ? sizeof mapped + IP4_PREFIX : IP6_PREFIX,
                  call->api->limits.prefix);
}

static bool take(const struct ct_api_call *call, const struct ct_bucket *buckets, size_t count)
{
    const struct ct_api *api = call->api;
    uint32_t wait_ms = 0;
    uint64_t now_us = api->wall_us != NULL ? api->wall_us() : api->wall_s() * 1000000u;
    ct_err err = api->store->ops->bucket_take(api->store, buckets, count, now_us, &wait_ms);
    if (err == CT_ERR_REFUSED) {
        unsigned seconds = (wait_ms + 999) / 1000;
        ct_answer_problem(call->answer, 429, "too-many", "too many requests; ask again in %u s",
                          seconds);
        ct_answer_header(call->answer, "Retry-After", "%u", seconds);
    } else if (err != CT_OK) {
        ct_api_store_failed(call, "bucket_take", err);
    }
    return err == CT_OK;
}

bool ct_gate_pass(const struct ct_api_call *call)
{
    struct ct_bucket buckets[2];
    size_t count = 0;
    if (call->api->limits.party > 0) {
        buckets[count++] = of_party(call);
    }
    if (call->api->limits.prefix > 0) {
        buckets[count++] = of_prefix(call);
    }
    return count == 0 || take(call, buckets, count);
}

bool ct_gate_token(const struct ct_api_call *call, const char *token)
{
    if (call->api->limits.token == 0) {
        return true;
    }
    const struct ct_bucket b = bucket("token", token, strlen(token), call->api->limits.token);
    return take(call, &b, 1);
}

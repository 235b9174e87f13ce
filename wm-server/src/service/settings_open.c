/* The bundle and the store that the settings name. */
#include <stdio.h>
#include <string.h>

#include "operator/audit.h"
#include "service/settings.h"
#include "store/store.h"
#include "store/store_observed.h"

void ct_settings_redis(struct ct_redis_place *out, const struct ct_settings *s)
{
    *out = (struct ct_redis_place){.address = s->store_redis,
                                   .password_path = s->redis_password_path,
                                   .sentinels = (const char *const *)s->sentinels.items,
                                   .sentinel_count = s->sentinels.count,
                                   .master = s->sentinel_master,
                                   .sentinel_password_path = s->sentinel_password_path,
                                   .replicas = (unsigned)s->replicas};
}

ct_err ct_settings_store(struct ct_store **out, const struct ct_settings *s, struct ct_why *why)
{
    struct ct_audit *audit = NULL;
    ct_err err = s->audit_path == NULL
                     ? CT_OK
                     : ct_audit_open(&audit, s->audit_path, s->rotate_mb << 20, why);
    if (err == CT_OK) {
        struct ct_redis_place place;
        ct_settings_redis(&place, s);
        err = s->store_path != NULL ? ct_store_sqlite(out, s->store_path, why)
                                    : ct_store_redis_at(out, &place, why);
    }
    if (err != CT_OK) {
        ct_audit_close(audit);
        return err;
    }
    err = ct_store_observe(*out, audit);
    if (err != CT_OK) {
        ct_store_free(*out);
        ct_audit_close(audit);
        return ct_why(why, err, "out of memory");
    }
    return CT_OK;
}

static ct_err own_endpoints(struct ct_bundle *b, const struct ct_settings *s, struct ct_why *why)
{
    if (s->rpc.count > CT_BUNDLE_RPC_MAX) {
        return ct_why(why, CT_ERR_CONFIG, "chain.rpc has more than %d endpoints",
                      (int)CT_BUNDLE_RPC_MAX);
    }
    for (size_t i = 0; i < s->rpc.count; i++) {
        if (strlen(s->rpc.items[i]) >= CT_BUNDLE_URL_MAX) {
            return ct_why(why, CT_ERR_CONFIG, "a chain.rpc is too long");
        }
        (void)snprintf(b->rpc[i], CT_BUNDLE_URL_MAX, "%s", s->rpc.items[i]);
    }
    if (s->rpc.count > 0) {
        b->rpc_count = s->rpc.count;
        b->quorum = (unsigned)(s->rpc.count / 2 + 1);
    }
    if (s->quorum > 0) {
        b->quorum = s->quorum < UINT32_MAX ? (unsigned)s->quorum : UINT32_MAX;
    }
    return ct_bundle_check(b, why);
}

ct_err ct_settings_bundle(struct ct_bundle *out, const struct ct_settings *s, struct ct_why *why)
{
    struct ct_bundle b;
    ct_err err = ct_bundle_read(&b, s->bundle_path, why);
    if (err == CT_ERR_NOT_FOUND) {
        return ct_why(why, CT_ERR_CONFIG, "there is no bundle at %s; wm-server init writes one",
                      s->bundle_path);
    }
    if (err == CT_OK && s->contract != NULL) {
        if (ct_addr_parse(b.contract20, s->contract) != CT_OK) {
            return ct_why(why, CT_ERR_CONFIG, "chain.contract is no address: %s", s->contract);
        }
        ct_deployment(b.deployment32, b.chain_id, b.contract20);
    }
    if (err == CT_OK) {
        err = own_endpoints(&b, s, why);
    }
    if (err == CT_OK) {
        *out = b;
    }
    return err;
}

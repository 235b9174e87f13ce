/* The leases of a server's accounts, made, run and given back together. */
#include "service/replica.h"

#include <string.h>

#include "base/clock.h"
#include "chain/key.h"

static ct_err check_place(const struct ct_replica_parts *p, struct ct_why *why)
{
    struct ct_store_place place = {.chain_id = p->bundle->chain_id};
    struct ct_store_place is = {.chain_id = 0};
    char here[CT_ADDR_TEXT_LEN];
    char there[CT_ADDR_TEXT_LEN];
    memcpy(place.contract20, p->bundle->contract20, sizeof place.contract20);
    ct_err err = p->store->ops->place(p->store, &place, &is);
    if (err == CT_ERR_STATE) {
        ct_addr_text(here, place.contract20);
        ct_addr_text(there, is.contract20);
        return ct_why(why, CT_ERR_CONFIG,
                      "the store belongs to contract %s on chain %llu, but this server is "
                      "configured for %s on chain %llu; give each deployment a store of its own",
                      there, (unsigned long long)is.chain_id, here,
                      (unsigned long long)place.chain_id);
    }
    return err == CT_OK ? CT_OK : ct_why(why, err, "the store failed: %s", ct_err_text(err));
}

ct_err ct_replica_join(struct ct_replica *r, const struct ct_replica_parts *p,
                       const struct ct_log *log, struct ct_why *why)
{
    ct_err err = check_place(p, why);
    if (err != CT_OK) {
        return err;
    }
    if (ct_lease_holder(r->holder) != CT_OK) {
        return ct_why(why, CT_ERR_SYSTEM, "this host gives no random numbers");
    }
    const struct ct_wallet *const wallets[CT_ACCOUNTS] = {&p->keys->approver, &p->keys->funder};
    static const char *const roles[CT_ACCOUNTS] = {"approver", "funder"};
    size_t count = p->settings->funder_path == NULL ? 1 : CT_ACCOUNTS;
    r->life_ms = p->settings->lease_ms;
    for (size_t i = 0; i < count; i++) {
        struct ct_lease_config c = {.store = p->store,
                                    .role = roles[i],
                                    .holder = r->holder,
                                    .life_ms = r->life_ms,
                                    /* the lock of the key file says so; account_lock.h */
                                    .alone = p->settings->store_path != NULL,
                                    .mono_ms = ct_mono_ms,
                                    .taken = p->taken,
                                    .taken_arg = p->taken_arg,
                                    .log = *log};
        memcpy(c.account20, wallets[i]->addr20, sizeof c.account20);
        if (ct_lease_new(&r->leases[i], &c) != CT_OK) {
            return ct_why(why, CT_ERR_NOMEM, "out of memory");
        }
        r->count = i + 1;
        ct_lease_round(r->leases[i], NULL);
    }
    return CT_OK;
}

ct_err ct_replica_run(struct ct_replica *r, struct ct_why *why)
{
    ct_err err = CT_OK;
    for (size_t i = 0; i < r->count && err == CT_OK; i++) {
        err = ct_loop_start(&r->loops[i], ct_lease_period_ms(r->life_ms), ct_lease_round,
                            r->leases[i]);
    }
    return err == CT_OK ? CT_OK : ct_why(why, err, "cannot start a thread");
}

void ct_replica_quiet(struct ct_replica *r)
{
    for (size_t i = 0; i < r->count; i++) {
        ct_lease_quiet(r->leases[i]);
    }
}

void ct_replica_leave(struct ct_replica *r)
{
    for (size_t i = 0; i < r->count; i++) {
        ct_loop_stop(r->loops[i]);
        r->loops[i] = NULL;
        ct_lease_end(r->leases[i]);
    }
}

void ct_replica_free(struct ct_replica *r)
{
    for (size_t i = 0; i < r->count; i++) {
        ct_lease_free(r->leases[i]);
    }
    r->count = 0;
}

enum ct_leads ct_replica_leads(void *replica, char *words, size_t cap)
{
    struct ct_replica *r = replica;
    return ct_lease_words(r->leases, r->count, words, cap);
}

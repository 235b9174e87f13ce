/* Full disks, noticed by whoever writes and watched until they have room. */
#include "operator/room.h"

#include "operator/metrics.h"
#include "store/store_observed.h"

static bool is_set(enum ct_gauge gauge)
{
    return ct_metrics_gauge(gauge) > 0; /* false while it is NaN */
}

static const char *store_words(const struct ct_store *store)
{
    return store->reads_wait ? "the Redis has no room: what was acknowledged is kept, nothing new "
                               "is accepted; give it more memory or disk, it goes on by itself"
                             : "no room on the disk of store.path: what was acknowledged is kept, "
                               "nothing new is accepted; make room there, it goes on by itself";
}

static const char *audit_words(void)
{
    return "no room on the disk of audit.path: what was acknowledged is kept, nothing that must be "
           "told there is done; make room, it goes on by itself";
}

/* Says it once; then, when there is room again, that. */
static void follow(bool *said, enum ct_gauge gauge, const char *what, const char *words, bool fits,
                   const struct ct_log *log)
{
    if (!*said) {
        ct_log(log, CT_LOG_ERROR, "disk_full what=%s remedy=\"%s\"", what, words);
    }
    *said = true;
    if (fits) {
        ct_metrics_set(gauge, 0);
        ct_log(log, CT_LOG_INFO, "disk_has_room what=%s", what);
        *said = false;
    }
}

void ct_room_round(struct ct_room *r, struct ct_store *store, const struct ct_log *log)
{
    if (store == NULL) {
        return;
    }
    if (!r->has_begun) {
        r->has_begun = true;
        ct_metrics_set(CT_GAUGE_STORE_FULL, is_set(CT_GAUGE_STORE_FULL));
        ct_metrics_set(CT_GAUGE_AUDIT_FULL, is_set(CT_GAUGE_AUDIT_FULL));
    }
    if (is_set(CT_GAUGE_STORE_FULL)) {
        static const uint8_t bytes[CT_STORE_NOTE];
        bool fits = store->ops->note_put(store, "room", bytes, sizeof bytes) == CT_OK;
        follow(&r->store_said, CT_GAUGE_STORE_FULL, "store", store_words(store), fits, log);
    }
    if (is_set(CT_GAUGE_AUDIT_FULL)) {
        bool fits = ct_audit(ct_store_audit(store), "room_again", NULL, 0) == CT_OK;
        follow(&r->audit_said, CT_GAUGE_AUDIT_FULL, "audit", audit_words(), fits, log);
    }
}

const char *ct_room_words(const struct ct_store *store)
{
    if (is_set(CT_GAUGE_STORE_FULL)) {
        return store_words(store);
    }
    return is_set(CT_GAUGE_AUDIT_FULL) ? audit_words() : NULL;
}

/* Room for the store and the audit log: that there is none is told once, and tried until there is
 * some. */
#ifndef CT_WM_ROOM_H
#define CT_WM_ROOM_H

#include <stdbool.h>

#include "base/log.h"
#include "store/store.h"

/* Starts as zeros. */
struct ct_room {
    bool has_begun, store_said, audit_said;
};

/* One look, every few seconds: who found no room has set the gauges, and it is for this to find
 * that there is some again. */
void ct_room_round(struct ct_room *r, struct ct_store *store, const struct ct_log *log);
/* What a person is to know and do, or NULL: there is room. Static. */
const char *ct_room_words(const struct ct_store *store);

#endif

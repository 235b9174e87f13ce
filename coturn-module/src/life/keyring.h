/* The relay's X25519 key and its neighbours in time: the one to come, and the one before. */
#ifndef CT_RELAY_KEYRING_H
#define CT_RELAY_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "kex/x25519.h"

/* How long the key before is good, for clients that have read the record before it changed. */
enum { CT_KEYRING_OVERLAP_S = 25 * 3600 };

/* Files: PATH, PATH.next while the record is to change to that key, PATH.old for the time after. */
struct ct_keyring {
    char path[512];
    bool can_change; /* path names a file, and not a descriptor */
    struct ct_x25519 now;
    bool has_next, has_old;
    struct ct_x25519 next, old;
};

/* Makes a key when there is none, unless check_only. A change that a crash cut short is finished.
 */
CT_MUST_USE ct_err ct_keyring_load(struct ct_keyring *k, const char *path, bool check_only,
                                   uint64_t now_s, struct ct_why *why);
/* The key that the record is to have, and the other one that is good, too, or NULL. */
const struct ct_x25519 *ct_keyring_wanted(const struct ct_keyring *k);
const struct ct_x25519 *ct_keyring_other(const struct ct_keyring *k);
/* Was the key made so many days ago, and no change is under way? 0 days: never. */
bool ct_keyring_is_due(const struct ct_keyring *k, uint32_t days, uint64_t now_s);
/* Makes the next key. */
CT_MUST_USE ct_err ct_keyring_begin(struct ct_keyring *k, struct ct_why *why);
/* The record has the next key: it is the present one from now on. */
CT_MUST_USE ct_err ct_keyring_finish(struct ct_keyring *k, struct ct_why *why);
/* Forgets the key before once its time is over; true when it did. */
bool ct_keyring_expire(struct ct_keyring *k, uint64_t now_s);

#endif

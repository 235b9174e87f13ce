/* Every approved device's places, by the hash of its name: what snapshots are made of, and what
 * the disk keeps. */
#ifndef CT_DEVBOOK_H
#define CT_DEVBOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/registry.h"
#include "peers/devset.h"

enum { CT_DEVBOOK_ID = 12, CT_DEVBOOK_MAX = 2000000, CT_DEVBOOK_RECENT_MAX = 100000 };

struct ct_device_places {
    uint16_t relay; /* index and port; 0: none */
    uint16_t port;
    uint16_t backup_relay;
    uint16_t backup_port;
    uint16_t expiry_day; /* days since 1970, included */
};

/* What became of one device. */
struct ct_devbook_change {
    uint8_t id[CT_DEVBOOK_ID]; /* the first bytes of its identity hash */
    bool is_gone;
    struct ct_device_places places; /* unless it is gone */
    size_t order;                   /* private */
};

/* Up to which block the book is written. */
struct ct_devbook_mark {
    uint64_t block; /* 0: nothing was read yet. Recent changes are of later ones */
    uint8_t hash32[32];
    struct ct_log_head head; /* of the contract's log, as its entries up to there lead to it */
    uint64_t confirmed_s;    /* when the chain last confirmed it, seconds since 1970 */
};

struct ct_devbook; /* one thread's; 24 bytes a device */

CT_MUST_USE ct_err ct_devbook_new(struct ct_devbook **out, const uint8_t deployment32[32]);
void ct_devbook_free(struct ct_devbook *book);
size_t ct_devbook_count(const struct ct_devbook *book);
struct ct_devbook_mark *ct_devbook_mark(struct ct_devbook *book);
void ct_devbook_clear(struct ct_devbook *book); /* back to nothing read */

/*
 * Writes changes in their order; of several about one device the last holds. changes is put into
 * another order. CT_ERR_ROOM: more than CT_DEVBOOK_MAX devices; the book is as it was.
 */
CT_MUST_USE ct_err ct_devbook_write(struct ct_devbook *book, struct ct_devbook_change *changes,
                                    size_t count);
/*
 * Changes that may still be undone, in place of those before: on top of the book, not in it. Order
 * as above. CT_ERR_ROOM: more than CT_DEVBOOK_RECENT_MAX devices.
 */
CT_MUST_USE ct_err ct_devbook_set_recent(struct ct_devbook *book, struct ct_devbook_change *changes,
                                         size_t count);
/* Drops who has expired before today, days since 1970. */
void ct_devbook_expire(struct ct_devbook *book, uint16_t today);

/* All places as a set, expired ones left out. */
CT_MUST_USE ct_err ct_devbook_places(struct ct_devset **out, const struct ct_devbook *book,
                                     uint16_t today);

CT_MUST_USE ct_err ct_devbook_save(struct ct_devbook *book, const char *path, struct ct_why *why);
/* CT_ERR_NOT_FOUND when there is no file; CT_ERR_FORMAT when it is cut, changed, or of another
 * deployment. */
CT_MUST_USE ct_err ct_devbook_load(struct ct_devbook **out, const uint8_t deployment32[32],
                                   const char *path, struct ct_why *why);

#endif

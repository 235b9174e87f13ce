/* Immutable objects that one thread replaces while others read them without a lock. */
#ifndef CT_RELAY_SNAPSHOT_H
#define CT_RELAY_SNAPSHOT_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "packets/thread.h"

/*
 * Readers say when they enter and leave; what is replaced is freed once nobody is in who entered
 * before. One of these may serve several snapshots. All zero at first.
 */
struct ct_readers {
    _Atomic uint64_t now; /* how often something was replaced */
    struct {
        alignas(64) _Atomic uint64_t entered; /* now + 1 at that time; 0: not in */
    } threads[CT_THREADS_MAX];
};

/* false: too many threads, nothing may be read. Not to be nested. */
bool ct_readers_enter(struct ct_readers *readers);
void ct_readers_leave(struct ct_readers *readers);

enum { CT_SNAPSHOT_RETIRED = 4 };

/* free, and retired, are the publisher's own. */
struct ct_snapshot {
    _Atomic(void *) current;
    _Atomic uint64_t confirmed_s; /* when the source last confirmed it, seconds since 1970 */
    void (*free)(void *object);
    struct {
        void *object; /* NULL: a free place */
        uint64_t at;
    } retired[CT_SNAPSHOT_RETIRED];
};

/* Readers, between enter and leave; NULL before the first one is published. */
const void *ct_snapshot_read(struct ct_snapshot *snapshot);
/*
 * Publisher. Takes object over and frees what nobody reads any more. false: CT_SNAPSHOT_RETIRED old
 * ones are still being read, object remains the caller's, to be tried again.
 */
bool ct_snapshot_publish(struct ct_snapshot *snapshot, struct ct_readers *readers, void *object);
void ct_snapshot_reap(struct ct_snapshot *snapshot, const struct ct_readers *readers);
/* When no reader runs any more. */
void ct_snapshot_clear(struct ct_snapshot *snapshot);

#endif

/* Immutable objects that one thread replaces while others read them without a lock. */
#include "packets/snapshot.h"

#include <stddef.h>

/*
 * All of it is sequentially consistent. A reader that the publisher does not see in entered later
 * than the look, thus also later than the exchange, and reads the new object.
 */
bool ct_readers_enter(struct ct_readers *readers)
{
    unsigned me = ct_thread_number();
    if (me == CT_THREADS_MAX) {
        return false;
    }
    atomic_store(&readers->threads[me].entered, atomic_load(&readers->now) + 1);
    return true;
}

void ct_readers_leave(struct ct_readers *readers)
{
    atomic_store_explicit(&readers->threads[ct_thread_number()].entered, 0, memory_order_release);
}

static bool is_read_since(const struct ct_readers *readers, uint64_t at)
{
    for (unsigned i = 0; i < CT_THREADS_MAX; i++) {
        uint64_t entered = atomic_load(&readers->threads[i].entered);
        if (entered != 0 && entered <= at) {
            return true;
        }
    }
    return false;
}

const void *ct_snapshot_read(struct ct_snapshot *snapshot)
{
    return atomic_load(&snapshot->current);
}

bool ct_snapshot_publish(struct ct_snapshot *snapshot, struct ct_readers *readers, void *object)
{
    ct_snapshot_reap(snapshot, readers);
    for (size_t i = 0; i < CT_SNAPSHOT_RETIRED; i++) {
        if (snapshot->retired[i].object) {
            continue;
        }
        snapshot->retired[i].object = atomic_exchange(&snapshot->current, object);
        snapshot->retired[i].at = atomic_fetch_add(&readers->now, 1) + 1;
        ct_snapshot_reap(snapshot, readers);
        return true;
    }
    return false;
}

void ct_snapshot_reap(struct ct_snapshot *snapshot, const struct ct_readers *readers)
{
    for (size_t i = 0; i < CT_SNAPSHOT_RETIRED; i++) {
        void *object = snapshot->retired[i].object;
        if (object && !is_read_since(readers, snapshot->retired[i].at)) {
            snapshot->free(object);
            snapshot->retired[i].object = NULL;
        }
    }
}

void ct_snapshot_clear(struct ct_snapshot *snapshot)
{
    void *object = atomic_exchange(&snapshot->current, NULL);
    if (object) {
        snapshot->free(object);
    }
    for (size_t i = 0; i < CT_SNAPSHOT_RETIRED; i++) {
        if (snapshot->retired[i].object) {
            snapshot->free(snapshot->retired[i].object);
            snapshot->retired[i].object = NULL;
        }
    }
}

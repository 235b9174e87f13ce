/* Claims about replacing what other threads read without a lock, and about their counters. */
/* links: ct_relay_policy ct_base */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ct_test.h"
#include "packets/snapshot.h"
#include "packets/tally.h"

/* An object whose death can be seen: all its words say so. */
enum { WORDS = 64, ALIVE = 0x11, DEAD = 0xdd, READERS = 4, SWAPS = 20000 };

struct thing {
    unsigned char words[WORDS];
};

static struct thing *thing_new(void)
{
    struct thing *thing = malloc(sizeof(*thing));
    if (thing) {
        memset(thing, ALIVE, sizeof(*thing));
    }
    return thing;
}

static unsigned freed;

static void thing_free(void *object)
{
    memset(object, DEAD, sizeof(struct thing));
    freed++;
    free(object);
}

static struct ct_readers readers;
static struct ct_snapshot snapshot;
static struct ct_tally tally;

static void what_a_reader_holds_is_freed_after_it_left(void)
{
    freed = 0;
    snapshot.free = thing_free;
    struct thing *first = thing_new();
    REQUIRE(ct_snapshot_publish(&snapshot, &readers, first));
    REQUIRE(ct_readers_enter(&readers));
    CHECK(ct_snapshot_read(&snapshot) == first);
    REQUIRE(ct_snapshot_publish(&snapshot, &readers, thing_new()));
    ct_snapshot_reap(&snapshot, &readers);
    CHECK_EQ(freed, 0);
    CHECK_EQ(first->words[0], ALIVE);
    ct_readers_leave(&readers);
    ct_snapshot_reap(&snapshot, &readers);
    CHECK_EQ(freed, 1);
    ct_snapshot_clear(&snapshot);
    CHECK_EQ(freed, 2);
    CHECK(ct_snapshot_read(&snapshot) == NULL);
}

static void reader_that_never_leaves_bounds_the_memory(void)
{
    freed = 0;
    snapshot.free = thing_free;
    REQUIRE(ct_snapshot_publish(&snapshot, &readers, thing_new()));
    REQUIRE(ct_readers_enter(&readers));
    for (unsigned i = 0; i < CT_SNAPSHOT_RETIRED; i++) {
        CHECK(ct_snapshot_publish(&snapshot, &readers, thing_new()));
    }
    struct thing *more = thing_new();
    REQUIRE(more != NULL);
    const void *before = ct_snapshot_read(&snapshot);
    CHECK(!ct_snapshot_publish(&snapshot, &readers, more));
    CHECK(ct_snapshot_read(&snapshot) == before);
    CHECK_EQ(freed, 0);
    ct_readers_leave(&readers);
    CHECK(ct_snapshot_publish(&snapshot, &readers, more));
    CHECK_EQ(freed, CT_SNAPSHOT_RETIRED + 1);
    ct_snapshot_clear(&snapshot);
}

static _Atomic bool stop;
static _Atomic unsigned long dead_reads;
static _Atomic unsigned long reads;

static void *read_on(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop)) {
        if (!ct_readers_enter(&readers)) {
            continue;
        }
        const struct thing *thing = ct_snapshot_read(&snapshot);
        for (size_t i = 0; thing && i < WORDS; i++) {
            if (thing->words[i] != ALIVE) {
                (void)atomic_fetch_add(&dead_reads, 1);
            }
        }
        ct_readers_leave(&readers);
        ct_tally_add(&tally, 3);
        (void)atomic_fetch_add(&reads, 1);
    }
    return NULL;
}

static void swaps_under_load_never_show_a_freed_object(void)
{
    pthread_t threads[READERS];
    snapshot.free = thing_free;
    for (size_t i = 0; i < READERS; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, read_on, NULL) == 0);
    }
    unsigned published = 0;
    while (published < SWAPS || atomic_load(&reads) < SWAPS) {
        struct thing *thing = thing_new();
        REQUIRE(thing != NULL);
        if (ct_snapshot_publish(&snapshot, &readers, thing)) {
            published++;
        } else {
            free(thing);
        }
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < READERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    CHECK_EQ(atomic_load(&dead_reads), 0);
    CHECK_EQ(ct_tally_sum(&tally, 3), atomic_load(&reads));
    CHECK_EQ(ct_tally_sum(&tally, 4), 0);
    ct_snapshot_clear(&snapshot);
}

static void *number_of_mine(void *arg)
{
    *(unsigned *)arg = ct_thread_number();
    return NULL;
}

static void number_of_an_ended_thread_is_given_again(void)
{
    unsigned mine = ct_thread_number();
    unsigned least = CT_THREADS_MAX;
    unsigned most = 0;
    for (unsigned i = 0; i < 3 * CT_THREADS_MAX; i++) {
        pthread_t thread;
        unsigned number = CT_THREADS_MAX;
        REQUIRE(pthread_create(&thread, NULL, number_of_mine, &number) == 0);
        (void)pthread_join(thread, NULL);
        CHECK(number != mine);
        least = number < least ? number : least;
        most = number > most ? number : most;
    }
    CHECK(most < CT_THREADS_MAX && least == most);
    CHECK_EQ(ct_thread_number(), mine);
}

static const struct ct_test tests[] = {
    CT_TEST(what_a_reader_holds_is_freed_after_it_left),
    CT_TEST(reader_that_never_leaves_bounds_the_memory),
    CT_TEST(swaps_under_load_never_show_a_freed_object),
    CT_TEST(number_of_an_ended_thread_is_given_again),
};

CT_TEST_MAIN(tests)

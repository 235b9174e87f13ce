/* A small number for each thread that is alive: its place in arrays that no other thread writes. */
#include "packets/thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

static _Atomic bool taken[CT_THREADS_MAX];
static _Thread_local unsigned mine; /* number + 1; 0: none yet */
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void give_back(void *place)
{
    atomic_store((_Atomic bool *)place, false);
}

static void make_key(void)
{
    (void)pthread_key_create(&key, give_back);
}

static unsigned take(void)
{
    (void)pthread_once(&once, make_key);
    for (unsigned i = 0; i < CT_THREADS_MAX; i++) {
        bool is_taken = false;
        if (atomic_compare_exchange_strong(&taken[i], &is_taken, true)) {
            (void)pthread_setspecific(key, &taken[i]);
            mine = i + 1;
            return i;
        }
    }
    return CT_THREADS_MAX; /* asked again next time: one may have ended */
}

unsigned ct_thread_number(void)
{
    return mine != 0 ? mine - 1 : take();
}

/* The end of the program at a point that the environment names: CT_CRASH_AT=stored; or with
 * CT_STOP_AT its stop there, once, until it is woken. */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tx/crash.h"

void ct_crash_point(enum ct_crash point)
{
    static const char *const names[CT_CRASH_COUNT] = {
#define CT_CRASH_NAME(name) #name,
        CT_CRASH_LIST(CT_CRASH_NAME)};
    static atomic_flag has_stopped = ATOMIC_FLAG_INIT;
    const char *at = getenv("CT_CRASH_AT");
    const char *stop = getenv("CT_STOP_AT");
    if (at != NULL && strcmp(at, names[point]) == 0) {
        (void)raise(SIGKILL);
    }
    if (stop != NULL && strcmp(stop, names[point]) == 0 &&
        !atomic_flag_test_and_set(&has_stopped)) {
        (void)kill(getpid(), SIGSTOP); /* all threads */
    }
}

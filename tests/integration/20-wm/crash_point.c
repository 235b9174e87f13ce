/* The end of the program at a point that the environment names: CT_CRASH_AT=stored. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "crash.h"

void ct_crash_point(enum ct_crash point)
{
    static const char *const names[CT_CRASH_COUNT] = {
#define CT_CRASH_NAME(name) #name,
        CT_CRASH_LIST(CT_CRASH_NAME)};
    const char *at = getenv("CT_CRASH_AT");
    if (at != NULL && strcmp(at, names[point]) == 0) {
        (void)raise(SIGKILL);
    }
}

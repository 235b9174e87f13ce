/* Times on the command line. */
#include "duration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool admin_duration(uint64_t *out, const char *text)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || errno != 0 || n == 0 || n > 100000000) {
        return false;
    }
    uint64_t unit = strcmp(end, "d") == 0   ? 86400
                    : strcmp(end, "h") == 0 ? 3600
                    : strcmp(end, "m") == 0 ? 60
                    : strcmp(end, "s") == 0 ? 1
                                            : 0;
    *out = n * unit;
    return unit != 0;
}

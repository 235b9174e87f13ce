/* Descriptors 0, 1 and 2 are never anything else than the standard streams. */
#include "base/streams.h"

#include <fcntl.h>
#include <unistd.h>

void ct_streams_open(void)
{
    int fd = 0;
    while (fd >= 0 && fd < 3) {
        fd = open("/dev/null", O_RDWR | O_NOCTTY); /* the lowest that is free */
    }
    if (fd >= 3) {
        (void)close(fd);
    }
}

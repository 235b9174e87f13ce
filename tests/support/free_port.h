/* A port of 127.0.0.1 that is free now and below those that the kernel gives to whoever dials: no
 * connection that another test makes meanwhile can take it.
 */
#ifndef CT_FREE_PORT_H
#define CT_FREE_PORT_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

/* Who asks: each file that includes this has ports of its own, since it counts alone. */
enum free_port_for { FREE_PORT_SCENE = 20000, FREE_PORT_REDIS = 24000, FREE_PORT_GROUP = 28000 };
enum { FREE_PORT_COUNT = 4000 };

static inline bool free_port_is(int type, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    bool is_free = fd >= 0 && bind(fd, (struct sockaddr *)&in, sizeof in) == 0;
    (void)close(fd);
    return is_free;
}

/* SOCK_STREAM or SOCK_DGRAM; 0: there is none. Never the same one twice. */
static inline uint16_t free_port(enum free_port_for first, int type)
{
    static unsigned tried;
    while (tried < FREE_PORT_COUNT) {
        /* processes that look at one time begin far apart */
        unsigned at = ((unsigned)getpid() * 37u + tried++) % FREE_PORT_COUNT;
        uint16_t port = (uint16_t)((unsigned)first + at);
        if (free_port_is(type, port)) {
            return port;
        }
    }
    return 0;
}

#endif

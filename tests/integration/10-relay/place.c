/* Where the relay is tested: a folder, with all in it from the first to the last. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "place_private.h"

void place_path(char out[128], const struct place *p, const char *name)
{
    (void)snprintf(out, 128, "%s/%s", p->folder, name);
}

static bool any_port(uint16_t *port)
{
    struct ct_addr any = loopback(1, 0);
    int fd = peer_open(&any);
    struct sockaddr_in in;
    socklen_t len = sizeof(in);
    bool ok = fd >= 0 && getsockname(fd, (struct sockaddr *)&in, &len) == 0;
    *port = ok ? ntohs(in.sin_port) : 0;
    (void)close(fd);
    return ok;
}

/* Not among those that peers may send to: the relay would refuse to listen there. */
static bool free_port(uint16_t *port)
{
    bool ok = false;
    for (unsigned i = 0; i < 100 && !ok; i++) {
        ok = any_port(port) && (*port < APPROVED_MIN || *port > RELAYED_MAX);
    }
    return ok;
}

bool place_make(struct place *p, char **argv)
{
    memset(p, 0, sizeof(*p));
    p->turnserver = argv[1];
    p->uclient = argv[2];
    p->peer = argv[3];
    (void)snprintf(p->folder, sizeof(p->folder), "/tmp/ct-relay-XXXXXX");
    return mkdtemp(p->folder) && free_port(&p->port) && place_furnish(p) && place_remember(p, 0);
}

void place_remove(struct place *p)
{
    static const char *const names[] = {"state/relay.key",
                                        "state/wallet.key",
                                        "state/relays",
                                        "state/devices",
                                        "state/log",
                                        "state/ports",
                                        "state/wm-keys",
                                        "state/memo",
                                        "state/relay.key.old",
                                        "state/relay.key.next",
                                        "state",
                                        "bundle.json",
                                        "turnserver.conf",
                                        "turndb",
                                        "pid",
                                        "log",
                                        "said",
                                        "peer",
                                        ""};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];
        place_path(path, p, names[i]);
        (void)remove(path);
    }
}

bool place_begin(struct place *p, int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: %s TURNSERVER TURNUTILS_UCLIENT TURNUTILS_PEER\n", argv[0]);
        return false;
    }
    (void)alarm(580); /* nothing here may hang */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!place_make(p, argv)) {
        (void)fprintf(stderr, "no place to test in\n");
        return false;
    }
    return true;
}

int place_end(struct place *p, int code)
{
    if (code == 0) {
        place_remove(p);
    } else {
        printf("left for inspection: %s\n", p->folder);
    }
    return code;
}

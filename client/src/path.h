/* How a datagram of a call crosses its first hop. */
#ifndef CT_CLIENT_PATH_H
#define CT_CLIENT_PATH_H

#include <stdint.h>

enum ct_path {
    CT_PATH_NONE,       /* it does not: nothing was sent */
    CT_PATH_INDICATION, /* Send or Data indication */
    CT_PATH_CHANNEL,    /* ChannelData */
    CT_PATH_PLAIN,      /* UDP as it is, without an allocation */
    CT_PATHS
};

/* Datagrams of one call by path: as the caller from m1 on, as the callee from m3 on. */
struct ct_path_counts {
    uint64_t out[CT_PATHS];
    uint64_t in[CT_PATHS];
};

#endif

/* Connections of TCP relays (RFC 6062): taken, sent through, and coming in. */
#ifndef CT_RELAY_STREAMS_H
#define CT_RELAY_STREAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "probe.h"

enum { STREAM_WAIT_MS = 60000, STREAM_BULK = 300000 };
extern const struct probe_wish stream_wish; /* an allocation of TCP */

/* The data connection of control's last Connect or ConnectionAttempt; the request's code. */
int stream_take(struct probe *data, const struct probe *control, const char *user,
                const char *password);
/* As many bytes as that, STREAM_BULK at most, arrive at to, in order. */
bool stream_carries(int from, int to, size_t bytes);
/* A peer's connection: announced to the client, or ended. Its descriptor, or -1. */
int stream_come(struct probe *control, const struct ct_addr *from);

#endif

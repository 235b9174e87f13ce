/* UDP sockets: the only file that opens any. */
#ifndef CT_CLIENT_UDP_H
#define CT_CLIENT_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "turn/addr.h"

/* A non-blocking socket connected to server; local_port 0 is any. CT_ERR_SYSTEM. */
CT_MUST_USE ct_err ct_udp_open(int *fd, const struct ct_addr *server, uint16_t local_port,
                               struct ct_why *why);
void ct_udp_close(int fd);
uint16_t ct_udp_local_port(int fd); /* 0 when unknown */
/* Does this host know where to send what is for `to`? Nothing is sent. */
bool ct_udp_has_way(const struct ct_addr *to);

/* What the network does not take is lost, as UDP is. */
void ct_udp_send(int fd, const void *datagram, size_t len);
/* CT_ERR_AGAIN: nothing there. */
CT_MUST_USE ct_err ct_udp_recv(int fd, void *out, size_t cap, size_t *len);

/*
 * Measures the round trip to each of count servers by STUN Binding, all at once, and returns when
 * all have answered or after about a second and a half; 0 for a server that did not answer.
 * Blocks: for threads that may.
 */
CT_MUST_USE ct_err ct_udp_measure(uint32_t *rtt_us, const struct ct_addr *servers, size_t count,
                                  struct ct_why *why);

#endif

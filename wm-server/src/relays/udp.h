/* UDP sockets of the probe; the one file of this program that opens them. */
#ifndef CT_WM_UDP_H
#define CT_WM_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "turn/addr.h"

/*
 * An unconnected, non-blocking socket bound to `at`; port 0 lets the system choose, an address of
 * zeros any. CT_ERR_SYSTEM: not an address of this host.
 */
CT_MUST_USE ct_err ct_udp_open(int *fd, const struct ct_addr *at);
void ct_udp_close(int fd); /* negative is fine */
CT_MUST_USE ct_err ct_udp_send(int fd, const struct ct_addr *to, const void *data, size_t len);
/* CT_ERR_AGAIN: nothing is there. */
CT_MUST_USE ct_err ct_udp_receive(int fd, struct ct_addr *from, void *data, size_t cap,
                                  size_t *len);
/* Waits until one of at most 4 sockets is readable or timeout_ms is over. */
void ct_udp_wait(const int *fds, size_t count, uint32_t timeout_ms);
/* Does this host know where to send what is for `to`? Nothing is sent. */
bool ct_udp_has_way(const struct ct_addr *to);

#endif

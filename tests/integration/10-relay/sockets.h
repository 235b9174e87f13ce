/* Sockets of tests at any address of this host, UDP and TCP, IPv4 and IPv6. */
#ifndef CT_RELAY_SOCKETS_H
#define CT_RELAY_SOCKETS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "turn/addr.h"

socklen_t socket_address(struct sockaddr_storage *out, const struct ct_addr *addr);
/* type: SOCK_DGRAM or SOCK_STREAM. -1 when there is no such address here. */
int socket_at(const struct ct_addr *addr, int type);
/* A UDP socket at a port that none of this program's has had: an allocation that is left behind
 * stands for a while, and who comes from there next is refused (437). */
int socket_fresh(const struct ct_addr *addr);
int socket_listen(const struct ct_addr *addr);
/* From addr, which may have port 0; waits for the connection up to wait_ms. */
int socket_connect(const struct ct_addr *from, const struct ct_addr *to, int wait_ms);
void socket_send(int fd, const struct ct_addr *to, const char *text);
/* The next datagram as text; "" when none came in time. */
const char *socket_receive(int fd, int wait_ms);

#endif

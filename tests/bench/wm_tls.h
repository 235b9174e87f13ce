/* A client's side of TLS-PSK on sockets that do not block, as devices speak it to the wallet
 * manager. */
#ifndef CT_BENCH_WM_TLS_H
#define CT_BENCH_WM_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who a connection is: what an enrolment gave. */
struct bench_psk {
    char identity[33];
    uint8_t key32[32];
};

struct bench_tls_client; /* what all connections of one version share */
struct bench_tls;        /* one connection */

enum { BENCH_AGAIN = -1, BENCH_GONE = -2 };

/* TLS 1.3 with an external PSK, or 1.2 with ECDHE-PSK; no ticket, no resumption. NULL: cannot. */
struct bench_tls_client *bench_tls_client_new(bool is_13);
void bench_tls_client_free(struct bench_tls_client *client);

/* Over a connected socket, which stays the caller's; psk is borrowed until free. */
struct bench_tls *bench_tls_open(struct bench_tls_client *client, int fd,
                                 const struct bench_psk *psk);
void bench_tls_free(struct bench_tls *tls);
/* 0: the handshake is done. BENCH_AGAIN, BENCH_GONE. */
int bench_tls_shake(struct bench_tls *tls);
bool bench_tls_wants_write(const struct bench_tls *tls);
/* How many bytes; BENCH_AGAIN, BENCH_GONE. */
long bench_tls_read(struct bench_tls *tls, void *out, size_t cap);
long bench_tls_write(struct bench_tls *tls, const void *data, size_t len);
/* Says that nothing more comes. */
void bench_tls_end(struct bench_tls *tls);

/* Full handshakes a second on one core with both sides of OpenSSL in memory: the machine's measure.
 */
double bench_tls_in_memory(bool is_13, uint32_t ms);

#endif

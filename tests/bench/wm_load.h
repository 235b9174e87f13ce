/* The load: one thread, many connections that stay open, one request on each at a time. */
#ifndef CT_BENCH_WM_LOAD_H
#define CT_BENCH_WM_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wm_tls.h"

enum bench_way { BENCH_PLAIN, BENCH_TLS13, BENCH_TLS12 };

struct bench_load {
    uint16_t port; /* on loopback */
    enum bench_way way;
    size_t connections; /* at once; each from an address of its own in 127.1.0.0/16 */
    uint32_t ms;
    /* TLS: connections take them in turn, and go on to the next after so many requests. */
    const struct bench_psk *psks;
    size_t psk_count;
    unsigned per_psk; /* 0: no end */
    /* The path of the n-th request, asked as that psk. */
    void (*path)(void *arg, size_t psk, uint64_t n, char *out, size_t cap);
    void *path_arg;
};

struct bench_seen {
    uint64_t done, failed; /* requests, or handshakes */
    double rate;           /* a second */
    uint32_t p50_us, p99_us;
};

/* Requests with the answer 200, one after the other on each connection: nothing is pipelined. */
bool bench_requests(const struct bench_load *load, struct bench_seen *out);
/* Connect, full handshake, close; counted once the server has closed, too. */
bool bench_handshakes(const struct bench_load *load, struct bench_seen *out);

/* Connections that say nothing, after their handshake where there is one. */
struct bench_idle;
struct bench_idle *bench_idle_open(const struct bench_load *load);
/* How many the server has not closed. */
size_t bench_idle_left(const struct bench_idle *idle);
void bench_idle_close(struct bench_idle *idle);

/* A connected socket from 127.1.x.y that does not block; -1. */
int bench_socket(uint16_t port, size_t number);
/* A POST of JSON to the plain listener, waited for; the answer's body. False: not 200. */
bool bench_post(uint16_t port, const char *path, const char *body, char *out, size_t cap);

#endif

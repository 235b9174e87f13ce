/* The relay's own HTTP endpoint for Prometheus: GET /metrics, and nothing else. */
#ifndef CT_RELAY_SCRAPE_H
#define CT_RELAY_SCRAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "turn/addr.h"

/* Longest request, headers included. */
enum { CT_SCRAPE_HEAD_MAX = 4096 };

/*
 * What a request is to be answered with: 0 while its head is not whole yet; 200; 400 (not HTTP, or
 * without a host), 404, 405 (no GET or HEAD), 421 (on loopback, and for another host's name: a web
 * page elsewhere can have its own name point here and read with the operator's browser), 431 (too
 * long). *is_head: no body is wanted.
 */
unsigned ct_scrape_status(const char *head, size_t len, bool on_loopback, bool *is_head);

struct ct_scrape;

struct ct_scrape_config {
    struct ct_addr at; /* port 0 picks one */
    void (*write)(void *arg, FILE *out);
    void *arg;
};

/* On a thread of its own. CT_ERR_SYSTEM when the address cannot be had. */
CT_MUST_USE ct_err ct_scrape_start(struct ct_scrape **out, const struct ct_scrape_config *config,
                                   struct ct_why *why);
uint16_t ct_scrape_port(const struct ct_scrape *scrape);
void ct_scrape_stop(struct ct_scrape *scrape); /* NULL is fine */

#endif

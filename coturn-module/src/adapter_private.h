/* What the adapter's two files share. */
#ifndef CT_ADAPTER_PRIVATE_H
#define CT_ADAPTER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "ct_adapter.h"

/* Set once in main() before any thread runs; NULL means stock behaviour. */
extern const struct ct_hooks *ct_ad_active;
extern bool ct_ad_check_only;

/* The process ends: its configuration is wrong, and the reason was given. */
void ct_ad_refuse(void);

struct bufferevent;
/*
 * Nothing is read from a connection for so long. The library's own limit of rates does it, which
 * nothing else of the server undoes: it never binds by itself, but what it has is taken away.
 */
void ct_ad_hold_back(struct bufferevent *connection, int64_t ms);
/* Before the first of them. */
void ct_ad_prepare(void);

#endif

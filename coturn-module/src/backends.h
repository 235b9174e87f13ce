/* What this host depends on, by name: resolved again and again, for names move. */
#ifndef CT_RELAY_BACKENDS_H
#define CT_RELAY_BACKENDS_H

#include <stdbool.h>

#include "addrlist.h"
#include "chain/bundle.h"
#include "ct_hooks.h"

/* Adds the addresses of name to out. false: it has none now. */
typedef bool ct_resolve(void *arg, struct ct_addrlist *out, const char *name, const char *port,
                        uint64_t now_s);

struct ct_backend {
    char name[CT_BUNDLE_URL_MAX];
    char port[6];
    char what[CT_URL_MAX + 8]; /* "url=https://rpc.example.org", "database" */
    bool is_told;              /* that it does not resolve */
    struct ct_addrlist found;
};

enum { CT_BACKENDS_MAX = CT_BUNDLE_RPC_MAX + 2 + 2 };

struct ct_backends {
    struct ct_backend list[CT_BACKENDS_MAX];
    size_t count;
    ct_resolve *resolve; /* NULL: the system's */
    void *arg;
};

/* Takes the names from the bundle and the server's databases. */
void ct_backends_init(struct ct_backends *out, const struct ct_host *host,
                      const struct ct_bundle *bundle);
/*
 * Resolves all of them. What one had in the last hour is kept, and all that it had while it does
 * not resolve; both are told through host->log, once. false: some of them do not.
 */
bool ct_backends_look(struct ct_backends *backends, const struct ct_host *host, uint64_t now_s);
void ct_backends_free(struct ct_backends *backends);

/* Of a socket's address; false: of neither family. */
bool ct_endpoint_of(struct ct_endpoint *out, const void *socket_address);

#endif

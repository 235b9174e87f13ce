/* Addresses, canonical and each once: a list that grows. */
#ifndef CT_RELAY_ADDRLIST_H
#define CT_RELAY_ADDRLIST_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "ct_hooks.h"

struct ct_listed {
    struct ct_endpoint at;
    uint64_t seen_s; /* when it was added last */
};

struct ct_addrlist { /* all zero at first */
    struct ct_listed *list;
    size_t count;
    size_t cap;
};

/* Of more than that the one that was seen first makes room. */
enum { CT_ADDRLIST_MAX = 65536 };

/* Adds e, or says that it was seen again. CT_ERR_NOMEM: the list is as it was. */
CT_MUST_USE ct_err ct_addrlist_add(struct ct_addrlist *list, const struct ct_endpoint *e,
                                   uint64_t now_s);
/* Drops what was seen before this. */
void ct_addrlist_expire(struct ct_addrlist *list, uint64_t before_s);
void ct_addrlist_free(struct ct_addrlist *list);

#endif

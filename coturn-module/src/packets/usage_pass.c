/* The accounts of passes: found by a pass's id, shared by its allocations, kept while they owe. */
#include <stdlib.h>
#include <string.h>

#include "packets/usage_private.h"

/* Pass ids are random numbers of the wallet manager's. */
static struct ct_pass_use **chain_of(struct ct_limits *limits, const uint8_t pass16[16])
{
    return &limits->chains[((size_t)pass16[0] << 8 | pass16[1]) % CT_PASS_CHAINS];
}

static struct ct_pass_use *find(struct ct_limits *limits, const uint8_t pass16[16])
{
    struct ct_pass_use *pass = *chain_of(limits, pass16);
    while (pass && memcmp(pass->pass16, pass16, 16) != 0) {
        pass = pass->next;
    }
    return pass;
}

static bool is_full(const struct ct_pass_use *pass, uint64_t now_ns)
{
    return ct_bucket_is_full(&pass->volume.packets, now_ns) &&
           ct_bucket_is_full(&pass->volume.bytes, now_ns);
}

/* Drops those of a chain that nobody has and that are full again at now_ns; UINT64_MAX: all. */
static void sweep(struct ct_pass_use **link, uint64_t now_ns)
{
    while (*link) {
        struct ct_pass_use *pass = *link;
        if (!pass->first && (now_ns == UINT64_MAX || is_full(pass, now_ns))) {
            *link = pass->next;
            free(pass);
        } else {
            link = &pass->next;
        }
    }
}

void ct_limits_forget(struct ct_limits *limits)
{
    for (size_t i = 0; i < CT_PASS_CHAINS; i++) {
        sweep(&limits->chains[i], UINT64_MAX);
    }
}

static void join(struct ct_limits *limits, struct ct_use *use, const uint8_t pass16[16])
{
    struct ct_pass_use *pass = find(limits, pass16);
    if (!pass && (pass = calloc(1, sizeof(*pass))) != NULL) {
        struct ct_pass_use **chain = chain_of(limits, pass16);
        memcpy(pass->pass16, pass16, 16);
        pass->next = *chain;
        *chain = pass;
    }
    if (pass) { /* else no memory: the allocation's own limits hold all the same */
        use->next = pass->first;
        pass->first = use;
        use->pass = pass;
    }
}

static void leave(struct ct_use *use)
{
    struct ct_use **at = &use->pass->first;
    while (*at != use) {
        at = &(*at)->next;
    }
    *at = use->next;
    use->next = NULL;
    use->pass = NULL;
}

const uint8_t *ct_use_pass(const struct ct_use *use)
{
    return use->pass ? use->pass->pass16 : NULL;
}

void ct_limits_of_pass(struct ct_limits *limits, struct ct_use *use, const uint8_t *pass16,
                       uint64_t now_ns)
{
    if (use->pass ? pass16 && memcmp(use->pass->pass16, pass16, 16) == 0 : !pass16) {
        return;
    }
    ct_limits_return(limits, use, now_ns);
    (void)pthread_mutex_lock(&limits->lock);
    if (use->pass) {
        struct ct_pass_use **chain = chain_of(limits, use->pass->pass16);
        leave(use);
        sweep(chain, now_ns);
    }
    if (pass16) {
        sweep(chain_of(limits, pass16), now_ns);
        join(limits, use, pass16);
    }
    (void)pthread_mutex_unlock(&limits->lock);
}

size_t ct_limits_sessions(struct ct_limits *limits, const uint8_t pass16[16],
                          void (*each)(void *arg, uint64_t session), void *arg)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&limits->lock);
    const struct ct_pass_use *pass = find(limits, pass16);
    for (const struct ct_use *use = pass ? pass->first : NULL; use; use = use->next) {
        if (each) {
            each(arg, use->session);
        }
        count++;
    }
    (void)pthread_mutex_unlock(&limits->lock);
    return count;
}

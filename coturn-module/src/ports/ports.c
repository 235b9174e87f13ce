/* Which relayed ports passes have, and had, so that after a crash each gets its own again. */
#include "ports/ports.h"

#include <stdlib.h>
#include <string.h>

enum { CHAINS = 8192 };

/* In one chain by its place, in one by its pass, and in one of two lists by age. */
struct entry {
    struct ct_port port;
    struct entry *next_here;
    struct entry *next_of_pass;    /* older ones follow */
    struct entry *older, *younger; /* a ring by age, its list between the youngest and the oldest */
};

struct ct_ports {
    size_t count;
    struct entry standing, ended; /* the lists: no more than younger, the oldest, and older */
    struct entry *spare;          /* by next_here */
    struct entry *here[CHAINS];
    struct entry *of_pass[CHAINS];
};

ct_err ct_ports_new(struct ct_ports **out)
{
    struct ct_ports *ports = calloc(1, sizeof(*ports));
    if (!ports) {
        return CT_ERR_NOMEM;
    }
    ports->standing.older = ports->standing.younger = &ports->standing;
    ports->ended.older = ports->ended.younger = &ports->ended;
    *out = ports;
    return CT_OK;
}

static struct entry **here(struct ct_ports *ports, const struct ct_endpoint *relayed)
{
    return &ports->here[relayed->port % CHAINS];
}

/* Pass ids are random numbers of the wallet manager's. */
static size_t chain_of(const uint8_t pass16[16])
{
    return ((size_t)pass16[0] << 8 | pass16[1]) % CHAINS;
}

static bool same_place(const struct ct_endpoint *a, const struct ct_endpoint *b)
{
    return a->port == b->port && memcmp(a->addr16, b->addr16, 16) == 0;
}

static struct entry *find(const struct ct_ports *ports, const struct ct_endpoint *relayed)
{
    struct entry *e = ports->here[relayed->port % CHAINS];
    while (e && !same_place(&e->port.relayed, relayed)) {
        e = e->next_here;
    }
    return e;
}

static void leave_list(struct entry *e)
{
    e->older->younger = e->younger;
    e->younger->older = e->older;
}

static void join_list(struct entry *e, struct entry *list)
{
    e->older = list->older;
    e->younger = list;
    list->older->younger = e;
    list->older = e;
}

static void leave_pass(struct ct_ports *ports, struct entry *e)
{
    struct entry **link = &ports->of_pass[chain_of(e->port.pass16)];
    while (*link != e) {
        link = &(*link)->next_of_pass;
    }
    *link = e->next_of_pass;
}

static void join_pass(struct ct_ports *ports, struct entry *e, const uint8_t pass16[16])
{
    struct entry **chain = &ports->of_pass[chain_of(pass16)];
    memcpy(e->port.pass16, pass16, 16);
    e->next_of_pass = *chain;
    *chain = e;
}

static void drop(struct ct_ports *ports, struct entry *e)
{
    struct entry **link = here(ports, &e->port.relayed);
    while (*link != e) {
        link = &(*link)->next_here;
    }
    *link = e->next_here;
    leave_pass(ports, e);
    leave_list(e);
    e->next_here = ports->spare;
    ports->spare = e;
    ports->count--;
}

static void free_all(struct entry *list)
{
    struct entry *next = NULL;
    for (struct entry *e = list->younger; e != list; e = next) {
        next = e->younger;
        free(e);
    }
}

void ct_ports_free(struct ct_ports *ports)
{
    if (ports) {
        free_all(&ports->standing);
        free_all(&ports->ended);
        for (struct entry *e = ports->spare; e; e = ports->spare) {
            ports->spare = e->next_here;
            free(e);
        }
        free(ports);
    }
}

static struct entry *take_spare(struct ct_ports *ports)
{
    struct entry *e = ports->spare;
    if (!e) {
        return calloc(1, sizeof(*e));
    }
    ports->spare = e->next_here;
    memset(e, 0, sizeof(*e));
    return e;
}

/* NULL: no memory, or as many allocations stand as are remembered at all. */
static struct entry *add(struct ct_ports *ports, const uint8_t pass16[16],
                         const struct ct_endpoint *relayed)
{
    if (ports->count >= CT_PORTS_MAX && ports->ended.younger != &ports->ended) {
        drop(ports, ports->ended.younger);
    }
    struct entry *e = ports->count < CT_PORTS_MAX ? take_spare(ports) : NULL;
    if (e) {
        struct entry **chain = here(ports, relayed);
        e->port.relayed = *relayed;
        e->next_here = *chain;
        *chain = e;
        join_pass(ports, e, pass16);
        ports->count++;
    }
    return e;
}

bool ct_ports_stands(struct ct_ports *ports, const uint8_t pass16[16],
                     const struct ct_endpoint *relayed)
{
    struct entry *e = find(ports, relayed);
    bool same_pass = e && memcmp(e->port.pass16, pass16, 16) == 0;
    if (e && e->port.ended_s == 0 && same_pass) {
        return false;
    }
    if (e && !same_pass) { /* renewed, or somebody else's from now on */
        leave_pass(ports, e);
        join_pass(ports, e, pass16);
    }
    if (!e) {
        e = add(ports, pass16, relayed);
        if (e) {
            join_list(e, &ports->standing);
        }
    } else if (e->port.ended_s != 0) {
        e->port.ended_s = 0;
        leave_list(e);
        join_list(e, &ports->standing);
    }
    return e != NULL;
}

bool ct_ports_ended(struct ct_ports *ports, const uint8_t pass16[16],
                    const struct ct_endpoint *relayed, bool was_given_back, uint64_t now_s)
{
    struct entry *e = find(ports, relayed);
    if (!e || e->port.ended_s != 0 || memcmp(e->port.pass16, pass16, 16) != 0) {
        return false;
    }
    if (was_given_back) {
        drop(ports, e);
        return true;
    }
    e->port.ended_s = now_s;
    leave_list(e);
    join_list(e, &ports->ended);
    return true;
}

static bool is_over(const struct ct_port *port, uint64_t for_s, uint64_t now_s)
{
    return port->ended_s != 0 && now_s >= port->ended_s && now_s - port->ended_s >= for_s;
}

static bool is_pass(const struct ct_port *port, const uint8_t *pass16)
{
    return pass16 && memcmp(port->pass16, pass16, 16) == 0;
}

static const struct ct_port *last_of(const struct ct_ports *ports, const uint8_t *pass16,
                                     const uint8_t addr16[16], uint64_t now_s)
{
    const struct ct_port *found = NULL;
    for (const struct entry *e = ports->of_pass[chain_of(pass16)]; e; e = e->next_of_pass) {
        const struct ct_port *port = &e->port;
        if (is_pass(port, pass16) && port->ended_s != 0 &&
            !is_over(port, CT_PORTS_REMEMBERED_S, now_s) &&
            memcmp(port->relayed.addr16, addr16, 16) == 0 &&
            /* of those that ended at one time the oldest, which is a device's home */
            (!found || port->ended_s >= found->ended_s)) {
            found = port;
        }
    }
    return found;
}

uint16_t ct_ports_had(const struct ct_ports *ports, const struct ct_port_owner *owner,
                      const uint8_t addr16[16], uint64_t now_s)
{
    const struct ct_port *port =
        owner->pass16 ? last_of(ports, owner->pass16, addr16, now_s) : NULL;
    if (!port && owner->renews16) {
        port = last_of(ports, owner->renews16, addr16, now_s);
    }
    return port ? port->relayed.port : 0;
}

bool ct_ports_is_kept(const struct ct_ports *ports, const struct ct_port_owner *owner,
                      const struct ct_endpoint *relayed, uint64_t now_s)
{
    const struct entry *e = find(ports, relayed);
    return e && e->port.ended_s != 0 && !is_over(&e->port, CT_PORTS_KEPT_S, now_s) &&
           !is_pass(&e->port, owner->pass16) && !is_pass(&e->port, owner->renews16);
}

size_t ct_ports_count(const struct ct_ports *ports)
{
    return ports->count;
}

size_t ct_ports_list(const struct ct_ports *ports, struct ct_port *out, size_t room, uint64_t now_s)
{
    const struct entry *lists[] = {&ports->ended, &ports->standing};
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        for (const struct entry *e = lists[i]->younger; e != lists[i] && count < room;
             e = e->younger) {
            if (!is_over(&e->port, CT_PORTS_REMEMBERED_S, now_s)) {
                out[count++] = e->port;
            }
        }
    }
    return count;
}

ct_err ct_ports_take_over(struct ct_ports *ports, const struct ct_port *list, size_t count,
                          uint64_t now_s)
{
    for (size_t i = 0; i < count; i++) {
        if (is_over(&list[i], CT_PORTS_REMEMBERED_S, now_s)) {
            continue;
        }
        struct entry *e =
            find(ports, &list[i].relayed) ? NULL : add(ports, list[i].pass16, &list[i].relayed);
        if (!e) {
            return CT_ERR_FORMAT;
        }
        bool is_past = list[i].ended_s != 0 && list[i].ended_s < now_s;
        e->port.ended_s = is_past ? list[i].ended_s : now_s;
        join_list(e, &ports->ended);
    }
    return CT_OK;
}

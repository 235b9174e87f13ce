/* The address policy of this very host: its own addresses, what it depends on, what is denied. */
#include "host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

/* What a policy is made of, while it is made. */
struct lists {
    struct ct_addrlist own, relayed, broadcasts;
    bool no_memory;
};

static void add(struct lists *lists, struct ct_addrlist *list, const struct ct_endpoint *e)
{
    struct ct_endpoint address = *e;
    address.port = 0;
    lists->no_memory = ct_addrlist_add(list, &address, 0) != CT_OK || lists->no_memory;
}

static void add_interface(struct lists *lists, const struct ifaddrs *i)
{
    struct ct_endpoint own;
    struct ct_endpoint e;
    if (!i->ifa_addr || !ct_endpoint_of(&own, i->ifa_addr)) {
        return;
    }
    add(lists, &lists->own, &own);
    /* an interface without a broadcast address shows its own in that place */
    if ((i->ifa_flags & IFF_BROADCAST) && i->ifa_broadaddr &&
        ct_endpoint_of(&e, i->ifa_broadaddr) && memcmp(e.addr16, own.addr16, 16) != 0) {
        add(lists, &lists->broadcasts, &e);
    }
}

static void add_configured(struct lists *lists, const struct ct_host *host)
{
    for (size_t i = 0; i < host->listener_count; i++) {
        add(lists, &lists->own, &host->listeners[i]);
    }
    for (size_t i = 0; i < host->relay_count; i++) {
        add(lists, &lists->own, &host->relays[i]);
        add(lists, &lists->own, &host->relays_public[i]);
        add(lists, &lists->relayed, &host->relays[i]);
        add(lists, &lists->relayed, &host->relays_public[i]);
    }
}

/* 0, or errno: the system does not tell them. */
static int add_interfaces(struct lists *lists)
{
    struct ifaddrs *interfaces = NULL;
    if (getifaddrs(&interfaces) != 0) {
        return errno != 0 ? errno : EIO;
    }
    for (const struct ifaddrs *i = interfaces; i; i = i->ifa_next) {
        add_interface(lists, i);
    }
    freeifaddrs(interfaces);
    return 0;
}

static void add_known(struct lists *lists, const struct ct_policy *before)
{
    for (size_t i = 0; i < before->own_count; i++) {
        add(lists, &lists->own, &before->own[i]);
    }
    for (size_t i = 0; i < before->broadcast_count; i++) {
        add(lists, &lists->broadcasts, &before->broadcasts[i]);
    }
}

/* What this relay hands out has to be reachable for others, or it lists itself in vain. */
static ct_err check_relayed(const struct ct_policy *policy, const struct ct_host *host,
                            struct ct_why *why)
{
    for (size_t i = 0; i < host->relay_count; i++) {
        enum ct_verdict verdict = ct_policy_filter(policy, NULL, &host->relays_public[i]);
        if (verdict == CT_VERDICT_ADMIT) {
            continue;
        }
        char text[INET6_ADDRSTRLEN] = "?";
        (void)inet_ntop(AF_INET6, host->relays_public[i].addr16, text, sizeof(text));
        return ct_why(why, CT_ERR_CONFIG,
                      "peers could not reach the relayed address %s (%s): set relay-ip to a public "
                      "address, or external-ip where a NAT has it, or, for a network of your own, "
                      "chainturn-allow-private",
                      text, ct_verdict_text(verdict));
    }
    return CT_OK;
}

static ct_err check_port(const struct ct_host *host, const char *option, uint16_t port,
                         struct ct_why *why)
{
    if (port < host->port_min || port > host->port_max) {
        return CT_OK;
    }
    return ct_why(
        why, CT_ERR_CONFIG,
        "%s: port %u lies among the relayed ones, min-port=%u to max-port=%u, where peers "
        "may send: choose another port or another range",
        option, port, host->port_min, host->port_max);
}

/* What listens here itself stands outside the range that peers may reach, here and elsewhere. */
static ct_err check_services(const struct ct_host *host, const struct ct_relay_options *options,
                             struct ct_why *why)
{
    ct_err err = options->metrics.family == 0
                     ? CT_OK
                     : check_port(host, "chainturn-metrics", options->metrics.port, why);
    for (size_t i = 0; err == CT_OK && i < host->service_count; i++) {
        err = check_port(host, host->services[i].option, host->services[i].port, why);
    }
    return err;
}

static struct ct_policy fixed_policy(const struct ct_host *host,
                                     const struct ct_relay_options *options)
{
    return (struct ct_policy){
        .mode = options->mode,
        .allow_private = options->allow_private,
        /* the server refuses loopback itself; here both have to be asked for */
        .allow_loopback = options->allow_private && host->allow_loopback,
        .port_min = host->port_min,
        .port_max = host->port_max,
        .max_age_s = options->max_age_s,
        .denied = host->denied,
        .denied_count = host->denied_count,
        .allowed = host->allowed,
        .allowed_count = host->allowed_count,
    };
}

/* The lists of addresses, behind each other in one piece of memory. */
static const struct ct_endpoint *lay(struct ct_host_policy *out, const struct ct_addrlist *list,
                                     size_t *count)
{
    const struct ct_endpoint *at = &out->all[out->count];
    for (size_t i = 0; i < list->count; i++) {
        out->all[out->count++] = list->list[i].at;
    }
    *count += list->count;
    return at;
}

static ct_err lay_all(struct ct_host_policy **out, const struct ct_policy *fixed,
                      const struct lists *lists, const struct ct_backends *backends)
{
    size_t count = lists->own.count + lists->relayed.count + lists->broadcasts.count;
    for (size_t i = 0; i < backends->count; i++) {
        count += backends->list[i].found.count;
    }
    struct ct_host_policy *made =
        lists->no_memory ? NULL : calloc(1, sizeof(*made) + count * sizeof(made->all[0]));
    if (!made) {
        return CT_ERR_NOMEM;
    }
    struct ct_policy *p = &made->policy;
    *p = *fixed;
    p->own = lay(made, &lists->own, &p->own_count);
    p->relayed = lay(made, &lists->relayed, &p->relayed_count);
    p->broadcasts = lay(made, &lists->broadcasts, &p->broadcast_count);
    p->backends = &made->all[made->count];
    for (size_t i = 0; i < backends->count; i++) {
        (void)lay(made, &backends->list[i].found, &p->backend_count);
    }
    *out = made;
    return CT_OK;
}

ct_err ct_host_policy_make(struct ct_host_policy **out, const struct ct_host *host,
                           const struct ct_relay_options *options,
                           const struct ct_backends *backends, const struct ct_host_policy *before,
                           struct ct_why *why)
{
    struct lists lists = {.no_memory = false};
    struct ct_host_policy *made = NULL;
    add_configured(&lists, host);
    int untold_errno = add_interfaces(&lists);
    bool is_known = before && before->knows_own;
    if (untold_errno != 0 && is_known) {
        add_known(&lists, &before->policy);
    }
    const struct ct_policy fixed = fixed_policy(host, options);
    ct_err err = lay_all(&made, &fixed, &lists, backends);
    if (err == CT_OK) {
        made->knows_own = untold_errno == 0 || is_known;
        made->untold_errno = untold_errno;
        *out = made;
    } else {
        (void)ct_why(why, err, "no memory for the addresses of this host");
    }
    ct_addrlist_free(&lists.own);
    ct_addrlist_free(&lists.relayed);
    ct_addrlist_free(&lists.broadcasts);
    return err;
}

ct_err ct_host_check(const struct ct_policy *policy, const struct ct_host *host,
                     const struct ct_relay_options *options, struct ct_why *why)
{
    if (host->server_relay) {
        return ct_why(why, CT_ERR_CONFIG,
                      "server-relay switches every check of peers off and cannot stand beside "
                      "chainturn-mode: remove server-relay");
    }
    ct_err err = check_services(host, options, why);
    return err == CT_OK ? check_relayed(policy, host, why) : err;
}

bool ct_host_policy_equal(const struct ct_host_policy *a, const struct ct_host_policy *b)
{
    return a->count == b->count && a->policy.own_count == b->policy.own_count &&
           a->policy.relayed_count == b->policy.relayed_count &&
           a->policy.broadcast_count == b->policy.broadcast_count &&
           memcmp(a->all, b->all, a->count * sizeof(a->all[0])) == 0;
}

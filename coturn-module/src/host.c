/* The address policy of this very host: its own addresses, what it depends on, what is denied. */
#include "host.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static bool from_sockaddr(struct ct_endpoint *out, const struct sockaddr *sa)
{
    memset(out, 0, sizeof(*out));
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof(in));
        memset(out->addr16 + 10, 0xff, 2);
        memcpy(out->addr16 + 12, &in.sin_addr, 4);
        out->port = ntohs(in.sin_port);
        return true;
    }
    if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof(in6));
        memcpy(out->addr16, &in6.sin6_addr, 16);
        out->port = ntohs(in6.sin6_port);
        return true;
    }
    return false;
}

static void add(struct ct_endpoint *list, size_t *count, size_t cap, const struct ct_endpoint *e)
{
    struct ct_endpoint canonical = {.port = e->port};
    ct_addr_canonical(canonical.addr16, e->addr16);
    for (size_t i = 0; i < *count; i++) {
        if (memcmp(&list[i], &canonical, sizeof(canonical)) == 0) {
            return;
        }
    }
    if (*count < cap) {
        list[(*count)++] = canonical;
    }
}

static void add_own(struct ct_host_policy *out, const struct ct_endpoint *e)
{
    struct ct_endpoint address = *e;
    address.port = 0;
    add(out->own, &out->policy.own_count, CT_HOST_OWN_MAX, &address);
}

static void add_relayed(struct ct_host_policy *out, const struct ct_endpoint *e)
{
    struct ct_endpoint address = *e;
    address.port = 0;
    add_own(out, &address);
    add(out->relayed, &out->policy.relayed_count, CT_HOST_OWN_MAX, &address);
}

static void add_all_own(struct ct_host_policy *out, const struct ct_host *host)
{
    for (size_t i = 0; i < host->listener_count; i++) {
        add_own(out, &host->listeners[i]);
    }
    for (size_t i = 0; i < host->relay_count; i++) {
        add_relayed(out, &host->relays[i]);
        add_relayed(out, &host->relays_public[i]);
    }
    struct ifaddrs *interfaces = NULL;
    if (getifaddrs(&interfaces) != 0) {
        host->log(CT_HOOK_WARNING, "own_addresses_unknown: only the server's own addresses are "
                                   "kept from peers, not the others of this host");
        return;
    }
    for (const struct ifaddrs *i = interfaces; i; i = i->ifa_next) {
        struct ct_endpoint own;
        struct ct_endpoint e;
        if (!i->ifa_addr || !from_sockaddr(&own, i->ifa_addr)) {
            continue;
        }
        add_own(out, &own);
        /* an interface without a broadcast address shows its own in that place */
        if ((i->ifa_flags & IFF_BROADCAST) && i->ifa_broadaddr &&
            from_sockaddr(&e, i->ifa_broadaddr) && memcmp(&e, &own, sizeof(e)) != 0) {
            add(out->broadcasts, &out->policy.broadcast_count, CT_HOST_BROADCASTS_MAX, &e);
        }
    }
    freeifaddrs(interfaces);
}

/* "scheme://[user@]host[:port][/path]", an IPv6 host in brackets; port stays when it has none. */
static bool split_url(const char *url, char *name, size_t name_cap, char port[6])
{
    const char *start = strstr(url, "://");
    if (!start) {
        return false;
    }
    start += 3;
    const char *user = strpbrk(start, "@/");
    if (user && *user == '@') {
        start = user + 1;
    }
    size_t len = *start == '[' ? strcspn(++start, "]") : strcspn(start, ":/?#");
    if (len == 0 || len >= name_cap) {
        return false;
    }
    memcpy(name, start, len);
    name[len] = '\0';
    const char *after = start + len;
    after += *after == ']';
    if (*after == ':') {
        size_t digits = strspn(after + 1, "0123456789");
        if (digits == 0 || digits > 5) {
            return false;
        }
        memcpy(port, after + 1, digits);
        port[digits] = '\0';
    }
    return true;
}

static void add_backend(struct ct_host_policy *out, const struct ct_host *host, const char *name,
                        const char *port, const char *what)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(name, port, &hints, &found) != 0) {
        char line[CT_URL_MAX + 120];
        (void)snprintf(line, sizeof(line), "backend_unresolved %s: peers are not kept from it",
                       what);
        host->log(CT_HOOK_WARNING, line);
        return;
    }
    for (const struct addrinfo *i = found; i; i = i->ai_next) {
        struct ct_endpoint e;
        if (from_sockaddr(&e, i->ai_addr)) {
            add(out->backends, &out->policy.backend_count, CT_HOST_BACKENDS_MAX, &e);
        }
    }
    freeaddrinfo(found);
}

static void add_url(struct ct_host_policy *out, const struct ct_host *host, const char *url,
                    uint16_t usual_port)
{
    char name[CT_BUNDLE_URL_MAX];
    char port[6];
    char what[CT_URL_MAX + 8];
    char origin[CT_URL_MAX]; /* never the path: it may hold a customer's key */
    if (url[0] == '\0') {
        return;
    }
    ct_url_origin(origin, url);
    (void)snprintf(what, sizeof(what), "url=%s", origin);
    (void)snprintf(port, sizeof(port), "%u", usual_port);
    add_backend(out, host, split_url(url, name, sizeof(name), port) ? name : "", port, what);
}

static void add_web(struct ct_host_policy *out, const struct ct_host *host, const char *url)
{
    add_url(out, host, url, strncmp(url, "https", 5) == 0 ? 443 : 80);
}

/* The value of key in "key=value key=value"; false: there is none. */
static bool find_value(char *out, size_t cap, const char *text, const char *key)
{
    size_t key_len = strlen(key);
    for (const char *at = text; *at; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (strncmp(at, key, key_len) == 0 && at[key_len] == '=') {
            at += key_len + 1;
            (void)snprintf(out, cap, "%.*s", (int)strcspn(at, " "), at);
            return true;
        }
    }
    return false;
}

static void add_database(struct ct_host_policy *out, const struct ct_host *host,
                         const struct ct_database *database)
{
    static const char *const keys[] = {"ip", "host", "hostaddr"};
    char name[CT_BUNDLE_URL_MAX] = "127.0.0.1"; /* what drivers take when there is none */
    char port[6];
    if (strstr(database->text, "://")) {
        add_url(out, host, database->text, database->usual_port);
        return;
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (find_value(name, sizeof(name), database->text, keys[i])) {
            break;
        }
    }
    if (!find_value(port, sizeof(port), database->text, "port")) {
        (void)snprintf(port, sizeof(port), "%u", database->usual_port);
    }
    add_backend(out, host, name, port, "database");
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

ct_err ct_host_policy_make(struct ct_host_policy *out, const struct ct_host *host,
                           const struct ct_relay_options *options, const struct ct_bundle *bundle,
                           struct ct_why *why)
{
    if (host->server_relay) {
        return ct_why(why, CT_ERR_CONFIG,
                      "server-relay switches every check of peers off and cannot stand beside "
                      "chainturn-mode: remove server-relay");
    }
    ct_err err = check_services(host, options, why);
    if (err != CT_OK) {
        return err;
    }
    memset(out, 0, sizeof(*out));
    out->policy = (struct ct_policy){
        .mode = options->mode,
        .allow_private = options->allow_private,
        /* the server refuses loopback itself; here both have to be asked for */
        .allow_loopback = options->allow_private && host->allow_loopback,
        .port_min = host->port_min,
        .port_max = host->port_max,
        .max_age_s = options->max_age_s,
        .own = out->own,
        .relayed = out->relayed,
        .backends = out->backends,
        .broadcasts = out->broadcasts,
        .denied = host->denied,
        .denied_count = host->denied_count,
        .allowed = host->allowed,
        .allowed_count = host->allowed_count,
    };
    add_all_own(out, host);
    for (size_t i = 0; i < bundle->rpc_count; i++) {
        add_web(out, host, bundle->rpc[i]);
    }
    add_web(out, host, bundle->wm_handshake_url);
    add_web(out, host, bundle->wm_tls_url);
    for (size_t i = 0; i < host->database_count; i++) {
        add_database(out, host, &host->databases[i]);
    }
    return check_relayed(&out->policy, host, why);
}

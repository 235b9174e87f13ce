/* What this host depends on, by name: resolved again and again, for names move. */
#include "backends.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { KEPT_S = 3600 };

bool ct_endpoint_of(struct ct_endpoint *out, const void *socket_address)
{
    const struct sockaddr *sa = socket_address;
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

static void add_name(struct ct_backends *out, const char *name, const char *port, const char *what)
{
    if (out->count < CT_BACKENDS_MAX) {
        struct ct_backend *backend = &out->list[out->count++];
        (void)snprintf(backend->name, sizeof(backend->name), "%s", name);
        (void)snprintf(backend->port, sizeof(backend->port), "%s", port);
        (void)snprintf(backend->what, sizeof(backend->what), "%s", what);
    }
}

static void add_url(struct ct_backends *out, const char *url, uint16_t usual_port)
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
    add_name(out, split_url(url, name, sizeof(name), port) ? name : "", port, what);
}

static void add_web(struct ct_backends *out, const char *url)
{
    add_url(out, url, strncmp(url, "https", 5) == 0 ? 443 : 80);
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

static void add_database(struct ct_backends *out, const struct ct_database *database)
{
    static const char *const keys[] = {"ip", "host", "hostaddr"};
    char name[CT_BUNDLE_URL_MAX] = "127.0.0.1"; /* what drivers take when there is none */
    char port[6];
    if (strstr(database->text, "://")) {
        add_url(out, database->text, database->usual_port);
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
    add_name(out, name, port, "database");
}

void ct_backends_init(struct ct_backends *out, const struct ct_host *host,
                      const struct ct_bundle *bundle)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < bundle->rpc_count; i++) {
        add_web(out, bundle->rpc[i]);
    }
    add_web(out, bundle->wm_handshake_url);
    add_web(out, bundle->wm_tls_url);
    for (size_t i = 0; i < host->database_count; i++) {
        add_database(out, &host->databases[i]);
    }
}

static bool by_system(void *arg, struct ct_addrlist *out, const char *name, const char *port,
                      uint64_t now_s)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    (void)arg;
    if (getaddrinfo(name, port, &hints, &found) != 0) {
        return false;
    }
    bool added = true;
    for (const struct addrinfo *i = found; i; i = i->ai_next) {
        struct ct_endpoint e;
        added =
            (!ct_endpoint_of(&e, i->ai_addr) || ct_addrlist_add(out, &e, now_s) == CT_OK) && added;
    }
    freeaddrinfo(found);
    return added;
}

static void tell(struct ct_backend *backend, const struct ct_host *host, bool is_resolved)
{
    char line[sizeof(backend->what) + 160];
    if (backend->is_told != is_resolved) {
        return; /* as it was */
    }
    backend->is_told = !is_resolved;
    (void)snprintf(line, sizeof(line), "%s %s%s",
                   is_resolved ? "backend_resolved" : "backend_unresolved", backend->what,
                   is_resolved                ? ""
                   : backend->found.count > 0 ? ": peers are kept from where it was"
                                              : ": peers are not kept from it until it resolves");
    host->log(is_resolved ? CT_HOOK_INFO : CT_HOOK_WARNING, line);
}

bool ct_backends_look(struct ct_backends *backends, const struct ct_host *host, uint64_t now_s)
{
    ct_resolve *resolve = backends->resolve ? backends->resolve : by_system;
    bool all = true;
    for (size_t i = 0; i < backends->count; i++) {
        struct ct_backend *backend = &backends->list[i];
        bool is_resolved =
            resolve(backends->arg, &backend->found, backend->name, backend->port, now_s);
        if (is_resolved) {
            ct_addrlist_expire(&backend->found, now_s > KEPT_S ? now_s - KEPT_S : 0);
        }
        tell(backend, host, is_resolved);
        all = all && is_resolved;
    }
    return all;
}

void ct_backends_free(struct ct_backends *backends)
{
    for (size_t i = 0; i < backends->count; i++) {
        ct_addrlist_free(&backends->list[i].found);
    }
    backends->count = 0;
}

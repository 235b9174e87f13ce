/* The only file that sees coturn's headers: turns its addresses and parameters into the seam's. */
#include "adapter_private.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "mainrelay.h"
#include "ns_ioalib_impl.h"
#include "ns_turn_ioaddr.h"
#include "ns_turn_msg.h"
#include "ns_turn_session.h"
#include "turn_admin_server.h"
#include "turn_ports.h"
#include "userdb.h"

enum { MAX_ADDRS = 256, MAX_RANGES = 1024 };

static struct ct_endpoint listeners[MAX_ADDRS];
static struct ct_endpoint relays[MAX_ADDRS];
static struct ct_endpoint relays_public[MAX_ADDRS];
static struct ct_range denied[MAX_RANGES];
static struct ct_range allowed[MAX_RANGES];
static struct ct_database databases[2];
static struct ct_service services[8];

static void to_addr16(uint8_t addr16[16], const ioa_addr *addr)
{
    if (addr->ss.sa_family == AF_INET6) {
        memcpy(addr16, &addr->s6.sin6_addr, 16);
        return;
    }
    memset(addr16, 0, 10);
    memset(addr16 + 10, 0xff, 2);
    memcpy(addr16 + 12, &addr->s4.sin_addr, 4);
}

static void to_endpoint(struct ct_endpoint *out, const ioa_addr *addr)
{
    to_addr16(out->addr16, addr);
    out->port = (uint16_t)addr_get_port(addr);
}

static ioa_addr ioa_of(const struct sockaddr *from)
{
    ioa_addr addr;
    memset(&addr, 0, sizeof(addr));
    if (from->sa_family == AF_INET6) {
        memcpy(&addr.s6, from, sizeof(addr.s6));
    } else {
        memcpy(&addr.s4, from, sizeof(addr.s4));
    }
    return addr;
}

/*
 * A peer as the chain knows it: what a neighbour on this host sends comes from its private
 * address, which external-ip maps to the public one.
 */
static struct ct_endpoint peer_endpoint(const struct sockaddr *peer)
{
    ioa_addr addr = ioa_of(peer);
    ioa_addr shown;
    map_addr_from_private_to_public(&addr, &shown);
    struct ct_endpoint out;
    to_endpoint(&out, &shown);
    return out;
}

static void log_line(enum ct_hook_level level, const char *line)
{
    TURN_LOG_LEVEL to = level == CT_HOOK_ERROR     ? TURN_LOG_LEVEL_ERROR
                        : level == CT_HOOK_WARNING ? TURN_LOG_LEVEL_WARNING
                                                   : TURN_LOG_LEVEL_INFO;
    TURN_LOG_FUNC(to, "chainturn: %s\n", line);
}

/* Relay threads may be running: handlers of exit() would free what they use. */
static void end_process(int code)
{
    fflush(NULL);
    _exit(code);
}

/* Goes to the session's own thread as a message, as the server's command line does it. */
static void cancel_session(uint64_t session)
{
    (void)send_session_cancellation_to_relay(session);
}

/* What was left out would not be kept from peers. */
static void check_count(size_t count, size_t max, const char *name)
{
    char line[120];
    if (count > max) {
        (void)snprintf(line, sizeof(line), "more than %zu of %s: the module knows no more", max,
                       name);
        log_line(CT_HOOK_ERROR, line);
        ct_ad_refuse();
    }
}

static size_t read_addresses(struct ct_endpoint *out, char **texts, size_t count, uint16_t port)
{
    size_t n = 0;
    check_count(count, MAX_ADDRS, "listening-ip");
    for (size_t i = 0; i < count; i++) {
        ioa_addr addr;
        if (texts[i] && make_ioa_addr((const uint8_t *)texts[i], port, &addr) == 0 &&
            !addr_any_no_port(&addr)) {
            to_endpoint(&out[n++], &addr);
        }
    }
    return n;
}

static size_t read_relays(void)
{
    size_t n = 0;
    check_count(turn_params.relays_number, MAX_ADDRS, "relay-ip");
    for (size_t i = 0; i < turn_params.relays_number; i++) {
        ioa_addr addr;
        if (!turn_params.relay_addrs[i] ||
            make_ioa_addr((const uint8_t *)turn_params.relay_addrs[i], 0, &addr) < 0) {
            continue;
        }
        ioa_addr shown;
        addr_cpy(&shown, &addr);
        map_addr_from_private_to_public(&addr, &shown);
        to_endpoint(&relays[n], &addr);
        to_endpoint(&relays_public[n], &shown);
        n++;
    }
    return n;
}

static size_t read_ranges(struct ct_range *out, const ip_range_list_t *list, const char *name)
{
    size_t n = 0;
    check_count(list->ranges_number, MAX_RANGES, name);
    for (size_t i = 0; i < list->ranges_number; i++, n++) {
        to_addr16(out[n].min16, &list->rs[i].enc.min);
        to_addr16(out[n].max16, &list->rs[i].enc.max);
    }
    return n;
}

/* Where the server's own data is: peers have no business there. */
static size_t read_databases(void)
{
    static const struct {
        TURN_USERDB_TYPE type;
        uint16_t port;
    } usual[] = {
#if !defined(TURN_NO_HIREDIS)
        {TURN_USERDB_TYPE_REDIS, 6379},
#endif
#if !defined(TURN_NO_PQ)
        {TURN_USERDB_TYPE_PQ, 5432},
#endif
#if !defined(TURN_NO_MYSQL)
        {TURN_USERDB_TYPE_MYSQL, 3306},
#endif
#if !defined(TURN_NO_MONGO)
        {TURN_USERDB_TYPE_MONGO, 27017},
#endif
        {TURN_USERDB_TYPE_UNKNOWN, 0},
    };
    size_t n = 0;
    for (size_t i = 0; usual[i].port != 0; i++) {
        if (turn_params.default_users_db.userdb_type == usual[i].type) {
            databases[n++] = (struct ct_database){
                turn_params.default_users_db.persistent_users_db.userdb, usual[i].port};
        }
    }
    if (turn_params.use_redis_statsdb) {
        databases[n++] = (struct ct_database){turn_params.redis_statsdb, 6379};
    }
    return n;
}

/* Where the server itself is to be talked to; what other ports it has are further from relays. */
static size_t read_services(void)
{
    const struct {
        const char *option;
        int port;
        int is_on;
    } all[] = {
        {"listening-port", turn_params.listener_port, 1},
        {"tls-listening-port", turn_params.tls_listener_port,
         !(turn_params.no_tls && turn_params.no_dtls)},
        {"cli-port", cli_port, use_cli},
        {"web-admin-port", web_admin_port, use_web_admin},
#if !defined(TURN_NO_PROMETHEUS)
        {"prometheus-port", turn_params.prometheus_port, turn_params.prometheus},
#endif
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i].is_on) {
            services[n++] = (struct ct_service){all[i].option, (uint16_t)all[i].port};
        }
    }
    return n;
}

/* A pass is a long-term credential, and that needs a realm; no-auth would let everybody in. The
 * version that each answer would show makes a forged request's answer longer by a third. */
static void require_credentials(void)
{
    turn_params.no_software_attribute = 1;
    turn_params.ct = TURN_CREDENTIALS_LONG_TERM;
    char *realm = get_realm(NULL)->options.name;
    if (!realm[0]) {
        (void)snprintf(realm, sizeof(get_realm(NULL)->options.name), "chainturn");
    }
}

void ct_ad_configure(void)
{
    static struct ct_host host;
    host.listeners = listeners;
    host.listener_count =
        read_addresses(listeners, turn_params.listener.addrs, turn_params.listener.addrs_number,
                       (uint16_t)turn_params.listener_port);
    host.relays = relays;
    host.relays_public = relays_public;
    host.relay_count = read_relays();
    host.port_min = turn_params.min_port;
    host.port_max = turn_params.max_port;
    host.denied = denied;
    host.denied_count = read_ranges(denied, &turn_params.ip_blacklist, "denied-peer-ip");
    host.allowed = allowed;
    host.allowed_count = read_ranges(allowed, &turn_params.ip_whitelist, "allowed-peer-ip");
    host.databases = databases;
    host.database_count = read_databases();
    host.services = services;
    host.service_count = read_services();
    host.allow_loopback = turn_params.allow_loopback_peers != 0;
    host.server_relay = turn_params.server_relay != 0;
    host.check_only = ct_ad_check_only;
    host.log = log_line;
    host.cancel = cancel_session;
    host.end = end_process;

    enum ct_configured verdict = CT_CONFIGURED_FAIL;
    if (ct_module_hooks.abi == CT_HOOKS_ABI) {
        verdict = ct_module_hooks.configure(&host);
    } else {
        log_line(CT_HOOK_ERROR, "the module was built for another version of the server's hooks");
    }
    if (verdict == CT_CONFIGURED_FAIL) {
        ct_ad_refuse();
    }
    if (ct_ad_check_only) {
        printf("The configuration is valid.\n");
        fflush(NULL);
        exit(0);
    }
    if (verdict == CT_CONFIGURED_ON) {
        require_credentials();
        ct_ad_prepare();
        ct_ad_active = &ct_module_hooks;
    }
}

static void on_stop_signal(evutil_socket_t number, short what, void *arg)
{
    (void)number;
    (void)what;
    (void)arg;
    ct_ad_active->stop();
    log_line(CT_HOOK_INFO, "stopped");
    end_process(0);
}

static void on_drain_signal(evutil_socket_t number, short what, void *arg)
{
    (void)number;
    (void)what;
    (void)arg;
    ct_ad_active->drain();
}

void ct_ad_start(void)
{
    if (!ct_ad_active) {
        return;
    }
    static const struct {
        int number;
        event_callback_fn then;
    } signals[] = {{SIGTERM, on_stop_signal}, {SIGINT, on_stop_signal}, {SIGUSR1, on_drain_signal}};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct event *ev =
            evsignal_new(turn_params.listener.event_base, signals[i].number, signals[i].then, NULL);
        if (!ev || event_add(ev, NULL) < 0) {
            log_line(CT_HOOK_ERROR,
                     "no handler for SIGTERM, SIGINT and SIGUSR1 could be installed");
            exit(1);
        }
    }
    if (!ct_ad_active->start()) {
        end_process(1);
    }
}

int ct_ad_peer_ok(const struct sockaddr *peer)
{
    if (!ct_ad_active) {
        return 1;
    }
    struct ct_endpoint endpoint = peer_endpoint(peer);
    return ct_ad_active->peer_ok(&endpoint);
}

int ct_ad_gate(void *session, const struct sockaddr *peer, enum ct_way way)
{
    if (!ct_ad_active) {
        return 0;
    }
    const ts_ur_super_session *ss = session;
    struct ct_endpoint endpoint = peer_endpoint(peer);
    switch (ct_ad_active->gate(ss->ct_use, &endpoint, way)) {
    case CT_ADMIT:
        return 2;
    case CT_ADMIT_AGAIN:
        return 1;
    case CT_REFUSE:
        break;
    }
    return 0;
}

void ct_ad_admitted(void *session)
{
    const ts_ur_super_session *ss = session;
    if (ct_ad_active) {
        ct_ad_active->admitted(ss->ct_use);
    }
}

int ct_ad_relay(void *session, enum ct_way way, size_t bytes)
{
    const ts_ur_super_session *ss = session;
    return !ct_ad_active || ct_ad_active->relay(ss->ct_use, way, bytes);
}

int ct_ad_stream(void *session, void *socket, void *buffer)
{
    const ts_ur_super_session *ss = session;
    ioa_socket_handle from = socket;
    int64_t ms =
        ct_ad_active ? ct_ad_active->stream(ss->ct_use, ioa_network_buffer_get_size(buffer)) : 0;
    if (ms < 0) {
        set_ioa_socket_tobeclosed(from);
    } else if (ms > 0) {
        ct_ad_hold_back(from->bev, ms);
    }
    return ms >= 0;
}

void ct_ad_permitted(void *session)
{
    const ts_ur_super_session *ss = session;
    if (ct_ad_active && ss->ct_use) {
        ct_ad_active->permitted(ss->ct_use);
    }
}

/* A nonce follows from the client's address: who brings one back got our answer there. */
static bool has_returned_nonce(const ts_ur_super_session *ss)
{
#if defined(CT_COTURN_UNMENDED) /* without the security series sessions do not know */
    (void)ss;
    return false;
#else
    return ss->nonce_returned != 0;
#endif
}

/* A stream's address proved itself by its handshake, an allocation's by its credentials. */
int ct_ad_answer(void *session, size_t in, size_t out)
{
    ts_ur_super_session *ss = session;
    if (!ct_ad_active || is_allocation_valid(&ss->alloc) || has_returned_nonce(ss) ||
        get_ioa_socket_type(ss->client_socket) != UDP_SOCKET) {
        return 1;
    }
    ioa_addr *addr = get_remote_addr_from_ioa_socket(ss->client_socket);
    if (!addr) {
        return 0; /* it has moved on, RFC 8016 */
    }
    struct ct_endpoint to = peer_endpoint(&addr->ss);
    return ct_ad_active->answer(&to, in, out);
}

int ct_ad_sign_on(void *session, const uint8_t *user)
{
    const ts_ur_super_session *ss = session;
    if (!ct_ad_active) {
        return 1;
    }
    ioa_addr *addr = get_remote_addr_from_ioa_socket(ss->client_socket);
    if (!addr) {
        return 0;
    }
    struct ct_endpoint from = peer_endpoint(&addr->ss);
    return ct_ad_active->sign_on((const char *)user, &from);
}

int ct_ad_may_allocate(void *session)
{
    const ts_ur_super_session *ss = session;
    return !ct_ad_active || ct_ad_active->may_allocate((const char *)ss->username);
}

static bool make_key(uint8_t *key, const uint8_t *user, const uint8_t *realm, char *password)
{
    bool made = stun_produce_integrity_key_str(user, realm, (const uint8_t *)password, key,
                                               SHATYPE_DEFAULT) >= 0;
    explicit_bzero(password, CT_USER_PASSWORD_MAX);
    return made;
}

int ct_ad_user_key(const uint8_t *user, const uint8_t *realm, uint8_t *key)
{
    if (!ct_ad_active) {
        return 0;
    }
    char password[CT_USER_PASSWORD_MAX] = "";
    switch (ct_ad_active->password(password, (const char *)user)) {
    case CT_USER_OTHER:
        return 0;
    case CT_USER_KNOWN:
        return make_key(key, user, realm, password) ? 1 : -1;
    case CT_USER_REFUSED:
        break;
    }
    return -1;
}

static bool is_signed(uint8_t *message, size_t len, uint8_t *key)
{
    uint8_t no_password[sizeof(password_t)] = "";
    return stun_check_message_integrity_by_key_str(turn_params.ct, message, len, key, no_password,
                                                   SHATYPE_DEFAULT) > 0;
}

/* As ct_ad_user_key(), by the key that is not the first, and the message is right by it. */
static bool is_signed_by_other(const uint8_t *user, const uint8_t *realm, uint8_t *message,
                               size_t len, uint8_t *key)
{
    char password[CT_USER_PASSWORD_MAX] = "";
    return ct_ad_active->old_password(password, (const char *)user) &&
           make_key(key, user, realm, password) && is_signed(message, len, key);
}

int ct_ad_old_key(void *session, const uint8_t *user, const uint8_t *realm, uint8_t *message,
                  size_t len)
{
    ts_ur_super_session *ss = session;
    hmackey_t key = {0};
    if (!ct_ad_active || !is_signed_by_other(user, realm, message, len, key)) {
        return 0;
    }
    memcpy(ss->hmackey, key, sizeof(key));
    return 1;
}

/* The session is another's until the message proves to be of the renewing pass's bearer. */
int ct_ad_takes_over(void *session, const uint8_t *user, const uint8_t *realm, uint8_t *message,
                     size_t len, uint8_t *key)
{
    return ct_ad_sign_on(session, user) && ct_ad_user_key(user, realm, key) > 0 &&
           (is_signed(message, len, key) || is_signed_by_other(user, realm, message, len, key));
}

void ct_ad_owner(void *request, void *answer, size_t *len)
{
    enum { RELAY_OWNER = 0xc743 }; /* docs/protocol.md 5 */
    uint8_t statement[CT_HOOK_OWNER_MAX];
    if (!ct_ad_active ||
        !stun_attr_get_first_by_type_str(ioa_network_buffer_data(request),
                                         ioa_network_buffer_get_size(request), RELAY_OWNER)) {
        return;
    }
    size_t n = ct_ad_active->owner(statement);
    if (n > 0) {
        stun_attr_add_str(ioa_network_buffer_data(answer), len, RELAY_OWNER, statement, (int)n);
    }
}

/* The user's own port again if it can be had, else one that is nobody's to come back to. */
int ct_ad_port(void *ports, uint8_t transport, const struct sockaddr *at, void *session,
               int is_first)
{
    enum { TRIES = 64 }; /* kept ones are the fewer, or the next best has to do */
    const ts_ur_super_session *ss = session;
    const char *user = (const char *)ss->username;
    bool is_ours = ct_ad_active && transport == STUN_ATTRIBUTE_TRANSPORT_UDP_VALUE;
    ioa_addr addr = ioa_of(at);
    struct ct_endpoint relayed = peer_endpoint(at);
    uint16_t had = is_ours && is_first ? ct_ad_active->port_had(user, &relayed) : 0;
    if (had != 0 && turnipports_take(ports, transport, &addr, had)) {
        return had;
    }
    for (int i = 0; is_ours && i < TRIES; i++) {
        int port = turnipports_allocate(ports, transport, &addr);
        relayed.port = (uint16_t)port;
        if (port < 0 || !ct_ad_active->port_kept(user, &relayed)) {
            return port;
        }
        addr_set_port(&addr, port);
        turnipports_release(ports, transport, &addr);
        addr_set_port(&addr, 0);
    }
    return turnipports_allocate(ports, transport, &addr);
}

/* A family that was given back has a second left, in which its socket is still there. */
static bool is_given_back(ts_ur_super_session *ss, int family)
{
    const turn_turnserver *server = ss->server;
    return server && get_relay_session(&ss->alloc, family)->expiration_time <= server->ctime + 1;
}

void ct_ad_allocation(void *session, enum ct_allocation_event event)
{
    if (!ct_ad_active) {
        return;
    }
    ts_ur_super_session *ss = session;
    static const int families[] = {AF_INET, AF_INET6};
    struct ct_endpoint relayed[2];
    struct ct_allocation_info info = {.user = (const char *)ss->username,
                                      .relayed = relayed,
                                      .is_udp = !ss->is_tcp_relay,
                                      .session = ss->id};
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        ioa_socket_handle relay = get_relay_socket(&ss->alloc, families[i]);
        ioa_addr *addr = relay ? get_local_addr_from_ioa_socket(relay) : NULL;
        if (addr && !is_given_back(ss, families[i])) {
            relayed[info.relayed_count++] = peer_endpoint(&addr->ss);
        }
    }
    ss->ct_use = ct_ad_active->allocation(ss->ct_use, event, &info);
}

/* The listeners: libmicrohttpd's daemons and connections, and GnuTLS as far as these need it. */
#include "http/http.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>

#include "http/bind.h"
#include "operator/metrics.h"
#include "http/visit.h"

/*
 * TLS is polled, never epolled: with epoll a client that stalls in the TLS handshake keeps a core
 * busy. Where nothing is suspended and there is no TLS, thousands of idle connections cost nothing.
 * The priorities must name PSK, and leave out plain PSK, which has no forward secrecy.
 */
#define MODE (MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG)
#define MODE_SIMPLE (MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG)
#define BY_CERTIFICATE "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-PSK"
#define SOCKET_THREADS 2u
#define HEADER_ROOM 16384u /* a connection's memory: request line and headers live in it */
#define QUEUE_ROOM 128u
#define LIMIT_MS 10000u /* for whatever a peer may do slowly */

struct ct_listener {
    struct ct_served served;
    struct MHD_Daemon *daemon;
    uint16_t port;
};

/* struct ct_wire is MHD's connection, under a name that others may see. */
void ct_wire_pause(struct ct_wire *wire)
{
    MHD_suspend_connection((struct MHD_Connection *)(void *)wire);
}

void ct_wire_resume(struct ct_wire *wire)
{
    MHD_resume_connection((struct MHD_Connection *)(void *)wire);
}

/* Where the connection comes from; TCP has proved it. */
static void read_address(uint8_t out16[16], struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr == NULL) {
        return;
    }
    if (info->client_addr->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, info->client_addr, sizeof v6);
        memcpy(out16, &v6.sin6_addr, 16);
    } else if (info->client_addr->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, info->client_addr, sizeof v4);
        out16[10] = out16[11] = 0xff;
        memcpy(out16 + 12, &v4.sin_addr, 4);
    }
}

/* TLS asks for a certificate and takes none, or any: whether it is a good one is asked here. */
static bool is_certified(gnutls_session_t session)
{
    char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st wanted = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                    .data = (unsigned char *)purpose};
    unsigned faults = 1;
    return gnutls_certificate_verify_peers(session, &wanted, 1, &faults) == GNUTLS_E_SUCCESS &&
           faults == 0;
}

/* Who TLS has proved the client to be; right in 1.2 and 1.3. */
static void read_peer(struct ct_peer *peer, const struct ct_listener *l, struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    read_address(peer->from16, c);
    if (info == NULL || info->tls_session == NULL) {
        return;
    }
    if (l->served.config.tls != NULL) {
        peer->has_certificate = is_certified(info->tls_session);
        return;
    }
    const char *name = gnutls_psk_server_get_username(info->tls_session);
    if (name != NULL) {
        (void)snprintf(peer->psk_identity, sizeof peer->psk_identity, "%s", name);
    }
}

static struct ct_guest *guest_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **state)
{
    (void)version;
    struct ct_listener *l = cls;
    struct ct_visit *v = *state;
    if (v == NULL) {
        struct ct_peer peer = {.has_certificate = false};
        read_peer(&peer, l, c);
        *state = ct_visit_begin(&l->served, (struct ct_wire *)(void *)c, guest_of(c), &peer, url,
                                method);
        return *state == NULL ? MHD_NO : MHD_YES;
    }
    if (*data_len > 0) {
        ct_visit_take(v, data, *data_len);
        *data_len = 0;
        return MHD_YES;
    }
    return ct_visit_finish(v) ? MHD_YES : MHD_NO;
}

static void on_end(void *cls, struct MHD_Connection *c, void **state,
                   enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)c;
    (void)code;
    ct_visit_end(*state);
    *state = NULL;
}

static void on_connection(void *cls, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct ct_listener *l = cls;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        ct_patience_leave(l->served.patience, *context);
        *context = NULL;
        return;
    }
    uint8_t from16[16] = {0};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    read_address(from16, c);
    *context =
        info == NULL ? NULL : ct_patience_enter(l->served.patience, info->connect_fd, from16);
}

static int on_psk(void *cls, const struct MHD_Connection *c, const char *identity, void **psk,
                  size_t *psk_size)
{
    (void)c;
    struct ct_listener *l = cls;
    struct ct_secret32 key;
    if (l->served.config.psk(l->served.config.psk_arg, identity, &key) != CT_OK) {
        ct_metrics_count(CT_METRIC_PSK_UNKNOWN);
        /* the identity is a peer's text: not logged, or it could be used to flood the log */
        ct_log(&l->served.config.log, CT_LOG_DEBUG, "psk_unknown");
        return -1;
    }
    void *copy = malloc(sizeof key.bytes); /* the library frees it */
    if (copy != NULL) {
        memcpy(copy, key.bytes, sizeof key.bytes);
        *psk = copy;
        *psk_size = sizeof key.bytes;
    }
    ct_wipe(&key, sizeof key);
    return copy == NULL ? -1 : 0;
}

/* The library's own words: each refused TLS handshake is one, so they show at debug level only. */
CT_PRINTF(2, 0) static void on_log(void *cls, const char *format, va_list args)
{
    struct ct_listener *l = cls;
    char text[200];
    int n = vsnprintf(text, sizeof text, format, args);
    if (n > 0) {
        text[strcspn(text, "\n")] = '\0';
        ct_log(&l->served.config.log, CT_LOG_DEBUG, "http text=\"%s\"", text);
    }
}

enum { TLS_OPTIONS = 5 };

/* What kind of TLS, if any; the library only reads what its parameters call not const. */
static bool put_tls(struct MHD_OptionItem out[TLS_OPTIONS], const struct ct_listener_config *c)
{
    static char psk[] = PRIORITIES;
    static char certificate[] = BY_CERTIFICATE;
    size_t n = 0;
    if (c->psk != NULL) {
        out[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CRED_TYPE, GNUTLS_CRD_PSK, NULL};
        out[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, psk};
    } else if (c->tls != NULL) {
        const struct {
            enum MHD_OPTION option;
            const char *text;
        } pem[] = {{MHD_OPTION_HTTPS_MEM_CERT, c->tls->certificate},
                   {MHD_OPTION_HTTPS_MEM_KEY, c->tls->key},
                   {MHD_OPTION_HTTPS_MEM_TRUST, c->tls->clients}};
        out[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, certificate};
        for (size_t i = 0; i < sizeof pem / sizeof pem[0]; i++) {
            out[n] = (struct MHD_OptionItem){pem[i].option, 0, NULL};
            memcpy(&out[n++].ptr_value, &pem[i].text, sizeof(void *));
        }
    }
    out[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return n > 0;
}

static ct_err start_daemon(struct ct_listener *l, int fd, struct ct_why *why)
{
    struct MHD_OptionItem tls[TLS_OPTIONS];
    bool is_tls = put_tls(tls, &l->served.config);
    bool is_simple = !is_tls && l->served.queue == NULL;
    unsigned flags =
        is_simple ? (unsigned)MODE_SIMPLE : (unsigned)MODE | (is_tls ? (unsigned)MHD_USE_TLS : 0u);
    unsigned timeout_s = l->served.config.timeout_s < 10 ? l->served.config.timeout_s : 10;
    /* who has a place is patience's to say; those on their way out need one, too */
    unsigned places = 2 * l->served.config.connections + 64;
    /* the logger comes first, or what fails before it goes to standard error */
    l->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, l, MHD_OPTION_EXTERNAL_LOGGER, on_log, l,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_end, l,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, l, MHD_OPTION_CONNECTION_TIMEOUT, timeout_s,
        MHD_OPTION_CONNECTION_LIMIT, places, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEADER_ROOM, MHD_OPTION_THREAD_POOL_SIZE, SOCKET_THREADS,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls,
        l->served.config.psk != NULL ? MHD_OPTION_GNUTLS_PSK_CRED_HANDLER : MHD_OPTION_END, on_psk,
        l, MHD_OPTION_END);
    if (l->daemon == NULL && l->served.config.tls != NULL) {
        return ct_why(why, CT_ERR_CONFIG,
                      "cannot serve TLS on %s: certificate, key and clients of it are PEM files, "
                      "and the key is the certificate's?",
                      l->served.config.address);
    }
    if (l->daemon == NULL) {
        return ct_why(why, CT_ERR_SYSTEM,
                      "cannot start the HTTP server on %s; see the log at "
                      "level debug",
                      l->served.config.address);
    }
    return CT_OK;
}

ct_err ct_listener_start(struct ct_listener **out, const struct ct_listener_config *config,
                         struct ct_why *why)
{
    struct ct_listener *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    l->served.config = *config;
    int fd = -1;
    ct_err err = ct_bind(&fd, &l->port, &l->served.is_loopback, config->address, why);
    if (err == CT_OK) {
        uint32_t ms = config->timeout_s * 1000;
        err = ct_patience_new(&l->served.patience, config->connections, config->per_ip,
                              ms < LIMIT_MS ? ms : LIMIT_MS);
    }
    if (err == CT_OK && config->workers > 0) {
        err = ct_queue_start(&l->served.queue, config->workers, QUEUE_ROOM, ct_visit_work, NULL);
    }
    if (err == CT_OK) {
        err = start_daemon(l, fd, why);
    }
    if (err != CT_OK) {
        if (fd >= 0) {
            (void)close(fd);
        }
        ct_queue_end(l->served.queue);
        ct_queue_free(l->served.queue);
        ct_patience_free(l->served.patience);
        free(l);
        return err;
    }
    *out = l;
    return CT_OK;
}

uint16_t ct_listener_port(const struct ct_listener *l)
{
    return l->port;
}

void ct_listener_stop(struct ct_listener *l)
{
    if (l == NULL) {
        return;
    }
    int fd = MHD_quiesce_daemon(l->daemon);
    atomic_store(&l->served.ending, true);
    ct_queue_end(l->served.queue); /* resumes what it holds: no connection may stay suspended */
    ct_patience_settle(l->served.patience, LIMIT_MS); /* until the last answer is out */
    MHD_stop_daemon(l->daemon);
    ct_queue_free(l->served.queue);
    ct_patience_free(l->served.patience);
    if (fd >= 0) {
        (void)close(fd);
    }
    free(l);
}

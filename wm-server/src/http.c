/* libmicrohttpd, and GnuTLS as far as its PSK needs it; no other file sees either. */
#include "http.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/gnutls.h>
#include <microhttpd.h>

#include "queue.h"

/*
 * poll, never epoll: with epoll a client that stalls in the TLS handshake keeps a core busy. The
 * priorities must name PSK, and leave out plain PSK, which has no forward secrecy.
 */
#define MODE (MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG)
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-PSK"
#define SOCKET_THREADS 2u
#define HEADER_ROOM 16384u /* a connection's memory: request line and headers live in it */
#define QUEUE_ROOM 128u

struct ct_listener {
    struct ct_listener_config config;
    struct MHD_Daemon *daemon;
    struct ct_queue *queue; /* NULL without workers */
    uint16_t port;
};

/* One request, from its head to the answer. */
struct visit {
    struct ct_listener *listener;
    struct MHD_Connection *connection;
    char method[8];
    char path[128];
    char psk_identity[64];
    char *body;
    size_t body_len;
    bool too_large, answered;
    struct ct_answer answer;
};

static enum MHD_Result send_answer(struct visit *v)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(strlen(v->answer.body), v->answer.body,
                                                             MHD_RESPMEM_MUST_COPY);
    if (r == NULL) {
        return MHD_NO;
    }
    const char *type = v->answer.is_problem ? "application/problem+json" : "application/json";
    (void)MHD_add_response_header(r, "Content-Type", type);
    (void)MHD_add_response_header(r, "Cache-Control", "no-store");
    enum MHD_Result sent = MHD_queue_response(v->connection, v->answer.status, r);
    MHD_destroy_response(r);
    return sent;
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

static void handle(struct visit *v, size_t worker)
{
    struct ct_request request = {
        .method = v->method,
        .path = v->path,
        .body = v->body == NULL ? "" : v->body,
        .body_len = v->body_len,
        .psk_identity = v->psk_identity[0] == '\0' ? NULL : v->psk_identity,
    };
    read_address(request.from16, v->connection);
    v->listener->config.handler(v->listener->config.handler_arg, worker, &request, &v->answer);
    v->answered = true;
}

static void work(void *arg, size_t worker, void *item)
{
    (void)arg;
    struct visit *v = item;
    handle(v, worker);
    MHD_resume_connection(v->connection);
}

/* The identity that TLS has proved; right in 1.2 and 1.3. */
static void read_psk_identity(struct visit *v)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(v->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info == NULL || info->tls_session == NULL) {
        return;
    }
    const char *name = gnutls_psk_server_get_username(info->tls_session);
    if (name != NULL) {
        (void)snprintf(v->psk_identity, sizeof v->psk_identity, "%s", name);
    }
}

static struct visit *begin(struct ct_listener *l, struct MHD_Connection *c, const char *url,
                           const char *method)
{
    struct visit *v = calloc(1, sizeof *v);
    if (v == NULL) {
        return NULL;
    }
    v->listener = l;
    v->connection = c;
    (void)snprintf(v->method, sizeof v->method, "%s", method);
    /* no path of ours is longer: a cut one is found nowhere */
    (void)snprintf(v->path, sizeof v->path, "%s", url);
    read_psk_identity(v);
    return v;
}

static enum MHD_Result take_body(struct visit *v, const char *data, size_t *len)
{
    if (v->body == NULL) {
        v->body = calloc(1, CT_EXCHANGE_BODY_MAX + 1);
    }
    if (v->body == NULL || *len > CT_EXCHANGE_BODY_MAX - v->body_len) {
        v->too_large = true; /* the rest is read and dropped, then answered */
    } else {
        memcpy(v->body + v->body_len, data, *len);
        v->body_len += *len;
    }
    *len = 0;
    return MHD_YES;
}

/* The whole request is there: answer now, or let a worker do it and come back. */
static enum MHD_Result finish(struct visit *v)
{
    if (v->too_large) {
        ct_answer_problem(&v->answer, 413, "too-large", "a body has at most %d bytes",
                          (int)CT_EXCHANGE_BODY_MAX);
        return send_answer(v);
    }
    if (v->answered) {
        return send_answer(v);
    }
    if (v->listener->queue == NULL) {
        handle(v, 0);
        return send_answer(v);
    }
    MHD_suspend_connection(v->connection);
    if (ct_queue_put(v->listener->queue, v) != CT_OK) {
        ct_answer_problem(&v->answer, 503, "too-many",
                          "too many requests wait; ask again in a second");
        v->answered = true;
        MHD_resume_connection(v->connection);
    }
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **state)
{
    (void)version;
    struct visit *v = *state;
    if (v == NULL) {
        v = begin(cls, c, url, method);
        *state = v;
        return v == NULL ? MHD_NO : MHD_YES;
    }
    if (*data_len > 0) {
        return take_body(v, data, data_len);
    }
    return finish(v);
}

static void on_end(void *cls, struct MHD_Connection *c, void **state,
                   enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)c;
    (void)code;
    struct visit *v = *state;
    if (v != NULL) {
        if (v->body != NULL) {
            ct_wipe(v->body, CT_EXCHANGE_BODY_MAX); /* it may hold a token */
        }
        free(v->body);
        free(v);
        *state = NULL;
    }
}

static int on_psk(void *cls, const struct MHD_Connection *c, const char *identity, void **psk,
                  size_t *psk_size)
{
    (void)c;
    struct ct_listener *l = cls;
    struct ct_secret32 key;
    if (l->config.psk(l->config.psk_arg, identity, &key) != CT_OK) {
        /* the identity is a peer's text: not logged, or it could be used to flood the log */
        ct_log(&l->config.log, CT_LOG_DEBUG, "psk_unknown");
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
        ct_log(&l->config.log, CT_LOG_DEBUG, "http text=\"%s\"", text);
    }
}

static ct_err split_address(const char *address, char *host, size_t cap, char *port,
                            size_t port_cap)
{
    const char *colon = strrchr(address, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - address);
    if (len > 2 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    }
    if (len == 0 || len >= cap || strlen(colon + 1) >= port_cap) {
        return CT_ERR_CONFIG;
    }
    memcpy(host, address, len);
    host[len] = '\0';
    (void)snprintf(port, port_cap, "%s", colon + 1);
    return CT_OK;
}

static int listen_on(const struct addrinfo *at, uint16_t *port)
{
    int one = 1;
    struct sockaddr_storage own;
    socklen_t own_len = sizeof own;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&own, &own_len) != 0) {
        int saved = errno;
        (void)close(fd);
        errno = saved;
        return -1;
    }
    char digits[8];
    (void)getnameinfo((struct sockaddr *)&own, own_len, NULL, 0, digits, sizeof digits,
                      NI_NUMERICSERV);
    *port = (uint16_t)strtoul(digits, NULL, 10);
    return fd;
}

static ct_err open_socket(struct ct_listener *l, int *fd, struct ct_why *why)
{
    char host[128];
    char port[8];
    struct addrinfo *at = NULL;
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    const char *address = l->config.address;
    if (split_address(address, host, sizeof host, port, sizeof port) != CT_OK ||
        getaddrinfo(host, port, &hints, &at) != 0) {
        return ct_why(why, CT_ERR_CONFIG,
                      "cannot listen on \"%s\": give ADDRESS:PORT, such as 0.0.0.0:8080", address);
    }
    *fd = listen_on(at, &l->port);
    int cause = errno;
    freeaddrinfo(at);
    if (*fd < 0) {
        return ct_why(why, CT_ERR_SYSTEM,
                      "cannot listen on %s: %s; is the address this host's and the port free?",
                      address, strerror(cause));
    }
    return CT_OK;
}

static ct_err start_daemon(struct ct_listener *l, int fd, struct ct_why *why)
{
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_CRED_TYPE, GNUTLS_CRD_PSK, NULL},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    char priorities[] = PRIORITIES;
    tls[1].ptr_value = priorities;
    bool is_tls = l->config.psk != NULL;
    if (!is_tls) {
        tls[0].option = MHD_OPTION_END;
    }
    unsigned flags = (unsigned)MODE | (is_tls ? (unsigned)MHD_USE_TLS : 0u);
    unsigned timeout_s = l->config.timeout_s < 10 ? l->config.timeout_s : 10;
    /* the logger comes first, or what fails before it goes to standard error */
    l->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, l, MHD_OPTION_EXTERNAL_LOGGER, on_log, l,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_end, l,
        MHD_OPTION_CONNECTION_TIMEOUT, timeout_s, MHD_OPTION_CONNECTION_LIMIT,
        l->config.connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, l->config.per_ip,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_ROOM, MHD_OPTION_THREAD_POOL_SIZE,
        SOCKET_THREADS, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls,
        is_tls ? MHD_OPTION_GNUTLS_PSK_CRED_HANDLER : MHD_OPTION_END, on_psk, l, MHD_OPTION_END);
    if (l->daemon == NULL) {
        return ct_why(why, CT_ERR_SYSTEM,
                      "cannot start the HTTP server on %s; see the log at "
                      "level debug",
                      l->config.address);
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
    l->config = *config;
    int fd = -1;
    ct_err err = open_socket(l, &fd, why);
    if (err == CT_OK && config->workers > 0) {
        err = ct_queue_start(&l->queue, config->workers, QUEUE_ROOM, work, NULL);
    }
    if (err == CT_OK) {
        err = start_daemon(l, fd, why);
    }
    if (err != CT_OK) {
        if (fd >= 0) {
            (void)close(fd);
        }
        ct_queue_end(l->queue);
        ct_queue_free(l->queue);
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
    ct_queue_end(l->queue); /* resumes what it holds: no connection may stay suspended */
    MHD_stop_daemon(l->daemon);
    ct_queue_free(l->queue);
    if (fd >= 0) {
        (void)close(fd);
    }
    free(l);
}

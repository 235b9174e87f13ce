/* The listeners, and what their threads do with a request. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "http/plain.h"
#include "service/server_parts.h"

static void on_plain(void *arg, size_t worker, const struct ct_request *request,
                     struct ct_answer *answer)
{
    const struct ct_server *s = arg;
    (void)worker;
    ct_plain_handle(s->enrolment, request, answer);
}

static void on_tls(void *arg, size_t worker, const struct ct_request *request,
                   struct ct_answer *answer)
{
    struct ct_server *s = arg;
    (void)pthread_mutex_lock(&s->reload_lock);
    struct ct_api api = s->api; /* one request sees one configuration */
    (void)pthread_mutex_unlock(&s->reload_lock);
    ct_api_handle(&api, &s->ledgers[worker], request, answer);
}

/* On the threads that serve the sockets. */
static bool on_tls_quick(void *arg, const struct ct_request *request, struct ct_answer *answer)
{
    struct ct_server *s = arg;
    (void)pthread_mutex_lock(&s->reload_lock);
    struct ct_api api = s->api;
    (void)pthread_mutex_unlock(&s->reload_lock);
    return ct_api_quick(&api, request, answer);
}

static ct_err psk_of(void *arg, const char *identity, struct ct_secret32 *out)
{
    struct ct_server *s = arg;
    return ct_sessions_psk(s->sessions, identity, ct_mono_ms(), out);
}

ct_err ct_server_listen(struct ct_server *s, struct ct_why *why)
{
    struct ct_listener_config c = {.address = s->settings.listen_tls,
                                   .handler = on_tls,
                                   .handler_arg = s,
                                   .quick = on_tls_quick,
                                   .psk = psk_of,
                                   .psk_arg = s,
                                   .workers = CT_SERVER_WORKERS,
                                   .connections = (unsigned)s->settings.connections,
                                   .per_ip = (unsigned)s->settings.per_ip,
                                   .timeout_s = (unsigned)s->settings.timeout_s,
                                   .log = s->log};
    ct_err err = ct_listener_start(&s->tls, &c, why);
    if (err == CT_OK) {
        c.address = s->settings.listen_handshake;
        c.handler = on_plain;
        c.quick = NULL;
        c.psk = NULL;
        c.workers = 0; /* computes only: no chain, no store */
        err = ct_listener_start(&s->plain, &c, why);
    }
    const struct ct_observe_parts parts = {.settings = &s->settings,
                                           .bundle = &s->bundle,
                                           .keys = &s->keys,
                                           .store = s->store,
                                           .sessions = s->sessions,
                                           .leads = ct_replica_leads,
                                           .leads_arg = &s->replica,
                                           .leases = s->replica.leases,
                                           .lease_count = s->replica.count};
    if (err == CT_OK) {
        err = ct_observe_start(&s->observe, &parts, &s->log, why);
    }
    return err;
}

/* ADDRESS of ADDRESS:PORT, and the port that it is in fact. */
static int host_len(const char *address)
{
    const char *colon = strrchr(address, ':');
    return colon == NULL ? (int)strlen(address) : (int)(colon - address);
}

void ct_server_say_ready(const struct ct_server *s)
{
    char contract[CT_ADDR_TEXT_LEN];
    const char *h = s->settings.listen_handshake;
    const char *t = s->settings.listen_tls;
    ct_addr_text(contract, s->bundle.contract20);
    char op[160] = "none";
    const char *o = ct_settings_operator(&s->settings);
    if (o != NULL) {
        (void)snprintf(op, sizeof op, "%s://%.*s:%u", s->observe.tls != NULL ? "https" : "http",
                       host_len(o), o, ct_operator_port(s->observe.op));
    }
    ct_log(&s->log, CT_LOG_INFO,
           "ready handshake=http://%.*s:%u tls=https://%.*s:%u operator=%s chain=%llu contract=%s "
           "block=%llu",
           host_len(h), h, ct_listener_port(s->plain), host_len(t), t, ct_listener_port(s->tls), op,
           (unsigned long long)s->bundle.chain_id, contract, (unsigned long long)s->verified.block);
}

/* libmicrohttpd with nothing behind it; with GnuTLS's PSK where asked for. */
#include "wm_bare.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gnutls/gnutls.h>
#include <microhttpd.h>

enum { THREADS = 2, CONNECTIONS = 20000 };

static enum MHD_Result answer(void *cls, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_len, void **state)
{
    static int seen;
    (void)url;
    (void)method;
    (void)version;
    (void)data;
    (void)data_len;
    if (*state == NULL) {
        *state = &seen;
        return MHD_YES;
    }
    return MHD_queue_response(c, MHD_HTTP_OK, cls);
}

static int key_of(void *cls, const struct MHD_Connection *c, const char *identity, void **psk,
                  size_t *psk_size)
{
    const struct bench_psk *known = cls;
    (void)c;
    if (strcmp(identity, known->identity) != 0 || (*psk = malloc(sizeof known->key32)) == NULL) {
        return -1;
    }
    memcpy(*psk, known->key32, sizeof known->key32);
    *psk_size = sizeof known->key32;
    return 0;
}

static struct MHD_Daemon *start(uint16_t port, struct bench_psk *psk, struct MHD_Response *r)
{
    char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-PSK";
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_CRED_TYPE, GNUTLS_CRD_PSK, NULL},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, priorities},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = psk == NULL ? (unsigned)MHD_USE_EPOLL_INTERNAL_THREAD
                                 : (unsigned)MHD_USE_POLL_INTERNAL_THREAD | (unsigned)MHD_USE_TLS;
    if (psk == NULL) {
        tls[0].option = MHD_OPTION_END;
    }
    return MHD_start_daemon(flags, port, NULL, NULL, answer, r, MHD_OPTION_CONNECTION_TIMEOUT, 10u,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                            MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS, MHD_OPTION_ARRAY, tls,
                            psk != NULL ? MHD_OPTION_GNUTLS_PSK_CRED_HANDLER : MHD_OPTION_END,
                            key_of, psk, MHD_OPTION_END);
}

static void run(uint16_t port, const struct bench_psk *psk, const char *body, int ready)
{
    struct bench_psk own = {.identity = ""};
    char text[1024] = "";
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (psk != NULL) {
        own = *psk;
    }
    (void)strncpy(text, body, sizeof text - 1);
    struct MHD_Response *r =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_PERSISTENT);
    (void)MHD_add_response_header(r, "Content-Type", "application/json");
    (void)MHD_add_response_header(r, "Cache-Control", "no-store");
    if (start(port, psk == NULL ? NULL : &own, r) == NULL || write(ready, "1", 1) != 1) {
        _exit(1);
    }
    for (;;) {
        (void)pause();
    }
}

pid_t bench_bare_start(uint16_t port, const struct bench_psk *psk, const char *body)
{
    int ends[2];
    char byte;
    if (pipe(ends) != 0) {
        return 0;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        run(port, psk, body, ends[1]);
    }
    (void)close(ends[1]);
    bool good = pid > 0 && read(ends[0], &byte, 1) == 1;
    (void)close(ends[0]);
    if (!good && pid > 0) {
        bench_bare_stop(pid);
    }
    return good ? pid : 0;
}

void bench_bare_stop(pid_t pid)
{
    if (pid > 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
}

/* The operators' listener on a store of the test's own, and raw sockets that ask it. */
#ifndef CT_TEST_WM_OPERATOR_H
#define CT_TEST_WM_OPERATOR_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "temp_dir.h"
#include "wm-server/src/operator/metrics.h"
#include "wm-server/src/operator/operator.h"

enum { WAIT_MS = 30000 }; /* for what happens at once on a machine that nobody else uses */

/*
 *   raw socket ---- operators' listener ---- SQLite store, sessions, events
 *                                      `---- a watch whose endpoints are not there
 */
static struct {
    struct temp_dir dir;
    struct ct_store *store;
    struct ct_sessions *sessions;
    struct ct_events *events;
    struct ct_watch *watch;
    struct ct_roster *roster;
    struct ct_operator *op;
    enum ct_leads leads;
} wm;

static inline enum ct_leads leads(void *arg, char *words, size_t cap)
{
    (void)arg;
    (void)snprintf(words, cap, "%s", wm.leads == CT_LEADS_SELF ? "yes" : "wm-2 leads");
    return wm.leads;
}

static inline bool start(void)
{
    struct ct_why why = {{0}};
    char path[128];
    struct ct_bundle bundle = {.chain_id = 1, .quorum = 2, .rpc_count = 3, .max_head_age_s = 120};
    for (int i = 0; i < 3; i++) {
        (void)snprintf(bundle.rpc[i], sizeof bundle.rpc[i], "http://127.0.0.1:%d", i + 1);
    }
    const struct ct_watch_config wc = {.bundle = &bundle,
                                       .account_count = 1,
                                       .accounts = {{.role = "approver", .addr20 = {1}}},
                                       .wall_s = ct_wall_s};
    wm.leads = CT_LEADS_SELF;
    bool good = temp_dir_make(&wm.dir) && ct_sessions_new(&wm.sessions, 8) == CT_OK &&
                ct_events_new(&wm.events) == CT_OK && ct_roster_new(&wm.roster) == CT_OK;
    (void)snprintf(path, sizeof path, "%s/wm.sqlite", wm.dir.path);
    good = good && ct_store_sqlite(&wm.store, path, &why) == CT_OK &&
           ct_watch_new(&wm.watch, &wc, &why) == CT_OK;
    const struct ct_operator_config c = {.address = "127.0.0.1:0",
                                         .status = {.health = {.store = wm.store,
                                                               .watch = wm.watch,
                                                               .max_head_age_s = 120,
                                                               .leads = leads,
                                                               .wall_s = ct_wall_s},
                                                    .sessions = wm.sessions,
                                                    .roster = wm.roster,
                                                    .chain_id = 1,
                                                    .mono_ms = ct_mono_ms},
                                         .events = wm.events,
                                         .connections = 64,
                                         .per_ip = 64,
                                         .timeout_s = 10};
    good = good && ct_operator_start(&wm.op, &c, &why) == CT_OK;
    if (!good) {
        printf("    %s\n", why.text);
    }
    return good;
}

static inline void stop(void)
{
    ct_operator_stop(wm.op);
    ct_watch_free(wm.watch);
    ct_roster_free(wm.roster);
    ct_events_free(wm.events);
    ct_sessions_free(wm.sessions);
    ct_store_free(wm.store);
    temp_dir_remove(&wm.dir);
}

static inline int dial(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)},
                             .sin_port = htons(ct_operator_port(wm.op))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Reads until text holds `until` (NULL: to the end of the connection). */
static inline bool await(int fd, char *text, size_t cap, const char *until)
{
    size_t got = strlen(text);
    uint64_t end_ms = ct_mono_ms() + WAIT_MS;
    while (ct_mono_ms() < end_ms && (until == NULL || strstr(text, until) == NULL)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, (int)(end_ms - ct_mono_ms())) != 1) {
            break;
        }
        ssize_t n = recv(fd, text + got, cap - 1 - got, 0);
        if (n <= 0) {
            return until == NULL;
        }
        got += (size_t)n;
        text[got] = '\0';
    }
    return until != NULL && strstr(text, until) != NULL;
}

static char answer[1 << 18];

/* One request, one answer; the status. */
static inline int ask(const char *method, const char *path, const char *host, const char *more)
{
    char request[1024];
    int status = 0;
    int fd = dial();
    int n = snprintf(request, sizeof request,
                     "%s %s HTTP/1.1\r\nHost: %s\r\n%sConnection: close\r\n\r\n", method, path,
                     host, more);
    answer[0] = '\0';
    if (fd < 0 || send(fd, request, (size_t)n, MSG_NOSIGNAL) != n ||
        !await(fd, answer, sizeof answer, NULL)) {
        printf("    no answer to %s %s\n", method, path);
    }
    (void)close(fd);
    return sscanf(answer, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

static inline const char *body(void)
{
    const char *at = strstr(answer, "\r\n\r\n");
    return at == NULL ? "" : at + 4;
}

#endif

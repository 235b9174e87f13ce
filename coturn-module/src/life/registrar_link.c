/* The module's end of the registrar's channel: starts the process, asks it, starts it again. */
#include "life/registrar_link_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "life/registrar_spawn.h"

enum {
    OPENED_WITHIN_S = 60, /* a keystore is made to be slow */
    RETRY_MIN_MS = 500,
    RETRY_MAX_MS = 60000,
    GOOD_AFTER_MS = 60000, /* it ran that long: the next end is a new affair */
};

/* The descriptor that a source names as "fd:N", or -1. */
static int source_fd(const char *source)
{
    char *end = NULL;
    long fd = strncmp(source, "fd:", 3) == 0 ? strtol(source + 3, &end, 10) : -1;
    return fd >= 0 && fd <= INT32_MAX && end != source + 3 && *end == '\0' ? (int)fd : -1;
}

static void end_process(struct ct_rg_link *link)
{
    if (link->fd >= 0) {
        (void)close(link->fd);
        ct_rg_see_out(link->pid);
    }
    link->fd = -1;
    link->pid = 0;
}

static ct_err exchange(struct ct_rg_link *link, struct ct_rg_request *request,
                       struct ct_rg_answer *answer, int within_s)
{
    uint8_t frame[CT_RG_FRAME_MAX];
    size_t len = 0;
    struct timeval limit = {.tv_sec = within_s};
    request->number = ++link->number;
    ct_err err = ct_rg_request_write(frame, sizeof(frame), &len, request);
    if (err != CT_OK) {
        return err;
    }
    (void)setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(link->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (send(link->fd, frame, len, MSG_NOSIGNAL) != (ssize_t)len) {
        return CT_ERR_IO;
    }
    ssize_t n;
    do {
        n = recv(link->fd, frame, sizeof(frame), MSG_TRUNC);
    } while (n < 0 && errno == EINTR);
    if (n <= 0 || (size_t)n > sizeof(frame)) {
        return CT_ERR_IO;
    }
    err = ct_rg_answer_read(answer, frame, (size_t)n);
    return err == CT_OK && (answer->kind != request->kind || answer->number != request->number)
               ? CT_ERR_FORMAT
               : err;
}

ct_err ct_rg_link_ask(struct ct_rg_link *link, struct ct_rg_request *request,
                      struct ct_rg_answer *answer, int within_s, struct ct_why *why)
{
    memset(answer, 0, sizeof(*answer));
    if (link->fd < 0) {
        return ct_why(why, CT_ERR_IO, "the registrar is not there and is being started again");
    }
    if (exchange(link, request, answer, within_s) != CT_OK) {
        end_process(link);
        return ct_why(why, CT_ERR_IO,
                      "the registrar ended, or did not answer, and is started "
                      "again");
    }
    return answer->err == CT_OK ? CT_OK : ct_why(why, answer->err, "%s", answer->why.text);
}

static ct_err start(struct ct_rg_link *link, bool *made, struct ct_why *why)
{
    struct ct_rg_request request = {.kind = CT_RG_OPEN};
    struct ct_rg_answer answer;
    const int keep[CT_RG_KEEP_MAX] = {source_fd(link->open.wallet),
                                      source_fd(link->open.passphrase)};
    request.of.open = link->open;
    ct_err err = ct_rg_spawn(&link->pid, &link->fd, link->program, keep, why);
    if (err != CT_OK) {
        return err;
    }
    link->started_ms = ct_mono_ms();
    err = ct_rg_link_ask(link, &request, &answer, OPENED_WITHIN_S, why);
    if (err != CT_OK) {
        end_process(link);
        return err;
    }
    *made = answer.of.open.made;
    memcpy(link->addr20, answer.of.open.addr20, 20);
    return CT_OK;
}

/* What was handed over is the registrar's alone. */
static void close_sources(const struct ct_rg_link *link)
{
    const int fds[] = {source_fd(link->open.wallet), source_fd(link->open.passphrase)};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] > 2) {
            (void)close(fds[i]);
        }
    }
}

ct_err ct_rg_link_new(struct ct_rg_link **out, bool *made, const char *program,
                      const struct ct_rg_open *open, const struct ct_log *log, struct ct_why *why)
{
    struct ct_rg_link *link = calloc(1, sizeof(*link));
    if (!link || pthread_mutex_init(&link->lock, NULL) != 0) {
        free(link);
        return ct_why(why, CT_ERR_NOMEM, "no memory for the registrar's channel");
    }
    if (strlen(program) >= sizeof(link->program)) {
        ct_rg_link_free(link);
        return ct_why(why, CT_ERR_CONFIG, "chainturn-registrar is too long a path");
    }
    memcpy(link->program, program, strlen(program));
    link->open = *open;
    link->log = *log;
    link->user = geteuid();
    link->fd = -1;
    ct_err err = start(link, made, why);
    close_sources(link);
    if (err != CT_OK) {
        ct_rg_link_free(link);
        return err;
    }
    link->open.may_make = false; /* another key would be another relay */
    *out = link;
    return CT_OK;
}

void ct_rg_link_free(struct ct_rg_link *link)
{
    if (link) {
        end_process(link);
        (void)pthread_mutex_destroy(&link->lock);
        free(link);
    }
}

const struct ct_rg_open *ct_rg_link_open(const struct ct_rg_link *link)
{
    return &link->open;
}

pid_t ct_rg_link_pid(struct ct_rg_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    pid_t pid = link->pid;
    (void)pthread_mutex_unlock(&link->lock);
    return pid;
}

/* ---- its life ---- */

static bool is_gone(const struct ct_rg_link *link)
{
    uint8_t byte;
    ssize_t n = recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n >= 0 || (errno != EAGAIN && errno != EINTR); /* it says nothing unasked */
}

/* The key is nowhere but in the registrar that ended. */
static bool was_read_once(const struct ct_rg_link *link)
{
    return source_fd(link->open.wallet) >= 0 || source_fd(link->open.passphrase) >= 0;
}

static ct_err start_with_same_key(struct ct_rg_link *link, struct ct_why *why)
{
    bool made = false;
    uint8_t before20[20];
    memcpy(before20, link->addr20, 20);
    ct_err err = start(link, &made, why);
    if (err == CT_OK && memcmp(before20, link->addr20, 20) != 0) {
        memcpy(link->addr20, before20, 20);
        end_process(link);
        err = ct_why(why, CT_ERR_CONFIG, "the wallet's file has another key than at the start");
    }
    return err;
}

static void start_again(struct ct_rg_link *link, uint64_t now_ms)
{
    struct ct_why why = {""};
    if (was_read_once(link)) {
        link->retry_at_ms = UINT64_MAX;
        ct_log(
            &link->log, CT_LOG_ERROR,
            "registrar_not_started reason=\"its key or passphrase came by a descriptor, which is "
            "read once\": start the server anew; until then what is relayed goes on, but this "
            "relay cannot renew its record, change its key or withdraw");
        return;
    }
    if (start_with_same_key(link, &why) == CT_OK) {
        ct_log(&link->log, CT_LOG_INFO, "registrar_started pid=%ld", (long)link->pid);
        return;
    }
    link->retry_ms = link->retry_ms < RETRY_MAX_MS / 2 ? 2 * link->retry_ms : RETRY_MAX_MS;
    link->retry_at_ms = now_ms + link->retry_ms;
    ct_log(&link->log, CT_LOG_WARN, "registrar_not_started again_in_ms=%" PRIu32 " reason=\"%s\"%s",
           link->retry_ms, why.text,
           geteuid() == link->user ? ""
                                   : ": the server has become another user since it started "
                                     "(proc-user), who may not be allowed that; start it anew");
}

void ct_rg_link_tend(struct ct_rg_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    uint64_t now = ct_mono_ms();
    if (link->fd >= 0 && is_gone(link)) {
        end_process(link);
    }
    if (link->fd < 0 && link->retry_at_ms == 0) {
        bool lasted = now - link->started_ms >= GOOD_AFTER_MS;
        link->retry_ms = lasted || link->retry_ms == 0       ? RETRY_MIN_MS
                         : link->retry_ms < RETRY_MAX_MS / 2 ? 2 * link->retry_ms
                                                             : RETRY_MAX_MS;
        link->retry_at_ms = now + link->retry_ms;
        ct_log(&link->log, CT_LOG_WARN,
               "registrar_ended again_in_ms=%" PRIu32 ": what is relayed goes on", link->retry_ms);
    } else if (link->fd < 0 && now >= link->retry_at_ms) {
        link->retry_at_ms = 0;
        start_again(link, now);
    }
    (void)pthread_mutex_unlock(&link->lock);
}

/* A ring of texts under one short lock, and readers that are paused while nothing is there. */
#include "operator/events.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http.h"
#include "operator/metrics.h"

enum { ROOM_OF_ONE = CT_EVENT_TEXT + 64 }; /* with its number and the words around it */

struct reader {
    struct ct_events *events; /* NULL: free */
    struct ct_wire *paused;   /* NULL: it reads by itself */
    uint64_t next;
    bool begun, beat;
};

struct ct_events {
    pthread_mutex_t lock;
    uint64_t count; /* published so far; number n is in slot n % CT_EVENTS_KEPT, from 1 */
    bool ended;
    size_t readers;
    struct reader reader[CT_EVENTS_READERS];
    char text[CT_EVENTS_KEPT][CT_EVENT_TEXT];
};

ct_err ct_events_new(struct ct_events **out)
{
    struct ct_events *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return CT_ERR_NOMEM;
    }
    (void)pthread_mutex_init(&e->lock, NULL);
    *out = e;
    return CT_OK;
}

void ct_events_free(struct ct_events *e)
{
    if (e != NULL) {
        (void)pthread_mutex_destroy(&e->lock);
        free(e);
    }
}

/* Pausing and resuming are both under the lock: none is resumed before it is paused. */
static void resume_all(struct ct_events *e)
{
    for (size_t i = 0; i < CT_EVENTS_READERS; i++) {
        struct reader *r = &e->reader[i];
        if (r->paused != NULL) {
            struct ct_wire *wire = r->paused;
            r->paused = NULL;
            ct_wire_resume(wire);
        }
    }
}

void ct_events_publish(struct ct_events *e, const char *json)
{
    if (e == NULL || strlen(json) >= CT_EVENT_TEXT) {
        return;
    }
    (void)pthread_mutex_lock(&e->lock);
    e->count++;
    memcpy(e->text[e->count % CT_EVENTS_KEPT], json, strlen(json) + 1);
    resume_all(e);
    (void)pthread_mutex_unlock(&e->lock);
}

void ct_events_beat(struct ct_events *e)
{
    (void)pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < CT_EVENTS_READERS; i++) {
        e->reader[i].beat = e->reader[i].events != NULL;
    }
    resume_all(e);
    (void)pthread_mutex_unlock(&e->lock);
}

void ct_events_end(struct ct_events *e)
{
    if (e != NULL) {
        (void)pthread_mutex_lock(&e->lock);
        e->ended = true;
        resume_all(e);
        (void)pthread_mutex_unlock(&e->lock);
    }
}

static size_t fill(struct ct_events *e, struct reader *r, char *out, size_t cap)
{
    size_t n = 0;
    if (!r->begun) {
        r->begun = true;
        n += (size_t)snprintf(out, cap, "retry: 2000\n\n");
    }
    if (r->beat) {
        r->beat = false;
        n += (size_t)snprintf(out + n, cap - n, ": still here\n\n");
    }
    if (r->next + CT_EVENTS_KEPT <= e->count) {
        r->next = e->count - CT_EVENTS_KEPT + 1; /* too slow: what was before it is lost to it */
    }
    while (r->next <= e->count && cap - n >= ROOM_OF_ONE) {
        n += (size_t)snprintf(out + n, cap - n, "id: %llu\ndata: %s\n\n",
                              (unsigned long long)r->next, e->text[r->next % CT_EVENTS_KEPT]);
        r->next++;
    }
    return n;
}

static long on_read(void *arg, struct ct_wire *wire, char *out, size_t cap)
{
    struct reader *r = arg;
    struct ct_events *e = r->events;
    (void)pthread_mutex_lock(&e->lock);
    long n = -1;
    if (!e->ended && cap >= ROOM_OF_ONE) {
        n = (long)fill(e, r, out, cap);
        if (n == 0) {
            r->paused = wire;
            ct_wire_pause(wire);
        }
    }
    (void)pthread_mutex_unlock(&e->lock);
    return n;
}

static void on_end(void *arg)
{
    struct reader *r = arg;
    struct ct_events *e = r->events;
    (void)pthread_mutex_lock(&e->lock);
    *r = (struct reader){0};
    e->readers--;
    ct_metrics_set(CT_GAUGE_WATCHERS, (double)e->readers);
    (void)pthread_mutex_unlock(&e->lock);
}

/* Where a reader goes on that saw everything up to last_id. */
static uint64_t first_for(const struct ct_events *e, const char *last_id)
{
    char *end = NULL;
    uint64_t newest = e->count > CT_EVENTS_FIRST ? e->count - CT_EVENTS_FIRST + 1 : 1;
    errno = 0;
    unsigned long long seen = last_id == NULL ? 0 : strtoull(last_id, &end, 10);
    bool usable = seen > 0 && errno == 0 && *end == '\0' && seen <= e->count;
    return usable ? seen + 1 : newest; /* numbers begin anew with the process */
}

static struct reader *join(struct ct_events *e, const char *last_id)
{
    for (size_t i = 0; !e->ended && i < CT_EVENTS_READERS; i++) {
        struct reader *r = &e->reader[i];
        if (r->events == NULL) {
            *r = (struct reader){.events = e, .next = first_for(e, last_id)};
            e->readers++;
            ct_metrics_set(CT_GAUGE_WATCHERS, (double)e->readers);
            return r;
        }
    }
    return NULL;
}

void ct_events_follow(struct ct_events *e, const char *last_id, struct ct_answer *answer)
{
    (void)pthread_mutex_lock(&e->lock);
    struct reader *r = join(e, last_id);
    (void)pthread_mutex_unlock(&e->lock);
    if (r == NULL) {
        ct_answer_problem(answer, 503, "too-many",
                          "%d readers follow the events already; end one, or read /v1/status",
                          (int)CT_EVENTS_READERS);
        return;
    }
    answer->status = 200;
    answer->type = "text/event-stream";
    answer->stream = (struct ct_stream){.read = on_read, .end = on_end, .arg = r};
}

size_t ct_events_newest(struct ct_events *e, char (*out)[CT_EVENT_TEXT], size_t cap)
{
    (void)pthread_mutex_lock(&e->lock);
    uint64_t kept = e->count < CT_EVENTS_KEPT ? e->count : CT_EVENTS_KEPT;
    size_t n = kept < cap ? (size_t)kept : cap;
    for (size_t i = 0; i < n; i++) {
        memcpy(out[i], e->text[(e->count - n + 1 + i) % CT_EVENTS_KEPT], CT_EVENT_TEXT);
    }
    (void)pthread_mutex_unlock(&e->lock);
    return n;
}

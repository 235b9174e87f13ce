/* Live events: the newest few are kept, and any number of readers up to a limit follow them as
 * server-sent events. */
#ifndef CT_WM_EVENTS_H
#define CT_WM_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "http/exchange.h"

enum {
    CT_EVENTS_KEPT = 256,
    CT_EVENT_TEXT = 2048, /* with NUL; a longer one is left out */
    CT_EVENTS_READERS = 16,
    CT_EVENTS_FIRST = 25, /* a new reader is told so many that were before it */
};

struct ct_events;

CT_MUST_USE ct_err ct_events_new(struct ct_events **out);
/* After the end, and after the listener that carries the streams has stopped. NULL is fine. */
void ct_events_free(struct ct_events *e);

/* One line of JSON. Any thread; waits for no reader. NULL is fine. */
void ct_events_publish(struct ct_events *e, const char *json);
/*
 * Answers with a stream of text/event-stream; last_id is the request's Last-Event-ID or NULL. 503
 * when there are CT_EVENTS_READERS.
 */
void ct_events_follow(struct ct_events *e, const char *last_id, struct ct_answer *answer);
/* A comment to each reader, so that one who is gone is noticed. Call it every few seconds. */
void ct_events_beat(struct ct_events *e);
/* Ends every stream, now and later. NULL is fine. */
void ct_events_end(struct ct_events *e);
/* The newest, oldest first, for a page without scripts; how many. */
size_t ct_events_newest(struct ct_events *e, char (*out)[CT_EVENT_TEXT], size_t cap);

#endif

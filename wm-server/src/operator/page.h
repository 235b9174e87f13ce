/* The status page: HTML written here into the built-in frame, its style and its script. */
#ifndef CT_WM_PAGE_H
#define CT_WM_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "operator/events.h"
#include "http/exchange.h"
#include "operator/status.h"

/* GET /: good as it is without scripts; with them it asks for itself again. */
void ct_page_answer(const struct ct_status *s, struct ct_events *events,
                    const struct ct_request *request, struct ct_answer *answer);
/* GET /assets/..; false: no such file. */
bool ct_page_asset(const char *path, struct ct_answer *answer);

/* ---- between the page's files ---- */

struct ct_page {
    const struct ct_status *status;
    const struct ct_status_view *view;
    struct ct_events *events;
    const struct ct_request *request;
    struct ct_text *out;
};

void ct_page_relays(const struct ct_page *p);
void ct_page_relay_pages(const struct ct_page *p);
void ct_page_devices(const struct ct_page *p);
void ct_page_device_pages(const struct ct_page *p);
void ct_page_txs(const struct ct_page *p);
void ct_page_ops(const struct ct_page *p);
void ct_page_events(const struct ct_page *p);

/* Pieces. */
void ct_page_pill(struct ct_text *out, const char *tone, const char *text);
/* A short text whose whole can be selected; what is cut shows as a title. */
void ct_page_cut(struct ct_text *out, const char *text);
/* "3 min", of so many seconds. */
void ct_page_span(struct ct_text *out, uint64_t seconds);
/* "3 min ago", with the time for machines and as a title. */
void ct_page_ago(struct ct_text *out, uint64_t now_s, uint64_t at_s);
void ct_page_none(struct ct_text *out, unsigned columns, const char *text);

/* built in: wm-server/web */
extern const char ct_page_frame[];
extern const size_t ct_page_frame_len;
extern const char ct_page_style[];
extern const size_t ct_page_style_len;
extern const char ct_page_script[];
extern const size_t ct_page_script_len;
extern const char ct_page_icon[];
extern const size_t ct_page_icon_len;

#endif

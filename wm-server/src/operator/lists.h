/* The operators' lists: what the store has, page by page. */
#ifndef CT_WM_LISTS_H
#define CT_WM_LISTS_H

#include <stdbool.h>
#include <stddef.h>

#include "http/exchange.h"
#include "operator/status.h"

/* Answers GET of one of the lists; false: it is none of them. */
bool ct_lists_handle(const struct ct_status *s, const struct ct_request *request,
                     struct ct_answer *answer);
/* The routing table, for the check against openapi.json: false past its end. */
bool ct_lists_route_at(size_t i, const char **method, const char **path);

#endif

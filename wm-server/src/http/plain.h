/* The plain listener: the enrolment handshake, and what anybody may read. */
#ifndef CT_WM_PLAIN_H
#define CT_WM_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "http/exchange.h"
#include "http/handshake.h"

/* Any thread; computes and waits for nothing. */
void ct_plain_handle(struct ct_enrolment *e, const struct ct_request *request,
                     struct ct_answer *answer);
/* The routing table, for the check against openapi.json: false past its end. */
bool ct_plain_route_at(size_t i, const char **method, const char **path);

/* wm-server/openapi.json as it was built in. */
extern const char ct_openapi[];
extern const size_t ct_openapi_len;

#endif

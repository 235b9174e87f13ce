/* One request and its answer as plain bytes: what http hands to api. */
#ifndef CT_WM_EXCHANGE_H
#define CT_WM_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

enum { CT_EXCHANGE_BODY_MAX = 16384, CT_EXCHANGE_ANSWER_MAX = 4096 };

struct ct_request {
    const char *method;       /* "GET", "POST", .. */
    const char *path;         /* decoded, without query */
    const char *body;         /* NUL-terminated */
    size_t body_len;          /* at most CT_EXCHANGE_BODY_MAX */
    const char *psk_identity; /* proven by TLS-PSK; NULL on the plain listener */
    uint8_t from16[16];       /* the client's address, IPv4 as ::ffff:a.b.c.d; zeros: unknown */
};

struct ct_answer {
    unsigned status;
    bool is_problem; /* application/problem+json */
    char body[CT_EXCHANGE_ANSWER_MAX];
};

/* Formats a JSON body; what does not fit becomes an internal error. */
void ct_answer_json(struct ct_answer *out, unsigned status, const char *format, ...)
    CT_PRINTF(3, 4);
/* RFC 9457: word is one of docs/protocol.md 7; the detail is one sentence, escaped here. */
void ct_answer_problem(struct ct_answer *out, unsigned status, const char *word, const char *format,
                       ...) CT_PRINTF(4, 5);
/* Text as a JSON string's inside; cut when it does not fit. */
void ct_json_escape(char *out, size_t cap, const char *text);

#endif

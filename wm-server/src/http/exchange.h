/* One request and its answer as plain bytes: what http hands to api. */
#ifndef CT_WM_EXCHANGE_H
#define CT_WM_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

enum {
    CT_EXCHANGE_BODY_MAX = 16384,
    CT_EXCHANGE_ANSWER_MAX = 4096,
    CT_EXCHANGE_KEY_MAX = 128, /* of an Idempotency-Key: visible ASCII */
};

enum ct_request_part { CT_REQUEST_HEADER, CT_REQUEST_QUERY };

struct ct_request {
    const char *method;       /* "GET", "POST", .. */
    const char *path;         /* decoded, without query */
    const char *body;         /* NUL-terminated */
    size_t body_len;          /* at most CT_EXCHANGE_BODY_MAX */
    const char *psk_identity; /* proven by TLS-PSK; NULL on the plain listener */
    uint8_t from16[16];       /* the client's address, IPv4 as ::ffff:a.b.c.d; zeros: unknown */
    bool on_loopback;         /* the listener is one that only this host reaches */
    bool has_certificate;     /* TLS has proved one that the listener's authorities signed */
    /* a header or a decoded query parameter by name, NULL when absent; use the two below */
    const char *(*value)(void *arg, enum ct_request_part part, const char *name);
    void *value_arg;
};

/* Valid as long as the request; NULL when absent, "" when there are several. */
const char *ct_request_header(const struct ct_request *request, const char *name);
const char *ct_request_query(const struct ct_request *request, const char *name);

enum { CT_ANSWER_HEADERS = 8, CT_ANSWER_VALUE = 256 };

struct ct_answer_header {
    const char *name; /* a literal */
    char value[CT_ANSWER_VALUE];
};

struct ct_wire;

/*
 * A body without an end, such as events. read fills out with what is there and never blocks; 0
 * means nothing now: it has then called ct_wire_pause() (http.h), and somebody calls
 * ct_wire_resume() later. A negative value ends the body. end is called once, after the last read.
 */
struct ct_stream {
    long (*read)(void *arg, struct ct_wire *wire, char *out, size_t cap);
    void (*end)(void *arg);
    void *arg;
};

/* Starts as zeros. The body is one of: body; bytes; stream. */
struct ct_answer {
    unsigned status;
    bool is_problem; /* application/problem+json */
    char body[CT_EXCHANGE_ANSWER_MAX];
    const char *type;  /* a literal; NULL: JSON */
    const char *bytes; /* instead of body */
    size_t bytes_len;
    char *owned;             /* what to free after sending; NULL when bytes is static */
    struct ct_stream stream; /* instead of both, when stream.read is set */
    struct ct_answer_header headers[CT_ANSWER_HEADERS];
    size_t header_count;
};

/* Adds a header; one too many or too long makes the answer an internal error. */
void ct_answer_header(struct ct_answer *out, const char *name, const char *format, ...)
    CT_PRINTF(3, 4);
/* A body that lives for ever, such as a page that was built in. */
void ct_answer_static(struct ct_answer *out, unsigned status, const char *type, const char *bytes,
                      size_t len);
struct ct_text;
/* Takes the text, which is empty after it; one that did not fit becomes an internal error. */
void ct_answer_text(struct ct_answer *out, unsigned status, const char *type, struct ct_text *text);
/* Frees what an answer owns that was not sent. */
void ct_answer_drop(struct ct_answer *out);

/* Formats a JSON body; what does not fit becomes an internal error. */
void ct_answer_json(struct ct_answer *out, unsigned status, const char *format, ...)
    CT_PRINTF(3, 4);
/* RFC 9457: word is one of ct_problem_words; the detail is one sentence, escaped here. */
void ct_answer_problem(struct ct_answer *out, unsigned status, const char *word, const char *format,
                       ...) CT_PRINTF(4, 5);
/* Every word of a problem's type, as docs/protocol.md 7 and openapi.json list them; NULL ends. */
extern const char *const ct_problem_words[];

/* Text as a JSON string's inside; cut when it does not fit. */
void ct_json_escape(char *out, size_t cap, const char *text);

#endif

/* Answers as JSON text: bodies and problems. */
#include "http/exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/text.h"

const char *ct_request_header(const struct ct_request *request, const char *name)
{
    return request->value == NULL ? NULL
                                  : request->value(request->value_arg, CT_REQUEST_HEADER, name);
}

const char *ct_request_query(const struct ct_request *request, const char *name)
{
    return request->value == NULL ? NULL
                                  : request->value(request->value_arg, CT_REQUEST_QUERY, name);
}

void ct_json_escape(char *out, size_t cap, const char *text)
{
    size_t n = 0;
    for (const char *p = text; *p != '\0' && n + 7 < cap; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\') {
            out[n++] = '\\';
            out[n++] = (char)c;
        } else if (c < 0x20 || c > 0x7e) {
            n += (size_t)snprintf(out + n, cap - n, "\\u%04x", c);
        } else {
            out[n++] = (char)c;
        }
    }
    out[n] = '\0';
}

const char *const ct_problem_words[] = {
    "format",
    "method",
    "token-invalid",
    "token-expired",
    "token-used",
    "token-gas",
    "factory-used-up",
    "identity",
    "signature",
    "not-registered",
    "registered",
    "not-pending",
    "not-approved",
    "relay-mismatch",
    "probe-failed",
    "contract-refuses",
    "no-funder",
    "funding-limit",
    "not-found",
    "too-large",
    "too-many",
    "under-way",
    "idempotency-conflict",
    "host",
    "certificate",
    "chain-unavailable",
    "stopping",
    "internal",
    NULL,
};

static const char *title(unsigned status)
{
    switch (status) {
    case 400:
        return "The request does not parse";
    case 401:
        return "No enrolment";
    case 403:
        return "Refused";
    case 404:
        return "Not found";
    case 405:
        return "Another method is needed";
    case 409:
        return "In conflict with what is there";
    case 413:
        return "Too large";
    case 421:
        return "Another host is asked for";
    case 422:
        return "Checked and found wanting";
    case 429:
        return "Too many requests";
    case 503:
        return "Not available now";
    default:
        return "Internal error";
    }
}

void ct_answer_json(struct ct_answer *out, unsigned status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(out->body, sizeof out->body, format, args);
    va_end(args);
    out->status = status;
    out->is_problem = false;
    if (n < 0 || (size_t)n >= sizeof out->body) {
        ct_answer_problem(out, 500, "internal", "the answer did not fit");
    }
}

void ct_answer_problem(struct ct_answer *out, unsigned status, const char *word, const char *format,
                       ...)
{
    char detail[600];
    char escaped[1200];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    ct_json_escape(escaped, sizeof escaped, detail);
    out->status = status;
    out->is_problem = true;
    (void)snprintf(out->body, sizeof out->body,
                   "{\"type\":\"urn:chainturn:error:%s\",\"title\":\"%s\",\"status\":%u,"
                   "\"detail\":\"%s\"}",
                   word, title(status), status, escaped);
}

void ct_answer_drop(struct ct_answer *out)
{
    free(out->owned);
    if (out->stream.read != NULL && out->stream.end != NULL) {
        out->stream.end(out->stream.arg);
    }
    out->owned = NULL;
    out->bytes = NULL;
    out->stream = (struct ct_stream){0};
}

void ct_answer_header(struct ct_answer *out, const char *name, const char *format, ...)
{
    struct ct_answer_header h = {.name = name};
    va_list args;
    va_start(args, format);
    int n = vsnprintf(h.value, sizeof h.value, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof h.value || out->header_count == CT_ANSWER_HEADERS) {
        ct_answer_drop(out);
        ct_answer_problem(out, 500, "internal", "a header of the answer did not fit");
        return;
    }
    out->headers[out->header_count++] = h;
}

void ct_answer_static(struct ct_answer *out, unsigned status, const char *type, const char *bytes,
                      size_t len)
{
    out->status = status;
    out->is_problem = false;
    out->type = type;
    out->bytes = bytes;
    out->bytes_len = len;
}

void ct_answer_text(struct ct_answer *out, unsigned status, const char *type, struct ct_text *text)
{
    if (text->bad || text->bytes == NULL) {
        ct_text_free(text);
        ct_answer_problem(out, 500, "internal", "the answer did not fit");
        return;
    }
    ct_answer_static(out, status, type, text->bytes, text->len);
    out->owned = text->bytes;
    text->bytes = NULL;
    ct_text_free(text);
}

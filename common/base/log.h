/*
 * Log lines "event key=value ..", one a fact, through a sink that the program sets. A line has at
 * most one value in quotes, whose text may hold anything: it reaches to the line's last quote.
 */
#ifndef CT_BASE_LOG_H
#define CT_BASE_LOG_H

#include <stddef.h>

#include <chainturn/err.h>

enum ct_log_level { CT_LOG_ERROR, CT_LOG_WARN, CT_LOG_INFO, CT_LOG_DEBUG };

/* line is one NUL-terminated line without newline; control characters are already '?'. */
typedef void ct_log_sink(enum ct_log_level level, const char *line, void *arg);

struct ct_log {
    ct_log_sink *sink; /* NULL drops all */
    void *arg;
    enum ct_log_level max;
};

void ct_log(const struct ct_log *log, enum ct_log_level level, const char *format, ...)
    CT_PRINTF(3, 4);

/* A sink that writes "2026-11-22T10:11:12.345Z info line" to standard error. */
void ct_log_stderr(enum ct_log_level level, const char *line, void *arg);

enum { CT_LOG_JSON_MAX = 8192 };

/*
 * The line as {"time":"..","level":"info","event":"..","key":"value",..}, every value a string;
 * cap CT_LOG_JSON_MAX fits every line of ct_log(). A line that does not fit loses its last values.
 */
void ct_log_to_json(char *out, size_t cap, enum ct_log_level level, const char *line);
/* A sink that writes that to standard error. */
void ct_log_json(enum ct_log_level level, const char *line, void *arg);

#endif

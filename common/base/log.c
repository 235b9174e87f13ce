/* Log lines through the program's sink. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void ct_log(const struct ct_log *log, enum ct_log_level level, const char *format, ...)
{
    if (log == NULL || log->sink == NULL || level > log->max) {
        return;
    }
    char line[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    for (char *c = line; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
    log->sink(level, line, log->arg);
}

static const char *const names[] = {"error", "warn", "info", "debug"};

/* "2026-11-22T10:11:12.345Z"; empty when the clock cannot be read. */
static void stamp_now(char out[40])
{
    struct timespec now;
    struct tm utc;
    out[0] = '\0';
    if (clock_gettime(CLOCK_REALTIME, &now) == 0 && gmtime_r(&now.tv_sec, &utc) != NULL) {
        size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &utc);
        (void)snprintf(out + n, 40 - n, ".%03ldZ", now.tv_nsec / 1000000);
    }
}

void ct_log_stderr(enum ct_log_level level, const char *line, void *arg)
{
    char stamp[40];
    (void)arg;
    stamp_now(stamp);
    (void)fprintf(stderr, "%s %s %s\n", stamp, names[level], line);
}

/* A JSON text under way: what does not fit is left out whole. */
struct json {
    char *out;
    size_t cap, len;
};

static void put_string(struct json *j, const char *from, size_t len)
{
    for (size_t i = 0; i < len && j->len + 6 < j->cap; i++) {
        unsigned char c = (unsigned char)from[i];
        if (c == '"' || c == '\\') {
            j->out[j->len++] = '\\';
            j->out[j->len++] = (char)c;
        } else if (c < 0x20 || c > 0x7e) {
            j->len += (size_t)snprintf(j->out + j->len, 7, "\\u%04x", c);
        } else {
            j->out[j->len++] = (char)c;
        }
    }
}

static void put_member(struct json *j, const char *name, size_t name_len, const char *value,
                       size_t len)
{
    /* six characters at most for each, and quotes, colon, comma, the closing brace, NUL */
    if (j->cap - j->len < 6 * (name_len + len) + 8) {
        return;
    }
    j->out[j->len] = j->len == 0 ? '{' : ',';
    j->len++;
    j->out[j->len++] = '"';
    put_string(j, name, name_len);
    j->out[j->len++] = '"';
    j->out[j->len++] = ':';
    j->out[j->len++] = '"';
    put_string(j, value, len);
    j->out[j->len++] = '"';
}

/* Does a "key=" begin here? */
static size_t key_len(const char *at)
{
    size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz_0123456789");
    return n > 0 && at[n] == '=' ? n : 0;
}

/* The value at *at, and past it: to the line's last quote, or to the next key. */
static size_t value_len(const char **at, const char **next)
{
    const char *v = *at;
    const char *last = strrchr(v, '"');
    if (*v == '"' && last != v) {
        *at = v + 1;
        *next = last + 1;
        return (size_t)(last - v - 1);
    }
    const char *p = v;
    do {
        p += strcspn(p, " ");
        *next = p;
        p += strspn(p, " ");
    } while (*p != '\0' && key_len(p) == 0);
    return (size_t)(*next - v);
}

void ct_log_to_json(char *out, size_t cap, enum ct_log_level level, const char *line)
{
    struct json j = {.out = out, .cap = cap};
    char stamp[40];
    stamp_now(stamp);
    size_t event = strcspn(line, " ");
    put_member(&j, "time", 4, stamp, strlen(stamp));
    put_member(&j, "level", 5, names[level], strlen(names[level]));
    put_member(&j, "event", 5, line, event);
    const char *at = line + event;
    for (at += strspn(at, " "); *at != '\0'; at += strspn(at, " ")) {
        const char *name = at;
        const char *next;
        size_t n = key_len(at);
        at += n == 0 ? 0 : n + 1;
        size_t len = value_len(&at, &next);
        put_member(&j, n == 0 ? "text" : name, n == 0 ? 4 : n, at, len);
        at = next;
    }
    if (j.len + 1 < cap) {
        out[j.len++] = '}';
    }
    out[j.len] = '\0';
}

void ct_log_json(enum ct_log_level level, const char *line, void *arg)
{
    char text[CT_LOG_JSON_MAX];
    (void)arg;
    ct_log_to_json(text, sizeof text, level, line);
    (void)fprintf(stderr, "%s\n", text);
}

/* Lines of the audit log: the hash of each covers all of it, and so the hash of the one before. */
#include "operator/audit_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hex.h"
#include "chain/keccak.h"

#define PREV ",\"prev\":\""
#define HASH ",\"hash\":\""
#define END "\"}"

enum {
    DIGITS = 64,
    HASH_LEN = (int)sizeof HASH - 1 + DIGITS + (int)sizeof END - 1,
    PREV_LEN = (int)sizeof PREV - 1 + DIGITS + 1, /* with its closing quote */
};

static void add_time(struct ct_text *t, uint64_t wall_ms)
{
    struct tm utc;
    char stamp[32] = "";
    time_t s = (time_t)(wall_ms / 1000);
    if (gmtime_r(&s, &utc) != NULL) {
        (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    }
    ct_text_add(t, ",\"time\":\"%s.%03uZ\"", stamp, (unsigned)(wall_ms % 1000));
}

ct_err ct_audit_line(struct ct_text *out, struct ct_audit_link *last, uint64_t wall_ms,
                     const char *what, const struct ct_audit_field *fields, size_t count)
{
    struct ct_audit_link link = {.n = last->n + 1};
    struct ct_text t = ct_text_init(CT_AUDIT_LINE - 1 - HASH_LEN);
    char digits[DIGITS + 1];
    ct_text_add(&t, "{\"n\":%llu", (unsigned long long)link.n);
    add_time(&t, wall_ms);
    ct_text_add(&t, ",\"what\":\"%s\"", what);
    for (size_t i = 0; i < count; i++) {
        ct_text_add(&t, ",\"%s\":\"", fields[i].name);
        ct_text_json(&t, fields[i].value);
        ct_text_put(&t, "\"", 1);
    }
    ct_hex(digits, last->hash32, 32);
    ct_text_add(&t, PREV "%s\"", digits);
    ct_err err = t.bad ? CT_ERR_ROOM : CT_OK;
    size_t before = out->len;
    if (err == CT_OK) {
        ct_keccak256(link.hash32, t.bytes, t.len);
        ct_hex(digits, link.hash32, 32);
        ct_text_add(out, "%s" HASH "%s" END "\n", t.bytes, digits);
        err = out->bad || out->len == before ? CT_ERR_ROOM : CT_OK;
    }
    ct_text_free(&t);
    if (err == CT_OK) {
        *last = link;
    }
    return err;
}

static bool is_at(const char *line, size_t at, const char *text)
{
    return memcmp(line + at, text, strlen(text)) == 0;
}

/* 64 lower-case digits, so that one hash has one text. */
static bool take_hash(uint8_t out32[32], const char *at)
{
    char digits[DIGITS + 1];
    memcpy(digits, at, DIGITS);
    digits[DIGITS] = '\0';
    return strspn(digits, "0123456789abcdef") == DIGITS && ct_unhex(out32, 32, digits) == CT_OK;
}

static bool take_number(uint64_t *out, const char *line, size_t len)
{
    static const char head[] = "{\"n\":";
    uint64_t n = 0;
    size_t at = sizeof head - 1;
    if (len < at + 2 || !is_at(line, 0, head) || line[at] == '0') {
        return false;
    }
    for (; at < len && line[at] >= '0' && line[at] <= '9' && n <= UINT64_MAX / 10 - 1; at++) {
        n = n * 10 + (uint64_t)(line[at] - '0');
    }
    *out = n;
    return n > 0 && at < len && line[at] == ',';
}

ct_err ct_audit_parse(struct ct_audit_link *out, uint8_t prev32[32], const char *line, size_t len)
{
    struct ct_audit_link link;
    uint8_t digest[32];
    if (len < (size_t)HASH_LEN + (size_t)PREV_LEN || len >= CT_AUDIT_LINE ||
        memchr(line, '\n', len) != NULL || !take_number(&link.n, line, len)) {
        return CT_ERR_FORMAT;
    }
    size_t covered = len - (size_t)HASH_LEN;
    size_t prev = covered - (size_t)PREV_LEN;
    if (!is_at(line, covered, HASH) || !is_at(line, len - (sizeof END - 1), END) ||
        !is_at(line, prev, PREV) || line[covered - 1] != '"' ||
        !take_hash(prev32, line + prev + sizeof PREV - 1) ||
        !take_hash(link.hash32, line + covered + sizeof HASH - 1)) {
        return CT_ERR_FORMAT;
    }
    ct_keccak256(digest, line, covered);
    if (memcmp(digest, link.hash32, 32) != 0) {
        return CT_ERR_AUTH;
    }
    *out = link;
    return CT_OK;
}

static ct_err broken(struct ct_why *why, const char *path, uint64_t line, const char *what)
{
    return ct_why(why, CT_ERR_AUTH, "%s, line %llu: %s", path, (unsigned long long)line, what);
}

static ct_err follow_line(struct ct_audit_walk *w, const char *path, uint64_t number,
                          const char *line, size_t len, struct ct_why *why)
{
    struct ct_audit_link link;
    uint8_t prev32[32];
    ct_err err = ct_audit_parse(&link, prev32, line, len);
    if (err == CT_ERR_AUTH) {
        return broken(why, path, number, "was changed: its hash is not that of its bytes");
    }
    if (err != CT_OK) {
        return broken(why, path, number, "is no line of an audit log");
    }
    if (w->begun && link.n != w->last.n + 1) {
        return broken(why, path, number,
                      "does not have the next number: lines are missing before it");
    }
    if (w->begun && memcmp(prev32, w->last.hash32, 32) != 0) {
        return broken(why, path, number,
                      "does not follow the line before it, which is another one");
    }
    static const uint8_t zeros32[32];
    if (link.n == 1 && memcmp(prev32, zeros32, 32) != 0) {
        return broken(why, path, number, "is the first, but names one before it");
    }
    if (link.n == w->expected.n) {
        w->expected_seen = memcmp(link.hash32, w->expected.hash32, 32) == 0;
        if (!w->expected_seen) {
            return broken(why, path, number, "has another hash than the one expected");
        }
    }
    if (!w->begun) {
        w->begun = true;
        w->first = link;
        memcpy(w->before32, prev32, 32);
    }
    w->last = link;
    w->lines++;
    return CT_OK;
}

/*
 * Bytes after the last newline. A whole line among them has lost its newline only when nothing
 * follows it; less than a line is a write that was cut short.
 */
static ct_err follow_rest(struct ct_audit_walk *w, const char *path, uint64_t number,
                          const char *line, size_t len, struct ct_why *why)
{
    struct ct_audit_link link;
    uint8_t prev32[32];
    if (ct_audit_parse(&link, prev32, line, len) == CT_OK) {
        return follow_line(w, path, number, line, len, why);
    }
    for (size_t i = 0; i + (size_t)HASH_LEN <= len; i++) {
        if (is_at(line, i, HASH) && is_at(line, i + (size_t)HASH_LEN - 2, END)) {
            return broken(why, path, number, "was changed, or what follows it was");
        }
    }
    w->cut = len;
    return CT_OK;
}

static ct_err follow_open(struct ct_audit_walk *w, const char *path, FILE *f, struct ct_why *why)
{
    char *line = malloc(CT_AUDIT_LINE);
    ct_err err = line == NULL ? ct_why(why, CT_ERR_NOMEM, "out of memory") : CT_OK;
    uint64_t number = 1;
    size_t len = 0;
    int c = EOF;
    while (line != NULL && err == CT_OK && (c = getc(f)) != EOF) {
        if (c == '\n') {
            err = follow_line(w, path, number++, line, len, why);
            len = 0;
        } else if (len == CT_AUDIT_LINE - 1) {
            err = broken(why, path, number, "is longer than any line of an audit log");
        } else {
            line[len++] = (char)c;
        }
    }
    if (err == CT_OK && ferror(f) != 0) {
        err = ct_why(why, CT_ERR_SYSTEM, "cannot read %s: %s", path, strerror(errno));
    }
    if (err == CT_OK && len > 0) {
        err = follow_rest(w, path, number, line, len, why);
    }
    free(line);
    return err;
}

ct_err ct_audit_follow(struct ct_audit_walk *w, const char *path, struct ct_why *why)
{
    if (w->cut > 0) {
        return ct_why(why, CT_ERR_AUTH,
                      "the file before %s ends in the middle of a line: only the newest may", path);
    }
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return ct_why(why, errno == ENOENT ? CT_ERR_NOT_FOUND : CT_ERR_SYSTEM, "cannot read %s: %s",
                      path, strerror(errno));
    }
    ct_err err = follow_open(w, path, f, why);
    (void)fclose(f);
    return err;
}

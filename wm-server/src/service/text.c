/* Growing texts, and the two ways to escape what others wrote. */
#include "service/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1024 };

struct ct_text ct_text_init(size_t max)
{
    return (struct ct_text){.max = max};
}

void ct_text_free(struct ct_text *t)
{
    free(t->bytes);
    *t = (struct ct_text){.max = t->max};
}

/* Room for len more and a NUL. */
static bool grow(struct ct_text *t, size_t len)
{
    if (t->bad || len > t->max - t->len) {
        t->bad = true;
        return false;
    }
    size_t need = t->len + len + 1;
    if (need <= t->room) {
        return true;
    }
    size_t room = t->room == 0 ? FIRST_ROOM : t->room * 2;
    room = room < need ? need : room;
    char *bytes = realloc(t->bytes, room);
    if (bytes == NULL) {
        t->bad = true;
        return false;
    }
    t->bytes = bytes;
    t->room = room;
    return true;
}

void ct_text_put(struct ct_text *t, const char *bytes, size_t len)
{
    if (grow(t, len)) {
        memcpy(t->bytes + t->len, bytes, len);
        t->len += len;
        t->bytes[t->len] = '\0';
    }
}

void ct_text_add(struct ct_text *t, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) {
        t->bad = true;
    } else if (grow(t, (size_t)n)) {
        (void)vsnprintf(t->bytes + t->len, (size_t)n + 1, format, again);
        t->len += (size_t)n;
    }
    va_end(again);
}

void ct_text_json(struct ct_text *t, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\') {
            ct_text_add(t, "\\%c", c);
        } else if (c < 0x20 || c > 0x7e) {
            ct_text_add(t, "\\u%04x", c);
        } else {
            ct_text_put(t, p, 1);
        }
    }
}

void ct_text_html(struct ct_text *t, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'') {
            ct_text_add(t, "&#%u;", c);
        } else {
            ct_text_put(t, c < 0x20 || c > 0x7e ? "?" : p, 1);
        }
    }
}

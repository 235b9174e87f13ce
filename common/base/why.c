/* Sentences for a person; what peers wrote into them cannot forge a line. */
#include "base/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void one_line(char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f) {
            *text = '?';
        }
    }
}

ct_err ct_why(struct ct_why *why, ct_err err, const char *format, ...)
{
    if (why != NULL) {
        /* by a copy, since the arguments may point into the sentence that is there */
        char text[sizeof(why->text)];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        one_line(text);
        memcpy(why->text, text, sizeof(text));
    }
    return err;
}

void ct_why_prefix(struct ct_why *why, const char *format, ...)
{
    if (why == NULL) {
        return;
    }
    char prefix[sizeof(why->text)];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(prefix, sizeof(prefix), format, args);
    va_end(args);
    one_line(prefix);

    char rest[sizeof(why->text)];
    memcpy(rest, why->text, sizeof(rest));
    rest[sizeof(rest) - 1] = '\0';
    size_t used = strlen(prefix);
    if (used + 2 < sizeof(why->text)) {
        memcpy(why->text, prefix, used);
        memcpy(why->text + used, ": ", 2);
        size_t room = sizeof(why->text) - used - 3;
        size_t len = strnlen(rest, room);
        memcpy(why->text + used + 2, rest, len);
        why->text[used + 2 + len] = '\0';
    }
}

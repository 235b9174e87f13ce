/* A text that grows up to a limit, for answers whose length nobody knows before. */
#ifndef CT_WM_TEXT_H
#define CT_WM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

struct ct_text {
    char *bytes; /* owned, NUL-terminated; NULL when empty */
    size_t len, room;
    size_t max; /* without the NUL */
    bool bad;   /* out of room or memory: nothing is added any more */
};

struct ct_text ct_text_init(size_t max);
void ct_text_free(struct ct_text *t);
void ct_text_add(struct ct_text *t, const char *format, ...) CT_PRINTF(2, 3);
void ct_text_put(struct ct_text *t, const char *bytes, size_t len);
/* As the inside of a JSON string: what is no printable ASCII becomes \u00XX. */
void ct_text_json(struct ct_text *t, const char *text);
/* As HTML text or the inside of a quoted attribute: what is no printable ASCII becomes '?'. */
void ct_text_html(struct ct_text *t, const char *text);

#endif

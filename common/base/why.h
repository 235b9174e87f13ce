/* The sentence for a person: what happened, why, and what to do; kept beside a status code. */
#ifndef CT_BASE_WHY_H
#define CT_BASE_WHY_H

#include <chainturn/err.h>

struct ct_why {
    char text[400]; /* NUL-terminated, one line, no trailing full stop needed */
};

/*
 * Sets the sentence and returns err, so that a failure is one statement:
 *     return ct_why(why, CT_ERR_IO, "cannot reach %s: %s; check that the node runs", url, cause);
 * why may be NULL. Control characters in the text become '?', so peer text cannot forge a line.
 */
ct_err ct_why(struct ct_why *why, ct_err err, const char *format, ...) CT_PRINTF(3, 4);

/* Puts "prefix: " before the sentence that is there. why may be NULL. */
void ct_why_prefix(struct ct_why *why, const char *format, ...) CT_PRINTF(2, 3);

#endif

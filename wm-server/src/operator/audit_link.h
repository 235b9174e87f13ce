/* The links of the audit log (docs/protocol.md, section 7): one line made, one line checked, a file
 * followed. */
#ifndef CT_WM_AUDIT_LINK_H
#define CT_WM_AUDIT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "service/text.h"

enum { CT_AUDIT_LINE = 4096 }; /* the longest line, its newline included */

struct ct_audit_field {
    const char *name; /* lower-case letters, digits and _ */
    const char *value;
};

/* Where the chain stands: the number and hash of the last line; zeros before the first. */
struct ct_audit_link {
    uint64_t n;
    uint8_t hash32[32];
};

/*
 * Appends the line that follows `last` to out, with its newline, and moves last on. CT_ERR_ROOM: it
 * would be too long; nothing changed.
 */
CT_MUST_USE ct_err ct_audit_line(struct ct_text *out, struct ct_audit_link *last, uint64_t wall_ms,
                                 const char *what, const struct ct_audit_field *fields,
                                 size_t count);
/*
 * A line without its newline: its own link, and the hash of the one before it. CT_ERR_FORMAT: no
 * line of an audit log. CT_ERR_AUTH: its hash is not that of its bytes.
 */
CT_MUST_USE ct_err ct_audit_parse(struct ct_audit_link *out, uint8_t prev32[32], const char *line,
                                  size_t len);

/* Follows files in their order; starts as zeros. */
struct ct_audit_walk {
    bool begun;
    struct ct_audit_link first, last;
    uint8_t before32[32]; /* what the first line names as the one before it */
    uint64_t lines;
    uint64_t cut; /* bytes of an unfinished line at the end: a write that a crash cut short */
    /* a line that must be there, or 0: set before the walk */
    struct ct_audit_link expected;
    bool expected_seen;
};

/*
 * CT_ERR_AUTH: the chain is broken, and the sentence names file and line. CT_ERR_SYSTEM,
 * CT_ERR_NOT_FOUND: the file cannot be read.
 */
CT_MUST_USE ct_err ct_audit_follow(struct ct_audit_walk *w, const char *path, struct ct_why *why);

#endif

/* The book's bytes: in memory as in the file, for the two files that make it up. */
#ifndef CT_DEVBOOK_PRIVATE_H
#define CT_DEVBOOK_PRIVATE_H

#include "chain/sealed.h"
#include "peers/devbook.h"

/* In network order; sorted by id. */
struct ct_devbook_entry {
    uint8_t id[CT_DEVBOOK_ID];
    uint8_t places[8]; /* relay, port, backup relay, backup port */
    uint8_t expiry_day[2];
    uint8_t is_gone; /* of a recent change; elsewhere for a moment only */
    uint8_t zero;
};

_Static_assert(sizeof(struct ct_devbook_entry) == 24, "the file's entries");

enum {
    CT_DEVBOOK_HEAD = CT_SEALED_HEAD + 8 + 32 + 24 + 8 + 8 + 4 +
                      4, /* a multiple of 8, for the entries behind it */
    CT_DEVBOOK_SUM = CT_SEALED_SUM,
};

struct ct_devbook {
    uint8_t deployment32[32];
    struct ct_devbook_mark mark;
    size_t count;
    size_t cap;
    uint8_t *file; /* head, cap entries (behind the book's own the recent ones, to be saved), sum */
    size_t recent_count;
    struct ct_devbook_entry *recent;
};

struct ct_devbook_entry *ct_devbook_entries(const struct ct_devbook *book);
/* Room for cap entries at least. */
CT_MUST_USE ct_err ct_devbook_reserve(struct ct_devbook *book, size_t cap);

#endif

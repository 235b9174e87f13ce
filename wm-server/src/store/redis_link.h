/* A connection to Redis that comes back by itself: one command out, one checked reply in. */
#ifndef CT_WM_REDIS_LINK_H
#define CT_WM_REDIS_LINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "store/store.h"

struct ct_link;

/*
 * An address is unix:/path or host:port ([host]:port for IPv6). The place is copied. It connects at
 * the first call, to the master of the sentinels' where they are named, and refuses a server that
 * does not keep what it acknowledges (CT_ERR_CONFIG).
 *
 * Links of one store share *age, which they borrow: when one is lost, all others are made anew
 * before their next call, so that none goes on asking one that is the master no more.
 */
CT_MUST_USE ct_err ct_link_new(struct ct_link **out, const struct ct_redis_place *place,
                               atomic_uint *age, struct ct_why *why);
/* One alone, connected; a server that is not there yet is waited for, 5 s at most. */
CT_MUST_USE ct_err ct_link_open(struct ct_link **out, const struct ct_redis_place *place,
                                struct ct_why *why);
void ct_link_close(struct ct_link *link);
/* Where it is connected, or was last. */
const char *ct_link_address(const struct ct_link *link);

/*
 * Sends one command of count words and reads its reply, which stays until the next one. Over a lost
 * connection it is sent again, for 5 s at most: the command must bear being done twice.
 * CT_ERR_AGAIN: the server is away; its outcome is not known. CT_ERR_SYSTEM: refused by the server.
 */
CT_MUST_USE ct_err ct_link_call(struct ct_link *link, size_t count, const char *const *words,
                                const size_t *lens, struct ct_why *why);

/*
 * The same for a command that changes something, or whose answer rests on what was changed: CT_OK
 * only when as many replicas as the place wants have all that the server had by then.
 */
CT_MUST_USE ct_err ct_link_change(struct ct_link *link, size_t count, const char *const *words,
                                  const size_t *lens, struct ct_why *why);

/* The reply as one text; false when it is of another type. */
bool ct_link_text(const struct ct_link *link, const char **text, size_t *len);
/* The reply as rows, each of so many columns of text or nil; false when it is anything else. */
bool ct_link_table(const struct ct_link *link, size_t columns, size_t *rows);
/* A cell of a reply that is such a table: NULL for nil. */
const char *ct_link_cell(const struct ct_link *link, size_t row, size_t column, size_t *len);

#endif

/* Passes that the contract's log revokes, as long as any of them could still be in use. */
#ifndef CT_RELAY_REVOKED_H
#define CT_RELAY_REVOKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

/* A pass lasts a day at the most; more revocations than this within one are not kept. */
enum { CT_REVOKED_MAX = 65536, CT_REVOKED_KEPT_S = 90000 };

struct ct_revoked_pass {
    uint8_t id16[16];
    uint64_t block; /* where the log says so */
    uint64_t seen_s;
};

struct ct_revoked { /* sorted by id; all zero at first */
    struct ct_revoked_pass *list;
    size_t count;
    size_t cap;
};

/* CT_ERR_STATE: it is there already. Of CT_REVOKED_MAX the one that was seen first makes room. */
CT_MUST_USE ct_err ct_revoked_add(struct ct_revoked *revoked, const struct ct_revoked_pass *pass);
bool ct_revoked_has(const struct ct_revoked *revoked, const uint8_t id16[16]);
/* Takes back what blocks above this one said: they have vanished. */
void ct_revoked_undo(struct ct_revoked *revoked, uint64_t block);
/* Drops what was seen more than CT_REVOKED_KEPT_S ago. */
void ct_revoked_expire(struct ct_revoked *revoked, uint64_t now_s);
void ct_revoked_free(struct ct_revoked *revoked);

#endif

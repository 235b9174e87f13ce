/* Where the relay stands in the contract's log, and the passes that it revokes: on disk. */
#ifndef CT_RELAY_LOGFILE_H
#define CT_RELAY_LOGFILE_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/registry.h"
#include "follow/revoked.h"

/* A block that was read up to, and the log's head there. */
struct ct_logmark {
    uint64_t block; /* 0: nothing was read yet */
    uint8_t hash32[32];
    struct ct_log_head head;
};

struct ct_logfile {
    struct ct_logmark mark;
    struct ct_revoked_pass *passes; /* at most CT_REVOKED_MAX; of a loaded one to be freed */
    size_t count;
};

CT_MUST_USE ct_err ct_logfile_save(const struct ct_logfile *file, const uint8_t deployment32[32],
                                   const char *path, struct ct_why *why);
/* CT_ERR_NOT_FOUND when there is no file; CT_ERR_FORMAT when it is cut, changed, or of another
 * deployment. */
CT_MUST_USE ct_err ct_logfile_load(struct ct_logfile *out, const uint8_t deployment32[32],
                                   const char *path, struct ct_why *why);

#endif

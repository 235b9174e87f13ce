/* Lines of the audit log about steps of the store; between the files of store_observed.h. */
#ifndef CT_WM_STORE_TOLD_H
#define CT_WM_STORE_TOLD_H

#include <stddef.h>
#include <stdint.h>

#include "operator/audit.h"
#include "store/store.h"

struct ct_store_observed {
    struct ct_store_ops ops; /* the driver's, but for what is observed */
    const struct ct_store_ops *driver;
    struct ct_audit *audit;
};

/* Starts as zeros; its texts must outlive it, but for those that it makes. */
struct ct_told {
    struct ct_audit_field field[8];
    size_t count;
    char text[8][2 * 32 + 3];
};

const struct ct_store_ops *ct_observed_driver(const struct ct_store *s);
void ct_told_put(struct ct_told *l, const char *name, const char *value);
void ct_told_hex(struct ct_told *l, const char *name, const uint8_t *data, size_t len);
void ct_told_u64(struct ct_told *l, const char *name, uint64_t value);
/* Writes it. */
CT_MUST_USE ct_err ct_told_tell(struct ct_store *s, const char *what, const struct ct_told *l);

/* Who is admitted: as in struct ct_store_ops. */
ct_err ct_observed_token_add(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                             uint64_t expires_s);
ct_err ct_observed_factory_add(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                               uint64_t expires_s, uint32_t count);
ct_err ct_observed_token_mint(struct ct_store *s, const struct ct_token_mint *mint);
ct_err ct_observed_token_use(struct ct_store *s, const struct ct_token_use *use);
ct_err ct_observed_token_withdraw(struct ct_store *s, const char *identity,
                                  const uint8_t *except20);
ct_err ct_observed_token_withdraw_one(struct ct_store *s, const uint8_t jti16[16],
                                      const char *batch, uint64_t expires_s);
ct_err ct_observed_token_withdraw_batch(struct ct_store *s, const char *batch);
ct_err ct_observed_pass_add(struct ct_store *s, const struct ct_pass_row *pass);

#endif

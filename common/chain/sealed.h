/* Files that a program writes for itself: whole, unchanged and of this deployment, or not used. */
#ifndef CT_CHAIN_SEALED_H
#define CT_CHAIN_SEALED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/bytes.h"
#include "base/why.h"

/* magic | deployment | body | keccak256 of all before */
enum { CT_SEALED_HEAD = 8 + 32, CT_SEALED_SUM = 32, CT_SEALED_AROUND = 8 + 32 + 32 };

struct ct_sealed {
    uint8_t magic[8]; /* its last character is the format's version */
    const uint8_t *deployment32;
    const char *path;
    const char *whose;   /* what the file may be of another of, "deployment" */
    const char *instead; /* what happens when it is not used: "the log is read from the chain" */
    bool is_private;     /* refused when others can read it */
};

/*
 * Begins a file of at most so many bytes of body, which are written with ct_wr_*(); for
 * ct_sealed_end() to write and free. CT_ERR_NOMEM.
 */
CT_MUST_USE ct_err ct_sealed_begin(struct ct_wr *w, const struct ct_sealed *s, size_t body_max,
                                   struct ct_why *why);
/* CT_ERR_ROOM: the body is larger than was said. Replaced whole, or as it was. Frees in any case.
 */
CT_MUST_USE ct_err ct_sealed_end(struct ct_wr *w, const struct ct_sealed *s, struct ct_why *why);

/*
 * Reads it; body is read with ct_rd_*() to its end, and file is to be freed after that. *file is
 * NULL unless CT_OK. CT_ERR_NOT_FOUND when there is none; CT_ERR_FORMAT when it is cut, changed,
 * larger than that, or of another deployment; CT_ERR_NOMEM.
 */
CT_MUST_USE ct_err ct_sealed_load(uint8_t **file, struct ct_rd *body, const struct ct_sealed *s,
                                  size_t body_max, struct ct_why *why);
/* For who finds no sense in the body: CT_ERR_FORMAT, and why it is not used. */
ct_err ct_sealed_refuse(const struct ct_sealed *s, struct ct_why *why);

/* Removes what a process that was killed while it wrote has left beside the file; when nobody
 * writes it. */
void ct_sealed_sweep(const char *path);

/* The same with the caller's bytes: file has room for CT_SEALED_AROUND and the body, which is in
 * its place. */
CT_MUST_USE ct_err ct_sealed_write(uint8_t *file, size_t body_len, const struct ct_sealed *s,
                                   struct ct_why *why);
CT_MUST_USE ct_err ct_sealed_check(struct ct_rd *body, const struct ct_sealed *s,
                                   const uint8_t *file, size_t len);

#endif

/* The one reader and the one writer of byte strings: they fail once and stay failed. */
#ifndef CT_BASE_BYTES_H
#define CT_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

struct ct_rd {
    const uint8_t *at; /* borrowed */
    size_t left;
    bool bad; /* a read went past the end: every value read since is zero or empty */
};

struct ct_rd ct_rd_init(const void *data, size_t len);
uint8_t ct_rd_u8(struct ct_rd *r);
uint16_t ct_rd_be16(struct ct_rd *r);
uint32_t ct_rd_be32(struct ct_rd *r);
uint64_t ct_rd_be64(struct ct_rd *r);
/* len bytes in place, or NULL when they are not there. len 0 gives a non-NULL pointer. */
const uint8_t *ct_rd_take(struct ct_rd *r, size_t len);
/* Copies len bytes, or fills out with zeros when they are not there. */
void ct_rd_copy(struct ct_rd *r, void *out, size_t len);
/* CT_OK when nothing failed and nothing is left, else CT_ERR_FORMAT. */
CT_MUST_USE ct_err ct_rd_end(const struct ct_rd *r);

struct ct_wr {
    uint8_t *buf; /* borrowed; NULL with cap 0 only counts */
    size_t cap;
    size_t len; /* the room needed, beyond cap once it did not fit */
};

struct ct_wr ct_wr_init(void *buf, size_t cap);
void ct_wr_u8(struct ct_wr *w, uint8_t value);
void ct_wr_be16(struct ct_wr *w, uint16_t value);
void ct_wr_be32(struct ct_wr *w, uint32_t value);
void ct_wr_be64(struct ct_wr *w, uint64_t value);
void ct_wr_bytes(struct ct_wr *w, const void *data, size_t len);
void ct_wr_zeros(struct ct_wr *w, size_t len);
/* CT_OK when everything fitted, else CT_ERR_ROOM (len tells the room needed). */
CT_MUST_USE ct_err ct_wr_end(const struct ct_wr *w);

#endif

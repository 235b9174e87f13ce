/* The one reader and the one writer of byte strings. */
#include "base/bytes.h"

#include <string.h>

static const uint8_t nothing[1];

struct ct_rd ct_rd_init(const void *data, size_t len)
{
    struct ct_rd r = {.at = data != NULL ? data : nothing, .left = len, .bad = false};
    if (data == NULL && len > 0) {
        r.left = 0;
        r.bad = true;
    }
    return r;
}

const uint8_t *ct_rd_take(struct ct_rd *r, size_t len)
{
    if (r->bad || len > r->left) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += len;
    r->left -= len;
    return at;
}

static uint64_t read_be(struct ct_rd *r, size_t len)
{
    const uint8_t *at = ct_rd_take(r, len);
    uint64_t value = 0;
    for (size_t i = 0; at != NULL && i < len; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

uint8_t ct_rd_u8(struct ct_rd *r)
{
    return (uint8_t)read_be(r, 1);
}

uint16_t ct_rd_be16(struct ct_rd *r)
{
    return (uint16_t)read_be(r, 2);
}

uint32_t ct_rd_be32(struct ct_rd *r)
{
    return (uint32_t)read_be(r, 4);
}

uint64_t ct_rd_be64(struct ct_rd *r)
{
    return read_be(r, 8);
}

void ct_rd_copy(struct ct_rd *r, void *out, size_t len)
{
    const uint8_t *at = ct_rd_take(r, len);
    if (len == 0) {
        return;
    }
    if (at != NULL) {
        memcpy(out, at, len);
    } else {
        memset(out, 0, len);
    }
}

ct_err ct_rd_end(const struct ct_rd *r)
{
    return r->bad || r->left != 0 ? CT_ERR_FORMAT : CT_OK;
}

struct ct_wr ct_wr_init(void *buf, size_t cap)
{
    struct ct_wr w = {.buf = buf, .cap = buf != NULL ? cap : 0, .len = 0};
    return w;
}

/* The place for len bytes, or NULL; the room needed is counted either way. */
static uint8_t *claim(struct ct_wr *w, size_t len)
{
    size_t at = w->len;
    if (len > SIZE_MAX - at) {
        w->len = SIZE_MAX; /* never CT_OK again: cap cannot be that large */
        return NULL;
    }
    w->len = at + len;
    return w->buf != NULL && w->len <= w->cap ? w->buf + at : NULL;
}

static void write_be(struct ct_wr *w, uint64_t value, size_t len)
{
    uint8_t *at = claim(w, len);
    for (size_t i = 0; at != NULL && i < len; i++) {
        at[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    }
}

void ct_wr_u8(struct ct_wr *w, uint8_t value)
{
    write_be(w, value, 1);
}

void ct_wr_be16(struct ct_wr *w, uint16_t value)
{
    write_be(w, value, 2);
}

void ct_wr_be32(struct ct_wr *w, uint32_t value)
{
    write_be(w, value, 4);
}

void ct_wr_be64(struct ct_wr *w, uint64_t value)
{
    write_be(w, value, 8);
}

void ct_wr_bytes(struct ct_wr *w, const void *data, size_t len)
{
    uint8_t *at = claim(w, len);
    if (at != NULL && len > 0) {
        memcpy(at, data, len);
    }
}

void ct_wr_zeros(struct ct_wr *w, size_t len)
{
    uint8_t *at = claim(w, len);
    if (at != NULL) {
        memset(at, 0, len);
    }
}

ct_err ct_wr_end(const struct ct_wr *w)
{
    return w->len <= w->cap ? CT_OK : CT_ERR_ROOM;
}

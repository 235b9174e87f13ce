/* Files that a program writes for itself: whole, unchanged and of this deployment, or not used. */
#include "chain/sealed.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "chain/keccak.h"

enum { MODE = 0600 };

ct_err ct_sealed_write(uint8_t *file, size_t body_len, const struct ct_sealed *s,
                       struct ct_why *why)
{
    size_t size = CT_SEALED_HEAD + body_len;
    memcpy(file, s->magic, sizeof(s->magic));
    memcpy(file + sizeof(s->magic), s->deployment32, 32);
    ct_keccak256(file + size, file, size);
    return ct_file_write(s->path, file, size + CT_SEALED_SUM, MODE, why);
}

ct_err ct_sealed_check(struct ct_rd *body, const struct ct_sealed *s, const uint8_t *file,
                       size_t len)
{
    uint8_t sum[CT_SEALED_SUM];
    if (len < CT_SEALED_AROUND || memcmp(file, s->magic, sizeof(s->magic)) != 0 ||
        memcmp(file + sizeof(s->magic), s->deployment32, 32) != 0) {
        return CT_ERR_FORMAT;
    }
    ct_keccak256(sum, file, len - CT_SEALED_SUM);
    if (memcmp(sum, file + len - CT_SEALED_SUM, sizeof(sum)) != 0) {
        return CT_ERR_FORMAT;
    }
    *body = ct_rd_init(file + CT_SEALED_HEAD, len - CT_SEALED_AROUND);
    return CT_OK;
}

ct_err ct_sealed_refuse(const struct ct_sealed *s, struct ct_why *why)
{
    return ct_why(why, CT_ERR_FORMAT, "%s is damaged or of another %s and is not used; %s", s->path,
                  s->whose, s->instead);
}

ct_err ct_sealed_begin(struct ct_wr *w, const struct ct_sealed *s, size_t body_max,
                       struct ct_why *why)
{
    uint8_t *file = malloc(CT_SEALED_AROUND + body_max);
    if (!file) {
        return ct_why(why, CT_ERR_NOMEM, "no memory to write %s", s->path);
    }
    *w = ct_wr_init(file, CT_SEALED_HEAD + body_max); /* the sum's room is beyond */
    ct_wr_zeros(w, CT_SEALED_HEAD);
    return CT_OK;
}

ct_err ct_sealed_end(struct ct_wr *w, const struct ct_sealed *s, struct ct_why *why)
{
    ct_err err = ct_wr_end(w);
    err = err == CT_OK
              ? ct_sealed_write(w->buf, w->len - CT_SEALED_HEAD, s, why)
              : ct_why(why, err, "what there is to remember does not fit into %s", s->path);
    free(w->buf);
    *w = ct_wr_init(NULL, 0);
    return err;
}

ct_err ct_sealed_load(uint8_t **file, struct ct_rd *body, const struct ct_sealed *s,
                      size_t body_max, struct ct_why *why)
{
    size_t cap = CT_SEALED_AROUND + body_max + 1; /* ct_file_read() puts a NUL behind it */
    size_t len = 0;
    uint8_t *bytes = malloc(cap);
    *file = NULL;
    if (!bytes) {
        return ct_why(why, CT_ERR_NOMEM, "no memory to read %s", s->path);
    }
    ct_err err = ct_file_read((char *)bytes, cap, &len, s->path, s->is_private, why);
    if (err == CT_ERR_ROOM || (err == CT_OK && ct_sealed_check(body, s, bytes, len) != CT_OK)) {
        err = ct_sealed_refuse(s, why);
    }
    if (err == CT_OK) {
        *file = bytes;
    } else {
        free(bytes);
    }
    return err;
}

void ct_sealed_sweep(const char *path)
{
    char pattern[PATH_MAX];
    glob_t left;
    int n = snprintf(pattern, sizeof(pattern), "%s.tmp-??????", path);
    if (n < 0 || (size_t)n >= sizeof(pattern) || glob(pattern, GLOB_NOSORT, NULL, &left) != 0) {
        return;
    }
    for (size_t i = 0; i < left.gl_pathc; i++) {
        (void)unlink(left.gl_pathv[i]);
    }
    globfree(&left);
}

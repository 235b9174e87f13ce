/* Where the relay stands in the contract's log, and the passes that it revokes: on disk. */
#include "follow/logfile.h"

#include <stdlib.h>

#include "chain/sealed.h"

enum {
    HEAD_SIZE = 8 + 32 + 24 + 8 + 4,
    PASS_SIZE = 16 + 8 + 8,
    BODY_MAX = HEAD_SIZE + CT_REVOKED_MAX * PASS_SIZE,
};

static struct ct_sealed sealed(const uint8_t deployment32[32], const char *path)
{
    return (struct ct_sealed){.magic = {'c', 't', 'l', 'o', 'g', 'm', 'k', '1'},
                              .deployment32 = deployment32,
                              .path = path,
                              .whose = "deployment",
                              .instead = "the log is read from the chain again"};
}

ct_err ct_logfile_save(const struct ct_logfile *file, const uint8_t deployment32[32],
                       const char *path, struct ct_why *why)
{
    struct ct_sealed s = sealed(deployment32, path);
    struct ct_wr w;
    ct_err err = ct_sealed_begin(&w, &s, HEAD_SIZE + file->count * PASS_SIZE, why);
    if (err != CT_OK) {
        return err;
    }
    ct_wr_be64(&w, file->mark.block);
    ct_wr_bytes(&w, file->mark.hash32, 32);
    ct_wr_bytes(&w, file->mark.head.head24, 24);
    ct_wr_be64(&w, file->mark.head.count);
    ct_wr_be32(&w, (uint32_t)file->count);
    for (size_t i = 0; i < file->count; i++) {
        ct_wr_bytes(&w, file->passes[i].id16, 16);
        ct_wr_be64(&w, file->passes[i].block);
        ct_wr_be64(&w, file->passes[i].seen_s);
    }
    return ct_sealed_end(&w, &s, why);
}

static ct_err parse(struct ct_logfile *out, struct ct_rd *r)
{
    struct ct_logfile file = {.passes = NULL};
    file.mark.block = ct_rd_be64(r);
    ct_rd_copy(r, file.mark.hash32, 32);
    ct_rd_copy(r, file.mark.head.head24, 24);
    file.mark.head.count = ct_rd_be64(r);
    file.count = ct_rd_be32(r);
    if (r->bad || file.mark.block == 0 || file.count > CT_REVOKED_MAX ||
        r->left != file.count * PASS_SIZE) {
        return CT_ERR_FORMAT;
    }
    file.passes = calloc(file.count + 1, sizeof(*file.passes));
    if (!file.passes) {
        return CT_ERR_NOMEM;
    }
    for (size_t i = 0; i < file.count; i++) {
        ct_rd_copy(r, file.passes[i].id16, 16);
        file.passes[i].block = ct_rd_be64(r);
        file.passes[i].seen_s = ct_rd_be64(r);
    }
    *out = file;
    return ct_rd_end(r);
}

ct_err ct_logfile_load(struct ct_logfile *out, const uint8_t deployment32[32], const char *path,
                       struct ct_why *why)
{
    struct ct_sealed s = sealed(deployment32, path);
    struct ct_rd body;
    uint8_t *bytes = NULL;
    ct_err err = ct_sealed_load(&bytes, &body, &s, BODY_MAX, why);
    if (err == CT_OK) {
        err = parse(out, &body);
        err = err == CT_ERR_FORMAT ? ct_sealed_refuse(&s, why) : err;
    }
    free(bytes);
    return err;
}

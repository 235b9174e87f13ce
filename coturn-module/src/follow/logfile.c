/* Where the relay stands in the contract's log, and the passes that it revokes: on disk. */
#include "follow/logfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "chain/keccak.h"

static const uint8_t magic[8] = {'c', 't', 'l', 'o', 'g', 'm', 'k', '1'};

enum {
    HEAD_SIZE = 8 + 32 + 8 + 32 + 24 + 8 + 4,
    PASS_SIZE = 16 + 8 + 8,
    SUM_SIZE = 32,
    FILE_MAX = HEAD_SIZE + CT_REVOKED_MAX * PASS_SIZE + SUM_SIZE,
};

ct_err ct_logfile_save(const struct ct_logfile *file, const uint8_t deployment32[32],
                       const char *path, struct ct_why *why)
{
    size_t size = HEAD_SIZE + file->count * PASS_SIZE + SUM_SIZE;
    uint8_t *bytes = malloc(size);
    uint8_t sum[SUM_SIZE];
    if (!bytes) {
        return ct_why(why, CT_ERR_NOMEM, "no memory to write %s", path);
    }
    struct ct_wr w = ct_wr_init(bytes, size);
    ct_wr_bytes(&w, magic, sizeof(magic));
    ct_wr_bytes(&w, deployment32, 32);
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
    ct_keccak256(sum, bytes, w.len);
    ct_wr_bytes(&w, sum, sizeof(sum));
    ct_err err = ct_wr_end(&w);
    if (err == CT_OK) {
        err = ct_file_write(path, bytes, size, 0600, why);
    }
    free(bytes);
    return err;
}

static ct_err parse(struct ct_logfile *out, const uint8_t deployment32[32], const uint8_t *bytes,
                    size_t len)
{
    uint8_t sum[SUM_SIZE];
    uint8_t head[sizeof(magic)];
    uint8_t deployment[32];
    struct ct_logfile file = {.passes = NULL};
    if (len < HEAD_SIZE + SUM_SIZE) {
        return CT_ERR_FORMAT;
    }
    ct_keccak256(sum, bytes, len - SUM_SIZE);
    struct ct_rd r = ct_rd_init(bytes, len - SUM_SIZE);
    ct_rd_copy(&r, head, sizeof(head));
    ct_rd_copy(&r, deployment, sizeof(deployment));
    file.mark.block = ct_rd_be64(&r);
    ct_rd_copy(&r, file.mark.hash32, 32);
    ct_rd_copy(&r, file.mark.head.head24, 24);
    file.mark.head.count = ct_rd_be64(&r);
    file.count = ct_rd_be32(&r);
    if (memcmp(sum, bytes + len - SUM_SIZE, SUM_SIZE) != 0 ||
        memcmp(head, magic, sizeof(magic)) != 0 || file.mark.block == 0 ||
        memcmp(deployment, deployment32, 32) != 0 || file.count > CT_REVOKED_MAX ||
        r.left != file.count * PASS_SIZE) {
        return CT_ERR_FORMAT;
    }
    file.passes = calloc(file.count + 1, sizeof(*file.passes));
    if (!file.passes) {
        return CT_ERR_NOMEM;
    }
    for (size_t i = 0; i < file.count; i++) {
        ct_rd_copy(&r, file.passes[i].id16, 16);
        file.passes[i].block = ct_rd_be64(&r);
        file.passes[i].seen_s = ct_rd_be64(&r);
    }
    *out = file;
    return ct_rd_end(&r);
}

ct_err ct_logfile_load(struct ct_logfile *out, const uint8_t deployment32[32], const char *path,
                       struct ct_why *why)
{
    size_t len = 0;
    char *bytes = malloc(FILE_MAX + 1);
    if (!bytes) {
        return ct_why(why, CT_ERR_NOMEM, "no memory to read %s", path);
    }
    ct_err err = ct_file_read(bytes, FILE_MAX + 1, &len, path, false, why);
    if (err == CT_OK || err == CT_ERR_ROOM) {
        err = err == CT_OK ? parse(out, deployment32, (const uint8_t *)bytes, len) : CT_ERR_FORMAT;
        if (err == CT_ERR_FORMAT) {
            (void)ct_why(why, err,
                         "%s is damaged or of another deployment and is not used; the log is read "
                         "from the chain again",
                         path);
        }
    }
    free(bytes);
    return err;
}

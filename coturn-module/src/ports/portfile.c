/* The remembered ports on disk. */
#include "ports/portfile.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "chain/keccak.h"

static const uint8_t magic[8] = {'c', 't', 'p', 'o', 'r', 't', 's', '1'};

enum {
    HEAD_SIZE = 8 + 32 + 4,
    PORT_SIZE = 16 + 16 + 2 + 8,
    SUM_SIZE = 32,
    FILE_MAX = HEAD_SIZE + CT_PORTS_MAX * PORT_SIZE + SUM_SIZE,
};

ct_err ct_portfile_save(const struct ct_port *list, size_t count, const uint8_t deployment32[32],
                        const char *path, struct ct_why *why)
{
    size_t size = HEAD_SIZE + count * PORT_SIZE + SUM_SIZE;
    uint8_t *bytes = malloc(size);
    uint8_t sum[SUM_SIZE];
    if (!bytes) {
        return ct_why(why, CT_ERR_NOMEM, "no memory to write %s", path);
    }
    struct ct_wr w = ct_wr_init(bytes, size);
    ct_wr_bytes(&w, magic, sizeof(magic));
    ct_wr_bytes(&w, deployment32, 32);
    ct_wr_be32(&w, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        ct_wr_bytes(&w, list[i].pass16, 16);
        ct_wr_bytes(&w, list[i].relayed.addr16, 16);
        ct_wr_be16(&w, list[i].relayed.port);
        ct_wr_be64(&w, list[i].ended_s);
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

void ct_portfile_sweep(const char *path)
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

static ct_err parse(struct ct_port **list, size_t *count, const uint8_t deployment32[32],
                    const uint8_t *bytes, size_t len)
{
    uint8_t sum[SUM_SIZE];
    uint8_t head[sizeof(magic)];
    uint8_t deployment[32];
    if (len < HEAD_SIZE + SUM_SIZE) {
        return CT_ERR_FORMAT;
    }
    ct_keccak256(sum, bytes, len - SUM_SIZE);
    struct ct_rd r = ct_rd_init(bytes, len - SUM_SIZE);
    ct_rd_copy(&r, head, sizeof(head));
    ct_rd_copy(&r, deployment, sizeof(deployment));
    size_t n = ct_rd_be32(&r);
    if (memcmp(sum, bytes + len - SUM_SIZE, SUM_SIZE) != 0 ||
        memcmp(head, magic, sizeof(magic)) != 0 || memcmp(deployment, deployment32, 32) != 0 ||
        n > CT_PORTS_MAX || r.left != n * PORT_SIZE) {
        return CT_ERR_FORMAT;
    }
    struct ct_port *ports = calloc(n + 1, sizeof(*ports));
    if (!ports) {
        return CT_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        ct_rd_copy(&r, ports[i].pass16, 16);
        ct_rd_copy(&r, ports[i].relayed.addr16, 16);
        ports[i].relayed.port = ct_rd_be16(&r);
        ports[i].ended_s = ct_rd_be64(&r);
    }
    *list = ports;
    *count = n;
    return ct_rd_end(&r);
}

ct_err ct_portfile_load(struct ct_port **list, size_t *count, const uint8_t deployment32[32],
                        const char *path, struct ct_why *why)
{
    size_t len = 0;
    char *bytes = malloc(FILE_MAX + 1);
    if (!bytes) {
        return ct_why(why, CT_ERR_NOMEM, "no memory to read %s", path);
    }
    ct_err err = ct_file_read(bytes, FILE_MAX + 1, &len, path, false, why);
    if (err == CT_OK || err == CT_ERR_ROOM) {
        err = err == CT_OK ? parse(list, count, deployment32, (const uint8_t *)bytes, len)
                           : CT_ERR_FORMAT;
        if (err == CT_ERR_FORMAT) {
            (void)ct_why(why, err,
                         "%s is damaged or of another deployment and is not used; devices get "
                         "other ports, which they write to the chain",
                         path);
        }
    }
    free(bytes);
    return err;
}

/* The remembered ports on disk. */
#include "ports/portfile.h"

#include <stdlib.h>

#include "chain/sealed.h"

enum {
    HEAD_SIZE = 4,
    PORT_SIZE = 16 + 16 + 2 + 8,
    BODY_MAX = HEAD_SIZE + CT_PORTS_MAX * PORT_SIZE,
};

static struct ct_sealed sealed(const uint8_t deployment32[32], const char *path)
{
    return (struct ct_sealed){.magic = {'c', 't', 'p', 'o', 'r', 't', 's', '1'},
                              .deployment32 = deployment32,
                              .path = path,
                              .whose = "deployment",
                              .instead = "devices get other ports, which they write to the chain"};
}

ct_err ct_portfile_save(const struct ct_port *list, size_t count, const uint8_t deployment32[32],
                        const char *path, struct ct_why *why)
{
    struct ct_sealed s = sealed(deployment32, path);
    struct ct_wr w;
    ct_err err = ct_sealed_begin(&w, &s, HEAD_SIZE + count * PORT_SIZE, why);
    if (err != CT_OK) {
        return err;
    }
    ct_wr_be32(&w, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        ct_wr_bytes(&w, list[i].pass16, 16);
        ct_wr_bytes(&w, list[i].relayed.addr16, 16);
        ct_wr_be16(&w, list[i].relayed.port);
        ct_wr_be64(&w, list[i].ended_s);
    }
    return ct_sealed_end(&w, &s, why);
}

static ct_err parse(struct ct_port **list, size_t *count, struct ct_rd *r)
{
    size_t n = ct_rd_be32(r);
    if (r->bad || n > CT_PORTS_MAX || r->left != n * PORT_SIZE) {
        return CT_ERR_FORMAT;
    }
    struct ct_port *ports = calloc(n + 1, sizeof(*ports));
    if (!ports) {
        return CT_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        ct_rd_copy(r, ports[i].pass16, 16);
        ct_rd_copy(r, ports[i].relayed.addr16, 16);
        ports[i].relayed.port = ct_rd_be16(r);
        ports[i].ended_s = ct_rd_be64(r);
    }
    *list = ports;
    *count = n;
    return ct_rd_end(r);
}

ct_err ct_portfile_load(struct ct_port **list, size_t *count, const uint8_t deployment32[32],
                        const char *path, struct ct_why *why)
{
    struct ct_sealed s = sealed(deployment32, path);
    struct ct_rd body;
    uint8_t *bytes = NULL;
    ct_err err = ct_sealed_load(&bytes, &body, &s, BODY_MAX, why);
    if (err == CT_OK) {
        err = parse(list, count, &body);
        err = err == CT_ERR_FORMAT ? ct_sealed_refuse(&s, why) : err;
    }
    free(bytes);
    return err;
}

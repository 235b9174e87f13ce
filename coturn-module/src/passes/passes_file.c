/* The wallet manager's keys on disk: passes are told from forgeries before the chain answers. */
#include <stdlib.h>

#include "chain/sealed.h"
#include "passes/passes_private.h"

enum { BODY = 2 * (4 + 8 + 32 + 32) };

static struct ct_sealed sealed(const struct ct_passes *passes, const char *path)
{
    return (struct ct_sealed){.magic = {'c', 't', 'w', 'm', 'k', 'e', 'y', '1'},
                              .deployment32 = passes->deployment32,
                              .path = path,
                              .whose = "deployment",
                              .instead = "the wallet manager's keys are read from the chain again"};
}

ct_err ct_passes_save_keys(struct ct_passes *passes, const char *path, struct ct_why *why)
{
    struct ct_sealed s = sealed(passes, path);
    struct ct_wm_key keys[2];
    struct ct_wr w;
    ct_err err = ct_sealed_begin(&w, &s, BODY, why);
    if (err != CT_OK) {
        return err;
    }
    ct_passes_read_keys(passes, keys);
    for (size_t i = 0; i < 2; i++) {
        ct_wr_be32(&w, keys[i].id);
        ct_wr_be64(&w, keys[i].not_after_s);
        ct_wr_bytes(&w, keys[i].ed25519, 32);
        ct_wr_bytes(&w, keys[i].x25519, 32);
    }
    return ct_sealed_end(&w, &s, why);
}

ct_err ct_passes_load_keys(struct ct_passes *passes, const char *path, struct ct_why *why)
{
    struct ct_sealed s = sealed(passes, path);
    struct ct_wm_key keys[2];
    struct ct_rd r;
    uint8_t *bytes = NULL;
    ct_err err = ct_sealed_load(&bytes, &r, &s, BODY, why);
    if (err != CT_OK) {
        return err;
    }
    for (size_t i = 0; i < 2; i++) {
        keys[i].id = ct_rd_be32(&r);
        keys[i].not_after_s = ct_rd_be64(&r);
        ct_rd_copy(&r, keys[i].ed25519, 32);
        ct_rd_copy(&r, keys[i].x25519, 32);
    }
    err = ct_rd_end(&r) == CT_OK ? CT_OK : ct_sealed_refuse(&s, why);
    if (err == CT_OK) {
        (void)ct_passes_set_keys(passes, keys);
    }
    free(bytes);
    return err;
}

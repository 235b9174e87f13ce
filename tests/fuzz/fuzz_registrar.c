/*
 * The registrar's channel, either end. Property: what is accepted is written back as the same
 * bytes, texts end within their arrays, and an answer's transaction fits.
 */
/* links: ct_chain ct_base */
/* sources: coturn-module/src/life/registrar_wire.c */
#include <string.h>

#include "fuzz.h"
#include "life/registrar_wire.h"

static void request(const uint8_t *data, size_t size)
{
    static struct ct_rg_request r;
    uint8_t again[CT_RG_FRAME_MAX];
    size_t len = 0;
    if (ct_rg_request_read(&r, data, size) != CT_OK) {
        return;
    }
    HOLDS(r.kind != CT_RG_OPEN || (memchr(r.of.open.wallet, '\0', CT_RG_SOURCE_MAX) != NULL &&
                                   memchr(r.of.open.passphrase, '\0', CT_RG_SOURCE_MAX) != NULL &&
                                   memchr(r.of.open.user, '\0', CT_RG_USER_MAX) != NULL));
    HOLDS(ct_rg_request_write(again, sizeof(again), &len, &r) == CT_OK);
    HOLDS(len == size && memcmp(again, data, size) == 0);
}

static void answer(const uint8_t *data, size_t size)
{
    static struct ct_rg_answer a;
    uint8_t again[CT_RG_FRAME_MAX];
    size_t len = 0;
    if (ct_rg_answer_read(&a, data, size) != CT_OK) {
        return;
    }
    HOLDS(a.kind != CT_RG_CALL || a.err != CT_OK || a.of.call.len <= CT_RG_RAW_MAX);
    HOLDS(ct_rg_answer_write(again, sizeof(again), &len, &a) == CT_OK);
    HOLDS(len == size && memcmp(again, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    request(data, size);
    answer(data, size);
    return 0;
}

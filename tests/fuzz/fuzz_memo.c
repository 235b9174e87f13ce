/*
 * The relay's file of what it remembers of itself. Property: what is accepted and saved again gives
 * the same file; a wrong sum never passes. The input is the file without its sum, which is put
 * behind it, so that the parser is reached.
 */
/* links: ct_chain ct_base */
/* sources: coturn-module/src/life/memo.c */
#include "life/memo.h"

#include <stdio.h>
#include <string.h>

#include "chain/keccak.h"
#include "fuzz.h"

enum { FILE_LIMIT = 1024 };

static const struct ct_memo_owner owner = {.deployment32 = {1}, .addr20 = {2}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t file[FILE_LIMIT + 32];
    uint8_t again[FILE_LIMIT + 64];
    char path[FUZZ_PATH];
    struct ct_memo memo;
    if (size > FILE_LIMIT) {
        return 0;
    }
    memcpy(file, data, size);
    ct_keccak256(file + size, file, size);
    fuzz_file(path, "memo", file, size + 32);
    if (ct_memo_load(&memo, &owner, path, NULL) != CT_OK) {
        return 0;
    }
    HOLDS(memo.sent.len <= sizeof(memo.sent.raw));
    HOLDS(ct_memo_save(&memo, &owner, path, NULL) == CT_OK);
    FILE *f = fopen(path, "rb");
    HOLDS(f != NULL);
    size_t len = fread(again, 1, sizeof(again), f);
    (void)fclose(f);
    HOLDS(len == size + 32 && memcmp(again, file, len) == 0);
    file[size + 31] ^= 1u;
    fuzz_file(path, "memo", file, size + 32);
    HOLDS(ct_memo_load(&memo, &owner, path, NULL) == CT_ERR_FORMAT);
    return 0;
}

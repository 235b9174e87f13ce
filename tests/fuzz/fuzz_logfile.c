/*
 * The relay's file of where it stands in the log. Property: what is accepted stands at a block and
 * saved again gives the same file; a wrong sum never passes. The input is the file without its sum,
 * which is put behind it, so that the parser is reached.
 */
/* links: ct_chain ct_base */
/* sources: coturn-module/src/follow/logfile.c */
#include "follow/logfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/keccak.h"
#include "fuzz.h"

enum { FILE_LIMIT = 8192 };

static const uint8_t deployment32[32] = {1, 2, 3};

static void check_saved(const struct ct_logfile *log, const uint8_t *file, size_t size)
{
    char path[FUZZ_PATH];
    uint8_t again[FILE_LIMIT + 64];
    (void)snprintf(path, sizeof(path), "%s/log", fuzz_folder());
    HOLDS(ct_logfile_save(log, deployment32, path, NULL) == CT_OK);
    FILE *f = fopen(path, "rb");
    HOLDS(f != NULL);
    size_t len = fread(again, 1, sizeof(again), f);
    (void)fclose(f);
    HOLDS(len == size + 32 && memcmp(again, file, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t file[FILE_LIMIT + 32];
    char path[FUZZ_PATH];
    struct ct_logfile log = {.passes = NULL};
    if (size > FILE_LIMIT) {
        return 0;
    }
    memcpy(file, data, size);
    ct_keccak256(file + size, file, size);
    fuzz_file(path, "log", file, size + 32);
    if (ct_logfile_load(&log, deployment32, path, NULL) != CT_OK) {
        HOLDS(log.passes == NULL);
        return 0;
    }
    HOLDS(log.mark.block > 0 && log.count <= CT_REVOKED_MAX);
    check_saved(&log, file, size);
    free(log.passes);
    log.passes = NULL;
    file[size + 31] ^= 1u;
    fuzz_file(path, "log", file, size + 32);
    HOLDS(ct_logfile_load(&log, deployment32, path, NULL) == CT_ERR_FORMAT && log.passes == NULL);
    return 0;
}

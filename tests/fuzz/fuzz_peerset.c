/*
 * The relay's file of approved relays. Property: what is accepted is the sorted set of what the
 * file lists, of this deployment, and saved again gives the same file; a wrong sum never passes.
 * The input is the file without its sum, which is put behind it, so that the parser is reached.
 */
/* links: ct_chain ct_base */
/* sources: coturn-module/src/peers/peerset.c */
#include "peers/peerset.h"

#include <string.h>

#include "chain/keccak.h"
#include "fuzz.h"

enum { HEAD = 68, RANGE = 22, FILE_LIMIT = 8192 };

static const uint8_t deployment32[32] = {1, 2, 3};

/* Does a listed relay of that index have the port? index 0: does any? */
static bool is_listed(const uint8_t *file, size_t count, const uint8_t addr16[16], uint16_t port,
                      uint16_t index)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = file + HEAD + i * RANGE;
        unsigned min = (unsigned)at[16] << 8 | at[17];
        unsigned max = (unsigned)at[18] << 8 | at[19];
        uint16_t own = (uint16_t)(at[20] << 8 | at[21]);
        if (memcmp(at, addr16, 16) == 0 && port >= min && port <= max &&
            (index == 0 || own == index)) {
            return true;
        }
    }
    return false;
}

static void check_lookups(const struct ct_peerset *set, const uint8_t *file, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = file + HEAD + i * RANGE;
        uint16_t max = (uint16_t)(at[18] << 8 | at[19]);
        for (unsigned more = 0; more < 2; more++) {
            uint16_t port = (uint16_t)(max + more);
            uint16_t index = ct_peerset_index(set, at, port);
            HOLDS((index != 0) == is_listed(file, count, at, port, 0));
            HOLDS(index == 0 || is_listed(file, count, at, port, index));
        }
    }
}

static void check_saved(const struct ct_peerset *set)
{
    char path[FUZZ_PATH];
    struct ct_peerset *again = NULL;
    (void)snprintf(path, sizeof(path), "%s/set", fuzz_folder());
    HOLDS(ct_peerset_save(set, ct_peerset_origin(set)->confirmed_s, path, NULL) == CT_OK);
    HOLDS(ct_peerset_load(&again, deployment32, path, NULL) == CT_OK);
    HOLDS(ct_peerset_equal(set, again) && memcmp(ct_peerset_origin(set), ct_peerset_origin(again),
                                                 sizeof(struct ct_peerset_origin)) == 0);
    ct_peerset_free(again);
}

static void check_wrong_sum(uint8_t *file, size_t size)
{
    char path[FUZZ_PATH];
    struct ct_peerset *set = NULL;
    file[size + 31] ^= 1u;
    fuzz_file(path, "set", file, size + 32);
    HOLDS(ct_peerset_load(&set, deployment32, path, NULL) == CT_ERR_FORMAT && set == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t file[FILE_LIMIT + 32];
    char path[FUZZ_PATH];
    struct ct_peerset *set = NULL;
    if (size > FILE_LIMIT) {
        return 0;
    }
    memcpy(file, data, size);
    ct_keccak256(file + size, file, size);
    fuzz_file(path, "set", file, size + 32);
    if (ct_peerset_load(&set, deployment32, path, NULL) == CT_OK) {
        HOLDS(HEAD + ct_peerset_count(set) * RANGE == size);
        check_lookups(set, file, ct_peerset_count(set));
        check_saved(set);
        ct_peerset_free(set);
        check_wrong_sum(file, size);
    }
    return 0;
}

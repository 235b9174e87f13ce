/*
 * The relay's file of devices. Property: what is accepted has each device once, in order, with a
 * place that a set made of it holds, and saved again gives the same file; a wrong sum never passes.
 * The input is the file without its sum, which is put behind it, so that the parser is reached.
 */
/* links: ct_chain ct_base */
/* sources: coturn-module/src/peers/devbook.c coturn-module/src/peers/devbook_file.c */
/* sources: coturn-module/src/peers/devset.c */
#include "peers/devbook.h"

#include <stdio.h>
#include <string.h>

#include "chain/keccak.h"
#include "fuzz.h"

enum { HEAD = 96, ENTRY = 24, FILE_LIMIT = 8192 };

static const uint8_t deployment32[32] = {1, 2, 3};

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static bool is_recent(const uint8_t *file, size_t count, size_t recent, const uint8_t *id)
{
    for (size_t i = count; i < count + recent; i++) {
        if (memcmp(file + HEAD + i * ENTRY, id, CT_DEVBOOK_ID) == 0) {
            return true;
        }
    }
    return false;
}

static void check_places(const struct ct_devbook *book, const uint8_t *file, size_t entries)
{
    struct ct_devset *set = NULL;
    size_t count = ct_devbook_count(book);
    HOLDS(ct_devbook_places(&set, book, 0) == CT_OK);
    for (size_t i = 0; i < entries; i++) {
        const uint8_t *at = file + HEAD + i * ENTRY;
        HOLDS(i == 0 || i == count || memcmp(at - ENTRY, at, CT_DEVBOOK_ID) < 0);
        if (at[22] != 0 || (i < count && is_recent(file, count, entries - count, at))) {
            continue;
        }
        for (size_t place = CT_DEVBOOK_ID; place < 20; place += 4) {
            uint16_t relay = (uint16_t)get16(at + place);
            HOLDS(relay == 0 || ct_devset_has(set, relay, (uint16_t)get16(at + place + 2)));
        }
    }
    ct_devset_free(set);
}

static void check_saved(struct ct_devbook *book, const uint8_t *file, size_t size)
{
    char path[FUZZ_PATH];
    uint8_t again[FILE_LIMIT + 64];
    (void)snprintf(path, sizeof(path), "%s/book", fuzz_folder());
    HOLDS(ct_devbook_save(book, path, NULL) == CT_OK);
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
    struct ct_devbook *book = NULL;
    if (size > FILE_LIMIT) {
        return 0;
    }
    memcpy(file, data, size);
    ct_keccak256(file + size, file, size);
    fuzz_file(path, "book", file, size + 32);
    if (ct_devbook_load(&book, deployment32, path, NULL) != CT_OK) {
        return 0;
    }
    check_places(book, file, (size - HEAD) / ENTRY);
    check_saved(book, file, size);
    ct_devbook_free(book);
    book = NULL;
    file[size + 31] ^= 1u;
    fuzz_file(path, "book", file, size + 32);
    HOLDS(ct_devbook_load(&book, deployment32, path, NULL) == CT_ERR_FORMAT && book == NULL);
    return 0;
}

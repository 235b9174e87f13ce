/*
 * The relay's file of remembered ports. Property: what is accepted saved again gives the same file,
 * and taken over it is at most as many ports, each kept or had by its pass alone; a wrong sum never
 * passes. The input is the file without its sum, which is put behind it, so that the parser is
 * reached.
 */
/* links: ct_chain ct_base */
/* sources: coturn-module/src/ports/portfile.c coturn-module/src/ports/ports.c */
#include "ports/portfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/keccak.h"
#include "fuzz.h"

enum { FILE_LIMIT = 8192, NOW = 2000 };

static const uint8_t deployment32[32] = {1, 2, 3};

static void check_saved(const struct ct_port *list, size_t count, const uint8_t *file, size_t size)
{
    char path[FUZZ_PATH];
    uint8_t again[FILE_LIMIT + 64];
    (void)snprintf(path, sizeof(path), "%s/ports", fuzz_folder());
    HOLDS(ct_portfile_save(list, count, deployment32, path, NULL) == CT_OK);
    FILE *f = fopen(path, "rb");
    HOLDS(f != NULL);
    size_t len = fread(again, 1, sizeof(again), f);
    (void)fclose(f);
    HOLDS(len == size + 32 && memcmp(again, file, len) == 0);
}

static void check_taken_over(const struct ct_port *list, size_t count)
{
    struct ct_ports *ports = NULL;
    const uint8_t nobody[16] = {0xff, 0xff, 0xff};
    const struct ct_port_owner stranger = {nobody, NULL};
    HOLDS(ct_ports_new(&ports) == CT_OK);
    ct_err err = ct_ports_take_over(ports, list, count, NOW);
    HOLDS(err == CT_OK || err == CT_ERR_FORMAT);
    HOLDS(ct_ports_count(ports) <= count);
    for (size_t i = 0; err == CT_OK && i < count; i++) {
        const struct ct_port_owner owner = {list[i].pass16, NULL};
        bool is_kept = ct_ports_is_kept(ports, &stranger, &list[i].relayed, NOW);
        bool is_nobodys = memcmp(list[i].pass16, nobody, 16) == 0;
        bool is_new = list[i].ended_s == 0 || list[i].ended_s > NOW - CT_PORTS_KEPT_S;
        HOLDS(is_kept == (is_new && !is_nobodys));
        HOLDS(!ct_ports_is_kept(ports, &owner, &list[i].relayed, NOW));
        (void)ct_ports_stands(ports, nobody, &list[i].relayed);
        HOLDS(!ct_ports_is_kept(ports, &stranger, &list[i].relayed, NOW));
    }
    ct_ports_free(ports);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t file[FILE_LIMIT + 32];
    char path[FUZZ_PATH];
    struct ct_port *list = NULL;
    size_t count = 0;
    if (size > FILE_LIMIT) {
        return 0;
    }
    memcpy(file, data, size);
    ct_keccak256(file + size, file, size);
    fuzz_file(path, "ports", file, size + 32);
    if (ct_portfile_load(&list, &count, deployment32, path, NULL) != CT_OK) {
        HOLDS(list == NULL);
        return 0;
    }
    check_saved(list, count, file, size);
    check_taken_over(list, count);
    free(list);
    list = NULL;
    file[size + 31] ^= 1u;
    fuzz_file(path, "ports", file, size + 32);
    HOLDS(ct_portfile_load(&list, &count, deployment32, path, NULL) == CT_ERR_FORMAT && !list);
    return 0;
}

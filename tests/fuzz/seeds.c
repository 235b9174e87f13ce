/* Writes the seed corpus into the folder given: one folder a target, one file an input. */
#include "seeds.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *root;
static unsigned count;

void seed(const char *target, const char *name, const void *data, size_t size)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", root, target);
    if (mkdir(path, 0755) != 0 && errno != EEXIST) {
        perror(path);
        exit(1);
    }
    (void)snprintf(path, sizeof(path), "%s/%s/%s", root, target, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    count++;
}

void seed_text(const char *target, const char *name, const char *text)
{
    seed(target, name, text, strlen(text));
}

void seed_step(struct ct_wr *w, unsigned op, const void *data, size_t size)
{
    ct_wr_u8(w, (uint8_t)op);
    ct_wr_be16(w, (uint16_t)size);
    ct_wr_bytes(w, data, size);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    root = argv[1];
    seeds_chain();
    seeds_text();
    seeds_wm();
    seeds_kex();
    seeds_turn();
    seeds_sctp();
    printf("%u seeds\n", count);
    return 0;
}

/* Runs a fuzz target over the files of a folder, each from a heap block of exactly its size. */
#include <dirent.h>
#include <string.h>

#include "fuzz.h"

enum { INPUT_MAX = 1024 * 1024 };

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *all = malloc(INPUT_MAX);
    HOLDS(file != NULL && all != NULL);
    size_t size = fread(all, 1, INPUT_MAX, file);
    HOLDS(size < INPUT_MAX && fclose(file) == 0);
    uint8_t *exact = malloc(size > 0 ? size : 1); /* so that a read past the end is one */
    HOLDS(exact != NULL);
    memcpy(exact, all, size);
    free(all);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

/* A file that breaks the property ends the process: its name, printed before, is then the last. */
int main(int argc, char **argv)
{
    unsigned passed = 0;
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    if (dir == NULL) {
        (void)fprintf(stderr, "usage: %s FOLDER, with the inputs to run\n", argv[0]);
        return 2;
    }
    for (struct dirent *at = readdir(dir); at != NULL; at = readdir(dir)) {
        char path[4096];
        if (at->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", argv[1], at->d_name);
        (void)fprintf(stderr, "%s\n", path);
        run_file(path);
        passed++;
    }
    (void)closedir(dir);
    printf("%u passed, 0 failed\n", passed);
    return passed > 0 ? 0 : 1; /* an empty corpus checks nothing */
}

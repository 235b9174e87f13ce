/* What every fuzz target shares: the entry, a property that must hold, a folder for files. */
#ifndef CT_FUZZ_H
#define CT_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * A target is one file fuzz_<name>.c with this one function. libFuzzer calls it with inputs of its
 * own (preset fuzz); in every other build replay.c calls it with the files of corpus/<name>. It
 * always returns 0 and leaves nothing behind: no memory, no state, no clock or randomness.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The stated property, or the end of the process: an input that breaks it is a finding. */
#define HOLDS(condition)                                                                         \
    do {                                                                                         \
        if (!(condition)) {                                                                      \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                             \
        }                                                                                        \
    } while (0)

/* NUL-terminated within size, and no control character that could forge a line of a log. */
bool fuzz_is_line(const char *text, size_t size);

/* A folder of this process alone, mode 0700, removed with its files when it ends. */
const char *fuzz_folder(void);
/* Puts bytes into folder/name, readable by the owner only; path has room for FUZZ_PATH. */
enum { FUZZ_PATH = 128 };
void fuzz_file(char path[FUZZ_PATH], const char *name, const void *data, size_t size);

#endif

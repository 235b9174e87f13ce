/* Test vectors kept as "name = hex" lines in tests/vectors/. */
#ifndef CT_VECTOR_H
#define CT_VECTOR_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"

/* The bytes called name in tests/vectors/<file>; 0 and a message when there are none. */
static inline size_t ct_vector(uint8_t *out, size_t cap, const char *file, const char *name)
{
    char path[512];
    char line[4096];
    size_t len = 0;
    (void)snprintf(path, sizeof(path), "%s/tests/vectors/%s", CT_SOURCE_DIR, file);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        const size_t n = strlen(name);
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, name, n) == 0 && strncmp(line + n, " = ", 3) == 0 &&
            ct_unhex_var(out, cap, &len, line + n + 3, strlen(line + n + 3)) == CT_OK) {
            (void)fclose(f);
            return len;
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    printf("    no vector %s in %s\n", name, path);
    return 0;
}

#endif

/* Mapping by mapping, as /proc/PID/smaps lists them, a piece at a time. */
#include "memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 1 << 20 };

struct mapping {
    uint64_t from, to;
    bool is_readable;
};

/* Pieces overlap by less than the bytes sought, so that each place counts once. */
static unsigned count(int fd, char *piece, const struct mapping *m, const void *bytes, size_t len)
{
    unsigned n = 0;
    for (uint64_t at = m->from; at < m->to;) {
        size_t want = m->to - at < PIECE ? (size_t)(m->to - at) : PIECE;
        ssize_t got = pread(fd, piece, want, (off_t)at);
        if (got < (ssize_t)len) {
            break; /* no memory of its own behind it, or its end */
        }
        const char *end = piece + got;
        for (const char *p = piece; (p = memmem(p, (size_t)(end - p), bytes, len)) != NULL; p++) {
            n++;
        }
        at += (uint64_t)got - (len - 1);
    }
    return n;
}

/* A mapping's head, "from-to rwxp ..", is no "Name: number". */
static bool parse_head(struct mapping *m, const char *line)
{
    char *end = NULL;
    m->from = strtoull(line, &end, 16);
    if (end == line || *end != '-') {
        return false;
    }
    m->to = strtoull(end + 1, &end, 16);
    m->is_readable = end[0] == ' ' && end[1] == 'r';
    return *end == ' ';
}

static void add(struct found *out, unsigned n, bool is_locked)
{
    *(is_locked ? &out->locked : &out->open) += n;
}

static void look(struct found *out, FILE *maps, int fd, char *piece, const void *bytes, size_t len)
{
    char line[512];
    unsigned n = 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        struct mapping m = {0};
        if (parse_head(&m, line)) {
            n = m.is_readable ? count(fd, piece, &m, bytes, len) : 0;
        } else if (strncmp(line, "VmFlags:", 8) == 0) { /* its last line; lo: locked */
            add(out, n, strstr(line, " lo ") != NULL);
            n = 0;
        }
    }
}

bool memory_find(struct found *out, pid_t pid, const void *bytes, size_t len)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/smaps", (int)pid);
    FILE *maps = fopen(path, "re");
    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *piece = malloc(PIECE);
    bool good = maps != NULL && fd >= 0 && piece != NULL;
    *out = (struct found){0};
    if (good) {
        look(out, maps, fd, piece, bytes, len);
    }
    free(piece);
    if (maps != NULL) {
        (void)fclose(maps);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return good;
}

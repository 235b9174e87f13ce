/* /proc/PID/stat and status. */
#include "wm_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t slurp_file(char *text, size_t cap, const char *path)
{
    FILE *f = fopen(path, "r");
    size_t n = f == NULL ? 0 : fread(text, 1, cap - 1, f);
    text[n] = '\0';
    if (f != NULL) {
        (void)fclose(f);
    }
    return n;
}

static size_t slurp(char *text, size_t cap, pid_t pid, const char *name)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return slurp_file(text, cap, path);
}

uint64_t bench_machine_ms(void)
{
    enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, FIELDS };
    char text[1024];
    unsigned long long ticks = 0;
    (void)slurp_file(text, sizeof text, "/proc/stat");
    char *at = strchr(text, ' '); /* "cpu  .." is the first line: all of them */
    for (int field = USER; at != NULL && field < FIELDS; field++) {
        unsigned long long one = strtoull(at, &at, 10);
        ticks += field == IDLE || field == IOWAIT ? 0 : one;
    }
    return ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK);
}

uint64_t bench_cpu_ms(pid_t pid)
{
    char text[2048];
    (void)slurp(text, sizeof text, pid, "stat");
    const char *at = strrchr(text, ')'); /* the name may hold blanks */
    unsigned long long ticks = 0;
    for (int field = 2; at != NULL && field < 15; field++) {
        at = strchr(at + 1, ' ');
        if (at != NULL && field >= 13) { /* utime and stime are the 14th and 15th */
            ticks += strtoull(at + 1, NULL, 10);
        }
    }
    return ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK);
}

uint64_t bench_rss_kb(pid_t pid)
{
    char text[4096];
    (void)slurp(text, sizeof text, pid, "status");
    const char *at = strstr(text, "VmRSS:");
    return at == NULL ? 0 : strtoull(at + 6, NULL, 10);
}

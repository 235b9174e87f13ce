/* Memory, CPU, open files and start, out of /proc; what cannot be read is left out. */
#include "operator/metrics_process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "operator/metrics.h"

static void one(struct ct_text *out, const char *name, const char *type, const char *help,
                double value)
{
    ct_text_add(out, "# HELP %s %s\n# TYPE %s %s\n%s ", name, help, name, type, name);
    ct_metrics_number(out, value);
    ct_text_put(out, "\n", 1);
}

/* The field of /proc/self/stat that proc(5) numbers so, from 3 on; 0 when it cannot be read. */
static unsigned long long stat_field(unsigned number)
{
    char text[1024];
    FILE *f = fopen("/proc/self/stat", "re");
    size_t n = f == NULL ? 0 : fread(text, 1, sizeof text - 1, f);
    if (f != NULL) {
        (void)fclose(f);
    }
    text[n] = '\0';
    unsigned long long value = 0;
    char *at = strrchr(text, ')'); /* the name before it may hold spaces */
    for (unsigned i = 2; at != NULL && i < number; i++) {
        at = strchr(at + 1, ' ');
    }
    return at != NULL && sscanf(at + 1, "%llu", &value) == 1 ? value : 0;
}

static double started_at(void)
{
    char line[256];
    unsigned long long boot = 0;
    FILE *f = fopen("/proc/stat", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL &&
           sscanf(line, "btime %llu", &boot) != 1) {
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return (double)boot + (double)stat_field(22) / (double)sysconf(_SC_CLK_TCK);
}

static double open_files(void)
{
    double n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d != NULL && readdir(d) != NULL) {
        n++;
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    return n > 3 ? n - 3 : 0; /* ".", ".." and the folder's own */
}

void ct_metrics_process(struct ct_text *out)
{
    struct rusage use;
    struct rlimit limit;
    if (getrusage(RUSAGE_SELF, &use) == 0) {
        one(out, "process_cpu_seconds_total", "counter", "CPU time of user and system",
            (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        one(out, "process_max_fds", "gauge", "Most open files", (double)limit.rlim_cur);
    }
    one(out, "process_open_fds", "gauge", "Open files", open_files());
    one(out, "process_resident_memory_bytes", "gauge", "Resident memory",
        (double)stat_field(24) * (double)sysconf(_SC_PAGESIZE));
    one(out, "process_start_time_seconds", "gauge", "Start of the process since 1970",
        started_at());
}

/* Log lines through the program's sink. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void ct_log(const struct ct_log *log, enum ct_log_level level, const char *format, ...)
{
    if (log == NULL || log->sink == NULL || level > log->max) {
        return;
    }
    char line[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    for (char *c = line; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
    log->sink(level, line, log->arg);
}

void ct_log_stderr(enum ct_log_level level, const char *line, void *arg)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    (void)arg;
    struct timespec now;
    struct tm utc;
    char stamp[32] = "";
    if (clock_gettime(CLOCK_REALTIME, &now) == 0 && gmtime_r(&now.tv_sec, &utc) != NULL) {
        (void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    }
    (void)fprintf(stderr, "%s.%03ldZ %s %s\n", stamp, now.tv_nsec / 1000000, names[level], line);
}

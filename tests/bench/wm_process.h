/* What a process has used, from /proc. */
#ifndef CT_BENCH_WM_PROCESS_H
#define CT_BENCH_WM_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/* Processor time of all its threads, in milliseconds. */
uint64_t bench_cpu_ms(pid_t pid);
/* Processor time that all processes of this machine have had, and those of the host beside it. */
uint64_t bench_machine_ms(void);
/* Resident memory now, in kB. */
uint64_t bench_rss_kb(pid_t pid);

#endif

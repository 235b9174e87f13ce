/* The only place where this host's clocks are read; machines below the programs get time passed in.
 */
#ifndef CT_BASE_CLOCK_H
#define CT_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

uint64_t ct_mono_ns(void); /* CLOCK_MONOTONIC */
uint64_t ct_mono_ms(void);
/* So long from now, as pthread_cond_timedwait() on CLOCK_MONOTONIC wants it. */
struct timespec ct_mono_after_ms(uint64_t ms);
uint64_t ct_wall_s(void);  /* seconds since 1970 */
uint64_t ct_wall_us(void); /* microseconds since 1970 */

/* The same, as they were at the timer's last tick, a few milliseconds ago: a fifth of the price. */
uint64_t ct_mono_coarse_ns(void);
uint64_t ct_wall_coarse_s(void);

#endif

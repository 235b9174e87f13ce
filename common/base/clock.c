/* This host's clocks. */
#include "base/clock.h"

#include <time.h>

uint64_t ct_mono_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail on Linux */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t ct_mono_ms(void)
{
    return ct_mono_ns() / 1000000u;
}

uint64_t ct_wall_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec > 0 ? (uint64_t)now.tv_sec : 0;
}

uint64_t ct_wall_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec > 0 ? (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u : 0;
}

uint64_t ct_mono_coarse_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t ct_wall_coarse_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec > 0 ? (uint64_t)now.tv_sec : 0;
}

struct timespec ct_mono_after_ms(uint64_t ms)
{
    const uint64_t until_ns = ct_mono_ns() + ms * 1000000u;
    return (struct timespec){.tv_sec = (time_t)(until_ns / 1000000000u),
                             .tv_nsec = (long)(until_ns % 1000000000u)};
}

/* A round of onboarding as figures; what others had of the machine comes last. */
#include "wm_outcome.h"

#include <stdio.h>
#include <stdlib.h>

#include "wm_stage.h"

static void say(const char *scene, const char *what, double value)
{
    char name[96];
    (void)snprintf(name, sizeof name, "onboard_%s_%s", scene, what);
    bench_figure(name, value);
}

static int by_rate(const void *a, const void *b)
{
    const struct bench_outcome *x = a;
    const struct bench_outcome *y = b;
    return (x->rate > y->rate) - (x->rate < y->rate);
}

void bench_tell_outcome(const char *scene, struct bench_outcome *of, size_t rounds)
{
    qsort(of, rounds, sizeof of[0], by_rate);
    const struct bench_outcome *o = &of[rounds / 2];
    say(scene, "per_s", o->rate);
    say(scene, "p50_ms", o->p50_ms);
    say(scene, "p99_ms", o->p99_ms);
    say(scene, "server_cpu_ms_each", o->server_ms);
    say(scene, "chain_cpu_ms_each", o->chain_ms);
    say(scene, "load_cpu_ms_each", o->load_ms);
    say(scene, "store_cpu_ms_each", o->store_ms);
    say(scene, "all_cpu_ms_each", o->server_ms + o->chain_ms + o->load_ms + o->store_ms);
    say(scene, "not_done", o->not_done);
    say(scene, "others_percent", o->others);
}

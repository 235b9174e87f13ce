/* Devices from nothing to an approved record, as many as go: both roads, both stores, both clocks
 * of the chain, with batches and without. */
#include "wm_stage.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform.h"
#include "wm_device.h"
#include "wm_outcome.h"
#include "wm_people.h"
#include "wm_process.h"

enum { THREADS = 32, IN_FLIGHT = 28 /* of each thread */, MOST_MS = 100000 };

enum { ROUNDS_MAX = 8 };

struct scene {
    const char *name;
    size_t share; /* of the stage's devices: one in so many */
    bool on_redis, is_funded, every_second, is_single;
    bool is_quick;     /* played in a quick run, too */
    bool has_the_goal; /* played as often as what is compared */
};

struct crowd {
    struct bench_device *devices;
    size_t count;
    atomic_size_t next; /* the first that nobody has taken */
    uint64_t until_ms;
};

static void rest(void)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    (void)nanosleep(&moment, NULL);
}

/* Steps what is due; how many are still on their way. */
static size_t look_after(struct bench_device **mine, size_t count, struct ct_chain *chain)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        struct bench_device *d = mine[i];
        if (ct_mono_ms() >= d->due_ms) {
            bench_device_step(d, chain);
        }
        if (d->step < BENCH_DONE) {
            mine[left++] = d;
        } else {
            device_close(&d->device);
        }
    }
    return left;
}

static void *bring(void *arg)
{
    struct crowd *c = arg;
    struct bench_device *mine[IN_FLIGHT];
    struct ct_chain *chain = NULL;
    struct ct_why why = {{0}};
    size_t count = 0;
    bool more = ct_chain_open(&chain, &platform.bundle, NULL, &why) == CT_OK;
    while ((more || count > 0) && ct_mono_ms() < c->until_ms) {
        size_t at = more && count < IN_FLIGHT ? atomic_fetch_add(&c->next, 1) : c->count;
        if (at < c->count) {
            mine[count++] = &c->devices[at];
            bench_device_step(&c->devices[at], chain);
        } else {
            more = more && count == IN_FLIGHT;
            rest();
        }
        count = look_after(mine, count, chain);
    }
    ct_chain_free(chain);
    return NULL;
}

static void run_crowd(struct crowd *c)
{
    pthread_t threads[THREADS];
    size_t started = 0;
    c->until_ms = ct_mono_ms() + MOST_MS;
    while (started < THREADS && pthread_create(&threads[started], NULL, bring, c) == 0) {
        started++;
    }
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return (*x > *y) - (*x < *y);
}

/* Processor time of the parts, and what percent of the machine others had. */
struct spent {
    uint64_t server_ms, chain_ms, load_ms, store_ms;
    double others;
};

static struct spent spent_now(void)
{
    return (struct spent){.server_ms = bench_cpu_ms(platform.pid),
                          .chain_ms = bench_cpu_ms(platform.anvil.pid),
                          .load_ms = bench_cpu_ms(getpid()),
                          .store_ms = platform.on_redis ? bench_cpu_ms(platform.redis.pid) : 0};
}

/* The crowd runs; what that took. */
static struct spent run_and_weigh(struct crowd *c)
{
    struct spent before = spent_now();
    uint64_t machine_ms = bench_machine_ms();
    uint64_t began_ms = ct_mono_ms();
    run_crowd(c);
    struct spent s = spent_now();
    machine_ms = bench_machine_ms() - machine_ms;
    double wall_ms = (double)(ct_mono_ms() - began_ms) * (double)sysconf(_SC_NPROCESSORS_ONLN);
    s.server_ms -= before.server_ms;
    s.chain_ms -= before.chain_ms;
    s.load_ms -= before.load_ms;
    s.store_ms -= before.store_ms;
    double others_ms =
        (double)machine_ms - (double)(s.server_ms + s.chain_ms + s.load_ms + s.store_ms);
    s.others = others_ms > 0 ? others_ms * 100 / wall_ms : 0;
    return s;
}

/* What was seen of those that got there, in the order of time. */
struct seen {
    uint64_t *ends, *waits;
    size_t done;
    uint64_t first_start_ms, last_start_ms;
};

static void look(struct seen *seen, const struct crowd *c)
{
    seen->first_start_ms = UINT64_MAX;
    for (size_t i = 0; i < c->count; i++) {
        const struct bench_device *d = &c->devices[i];
        if (d->step == BENCH_DONE) {
            seen->ends[seen->done] = d->ended_ms;
            seen->waits[seen->done++] = d->ended_ms - d->began_ms;
            seen->first_start_ms =
                d->began_ms < seen->first_start_ms ? d->began_ms : seen->first_start_ms;
            seen->last_start_ms =
                d->began_ms > seen->last_start_ms ? d->began_ms : seen->last_start_ms;
        }
    }
    qsort(seen->ends, seen->done, sizeof *seen->ends, by_value);
    qsort(seen->waits, seen->done, sizeof *seen->waits, by_value);
}

/*
 * Sustained: while as many are on their way as may be, so from the first tenth that is done until
 * nobody starts any more. With too few for that, all of them from the first start to the last end.
 */
static double rate_of(const struct seen *seen)
{
    size_t from = seen->done / 10;
    size_t to = from;
    while (to + 1 < seen->done && seen->ends[to + 1] <= seen->last_start_ms) {
        to++;
    }
    if (to - from < seen->done / 4) {
        uint64_t whole_ms = seen->ends[seen->done - 1] - seen->first_start_ms;
        return (double)seen->done * 1000 / (double)(whole_ms + 1);
    }
    return (double)(to - from) * 1000 / (double)(seen->ends[to] - seen->ends[from] + 1);
}

static bool judge(struct bench_outcome *out, const struct crowd *c, const struct spent *spent)
{
    struct seen seen = {.ends = calloc(c->count, sizeof *seen.ends),
                        .waits = calloc(c->count, sizeof *seen.waits)};
    bool good = seen.ends != NULL && seen.waits != NULL;
    if (good) {
        look(&seen, c);
        good = seen.done > 20;
    }
    if (good) {
        double done = (double)seen.done;
        size_t middle = seen.done / 2;
        size_t late = seen.done * 99 / 100;
        *out = (struct bench_outcome){.rate = rate_of(&seen),
                                      .p50_ms = (double)seen.waits[middle],
                                      .p99_ms = (double)seen.waits[late],
                                      .server_ms = (double)spent->server_ms / done,
                                      .chain_ms = (double)spent->chain_ms / done,
                                      .load_ms = (double)spent->load_ms / done,
                                      .store_ms = (double)spent->store_ms / done,
                                      .others = spent->others,
                                      .not_done = (double)(c->count - seen.done)};
    }
    free(seen.ends);
    free(seen.waits);
    return good;
}

static bool measure(struct bench_outcome *out, const struct scene *s, size_t count)
{
    struct crowd c = {.devices = calloc(count, sizeof *c.devices), .count = count};
    bool good = c.devices != NULL;
    for (size_t i = 0; good && i < count; i++) {
        good = bench_device_new(&c.devices[i], i, s->is_funded);
    }
    if (good && s->every_second) {
        good = platform_call("evm_setAutomine", "[false]") &&
               platform_call("evm_setIntervalMining", "[1]");
    }
    if (good) {
        const struct spent spent = run_and_weigh(&c);
        good = judge(out, &c, &spent);
    }
    for (size_t i = 0; c.devices != NULL && i < count; i++) {
        device_close(&c.devices[i].device);
    }
    free(c.devices);
    return good;
}

static bool play(struct bench_outcome *out, const struct scene *s, const char *server,
                 const struct bench_size *size)
{
    bool good = bench_platform(server, s->on_redis) &&
                (!s->is_single || platform_set("\nbatch = 64", "\nbatch = 1")) &&
                platform_set("\nper-hour-gwei = 250000000", "\nper-hour-gwei = 90000000000") &&
                platform_set("\nper-day-gwei = 2000000000", "\nper-day-gwei = 90000000000") &&
                platform_fund(platform.approver.addr20) && platform_fund(platform.funder.addr20) &&
                bench_run() && measure(out, s, size->devices / s->share);
    if (!good) {
        (void)fprintf(stderr, "bench: %s could not be measured\n", s->name);
    }
    (void)platform_end(SIGTERM);
    platform_stop();
    return good;
}

/* The round in the middle is told whole. */
static bool play_rounds(const struct scene *s, const char *server, const struct bench_size *size)
{
    struct bench_outcome of[ROUNDS_MAX];
    size_t rounds = s->has_the_goal && size->rounds < ROUNDS_MAX ? size->rounds : 1;
    bool good = true;
    for (size_t i = 0; i < rounds && good; i++) {
        good = play(&of[i], s, server, size);
    }
    if (good) {
        bench_tell_outcome(s->name, of, rounds);
    }
    return good;
}

bool bench_stage_onboard(const struct bench_size *size, const char *server)
{
    static const struct scene scenes[] = {
        {"sponsored_1s_sqlite", 1, false, false, true, false, true, true},
        {"sponsored_1s_redis", 1, true, false, true, false, true, false},
        {"funded_1s_sqlite", 4, false, true, true, false, true, false},
        {"sponsored_instant_sqlite", 1, false, false, false, false, false, false},
        {"sponsored_instant_redis", 1, true, false, false, false, false, false},
        {"sponsored_1s_single_sqlite", 4, false, false, true, true, false, false},
        {"sponsored_instant_single_sqlite", 4, false, false, false, true, false, false},
        {"funded_1s_redis", 4, true, true, true, false, false, false},
        {"funded_instant_sqlite", 4, false, true, false, false, false, false},
    };
    const char *only = getenv("WM_BENCH_ONLY");
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        const struct scene *s = &scenes[i];
        bool wanted = only == NULL ? s->is_quick || !size->is_quick : strcmp(only, s->name) == 0;
        if (wanted && !play_rounds(s, server, size)) {
            return false;
        }
    }
    return true;
}

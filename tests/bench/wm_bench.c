/* The wallet manager measured from outside: each stage starts it and puts a load on it. For wm.mjs:
 * a line "figure NAME VALUE" each. */
#include "wm_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "platform.h"
#include "wm_people.h"
#include "wm_seed.h"

void bench_figure(const char *name, double value)
{
    printf("figure %s %.3f\n", name, value);
    (void)fflush(stdout);
}

void bench_figures(const char *prefix, const struct bench_seen *seen)
{
    char name[96];
    (void)snprintf(name, sizeof name, "%s_per_s", prefix);
    bench_figure(name, seen->rate);
    (void)snprintf(name, sizeof name, "%s_p50_us", prefix);
    bench_figure(name, seen->p50_us);
    (void)snprintf(name, sizeof name, "%s_p99_us", prefix);
    bench_figure(name, seen->p99_us);
    if (seen->failed > 0) {
        (void)snprintf(name, sizeof name, "%s_failed", prefix);
        bench_figure(name, (double)seen->failed);
    }
}

static uint16_t port_of(const char *url)
{
    const char *colon = strrchr(url, ':');
    return colon == NULL ? 0 : (uint16_t)strtoul(colon + 1, NULL, 10);
}

uint16_t bench_plain_port(void)
{
    return port_of(platform.bundle.wm_handshake_url);
}

uint16_t bench_tls_port(void)
{
    return port_of(platform.bundle.wm_tls_url);
}

static char store_name[32];

const char *bench_store_path(void)
{
    static char path[160];
    (void)snprintf(path, sizeof path, "%s/wm/%s", platform.folder, store_name);
    return path;
}

bool bench_use_store(const char *name)
{
    char old[64];
    char new[64];
    (void)snprintf(old, sizeof old, "\npath = %s\n", store_name);
    (void)snprintf(new, sizeof new, "\npath = %s\n", name);
    (void)snprintf(store_name, sizeof store_name, "%s", name);
    return platform_set(old, new);
}

bool bench_few_store(const struct bench_size *size)
{
    return bench_use_store("few.sqlite") &&
           (access(bench_store_path(), F_OK) == 0 ||
            bench_seed_sqlite(bench_store_path(), 0, size->few, CT_OP_DONE));
}

/* Nothing but the machine limits the load. */
static bool lift_limits(void)
{
    static const char *const lines[][2] = {
        {"\nconnections = 256", "\nconnections = 60000"},
        {"\nconnections-per-address = 64", "\nconnections-per-address = 60000"},
        {"\nparty-per-minute = 120", "\nparty-per-minute = 0"},
        {"\ntoken-per-minute = 60", "\ntoken-per-minute = 0"},
        {"\nprefix-per-minute = 6000", "\nprefix-per-minute = 0"},
        {"\noperator = 127.0.0.1:9180", "\noperator = 127.0.0.1:0"}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (!platform_set(lines[i][0], lines[i][1])) {
            (void)fprintf(stderr, "bench: the configuration has no%s\n", lines[i][0]);
            return false;
        }
    }
    return true;
}

bool bench_platform(const char *server, bool on_redis)
{
    (void)snprintf(store_name, sizeof store_name, "wm.sqlite");
    return platform_start(server, on_redis) && bench_people_new() && lift_limits();
}

bool bench_run(void)
{
    platform_mine();
    return platform_run();
}

static bool allow_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return false;
    }
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static bool one_of(const char *wanted, const char *name)
{
    return strcmp(wanted, "all") == 0 || strcmp(wanted, name) == 0;
}

static bool run(const struct bench_size *size, const char *server, const char *wanted)
{
    bool good = true;
    if (!one_of(wanted, "onboard") || strcmp(wanted, "all") == 0) {
        good = bench_platform(server, false);
        good = good && (!one_of(wanted, "reads") || bench_stage_reads(size));
        good = good && (!one_of(wanted, "memory") || bench_stage_memory(size));
        good = good && (!one_of(wanted, "many") || bench_stage_many(size));
        good = good && (!one_of(wanted, "restart") || bench_stage_restart(size));
        platform_stop();
    }
    return good && (!one_of(wanted, "onboard") || bench_stage_onboard(size, server));
}

int main(int argc, char **argv)
{
    static const struct bench_size quick = {.is_quick = true,
                                            .ms = 2000,
                                            .rounds = 1,
                                            .few = 1000,
                                            .many = 100000,
                                            .idle = 10000,
                                            .pending = 10000,
                                            .devices = 3000};
    static const struct bench_size whole = {.ms = 4000,
                                            .rounds = 3,
                                            .few = 1000,
                                            .many = 1000000,
                                            .idle = 10000,
                                            .pending = 100000,
                                            .devices = 4000};
    if (argc != 4 || !allow_files()) {
        (void)fprintf(stderr, "usage: wm_bench SERVER quick|whole all|STAGE\n");
        return 2;
    }
    return run(strcmp(argv[2], "quick") == 0 ? &quick : &whole, argv[1], argv[3]) ? 0 : 1;
}

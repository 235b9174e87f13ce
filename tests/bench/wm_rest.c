/* Memory, many devices, and how long a start takes. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform.h"
#include "wm_measure.h"
#include "wm_people.h"
#include "wm_process.h"
#include "wm_seed.h"

/* ---- memory ---- */

static void say(const char *name, const char *what, double value)
{
    char label[96];
    (void)snprintf(label, sizeof label, "idle_%s_%s", name, what);
    bench_figure(label, value);
}

static bool idle(const char *name, enum bench_way way, const struct bench_size *size)
{
    struct bench_load load = {.port = way == BENCH_PLAIN ? bench_plain_port() : bench_tls_port(),
                              .way = way,
                              .connections = size->idle};
    load.psk_count = 64;
    load.psks = bench_enrol(bench_plain_port(), load.psk_count);
    uint64_t before_kb = bench_rss_kb(platform.pid);
    uint64_t began_ms = ct_mono_ms();
    struct bench_idle *all = load.psks == NULL ? NULL : bench_idle_open(&load);
    if (all == NULL) {
        return false;
    }
    uint64_t with_kb = bench_rss_kb(platform.pid);
    size_t left = bench_idle_left(all); /* who was quiet for 10 s has been sent away */
    say(name, "connections", (double)left);
    say(name, "opened_in_ms", (double)(ct_mono_ms() - began_ms));
    say(name, "rss_mb", (double)with_kb / 1024);
    say(name, "kb_each", left == 0 ? 0 : ((double)with_kb - (double)before_kb) / (double)left);
    bench_idle_close(all);
    return left > 0;
}

bool bench_stage_memory(const struct bench_size *size)
{
    bool good = bench_few_store(size) && bench_run() && idle("plain", BENCH_PLAIN, size);
    (void)platform_end(SIGTERM);
    good = good && bench_run() && idle("tls", BENCH_TLS13, size);
    (void)platform_end(SIGTERM);
    return good;
}

/* ---- many devices ---- */

/* With the few devices, then with the many, each in a store of its own. */
static bool both(struct bench_sum *few, struct bench_sum *many, const struct bench_size *size)
{
    static const struct bench_way_in read = {"many", BENCH_TLS13, bench_path_operation};
    bool good =
        bench_few_store(size) && bench_run() && bench_wm_once(few, &read, size, false, size->few);
    (void)platform_end(SIGTERM);
    good = good && bench_use_store("wm.sqlite") && bench_run() &&
           bench_wm_once(many, &read, size, false, size->many);
    return good;
}

bool bench_stage_many(const struct bench_size *size)
{
    struct bench_sum few = {.count = 0};
    struct bench_sum many = {.count = 0};
    bool good = bench_few_store(size) && bench_use_store("wm.sqlite") &&
                bench_seed_sqlite(bench_store_path(), 0, size->many, CT_OP_DONE);
    uint64_t began_ms = ct_mono_ms();
    good = good && bench_run();
    if (!good) {
        return false;
    }
    bench_figure("many_devices", (double)size->many);
    bench_figure("many_ready_ms", (double)(ct_mono_ms() - began_ms));
    (void)sleep(3); /* every loop has been round, the page's and the relays', too */
    bench_figure("many_rest_rss_mb", (double)bench_rss_kb(platform.pid) / 1024);
    (void)platform_end(SIGTERM);
    for (unsigned i = 0; i < size->rounds && good; i++) {
        (void)platform_end(SIGTERM);
        good = both(&few, &many, size);
    }
    if (good) {
        bench_tell("few", &few);
        bench_tell("many", &many);
        bench_figure("many_loaded_rss_mb", (double)bench_rss_kb(platform.pid) / 1024);
    }
    (void)platform_end(SIGTERM);
    return good;
}

/* ---- after kill -9 ---- */

bool bench_stage_restart(const struct bench_size *size)
{
    uint64_t worst_ms = 0;
    bool good = bench_use_store("wm.sqlite") &&
                bench_seed_sqlite(bench_store_path(), size->many, size->many + size->pending,
                                  CT_OP_QUEUED) &&
                platform_automine(false) && bench_run();
    for (int i = 0; i < 3 && good; i++) {
        (void)sleep(1); /* it is at work on them */
        (void)platform_end(SIGKILL);
        uint64_t began_ms = ct_mono_ms();
        good = bench_run() && bench_enrol(bench_plain_port(), 1) != NULL;
        uint64_t took_ms = ct_mono_ms() - began_ms;
        worst_ms = took_ms > worst_ms ? took_ms : worst_ms;
    }
    if (good) {
        bench_figure("restart_pending", (double)size->pending);
        bench_figure("restart_ready_ms", (double)worst_ms);
        bench_figure("restart_rss_mb", (double)bench_rss_kb(platform.pid) / 1024);
    }
    (void)platform_end(SIGKILL);
    return good;
}

/* Requests and handshakes a second, and memory: the wallet manager beside its HTTP library alone.
 */
#include "wm_measure.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform.h"
#include "wm_people.h"
#include "wm_process.h"
#include "wm_seed.h"

enum { PER_PSK = 1900, FEW_PSKS = 192 };

/* ---- paths ---- */

void bench_path_health(void *arg, size_t psk, uint64_t n, char *out, size_t cap)
{
    (void)arg;
    (void)psk;
    (void)n;
    (void)snprintf(out, cap, "/healthz");
}

void bench_path_me(void *arg, size_t psk, uint64_t n, char *out, size_t cap)
{
    (void)arg;
    (void)psk;
    (void)n;
    (void)snprintf(out, cap, "/v1/me");
}

void bench_path_operation(void *devices, size_t psk, uint64_t n, char *out, size_t cap)
{
    const struct bench_devices *d = devices;
    char id[CT_OP_ID];
    uint64_t dice = (n + 1) * 0x9e3779b97f4a7c15u;
    size_t own = d->count / BENCH_WALLETS; /* of each wallet */
    bench_op_id(id, psk % BENCH_WALLETS + BENCH_WALLETS * ((dice >> 20) % own));
    (void)snprintf(out, cap, "/v1/operations/%s", id);
}

/* ---- one measurement ---- */

static void add(struct bench_sum *s, const struct bench_one *one)
{
    size_t at = s->count++;
    while (at > 0 && s->of[at - 1].seen.rate > one->seen.rate) {
        s->of[at] = s->of[at - 1];
        at--;
    }
    s->of[at] = *one;
}

static void tell_one(const char *name, const char *what, double value)
{
    char label[96];
    (void)snprintf(label, sizeof label, "%s_%s", name, what);
    bench_figure(label, value);
}

void bench_tell(const char *name, const struct bench_sum *s)
{
    const struct bench_one *middle = &s->of[s->count / 2];
    bench_figures(name, &middle->seen);
    tell_one(name, "server_cpu_us", middle->cpu_us);
    tell_one(name, "others_percent", middle->others);
}

/* Load on a running process: into the sum. */
bool bench_put(struct bench_sum *s, const struct bench_load *load, bool shakes, pid_t pid)
{
    struct bench_one one;
    uint64_t began_ms = ct_mono_ms();
    uint64_t server_ms = bench_cpu_ms(pid);
    uint64_t load_ms = bench_cpu_ms(getpid());
    uint64_t machine_ms = bench_machine_ms();
    if (!(shakes ? bench_handshakes(load, &one.seen) : bench_requests(load, &one.seen))) {
        (void)fprintf(stderr, "bench: nothing was answered\n");
        return false;
    }
    server_ms = bench_cpu_ms(pid) - server_ms;
    load_ms = bench_cpu_ms(getpid()) - load_ms;
    machine_ms = bench_machine_ms() - machine_ms;
    double wall_ms = (double)(ct_mono_ms() - began_ms) * (double)sysconf(_SC_NPROCESSORS_ONLN);
    double others_ms = (double)machine_ms - (double)(server_ms + load_ms);
    one.others = others_ms > 0 ? others_ms * 100 / wall_ms : 0;
    /* the warm-up's requests are not counted: an eighth of the time and a little */
    double share = (double)load->ms / ((double)load->ms + (double)load->ms / 8 + 50);
    one.cpu_us = (double)server_ms * 1000 * share / (double)one.seen.done;
    add(s, &one);
    return true;
}

bool bench_wm_once(struct bench_sum *s, const struct bench_way_in *w, const struct bench_size *size,
                   bool shakes, size_t devices)
{
    struct bench_devices d = {.count = devices};
    struct bench_load load = {.port = w->way == BENCH_PLAIN ? bench_plain_port() : bench_tls_port(),
                              .way = w->way,
                              .connections = shakes ? BENCH_SHAKERS : BENCH_CONNECTIONS,
                              .ms = size->ms,
                              .per_psk = PER_PSK,
                              .path = w->path,
                              .path_arg = &d};
    if (w->way != BENCH_PLAIN) {
        load.psk_count = shakes ? 64 : FEW_PSKS + size->ms / 20;
        load.psks = bench_enrol(bench_plain_port(), load.psk_count);
        if (load.psks == NULL) {
            return false;
        }
    }
    return bench_put(s, &load, shakes, platform.pid);
}

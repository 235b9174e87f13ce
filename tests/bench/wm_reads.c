/* Requests and handshakes a second: the wallet manager beside its HTTP library alone. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "platform.h"
#include "scene.h"
#include "wm_bare.h"
#include "wm_measure.h"
#include "wm_seed.h"

static const char constant[] = "{\"operation\":\"0123456789abcdef0123456789abcdef\",\"state\":"
                               "\"done\",\"transaction\":\"0x0123456789abcdef0123456789abcdef"
                               "0123456789abcdef0123456789abcdef\",\"block\":1234}";

static bool bare_once(struct bench_sum *s, enum bench_way way, const struct bench_size *size,
                      bool shakes, const char *body)
{
    static const struct bench_psk psk = {.identity = "0123456789abcdef0123456789abcdef",
                                         .key32 = {7}};
    uint16_t port = scene_port(SOCK_STREAM);
    pid_t pid = bench_bare_start(port, way == BENCH_PLAIN ? NULL : &psk, body);
    const struct bench_load load = {.port = port,
                                    .way = way,
                                    .connections = shakes ? BENCH_SHAKERS : BENCH_CONNECTIONS,
                                    .ms = size->ms,
                                    .psks = &psk,
                                    .psk_count = 1,
                                    .path = bench_path_health};
    bool good = pid > 0 && bench_put(s, &load, shakes, pid);
    bench_bare_stop(pid);
    return good;
}

static bool side_by_side(const struct bench_way_in *w, const struct bench_size *size,
                         const char *bare, bool shakes, const char *body)
{
    struct bench_sum own = {.count = 0};
    struct bench_sum alone = {.count = 0};
    char name[64];
    for (unsigned i = 0; i < size->rounds; i++) {
        if (!bare_once(&alone, w->way, size, shakes, body) ||
            !bench_wm_once(&own, w, size, shakes, size->few)) {
            return false;
        }
    }
    bench_tell(w->name, &own);
    (void)snprintf(name, sizeof name, "%s", bare);
    bench_tell(name, &alone);
    return true;
}

bool bench_stage_reads(const struct bench_size *size)
{
    static const struct bench_way_in plain = {"plain_healthz", BENCH_PLAIN, bench_path_health};
    static const struct bench_way_in tls = {"tls_operation", BENCH_TLS13, bench_path_operation};
    static const struct bench_way_in me = {"tls_me", BENCH_TLS13, bench_path_me};
    static const struct bench_way_in shake13 = {"handshake_tls13", BENCH_TLS13, bench_path_me};
    static const struct bench_way_in shake12 = {"handshake_tls12", BENCH_TLS12, bench_path_me};
    struct bench_sum sum = {.count = 0};
    bool good = bench_few_store(size) && bench_run() &&
                side_by_side(&plain, size, "bare_plain", false, "{\"status\":\"ok\"}") &&
                side_by_side(&tls, size, "bare_tls", false, constant) &&
                bench_wm_once(&sum, &me, size, false, size->few);
    if (good) {
        bench_tell(me.name, &sum);
        good = side_by_side(&shake13, size, "bare_handshake_tls13", true, constant) &&
               side_by_side(&shake12, size, "bare_handshake_tls12", true, constant);
        bench_figure("openssl_in_memory_tls13_per_s", bench_tls_in_memory(true, size->ms / 2));
        bench_figure("openssl_in_memory_tls12_per_s", bench_tls_in_memory(false, size->ms / 2));
    }
    (void)platform_end(SIGTERM);
    return good;
}

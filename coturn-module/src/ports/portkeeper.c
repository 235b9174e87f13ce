/* The remembered ports of a running relay: asked by its threads, written by a thread of its own. */
#include "ports/portkeeper.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "chain/sealed.h"
#include "passes/passes.h"
#include "ports/portfile.h"
#include "ports/ports.h"

enum {
    PAUSE_MS = 100, /* between writes, and at least this many times what one took: */
    PAUSE_TIMES = 20,
    RETRY_MS = 5000,
    STOP_MS = 2000,
};

struct ct_portkeeper {
    struct ct_portkeeper_config config;
    pthread_mutex_t lock; /* guards what follows: asked when an allocation comes or goes */
    pthread_cond_t wake;
    struct ct_ports *ports;
    bool is_changed;
    bool runs, stopping;
};

static ct_err init_waiting(struct ct_portkeeper *k)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0) {
        return CT_ERR_SYSTEM;
    }
    bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&k->wake, &attr) == 0;
    (void)pthread_condattr_destroy(&attr);
    if (ok && pthread_mutex_init(&k->lock, NULL) != 0) {
        (void)pthread_cond_destroy(&k->wake);
        ok = false;
    }
    return ok ? CT_OK : CT_ERR_SYSTEM;
}

static void load(struct ct_portkeeper *k)
{
    struct ct_port *list = NULL;
    size_t count = 0;
    struct ct_why why = {""};
    ct_sealed_sweep(k->config.path);
    ct_err err = ct_portfile_load(&list, &count, k->config.deployment32, k->config.path, &why);
    if (err == CT_OK) {
        err = ct_ports_take_over(k->ports, list, count, ct_wall_s());
        if (err != CT_OK) {
            (void)ct_why(&why, err, "%s has a port twice", k->config.path);
        }
        ct_log(&k->config.log, CT_LOG_INFO, "ports_remembered count=%zu", ct_ports_count(k->ports));
    }
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        ct_log(&k->config.log, CT_LOG_WARN, "ports_forgotten reason=\"%s\"", why.text);
    }
    free(list);
}

ct_err ct_portkeeper_new(struct ct_portkeeper **out, const struct ct_portkeeper_config *config,
                         struct ct_why *why)
{
    struct ct_portkeeper *k = calloc(1, sizeof(*k));
    if (!k || ct_ports_new(&k->ports) != CT_OK || init_waiting(k) != CT_OK) {
        if (k) {
            ct_ports_free(k->ports);
            free(k);
        }
        return ct_why(why, CT_ERR_NOMEM, "no memory for the ports");
    }
    k->config = *config;
    load(k);
    *out = k;
    return CT_OK;
}

void ct_portkeeper_free(struct ct_portkeeper *k)
{
    if (k) {
        ct_ports_free(k->ports);
        (void)pthread_cond_destroy(&k->wake);
        (void)pthread_mutex_destroy(&k->lock);
        free(k);
    }
}

/* ---- writing ---- */

/* Until it is woken, or for that long; with the lock held. */
static void wait_ms(struct ct_portkeeper *k, uint64_t ms)
{
    const struct timespec until = ct_mono_after_ms(ms);
    (void)pthread_cond_timedwait(&k->wake, &k->lock, &until);
}

/* With the lock held, which is given up while the disk works. */
static ct_err write_out(struct ct_portkeeper *k, struct ct_why *why)
{
    size_t room = ct_ports_count(k->ports);
    struct ct_port *list = calloc(room + 1, sizeof(*list));
    if (!list) {
        return ct_why(why, CT_ERR_NOMEM, "no memory for a copy");
    }
    size_t count = ct_ports_list(k->ports, list, room, ct_wall_s());
    k->is_changed = false;
    (void)pthread_mutex_unlock(&k->lock);
    ct_err err = ct_portfile_save(list, count, k->config.deployment32, k->config.path, why);
    (void)pthread_mutex_lock(&k->lock);
    free(list);
    return err;
}

static void rest(struct ct_portkeeper *k, uint64_t ms)
{
    uint64_t until = ct_mono_ms() + ms;
    for (uint64_t now = ct_mono_ms(); !k->stopping && now < until; now = ct_mono_ms()) {
        wait_ms(k, until - now);
    }
}

static void *run(void *arg)
{
    struct ct_portkeeper *k = arg;
    bool failed = false;
    (void)pthread_mutex_lock(&k->lock);
    while (!k->stopping || (k->is_changed && !failed)) {
        if (!k->is_changed) {
            (void)pthread_cond_wait(&k->wake, &k->lock);
            continue;
        }
        struct ct_why why = {""};
        uint64_t began = ct_mono_ms();
        ct_err err = write_out(k, &why);
        if (err != CT_OK && !failed) {
            ct_log(&k->config.log, CT_LOG_WARN, "ports_not_saved reason=\"%s\"", why.text);
        } else if (err == CT_OK && failed) {
            ct_log(&k->config.log, CT_LOG_INFO, "ports_saved_again");
        }
        failed = err != CT_OK;
        k->is_changed = k->is_changed || failed;
        uint64_t pause = (ct_mono_ms() - began) * PAUSE_TIMES;
        rest(k, failed ? RETRY_MS : pause > PAUSE_MS ? pause : PAUSE_MS);
    }
    k->runs = false;
    (void)pthread_cond_broadcast(&k->wake);
    (void)pthread_mutex_unlock(&k->lock);
    return NULL;
}

/* Signals are the server's: its event loop answers them, not this thread. */
ct_err ct_portkeeper_start(struct ct_portkeeper *k, struct ct_why *why)
{
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    k->runs = true;
    bool started = pthread_create(&thread, NULL, run, k) == 0;
    if (started) {
        (void)pthread_detach(thread);
    } else {
        k->runs = false;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started ? CT_OK : ct_why(why, CT_ERR_SYSTEM, "no thread could be started for the ports");
}

void ct_portkeeper_stop(struct ct_portkeeper *k)
{
    uint64_t until = ct_mono_ms() + STOP_MS;
    (void)pthread_mutex_lock(&k->lock);
    k->stopping = true;
    (void)pthread_cond_broadcast(&k->wake);
    for (uint64_t now = ct_mono_ms(); k->runs && now < until; now = ct_mono_ms()) {
        wait_ms(k, until - now);
    }
    (void)pthread_mutex_unlock(&k->lock);
}

/* ---- asking ---- */

static void changed(struct ct_portkeeper *k, bool is_changed)
{
    if (is_changed) {
        k->is_changed = true;
        (void)pthread_cond_signal(&k->wake);
    }
    (void)pthread_mutex_unlock(&k->lock);
}

void ct_portkeeper_stands(struct ct_portkeeper *k, const uint8_t pass16[16],
                          const struct ct_endpoint *relayed)
{
    (void)pthread_mutex_lock(&k->lock);
    changed(k, ct_ports_stands(k->ports, pass16, relayed));
}

void ct_portkeeper_ended(struct ct_portkeeper *k, const uint8_t pass16[16],
                         const struct ct_endpoint *relayed, bool was_given_back)
{
    (void)pthread_mutex_lock(&k->lock);
    changed(k, ct_ports_ended(k->ports, pass16, relayed, was_given_back, ct_wall_s()));
}

uint16_t ct_portkeeper_had(struct ct_portkeeper *k, const char *user, const struct ct_endpoint *at)
{
    uint8_t pass16[16];
    uint8_t renews16[16];
    if (!ct_passes_ids(pass16, renews16, user)) {
        return 0;
    }
    const struct ct_port_owner owner = {pass16, renews16};
    (void)pthread_mutex_lock(&k->lock);
    uint16_t port = ct_ports_had(k->ports, &owner, at->addr16, ct_wall_s());
    (void)pthread_mutex_unlock(&k->lock);
    return port;
}

bool ct_portkeeper_is_kept(struct ct_portkeeper *k, const char *user,
                           const struct ct_endpoint *relayed)
{
    uint8_t pass16[16];
    uint8_t renews16[16];
    bool is_pass = ct_passes_ids(pass16, renews16, user);
    const struct ct_port_owner owner = {is_pass ? pass16 : NULL, is_pass ? renews16 : NULL};
    (void)pthread_mutex_lock(&k->lock);
    bool is_kept = ct_ports_is_kept(k->ports, &owner, relayed, ct_wall_s());
    (void)pthread_mutex_unlock(&k->lock);
    return is_kept;
}

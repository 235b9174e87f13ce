/* Keeps the address policy current: interfaces come and go, names move. */
#include "hostwatch.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

enum { LOOK_MS = 30000, SOON_MS = 5000 };

/* Once, until the system tells its addresses again. */
static void tell_own(struct ct_hostwatch *w, const struct ct_host_policy *made)
{
    bool is_news = made->untold_errno != 0 && !w->is_untold;
    w->is_untold = made->untold_errno != 0;
    if (is_news) {
        char line[256];
        (void)snprintf(line, sizeof(line),
                       "own_addresses_unknown: the system does not tell the addresses of this "
                       "host's interfaces: %s; kept from peers are %s until it does",
                       strerror(made->untold_errno),
                       made->knows_own ? "those it told before"
                                       : "only the server's own addresses");
        w->host->log(CT_HOOK_WARNING, line);
    }
}

ct_err ct_hostwatch_open(struct ct_hostwatch *w, const struct ct_host *host,
                         const struct ct_relay_options *options, const struct ct_bundle *bundle,
                         struct ct_sets *sets, struct ct_why *why)
{
    ct_resolve *resolve = w->backends.resolve;
    void *arg = w->backends.arg;
    w->host = host;
    w->options = options;
    w->sets = sets;
    ct_backends_init(&w->backends, host, bundle);
    w->backends.resolve = resolve;
    w->backends.arg = arg;
    (void)ct_backends_look(&w->backends, host, ct_mono_ms() / 1000);
    ct_err err = ct_host_policy_make(&w->first, host, options, &w->backends, NULL, why);
    if (err == CT_OK) {
        tell_own(w, w->first);
    }
    return err == CT_OK ? ct_host_check(&w->first->policy, host, options, why) : err;
}

/* What is in force: the first one, or the one that was published last. */
static const struct ct_host_policy *in_force(struct ct_hostwatch *w)
{
    const struct ct_host_policy *published = ct_snapshot_read(&w->sets->policy);
    return published ? published : w->first;
}

/* true: it holds from now on, or holds already. */
static bool publish(struct ct_hostwatch *w, struct ct_host_policy *made)
{
    if (ct_host_policy_equal(made, in_force(w))) {
        free(made);
        return true;
    }
    w->host->log(CT_HOOK_INFO, "addresses_changed: of this host, or of what it depends on");
    if (!ct_snapshot_publish(&w->sets->policy, &w->sets->readers, made)) {
        free(made);
        return false;
    }
    return true;
}

uint32_t ct_hostwatch_look(struct ct_hostwatch *w, uint64_t now_s)
{
    struct ct_why why = {""};
    struct ct_host_policy *made = NULL;
    bool all = ct_backends_look(&w->backends, w->host, now_s);
    if (ct_host_policy_make(&made, w->host, w->options, &w->backends, in_force(w), &why) != CT_OK) {
        w->host->log(CT_HOOK_WARNING, why.text);
        return SOON_MS;
    }
    tell_own(w, made);
    all = all && !w->is_untold;
    bool is_done = publish(w, made);
    ct_snapshot_reap(&w->sets->policy, &w->sets->readers);
    return all && is_done ? LOOK_MS : SOON_MS;
}

static void *run(void *arg)
{
    struct ct_hostwatch *w = arg;
    uint32_t pause_ms = SOON_MS; /* interfaces may still come up */
    for (;;) {
        const struct timespec pause = {.tv_sec = pause_ms / 1000};
        (void)nanosleep(&pause, NULL);
        pause_ms = ct_hostwatch_look(w, ct_mono_ms() / 1000);
    }
    return NULL;
}

/* Signals are the server's. */
ct_err ct_hostwatch_start(struct ct_hostwatch *w, struct ct_why *why)
{
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, NULL, run, w);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        return ct_why(why, CT_ERR_SYSTEM, "the thread that watches addresses could not be started");
    }
    (void)pthread_detach(thread);
    return CT_OK;
}

void ct_hostwatch_close(struct ct_hostwatch *w)
{
    ct_backends_free(&w->backends);
    free(w->first);
    w->first = NULL;
}

/* The SCTP library, of which a process has one: started with its first user, ended with its last.
 */
#include "sctp_stack.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <usrsctp.h>

#include "base/secret.h"

#define STEP_MS UINT64_C(10)
#define QUEUE_MAX 512u /* packets; one more is lost, as on a network */
#define MAX_BURST 8u   /* packets that one acknowledgement sets free */
#define FINISH_TRIES 8
#define SHUTDOWN_S 180u /* 15 s are not enough for half a megabyte on a slow path */
#define BACK_MS 60000u  /* more than threads differ in what they call now */

/* The one mutable global state: the library has such, too. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ct_sctp_user *users;
static bool is_started;
static uintptr_t last_address;
static uint64_t step_ms; /* when the library's clock was last moved */

void ct_sctp_stack_lock(void)
{
    (void)pthread_mutex_lock(&lock);
}

void ct_sctp_stack_unlock(void)
{
    (void)pthread_mutex_unlock(&lock);
}

/* ---- packets out ---- */

/* Called by the library, thus under the lock. */
static int send_packet(void *address, void *packet, size_t len, uint8_t tos, uint8_t set_df)
{
    struct ct_sctp_user *user = users;
    (void)tos, (void)set_df;
    while (user != NULL && user->address != address) {
        user = user->next;
    }
    if (user == NULL || user->count >= QUEUE_MAX) {
        return -1;
    }
    struct ct_sctp_out *out = malloc(sizeof *out + len);
    if (out == NULL) {
        return -1;
    }
    out->next = NULL;
    out->len = len;
    memcpy(out->packet, packet, len);
    if (user->last != NULL) {
        user->last->next = out;
    } else {
        user->first = out;
    }
    user->last = out;
    user->count++;
    return 0;
}

static void drop_first(struct ct_sctp_user *user)
{
    struct ct_sctp_out *out = user->first;
    user->first = out->next;
    user->last = out->next != NULL ? user->last : NULL;
    user->count--;
    ct_wipe(out->packet, out->len);
    free(out);
}

ct_err ct_sctp_stack_take(struct ct_sctp_user *user, uint8_t *out, size_t cap, size_t *len)
{
    while (user->first != NULL && user->first->len > cap) {
        drop_first(user); /* none is, with the path MTU that is set */
    }
    if (user->first == NULL) {
        return CT_ERR_AGAIN;
    }
    memcpy(out, user->first->packet, user->first->len);
    *len = user->first->len;
    drop_first(user);
    return CT_OK;
}

void ct_sctp_stack_drop_all(struct ct_sctp_user *user)
{
    while (user->first != NULL) {
        drop_first(user);
    }
}

/* ---- users and time ---- */

static void start(void)
{
    usrsctp_init_nothreads(0, send_packet, NULL);
    /* extensions that a call has no use for: code that no peer reaches */
    (void)usrsctp_sysctl_set_sctp_ecn_enable(0);
    (void)usrsctp_sysctl_set_sctp_asconf_enable(0);
    (void)usrsctp_sysctl_set_sctp_auth_enable(0);
    (void)usrsctp_sysctl_set_sctp_pr_enable(0);
    (void)usrsctp_sysctl_set_sctp_nrsack_enable(0);
    (void)usrsctp_sysctl_set_sctp_pktdrop_enable(0);
    (void)usrsctp_sysctl_set_sctp_reconfig_enable(0);
    (void)usrsctp_sysctl_set_sctp_blackhole(2); /* packets of nobody are not answered */
    (void)usrsctp_sysctl_set_sctp_max_burst_default(MAX_BURST);
    /* on: bursts shrink the congestion window, to a third of the speed over 40 ms */
    (void)usrsctp_sysctl_set_sctp_use_cwnd_based_maxburst(0);
    /* 30: a reader that pauses for a minute and a half would lose the association */
    (void)usrsctp_sysctl_set_sctp_max_retran_chunk(0);
    (void)usrsctp_sysctl_set_sctp_shutdown_guard_time_default(SHUTDOWN_S);
    is_started = true;
}

void ct_sctp_stack_join(struct ct_sctp_user *user, uint64_t now_ms)
{
    memset(user, 0, sizeof *user);
    ct_sctp_stack_lock();
    if (!is_started) {
        start();
        step_ms = now_ms;
    }
    ct_sctp_stack_advance(now_ms);
    user->address = (void *)++last_address; /* NOLINT(performance-no-int-to-ptr) */
    user->next = users;
    users = user;
    usrsctp_register_address(user->address);
    ct_sctp_stack_unlock();
}

void ct_sctp_stack_leave(struct ct_sctp_user *user)
{
    ct_sctp_stack_lock();
    struct ct_sctp_user **at = &users;
    while (*at != NULL && *at != user) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = user->next;
        usrsctp_deregister_address(user->address);
        ct_sctp_stack_drop_all(user);
    }
    /* sockets that were closed are gone after a few of its steps; if not, it stays for the next */
    for (int i = 0; users == NULL && is_started && i < FINISH_TRIES; i++) {
        is_started = usrsctp_finish() != 0;
        if (is_started) {
            usrsctp_handle_timers((uint32_t)STEP_MS * 100u);
        }
    }
    ct_sctp_stack_unlock();
}

void ct_sctp_stack_advance(uint64_t now_ms)
{
    if (now_ms + BACK_MS < step_ms) {
        step_ms = now_ms; /* a clock that was set back, or another one */
    }
    uint64_t steps = now_ms > step_ms ? (now_ms - step_ms) / STEP_MS : 0;
    if (steps > 0 && is_started) {
        step_ms += steps * STEP_MS;
        usrsctp_handle_timers((uint32_t)(steps > 100000 ? 100000 : steps) * (uint32_t)STEP_MS);
    }
}

uint64_t ct_sctp_stack_next_ms(void)
{
    return step_ms + STEP_MS;
}

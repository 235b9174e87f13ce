/* The relay's course on the chain: what life.c decides, done one step at a time. */
#ifndef CT_RELAY_COURSE_H
#define CT_RELAY_COURSE_H

#include <stdbool.h>
#include <stdint.h>

#include "follow/follow.h"
#include "life/life.h"
#include "life/memo.h"
#include "life/outbox.h"
#include "life/registrar.h"

/* One thread's. config, follow, gives_up and arg are set by the owner, the rest is zero at first.
 */
struct ct_course {
    const struct ct_registrar_config *config;
    struct ct_follow *follow;
    struct ct_memo memo;
    struct ct_outbox outbox;
    bool (*gives_up)(void *arg); /* from any thread: it leaves, an approval is not waited for */
    void *arg;
    enum ct_life_step step; /* the last one */
    uint64_t due_ms;        /* not before this */
    uint64_t shows_ms;      /* until then what was approved is waited for */
    uint32_t wait_ms;       /* the pause after the last failure in a row, or 0 */
    uint64_t purse_ms;      /* when the balance was looked at */
    uint64_t poor_ms;       /* when a low one was told */
};

/* Takes up what an earlier run left. */
void ct_course_load(struct ct_course *c);
/* Does what is next, after each look at the chain; what fails is told and tried again. */
void ct_course_step(struct ct_course *c, bool is_leaving);
/* Is there something that is not to wait for the next usual look? */
bool ct_course_is_busy(const struct ct_course *c);

#endif

/* Devices that ask to be paid, and how often they were: by the chain's blocks, not by any store. */
#ifndef CT_WM_PAID_H
#define CT_WM_PAID_H

#include <stdbool.h>

#include "platform.h"

enum { PAID_WAIT_MS = 30000, PAID_STEP_MS = 100 };

/* The wallet manager of `server` with a short patience, on a chain that mines when it is told to.
 * It does not run yet. */
bool paid_platform(const char *server, bool on_redis);
void paid_pause(long ms);
/* Gives the funder ether, or takes all but one wei from it; a block is mined. */
bool paid_ether(bool some);
/* A device of that name, made at the first call, asks for what it needs. */
bool paid_ask(struct device *d, const char *name, struct ct_wm_operation *op);
/* Mines until it is over: was it done? An operation without an id was done before. */
bool paid_is_done(struct device *d, struct ct_wm_operation *op);
/* Without mining; one that is queued must have its reason, too. */
bool paid_await(struct device *d, struct ct_wm_operation *op, int state);
/* How many transactions of all blocks go to its wallet. */
unsigned paid_count(const struct device *d);

#endif

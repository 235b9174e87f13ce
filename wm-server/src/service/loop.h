/* A thread that does its round again and again: each period, or at once when kicked. */
#ifndef CT_WM_LOOP_H
#define CT_WM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>

struct ct_loop;

/* One round. It may take long, but should look at ct_loop_ending() before it waits for anything. */
typedef void ct_loop_round(void *arg, struct ct_loop *loop);

CT_MUST_USE ct_err ct_loop_start(struct ct_loop **out, uint32_t period_ms, ct_loop_round *round,
                                 void *arg);
void ct_loop_kick(struct ct_loop *loop); /* any thread; NULL is fine */
bool ct_loop_ending(struct ct_loop *loop);
void ct_loop_stop(struct ct_loop *loop); /* waits for the round under way; NULL is fine */

#endif

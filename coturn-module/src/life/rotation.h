/* The relay's X25519 key changes: on the chain, among the files, for the passes. */
#ifndef CT_RELAY_ROTATION_H
#define CT_RELAY_ROTATION_H

#include <stdbool.h>

#include "follow/follow.h"
#include "life/registrar.h"

/*
 * To be called after each look at the chain. Begins a change when the key is old enough and
 * may_begin, finishes it when the chain has it, and forgets the key before in time. The record to
 * be listed has the new key from the beginning on: it is registered as any other change.
 */
void ct_rotation_step(const struct ct_registrar_config *config, const struct ct_follow *follow,
                      bool may_begin);

#endif

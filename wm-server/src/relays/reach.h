/* Which addresses a relay may register: the wallet manager sends test traffic there. */
#ifndef CT_WM_REACH_H
#define CT_WM_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "chain/registry.h"

/* Unicast addresses of the Internet; documentation networks count as such (tests, examples). */
bool ct_reach_ip4(const uint8_t ip4[4]);
bool ct_reach_ip6(const uint8_t ip6[16]);
/* All addresses that the record has, listening and relayed, each by itself. */
bool ct_reach_relay(const struct ct_relay *relay);

#endif

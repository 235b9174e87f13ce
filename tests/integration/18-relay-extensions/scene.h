/* Where extensions of TURN are tested: a relay of both families, peers, clients that move. */
#ifndef CT_RELAY_EXTENSIONS_H
#define CT_RELAY_EXTENSIONS_H

#include <stdbool.h>

#include "place.h"
#include "probe.h"

/*
 *   clients at 127.0.0.1, 127.0.0.6.. --- [relay under test] 127.0.0.1 and 2001:db8::11
 *                                              |--- 127.0.0.2, 2001:db8::12 an approved relay,
 *                                              |    a device at its port APPROVED_MIN
 *                                              '--- 127.0.0.3, 2001:db8::13 somebody else
 */
enum scene_mode { SCENE_OFF, SCENE_RELAYS, SCENE_DEVICES, SCENE_OPEN, SCENE_STOCK };
extern const char *const scene_mode_texts[SCENE_STOCK];

/* 0, or what main() is to return. */
int scene_open(int argc, char **argv);
int scene_close(int code); /* of the tests; returns it */
struct place *scene_place(void);
/* SCENE_STOCK: without the module. more: lines of turnserver.conf. */
bool scene_start(enum scene_mode mode, const char *more);
bool scene_stop(void); /* it ended as it should */
/* A pass, or with SCENE_STOCK the server's own user. */
bool scene_login(struct credential *out, uint32_t life_s);

struct ct_addr scene_server(unsigned family);
struct ct_addr scene_ip6(uint8_t last, uint16_t port);
/* A client at 127.0.0.host that has allocated. */
int scene_allocate(struct probe *p, uint8_t host, const struct credential *who,
                   const struct probe_wish *wish);

#endif

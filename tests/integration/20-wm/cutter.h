/* A TCP proxy of a test that loses answers: what the server says comes to nobody. */
#ifndef CT_WM_CUTTER_H
#define CT_WM_CUTTER_H

#include <stdbool.h>
#include <stdint.h>

enum cutter_mode {
    CUTTER_PASSES,   /* bytes as they come */
    CUTTER_CUTS,     /* the server's next bytes end the connection, and then CUTTER_HOLDS */
    CUTTER_SWALLOWS, /* the server's bytes are dropped; then new connections pass */
    CUTTER_HOLDS,    /* new connections wait until they pass */
};

/* To 127.0.0.1:to_port, in a thread of its own; its own port, 0 when it cannot. */
uint16_t cutter_start(uint16_t to_port);
void cutter_set(enum cutter_mode mode);
/* Once the file has text, the mode is CUTTER_PASSES. */
void cutter_pass_when(const char *log, const char *text);
/* How many answers came to nobody. */
unsigned cutter_lost(void);
void cutter_stop(void);

#endif

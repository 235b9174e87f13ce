/* A changed configuration while the server runs: what takes effect, and what waits for a restart.
 */
#ifndef CT_WM_RELOAD_H
#define CT_WM_RELOAD_H

#include <stddef.h>

#include "service/settings.h"

enum { CT_RELOAD_NAMES = 600 /* room for the names of all keys, with commas and NUL */ };

struct ct_reload {
    char taken[CT_RELOAD_NAMES];   /* keys that changed and were taken, "none" without any */
    char waiting[CT_RELOAD_NAMES]; /* keys that changed and need a restart, likewise */
};

/* Takes into now what may change while the server runs; wanted gets what was there. */
void ct_reload_settings(struct ct_settings *now, struct ct_settings *wanted, struct ct_reload *out);

#endif

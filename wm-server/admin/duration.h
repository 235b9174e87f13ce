/* "90d", "12h", "30m", "45s" into seconds. */
#ifndef CT_WM_ADMIN_DURATION_H
#define CT_WM_ADMIN_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* False when the text is no such time, or none at all. */
bool admin_duration(uint64_t *out, const char *text);

#endif

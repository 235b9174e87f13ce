/* What the parts of the place where the relay is tested share. */
#ifndef CT_RELAY_PLACE_PRIVATE_H
#define CT_RELAY_PLACE_PRIVATE_H

#include "place.h"

enum { EVENT_MS = 60000 }; /* for what has to come */

/* A file or folder of the place's own. */
void place_path(char out[128], const struct place *p, const char *name);
/* The bundle whose endpoint nobody answers at, the relay's key and the one that signs passes. */
bool place_furnish(struct place *p);

#endif

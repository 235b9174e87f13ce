/* The peers that an allocation has just let in without a permission: not looked up for each packet.
 */
#include "packets/guests.h"

#include <string.h>

static bool is_then(const struct ct_guests *guests, const struct ct_guests_when *when)
{
    return guests->when.state == when->state && guests->when.second == when->second;
}

bool ct_guests_has(const struct ct_guests *guests, const struct ct_endpoint *peer,
                   const struct ct_guests_when *when)
{
    if (!is_then(guests, when)) {
        return false;
    }
    for (unsigned i = 0; i < CT_GUESTS && i < guests->came; i++) {
        if (guests->peers[i].port == peer->port &&
            memcmp(guests->peers[i].addr16, peer->addr16, 16) == 0) {
            return true;
        }
    }
    return false;
}

void ct_guests_ask(struct ct_guests *guests, const struct ct_endpoint *peer,
                   const struct ct_guests_when *when)
{
    guests->asked = *peer;
    guests->asked_when = *when;
}

void ct_guests_admit(struct ct_guests *guests)
{
    if (guests->asked.port == 0) {
        return;
    }
    if (!is_then(guests, &guests->asked_when)) {
        guests->when = guests->asked_when;
        guests->came = 0;
    }
    guests->peers[guests->came % CT_GUESTS] = guests->asked;
    guests->came++;
    guests->asked.port = 0;
}

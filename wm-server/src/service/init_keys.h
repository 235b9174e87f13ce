/* The keys that init needs: those that are there already, and the others made in its folder. */
#ifndef CT_WM_INIT_KEYS_H
#define CT_WM_INIT_KEYS_H

#include <chainturn/err.h>
#include "base/why.h"
#include "kex/x25519.h"
#include "keys/own_key.h"

struct ct_init_source {
    const char *key;        /* own_key.h; NULL: a file of the folder, made when absent */
    const char *passphrase; /* NULL: raw */
};

struct ct_init_sources {
    const char *dir;
    struct ct_init_source owner, approver, funder;
    bool no_owner;              /* without a key there is none, and none is made */
    struct ct_init_source fund; /* key NULL: nobody pays for the owner */
};

struct ct_init_keys {
    struct ct_own_key owner, approver, funder, fund;
    struct ct_ed25519 pass;
    struct ct_x25519 handshake;
};

/*
 * Files are made when absent, so that an init that was cut short goes on with the same accounts;
 * keys elsewhere must be there. Wipe *out in any case.
 */
CT_MUST_USE ct_err ct_init_keys_make(struct ct_init_keys *out, const struct ct_init_sources *from,
                                     struct ct_why *why);
void ct_init_keys_wipe(struct ct_init_keys *keys);

#endif

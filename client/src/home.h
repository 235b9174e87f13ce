/* HOME: the folder of a device's keys, identity, pass and caches. */
#ifndef CT_CLIENT_HOME_H
#define CT_CLIENT_HOME_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/bundle.h"
#include "chain/key.h"
#include "chain/registry.h"
#include "kex/x25519.h"
#include "lane.h"
#include "wm/wm.h"

struct ct_home_vault;

struct ct_home {
    char dir[300];
    struct ct_home_vault *vault; /* NULL: wallet.key is raw; shared by copies */
};

CT_MUST_USE ct_err ct_home_init(struct ct_home *home, const char *dir, struct ct_why *why);
/* Makes the folder, 0700, and the one for caches in it. */
CT_MUST_USE ct_err ct_home_make(const struct ct_home *home, struct ct_why *why);

/* The bundle at file, or (NULL) the one kept here, with the contract that is known to follow its
 * own; CT_ERR_CONFIG when there is none. */
CT_MUST_USE ct_err ct_home_bundle(const struct ct_home *home, struct ct_bundle *out,
                                  const char *file, struct ct_why *why);
CT_MUST_USE ct_err ct_home_keep_bundle(const struct ct_home *home, const struct ct_bundle *bundle,
                                       struct ct_why *why);

/*
 * For a wallet.key that is a keystore, or is going to be made as one: reads the passphrase from its
 * source (base/source.h) and opens the key if it is there, once for all that follows, in any
 * thread. CT_ERR_AUTH for a wrong passphrase. ct_home_forget() after the last use of any copy.
 */
CT_MUST_USE ct_err ct_home_unlock(struct ct_home *home, const char *passphrase, struct ct_why *why);
void ct_home_forget(struct ct_home *home);
/* wallet.key and device.key. CT_ERR_NOT_FOUND when not there, unless they may be made. */
CT_MUST_USE ct_err ct_home_keys(const struct ct_home *home, struct ct_wallet *wallet,
                                struct ct_x25519 *key, bool may_make, struct ct_why *why);

/* device.key.next, while a rotation of the key is under way: on disk before it is told to anyone,
 * in the place of device.key once the chain names it. Errors as above. */
CT_MUST_USE ct_err ct_home_next_key(const struct ct_home *home, struct ct_x25519 *key,
                                    bool may_make, struct ct_why *why);
/* age_s: since the last rotation with it began, ct_home_touch_next_key(). */
bool ct_home_has_next_key(const struct ct_home *home, uint64_t *age_s);
void ct_home_touch_next_key(const struct ct_home *home);
CT_MUST_USE ct_err ct_home_take_next_key(const struct ct_home *home, struct ct_why *why);
void ct_home_drop_next_key(const struct ct_home *home);

/*
 * One process at a time changes what the device is: listens, comes up, moves, rotates its key, ends
 * its record. CT_ERR_STATE when another one has the lock; the sentence names it. Close *fd to let
 * go; the kernel does it for a process that dies. Calls and look-ups need no lock: what they write
 * are a pass, caches and pins, each file whole.
 */
CT_MUST_USE ct_err ct_home_lock(const struct ct_home *home, int *fd, struct ct_why *why);

struct ct_home_device {
    char identity[64];
    uint16_t relay; /* chosen before, 0 none */
    bool is_funded; /* its record is written by its own wallet, else by the wallet manager */
};
/* CT_ERR_NOT_FOUND: not enrolled here. CT_ERR_CONFIG: the file is spoilt. */
CT_MUST_USE ct_err ct_home_load_device(const struct ct_home *home, struct ct_home_device *out,
                                       struct ct_why *why);
CT_MUST_USE ct_err ct_home_save_device(const struct ct_home *home,
                                       const struct ct_home_device *device, struct ct_why *why);

/* What follows can be had anew: whatever is wrong with a file is CT_ERR_NOT_FOUND. */
CT_MUST_USE ct_err ct_home_load_pass(const struct ct_home *home, struct ct_own_pass *out);
CT_MUST_USE ct_err ct_home_save_pass(const struct ct_home *home, const struct ct_own_pass *pass,
                                     struct ct_why *why);
/* A relay refused it: another one is asked for next time. */
void ct_home_drop_pass(const struct ct_home *home);
CT_MUST_USE ct_err ct_home_load_lane(const struct ct_home *home, struct ct_lane_saved *out);
void ct_home_save_lane(const struct ct_home *home, const struct ct_lane_saved *saved);
void ct_home_drop_lane(const struct ct_home *home);

#define CT_HOME_SENT_MAX 768u
#define CT_HOME_SENT_EARLIER 8u

/* A signed transaction of the wallet's, stored before it is sent. */
struct ct_home_sent {
    unsigned kind;                             /* the owner's, 1 to 255 */
    uint64_t deadline_s;                       /* when it stops having an effect */
    uint64_t signed_s;                         /* by this host's clock; 0: not known */
    uint8_t earlier[CT_HOME_SENT_EARLIER][32]; /* hashes of the same call at lower fees */
    size_t earlier_count;
    uint8_t raw[CT_HOME_SENT_MAX];
    size_t len;
};
/* CT_ERR_NOT_FOUND for whatever is wrong with it: the chain tells what was done. */
CT_MUST_USE ct_err ct_home_load_sent(const struct ct_home *home, struct ct_home_sent *out);
CT_MUST_USE ct_err ct_home_save_sent(const struct ct_home *home, const struct ct_home_sent *sent,
                                     struct ct_why *why);
void ct_home_drop_sent(const struct ct_home *home);

/* What the wallet manager was asked for, so that it is asked again with the same key after a
 * restart; false for whatever is wrong with the file. It may hold a token. */
bool ct_home_load_asked(const struct ct_home *home, struct ct_wm_asked *out);
void ct_home_save_asked(const struct ct_home *home, const struct ct_wm_asked *asked);
void ct_home_drop_asked(const struct ct_home *home);
/* The same for an account; home is borrowed. */
struct ct_wm_memory ct_home_memory(struct ct_home *home);

/* A record of another device with its relay's, as one look-up proved it. */
struct ct_found {
    char identity[64];
    struct ct_device device;
    struct ct_relay relay; /* index 0: it has none that can be used, so it may call only */
    uint64_t block, block_time_s;
    uint64_t read_s; /* by this host's clock */
    unsigned k, n;
};
CT_MUST_USE ct_err ct_home_load_found(const struct ct_home *home, struct ct_found *out,
                                      const char *identity, const uint8_t deployment32[32]);
void ct_home_save_found(const struct ct_home *home, const struct ct_found *found,
                        const uint8_t deployment32[32]);
void ct_home_drop_found(const struct ct_home *home, const char *identity);

#endif

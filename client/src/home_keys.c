/* HOME's keys: wallet and device key, and the next device key while a rotation is under way. */
#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "home_private.h"

#define NEXT_NAME "device.key.next"

ct_err ct_home_keys(const struct ct_home *home, struct ct_wallet *wallet, struct ct_x25519 *key,
                    bool may_make, struct ct_why *why)
{
    char path[CT_HOME_PATH];
    ct_err err = ct_home_wallet(home, wallet, may_make, why);
    if (err != CT_OK) {
        return err;
    }
    ct_home_path(home, path, "device.key");
    err = may_make ? ct_x25519_load_or_create(key, path, why) : ct_x25519_load(key, path, why);
    if (err != CT_OK) {
        ct_wallet_wipe(wallet);
    }
    return err;
}

ct_err ct_home_next_key(const struct ct_home *home, struct ct_x25519 *key, bool may_make,
                        struct ct_why *why)
{
    char path[CT_HOME_PATH];
    ct_home_path(home, path, NEXT_NAME);
    return may_make ? ct_x25519_load_or_create(key, path, why) : ct_x25519_load(key, path, why);
}

bool ct_home_has_next_key(const struct ct_home *home, uint64_t *age_s)
{
    char path[CT_HOME_PATH];
    struct stat st;
    ct_home_path(home, path, NEXT_NAME);
    if (stat(path, &st) != 0) {
        return false;
    }
    uint64_t now_s = ct_wall_s();
    *age_s = now_s > (uint64_t)st.st_mtime ? now_s - (uint64_t)st.st_mtime : 0;
    return true;
}

/* The rename is one step: at any moment one of the two is there whole. */
ct_err ct_home_take_next_key(const struct ct_home *home, struct ct_why *why)
{
    char from[CT_HOME_PATH];
    char to[CT_HOME_PATH];
    ct_home_path(home, from, NEXT_NAME);
    ct_home_path(home, to, "device.key");
    if (rename(from, to) != 0) {
        return ct_why(why, CT_ERR_CONFIG,
                      "cannot rename %s to %s: %s; the chain names the key in the former", from, to,
                      strerror(errno));
    }
    return CT_OK;
}

void ct_home_drop_next_key(const struct ct_home *home)
{
    char path[CT_HOME_PATH];
    ct_home_path(home, path, NEXT_NAME);
    (void)unlink(path);
}

void ct_home_touch_next_key(const struct ct_home *home)
{
    char path[CT_HOME_PATH];
    ct_home_path(home, path, NEXT_NAME);
    (void)utimensat(AT_FDCWD, path, NULL, 0);
}

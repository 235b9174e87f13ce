/* A wallet key under a passphrase: a second and 256 MiB to open, so it is done once and kept. */
#include <pthread.h>
#include <stdlib.h>

#include "home_private.h"

struct ct_home_vault {
    pthread_mutex_t one_at_a_time;
    struct ct_passphrase passphrase;
    struct ct_wallet wallet;
    bool is_open;
};

static ct_err open_wallet(const struct ct_home *home, struct ct_wallet *wallet,
                          const struct ct_passphrase *passphrase, bool may_make, struct ct_why *why)
{
    char path[CT_HOME_PATH];
    ct_home_path(home, path, "wallet.key");
    return may_make ? ct_wallet_make_with(wallet, NULL, path, passphrase, why)
                    : ct_wallet_open_with(wallet, path, passphrase, why);
}

ct_err ct_home_wallet(const struct ct_home *home, struct ct_wallet *wallet, bool may_make,
                      struct ct_why *why)
{
    struct ct_home_vault *v = home->vault;
    ct_err err = CT_OK;
    if (v == NULL) {
        return open_wallet(home, wallet, NULL, may_make, why);
    }
    (void)pthread_mutex_lock(&v->one_at_a_time);
    if (!v->is_open) {
        err = open_wallet(home, &v->wallet, &v->passphrase, may_make, why);
        v->is_open = err == CT_OK;
    }
    if (err == CT_OK) {
        *wallet = v->wallet;
    }
    (void)pthread_mutex_unlock(&v->one_at_a_time);
    return err;
}

ct_err ct_home_unlock(struct ct_home *home, const char *passphrase, struct ct_why *why)
{
    struct ct_wallet wallet;
    struct ct_home_vault *v = calloc(1, sizeof *v);
    if (v == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    (void)pthread_mutex_init(&v->one_at_a_time, NULL);
    (void)ct_memory_lock(v, sizeof *v);
    home->vault = v;
    ct_err err = ct_passphrase_load(&v->passphrase, passphrase, why);
    if (err == CT_OK) {
        err = ct_home_wallet(home, &wallet, false, why);
        ct_wipe(&wallet, sizeof wallet);
    }
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        ct_home_forget(home);
        return err;
    }
    return CT_OK;
}

void ct_home_forget(struct ct_home *home)
{
    if (home->vault == NULL) {
        return;
    }
    (void)pthread_mutex_destroy(&home->vault->one_at_a_time);
    ct_wipe(home->vault, sizeof *home->vault);
    free(home->vault);
    home->vault = NULL;
}

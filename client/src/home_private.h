/* File names within HOME. */
#ifndef CT_CLIENT_HOME_PRIVATE_H
#define CT_CLIENT_HOME_PRIVATE_H

#include "home.h"

#define CT_HOME_PATH 420

/* wallet.key, out of the vault when there is one. Errors as of ct_home_keys(). */
CT_MUST_USE ct_err ct_home_wallet(const struct ct_home *home, struct ct_wallet *wallet,
                                  bool may_make, struct ct_why *why);
void ct_home_path(const struct ct_home *home, char path[CT_HOME_PATH], const char *name);

#endif

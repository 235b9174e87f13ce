/* File names within HOME. */
#ifndef CT_CLIENT_HOME_PRIVATE_H
#define CT_CLIENT_HOME_PRIVATE_H

#include "home.h"

#define CT_HOME_PATH 420

void ct_home_path(const struct ct_home *home, char path[CT_HOME_PATH], const char *name);

#endif

/* Can the store be used, as far as one can tell without opening it? */
#ifndef CT_WM_CHECK_STORE_H
#define CT_WM_CHECK_STORE_H

#include <chainturn/err.h>
#include "base/why.h"
#include "service/settings.h"

enum { CT_CHECK_STORE_TEXT = 400 };

/* A sentence about a good one; CT_ERR_CONFIG or CT_ERR_SYSTEM with the reason. */
CT_MUST_USE ct_err ct_check_store(char out[CT_CHECK_STORE_TEXT], const struct ct_settings *settings,
                                  struct ct_why *why);

#endif

/* wm-server check: what would keep the server from starting or from serving, one line each. */
#ifndef CT_WM_CHECK_H
#define CT_WM_CHECK_H

#include <chainturn/err.h>
#include "base/why.h"

/*
 * Prints "ok", "warn" or "FAIL", what was looked at, and a sentence that says what to do. Changes
 * nothing. Goes on behind a failure as far as it can; gives the first one.
 */
CT_MUST_USE ct_err ct_check(const char *conf_path, struct ct_why *why);

#endif

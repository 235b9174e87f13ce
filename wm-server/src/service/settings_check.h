/* What a configuration that was read must be like. */
#ifndef CT_WM_SETTINGS_CHECK_H
#define CT_WM_SETTINGS_CHECK_H

#include "service/settings.h"

/* Also works out what words stand for (level, log_json, probe_at). CT_ERR_CONFIG with one sentence.
 */
CT_MUST_USE ct_err ct_settings_check(struct ct_settings *s, struct ct_why *why);

#endif

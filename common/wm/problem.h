/* problem+json (RFC 9457) of the wallet manager as a status code and a sentence. */
#ifndef CT_WM_PROBLEM_H
#define CT_WM_PROBLEM_H

#include "wm/wm.h"

/*
 * For an answer other than 200, 201 and 202: fills answer->problem from the body's type and returns
 * the status with its sentence. An answer that is no problem+json is judged by its HTTP status
 * alone.
 */
ct_err ct_wm_problem(struct ct_wm_answer *answer, const char *what, struct ct_why *why);

#endif

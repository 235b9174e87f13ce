/* What the operators of relays have to do after a move to a new contract. */
#ifndef CT_WM_ADMIN_CONTRACT_RELAYS_H
#define CT_WM_ADMIN_CONTRACT_RELAYS_H

#include "contract_plan.h"

/* Prints one line for each relay that the new contract has, and the steps, which are the same at
 * all of them. bundle_path: the new bundle. revokes_after_s: that long after the first has followed
 * the others begin to be revoked, 0: never. */
void admin_relays_tell(const struct admin_plan *plan, const char *bundle_path,
                       unsigned long long revokes_after_s);

#endif

/* What the registrar gives up: other users' files, new files and sockets, traces of its memory. */
#ifndef CT_REGISTRAR_CONFINE_H
#define CT_REGISTRAR_CONFINE_H

#include <chainturn/err.h>
#include "base/why.h"

/* At once: no core dump, no other process of the same user that reads the memory. */
CT_MUST_USE ct_err ct_confine_memory(struct ct_why *why);
/*
 * Once the key is read: the memory stays out of swap as far as the limit lets, root becomes user
 * ("" leaves it as it is), and from then on there is no way to another file, socket or process.
 */
CT_MUST_USE ct_err ct_confine_rest(const char *user, struct ct_why *why);

#endif

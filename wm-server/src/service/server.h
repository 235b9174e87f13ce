/* The running wallet manager: every part built, joined and taken down in order. */
#ifndef CT_WM_SERVER_H
#define CT_WM_SERVER_H

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"

struct ct_server;

/* Reads, verifies, starts listeners and threads. Logs "ready ..". */
CT_MUST_USE ct_err ct_server_start(struct ct_server **out, const char *conf_path,
                                   struct ct_why *why);
/* Its log without its counters and events, so that it is good after the stop, too. */
struct ct_log ct_server_log(const struct ct_server *server);
/*
 * Reads the configuration again and takes what may change while the server runs; says in the log
 * what was taken and what waits for a restart. A bad file changes nothing. Of one thread.
 */
CT_MUST_USE ct_err ct_server_reload(struct ct_server *server, const char *conf_path,
                                    struct ct_why *why);
/* Takes nothing new, ends what runs, closes the store. NULL is fine. */
void ct_server_stop(struct ct_server *server);

#endif

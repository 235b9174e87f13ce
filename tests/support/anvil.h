/* A chain of the test's own: anvil on a free loopback port, ended by its process id. */
#ifndef CT_TEST_ANVIL_H
#define CT_TEST_ANVIL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "chain/bundle.h"
#include "chain/http.h"
#include "chain/jsonrpc.h"

struct ct_anvil {
    pid_t pid;
    pid_t reader; /* of its output */
    int output;
    unsigned port;
};

/* Starts it with an automatic block a transaction; false, and a message, when it cannot. */
bool ct_anvil_start(struct ct_anvil *out);
void ct_anvil_stop(struct ct_anvil *anvil);

/* A bundle with three endpoints (three names of the same node), quorum 2, no contract yet. */
void ct_anvil_bundle(struct ct_bundle *out, const struct ct_anvil *anvil);

/* One call to it: the answer's text is to be freed; NULL when it failed. */
char *ct_anvil_call(const struct ct_anvil *anvil, const char *method, const char *params);
/* Gives addr20 a hundred ether. */
bool ct_anvil_fund(const struct ct_anvil *anvil, const uint8_t addr20[20]);

#endif

/* How often somebody may ask: token buckets of parties, tokens and address prefixes. */
#ifndef CT_WM_GATE_H
#define CT_WM_GATE_H

#include <stdbool.h>
#include <stdint.h>

struct ct_api_call;

/* Requests a minute, and as many at once; 0: without a limit. */
struct ct_gate_limits {
    uint32_t party; /* identity and wallet */
    uint32_t token;
    uint32_t prefix; /* 24 bits of an IPv4 address, 48 of an IPv6 one */
};

/* Takes one of the party's and one of its address's requests. Else 429 is in call->answer. */
bool ct_gate_pass(const struct ct_api_call *call);
/* Takes one of the uses of this token's text, which need not be a good one. Else likewise. */
bool ct_gate_token(const struct ct_api_call *call, const char *token);

#endif

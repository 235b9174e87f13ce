/* The registrar's judgement: what it signs, within what it was opened for; no socket, no clock. */
#ifndef CT_REGISTRAR_DESK_H
#define CT_REGISTRAR_DESK_H

#include <stdbool.h>
#include <stdint.h>

#include "chain/key.h"
#include "life/registrar_wire.h"

/* Calls to be signed at once, and how long one takes to come back: a module that went mad, or that
 * somebody took over, spends no more of the wallet's ether than that. */
enum { CT_DESK_CALLS = 20, CT_DESK_CALL_MS = 180000 };

/* All zero at first; wiped by ct_desk_close(). */
struct ct_desk {
    bool is_open;
    struct ct_rg_open open;
    struct ct_wallet wallet;
    uint64_t full_at_ms; /* when all of CT_DESK_CALLS are there again */
};

/* The answer to a request; the first one opens the wallet and nothing else can be asked before.
 * now_ms by the monotonic clock, now_s by the wall's. */
void ct_desk_answer(struct ct_desk *desk, struct ct_rg_answer *out,
                    const struct ct_rg_request *request, uint64_t now_ms, uint64_t now_s);
void ct_desk_close(struct ct_desk *desk);

#endif

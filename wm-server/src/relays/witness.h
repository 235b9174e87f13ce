/* The test of an approved relay, and whether its failure means anything: does another one pass? */
#ifndef CT_WM_WITNESS_H
#define CT_WM_WITNESS_H

#include "relays/reprobe.h"

/* Its approval is over; nobody asks it anything any more. */
bool ct_witness_is_expired(const struct ct_relay *relay, uint64_t now_s);
/* One test; a relay that passes is a witness for the others. */
CT_MUST_USE ct_err ct_witness_probe(struct ct_reprobe *r, const struct ct_relay *relay,
                                    uint32_t *rtt_us, struct ct_why *why);
/* Does another relay pass now? failed is one of r->list. Tests some of them. */
bool ct_witness_found(struct ct_reprobe *r, const struct ct_relay *failed, struct ct_loop *loop);

#endif

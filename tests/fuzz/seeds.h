/* Writing the seed corpus: one file an input, made from real messages. */
#ifndef CT_FUZZ_SEEDS_H
#define CT_FUZZ_SEEDS_H

#include <stddef.h>

#include "base/bytes.h"

/* Writes FOLDER/target/name. */
void seed(const char *target, const char *name, const void *data, size_t size);
void seed_text(const char *target, const char *name, const char *text);
/* One step of a machine's input (steps.h), to a writer that seed_steps() ends. */
void seed_step(struct ct_wr *w, unsigned op, const void *data, size_t size);

void seeds_chain(void); /* RLP, headers, proofs, answers, transactions, ABI */
void seeds_text(void);  /* configuration, bundle, options, home */
void seeds_wm(void);    /* API bodies and answers */
void seeds_kex(void);   /* handshake, pass, token */
void seeds_turn(void);  /* STUN, ChannelData, allocation */
void seeds_sctp(void);  /* packets, and what happens to a pair of associations */

#endif

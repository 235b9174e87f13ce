/* Which of our keys the contract lists: while one generation follows another, both are served. */
#ifndef CT_WM_KEYRING_H
#define CT_WM_KEYRING_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/registry.h"
#include "service/settings.h"

/* By generation as the contract lists them: 0 the current one, 1 the previous. The keys are those
 * of the struct ct_keys that was matched. */
struct ct_keyring {
    uint32_t id[2];
    const struct ct_ed25519 *pass[2]; /* NULL: not ours, or past its date */
    /* that enrolments are opened with: ours that are listed, and the next one before it is */
    const struct ct_x25519 *handshake[2];
    size_t handshakes;
};

/*
 * CT_ERR_CONFIG: no generation is ours, or keys.pass-id is not its number. CT_ERR_EXPIRED: those
 * that are ours are past their date.
 */
CT_MUST_USE ct_err ct_keyring_match(struct ct_keyring *out, const struct ct_wm_key listed[2],
                                    uint64_t time_s, const struct ct_settings *settings,
                                    const struct ct_keys *keys, struct ct_why *why);

/* The generation to sign with: the current one, unless it is not settled yet and there is another.
 */
size_t ct_keyring_signer(const struct ct_keyring *ring, bool is_settled);

/* What the contract lists, looked at again and again. */
struct ct_keywatch {
    struct ct_wm_key listed[2];
    uint64_t time_s;    /* of the block */
    uint64_t listed_ms; /* when this current generation was first seen; monotonic, as the others */
    uint64_t looked_ms;
    bool was_settled;
};

/* Relays look at the chain every few seconds: by then all of them know a new generation. */
enum { CT_KEYS_LOOK_MS = 5000, CT_KEYS_SETTLE_MS = 30000 };

void ct_keywatch_begin(struct ct_keywatch *w, const struct ct_wm_key listed[2], uint64_t time_s,
                       uint64_t now_ms);
bool ct_keywatch_is_settled(const struct ct_keywatch *w, uint64_t now_ms);
/* Reads the chain when it is time to. True: there is something new to be served. A chain that
 * cannot be read changes nothing. */
bool ct_keywatch_look(struct ct_keywatch *w, struct ct_chain *chain, uint64_t now_ms);

#endif

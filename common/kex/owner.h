/* Whose relay it is: the statement of docs/protocol.md 5 that a relay shows, signed by its wallet.
 */
#ifndef CT_KEX_OWNER_H
#define CT_KEX_OWNER_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"

struct ct_relay;  /* chain/registry.h */
struct ct_wallet; /* chain/key.h */

#define CT_OWNER_LEN 159u
#define CT_OWNER_LIFE_S 21600u /* longest time from signing to until */
#define CT_OWNER_SKEW_S 300u   /* how far this host's clock may be behind the relay's */

struct ct_owner {
    uint8_t mode; /* 0 off, 1 relays, 2 devices, 3 open */
    uint8_t owner20[20];
    uint8_t relay32[32]; /* ct_owner_relay() of the record */
    uint8_t nonce32[32]; /* of the server's choice */
    uint64_t until_s;    /* since 1970 */
    uint8_t sig65[65];
};

enum { CT_OWNER_MODES = 4 };
/* "off", "relays", "devices", "open". */
const char *ct_owner_mode_text(uint8_t mode);

/*
 * The digest of a record as a statement names it, whatever index, state, expiry and key it has:
 * that its server holds the key is shown by MESSAGE-INTEGRITY in the same answer.
 */
void ct_owner_relay(uint8_t out32[32], const struct ct_relay *record);

/* What is signed, docs/protocol.md 5: the EIP-712 type, and how many members it has. */
extern const char ct_owner_type[];
enum { CT_OWNER_WORDS = 4 };

/* Sets owner20 and sig65 to the wallet's; the other fields are the caller's. */
CT_MUST_USE ct_err ct_owner_sign(struct ct_owner *statement, uint64_t chain_id,
                                 const uint8_t contract20[20], const struct ct_wallet *wallet);

void ct_owner_write(uint8_t out159[CT_OWNER_LEN], const struct ct_owner *statement);
/* Checks no signature. CT_ERR_FORMAT: another length, version or mode. */
CT_MUST_USE ct_err ct_owner_parse(struct ct_owner *out, const void *data, size_t len);

/*
 * Is it, at now_s, the statement of the server that record names? CT_ERR_AUTH: another's server, or
 * not signed by its owner; CT_ERR_REFUSED: the owner's, but for another record; CT_ERR_EXPIRED.
 */
CT_MUST_USE ct_err ct_owner_check(const struct ct_owner *statement, uint64_t chain_id,
                                  const uint8_t contract20[20], const struct ct_relay *record,
                                  uint64_t now_s, struct ct_why *why);

#endif

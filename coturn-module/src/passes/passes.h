/* Passes as TURN credentials: who a user name is, its password here, and how long it lasts. */
#ifndef CT_RELAY_PASSES_H
#define CT_RELAY_PASSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/registry.h"
#include "ct_hooks.h"
#include "kex/x25519.h"
#include "follow/revoked.h"

struct ct_passes; /* any thread may use it once it is made */

/* key is copied. */
CT_MUST_USE ct_err ct_passes_new(struct ct_passes **out, const uint8_t deployment32[32],
                                 const struct ct_x25519 *key);
void ct_passes_free(struct ct_passes *passes);
/* The relay's key, and another one that is good, too, while the one follows the other (or NULL). */
void ct_passes_set_relay_keys(struct ct_passes *passes, const struct ct_x25519 *key,
                              const struct ct_x25519 *other);

/* Both generations of the wallet manager's keys, as proven; true when they are other than before.
 */
bool ct_passes_set_keys(struct ct_passes *passes, const struct ct_wm_key keys[2]);
/* Kept on disk, so that a restart without a chain still knows them. */
CT_MUST_USE ct_err ct_passes_save_keys(struct ct_passes *passes, const char *path,
                                       struct ct_why *why);
/* CT_ERR_NOT_FOUND, or CT_ERR_FORMAT for a damaged file or another deployment's. */
CT_MUST_USE ct_err ct_passes_load_keys(struct ct_passes *passes, const char *path,
                                       struct ct_why *why);

/* The log revokes a pass. True when that is news. */
bool ct_passes_revoke(struct ct_passes *passes, const uint8_t id16[16], uint64_t block,
                      uint64_t now_s);
/* Blocks above this one have vanished, and with them what they revoked. */
void ct_passes_undo(struct ct_passes *passes, uint64_t block);
/* What is revoked, for the disk: *list is to be freed. */
CT_MUST_USE ct_err ct_passes_revoked(struct ct_passes *passes, struct ct_revoked_pass **list,
                                     size_t *count);

/* Is it no pass at all, or one that was worked out already? Others cost a signature's check. */
bool ct_passes_is_cheap(struct ct_passes *passes, const char *user);
/* Does this pass say that it renews that one (docs/protocol.md 5)? Its signature is not checked. */
bool ct_passes_renews(const struct ct_passes *passes, const char *user, const char *renewed);
/* why has the reason when a pass is refused. */
enum ct_user ct_passes_password(struct ct_passes *passes, char password[CT_USER_PASSWORD_MAX],
                                const char *user, uint64_t now_s, struct ct_why *why);
/* By the other key, for a pass that the above has just let in; false: there is none. */
bool ct_passes_old_password(struct ct_passes *passes, char password[CT_USER_PASSWORD_MAX],
                            const char *user);
/* false: the user name has not the form of a pass. One that has authenticated is a pass then. */
bool ct_passes_id(uint8_t id16[16], const char *user);
/* The same, and which one it renews: zeros for none. */
bool ct_passes_ids(uint8_t id16[16], uint8_t renews16[16], const char *user);
/* false when the pass has ended, is revoked, or its key is not listed any more; *left_s is
 * untouched for a user name that is no pass. */
bool ct_passes_session(struct ct_passes *passes, uint32_t *left_s, const char *user,
                       uint64_t now_s);

#endif

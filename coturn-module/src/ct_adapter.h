/* What the patched lines of coturn call. With the module off each of these changes nothing. */
#ifndef CT_ADAPTER_H
#define CT_ADAPTER_H

#include <stdint.h>
#include <sys/socket.h>

#include "ct_hooks.h"
#include "ct_options.h"

/* Rows for coturn's table of long options. */
#define CT_AD_LONG_OPTION(identifier, name, has_value) {name, has_value, NULL, CT_OPT_##identifier},
#define CT_AD_LONG_OPTIONS CT_OPTIONS(CT_AD_LONG_OPTION)

/* 1 when the option is one of the module's; a refused value ends the process. */
int ct_ad_option(int id, const char *value);
/* Ends the process when the key is a misspelt one of the module's. */
void ct_ad_unknown_key(const char *key);
void ct_ad_configure(void);
void ct_ad_start(void);

/* Rows for the command line or, with values as HTML text, the web page. 0: the module is off. */
typedef void ct_ad_row(void *arg, const char *name, const char *value);
int ct_ad_status(ct_ad_row *row, void *arg, int as_html);
/* What the command line's help has to say more; "" while the module is off. */
const char *ct_ad_help(void);

/* peer is coturn's address, by its generic member; session its ts_ur_super_session. */
int ct_ad_peer_ok(const struct sockaddr *peer);
/* 0: refused, 1: admitted, 2: admitted if the server's own list has nothing against it. */
int ct_ad_gate(void *session, const struct sockaddr *peer, enum ct_way way);
void ct_ad_admitted(void *session);
/* 0: the packet is not to be relayed. */
int ct_ad_relay(void *session, enum ct_way way, size_t bytes);
/* 0: the piece that was read from a connection of the session's TCP relay is not to be relayed.
 * socket and buffer are coturn's. */
int ct_ad_stream(void *session, void *socket, void *buffer);
void ct_ad_permitted(void *session);
/* 0: the request, of that many bytes, is not to be answered by that many. */
int ct_ad_answer(void *session, size_t in, size_t out);

/* 0: the user name is not to be looked up, there were too many from the session's address. */
int ct_ad_sign_on(void *session, const uint8_t *user);
/* 1: the first says that it is a pass that renews the other. Nothing of it is checked. */
int ct_ad_renews(const uint8_t *user, const uint8_t *renewed);
/* 1 the key is set, -1 refused, 0 not a user name of the module's. realm is NUL-terminated. */
int ct_ad_user_key(const uint8_t *user, const uint8_t *realm, uint8_t *key);
/* 1: the message shows that such a pass holds and that its bearer sent it; its key is set. */
int ct_ad_takes_over(void *session, const uint8_t *user, const uint8_t *realm, uint8_t *message,
                     size_t len, uint8_t *key);
/* 1: the message is right by another key of that user, which is the session's from now on. */
int ct_ad_old_key(void *session, const uint8_t *user, const uint8_t *realm, uint8_t *message,
                  size_t len);
/* 0: no allocation is to be made for the session's user. */
int ct_ad_may_allocate(void *session);
/* 0 when the credential has ended; else max_session_s is lowered to what it has left. */
int ct_ad_session(const uint8_t *user, uint32_t *max_session_s);
/* buffers are coturn's: puts whose relay it is behind len bytes of the answer, when asked. */
void ct_ad_owner(void *request, void *answer, size_t *len);
/* In place of turnipports_allocate(), whose ports, transport and address these are; is_first: not
 * again after a port that could not be bound. */
int ct_ad_port(void *ports, uint8_t transport, const struct sockaddr *at, void *session,
               int is_first);
void ct_ad_allocation(void *session, enum ct_allocation_event event);

#endif

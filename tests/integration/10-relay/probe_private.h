/* What the two halves of the test client share: its stream of messages, and bytes of attributes. */
#ifndef CT_RELAY_PROBE_PRIVATE_H
#define CT_RELAY_PROBE_PRIVATE_H

#include "probe.h"
#include "turn/stun.h"

enum {
    METHOD_CONNECT = 0x00a, /* RFC 6062 6 */
    METHOD_CONNECTION_ATTEMPT = 0x00c,
    ATTR_CONNECTION_ID = 0x002a,
    MESSAGE_MAX = 1600,
};

void probe_write_out(struct probe *p, const uint8_t *message, size_t len);
/* The next message, within wait_ms; its length, or 0. message has room for a whole buffer. */
size_t probe_next_message(struct probe *p, uint8_t *message, int wait_ms);
/* True when it is the answer that is waited for, which is then in *answer. */
bool probe_take(struct probe *p, const uint8_t *message, size_t len, struct ct_stun *answer,
                const uint8_t tid[CT_STUN_TID]);
/* The n-th attribute of that type, as plain bytes; NULL: there is none. */
const uint8_t *probe_find_attr(const uint8_t *message, size_t len, uint16_t type, unsigned n,
                               size_t *value_len);
uint32_t probe_find_u32(const uint8_t *message, size_t len, uint16_t type);

#endif

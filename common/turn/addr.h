/* A UDP address as plain bytes: parsed, printed and compared without a socket type. */
#ifndef CT_TURN_ADDR_H
#define CT_TURN_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

/* All zero means "none". Unused bytes are zero, so equal addresses are equal bytes. */
struct ct_addr {
    uint8_t ip[16];  /* network order; IPv4 in the first four */
    uint16_t port;   /* host order */
    uint16_t family; /* 4, 6, or 0 for none */
};

#define CT_ADDR_TEXT 56 /* "[v6]:port" and NUL */

struct ct_addr ct_addr_ip4(const uint8_t ip4[4], uint16_t port);
struct ct_addr ct_addr_ip6(const uint8_t ip6[16], uint16_t port);
bool ct_addr_equal(const struct ct_addr *a, const struct ct_addr *b);
bool ct_addr_same_ip(const struct ct_addr *a, const struct ct_addr *b);

/* "198.51.100.11:3478" or "[2001:db8::1]:3478"; no names. CT_ERR_FORMAT otherwise. */
CT_MUST_USE ct_err ct_addr_from_text(struct ct_addr *out, const char *text);
/* out has room for CT_ADDR_TEXT characters; an address of no family prints as "none". */
void ct_addr_to_text(char *out, const struct ct_addr *addr);

#endif

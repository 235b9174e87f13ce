/* The SCTP packets that a call of streams may carry: looked at before the SCTP library sees them.
 */
#ifndef CT_CLIENT_SCTP_PACKET_H
#define CT_CLIENT_SCTP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

#define CT_SCTP_PORT 5000u
#define CT_SCTP_PACKET_MAX 1152u /* what a DTLS record holds: no path MTU is sought */
#define CT_SCTP_HEADER_LEN 12u
#define CT_SCTP_DATA_HEADER_LEN 16u
/* What usrsctp is told: when it sends messages again it fills packets without counting the header.
 */
#define CT_SCTP_PATH_MTU (CT_SCTP_PACKET_MAX - CT_SCTP_HEADER_LEN)
#define CT_SCTP_INIT_LEN 32u
#define CT_SCTP_INIT_ACK_MAX 600u
#define CT_SCTP_STREAMS 16u
#define CT_SCTP_PPID_BYTES 0x43540001u
#define CT_SCTP_PPID_END 0x43540002u

/*
 * docs/protocol.md, section 8. A packet of an association: whole chunks of the kinds that it has
 * use for, DATA only as the protocol has it. Its checksum is the library's to check. CT_ERR_FORMAT.
 */
CT_MUST_USE ct_err ct_sctp_check(const void *packet, size_t len);
/* The packets of the hellos: INIT alone, without a parameter; INIT ACK alone. CT_ERR_FORMAT. */
CT_MUST_USE ct_err ct_sctp_check_init(const void *packet, size_t len);
CT_MUST_USE ct_err ct_sctp_check_init_ack(const void *packet, size_t len);
/* The first TSN of who sent this INIT or INIT ACK, which has been checked. */
uint32_t ct_sctp_first_tsn(const void *packet, size_t len);
/* Up to which TSN the sender of this packet, which has been checked, has everything; false: it does
 * not say. */
bool ct_sctp_acknowledges(const void *packet, size_t len, uint32_t *tsn);

#endif

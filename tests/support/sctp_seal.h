/* The checksum of an SCTP packet (RFC 9260, appendix A), so that a changed one is looked at. */
#ifndef CT_TEST_SCTP_SEAL_H
#define CT_TEST_SCTP_SEAL_H

#include <stddef.h>
#include <stdint.h>

static inline void sctp_seal(uint8_t *packet, size_t len)
{
    uint32_t crc = 0xffffffffu;
    if (len < 12) {
        return;
    }
    for (size_t i = 8; i < 12; i++) {
        packet[i] = 0;
    }
    for (size_t i = 0; i < len; i++) {
        crc ^= packet[i];
        for (int k = 0; k < 8; k++) {
            crc = crc >> 1 ^ ((crc & 1u) != 0 ? 0x82f63b78u : 0);
        }
    }
    crc = ~crc;
    for (size_t i = 0; i < 4; i++) {
        packet[8 + i] = (uint8_t)(crc >> 8 * i);
    }
}

#endif

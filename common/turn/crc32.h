/* CRC-32 of ISO 3309, which FINGERPRINT carries (RFC 8489 14.7). Private to common/turn. */
#ifndef CT_TURN_CRC32_H
#define CT_TURN_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t ct_crc32(const uint8_t *data, size_t len);

#endif

/* The SCTP packets that a call of streams may carry: looked at before the SCTP library sees them.
 */
#include "sctp_packet.h"

#include "base/bytes.h"

enum { /* RFC 9260 3.2; what is not here has no use in a call */
       DATA = 0,
       INIT = 1,
       INIT_ACK = 2,
       SACK = 3,
       HEARTBEAT = 4,
       HEARTBEAT_ACK = 5,
       ABORT = 6,
       SHUTDOWN = 7,
       SHUTDOWN_ACK = 8,
       ERROR = 9,
       COOKIE_ECHO = 10,
       COOKIE_ACK = 11,
       SHUTDOWN_COMPLETE = 14,
};

#define CHUNK_HEADER_LEN 4u
#define DATA_UNORDERED 0x04u
#define RWND_MIN 1500u /* RFC 9260 3.3.2: less is no window */

struct chunk {
    uint8_t type, flags;
    struct ct_rd value;
};

/* False when there is none that is whole, with its padding. */
static bool take_chunk(struct ct_rd *r, struct chunk *out)
{
    out->type = ct_rd_u8(r);
    out->flags = ct_rd_u8(r);
    uint16_t len = ct_rd_be16(r);
    if (r->bad || len < CHUNK_HEADER_LEN) {
        return false;
    }
    const uint8_t *value = ct_rd_take(r, len - CHUNK_HEADER_LEN);
    if (value != NULL) {
        out->value = ct_rd_init(value, len - CHUNK_HEADER_LEN);
    }
    (void)ct_rd_take(r, (4u - len % 4u) % 4u);
    return !r->bad;
}

/* RFC 9260 3.3.1, of a stream there is, in order, and one of our two kinds. */
static bool is_data(const struct chunk *chunk)
{
    struct ct_rd r = chunk->value;
    (void)ct_rd_be32(&r); /* TSN */
    uint16_t stream = ct_rd_be16(&r);
    (void)ct_rd_be16(&r); /* the number in the stream */
    uint32_t ppid = ct_rd_be32(&r);
    if (r.bad || r.left == 0 || stream >= CT_SCTP_STREAMS || (chunk->flags & DATA_UNORDERED) != 0) {
        return false;
    }
    return ppid == CT_SCTP_PPID_BYTES || (ppid == CT_SCTP_PPID_END && r.left == 1 && r.at[0] == 0);
}

static bool is_welcome(const struct chunk *chunk)
{
    switch (chunk->type) {
    case DATA:
        return is_data(chunk);
    case SACK:
    case HEARTBEAT:
    case HEARTBEAT_ACK:
    case ABORT:
    case SHUTDOWN:
    case SHUTDOWN_ACK:
    case ERROR:
    case COOKIE_ECHO:
    case COOKIE_ACK:
    case SHUTDOWN_COMPLETE:
        return true;
    default:
        return false;
    }
}

/* The common header; the tag of an INIT is zero, that of nothing else. */
static bool take_header(struct ct_rd *r, bool has_tag)
{
    uint16_t from = ct_rd_be16(r);
    uint16_t to = ct_rd_be16(r);
    uint32_t tag = ct_rd_be32(r);
    (void)ct_rd_be32(r); /* checksum */
    return !r->bad && from == CT_SCTP_PORT && to == CT_SCTP_PORT && (tag != 0) == has_tag;
}

ct_err ct_sctp_check(const void *packet, size_t len)
{
    struct ct_rd r = ct_rd_init(packet, len);
    if (len > CT_SCTP_PACKET_MAX || !take_header(&r, true) || r.left == 0) {
        return CT_ERR_FORMAT;
    }
    while (r.left > 0) {
        struct chunk chunk;
        if (!take_chunk(&r, &chunk) || !is_welcome(&chunk)) {
            return CT_ERR_FORMAT;
        }
    }
    return CT_OK;
}

/* INIT and INIT ACK begin alike: tag, window, streams, TSN. RFC 9260 3.3.2. */
static bool take_init(struct ct_rd *r)
{
    uint32_t tag = ct_rd_be32(r);
    uint32_t window = ct_rd_be32(r);
    uint16_t out = ct_rd_be16(r);
    uint16_t in = ct_rd_be16(r);
    (void)ct_rd_be32(r); /* TSN */
    return !r->bad && tag != 0 && window >= RWND_MIN && out == CT_SCTP_STREAMS &&
           in == CT_SCTP_STREAMS;
}

static ct_err check_hello(const void *packet, size_t len, uint8_t type, bool has_tag)
{
    struct ct_rd r = ct_rd_init(packet, len);
    struct chunk chunk;
    if (!take_header(&r, has_tag) || !take_chunk(&r, &chunk) || r.left > 0 || chunk.type != type ||
        chunk.flags != 0 || !take_init(&chunk.value)) {
        return CT_ERR_FORMAT;
    }
    return CT_OK;
}

uint32_t ct_sctp_first_tsn(const void *packet, size_t len)
{
    struct ct_rd r = ct_rd_init(packet, len);
    (void)ct_rd_take(&r, CT_SCTP_HEADER_LEN + CHUNK_HEADER_LEN + 12);
    return ct_rd_be32(&r);
}

bool ct_sctp_acknowledges(const void *packet, size_t len, uint32_t *tsn)
{
    struct ct_rd r = ct_rd_init(packet, len);
    struct chunk chunk = {.type = 0};
    bool does = false;
    (void)ct_rd_take(&r, CT_SCTP_HEADER_LEN);
    while (r.left > 0 && take_chunk(&r, &chunk)) {
        if ((chunk.type == SACK || chunk.type == SHUTDOWN) && chunk.value.left >= sizeof *tsn) {
            *tsn = ct_rd_be32(&chunk.value); /* both begin with it, RFC 9260 3.3.4 and 3.3.8 */
            does = true;
        }
    }
    return does;
}

ct_err ct_sctp_check_init(const void *packet, size_t len)
{
    return len == CT_SCTP_INIT_LEN ? check_hello(packet, len, INIT, false) : CT_ERR_FORMAT;
}

ct_err ct_sctp_check_init_ack(const void *packet, size_t len)
{
    return len <= CT_SCTP_INIT_ACK_MAX ? check_hello(packet, len, INIT_ACK, true) : CT_ERR_FORMAT;
}

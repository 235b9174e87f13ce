/*
 * SCTP packets before the SCTP library sees them.
 * Property: an accepted packet is whole chunks that fill it, of the kinds a call has use for, DATA
 * in order on a stream that there is; nothing is accepted both as a hello's packet and as a call's.
 */
/* links: ct_client_inside chainturn ct_base */
#include <string.h>

#include "fuzz.h"

#include "sctp_packet.h"

static void check_data(const uint8_t *chunk, size_t len)
{
    unsigned ppid = (unsigned)chunk[12] << 24 | (unsigned)chunk[13] << 16 |
                    (unsigned)chunk[14] << 8 | chunk[15];
    HOLDS(len > 16 && (chunk[1] & 4u) == 0 && chunk[8] == 0 && chunk[9] < CT_SCTP_STREAMS);
    HOLDS(ppid == CT_SCTP_PPID_BYTES || (ppid == CT_SCTP_PPID_END && len == 17 && chunk[16] == 0));
}

/* Walks it anew, by the lengths alone. */
static void check_chunks(const uint8_t *packet, size_t size)
{
    size_t at = CT_SCTP_HEADER_LEN;
    HOLDS(size > at && size <= CT_SCTP_PACKET_MAX && size % 4 == 0);
    while (at < size) {
        size_t len = (size_t)packet[at + 2] << 8 | packet[at + 3];
        HOLDS(len >= 4 && at + len <= size);
        HOLDS(packet[at] <= 14 && packet[at] != 1 && packet[at] != 2 && packet[at] != 12 &&
              packet[at] != 13);
        if (packet[at] == 0) {
            check_data(packet + at, len);
        }
        at += (len + 3) / 4 * 4;
    }
    HOLDS(at == size);
}

static void check_hello(const uint8_t *packet, uint8_t type)
{
    HOLDS(packet[12] == type && packet[25] == CT_SCTP_STREAMS && packet[27] == CT_SCTP_STREAMS);
    HOLDS(ct_sctp_first_tsn(packet, CT_SCTP_INIT_LEN) ==
          ((uint32_t)packet[28] << 24 | (uint32_t)packet[29] << 16 | (uint32_t)packet[30] << 8 |
           packet[31]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    uint32_t tsn = 0;
    HOLDS(exact != NULL);
    if (size > 0) {
        memcpy(exact, data, size);
    }
    bool is_packet = ct_sctp_check(exact, size) == CT_OK;
    bool is_init = ct_sctp_check_init(exact, size) == CT_OK;
    bool is_init_ack = ct_sctp_check_init_ack(exact, size) == CT_OK;
    HOLDS(is_packet + is_init + is_init_ack <= 1);
    if (is_packet) {
        check_chunks(exact, size);
        (void)ct_sctp_acknowledges(exact, size, &tsn);
    }
    if (is_init) {
        HOLDS(size == CT_SCTP_INIT_LEN);
        check_hello(exact, 1);
    }
    if (is_init_ack) {
        HOLDS(size >= CT_SCTP_INIT_LEN && size <= CT_SCTP_INIT_ACK_MAX);
        check_hello(exact, 2);
    }
    free(exact);
    return 0;
}

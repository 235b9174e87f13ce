/*
 * The handshake's plaintexts and header. Property: P1, P2 and headers that are accepted are written
 * back to the same bytes, zeros included.
 */
/* links: ct_kex ct_chain ct_base */
#include <string.h>

#include "fuzz.h"
#include "kex/handshake_wire.h"

static void check_p1(const uint8_t *plain, enum ct_hs_purpose purpose)
{
    struct ct_hs_p1 p1;
    uint8_t again[CT_HS_P1_LEN];
    if (ct_hs_p1_read(&p1, plain, purpose) == CT_OK) {
        HOLDS(ct_hs_p1_write(again, &p1, purpose) == CT_OK);
        HOLDS(memcmp(again, plain, sizeof(again)) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t plain[CT_HS_P1_LEN] = {0};
    uint8_t again[CT_HS_P2_LEN];
    struct ct_hs_p2 p2;
    struct ct_hs_header header;
    memcpy(plain, data, size < sizeof(plain) ? size : sizeof(plain));
    for (unsigned purpose = CT_HS_CALL; purpose <= CT_HS_ENROL_RELAY; purpose++) {
        check_p1(plain, (enum ct_hs_purpose)purpose);
    }
    if (ct_hs_p2_read(&p2, plain) == CT_OK) {
        HOLDS(ct_hs_p2_write(again, &p2) == CT_OK && memcmp(again, plain, sizeof(again)) == 0);
    }
    if (ct_hs_header_read(&header, data, size) == CT_OK) {
        HOLDS(size >= CT_HS_HEADER_LEN);
        ct_hs_header_write(again, header.step, (enum ct_hs_purpose)header.purpose, header.sid16);
        HOLDS(memcmp(again, data, CT_HS_HEADER_LEN) == 0);
    }
    return 0;
}

/*
 * A relay's statement. Property: what is accepted is written back as the same bytes, and no bytes
 * make it the statement of a wallet that signed nothing. (Some wallet fits every signature: the
 * input may well name that one.)
 */
/* links: ct_kex ct_chain ct_base */
#include "kex/owner.h"

#include <string.h>

#include "chain/registry.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t contract[20] = {0xc0}; /* no input is signed for it */
    static const uint8_t owner[20] = {0x0a, [19] = 0x0e};
    struct ct_owner s;
    struct ct_relay record = {.listen_port = 3478, .port_min = 50000, .port_max = 50100};
    uint8_t again[CT_OWNER_LEN];
    if (ct_owner_parse(&s, data, size) != CT_OK) {
        return 0;
    }
    HOLDS(size == CT_OWNER_LEN);
    ct_owner_write(again, &s);
    HOLDS(memcmp(again, data, size) == 0);
    memcpy(record.owner20, owner, sizeof(owner));
    HOLDS(memcmp(s.owner20, owner, 20) == 0 ||
          ct_owner_check(&s, 424242, contract, &record, s.until_s, NULL) == CT_ERR_AUTH);
    memcpy(s.owner20, owner, sizeof(owner));
    ct_owner_relay(s.relay32, &record);
    HOLDS(ct_owner_check(&s, 424242, contract, &record, s.until_s, NULL) == CT_ERR_AUTH);
    return 0;
}

/*
 * ChannelData. Property: what is accepted encodes back to the same bytes up to its padding, of 3
 * bytes at most, and is no STUN message at the same time.
 */
/* links: ct_turn ct_base */
#include <string.h>

#include "fuzz.h"
#include "turn/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint16_t channel = 0;
    struct ct_stun_bytes inside = {NULL, 0};
    if (ct_channel_parse(&channel, &inside, data, size) != CT_OK) {
        return 0;
    }
    HOLDS(ct_channel_is(data, size) && !ct_stun_is(data, size));
    HOLDS(channel >= CT_CHANNEL_MIN && channel <= CT_CHANNEL_MAX);
    HOLDS(inside.at >= data && inside.at + inside.len <= data + size);
    size_t len = 0;
    uint8_t *again = malloc(size);
    HOLDS(again != NULL);
    HOLDS(ct_channel_write(again, size, &len, channel, inside.at, inside.len) == CT_OK);
    HOLDS(len <= size && size - len <= 3 && memcmp(again, data, len) == 0);
    free(again);
    return 0;
}

/*
 * Events of devices as endpoints tell them, through the chain object. Property: what is accepted is
 * in the order of the chain, of blocks and kinds asked for, and each record in it is one that
 * encodes to the same word again; what is refused has a sentence and leaves nothing behind.
 */
/* links: ct_chain ct_base */
#include "chain/registry_devices.h"

#include <string.h>

#include "endpoint.h"

enum { FROM = 1, TO = 8 };

static void check(const struct ct_device_events *events)
{
    static const uint8_t zero32[32];
    HOLDS(memcmp(events->before32, zero32, 32) != 0 && memcmp(events->last32, zero32, 32) != 0);
    for (size_t i = 0; i < events->count; i++) {
        const struct ct_device_event *e = &events->list[i];
        HOLDS(e->block >= FROM && e->block <= TO);
        HOLDS(i == 0 || events->list[i - 1].block <= e->block);
        if (e->turn == CT_DEVICE_WRITTEN) {
            uint8_t words[2][32];
            struct ct_device again;
            ct_device_encode(words, &e->device);
            HOLDS(ct_device_decode(&again, (const uint8_t(*)[32])words) == CT_OK);
            HOLDS(again.relay == e->device.relay && again.port == e->device.port &&
                  again.state == e->device.state && again.expiry_day == e->device.expiry_day);
        } else {
            HOLDS(e->device.relay == 0 && e->device.state == CT_RECORD_NONE);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_reply reply = {data, size};
    struct ct_chain *chain = fuzz_endpoint(&reply);
    struct ct_device_events events = {.list = NULL};
    struct ct_why why = {""};
    ct_err err = ct_registry_device_events(chain, FROM, TO, &events, &why);
    if (err == CT_OK) {
        check(&events);
        ct_device_events_free(&events);
    } else {
        HOLDS(why.text[0] != '\0' && events.list == NULL);
    }
    ct_chain_free(chain);
    return 0;
}

/*
 * ABI words and the contract's packed records. Property: a record or word that is accepted encodes
 * back to the same words, a dynamic value lies within what it was read from.
 */
/* links: ct_chain ct_base */
#include <string.h>

#include "chain/abi.h"
#include "chain/registry.h"
#include "fuzz.h"

static void check_records(const uint8_t *data, size_t size)
{
    uint8_t words[4][32] = {{0}};
    uint8_t again[4][32];
    struct ct_device device;
    struct ct_relay relay;
    memcpy(words, data, size < sizeof(words) ? size : sizeof(words));
    if (ct_device_decode(&device, (const uint8_t(*)[32])words) == CT_OK) {
        ct_device_encode(again, &device);
        HOLDS(memcmp(again, words, 64) == 0);
        HOLDS(device.relay <= CT_RELAY_INDEX_MAX && device.backup_relay <= CT_RELAY_INDEX_MAX);
        (void)(ct_device_check(&device, 1, "sensor-42", NULL) == CT_OK);
    }
    if (ct_relay_decode(&relay, (const uint8_t(*)[32])words) == CT_OK) {
        ct_relay_encode(again, &relay);
        HOLDS(memcmp(again, words, 128) == 0);
        (void)(ct_relay_check(&relay, 1, NULL) == CT_OK);
        (void)ct_record_state_text(relay.state);
    }
}

static void check_words(const uint8_t *data)
{
    uint8_t out[32];
    uint8_t part[20];
    struct ct_wr w = ct_wr_init(out, sizeof(out));
    struct ct_rd r = ct_rd_init(data, 32);
    uint64_t small = ct_abi_get_u64(&r);
    if (!r.bad) {
        ct_abi_put_u64(&w, small);
        HOLDS(memcmp(out, data, 32) == 0);
    }
    r = ct_rd_init(data, 32);
    w = ct_wr_init(out, sizeof(out));
    bool truth = ct_abi_get_bool(&r);
    if (!r.bad) {
        ct_abi_put_bool(&w, truth);
        HOLDS(memcmp(out, data, 32) == 0);
    }
    r = ct_rd_init(data, 32);
    w = ct_wr_init(out, sizeof(out));
    ct_abi_get_address(&r, part);
    if (!r.bad) {
        ct_abi_put_address(&w, part);
        HOLDS(memcmp(out, data, 32) == 0);
    }
    r = ct_rd_init(data, 32);
    w = ct_wr_init(out, sizeof(out));
    ct_abi_get_fixed(&r, part, 16);
    if (!r.bad) {
        ct_abi_put_fixed(&w, part, 16);
        HOLDS(memcmp(out, data, 32) == 0);
    }
}

/* (bytes): a head of one offset and its tail, nothing behind it. */
static void check_dynamic(const uint8_t *data, size_t size)
{
    uint8_t again[512];
    size_t len = 0;
    const struct ct_rd base = ct_rd_init(data, size);
    struct ct_rd tail = base;
    struct ct_rd head = ct_rd_init(data, size < 32 ? 0 : 32);
    (void)ct_rd_take(&tail, 32);
    ct_abi_get_offset(&head, &base, &tail);
    const uint8_t *bytes = ct_abi_get_bytes(&tail, &len);
    HOLDS(tail.bad || (bytes >= data && len <= size && bytes + len <= data + size));
    if (ct_rd_end(&head) == CT_OK && ct_rd_end(&tail) == CT_OK && size <= sizeof(again)) {
        struct ct_wr w = ct_wr_init(again, sizeof(again));
        ct_abi_put_u64(&w, 32);
        ct_abi_put_bytes(&w, bytes, len);
        HOLDS(w.len == size && memcmp(again, data, size) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_dynamic(data, size);
    check_records(data, size);
    if (size >= 32) {
        check_words(data);
    }
    (void)ct_registry_error_text(data, size);
    return 0;
}

/* Records to storage words and back; the layout is written out in contracts/src/IRegistry.sol. */
#include "chain/registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "registry_abi.h"

#include "base/bytes.h"
#include "chain/eip712.h"
#include "chain/keccak.h"

_Static_assert(CT_WORDS_Device == 2 && CT_WORDS_Relay == 4, "the records' sizes");
_Static_assert(CT_MAX_RELAYS == CT_RELAY_INDEX_MAX, "14 bits for an index");
_Static_assert(CT_RelayState_Pending == CT_RECORD_PENDING &&
                   CT_RelayState_Approved == CT_RECORD_APPROVED &&
                   CT_RelayState_Revoked == CT_RECORD_REVOKED &&
                   CT_RelayState_Withdrawn == CT_RECORD_WITHDRAWN,
               "states of relays");
_Static_assert(CT_DeviceState_Pending == CT_RECORD_PENDING &&
                   CT_DeviceState_Approved == CT_RECORD_APPROVED &&
                   CT_DeviceState_Revoked == CT_RECORD_REVOKED,
               "states of devices");

bool ct_identity_valid(const char *identity)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@-";
    size_t len = strnlen(identity, CT_IDENTITY_MAX + 1);
    return len >= 1 && len <= CT_IDENTITY_MAX && strspn(identity, allowed) == len;
}

ct_err ct_identity_hash(uint8_t out32[32], const char *identity)
{
    if (!ct_identity_valid(identity)) {
        return CT_ERR_ARG;
    }
    ct_keccak256(out32, identity, strlen(identity));
    return CT_OK;
}

/* Solidity's mapping: the entry of key lies at keccak256(key . slot). */
static void mapping_slot(uint8_t out32[32], const uint8_t key32[32], unsigned slot)
{
    uint8_t both[64];
    memcpy(both, key32, 32);
    ct_word_u64(both + 32, slot);
    ct_keccak256(out32, both, sizeof(both));
}

void ct_slot_device(uint8_t out32[32], const uint8_t id_hash32[32])
{
    mapping_slot(out32, id_hash32, CT_SLOT_devices);
}

void ct_slot_relay(uint8_t out32[32], uint16_t index)
{
    uint8_t key[32];
    ct_word_u64(key, index);
    mapping_slot(out32, key, CT_SLOT_relays);
}

void ct_slot_pending(uint8_t out32[32], const uint8_t pending32[32])
{
    mapping_slot(out32, pending32, CT_SLOT_pending);
}

void ct_slot_approver(uint8_t out32[32], const uint8_t addr20[20])
{
    uint8_t key[32];
    ct_word_be(key, addr20, 20);
    mapping_slot(out32, key, CT_SLOT_approvers);
}

void ct_slot_plus(uint8_t slot32[32], unsigned add)
{
    for (size_t i = 32; i-- > 0 && add > 0;) {
        add += slot32[i];
        slot32[i] = (uint8_t)add;
        add >>= 8;
    }
}

/* wallet 160 | state 4 | expiryDay 16 | sequence 16 | relay 14 | port 16 | relay 14 | port 16 */
ct_err ct_device_decode(struct ct_device *out, const uint8_t words[2][32])
{
    struct ct_device d;
    struct ct_rd r = ct_rd_init(words[0], 32);
    ct_rd_copy(&r, d.wallet20, 20);
    uint32_t high = ct_rd_be32(&r); /* state 4, expiryDay 16, upper 12 of sequence */
    uint64_t low = ct_rd_be64(&r);  /* lower 4 of sequence, and 60 bits of relays */
    unsigned state = high >> 28;
    if (state > CT_RECORD_REVOKED) {
        return CT_ERR_FORMAT;
    }
    d.state = (enum ct_record_state)state;
    d.expiry_day = (uint16_t)(high >> 12);
    d.sequence = (uint16_t)((high & 0xfffu) << 4 | low >> 60);
    d.relay = (uint16_t)(low >> 46 & 0x3fff);
    d.port = (uint16_t)(low >> 30);
    d.backup_relay = (uint16_t)(low >> 16 & 0x3fff);
    d.backup_port = (uint16_t)low;
    memcpy(d.key32, words[1], 32);
    *out = d;
    return CT_OK;
}

void ct_device_encode(uint8_t words[2][32], const struct ct_device *device)
{
    struct ct_wr w = ct_wr_init(words[0], 32);
    ct_wr_bytes(&w, device->wallet20, 20);
    ct_wr_be32(&w, (uint32_t)device->state << 28 | (uint32_t)device->expiry_day << 12 |
                       (uint32_t)device->sequence >> 4);
    ct_wr_be64(&w, (uint64_t)(device->sequence & 15u) << 60 |
                       (uint64_t)(device->relay & 0x3fffu) << 46 | (uint64_t)device->port << 30 |
                       (uint64_t)(device->backup_relay & 0x3fffu) << 16 | device->backup_port);
    memcpy(words[1], device->key32, 32);
}

/* owner 160 | state 8 | listenPort 16 | portMin 16 | portMax 16 | expiryDay 16 | index 16 | 0 8 */
ct_err ct_relay_decode(struct ct_relay *out, const uint8_t words[4][32])
{
    struct ct_relay relay;
    struct ct_rd r = ct_rd_init(words, 128);
    ct_rd_copy(&r, relay.owner20, 20);
    unsigned state = ct_rd_u8(&r);
    relay.listen_port = ct_rd_be16(&r);
    relay.port_min = ct_rd_be16(&r);
    relay.port_max = ct_rd_be16(&r);
    relay.expiry_day = ct_rd_be16(&r);
    relay.index = ct_rd_be16(&r);
    unsigned reserved = ct_rd_u8(&r);
    ct_rd_copy(&r, relay.listen_ip4, 4);
    ct_rd_copy(&r, relay.relay_ip4, 4);
    for (size_t i = 0; i < 24; i++) {
        reserved |= ct_rd_u8(&r);
    }
    ct_rd_copy(&r, relay.listen_ip6, 16);
    ct_rd_copy(&r, relay.relay_ip6, 16);
    ct_rd_copy(&r, relay.key32, 32);
    if (ct_rd_end(&r) != CT_OK || state > CT_RECORD_WITHDRAWN || reserved != 0) {
        return CT_ERR_FORMAT;
    }
    relay.state = (enum ct_record_state)state;
    *out = relay;
    return CT_OK;
}

void ct_relay_encode(uint8_t words[4][32], const struct ct_relay *relay)
{
    struct ct_wr w = ct_wr_init(words, 128);
    ct_wr_bytes(&w, relay->owner20, 20);
    ct_wr_u8(&w, (uint8_t)relay->state);
    ct_wr_be16(&w, relay->listen_port);
    ct_wr_be16(&w, relay->port_min);
    ct_wr_be16(&w, relay->port_max);
    ct_wr_be16(&w, relay->expiry_day);
    ct_wr_be16(&w, relay->index);
    ct_wr_zeros(&w, 1);
    ct_wr_bytes(&w, relay->listen_ip4, 4);
    ct_wr_bytes(&w, relay->relay_ip4, 4);
    ct_wr_zeros(&w, 24);
    ct_wr_bytes(&w, relay->listen_ip6, 16);
    ct_wr_bytes(&w, relay->relay_ip6, 16);
    ct_wr_bytes(&w, relay->key32, 32);
}

void ct_relay_digest(uint8_t out32[32], const struct ct_relay *relay)
{
    struct ct_relay masked = *relay;
    uint8_t words[4][32];
    masked.state = CT_RECORD_NONE;
    masked.expiry_day = 0;
    ct_relay_encode(words, &masked);
    ct_keccak256(out32, words, sizeof(words));
}

void ct_registry_pending_id(uint8_t out32[32], const uint8_t owner20[20], const uint8_t salt32[32])
{
    uint8_t both[64];
    ct_word_be(both, owner20, 20);
    memcpy(both + 32, salt32, 32);
    ct_keccak256(out32, both, sizeof(both));
}

const char *ct_record_state_text(enum ct_record_state state)
{
    switch (state) {
    case CT_RECORD_NONE:
        return "none";
    case CT_RECORD_PENDING:
        return "pending";
    case CT_RECORD_APPROVED:
        return "approved";
    case CT_RECORD_REVOKED:
        return "revoked";
    case CT_RECORD_WITHDRAWN:
        return "withdrawn";
    }
    return "unknown";
}

static bool any_byte(const uint8_t *data, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any |= data[i];
    }
    return any != 0;
}

bool ct_relay_has_ip4(const uint8_t ip4[4])
{
    return any_byte(ip4, 4);
}

bool ct_relay_has_ip6(const uint8_t ip6[16])
{
    return any_byte(ip6, 16);
}

static ct_err check(enum ct_record_state state, uint16_t expiry_day, uint64_t time_s,
                    const char *what, const char *remedy, struct ct_why *why)
{
    uint64_t today = time_s / 86400;
    if (state == CT_RECORD_NONE) {
        return ct_why(why, CT_ERR_NOT_FOUND, "%s is not on the chain", what);
    }
    if (state != CT_RECORD_APPROVED) {
        return ct_why(why, CT_ERR_NOT_APPROVED, "%s is %s%s", what,
                      state == CT_RECORD_PENDING ? "registered but not approved yet"
                                                 : ct_record_state_text(state),
                      remedy);
    }
    if (expiry_day == 0) {
        return ct_why(why, CT_ERR_NOT_APPROVED, "%s has no expiry day and so is not valid%s", what,
                      remedy);
    }
    if (today > expiry_day) {
        return ct_why(why, CT_ERR_NOT_APPROVED, "%s has expired %" PRIu64 " days ago%s", what,
                      today - expiry_day, remedy);
    }
    return CT_OK;
}

ct_err ct_device_check(const struct ct_device *device, uint64_t time_s, const char *identity,
                       struct ct_why *why)
{
    return check(device->state, device->expiry_day, time_s, identity,
                 "; its owner has to register it again", why);
}

ct_err ct_relay_check(const struct ct_relay *relay, uint64_t time_s, struct ct_why *why)
{
    char what[24];
    (void)snprintf(what, sizeof(what), "relay %u", (unsigned)relay->index);
    return check(relay->state, relay->expiry_day, time_s, what, "; use another relay", why);
}

/* The registry read by proofs: which slots make up which record. */
#include "chain/registry.h"

#include <inttypes.h>
#include <string.h>

#include "registry_abi.h"

#include "base/bytes.h"
#include "chain/eip712.h"

enum {
    RELAYS_AT_ONCE = CT_CHAIN_SLOTS_MAX / CT_WORDS_Relay,
    DEVICES_AT_ONCE = CT_CHAIN_SLOTS_MAX / CT_WORDS_Device,
    WM_KEY_SLOTS = 2 * CT_WORDS_WMKeySlots, /* both generations */
};

/* count words from first on. */
static ct_err prove_run(struct ct_chain *chain, const struct ct_view *view,
                        const uint8_t first32[32], size_t count, uint8_t (*words)[32],
                        struct ct_why *why)
{
    uint8_t slots[8][32];
    for (size_t i = 0; i < count; i++) {
        memcpy(slots[i], first32, 32);
        ct_slot_plus(slots[i], (unsigned)i);
    }
    return ct_chain_prove(chain, view, (const uint8_t(*)[32])slots, count, words, why);
}

static ct_err prove_word(struct ct_chain *chain, const struct ct_view *view, unsigned slot,
                         uint8_t word32[32], struct ct_why *why)
{
    uint8_t slots[1][32];
    uint8_t words[1][32];
    ct_word_u64(slots[0], slot);
    ct_err err = ct_chain_prove(chain, view, (const uint8_t(*)[32])slots, 1, words, why);
    if (err == CT_OK) {
        memcpy(word32, words[0], 32);
    }
    return err;
}

static ct_err unreadable(const char *what, struct ct_why *why)
{
    return ct_why(why, CT_ERR_FORMAT,
                  "%s on the chain has a form that this version does not know; update chainturn",
                  what);
}

ct_err ct_registry_device(struct ct_chain *chain, const struct ct_view *view,
                          const uint8_t id_hash32[32], struct ct_device *out, struct ct_why *why)
{
    uint8_t slot[32];
    uint8_t words[CT_WORDS_Device][32];
    struct ct_device device;
    ct_slot_device(slot, id_hash32);
    ct_err err = prove_run(chain, view, slot, CT_WORDS_Device, words, why);
    if (err != CT_OK) {
        return err;
    }
    if (ct_device_decode(&device, (const uint8_t(*)[32])words) != CT_OK) {
        return unreadable("the device's record", why);
    }
    if (device.state == CT_RECORD_NONE) {
        return ct_why(why, CT_ERR_NOT_FOUND,
                      "no device of that name is on the chain (proven at block %" PRIu64
                      "); check the spelling",
                      view->number);
    }
    *out = device;
    return CT_OK;
}

ct_err ct_registry_devices_of(struct ct_chain *chain, const struct ct_view *view,
                              const uint8_t (*id_hashes)[32], size_t count, struct ct_device *out,
                              struct ct_why *why)
{
    uint8_t slots[CT_CHAIN_SLOTS_MAX][32];
    uint8_t words[CT_CHAIN_SLOTS_MAX][32];
    if (count > DEVICES_AT_ONCE) {
        return ct_why(why, CT_ERR_ARG, "more than %d devices at once", DEVICES_AT_ONCE);
    }
    for (size_t i = 0; i < count * CT_WORDS_Device; i++) {
        ct_slot_device(slots[i], id_hashes[i / CT_WORDS_Device]);
        ct_slot_plus(slots[i], i % CT_WORDS_Device);
    }
    ct_err err = ct_chain_prove(chain, view, (const uint8_t(*)[32])slots, count * CT_WORDS_Device,
                                words, why);
    for (size_t i = 0; err == CT_OK && i < count; i++) {
        const uint8_t(*record)[32] = (const uint8_t(*)[32])(words + i * CT_WORDS_Device);
        if (ct_device_decode(&out[i], record) != CT_OK) {
            err = unreadable("a device's record", why);
        }
    }
    return err;
}

static ct_err read_relay(struct ct_chain *chain, const struct ct_view *view,
                         const uint8_t slot32[32], struct ct_relay *out, struct ct_why *why)
{
    uint8_t words[CT_WORDS_Relay][32];
    ct_err err = prove_run(chain, view, slot32, CT_WORDS_Relay, words, why);
    if (err == CT_OK && ct_relay_decode(out, (const uint8_t(*)[32])words) != CT_OK) {
        err = unreadable("the relay's record", why);
    }
    return err;
}

ct_err ct_registry_relay(struct ct_chain *chain, const struct ct_view *view, uint16_t index,
                         struct ct_relay *out, struct ct_why *why)
{
    uint8_t slot[32];
    struct ct_relay relay;
    ct_slot_relay(slot, index);
    ct_err err = read_relay(chain, view, slot, &relay, why);
    if (err == CT_OK && relay.state == CT_RECORD_NONE) {
        err = ct_why(why, CT_ERR_NOT_FOUND, "no relay has index %u (proven at block %" PRIu64 ")",
                     (unsigned)index, view->number);
    }
    if (err == CT_OK && relay.index != index) {
        err = unreadable("the relay's record", why);
    }
    if (err == CT_OK) {
        *out = relay;
    }
    return err;
}

ct_err ct_registry_pending(struct ct_chain *chain, const struct ct_view *view,
                           const uint8_t pending32[32], struct ct_relay *out, struct ct_why *why)
{
    uint8_t slot[32];
    struct ct_relay relay;
    ct_slot_pending(slot, pending32);
    ct_err err = read_relay(chain, view, slot, &relay, why);
    if (err == CT_OK && relay.state == CT_RECORD_NONE) {
        err = ct_why(why, CT_ERR_NOT_FOUND,
                     "no pending relay of that owner and salt (proven at block %" PRIu64 ")",
                     view->number);
    }
    if (err == CT_OK) {
        *out = relay;
    }
    return err;
}

ct_err ct_registry_relay_count(struct ct_chain *chain, const struct ct_view *view, uint16_t *out,
                               struct ct_why *why)
{
    struct ct_u256 word;
    uint64_t count = 0;
    ct_err err = prove_word(chain, view, CT_SLOT_relayCount, word.be, why);
    if (err != CT_OK) {
        return err;
    }
    if (ct_u256_to_u64(&count, &word) != CT_OK || count > CT_RELAY_INDEX_MAX) {
        return unreadable("the count of relays", why);
    }
    *out = (uint16_t)count;
    return CT_OK;
}

ct_err ct_registry_relays_of(struct ct_chain *chain, const struct ct_view *view,
                             const uint16_t *indices, size_t count, struct ct_relay *out,
                             struct ct_why *why)
{
    uint8_t slots[CT_CHAIN_SLOTS_MAX][32];
    uint8_t words[CT_CHAIN_SLOTS_MAX][32];
    if (count > RELAYS_AT_ONCE) {
        return ct_why(why, CT_ERR_ARG, "more than %d relays at once", RELAYS_AT_ONCE);
    }
    for (size_t i = 0; i < count * CT_WORDS_Relay; i++) {
        ct_slot_relay(slots[i], indices[i / CT_WORDS_Relay]);
        ct_slot_plus(slots[i], i % CT_WORDS_Relay);
    }
    ct_err err = ct_chain_prove(chain, view, (const uint8_t(*)[32])slots, count * CT_WORDS_Relay,
                                words, why);
    for (size_t i = 0; err == CT_OK && i < count; i++) {
        const uint8_t(*record)[32] = (const uint8_t(*)[32])(words + i * CT_WORDS_Relay);
        if (ct_relay_decode(&out[i], record) != CT_OK ||
            (out[i].state != CT_RECORD_NONE && out[i].index != indices[i])) {
            err = unreadable("a relay's record", why);
        }
    }
    return err;
}

/* Relays first .. first + count - 1 in one proof: the contract says that they are there. */
static ct_err read_page(struct ct_chain *chain, const struct ct_view *view, size_t first,
                        size_t count, struct ct_relay *out, struct ct_why *why)
{
    uint16_t indices[RELAYS_AT_ONCE];
    for (size_t i = 0; i < count; i++) {
        indices[i] = (uint16_t)(first + i);
    }
    ct_err err = ct_registry_relays_of(chain, view, indices, count, out, why);
    for (size_t i = 0; err == CT_OK && i < count; i++) {
        if (out[i].state == CT_RECORD_NONE) {
            err = unreadable("a relay's record", why);
        }
    }
    return err;
}

ct_err ct_registry_relays(struct ct_chain *chain, const struct ct_view *view, struct ct_relay *out,
                          size_t cap, size_t *count, struct ct_why *why)
{
    uint16_t all = 0;
    ct_err err = ct_registry_relay_count(chain, view, &all, why);
    if (err == CT_OK && all > cap) {
        *count = all;
        return ct_why(why, CT_ERR_ROOM, "there are %u relays and room for %zu", (unsigned)all, cap);
    }
    for (size_t done = 0; err == CT_OK && done < all; done += RELAYS_AT_ONCE) {
        size_t page = all - done < RELAYS_AT_ONCE ? all - done : RELAYS_AT_ONCE;
        err = read_page(chain, view, done + 1, page, out + done, why);
    }
    if (err == CT_OK) {
        *count = all;
    }
    return err;
}

/* keyId 32 at bit 64 | notAfter 64, then the two keys. */
static ct_err read_wm_key(struct ct_wm_key *out, const uint8_t words[3][32])
{
    struct ct_rd r = ct_rd_init(words[0], 32);
    uint8_t zeros[20];
    uint8_t any = 0;
    ct_rd_copy(&r, zeros, sizeof(zeros));
    for (size_t i = 0; i < sizeof(zeros); i++) {
        any |= zeros[i];
    }
    out->id = ct_rd_be32(&r);
    out->not_after_s = ct_rd_be64(&r);
    memcpy(out->ed25519, words[1], 32);
    memcpy(out->x25519, words[2], 32);
    return any == 0 ? CT_OK : CT_ERR_FORMAT;
}

ct_err ct_registry_wm_keys(struct ct_chain *chain, const struct ct_view *view,
                           struct ct_wm_key out[2], struct ct_why *why)
{
    uint8_t first[32];
    uint8_t words[WM_KEY_SLOTS][32];
    struct ct_wm_key keys[2];
    ct_word_u64(first, CT_SLOT_wmCurrent);
    ct_err err = prove_run(chain, view, first, WM_KEY_SLOTS, words, why);
    if (err != CT_OK) {
        return err;
    }
    if (read_wm_key(&keys[0], (const uint8_t(*)[32])words) != CT_OK ||
        read_wm_key(&keys[1], (const uint8_t(*)[32])(words + CT_WORDS_WMKeySlots)) != CT_OK) {
        return unreadable("the wallet manager's key", why);
    }
    memcpy(out, keys, sizeof(keys));
    return CT_OK;
}

ct_err ct_registry_log_head(struct ct_chain *chain, const struct ct_view *view,
                            struct ct_log_head *out, struct ct_why *why)
{
    uint8_t word[32];
    ct_err err = prove_word(chain, view, CT_SLOT_logHead, word, why);
    if (err == CT_OK) {
        struct ct_rd r = ct_rd_init(word, 32);
        ct_rd_copy(&r, out->head24, 24);
        out->count = ct_rd_be64(&r);
    }
    return err;
}

ct_err ct_registry_is_approver(struct ct_chain *chain, const struct ct_view *view,
                               const uint8_t addr20[20], bool *out, struct ct_why *why)
{
    uint8_t slot[32];
    uint8_t word[1][32];
    ct_slot_approver(slot, addr20);
    ct_err err = prove_run(chain, view, slot, 1, word, why);
    if (err == CT_OK) {
        *out = word[0][31] != 0;
    }
    return err;
}

_Static_assert(CT_SLOT_pendingOwner == CT_SLOT_owner + 1,
               "the owner and the one who is to be are read as one run of slots");

ct_err ct_registry_owner(struct ct_chain *chain, const struct ct_view *view, uint8_t owner20[20],
                         uint8_t next20[20], struct ct_why *why)
{
    uint8_t slot[32];
    uint8_t words[2][32];
    ct_word_u64(slot, CT_SLOT_owner);
    ct_err err = prove_run(chain, view, slot, 2, words, why);
    if (err == CT_OK) {
        memcpy(owner20, words[0] + 12, 20);
        memcpy(next20, words[1] + 12, 20);
    }
    return err;
}

_Static_assert(CT_SLOT_wmPrevious == CT_SLOT_wmCurrent + CT_WORDS_WMKeySlots,
               "both generations of the WM's keys are read as one run of slots");

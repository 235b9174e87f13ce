/* What the registry said: events in a receipt, custom errors of a revert, in words. */
#include "chain/registry.h"

#include <string.h>

#include "registry_abi.h"

#include "base/bytes.h"
#include "chain/abi.h"

struct reason {
    uint32_t selector;
    const char *text;
};

static const struct reason reasons[] = {
    {CT_ERRSEL_NotApprover, "the sender is not an approver; the owner has to appoint it"},
    {CT_ERRSEL_NotRelayOwner, "the sender does not own that relay"},
    {CT_ERRSEL_NotPending, "no such relay is pending; register it first"},
    {CT_ERRSEL_DigestMismatch, "the pending relay is not the one that was checked; check it again"},
    {CT_ERRSEL_WrongState, "the relay's state does not allow this"},
    {CT_ERRSEL_RangeTaken, "an approved relay holds ports of that range on that address; "
                           "choose another range"},
    {CT_ERRSEL_AddressFull, "that address carries as many relays as one may"},
    {CT_ERRSEL_NoIndexLeft, "every relay index is given"},
    {CT_ERRSEL_BadAddress, "the relay's addresses do not go together: each family needs a "
                           "listening and a relayed one"},
    {CT_ERRSEL_BadPorts, "the relay's ports do not go together: a range from 1024 up that leaves "
                         "the listening port out"},
    {CT_ERRSEL_ZeroKey, "a key is all zero"},
    {CT_ERRSEL_ZeroAccount, "an account is all zero"},
    {CT_ERRSEL_BadExpiry, "the expiry is past or too far ahead"},
    {CT_ERRSEL_BatchTooLarge, "the batch is too large"},
    {CT_ERRSEL_BadPage, "a page begins at 1 and has at most 64 relays"},
    {CT_ERRSEL_NotRegistered, "there is no such device to revoke"},
    {CT_ERRSEL_OwnerRequired, "the registry cannot be without an owner"},
    {CT_ERRSEL_OwnableUnauthorizedAccount, "the sender is not the owner"},
    {CT_ERRSEL_OwnableInvalidOwner, "that account cannot be the owner"},
};

static const char *const skip_texts[] = {
    [CT_SkipReason_None] = "no reason",
    [CT_SkipReason_BadSignature] = "its signature recovers to nobody",
    [CT_SkipReason_DeadlinePassed] = "its deadline has passed",
    [CT_SkipReason_WrongSequence] = "its sequence number is not the stored one",
    [CT_SkipReason_NameTaken] = "another wallet holds that name",
    [CT_SkipReason_UnknownRelay] = "its relay is not an approved one",
    [CT_SkipReason_PortOutOfRange] = "its port is not in its relay's range",
    [CT_SkipReason_AlreadyExpired] = "it would be expired already",
    [CT_SkipReason_TooFar] = "it would last longer than three years",
    [CT_SkipReason_BadTerms] = "its name, key or terms are malformed",
    [CT_SkipReason_NotRegistered] = "no such device is registered",
    [CT_SkipReason_NotLive] = "no such device is approved and unexpired",
    [CT_SkipReason_NotItsWallet] = "whoever sent or signed it is not the device's wallet",
    [CT_SkipReason_NotPending] = "no such device is pending",
    [CT_SkipReason_WrongDigest] = "the pending record is not the one that was checked",
    [CT_SkipReason_StillLive] = "its record is approved and lives; update it instead",
    [CT_SkipReason_NoVoucher] = "no approver gave this wallet a voucher for it",
    [CT_SkipReason_OtherTerms] = "its key is not the record's, or its day not the allowed one",
};

static const char *skip_text(uint64_t reason)
{
    bool known = reason < sizeof(skip_texts) / sizeof(skip_texts[0]);
    return known ? skip_texts[reason] : "the registry gives no known reason";
}

const char *ct_registry_error_text(const uint8_t *data, size_t len)
{
    struct ct_rd r = ct_rd_init(data, len);
    uint32_t selector = ct_rd_be32(&r);
    if (!r.bad && selector == CT_ERRSEL_ClientRefused) {
        (void)ct_rd_take(&r, 32); /* identity hash */
        uint64_t reason = ct_abi_get_u64(&r);
        return ct_rd_end(&r) == CT_OK ? skip_text(reason) : NULL;
    }
    for (size_t i = 0; !r.bad && i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].selector == selector) {
            return reasons[i].text;
        }
    }
    return NULL;
}

static bool is_event(const struct ct_receipt_log *log, const uint8_t contract20[20],
                     const uint8_t topic32[32], size_t topics)
{
    return memcmp(log->addr20, contract20, 20) == 0 && log->topic_count == topics &&
           memcmp(log->topics[0], topic32, 32) == 0;
}

ct_err ct_receipt_relay_approved(uint16_t *index, const struct ct_receipt *receipt,
                                 const uint8_t contract20[20])
{
    static const uint8_t topic[32] = CT_TOPIC_ServerApproved;
    for (size_t i = 0; i < receipt->log_count; i++) {
        const struct ct_receipt_log *log = &receipt->logs[i];
        if (!is_event(log, contract20, topic, 3)) {
            continue;
        }
        struct ct_rd r = ct_rd_init(log->topics[1], 32);
        uint64_t value = ct_abi_get_u64(&r);
        if (ct_rd_end(&r) == CT_OK && value >= 1 && value <= CT_RELAY_INDEX_MAX) {
            *index = (uint16_t)value;
            return CT_OK;
        }
    }
    return CT_ERR_NOT_FOUND;
}

size_t ct_receipt_entries(const struct ct_receipt *receipt, const uint8_t contract20[20])
{
    static const uint8_t logged[32] = CT_TOPIC_Logged;
    size_t count = 0;
    for (size_t i = 0; i < receipt->log_count; i++) {
        const struct ct_receipt_log *log = &receipt->logs[i];
        count += memcmp(log->addr20, contract20, 20) == 0 && log->topic_count > 0 &&
                 memcmp(log->topics[0], logged, 32) != 0;
    }
    return count;
}

bool ct_receipt_client_skipped(const char **reason_text, const struct ct_receipt *receipt,
                               const uint8_t contract20[20], const uint8_t id_hash32[32])
{
    static const uint8_t topic[32] = CT_TOPIC_ClientSkipped;
    for (size_t i = 0; i < receipt->log_count; i++) {
        const struct ct_receipt_log *log = &receipt->logs[i];
        if (!is_event(log, contract20, topic, 2) || memcmp(log->topics[1], id_hash32, 32) != 0) {
            continue;
        }
        struct ct_rd r = ct_rd_init(log->data, log->data_len);
        uint64_t reason = ct_abi_get_u64(&r);
        *reason_text = skip_text(ct_rd_end(&r) == CT_OK ? reason : UINT64_MAX);
        return true;
    }
    return false;
}

/* What became of devices in a range of blocks, from the contract's events. */
#include "chain/registry_devices.h"

#include <stdlib.h>
#include <string.h>

#include "registry_abi.h"

/* The contract's events about devices; ClientKeyRotated moves nobody. Revocations are taken from
 * the log, whose head can be proven, not from ClientRevoked, which says the same. */
static const uint8_t kinds[][32] = {CT_TOPIC_ClientRegistered, CT_TOPIC_ClientUpdated,
                                    CT_TOPIC_ClientApproved, CT_TOPIC_ClientPending,
                                    CT_TOPIC_Logged};
enum { REGISTERED, UPDATED, APPROVED, PENDING, LOGGED, KINDS };

static ct_err read_record(struct ct_device *out, const uint8_t word0[32])
{
    uint8_t words[CT_WORDS_Device][32];
    memset(words, 0, sizeof(words));
    memcpy(words[0], word0, 32);
    return ct_device_decode(out, (const uint8_t(*)[32])words);
}

static ct_err read_event(struct ct_device_event *out, const struct ct_logged *log, size_t kind)
{
    bool has_record = kind == REGISTERED || kind == UPDATED;
    if (kind == KINDS || log->topic_count != (kind == REGISTERED ? 3u : 2u) ||
        log->data_len != (has_record ? 32u : 0u)) {
        return CT_ERR_FORMAT;
    }
    out->block = log->block;
    memcpy(out->id_hash32, log->topics[1], 32);
    out->turn = has_record         ? CT_DEVICE_WRITTEN
                : kind == APPROVED ? CT_DEVICE_APPROVED
                                   : CT_DEVICE_GONE;
    return has_record ? read_record(&out->device, log->data) : CT_OK;
}

static ct_err take(struct ct_device_events *out, const struct ct_logged *log)
{
    size_t kind = 0;
    while (kind < KINDS && memcmp(log->topics[0], kinds[kind], 32) != 0) {
        kind++;
    }
    struct ct_device_event *event = &out->list[out->count];
    if (kind != LOGGED) {
        out->count++;
        return read_event(event, log, kind);
    }
    struct ct_log_entry *entry = &out->entries[out->entry_count++];
    ct_err err = ct_log_entry_read(entry, log);
    if (err == CT_OK && entry->kind == CT_LOG_CLIENT_REVOKED) {
        out->count++;
        event->turn = CT_DEVICE_GONE;
        event->was_revoked = true;
        event->block = entry->block;
        memcpy(event->id_hash32, entry->subject32, 32);
    }
    return err;
}

static ct_err take_all(struct ct_device_events *out, const struct ct_logs *logs, struct ct_why *why)
{
    ct_err err = CT_OK;
    out->list = calloc(logs->count + 1, sizeof(*out->list));
    out->entries = calloc(logs->count + 1, sizeof(*out->entries));
    if (!out->list || !out->entries) {
        return ct_why(why, CT_ERR_NOMEM, "no memory for the events of devices");
    }
    for (size_t i = 0; err == CT_OK && i < logs->count; i++) {
        err = take(out, &logs->list[i]);
    }
    return err == CT_OK ? CT_OK
                        : ct_why(why, err,
                                 "an event of the registry has a form that this version does not "
                                 "know; update chainturn");
}

ct_err ct_registry_device_events(struct ct_chain *chain, uint64_t from, uint64_t to,
                                 struct ct_device_events *out, struct ct_why *why)
{
    struct ct_logs logs = {.list = NULL};
    struct ct_device_events all = {.list = NULL};
    const struct ct_logs_query query = {
        .from = from, .to = to, .kinds = kinds, .kind_count = KINDS};
    ct_err err = ct_chain_logs(chain, &query, &logs, why);
    if (err != CT_OK) {
        return err;
    }
    err = take_all(&all, &logs, why);
    if (err == CT_OK) {
        memcpy(all.before32, logs.before32, 32);
        memcpy(all.last32, logs.last32, 32);
        *out = all;
    } else {
        ct_device_events_free(&all);
    }
    ct_logs_free(&logs);
    return err;
}

void ct_device_events_free(struct ct_device_events *events)
{
    free(events->list);
    free(events->entries);
    memset(events, 0, sizeof(*events));
}

ct_err ct_registry_devices(struct ct_chain *chain, const struct ct_view *view,
                           const uint8_t (*id_hashes)[32], size_t count, struct ct_device *out,
                           struct ct_why *why)
{
    uint8_t slots[CT_CHAIN_SLOTS_MAX][32];
    uint8_t words[CT_CHAIN_SLOTS_MAX][32];
    if (count > CT_CHAIN_SLOTS_MAX) {
        return ct_why(why, CT_ERR_ARG, "more than %d devices at once", CT_CHAIN_SLOTS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        ct_slot_device(slots[i], id_hashes[i]);
    }
    ct_err err = ct_chain_prove(chain, view, (const uint8_t(*)[32])slots, count, words, why);
    for (size_t i = 0; err == CT_OK && i < count; i++) {
        if (read_record(&out[i], words[i]) != CT_OK) {
            err = ct_why(why, CT_ERR_FORMAT,
                         "a device's record has a form that this version does not know; update "
                         "chainturn");
        }
    }
    return err;
}

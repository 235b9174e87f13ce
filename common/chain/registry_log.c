/* The contract's log: its entries from events, and the head that they have to lead to. */
#include "chain/registry_log.h"

#include <stdlib.h>
#include <string.h>

#include "registry_abi.h"

#include "base/bytes.h"
#include "chain/abi.h"
#include "chain/keccak.h"

static const uint8_t kinds[1][32] = {CT_TOPIC_Logged};

/* Logged(uint64 indexed number, uint8 kind, bytes32 subject, bytes32 detail) */
ct_err ct_log_entry_read(struct ct_log_entry *out, const struct ct_logged *log)
{
    if (log->topic_count != 2 || log->data_len != 96) {
        return CT_ERR_FORMAT;
    }
    struct ct_rd topic = ct_rd_init(log->topics[1], 32);
    struct ct_rd data = ct_rd_init(log->data, log->data_len);
    out->block = log->block;
    out->number = ct_abi_get_u64(&topic);
    uint64_t kind = ct_abi_get_u64(&data);
    ct_rd_copy(&data, out->subject32, 32);
    ct_rd_copy(&data, out->detail32, 32);
    out->kind = (uint8_t)kind;
    return ct_rd_end(&topic) == CT_OK && ct_rd_end(&data) == CT_OK && kind <= UINT8_MAX
               ? CT_OK
               : CT_ERR_FORMAT;
}

ct_err ct_registry_log_entries(struct ct_chain *chain, uint64_t from, uint64_t to,
                               struct ct_log_entries *out, struct ct_why *why)
{
    struct ct_logs logs = {.list = NULL};
    const struct ct_logs_query query = {.from = from, .to = to, .kinds = kinds, .kind_count = 1};
    ct_err err = ct_chain_logs(chain, &query, &logs, why);
    if (err != CT_OK) {
        return err;
    }
    struct ct_log_entry *list = calloc(logs.count + 1, sizeof(*list));
    err = list != NULL ? CT_OK : ct_why(why, CT_ERR_NOMEM, "no memory");
    for (size_t i = 0; list != NULL && err == CT_OK && i < logs.count; i++) {
        if (ct_log_entry_read(&list[i], &logs.list[i]) != CT_OK) {
            err = ct_why(why, CT_ERR_FORMAT,
                         "an entry of the registry's log has a form that this version does not "
                         "know; update chainturn");
        }
    }
    if (err == CT_OK) {
        *out = (struct ct_log_entries){.list = list, .count = logs.count};
        memcpy(out->before32, logs.before32, 32);
        memcpy(out->last32, logs.last32, 32);
    } else {
        free(list);
    }
    ct_logs_free(&logs);
    return err;
}

void ct_log_entries_free(struct ct_log_entries *entries)
{
    free(entries->list);
    memset(entries, 0, sizeof(*entries));
}

/* keccak256(abi.encode(bytes32 old, uint8 kind, bytes32 subject, bytes32 detail)), its top 192 bits
 */
ct_err ct_log_head_next(struct ct_log_head *head, const struct ct_log_entry *entry)
{
    uint8_t words[4][32] = {{0}};
    uint8_t hash[32];
    if (entry->number != head->count + 1) {
        return CT_ERR_FORMAT;
    }
    struct ct_wr w = ct_wr_init(words[0], 32);
    ct_wr_bytes(&w, head->head24, 24);
    ct_wr_be64(&w, head->count);
    words[1][31] = entry->kind;
    memcpy(words[2], entry->subject32, 32);
    memcpy(words[3], entry->detail32, 32);
    ct_keccak256(hash, words, sizeof(words));
    memcpy(head->head24, hash, 24);
    head->count = entry->number;
    return ct_wr_end(&w);
}

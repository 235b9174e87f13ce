/* The responder's table: its life, what it remembers and what it forgets after 10 s. */
#include "kex/handshake_responder.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "chain/bundle.h"

enum { CAPACITY_MAX = 4096 };

ct_err ct_hs_responder_new(struct ct_hs_responder **out,
                           const struct ct_hs_responder_config *config)
{
    struct ct_hs_responder *table = calloc(1, sizeof(*table));
    if (table == NULL) {
        return CT_ERR_NOMEM;
    }
    ct_err err = ct_hs_identity_copy(table->self.identity, config->identity);
    if (config->capacity < 1 || config->capacity > CAPACITY_MAX || config->key == NULL) {
        err = CT_ERR_ARG;
    }
    if (err == CT_OK) {
        table->slots = calloc(config->capacity, sizeof(*table->slots));
        err = table->slots != NULL ? CT_OK : CT_ERR_NOMEM;
    }
    if (err != CT_OK) {
        free(table);
        return err;
    }
    table->self.net = config->net;
    ct_deployment(table->self.deployment32, config->net.chain_id, config->net.contract20);
    memcpy(table->self.wallet20, config->wallet20, 20);
    table->purposes = config->purposes;
    table->key = config->key;
    table->previous = config->previous;
    table->cookie_seed = config->cookie_seed;
    table->capacity = config->capacity;
    table->half_open_max = config->half_open_max != 0 ? config->half_open_max : CT_HS_HALF_OPEN_MAX;
    table->next_expiry_ms = UINT64_MAX;
    *out = table;
    return CT_OK;
}

void ct_hs_responder_free(struct ct_hs_responder *table)
{
    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i < table->count; i++) {
        ct_hs_entry_free(table->slots[i].entry);
    }
    free(table->slots);
    ct_wipe(table, sizeof(*table));
    free(table);
}

struct ct_hs_entry *ct_hs_table_find(const struct ct_hs_responder *table, const uint8_t sid16[16])
{
    for (size_t i = 0; i < table->count; i++) {
        if (memcmp(table->slots[i].sid16, sid16, 16) == 0) {
            return table->slots[i].entry;
        }
    }
    return NULL;
}

static bool is_half_open(const struct ct_hs_entry *entry)
{
    return entry->state == CT_HS_CLAIMED || entry->state == CT_HS_ANSWERED;
}

void ct_hs_table_add(struct ct_hs_responder *table, struct ct_hs_entry *entry)
{
    const uint64_t end_ms = entry->began_ms + CT_HS_LIFE_MS;
    memcpy(table->slots[table->count].sid16, entry->sid16, 16);
    table->slots[table->count++].entry = entry;
    table->half_open++;
    if (end_ms < table->next_expiry_ms) {
        table->next_expiry_ms = end_ms;
    }
}

void ct_hs_table_close(struct ct_hs_responder *table, struct ct_hs_entry *entry,
                       enum ct_hs_entry_state state)
{
    entry->state = state;
    ct_hs_entry_wipe_secrets(entry);
    free(entry->held);
    entry->held = NULL;
    entry->held_len = 0;
    table->half_open--;
}

void ct_hs_responder_expire(struct ct_hs_responder *table, uint64_t now_ms)
{
    if (now_ms < table->next_expiry_ms) {
        return;
    }
    table->next_expiry_ms = UINT64_MAX;
    for (size_t i = 0; i < table->count;) {
        struct ct_hs_entry *entry = table->slots[i].entry;
        const uint64_t end_ms = entry->began_ms + CT_HS_LIFE_MS;
        if (now_ms < end_ms) {
            table->next_expiry_ms = end_ms < table->next_expiry_ms ? end_ms : table->next_expiry_ms;
            i++;
            continue;
        }
        if (is_half_open(entry)) {
            table->half_open--;
        }
        ct_hs_entry_free(entry);
        table->slots[i] = table->slots[--table->count];
    }
}

size_t ct_hs_responder_half_open(const struct ct_hs_responder *table)
{
    return table->half_open;
}

void ct_hs_responder_refuse(struct ct_hs_responder *table, const uint8_t sid16[16])
{
    struct ct_hs_entry *entry = ct_hs_table_find(table, sid16);
    if (entry != NULL && is_half_open(entry)) {
        ct_hs_table_close(table, entry, CT_HS_REFUSED);
    }
}

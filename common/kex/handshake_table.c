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
    table->per_source = config->per_source != 0 ? config->per_source : CT_HS_PER_SOURCE_MAX;
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

/* ---- what one source may have ---- */

bool ct_hs_source_known(const struct ct_hs_source *source)
{
    static const struct ct_hs_source unknown;
    return memcmp(source->bytes, unknown.bytes, sizeof(source->bytes)) != 0;
}

/* Of IPv6 the network: whoever has one address has 2^64 of them. */
static bool same_address(const struct ct_hs_source *a, const struct ct_hs_source *b)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const size_t len = memcmp(a->bytes, mapped, sizeof(mapped)) == 0 ? 16 : 8;
    return memcmp(a->bytes, b->bytes, len) == 0;
}

static void count_one(const struct ct_hs_source *source, const struct ct_hs_source *other,
                      size_t *of_source, size_t *of_address)
{
    *of_source += memcmp(source->bytes, other->bytes, sizeof(source->bytes)) == 0;
    *of_address += same_address(source, other);
}

bool ct_hs_table_has_room(const struct ct_hs_responder *table, const struct ct_hs_source *source,
                          uint64_t now_ms)
{
    const size_t quarter = table->capacity / 4;
    const size_t per_address = quarter > CT_HS_PER_SOURCE_MAX ? quarter : CT_HS_PER_SOURCE_MAX;
    size_t of_source = 0;
    size_t of_address = 0;
    if (table->half_open >= table->capacity) {
        return false;
    }
    if (!ct_hs_source_known(source)) {
        return true;
    }
    for (size_t i = 0; i < table->count; i++) {
        if (is_half_open(table->slots[i].entry)) {
            count_one(source, &table->slots[i].entry->source, &of_source, &of_address);
        }
    }
    for (size_t i = 0; i < CT_HS_REFUSED_MAX; i++) {
        if (now_ms < table->refused[i].end_ms) {
            count_one(source, &table->refused[i].source, &of_source, &of_address);
        }
    }
    return of_source < table->per_source && of_address < per_address;
}

/* ---- the end of a handshake ---- */

void ct_hs_table_complete(struct ct_hs_responder *table, struct ct_hs_entry *entry)
{
    entry->state = CT_HS_COMPLETE;
    ct_hs_entry_wipe_secrets(entry);
    free(entry->held);
    entry->held = NULL;
    entry->held_len = 0;
    table->half_open--;
}

static void remove_slot(struct ct_hs_responder *table, size_t i)
{
    if (is_half_open(table->slots[i].entry)) {
        table->half_open--;
    }
    ct_hs_entry_free(table->slots[i].entry);
    table->slots[i] = table->slots[--table->count];
}

/* Its session stands all the same; only repetitions of its messages get no answer any more. */
static void drop_oldest_complete(struct ct_hs_responder *table)
{
    size_t oldest = table->count;
    for (size_t i = 0; i < table->count; i++) {
        if (!is_half_open(table->slots[i].entry) &&
            (oldest == table->count ||
             table->slots[i].entry->began_ms < table->slots[oldest].entry->began_ms)) {
            oldest = i;
        }
    }
    if (oldest < table->count) {
        remove_slot(table, oldest);
    }
}

void ct_hs_table_add(struct ct_hs_responder *table, struct ct_hs_entry *entry)
{
    if (table->count >= table->capacity) {
        drop_oldest_complete(table);
    }
    const uint64_t end_ms = entry->began_ms + CT_HS_LIFE_MS;
    memcpy(table->slots[table->count].sid16, entry->sid16, 16);
    table->slots[table->count++].entry = entry;
    table->half_open++;
    if (end_ms < table->next_expiry_ms) {
        table->next_expiry_ms = end_ms;
    }
}

void ct_hs_table_refuse(struct ct_hs_responder *table, struct ct_hs_entry *entry)
{
    struct ct_hs_refused *refused = &table->refused[table->refused_next];
    table->refused_next = (table->refused_next + 1) % CT_HS_REFUSED_MAX;
    memcpy(refused->sid16, entry->sid16, 16);
    refused->source = entry->source;
    refused->end_ms = entry->began_ms + CT_HS_LIFE_MS;
    for (size_t i = 0; i < table->count; i++) {
        if (table->slots[i].entry == entry) {
            remove_slot(table, i);
            return;
        }
    }
}

const struct ct_hs_refused *ct_hs_table_refused(const struct ct_hs_responder *table,
                                                const uint8_t sid16[16], uint64_t now_ms)
{
    for (size_t i = 0; i < CT_HS_REFUSED_MAX; i++) {
        if (now_ms < table->refused[i].end_ms && memcmp(table->refused[i].sid16, sid16, 16) == 0) {
            return &table->refused[i];
        }
    }
    return NULL;
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
        remove_slot(table, i);
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
        ct_hs_table_refuse(table, entry);
    }
}

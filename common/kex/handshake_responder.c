/* The responder's table: which datagram belongs to which handshake, what it may do, what is
 * forgotten. */
#include "kex/handshake_responder.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

enum { DTLS_FIRST = 20, DTLS_LAST = 63 };

static void result_send(struct ct_hs_result *result, const struct ct_hs_source *source,
                        const uint8_t *bytes, size_t len)
{
    result->event = CT_HS_SEND;
    result->source = *source;
    result->bytes = bytes;
    result->len = len;
}

static void result_m2(struct ct_hs_result *result, const struct ct_hs_entry *entry)
{
    result_send(result, &entry->source, entry->messages + CT_HS_END1, CT_HS_M2_LEN);
}

/* ---- m1 ---- */

/* Takes the cookie field out: bare is m1 as it is hashed. */
static ct_err split_m1(uint8_t bare[CT_HS_M1_BARE_LEN], const uint8_t **cookie32,
                       const uint8_t *data, size_t len)
{
    const bool with_cookie = len == CT_HS_M1_COOKIE_LEN;
    if ((len != CT_HS_M1_LEN && !with_cookie) ||
        data[CT_HS_HEADER_LEN] != (with_cookie ? CT_HS_COOKIE_LEN : 0)) {
        return CT_ERR_FORMAT;
    }
    *cookie32 = with_cookie ? data + CT_HS_HEADER_LEN + 1 : NULL;
    memcpy(bare, data, CT_HS_HEADER_LEN);
    memcpy(bare + CT_HS_HEADER_LEN, data + len - CT_HS_SEAL1_LEN, CT_HS_SEAL1_LEN);
    return CT_OK;
}

/* Under load an m1 without a valid cookie is answered by m0 and forgotten; true when it was. */
static bool demand_cookie(struct ct_hs_responder *table, struct ct_hs_result *result,
                          const struct ct_hs_source *source, const uint8_t *bare,
                          const uint8_t *cookie32, uint64_t now_ms)
{
    uint8_t hash32[32];
    if (table->half_open < table->half_open_max) {
        return false;
    }
    if (ct_hs_hash(hash32, bare, CT_HS_M1_BARE_LEN) != CT_OK) {
        return true;
    }
    if (cookie32 != NULL &&
        ct_hs_cookie_valid(cookie32, &table->cookie_seed, now_ms, source, hash32)) {
        return false;
    }
    ct_hs_header_write(table->m0, 0, (enum ct_hs_purpose)bare[3], bare + 4);
    if (ct_hs_cookie(table->m0 + CT_HS_HEADER_LEN, &table->cookie_seed, now_ms / CT_HS_COOKIE_MS,
                     source, hash32) == CT_OK) {
        result_send(result, source, table->m0, CT_HS_M0_LEN);
    }
    return true;
}

static ct_err open_entry(struct ct_hs_responder *table, struct ct_hs_entry **out,
                         enum ct_hs_purpose purpose, const uint8_t *bare)
{
    struct ct_hs_entry *entry = calloc(1, sizeof(*entry));
    if (entry == NULL) {
        return CT_ERR_NOMEM;
    }
    ct_err err = ct_hs_entry_open(entry, &table->self, table->key, purpose, bare);
    if (err == CT_ERR_AUTH && table->previous != NULL) {
        err = ct_hs_entry_open(entry, &table->self, table->previous, purpose, bare);
    }
    if (err != CT_OK) {
        ct_hs_entry_free(entry);
        return err;
    }
    *out = entry;
    return CT_OK;
}

static void result_lookup(struct ct_hs_result *result, const struct ct_hs_entry *entry)
{
    result->event = CT_HS_LOOKUP;
    result->source = entry->source;
    memcpy(result->claim.sid16, entry->sid16, 16);
    result->claim.purpose = entry->purpose;
    result->claim.party = entry->p1.a;
}

/* A call costs its callee a reading of the chain, whoever calls; an enrolment costs none. */
static bool may_look_up(struct ct_hs_responder *table, enum ct_hs_purpose purpose, uint64_t now_ms)
{
    if (purpose != CT_HS_CALL) {
        return true;
    }
    if (table->second != now_ms / 1000u) {
        table->second = now_ms / 1000u;
        table->lookups = 0;
    }
    return table->lookups < CT_HS_LOOKUPS_MAX;
}

static ct_err on_first_m1(struct ct_hs_responder *table, struct ct_hs_result *result,
                          const struct ct_hs_source *source, enum ct_hs_purpose purpose,
                          const uint8_t *bare, const uint8_t *cookie32, uint64_t now_ms)
{
    struct ct_hs_entry *entry = NULL;
    if (demand_cookie(table, result, source, bare, cookie32, now_ms)) {
        return CT_OK;
    }
    if (!ct_hs_table_has_room(table, source, now_ms) || !may_look_up(table, purpose, now_ms)) {
        return CT_ERR_AGAIN;
    }
    ct_err err = open_entry(table, &entry, purpose, bare);
    if (err != CT_OK) {
        return err;
    }
    entry->began_ms = now_ms;
    entry->source = *source;
    ct_hs_table_add(table, entry);
    table->lookups++;
    result_lookup(result, entry);
    return CT_OK;
}

static ct_err on_m1(struct ct_hs_responder *table, struct ct_hs_entry *entry,
                    struct ct_hs_result *result, const struct ct_hs_source *source,
                    const uint8_t *data, size_t len, uint64_t now_ms)
{
    uint8_t bare[CT_HS_M1_BARE_LEN];
    const uint8_t *cookie32 = NULL;
    ct_err err = split_m1(bare, &cookie32, data, len);
    if (err != CT_OK) {
        return err;
    }
    if (entry == NULL) {
        return on_first_m1(table, result, source, (enum ct_hs_purpose)bare[3], bare, cookie32,
                           now_ms);
    }
    if (memcmp(bare, entry->messages, sizeof(bare)) != 0) {
        return CT_ERR_REPLAY;
    }
    if (entry->state == CT_HS_ANSWERED || entry->state == CT_HS_COMPLETE) {
        result_m2(result, entry); /* claimed: the answer is on its way */
    }
    return CT_OK;
}

ct_err ct_hs_responder_answer(struct ct_hs_responder *table, struct ct_hs_result *result,
                              const uint8_t sid16[16], const struct ct_hs_party *record,
                              const struct ct_hs_responder_draw *draw, uint64_t now_ms)
{
    memset(result, 0, sizeof(*result));
    ct_hs_responder_expire(table, now_ms);
    struct ct_hs_entry *entry = ct_hs_table_find(table, sid16);
    if (entry == NULL) {
        return ct_hs_table_refused(table, sid16, now_ms) != NULL ? CT_ERR_STATE : CT_ERR_NOT_FOUND;
    }
    if (entry->state != CT_HS_CLAIMED) {
        return CT_ERR_STATE;
    }
    if (!ct_hs_entry_matches(entry, &table->self, record)) {
        if (!entry->rechecked) {
            entry->rechecked = true;
            return CT_ERR_AGAIN;
        }
        ct_hs_table_refuse(table, entry);
        return CT_ERR_AUTH;
    }
    ct_err err = ct_hs_entry_answer(entry, &table->self, record, draw);
    if (err != CT_OK) {
        ct_hs_table_refuse(table, entry);
        return err;
    }
    result_m2(result, entry);
    return CT_OK;
}

/* ---- m3 | m4 | rest ---- */

/* m4 must follow m3 with the same sid and purpose; behind it only DTLS may come. */
static ct_err check_flight(const uint8_t *data, size_t len)
{
    struct ct_hs_header m4;
    if (len < CT_HS_FLIGHT_LEN) {
        return CT_ERR_FORMAT;
    }
    ct_err err = ct_hs_header_read(&m4, data + CT_HS_M3_LEN, len - CT_HS_M3_LEN);
    if (err != CT_OK) {
        return err;
    }
    if (m4.step != 4 || m4.purpose != data[3] || memcmp(m4.sid16, data + 4, 16) != 0) {
        return CT_ERR_FORMAT;
    }
    const bool has_rest = len > CT_HS_FLIGHT_LEN;
    const uint8_t first = has_rest ? data[CT_HS_FLIGHT_LEN] : DTLS_FIRST;
    return first >= DTLS_FIRST && first <= DTLS_LAST ? CT_OK : CT_ERR_FORMAT;
}

static void result_rest(struct ct_hs_responder *table, struct ct_hs_result *result,
                        const struct ct_hs_entry *entry, const uint8_t *data, size_t len)
{
    memcpy(result->session.sid16, entry->sid16, 16);
    result->source = entry->source;
    if (len > CT_HS_FLIGHT_LEN) {
        result->rest = data + CT_HS_FLIGHT_LEN;
        result->rest_len = len - CT_HS_FLIGHT_LEN;
    } else if (entry->held != NULL) {
        memcpy(table->held, entry->held, entry->held_len);
        result->rest = table->held;
        result->rest_len = entry->held_len;
    }
}

static ct_err on_first_flight(struct ct_hs_responder *table, struct ct_hs_entry *entry,
                              struct ct_hs_result *result, const uint8_t *data, size_t len)
{
    uint8_t psk32[32];
    ct_err err = ct_hs_entry_complete(entry, &table->self, data, psk32);
    if (err != CT_OK) {
        return err;
    }
    ct_hs_session_fill(&result->session, entry->sid16, entry->purpose, &entry->peer, psk32);
    ct_wipe(psk32, sizeof(psk32));
    result_rest(table, result, entry, data, len);
    result->event = CT_HS_SESSION;
    ct_hs_table_complete(table, entry);
    return CT_OK;
}

static ct_err on_flight(struct ct_hs_responder *table, struct ct_hs_entry *entry,
                        struct ct_hs_result *result, const struct ct_hs_source *source,
                        const uint8_t *data, size_t len, uint64_t now_ms)
{
    (void)source;
    (void)now_ms;
    if (entry == NULL) {
        return CT_ERR_NOT_FOUND;
    }
    ct_err err = check_flight(data, len);
    if (err != CT_OK) {
        return err;
    }
    if (entry->state == CT_HS_ANSWERED) {
        return on_first_flight(table, entry, result, data, len);
    }
    if (entry->state != CT_HS_COMPLETE) {
        return CT_ERR_STATE;
    }
    if (memcmp(data, entry->messages + CT_HS_END2, CT_HS_FLIGHT_LEN) != 0) {
        return CT_ERR_REPLAY;
    }
    result_rest(table, result, entry, data, len);
    result->event = CT_HS_REPEAT;
    return CT_OK;
}

/* A refused handshake: its own m1 once more is answered by silence, and all else refused. */
static ct_err on_refused(const struct ct_hs_refused *refused, const struct ct_hs_source *source,
                         uint8_t step)
{
    if (memcmp(refused->source.bytes, source->bytes, sizeof(source->bytes)) != 0) {
        return CT_ERR_REPLAY;
    }
    return step == 1 ? CT_OK : CT_ERR_STATE;
}

/* What is not in this table is dropped; what an entry's state allows is decided by each. */
static const struct {
    uint8_t step;
    ct_err (*take)(struct ct_hs_responder *, struct ct_hs_entry *, struct ct_hs_result *,
                   const struct ct_hs_source *, const uint8_t *, size_t, uint64_t);
} TABLE[] = {
    {1, on_m1},
    {3, on_flight},
};

ct_err ct_hs_responder_input(struct ct_hs_responder *table, struct ct_hs_result *result,
                             const struct ct_hs_source *source, const uint8_t *data, size_t len,
                             uint64_t now_ms)
{
    struct ct_hs_header header;
    memset(result, 0, sizeof(*result));
    ct_hs_responder_expire(table, now_ms);
    if (len > 0 && data[0] >= DTLS_FIRST && data[0] <= DTLS_LAST) {
        return ct_hs_table_hold(table, source, data, len);
    }
    ct_err err = ct_hs_header_read(&header, data, len);
    if (err != CT_OK) {
        return err;
    }
    if ((table->purposes & (1u << header.purpose)) == 0) {
        return CT_ERR_REFUSED;
    }
    const struct ct_hs_refused *refused = ct_hs_table_refused(table, header.sid16, now_ms);
    if (refused != NULL) {
        return on_refused(refused, source, header.step);
    }
    struct ct_hs_entry *entry = ct_hs_table_find(table, header.sid16);
    if (entry != NULL && (memcmp(entry->source.bytes, source->bytes, sizeof(source->bytes)) != 0 ||
                          header.purpose != (uint8_t)entry->purpose)) {
        return CT_ERR_REPLAY;
    }
    for (size_t i = 0; i < sizeof(TABLE) / sizeof(TABLE[0]); i++) {
        if (TABLE[i].step == header.step) {
            return TABLE[i].take(table, entry, result, source, data, len, now_ms);
        }
    }
    return CT_ERR_STATE;
}

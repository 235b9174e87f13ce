/* One handshake on its responder's side: opening m1, making m2, checking m3 and m4. */
#include "kex/handshake_responder.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "chain/key.h"

static bool is_zero(const uint8_t *data, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any |= data[i];
    }
    return any == 0;
}

/* What m1 must say of itself, whatever the chain says later. */
static ct_err check_p1(const struct ct_hs_p1 *p, const struct ct_hs_self *self,
                       enum ct_hs_purpose purpose, const uint8_t sid16[16])
{
    uint8_t record32[32];
    if ((p->suites & (1u << (CT_HS_SUITE - 1))) == 0) {
        return CT_ERR_REFUSED;
    }
    if (memcmp(p->sid16, sid16, 16) != 0 || strcmp(p->id_b, self->identity) != 0) {
        return CT_ERR_AUTH;
    }
    if (strcmp(p->a.identity, self->identity) == 0) {
        return CT_ERR_REPLAY;
    }
    if (purpose == CT_HS_CALL) {
        return CT_OK;
    }
    if (is_zero(p->a.wallet20, 20) || is_zero(p->a.key32, 32)) {
        return CT_ERR_FORMAT;
    }
    ct_err err = ct_hs_record(record32, self->deployment32, &p->a);
    if (err == CT_OK && !ct_equal(record32, 32, p->record_a32, 32)) {
        err = CT_ERR_AUTH;
    }
    return err;
}

ct_err ct_hs_entry_open(struct ct_hs_entry *entry, const struct ct_hs_self *self,
                        const struct ct_x25519 *key, enum ct_hs_purpose purpose,
                        const uint8_t bare[CT_HS_M1_BARE_LEN])
{
    uint8_t plain[CT_HS_P1_LEN];
    struct ct_hs_p1 p1;
    ct_err err = ct_hs_message_open(plain, sizeof(plain), self->deployment32, key, bare);
    if (err != CT_OK) {
        return err;
    }
    err = ct_hs_p1_read(&p1, plain, purpose);
    ct_wipe(plain, sizeof(plain));
    if (err == CT_OK) {
        err = check_p1(&p1, self, purpose, bare + 4);
    }
    if (err == CT_OK) {
        entry->state = CT_HS_CLAIMED;
        entry->purpose = purpose;
        entry->key = key;
        entry->p1 = p1;
        memcpy(entry->sid16, p1.sid16, 16);
        memcpy(entry->messages, bare, CT_HS_M1_BARE_LEN);
    }
    ct_wipe(&p1, sizeof(p1));
    return err;
}

bool ct_hs_entry_matches(const struct ct_hs_entry *entry, const struct ct_hs_self *self,
                         const struct ct_hs_party *record)
{
    uint8_t record32[32];
    return strcmp(record->identity, entry->p1.a.identity) == 0 &&
           ct_hs_record(record32, self->deployment32, record) == CT_OK &&
           ct_equal(record32, 32, entry->p1.record_a32, 32);
}

static ct_err make_p2(uint8_t plain[CT_HS_P2_LEN], const struct ct_hs_entry *entry,
                      const struct ct_hs_self *self, const struct ct_hs_responder_draw *draw)
{
    struct ct_hs_p2 p;
    struct ct_hs_party own;
    struct ct_x25519 ephemeral;
    memset(&p, 0, sizeof(p));
    memset(&own, 0, sizeof(own));
    ct_err err = ct_x25519_from_secret(&ephemeral, &draw->ephemeral);
    if (err != CT_OK) {
        return err;
    }
    memcpy(own.identity, self->identity, sizeof(own.identity));
    memcpy(own.wallet20, self->wallet20, 20);
    memcpy(own.key32, entry->key->public32, 32);
    memcpy(p.sid16, entry->sid16, 16);
    memcpy(p.n1_32, entry->p1.n1_32, 32);
    memcpy(p.n2_32, draw->n2_32, 32);
    memcpy(p.eph_b32, ephemeral.public32, 32);
    memcpy(p.id_b, self->identity, sizeof(p.id_b));
    err = ct_hs_record(p.record_b32, self->deployment32, &own);
    if (err == CT_OK) {
        err = ct_hs_hash(p.hash1_32, entry->messages, CT_HS_END1);
    }
    if (err == CT_OK) {
        err = ct_hs_p2_write(plain, &p);
    }
    ct_wipe(&ephemeral, sizeof(ephemeral));
    ct_wipe(&p, sizeof(p));
    return err;
}

ct_err ct_hs_entry_answer(struct ct_hs_entry *entry, const struct ct_hs_self *self,
                          const struct ct_hs_party *record, const struct ct_hs_responder_draw *draw)
{
    uint8_t plain[CT_HS_P2_LEN];
    uint8_t header20[20];
    ct_hs_header_write(header20, 2, entry->purpose, entry->sid16);
    ct_err err = make_p2(plain, entry, self, draw);
    if (err == CT_OK) {
        err = ct_hs_message_seal(entry->messages + CT_HS_END1, self->deployment32, header20,
                                 record->key32, &draw->seal2, plain, sizeof(plain));
    }
    ct_wipe(plain, sizeof(plain));
    if (err == CT_OK) {
        entry->peer = *record;
        entry->ephemeral = draw->ephemeral;
        memcpy(entry->n2_32, draw->n2_32, 32);
        entry->state = CT_HS_ANSWERED;
    }
    return err;
}

/* sid and N2, with which P3 and P4 begin. */
static bool begins_right(const struct ct_hs_entry *entry, const uint8_t *plain)
{
    return ct_equal(plain, 16, entry->sid16, 16) && ct_equal(plain + 16, 32, entry->n2_32, 32);
}

static ct_err check_m3(const struct ct_hs_entry *entry, const struct ct_hs_self *self,
                       const uint8_t *m3)
{
    uint8_t plain[CT_HS_P3_LEN];
    uint8_t hash32[32];
    ct_err err = ct_hs_message_open(plain, sizeof(plain), self->deployment32, entry->key, m3);
    if (err == CT_OK) {
        err = ct_hs_hash(hash32, entry->messages, CT_HS_END2);
    }
    if (err == CT_OK && (!begins_right(entry, plain) || !ct_equal(plain + 48, 32, hash32, 32))) {
        err = CT_ERR_AUTH;
    }
    ct_wipe(plain, sizeof(plain));
    return err;
}

/* plain is P4, opened; messages holds all four. */
static ct_err check_signature(const struct ct_hs_entry *entry, const struct ct_hs_binding *binding,
                              const uint8_t plain[CT_HS_P4_LEN])
{
    uint8_t digest32[32];
    if (!begins_right(entry, plain)) {
        return CT_ERR_AUTH;
    }
    ct_err err = ct_hs_signed_digest(digest32, binding);
    return err != CT_OK ? err : ct_sig_check(entry->peer.wallet20, digest32, plain + 80);
}

ct_err ct_hs_entry_complete(struct ct_hs_entry *entry, const struct ct_hs_self *self,
                            const uint8_t flight[CT_HS_FLIGHT_LEN], uint8_t psk32[32])
{
    uint8_t plain[CT_HS_P4_LEN];
    uint8_t messages[CT_HS_END4];
    memcpy(messages, entry->messages, CT_HS_END2);
    memcpy(messages + CT_HS_END2, flight, CT_HS_FLIGHT_LEN);
    const struct ct_hs_binding binding = {
        .net = &self->net,
        .deployment32 = self->deployment32,
        .purpose = entry->purpose,
        .sid16 = entry->sid16,
        .id_a = entry->peer.identity,
        .id_b = self->identity,
        .n1_32 = entry->p1.n1_32,
        .n2_32 = entry->n2_32,
        .session32 = plain + 48,
        .messages = messages,
    };
    ct_err err = check_m3(entry, self, flight);
    if (err == CT_OK) {
        err = ct_hs_message_open(plain, sizeof(plain), self->deployment32, entry->key,
                                 flight + CT_HS_M3_LEN);
    }
    if (err == CT_OK) {
        err = check_signature(entry, &binding, plain);
    }
    if (err == CT_OK) {
        err = ct_hs_psk(psk32, &binding, &entry->ephemeral, entry->p1.eph_a32);
    }
    if (err == CT_OK) {
        memcpy(entry->messages, messages, sizeof(messages));
        entry->state = CT_HS_COMPLETE;
        ct_hs_entry_wipe_secrets(entry);
    }
    ct_wipe(plain, sizeof(plain));
    return err;
}

void ct_hs_entry_wipe_secrets(struct ct_hs_entry *entry)
{
    ct_wipe(&entry->ephemeral, sizeof(entry->ephemeral));
    ct_wipe(entry->n2_32, sizeof(entry->n2_32));
    ct_wipe(entry->p1.n1_32, sizeof(entry->p1.n1_32));
    ct_wipe(entry->p1.eph_a32, sizeof(entry->p1.eph_a32));
}

void ct_hs_entry_free(struct ct_hs_entry *entry)
{
    if (entry != NULL) {
        free(entry->held);
        ct_wipe(entry, sizeof(*entry));
        free(entry);
    }
}

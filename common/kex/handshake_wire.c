/* Headers and plaintexts of the handshake: bytes to structs and back, and their seals. */
#include "kex/handshake_wire.h"

#include <string.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "chain/registry.h"
#include "kex/seal.h"

enum { VERSION = 1, LAST_STEP = 4, LAST_PURPOSE = CT_HS_ENROL_RELAY };

void ct_hs_header_write(uint8_t out20[20], uint8_t step, enum ct_hs_purpose purpose,
                        const uint8_t sid16[16])
{
    out20[0] = CT_HS_FIRST_BYTE;
    out20[1] = VERSION;
    out20[2] = step;
    out20[3] = (uint8_t)purpose;
    memcpy(out20 + 4, sid16, 16);
}

ct_err ct_hs_header_read(struct ct_hs_header *out, const uint8_t *data, size_t len)
{
    if (len < CT_HS_HEADER_LEN || data[0] != CT_HS_FIRST_BYTE || data[1] != VERSION ||
        data[2] > LAST_STEP || data[3] > LAST_PURPOSE) {
        return CT_ERR_FORMAT;
    }
    out->step = data[2];
    out->purpose = data[3];
    memcpy(out->sid16, data + 4, 16);
    return CT_OK;
}

ct_err ct_hs_identity_copy(char out[64], const char *identity)
{
    if (identity == NULL || !ct_identity_valid(identity)) {
        return CT_ERR_ARG;
    }
    memset(out, 0, 64);
    memcpy(out, identity, strlen(identity) + 1);
    return CT_OK;
}

static void write_identity(struct ct_wr *w, const char *identity)
{
    size_t len = strlen(identity);
    ct_wr_u8(w, (uint8_t)len);
    ct_wr_bytes(w, identity, len);
}

/* Leaves out empty and r bad when it is not a valid identity. */
static void read_identity(struct ct_rd *r, char out[64])
{
    char text[64] = {0};
    size_t len = ct_rd_u8(r);
    if (len == 0 || len > CT_IDENTITY_MAX) {
        r->bad = true;
        return;
    }
    ct_rd_copy(r, text, len);
    if (r->bad || strlen(text) != len || !ct_identity_valid(text)) {
        r->bad = true;
        return;
    }
    memcpy(out, text, sizeof(text));
}

/* Everything left must be zeros. */
static ct_err read_padding(struct ct_rd *r)
{
    size_t len = r->left;
    const uint8_t *rest = ct_rd_take(r, len);
    uint8_t any = 0;
    for (size_t i = 0; !r->bad && i < len; i++) {
        any |= rest[i];
    }
    return any == 0 ? ct_rd_end(r) : CT_ERR_FORMAT;
}

ct_err ct_hs_p1_write(uint8_t out[CT_HS_P1_LEN], const struct ct_hs_p1 *p,
                      enum ct_hs_purpose purpose)
{
    struct ct_wr w = ct_wr_init(out, CT_HS_P1_LEN);
    ct_wr_u8(&w, p->suites);
    ct_wr_bytes(&w, p->sid16, 16);
    ct_wr_bytes(&w, p->n1_32, 32);
    ct_wr_bytes(&w, p->record_a32, 32);
    ct_wr_bytes(&w, p->eph_a32, 32);
    write_identity(&w, p->a.identity);
    write_identity(&w, p->id_b);
    if (purpose != CT_HS_CALL) {
        ct_wr_bytes(&w, p->a.wallet20, 20);
        ct_wr_bytes(&w, p->a.key32, 32);
    }
    if (w.len < CT_HS_P1_LEN) {
        ct_wr_zeros(&w, CT_HS_P1_LEN - w.len);
    }
    return ct_wr_end(&w);
}

ct_err ct_hs_p1_read(struct ct_hs_p1 *out, const uint8_t data[CT_HS_P1_LEN],
                     enum ct_hs_purpose purpose)
{
    struct ct_hs_p1 p;
    struct ct_rd r = ct_rd_init(data, CT_HS_P1_LEN);
    memset(&p, 0, sizeof(p));
    p.suites = ct_rd_u8(&r);
    ct_rd_copy(&r, p.sid16, 16);
    ct_rd_copy(&r, p.n1_32, 32);
    ct_rd_copy(&r, p.record_a32, 32);
    ct_rd_copy(&r, p.eph_a32, 32);
    read_identity(&r, p.a.identity);
    read_identity(&r, p.id_b);
    if (purpose != CT_HS_CALL) {
        ct_rd_copy(&r, p.a.wallet20, 20);
        ct_rd_copy(&r, p.a.key32, 32);
    }
    ct_err err = read_padding(&r);
    if (err == CT_OK) {
        *out = p;
    }
    ct_wipe(&p, sizeof(p));
    return err;
}

ct_err ct_hs_p2_write(uint8_t out[CT_HS_P2_LEN], const struct ct_hs_p2 *p)
{
    struct ct_wr w = ct_wr_init(out, CT_HS_P2_LEN);
    ct_wr_u8(&w, CT_HS_SUITE);
    ct_wr_bytes(&w, p->sid16, 16);
    ct_wr_bytes(&w, p->n1_32, 32);
    ct_wr_bytes(&w, p->n2_32, 32);
    ct_wr_bytes(&w, p->record_b32, 32);
    ct_wr_bytes(&w, p->eph_b32, 32);
    ct_wr_bytes(&w, p->hash1_32, 32);
    write_identity(&w, p->id_b);
    if (w.len < CT_HS_P2_LEN) {
        ct_wr_zeros(&w, CT_HS_P2_LEN - w.len);
    }
    return ct_wr_end(&w);
}

ct_err ct_hs_p2_read(struct ct_hs_p2 *out, const uint8_t data[CT_HS_P2_LEN])
{
    struct ct_hs_p2 p;
    struct ct_rd r = ct_rd_init(data, CT_HS_P2_LEN);
    memset(&p, 0, sizeof(p));
    const uint8_t suite = ct_rd_u8(&r);
    ct_rd_copy(&r, p.sid16, 16);
    ct_rd_copy(&r, p.n1_32, 32);
    ct_rd_copy(&r, p.n2_32, 32);
    ct_rd_copy(&r, p.record_b32, 32);
    ct_rd_copy(&r, p.eph_b32, 32);
    ct_rd_copy(&r, p.hash1_32, 32);
    read_identity(&r, p.id_b);
    ct_err err = read_padding(&r);
    if (err == CT_OK && suite != CT_HS_SUITE) {
        err = CT_ERR_FORMAT;
    }
    if (err == CT_OK) {
        *out = p;
    }
    ct_wipe(&p, sizeof(p));
    return err;
}

/* The associated data: D | header. */
static void associate(uint8_t out[32 + CT_HS_HEADER_LEN], const uint8_t deployment32[32],
                      const uint8_t header20[20])
{
    memcpy(out, deployment32, 32);
    memcpy(out + 32, header20, CT_HS_HEADER_LEN);
}

ct_err ct_hs_message_seal(uint8_t *out, const uint8_t deployment32[32], const uint8_t header20[20],
                          const uint8_t peer32[32], const struct ct_secret32 *ephemeral,
                          const uint8_t *plain, size_t plain_len)
{
    uint8_t aad[32 + CT_HS_HEADER_LEN];
    associate(aad, deployment32, header20);
    memcpy(out, header20, CT_HS_HEADER_LEN);
    return ct_seal(out + CT_HS_HEADER_LEN, peer32, ephemeral, aad, sizeof(aad), plain, plain_len);
}

ct_err ct_hs_message_open(uint8_t *plain, size_t plain_len, const uint8_t deployment32[32],
                          const struct ct_x25519 *own, const uint8_t *message)
{
    uint8_t aad[32 + CT_HS_HEADER_LEN];
    associate(aad, deployment32, message);
    return ct_unseal(plain, own, aad, sizeof(aad), message + CT_HS_HEADER_LEN,
                     plain_len + CT_SEAL_OVERHEAD);
}

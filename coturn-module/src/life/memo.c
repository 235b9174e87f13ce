/* What a relay remembers of itself between runs: a small file with a checksum. */
#include "life/memo.h"

#include <stdlib.h>
#include <string.h>

#include "chain/sealed.h"

enum { BODY_MAX = 20 + 2 + 2 + 1 + 4 * 8 + 2 + 32 + 8 + 2 + CT_RG_RAW_MAX };

static struct ct_sealed sealed(const struct ct_memo_owner *owner, const char *path)
{
    return (struct ct_sealed){.magic = {'c', 't', 'r', 'm', 'e', 'm', 'o', '1'},
                              .deployment32 = owner->deployment32,
                              .path = path,
                              .whose = "deployment or wallet",
                              .instead = "where this relay stands is read from the chain",
                              .is_private = true};
}

static void write_sent(struct ct_wr *w, const struct ct_memo_sent *sent)
{
    ct_wr_u8(w, (uint8_t)sent->call.what);
    if (sent->call.what == 0) {
        return;
    }
    ct_wr_be64(w, sent->call.nonce);
    ct_wr_be64(w, sent->call.fee_wei);
    ct_wr_be64(w, sent->call.tip_wei);
    ct_wr_be64(w, sent->call.gas);
    ct_wr_be16(w, sent->call.index);
    ct_wr_bytes(w, sent->call.key32, 32);
    ct_wr_be64(w, sent->mined_block);
    ct_wr_be16(w, (uint16_t)sent->len);
    ct_wr_bytes(w, sent->raw, sent->len);
}

static void read_sent(struct ct_rd *r, struct ct_memo_sent *sent)
{
    uint8_t what = ct_rd_u8(r);
    if (what == 0) {
        return;
    }
    sent->call.what = (enum ct_rg_call_what)what;
    sent->call.nonce = ct_rd_be64(r);
    sent->call.fee_wei = ct_rd_be64(r);
    sent->call.tip_wei = ct_rd_be64(r);
    sent->call.gas = ct_rd_be64(r);
    sent->call.index = ct_rd_be16(r);
    ct_rd_copy(r, sent->call.key32, 32);
    sent->mined_block = ct_rd_be64(r);
    sent->len = ct_rd_be16(r);
    r->bad = r->bad || what > CT_RG_WITHDRAW || sent->len == 0 || sent->len > sizeof(sent->raw);
    if (!r->bad) {
        ct_rd_copy(r, sent->raw, sent->len);
    }
}

ct_err ct_memo_save(const struct ct_memo *memo, const struct ct_memo_owner *owner, const char *path,
                    struct ct_why *why)
{
    struct ct_sealed s = sealed(owner, path);
    struct ct_wr w;
    ct_err err = ct_sealed_begin(&w, &s, BODY_MAX, why);
    if (err != CT_OK) {
        return err;
    }
    ct_wr_bytes(&w, owner->addr20, 20);
    ct_wr_be16(&w, memo->index);
    ct_wr_be16(&w, memo->renewed_day);
    write_sent(&w, &memo->sent);
    return ct_sealed_end(&w, &s, why);
}

static ct_err parse(struct ct_memo *out, const struct ct_memo_owner *owner, struct ct_rd *r)
{
    uint8_t addr20[20];
    memset(out, 0, sizeof(*out));
    ct_rd_copy(r, addr20, sizeof(addr20));
    out->index = ct_rd_be16(r);
    out->renewed_day = ct_rd_be16(r);
    read_sent(r, &out->sent);
    return memcmp(addr20, owner->addr20, sizeof(addr20)) == 0 ? ct_rd_end(r) : CT_ERR_FORMAT;
}

ct_err ct_memo_load(struct ct_memo *out, const struct ct_memo_owner *owner, const char *path,
                    struct ct_why *why)
{
    struct ct_sealed s = sealed(owner, path);
    struct ct_memo memo;
    struct ct_rd body;
    uint8_t *bytes = NULL;
    ct_err err = ct_sealed_load(&bytes, &body, &s, BODY_MAX, why);
    if (err == CT_OK && (err = parse(&memo, owner, &body)) != CT_OK) {
        err = ct_sealed_refuse(&s, why);
    }
    if (err == CT_OK) {
        *out = memo;
    }
    free(bytes);
    return err;
}

/* What a relay remembers of itself between runs: a small file with a checksum. */
#include "life/memo.h"

#include <string.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "chain/keccak.h"

enum { FILE_MAX = 8 + 32 + 20 + 2 + 2 + 1 + 4 * 8 + 2 + 32 + 8 + 2 + CT_RG_RAW_MAX + 32 };
static const uint8_t magic[8] = {'c', 't', 'r', 'm', 'e', 'm', 'o', '1'};

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
    uint8_t file[FILE_MAX];
    uint8_t sum[32];
    struct ct_wr w = ct_wr_init(file, sizeof(file));
    ct_wr_bytes(&w, magic, sizeof(magic));
    ct_wr_bytes(&w, owner->deployment32, 32);
    ct_wr_bytes(&w, owner->addr20, 20);
    ct_wr_be16(&w, memo->index);
    ct_wr_be16(&w, memo->renewed_day);
    write_sent(&w, &memo->sent);
    ct_err err = ct_wr_end(&w);
    if (err != CT_OK) {
        return ct_why(why, err, "what this relay remembers does not fit into %s", path);
    }
    ct_keccak256(sum, file, w.len);
    ct_wr_bytes(&w, sum, sizeof(sum));
    err = ct_wr_end(&w);
    return err == CT_OK ? ct_file_write(path, file, w.len, 0600, why) : err;
}

static ct_err parse(struct ct_memo *out, const struct ct_memo_owner *owner, const uint8_t *file,
                    size_t len)
{
    uint8_t head[sizeof(magic)];
    uint8_t sum[32];
    uint8_t found[32];
    struct ct_memo_owner whose;
    struct ct_rd r = ct_rd_init(file, len);
    memset(out, 0, sizeof(*out));
    ct_rd_copy(&r, head, sizeof(head));
    ct_rd_copy(&r, whose.deployment32, 32);
    ct_rd_copy(&r, whose.addr20, 20);
    out->index = ct_rd_be16(&r);
    out->renewed_day = ct_rd_be16(&r);
    read_sent(&r, &out->sent);
    ct_rd_copy(&r, found, sizeof(found));
    if (ct_rd_end(&r) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    ct_keccak256(sum, file, len - sizeof(sum));
    bool good = memcmp(sum, found, sizeof(sum)) == 0 && memcmp(head, magic, sizeof(head)) == 0 &&
                memcmp(whose.deployment32, owner->deployment32, 32) == 0 &&
                memcmp(whose.addr20, owner->addr20, 20) == 0;
    return good ? CT_OK : CT_ERR_FORMAT;
}

ct_err ct_memo_load(struct ct_memo *out, const struct ct_memo_owner *owner, const char *path,
                    struct ct_why *why)
{
    char file[FILE_MAX + 2];
    struct ct_memo memo;
    size_t len = 0;
    ct_err err = ct_file_read(file, sizeof(file), &len, path, true, why);
    if (err != CT_OK && err != CT_ERR_ROOM) {
        return err;
    }
    if (err == CT_ERR_ROOM || parse(&memo, owner, (const uint8_t *)file, len) != CT_OK) {
        return ct_why(why, CT_ERR_FORMAT,
                      "%s is damaged or of another deployment or wallet and is not used; where "
                      "this relay stands is read from the chain",
                      path);
    }
    *out = memo;
    return CT_OK;
}

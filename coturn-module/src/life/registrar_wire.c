/* Frames between module and registrar as bytes: one way of writing each, nothing left over. */
#include "life/registrar_wire.h"

#include <string.h>

#include "base/bytes.h"
#include "kex/owner.h"

enum { VERSION = 1, ANSWER = 0x80 };

static bool is_zero(const uint8_t *data, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any |= data[i];
    }
    return any == 0;
}

static void write_text(struct ct_wr *w, const char *text, size_t cap)
{
    size_t len = strnlen(text, cap);
    ct_wr_be16(w, (uint16_t)len);
    ct_wr_bytes(w, text, len);
}

/* len16, and that many bytes other than NUL; they and a NUL fit into out. */
static void read_text(struct ct_rd *r, char *out, size_t cap)
{
    size_t len = ct_rd_be16(r);
    const uint8_t *text = ct_rd_take(r, len);
    if (text == NULL || len >= cap || memchr(text, '\0', len) != NULL) {
        r->bad = true;
        out[0] = '\0';
        return;
    }
    memcpy(out, text, len);
    out[len] = '\0';
}

/* ---- requests ---- */

static void write_open(struct ct_wr *w, const struct ct_rg_open *o)
{
    ct_wr_be64(w, o->chain_id);
    ct_wr_bytes(w, o->contract20, 20);
    ct_wr_be64(w, o->fee_max_wei);
    ct_wr_be64(w, o->gas_max);
    ct_wr_be16(w, o->record.listen_port);
    ct_wr_be16(w, o->record.port_min);
    ct_wr_be16(w, o->record.port_max);
    ct_wr_bytes(w, o->record.listen_ip4, 4);
    ct_wr_bytes(w, o->record.relay_ip4, 4);
    ct_wr_bytes(w, o->record.listen_ip6, 16);
    ct_wr_bytes(w, o->record.relay_ip6, 16);
    ct_wr_u8(w, o->may_make ? 1 : 0);
    write_text(w, o->wallet, sizeof(o->wallet));
    write_text(w, o->passphrase, sizeof(o->passphrase));
    write_text(w, o->user, sizeof(o->user));
}

static void read_open(struct ct_rd *r, struct ct_rg_open *o)
{
    o->chain_id = ct_rd_be64(r);
    ct_rd_copy(r, o->contract20, 20);
    o->fee_max_wei = ct_rd_be64(r);
    o->gas_max = ct_rd_be64(r);
    o->record.listen_port = ct_rd_be16(r);
    o->record.port_min = ct_rd_be16(r);
    o->record.port_max = ct_rd_be16(r);
    ct_rd_copy(r, o->record.listen_ip4, 4);
    ct_rd_copy(r, o->record.relay_ip4, 4);
    ct_rd_copy(r, o->record.listen_ip6, 16);
    ct_rd_copy(r, o->record.relay_ip6, 16);
    uint8_t may_make = ct_rd_u8(r);
    o->may_make = may_make == 1;
    r->bad = r->bad || may_make > 1;
    read_text(r, o->wallet, sizeof(o->wallet));
    read_text(r, o->passphrase, sizeof(o->passphrase));
    read_text(r, o->user, sizeof(o->user));
}

static void write_call(struct ct_wr *w, const struct ct_rg_call *c)
{
    ct_wr_u8(w, (uint8_t)c->what);
    ct_wr_be64(w, c->nonce);
    ct_wr_be64(w, c->fee_wei);
    ct_wr_be64(w, c->tip_wei);
    ct_wr_be64(w, c->gas);
    ct_wr_be16(w, c->index);
    ct_wr_bytes(w, c->key32, 32);
}

static void read_call(struct ct_rd *r, struct ct_rg_call *c)
{
    uint8_t what = ct_rd_u8(r);
    c->what = (enum ct_rg_call_what)what;
    c->nonce = ct_rd_be64(r);
    c->fee_wei = ct_rd_be64(r);
    c->tip_wei = ct_rd_be64(r);
    c->gas = ct_rd_be64(r);
    c->index = ct_rd_be16(r);
    ct_rd_copy(r, c->key32, 32);
    bool has_key = !is_zero(c->key32, 32);
    r->bad = r->bad || what < CT_RG_REGISTER || what > CT_RG_WITHDRAW || c->tip_wei > c->fee_wei ||
             has_key == (what == CT_RG_WITHDRAW) || (what == CT_RG_WITHDRAW && c->index == 0);
}

static void write_statement(struct ct_wr *w, const struct ct_rg_statement *s)
{
    ct_wr_u8(w, (uint8_t)s->what);
    ct_wr_bytes(w, s->key32, 32);
    if (s->what == CT_RG_HANDSHAKE) {
        ct_wr_bytes(w, s->of.handshake.sid16, 16);
        ct_wr_bytes(w, s->of.handshake.n1_32, 32);
        ct_wr_bytes(w, s->of.handshake.n2_32, 32);
        ct_wr_bytes(w, s->of.handshake.session32, 32);
        ct_wr_bytes(w, s->of.handshake.transcript32, 32);
    } else {
        ct_wr_bytes(w, s->of.ownership.nonce32, 32);
        ct_wr_u8(w, s->of.ownership.mode);
        ct_wr_be64(w, s->of.ownership.until_s);
    }
}

static void read_statement(struct ct_rd *r, struct ct_rg_statement *s)
{
    uint8_t what = ct_rd_u8(r);
    s->what = (enum ct_rg_statement_what)what;
    ct_rd_copy(r, s->key32, 32);
    if (what == CT_RG_HANDSHAKE) {
        ct_rd_copy(r, s->of.handshake.sid16, 16);
        ct_rd_copy(r, s->of.handshake.n1_32, 32);
        ct_rd_copy(r, s->of.handshake.n2_32, 32);
        ct_rd_copy(r, s->of.handshake.session32, 32);
        ct_rd_copy(r, s->of.handshake.transcript32, 32);
    } else if (what == CT_RG_OWNERSHIP) {
        ct_rd_copy(r, s->of.ownership.nonce32, 32);
        s->of.ownership.mode = ct_rd_u8(r);
        s->of.ownership.until_s = ct_rd_be64(r);
        r->bad = r->bad || s->of.ownership.mode >= CT_OWNER_MODES;
    } else {
        r->bad = true;
    }
    r->bad = r->bad || is_zero(s->key32, 32);
}

static ct_err end(const struct ct_wr *w, size_t *len)
{
    ct_err err = ct_wr_end(w);
    if (err == CT_OK) {
        *len = w->len;
    }
    return err;
}

ct_err ct_rg_request_write(uint8_t *out, size_t cap, size_t *len,
                           const struct ct_rg_request *request)
{
    struct ct_wr w = ct_wr_init(out, cap);
    ct_wr_u8(&w, VERSION);
    ct_wr_u8(&w, (uint8_t)request->kind);
    ct_wr_be32(&w, request->number);
    switch (request->kind) {
    case CT_RG_OPEN:
        write_open(&w, &request->of.open);
        break;
    case CT_RG_CALL:
        write_call(&w, &request->of.call);
        break;
    case CT_RG_STATEMENT:
        write_statement(&w, &request->of.statement);
        break;
    }
    return end(&w, len);
}

ct_err ct_rg_request_read(struct ct_rg_request *out, const uint8_t *data, size_t len)
{
    struct ct_rd r = ct_rd_init(data, len);
    struct ct_rg_request got;
    memset(&got, 0, sizeof(got));
    uint8_t version = ct_rd_u8(&r);
    uint8_t kind = ct_rd_u8(&r);
    got.kind = (enum ct_rg_kind)kind;
    got.number = ct_rd_be32(&r);
    if (r.bad || version != VERSION) {
        return CT_ERR_FORMAT;
    }
    switch (kind) {
    case CT_RG_OPEN:
        read_open(&r, &got.of.open);
        break;
    case CT_RG_CALL:
        read_call(&r, &got.of.call);
        break;
    case CT_RG_STATEMENT:
        read_statement(&r, &got.of.statement);
        break;
    default:
        return CT_ERR_FORMAT;
    }
    ct_err err = ct_rd_end(&r);
    if (err == CT_OK) {
        *out = got;
    }
    return err;
}

/* ---- answers ---- */

static void write_good(struct ct_wr *w, const struct ct_rg_answer *a)
{
    switch (a->kind) {
    case CT_RG_OPEN:
        ct_wr_u8(w, a->of.open.made ? 1 : 0);
        ct_wr_bytes(w, a->of.open.addr20, 20);
        break;
    case CT_RG_CALL:
        ct_wr_be16(w, (uint16_t)a->of.call.len);
        ct_wr_bytes(w, a->of.call.raw, a->of.call.len);
        break;
    case CT_RG_STATEMENT:
        ct_wr_bytes(w, a->of.rs64, 64);
        break;
    }
}

static void read_good(struct ct_rd *r, struct ct_rg_answer *a)
{
    uint8_t made = 0;
    switch (a->kind) {
    case CT_RG_OPEN:
        made = ct_rd_u8(r);
        a->of.open.made = made == 1;
        r->bad = r->bad || made > 1;
        ct_rd_copy(r, a->of.open.addr20, 20);
        break;
    case CT_RG_CALL:
        a->of.call.len = ct_rd_be16(r);
        r->bad = r->bad || a->of.call.len == 0 || a->of.call.len > CT_RG_RAW_MAX;
        if (!r->bad) {
            ct_rd_copy(r, a->of.call.raw, a->of.call.len);
        }
        break;
    case CT_RG_STATEMENT:
        ct_rd_copy(r, a->of.rs64, 64);
        break;
    }
}

ct_err ct_rg_answer_write(uint8_t *out, size_t cap, size_t *len, const struct ct_rg_answer *answer)
{
    struct ct_wr w = ct_wr_init(out, cap);
    ct_wr_u8(&w, VERSION);
    ct_wr_u8(&w, (uint8_t)(ANSWER | (unsigned)answer->kind));
    ct_wr_be32(&w, answer->number);
    ct_wr_be16(&w, (uint16_t)answer->err);
    if (answer->err == CT_OK) {
        write_good(&w, answer);
    } else {
        write_text(&w, answer->why.text, sizeof(answer->why.text));
    }
    return end(&w, len);
}

/* Only what this registrar may answer with: another process does not choose among our errors. */
static bool is_error(uint16_t code)
{
    static const ct_err known[] = {
        CT_ERR_ARG,     CT_ERR_STATE,     CT_ERR_ROOM,  CT_ERR_CONFIG, CT_ERR_FORMAT, CT_ERR_AUTH,
        CT_ERR_REFUSED, CT_ERR_NOT_FOUND, CT_ERR_AGAIN, CT_ERR_NOMEM,  CT_ERR_SYSTEM,
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (code == (uint16_t)known[i]) {
            return true;
        }
    }
    return false;
}

ct_err ct_rg_answer_read(struct ct_rg_answer *out, const uint8_t *data, size_t len)
{
    struct ct_rd r = ct_rd_init(data, len);
    struct ct_rg_answer got;
    memset(&got, 0, sizeof(got));
    uint8_t version = ct_rd_u8(&r);
    uint8_t kind = ct_rd_u8(&r);
    got.number = ct_rd_be32(&r);
    uint16_t code = ct_rd_be16(&r);
    if (r.bad || version != VERSION || kind < (ANSWER | CT_RG_OPEN) ||
        kind > (ANSWER | CT_RG_STATEMENT) || (code != CT_OK && !is_error(code))) {
        return CT_ERR_FORMAT;
    }
    got.kind = (enum ct_rg_kind)(kind & ~(unsigned)ANSWER);
    got.err = (ct_err)code;
    if (got.err == CT_OK) {
        read_good(&r, &got);
    } else {
        read_text(&r, got.why.text, sizeof(got.why.text));
    }
    ct_err err = ct_rd_end(&r);
    if (err == CT_OK) {
        *out = got;
    }
    return err;
}

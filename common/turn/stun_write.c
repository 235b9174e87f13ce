/* Writing STUN and TURN messages: attribute by attribute, the length field kept right all along. */
#include "turn/stun.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/secret.h"
#include "turn/crc32.h"

/* The message length as it is once `more` bytes follow what is written (RFC 8489 5). */
static void set_length(struct ct_wr *w, size_t more)
{
    size_t body = w->len + more - CT_STUN_HEADER;
    if (w->len <= w->cap && w->cap >= CT_STUN_HEADER && body <= UINT16_MAX) {
        w->buf[2] = (uint8_t)(body >> 8);
        w->buf[3] = (uint8_t)body;
    }
}

void ct_stun_begin(struct ct_wr *w, void *buf, size_t cap, uint16_t method, uint16_t class_,
                   const uint8_t tid[CT_STUN_TID])
{
    *w = ct_wr_init(buf, cap);
    ct_wr_be16(
        w, (uint16_t)((method & 0xfu) | (method & 0x70u) << 1 | (method & 0xf80u) << 2 | class_));
    ct_wr_be16(w, 0);
    ct_wr_be32(w, CT_STUN_COOKIE);
    ct_wr_bytes(w, tid, CT_STUN_TID);
}

void ct_stun_put(struct ct_wr *w, uint16_t attr, const void *value, size_t len)
{
    if (len > UINT16_MAX) {
        w->cap = 0; /* no message can hold it: reported as not fitting */
        len = 0;
        w->len++;
    }
    ct_wr_be16(w, attr);
    ct_wr_be16(w, (uint16_t)len);
    ct_wr_bytes(w, value, len);
    ct_wr_zeros(w, (4u - len % 4u) % 4u);
    set_length(w, 0);
}

void ct_stun_put_text(struct ct_wr *w, uint16_t attr, const char *text)
{
    ct_stun_put(w, attr, text, strlen(text));
}

void ct_stun_put_u32(struct ct_wr *w, uint16_t attr, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                        (uint8_t)value};
    ct_stun_put(w, attr, bytes, sizeof bytes);
}

void ct_stun_put_xor_addr(struct ct_wr *w, uint16_t attr, const struct ct_addr *addr)
{
    uint8_t value[20];
    size_t len = addr->family == 6 ? 16 : 4;
    if (w->len > w->cap) {
        w->len += 8 + len; /* the key of the XOR is not there either */
        return;
    }
    const uint8_t *key = w->buf + 4; /* cookie and transaction id */
    value[0] = 0;
    value[1] = addr->family == 6 ? 2 : 1;
    value[2] = (uint8_t)((addr->port >> 8) ^ key[0]);
    value[3] = (uint8_t)((addr->port & 0xff) ^ key[1]);
    for (size_t i = 0; i < len; i++) {
        value[4 + i] = addr->ip[i] ^ key[i];
    }
    ct_stun_put(w, attr, value, 4 + len);
}

void ct_stun_put_error(struct ct_wr *w, unsigned code, const char *reason)
{
    uint8_t value[4 + 128] = {0, 0, (uint8_t)(code / 100), (uint8_t)(code % 100)};
    size_t len = strnlen(reason, sizeof value - 4);
    memcpy(value + 4, reason, len);
    ct_stun_put(w, CT_ATTR_ERROR_CODE, value, 4 + len);
}

static void put_mac(struct ct_wr *w, uint16_t attr, const EVP_MD *md, unsigned mac_len,
                    const void *key, size_t key_len)
{
    uint8_t mac[EVP_MAX_MD_SIZE] = {0};
    unsigned len = 0;
    set_length(w, 4 + mac_len);
    if (w->len <= w->cap && key_len <= INT32_MAX &&
        (HMAC(md, key, (int)key_len, w->buf, w->len, mac, &len) == NULL || len < mac_len)) {
        w->len = w->cap + 1; /* without a MAC there is no message: reported by end */
    }
    ct_stun_put(w, attr, mac, mac_len);
}

void ct_stun_put_integrity(struct ct_wr *w, const void *key, size_t key_len)
{
    put_mac(w, CT_ATTR_MESSAGE_INTEGRITY, EVP_sha1(), 20, key, key_len);
}

void ct_stun_put_integrity_sha256(struct ct_wr *w, const void *key, size_t key_len)
{
    put_mac(w, CT_ATTR_MESSAGE_INTEGRITY_SHA256, EVP_sha256(), 32, key, key_len);
}

void ct_stun_put_fingerprint(struct ct_wr *w)
{
    set_length(w, 8);
    uint32_t crc = w->len <= w->cap ? ct_crc32(w->buf, w->len) : 0;
    ct_stun_put_u32(w, CT_ATTR_FINGERPRINT, crc ^ 0x5354554eu);
}

ct_err ct_stun_end(struct ct_wr *w, size_t *len)
{
    if (ct_wr_end(w) != CT_OK || w->len - CT_STUN_HEADER > UINT16_MAX) {
        return CT_ERR_ROOM;
    }
    *len = w->len;
    return CT_OK;
}

ct_err ct_stun_long_term_key(uint8_t key16[16], const char *username, const char *realm,
                             const char *password)
{
    unsigned len = 0;
    uint8_t digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1 &&
                EVP_DigestUpdate(ctx, username, strlen(username)) == 1 &&
                EVP_DigestUpdate(ctx, ":", 1) == 1 &&
                EVP_DigestUpdate(ctx, realm, strlen(realm)) == 1 &&
                EVP_DigestUpdate(ctx, ":", 1) == 1 &&
                EVP_DigestUpdate(ctx, password, strlen(password)) == 1 &&
                EVP_DigestFinal_ex(ctx, digest, &len) == 1 && len == 16;
    EVP_MD_CTX_free(ctx);
    if (good) {
        memcpy(key16, digest, 16);
    }
    ct_wipe(digest, sizeof digest);
    return good ? CT_OK : CT_ERR_SYSTEM;
}

ct_err ct_channel_write(void *out, size_t cap, size_t *len, uint16_t channel, const void *data,
                        size_t data_len)
{
    struct ct_wr w = ct_wr_init(out, cap);
    if (data_len > UINT16_MAX) {
        return CT_ERR_ROOM;
    }
    ct_wr_be16(&w, channel);
    ct_wr_be16(&w, (uint16_t)data_len);
    ct_wr_bytes(&w, data, data_len);
    if (ct_wr_end(&w) != CT_OK) {
        return CT_ERR_ROOM;
    }
    *len = w.len;
    return CT_OK;
}

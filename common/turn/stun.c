/* Reading STUN and TURN messages: one strict pass over the bytes, then the integrity checks. */
#include "turn/stun.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/secret.h"
#include "turn/crc32.h"

#define FINGERPRINT_XOR 0x5354554eu /* RFC 8489 14.7 */

bool ct_stun_is(const void *data, size_t len)
{
    static const uint8_t cookie[4] = {0x21, 0x12, 0xa4, 0x42};
    const uint8_t *bytes = data;
    return len >= CT_STUN_HEADER && bytes[0] < 4 && memcmp(bytes + 4, cookie, 4) == 0;
}

bool ct_channel_is(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    return len >= CT_CHANNEL_HEADER && bytes[0] >= 0x40 && bytes[0] <= 0x4f;
}

static struct ct_stun_bytes view(struct ct_rd *value)
{
    struct ct_stun_bytes bytes = {value->at, value->left};
    (void)ct_rd_take(value, value->left);
    return bytes;
}

/* MAPPED-ADDRESS and its kind (RFC 8489 14.1, 14.2); xor_with is cookie and transaction id. */
static struct ct_addr address(struct ct_rd *value, const uint8_t *xor_with)
{
    struct ct_addr addr = {.family = 0};
    (void)ct_rd_u8(value);
    uint8_t family = ct_rd_u8(value);
    size_t len = family == 1 ? 4 : 16;

    addr.port = ct_rd_be16(value);
    ct_rd_copy(value, addr.ip, len);
    if (family != 1 && family != 2) {
        value->bad = true;
    }
    addr.family = family == 1 ? 4 : 6;
    if (xor_with != NULL) {
        addr.port = (uint16_t)(addr.port ^ (xor_with[0] << 8 | xor_with[1]));
        for (size_t i = 0; i < len; i++) {
            addr.ip[i] ^= xor_with[i];
        }
    }
    return addr;
}

static void error_code(struct ct_stun *m, struct ct_rd *value)
{
    (void)ct_rd_be16(value);
    unsigned class_ = ct_rd_u8(value) & 7u;
    unsigned number = ct_rd_u8(value);
    if (class_ < 3 || class_ > 6 || number > 99) {
        value->bad = true;
    }
    m->error = (uint16_t)(class_ * 100 + number);
    m->reason = view(value);
}

static void integrity(struct ct_stun *m, struct ct_rd *value, uint16_t type, size_t at)
{
    size_t len = value->left;
    (void)ct_rd_take(value, len);
    if (type == CT_ATTR_MESSAGE_INTEGRITY) {
        value->bad = value->bad || len != 20;
        m->integrity_at = at;
        return;
    }
    value->bad = value->bad || len < 16 || len > 32 || len % 4 != 0; /* RFC 8489 14.6 */
    m->integrity_sha256_at = at;
    m->integrity_sha256_len = len;
}

static void fingerprint(struct ct_stun *m, struct ct_rd *value, size_t at)
{
    uint32_t crc = ct_rd_be32(value);
    if (at + 8 != m->len || crc != (ct_crc32(m->bytes, at) ^ FINGERPRINT_XOR)) {
        value->bad = true; /* it is the last attribute, or it is wrong */
    }
    m->has_fingerprint = true;
}

/* Attributes of text and bytes: where their view goes, with the most bytes allowed. */
static struct ct_stun_bytes *text_field(struct ct_stun *m, uint16_t type, size_t *max)
{
    switch (type) {
    case CT_ATTR_USERNAME:
        *max = 508;
        return &m->username;
    case CT_ATTR_REALM:
        *max = 763;
        return &m->realm;
    case CT_ATTR_NONCE:
        *max = 763;
        return &m->nonce;
    case CT_ATTR_SOFTWARE:
        *max = 763;
        return &m->software;
    case CT_ATTR_DATA:
        *max = UINT16_MAX;
        return &m->data;
    case CT_ATTR_RELAY_OWNER:
        *max = UINT16_MAX;
        return &m->owner;
    default:
        return NULL;
    }
}

static struct ct_addr *addr_field(struct ct_stun *m, uint16_t type)
{
    switch (type) {
    case CT_ATTR_XOR_MAPPED_ADDRESS:
    case CT_ATTR_MAPPED_ADDRESS:
        return &m->mapped;
    case CT_ATTR_XOR_RELAYED_ADDRESS:
        return &m->relayed;
    case CT_ATTR_XOR_PEER_ADDRESS:
        return &m->peer;
    case CT_ATTR_ALTERNATE_SERVER:
        return &m->alternate;
    default:
        return NULL;
    }
}

/* The fixed-size attributes, and those that are known but carry nothing that is asked for. */
static void small_field(struct ct_stun *m, struct ct_rd *value, uint16_t type)
{
    switch (type) {
    case CT_ATTR_ERROR_CODE:
        error_code(m, value);
        break;
    case CT_ATTR_LIFETIME:
        m->lifetime_s = ct_rd_be32(value);
        m->has_lifetime = true;
        break;
    case CT_ATTR_CHANNEL_NUMBER:
        m->channel = ct_rd_be16(value);
        (void)ct_rd_be16(value);
        m->has_channel = true;
        break;
    case CT_ATTR_REQUESTED_TRANSPORT:
        m->transport = ct_rd_u8(value);
        (void)ct_rd_take(value, 3);
        break;
    case CT_ATTR_DONT_FRAGMENT:
        m->has_dont_fragment = true;
        break;
    case CT_ATTR_REQUESTED_ADDRESS_FAMILY:
        m->family = ct_rd_u8(value);
        (void)ct_rd_take(value, 3);
        break;
    case CT_ATTR_UNKNOWN_ATTRIBUTES:
    case CT_ATTR_EVEN_PORT:
    case CT_ATTR_RESERVATION_TOKEN:
        (void)view(value);
        break;
    default:
        (void)view(value);
        if (type < 0x8000) { /* comprehension-required */
            if (m->unknown_count < sizeof m->unknown / sizeof m->unknown[0]) {
                m->unknown[m->unknown_count] = type;
            }
            m->unknown_count++;
        }
        break;
    }
}

/* A bit for each attribute that may be taken once; 0 for the others. */
static uint64_t once_bit(uint16_t type)
{
    if (type < 0x30) {
        return UINT64_C(1) << type;
    }
    return type >= 0x8020 && type < 0x8030 ? UINT64_C(1) << (type - 0x8020 + 0x30) : 0;
}

static void attribute(struct ct_stun *m, uint16_t type, struct ct_rd *value, size_t at)
{
    const uint8_t *xor_with = m->bytes + 4;
    size_t max = 0;
    struct ct_stun_bytes *text = text_field(m, type, &max);
    struct ct_addr *addr = addr_field(m, type);

    if (type == CT_ATTR_MESSAGE_INTEGRITY || type == CT_ATTR_MESSAGE_INTEGRITY_SHA256) {
        integrity(m, value, type, at);
    } else if (type == CT_ATTR_FINGERPRINT) {
        fingerprint(m, value, at);
    } else if (text != NULL) {
        value->bad = value->bad || value->left > max;
        struct ct_stun_bytes got = view(value);
        if (text->at == NULL) {
            *text = got;
        }
    } else if (addr != NULL) {
        bool plain = type == CT_ATTR_MAPPED_ADDRESS || type == CT_ATTR_ALTERNATE_SERVER;
        struct ct_addr got = address(value, plain ? NULL : xor_with);
        if (type != CT_ATTR_MAPPED_ADDRESS || addr->family == 0) { /* the XOR form wins */
            *addr = got;
        }
    } else {
        small_field(m, value, type);
    }
}

/* What may follow the integrity attributes (RFC 8489 14.5, 14.6); everything else is ignored. */
static bool is_behind_integrity(const struct ct_stun *m, uint16_t type)
{
    if (type == CT_ATTR_FINGERPRINT) {
        return false;
    }
    if (m->integrity_sha256_at != 0) {
        return true;
    }
    return m->integrity_at != 0 && type != CT_ATTR_MESSAGE_INTEGRITY_SHA256;
}

static ct_err attributes(struct ct_stun *m, struct ct_rd *r)
{
    uint64_t seen = 0;
    while (r->left > 0) {
        size_t at = m->len - r->left;
        uint16_t type = ct_rd_be16(r);
        uint16_t n = ct_rd_be16(r);
        const uint8_t *bytes = ct_rd_take(r, n);
        (void)ct_rd_take(r, (4u - n % 4u) % 4u); /* padding of any value, RFC 8489 14 */
        if (r->bad) {
            return CT_ERR_FORMAT;
        }
        if (is_behind_integrity(m, type) || (seen & once_bit(type)) != 0) {
            continue;
        }
        seen |= once_bit(type);
        struct ct_rd value = ct_rd_init(bytes, n);
        attribute(m, type, &value, at);
        if (ct_rd_end(&value) != CT_OK) {
            return CT_ERR_FORMAT;
        }
    }
    return ct_rd_end(r);
}

ct_err ct_stun_parse(struct ct_stun *out, const void *data, size_t len)
{
    struct ct_stun m = {.bytes = data, .len = len};
    struct ct_rd r = ct_rd_init(data, len);
    uint16_t type = ct_rd_be16(&r);
    uint16_t body = ct_rd_be16(&r);
    uint32_t cookie = ct_rd_be32(&r);

    ct_rd_copy(&r, m.tid, sizeof m.tid);
    if (r.bad || (type & 0xc000u) != 0 || cookie != CT_STUN_COOKIE || body % 4 != 0 ||
        body != r.left) {
        return CT_ERR_FORMAT;
    }
    m.class_ = type & 0x110u;
    m.method = (uint16_t)((type & 0xfu) | (type & 0xe0u) >> 1 | (type & 0x3e00u) >> 2);
    if (attributes(&m, &r) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    *out = m;
    return CT_OK;
}

/*
 * HMAC over the message up to the attribute at offset at, its length field being what it is when
 * the message ends with that attribute (RFC 8489 14.5).
 */
static ct_err check(const struct ct_stun *m, const char *hash, size_t at, size_t mac_len,
                    const void *key, size_t key_len)
{
    uint8_t header[CT_STUN_HEADER];
    uint8_t mac[64];
    size_t len = 0;
    size_t body = at + 4 + mac_len - CT_STUN_HEADER;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", (char *)(uintptr_t)hash, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);

    memcpy(header, m->bytes, sizeof header);
    header[2] = (uint8_t)(body >> 8);
    header[3] = (uint8_t)body;
    bool good = ctx != NULL && EVP_MAC_init(ctx, key, key_len, params) == 1 &&
                EVP_MAC_update(ctx, header, sizeof header) == 1 &&
                EVP_MAC_update(ctx, m->bytes + sizeof header, at - sizeof header) == 1 &&
                EVP_MAC_final(ctx, mac, &len, sizeof mac) == 1 && len >= mac_len &&
                ct_equal(mac, mac_len, m->bytes + at + 4, mac_len);
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(hmac);
    return good ? CT_OK : CT_ERR_AUTH;
}

ct_err ct_stun_verify(const struct ct_stun *m, const void *key, size_t key_len)
{
    return m->integrity_at == 0 ? CT_ERR_AUTH : check(m, "SHA1", m->integrity_at, 20, key, key_len);
}

ct_err ct_stun_verify_sha256(const struct ct_stun *m, const void *key, size_t key_len)
{
    if (m->integrity_sha256_at == 0) {
        return CT_ERR_AUTH;
    }
    return check(m, "SHA256", m->integrity_sha256_at, m->integrity_sha256_len, key, key_len);
}

ct_err ct_channel_parse(uint16_t *channel, struct ct_stun_bytes *data, const void *in,
                        size_t in_len)
{
    struct ct_rd r = ct_rd_init(in, in_len);
    uint16_t number = ct_rd_be16(&r);
    uint16_t len = ct_rd_be16(&r);
    const uint8_t *at = ct_rd_take(&r, len);

    if (r.bad || number < CT_CHANNEL_MIN || number > CT_CHANNEL_MAX ||
        r.left > (4u - len % 4u) % 4u) { /* over UDP the padding is optional, RFC 8656 12.5 */
        return CT_ERR_FORMAT;
    }
    *channel = number;
    data->at = at;
    data->len = len;
    return CT_OK;
}

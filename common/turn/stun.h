/* STUN and TURN messages (RFC 8489, RFC 8656): bytes to a struct of views, and attributes to bytes.
 */
#ifndef CT_TURN_STUN_H
#define CT_TURN_STUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/bytes.h"
#include "turn/addr.h"

#define CT_STUN_HEADER 20
#define CT_STUN_COOKIE 0x2112a442u
#define CT_STUN_TID 12
#define CT_CHANNEL_HEADER 4
#define CT_CHANNEL_MIN 0x4000u /* RFC 8656 12 */
#define CT_CHANNEL_MAX 0x4fffu
/* Room that a Send or Data indication needs beyond its data, padding included. */
#define CT_STUN_SEND_OVERHEAD (CT_STUN_HEADER + 24 + 4 + 3)

enum ct_stun_method {
    CT_STUN_BINDING = 0x001,
    CT_STUN_ALLOCATE = 0x003,
    CT_STUN_REFRESH = 0x004,
    CT_STUN_SEND = 0x006,
    CT_STUN_DATA = 0x007,
    CT_STUN_CREATE_PERMISSION = 0x008,
    CT_STUN_CHANNEL_BIND = 0x009,
};

enum ct_stun_class {
    CT_STUN_REQUEST = 0x000,
    CT_STUN_INDICATION = 0x010,
    CT_STUN_SUCCESS = 0x100,
    CT_STUN_ERROR = 0x110,
};

enum ct_stun_attr {
    CT_ATTR_MAPPED_ADDRESS = 0x0001,
    CT_ATTR_USERNAME = 0x0006,
    CT_ATTR_MESSAGE_INTEGRITY = 0x0008,
    CT_ATTR_ERROR_CODE = 0x0009,
    CT_ATTR_UNKNOWN_ATTRIBUTES = 0x000a,
    CT_ATTR_CHANNEL_NUMBER = 0x000c,
    CT_ATTR_LIFETIME = 0x000d,
    CT_ATTR_XOR_PEER_ADDRESS = 0x0012,
    CT_ATTR_DATA = 0x0013,
    CT_ATTR_REALM = 0x0014,
    CT_ATTR_NONCE = 0x0015,
    CT_ATTR_XOR_RELAYED_ADDRESS = 0x0016,
    CT_ATTR_REQUESTED_ADDRESS_FAMILY = 0x0017,
    CT_ATTR_EVEN_PORT = 0x0018,
    CT_ATTR_REQUESTED_TRANSPORT = 0x0019,
    CT_ATTR_DONT_FRAGMENT = 0x001a,
    CT_ATTR_MESSAGE_INTEGRITY_SHA256 = 0x001c,
    CT_ATTR_XOR_MAPPED_ADDRESS = 0x0020,
    CT_ATTR_RESERVATION_TOKEN = 0x0022,
    CT_ATTR_SOFTWARE = 0x8022,
    CT_ATTR_ALTERNATE_SERVER = 0x8023,
    CT_ATTR_FINGERPRINT = 0x8028,
    CT_ATTR_RELAY_OWNER = 0xc743, /* ours: docs/protocol.md 5 */
};

/* Bytes inside the parsed message. at is NULL when the attribute is absent. */
struct ct_stun_bytes {
    const uint8_t *at;
    size_t len;
};

/*
 * A parsed message. It points into the bytes it was parsed from. Of repeated attributes the first
 * counts (RFC 8489 14); attributes behind MESSAGE-INTEGRITY are ignored, but for the SHA-256
 * integrity and FINGERPRINT.
 */
struct ct_stun {
    uint16_t method;
    uint16_t class_; /* enum ct_stun_class */
    uint8_t tid[CT_STUN_TID];
    const uint8_t *bytes;
    size_t len;

    struct ct_stun_bytes username, realm, nonce, software, data, owner;
    struct ct_addr mapped, relayed, peer, alternate; /* family 0 when absent */
    uint32_t lifetime_s;
    uint16_t channel;
    uint16_t error; /* 300..699, 0 when absent */
    struct ct_stun_bytes reason;
    uint8_t transport; /* IANA protocol number: 17 is UDP; 0 when absent */
    uint8_t family;    /* requested: 1 IPv4, 2 IPv6; 0 when absent */
    bool has_lifetime, has_channel, has_dont_fragment, has_fingerprint;
    size_t integrity_at;        /* offset of MESSAGE-INTEGRITY, 0 when absent */
    size_t integrity_sha256_at; /* offset of MESSAGE-INTEGRITY-SHA256, 0 when absent */
    size_t integrity_sha256_len;
    uint16_t unknown[8];  /* comprehension-required attributes that this codec does not know */
    size_t unknown_count; /* may exceed 8: the others are only counted */
};

/* True when the datagram may be STUN by its first byte and cookie (RFC 8489 6.3). */
bool ct_stun_is(const void *data, size_t len);
/* True when the datagram may be ChannelData by its first byte (RFC 8656 12). */
bool ct_channel_is(const void *data, size_t len);

/*
 * CT_ERR_FORMAT for anything but one whole message with a right FINGERPRINT, when it has one.
 * Unknown comprehension-required attributes do not fail here: see unknown_count.
 */
CT_MUST_USE ct_err ct_stun_parse(struct ct_stun *out, const void *data, size_t len);

/* The key of long-term credentials: MD5(username ":" realm ":" password), RFC 8489 9.2.2. */
CT_MUST_USE ct_err ct_stun_long_term_key(uint8_t key16[16], const char *username, const char *realm,
                                         const char *password);

/* CT_OK when MESSAGE-INTEGRITY (HMAC-SHA1) is there and right under key, else CT_ERR_AUTH. */
CT_MUST_USE ct_err ct_stun_verify(const struct ct_stun *m, const void *key, size_t key_len);
/* The same of MESSAGE-INTEGRITY-SHA256 (16..32 bytes of it). */
CT_MUST_USE ct_err ct_stun_verify_sha256(const struct ct_stun *m, const void *key, size_t key_len);

/*
 * Writing: begin, attributes, then integrity and fingerprint in this order, then end. What does
 * not fit is reported by ct_stun_end() (CT_ERR_ROOM) only.
 */
void ct_stun_begin(struct ct_wr *w, void *buf, size_t cap, uint16_t method, uint16_t class_,
                   const uint8_t tid[CT_STUN_TID]);
void ct_stun_put(struct ct_wr *w, uint16_t attr, const void *value, size_t len);
void ct_stun_put_text(struct ct_wr *w, uint16_t attr, const char *text);
void ct_stun_put_u32(struct ct_wr *w, uint16_t attr, uint32_t value);
void ct_stun_put_xor_addr(struct ct_wr *w, uint16_t attr, const struct ct_addr *addr);
void ct_stun_put_error(struct ct_wr *w, unsigned code, const char *reason);
void ct_stun_put_integrity(struct ct_wr *w, const void *key, size_t key_len);
void ct_stun_put_integrity_sha256(struct ct_wr *w, const void *key, size_t key_len);
void ct_stun_put_fingerprint(struct ct_wr *w);
CT_MUST_USE ct_err ct_stun_end(struct ct_wr *w, size_t *len);

/* ChannelData over UDP: number, length, data; no padding written, up to 3 bytes of it accepted. */
CT_MUST_USE ct_err ct_channel_write(void *out, size_t cap, size_t *len, uint16_t channel,
                                    const void *data, size_t data_len);
CT_MUST_USE ct_err ct_channel_parse(uint16_t *channel, struct ct_stun_bytes *data, const void *in,
                                    size_t in_len);

#endif

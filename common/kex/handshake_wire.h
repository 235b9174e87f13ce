/* The handshake's messages as bytes and structs, and what is bound from them; kex only. */
#ifndef CT_KEX_HANDSHAKE_WIRE_H
#define CT_KEX_HANDSHAKE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/key.h"
#include "kex/handshake.h"

enum {
    CT_HS_HEADER_LEN = 20,
    CT_HS_COOKIE_LEN = 32,
    CT_HS_P1_LEN = 320,
    CT_HS_P2_LEN = 256,
    CT_HS_P3_LEN = 80,
    CT_HS_P4_LEN = 145,
    CT_HS_SEAL1_LEN = CT_HS_P1_LEN + 48,
    CT_HS_M1_BARE_LEN = CT_HS_HEADER_LEN + CT_HS_SEAL1_LEN, /* without its cookie field */
    CT_HS_SUITE = 1,
};

/* The messages one after the other, m1 without its cookie field; ends of each within. */
enum {
    CT_HS_END1 = CT_HS_M1_BARE_LEN,
    CT_HS_END2 = CT_HS_END1 + CT_HS_M2_LEN,
    CT_HS_END3 = CT_HS_END2 + CT_HS_M3_LEN,
    CT_HS_END4 = CT_HS_END3 + CT_HS_M4_LEN,
};

struct ct_hs_header {
    uint8_t step;
    uint8_t purpose;
    uint8_t sid16[16];
};

void ct_hs_header_write(uint8_t out20[20], uint8_t step, enum ct_hs_purpose purpose,
                        const uint8_t sid16[16]);
/* CT_ERR_FORMAT when shorter than a header, of another first byte, version, step or purpose. */
CT_MUST_USE ct_err ct_hs_header_read(struct ct_hs_header *out, const uint8_t *data, size_t len);

struct ct_hs_p1 {
    uint8_t suites;
    uint8_t sid16[16];
    uint8_t n1_32[32];
    uint8_t record_a32[32];
    uint8_t eph_a32[32];
    struct ct_hs_party a; /* wallet and key for an enrolment only, else zero */
    char id_b[64];
};

struct ct_hs_p2 {
    uint8_t sid16[16];
    uint8_t n1_32[32];
    uint8_t n2_32[32];
    uint8_t record_b32[32];
    uint8_t eph_b32[32];
    uint8_t hash1_32[32];
    char id_b[64];
};

/* Writers give exactly the plaintext's length; readers refuse whatever would not be written so. */
CT_MUST_USE ct_err ct_hs_p1_write(uint8_t out[CT_HS_P1_LEN], const struct ct_hs_p1 *p,
                                  enum ct_hs_purpose purpose);
CT_MUST_USE ct_err ct_hs_p1_read(struct ct_hs_p1 *out, const uint8_t data[CT_HS_P1_LEN],
                                 enum ct_hs_purpose purpose);
CT_MUST_USE ct_err ct_hs_p2_write(uint8_t out[CT_HS_P2_LEN], const struct ct_hs_p2 *p);
CT_MUST_USE ct_err ct_hs_p2_read(struct ct_hs_p2 *out, const uint8_t data[CT_HS_P2_LEN]);

/* m2, m3 and m4 whole (header | seal); for m1 the bytes without its cookie field. */
CT_MUST_USE ct_err ct_hs_message_seal(uint8_t *out, const uint8_t deployment32[32],
                                      const uint8_t header20[20], const uint8_t peer32[32],
                                      const struct ct_secret32 *ephemeral, const uint8_t *plain,
                                      size_t plain_len);
CT_MUST_USE ct_err ct_hs_message_open(uint8_t *plain, size_t plain_len,
                                      const uint8_t deployment32[32], const struct ct_x25519 *own,
                                      const uint8_t *message);

/* R_x of a party. CT_ERR_ARG for an identity that is not valid. */
CT_MUST_USE ct_err ct_hs_record(uint8_t out32[32], const uint8_t deployment32[32],
                                const struct ct_hs_party *party);

/* What A signs and both derive the PSK from. */
struct ct_hs_binding {
    const struct ct_hs_net *net;
    const uint8_t *deployment32;
    enum ct_hs_purpose purpose;
    const uint8_t *sid16;
    const char *id_a;
    const char *id_b;
    const uint8_t *n1_32;
    const uint8_t *n2_32;
    const uint8_t *session32; /* K_S */
    const uint8_t *messages;  /* joined as above */
};

/* The EIP-712 digest over H(m1,m2,m3). */
CT_MUST_USE ct_err ct_hs_signed_digest(uint8_t out32[32], const struct ct_hs_binding *b);
/* A's signature of it; a signer is told the typed data. */
CT_MUST_USE ct_err ct_hs_sign(uint8_t sig65[CT_SIG_LEN], const struct ct_wallet *wallet,
                              const struct ct_hs_binding *b);
/* The PSK, from H(m1..m4) and the ephemerals. CT_ERR_AUTH: a peer key of low order. */
CT_MUST_USE ct_err ct_hs_psk(uint8_t psk32[32], const struct ct_hs_binding *b,
                             const struct ct_secret32 *own_ephemeral, const uint8_t peer_eph32[32]);
void ct_hs_session_fill(struct ct_hs_session *out, const uint8_t sid16[16],
                        enum ct_hs_purpose purpose, const struct ct_hs_party *peer,
                        const uint8_t psk32[32]);
/* H(m1..mi): SHA-256 of the first len joined bytes. */
CT_MUST_USE ct_err ct_hs_hash(uint8_t out32[32], const uint8_t *messages, size_t len);

/* Copies a valid identity; CT_ERR_ARG for another. */
CT_MUST_USE ct_err ct_hs_identity_copy(char out[64], const char *identity);

/* The stateless cookie of an m1 from a source; epoch = now_ms / CT_HS_COOKIE_MS. */
#define CT_HS_COOKIE_MS 60000u
CT_MUST_USE ct_err ct_hs_cookie(uint8_t out32[32], const struct ct_secret32 *seed, uint64_t epoch,
                                const struct ct_hs_source *source, const uint8_t hash1_32[32]);
bool ct_hs_cookie_valid(const uint8_t cookie32[32], const struct ct_secret32 *seed, uint64_t now_ms,
                        const struct ct_hs_source *source, const uint8_t hash1_32[32]);

#endif

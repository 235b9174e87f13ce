/* What a handshake binds: record hashes, the transcript, A's signature, the PSK, cookies. */
#include "kex/handshake_wire.h"

#include <string.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "base/secret.h"
#include "chain/eip712.h"
#include "chain/keccak.h"
#include "chain/registry.h"
#include "kex/kdf.h"

const char ct_hs_type[] =
    "Handshake(bytes32 deployment,string label,bytes16 sid,string initiator,string responder,"
    "bytes32 n1,bytes32 n2,bytes32 key,bytes32 transcript)";

static const char *const PURPOSE_LABEL[] = {
    [CT_HS_CALL] = "call",
    [CT_HS_ENROL_DEVICE] = "enrol device",
    [CT_HS_ENROL_RELAY] = "enrol relay",
};

bool ct_hs_sid_lower(const uint8_t a16[16], const uint8_t b16[16])
{
    return memcmp(a16, b16, 16) < 0;
}

ct_err ct_hs_record(uint8_t out32[32], const uint8_t deployment32[32],
                    const struct ct_hs_party *party)
{
    uint8_t id_hash32[32];
    struct ct_keccak k;
    ct_err err = ct_identity_hash(id_hash32, party->identity);
    if (err != CT_OK) {
        return err;
    }
    ct_keccak_init(&k);
    ct_keccak_update(&k, deployment32, 32);
    ct_keccak_update(&k, id_hash32, 32);
    ct_keccak_update(&k, party->wallet20, 20);
    ct_keccak_update(&k, party->key32, 32);
    ct_keccak_final(&k, out32);
    return CT_OK;
}

ct_err ct_hs_hash(uint8_t out32[32], const uint8_t *messages, size_t len)
{
    const struct ct_piece piece = {messages, len};
    return ct_sha256(out32, &piece, 1);
}

const char *ct_hs_label(enum ct_hs_purpose purpose)
{
    return PURPOSE_LABEL[purpose];
}

static ct_err signed_words(uint8_t words[CT_HS_WORDS][32], const struct ct_hs_binding *b)
{
    const char *label = ct_hs_label(b->purpose);
    memset(words, 0, CT_HS_WORDS * sizeof(words[0]));
    memcpy(words[0], b->deployment32, 32);
    ct_keccak256(words[1], label, strlen(label));
    memcpy(words[2], b->sid16, 16); /* bytes16 stands on the left */
    ct_keccak256(words[3], b->id_a, strlen(b->id_a));
    ct_keccak256(words[4], b->id_b, strlen(b->id_b));
    memcpy(words[5], b->n1_32, 32);
    memcpy(words[6], b->n2_32, 32);
    memcpy(words[7], b->session32, 32);
    return ct_hs_hash(words[8], b->messages, CT_HS_END3);
}

static void words_digest(uint8_t out32[32], const struct ct_hs_binding *b,
                         const uint8_t words[CT_HS_WORDS][32])
{
    uint8_t domain32[32];
    uint8_t struct32[32];
    ct_eip712_chainturn(domain32, b->net->chain_id, b->net->contract20);
    ct_eip712_struct(struct32, ct_hs_type, words, CT_HS_WORDS);
    ct_eip712_digest(out32, domain32, struct32);
}

ct_err ct_hs_signed_digest(uint8_t out32[32], const struct ct_hs_binding *b)
{
    uint8_t words[CT_HS_WORDS][32];
    ct_err err = signed_words(words, b);
    if (err == CT_OK) {
        words_digest(out32, b, (const uint8_t(*)[32])words);
    }
    ct_wipe(words, sizeof(words));
    return err;
}

ct_err ct_hs_sign(uint8_t sig65[CT_SIG_LEN], const struct ct_wallet *wallet,
                  const struct ct_hs_binding *b)
{
    uint8_t words[CT_HS_WORDS][32];
    uint8_t digest32[32];
    const struct ct_typed typed = {ct_hs_type, (const uint8_t(*)[32])words, CT_HS_WORDS};
    ct_err err = signed_words(words, b);
    if (err == CT_OK) {
        words_digest(digest32, b, typed.words);
        err = ct_wallet_sign_typed(sig65, wallet, digest32, &typed);
    }
    ct_wipe(words, sizeof(words));
    return err;
}

ct_err ct_hs_psk(uint8_t psk32[32], const struct ct_hs_binding *b,
                 const struct ct_secret32 *own_ephemeral, const uint8_t peer_eph32[32])
{
    static const char LABEL[] = "chainturn/1 psk";
    struct ct_secret32 shared;
    struct ct_secret32 prk = {{0}};
    uint8_t transcript32[32];
    uint8_t salt[64];
    const size_t len_a = strlen(b->id_a);
    const size_t len_b = strlen(b->id_b);
    const uint8_t purpose = (uint8_t)b->purpose;
    const uint8_t len8_a = (uint8_t)len_a;
    const uint8_t len8_b = (uint8_t)len_b;
    ct_err err = ct_x25519_shared(&shared, own_ephemeral, peer_eph32);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_piece ikm[] = {{b->session32, 32}, {shared.bytes, 32}};
    memcpy(salt, b->n1_32, 32);
    memcpy(salt + 32, b->n2_32, 32);
    err = ct_hs_hash(transcript32, b->messages, CT_HS_END4);
    if (err == CT_OK) {
        err = ct_hkdf_extract(prk.bytes, salt, sizeof(salt), ikm, 2);
    }
    if (err == CT_OK) {
        const struct ct_piece info[] = {
            {LABEL, sizeof(LABEL) - 1}, {b->deployment32, 32}, {&purpose, 1},    {&len8_a, 1},
            {b->id_a, len_a},           {&len8_b, 1},          {b->id_b, len_b}, {transcript32, 32},
        };
        err = ct_hkdf_expand(psk32, 32, prk.bytes, info, sizeof(info) / sizeof(info[0]));
    }
    ct_wipe(&shared, sizeof(shared));
    ct_wipe(&prk, sizeof(prk));
    ct_wipe(salt, sizeof(salt));
    return err;
}

void ct_hs_session_fill(struct ct_hs_session *out, const uint8_t sid16[16],
                        enum ct_hs_purpose purpose, const struct ct_hs_party *peer,
                        const uint8_t psk32[32])
{
    memset(out, 0, sizeof(*out));
    memcpy(out->sid16, sid16, 16);
    memcpy(out->psk32, psk32, 32);
    ct_hex(out->psk_identity, sid16, 16);
    out->purpose = purpose;
    out->peer = *peer;
}

/* The key of an epoch is derived from the seed, so that a change of key needs no randomness. */
ct_err ct_hs_cookie(uint8_t out32[32], const struct ct_secret32 *seed, uint64_t epoch,
                    const struct ct_hs_source *source, const uint8_t hash1_32[32])
{
    uint8_t number[8];
    uint8_t key32[32];
    struct ct_wr w = ct_wr_init(number, sizeof(number));
    ct_wr_be64(&w, epoch);
    const struct ct_piece which = {number, sizeof(number)};
    ct_err err = ct_hmac_sha256(key32, seed->bytes, sizeof(seed->bytes), &which, 1);
    if (err == CT_OK) {
        const struct ct_piece pieces[] = {{source->bytes, sizeof(source->bytes)}, {hash1_32, 32}};
        err = ct_hmac_sha256(out32, key32, sizeof(key32), pieces, 2);
    }
    ct_wipe(key32, sizeof(key32));
    return err;
}

bool ct_hs_cookie_valid(const uint8_t cookie32[32], const struct ct_secret32 *seed, uint64_t now_ms,
                        const struct ct_hs_source *source, const uint8_t hash1_32[32])
{
    const uint64_t epoch = now_ms / CT_HS_COOKIE_MS;
    for (uint64_t back = 0; back < 2 && back <= epoch; back++) {
        uint8_t want32[32];
        if (ct_hs_cookie(want32, seed, epoch - back, source, hash1_32) == CT_OK &&
            ct_equal(want32, sizeof(want32), cookie32, 32)) {
            return true;
        }
    }
    return false;
}

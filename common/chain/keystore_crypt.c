/* The cryptography of a keystore: a key out of the passphrase, a MAC over the ciphertext, AES. */
#include "chain/keystore.h"

#include <string.h>

#include <openssl/evp.h>

#include "chain/keccak.h"

/* Half encrypts, half authenticates. */
struct derived {
    uint8_t aes16[16];
    uint8_t mac16[16];
};

static ct_err derive(struct derived *out, const struct ct_keystore *ks, const char *passphrase,
                     size_t len)
{
    /* what OpenSSL counts beside 128 * n * r: two blocks more, and p of them */
    const uint64_t room = CT_KEYSTORE_MEMORY_MAX + ((uint64_t)ks->p + 4) * 128 * ks->r;
    uint8_t key[32];
    int done = ks->is_scrypt
                   ? EVP_PBE_scrypt(passphrase, len, ks->salt, ks->salt_len, ks->n, ks->r, ks->p,
                                    room, key, sizeof(key))
                   : PKCS5_PBKDF2_HMAC(passphrase, (int)len, ks->salt, (int)ks->salt_len,
                                       (int)ks->rounds, EVP_sha256(), (int)sizeof(key), key);
    if (done == 1) {
        memcpy(out->aes16, key, 16);
        memcpy(out->mac16, key + 16, 16);
    }
    ct_wipe(key, sizeof(key));
    return done == 1 ? CT_OK : CT_ERR_NOMEM; /* the parameters were checked: memory is all */
}

static void mac_of(uint8_t out32[32], const struct derived *key, const struct ct_keystore *ks)
{
    struct ct_keccak k;
    ct_keccak_init(&k);
    ct_keccak_update(&k, key->mac16, sizeof(key->mac16));
    ct_keccak_update(&k, ks->sealed32, sizeof(ks->sealed32));
    ct_keccak_final(&k, out32);
}

/* AES-128-CTR, the same both ways. */
static ct_err aes_ctr(uint8_t out32[32], const uint8_t in32[32], const struct derived *key,
                      const uint8_t iv16[16])
{
    int len = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good = ctx != NULL &&
                EVP_EncryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, key->aes16, iv16) == 1 &&
                EVP_EncryptUpdate(ctx, out32, &len, in32, 32) == 1 && len == 32;
    EVP_CIPHER_CTX_free(ctx);
    return good ? CT_OK : CT_ERR_NOMEM;
}

ct_err ct_keystore_open(struct ct_secret32 *out, const struct ct_keystore *ks,
                        const char *passphrase, size_t passphrase_len)
{
    struct derived key = {{0}, {0}};
    struct ct_secret32 secret = {{0}};
    uint8_t mac[32];
    ct_err err = derive(&key, ks, passphrase, passphrase_len);
    if (err == CT_OK) {
        mac_of(mac, &key, ks);
        err = ct_equal(mac, 32, ks->mac32, 32) ? aes_ctr(secret.bytes, ks->sealed32, &key, ks->iv16)
                                               : CT_ERR_AUTH;
    }
    if (err == CT_OK) {
        *out = secret;
    }
    ct_wipe(&secret, sizeof(secret));
    ct_wipe(&key, sizeof(key));
    return err;
}

ct_err ct_keystore_seal(struct ct_keystore *out, const struct ct_secret32 *secret,
                        const uint8_t addr20[20], const char *passphrase, size_t passphrase_len,
                        enum ct_keystore_cost cost)
{
    struct ct_keystore ks = {.is_scrypt = true,
                             .n = cost == CT_KEYSTORE_LIGHT ? 4096 : 262144,
                             .r = 8,
                             .p = cost == CT_KEYSTORE_LIGHT ? 6 : 1,
                             .salt_len = 32,
                             .has_addr = true};
    struct derived key = {{0}, {0}};
    if (ct_random(ks.salt, ks.salt_len) != CT_OK || ct_random(ks.iv16, 16) != CT_OK ||
        ct_random(ks.id16, 16) != CT_OK) {
        return CT_ERR_SYSTEM;
    }
    ks.id16[6] = (uint8_t)((ks.id16[6] & 0x0fu) | 0x40u); /* RFC 4122 4.4: random */
    ks.id16[8] = (uint8_t)((ks.id16[8] & 0x3fu) | 0x80u);
    memcpy(ks.addr20, addr20, 20);
    ct_err err = derive(&key, &ks, passphrase, passphrase_len);
    if (err == CT_OK) {
        err = aes_ctr(ks.sealed32, secret->bytes, &key, ks.iv16);
    }
    if (err == CT_OK) {
        mac_of(ks.mac32, &key, &ks);
        *out = ks;
    }
    ct_wipe(&key, sizeof(key));
    return err;
}

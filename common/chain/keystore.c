/* The text of a keystore: read strictly where it matters, other members are let be. */
#include "chain/keystore.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/hex.h"
#include "chain/json.h"

bool ct_keystore_is(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len &&
           (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) {
        at++;
    }
    return at < len && text[at] == '{';
}

static bool is_text(const struct ct_json *object, const char *key, const char *want)
{
    const char *text = ct_json_text(ct_json_get(object, key));
    return text != NULL && strcasecmp(text, want) == 0;
}

static bool fixed(void *out, size_t len, const struct ct_json *object, const char *key)
{
    const char *text = ct_json_text(ct_json_get(object, key));
    return text != NULL && ct_unhex(out, len, text) == CT_OK;
}

static bool number(uint32_t *out, const struct ct_json *object, const char *key, uint32_t max)
{
    int64_t value = 0;
    if (ct_json_int(&value, ct_json_get(object, key)) != CT_OK || value < 1 || value > max) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static bool read_salt(struct ct_keystore *ks, const struct ct_json *params)
{
    const char *text = ct_json_text(ct_json_get(params, "salt"));
    uint32_t length = 0;
    return text != NULL && number(&length, params, "dklen", 32) && length == 32 &&
           ct_unhex_var(ks->salt, sizeof(ks->salt), &ks->salt_len, text, strlen(text)) == CT_OK &&
           ks->salt_len > 0;
}

static bool within_bounds(const struct ct_keystore *ks)
{
    uint64_t block = (uint64_t)ks->n * ks->r; /* each is below 2^24 */
    return ks->n >= 2 && (ks->n & (ks->n - 1)) == 0 && block * 128 <= CT_KEYSTORE_MEMORY_MAX &&
           block * ks->p <= CT_KEYSTORE_WORK_MAX;
}

static ct_err read_scrypt(struct ct_keystore *ks, const struct ct_json *params, struct ct_why *why)
{
    ks->is_scrypt = true;
    if (!read_salt(ks, params) || !number(&ks->n, params, "n", CT_KEYSTORE_WORK_MAX) ||
        !number(&ks->r, params, "r", CT_KEYSTORE_WORK_MAX) ||
        !number(&ks->p, params, "p", CT_KEYSTORE_WORK_MAX)) {
        return ct_why(why, CT_ERR_FORMAT,
                      "the keystore's scrypt parameters are none that are used: salt, n, r, p and "
                      "a dklen of 32 are needed");
    }
    if (!within_bounds(ks)) {
        return ct_why(why, CT_ERR_FORMAT,
                      "the keystore asks scrypt for n %u, r %u, p %u; n must be a power of two, "
                      "and at most 256 MiB and four times geth's standard work are spent on it",
                      ks->n, ks->r, ks->p);
    }
    return CT_OK;
}

static ct_err read_pbkdf2(struct ct_keystore *ks, const struct ct_json *params, struct ct_why *why)
{
    return read_salt(ks, params) && is_text(params, "prf", "hmac-sha256") &&
                   number(&ks->rounds, params, "c", CT_KEYSTORE_WORK_MAX)
               ? CT_OK
               : ct_why(why, CT_ERR_FORMAT,
                        "the keystore's PBKDF2 parameters are none that are used: salt, prf "
                        "hmac-sha256, a dklen of 32, and c of at most %d are needed",
                        (int)CT_KEYSTORE_WORK_MAX);
}

static ct_err read_crypto(struct ct_keystore *ks, const struct ct_json *crypto, struct ct_why *why)
{
    const struct ct_json *params = ct_json_get(crypto, "kdfparams");
    if (!is_text(crypto, "cipher", "aes-128-ctr") ||
        !fixed(ks->iv16, 16, ct_json_get(crypto, "cipherparams"), "iv") ||
        !fixed(ks->sealed32, 32, crypto, "ciphertext") || !fixed(ks->mac32, 32, crypto, "mac")) {
        return ct_why(
            why, CT_ERR_FORMAT,
            "the keystore does not hold a key of 32 bytes under aes-128-ctr with its mac");
    }
    if (is_text(crypto, "kdf", "scrypt")) {
        return read_scrypt(ks, params, why);
    }
    if (is_text(crypto, "kdf", "pbkdf2")) {
        return read_pbkdf2(ks, params, why);
    }
    return ct_why(why, CT_ERR_FORMAT, "the keystore's kdf is neither scrypt nor pbkdf2");
}

static ct_err read_all(struct ct_keystore *ks, const struct ct_json *file, struct ct_why *why)
{
    int64_t version = 0;
    const struct ct_json *crypto = ct_json_get(file, "crypto");
    if (ct_json_has(file, "encseed")) {
        return ct_why(why, CT_ERR_FORMAT,
                      "this is a wallet of the 2014 sale, no keystore; import it with geth and use "
                      "the keystore that it writes");
    }
    if (ct_json_int(&version, ct_json_get(file, "version")) != CT_OK || version != 3) {
        return ct_why(why, CT_ERR_FORMAT,
                      "this is no keystore of version 3; let geth write one of the key");
    }
    ks->has_addr = ct_json_has(file, "address");
    if (ks->has_addr && !fixed(ks->addr20, 20, file, "address")) {
        return ct_why(why, CT_ERR_FORMAT, "the keystore's address is none");
    }
    /* the first implementations wrote "Crypto" */
    return read_crypto(ks, crypto != NULL ? crypto : ct_json_get(file, "Crypto"), why);
}

ct_err ct_keystore_parse(struct ct_keystore *out, const char *text, size_t len, struct ct_why *why)
{
    struct ct_json *file = NULL;
    struct ct_keystore ks = {.is_scrypt = false};
    if (len > CT_KEYSTORE_TEXT_MAX || ct_json_parse(&file, text, len) != CT_OK) {
        return ct_why(why, CT_ERR_FORMAT, "this is no keystore: it is not JSON");
    }
    ct_err err = read_all(&ks, file, why);
    ct_json_free(file);
    if (err == CT_OK) {
        *out = ks;
    }
    return err;
}

static void put_uuid(char out[37], const uint8_t id16[16])
{
    char hex[33];
    ct_hex(hex, id16, 16);
    (void)snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
}

static int put_params(char *out, size_t cap, const struct ct_keystore *ks)
{
    char salt[2 * CT_KEYSTORE_SALT_MAX + 1];
    ct_hex(salt, ks->salt, ks->salt_len);
    return ks->is_scrypt
               ? snprintf(out, cap,
                          "\"kdf\":\"scrypt\",\"kdfparams\":{\"dklen\":32,\"n\":%u,\"p\":%u,"
                          "\"r\":%u,\"salt\":\"%s\"}",
                          ks->n, ks->p, ks->r, salt)
               : snprintf(out, cap,
                          "\"kdf\":\"pbkdf2\",\"kdfparams\":{\"c\":%u,\"dklen\":32,"
                          "\"prf\":\"hmac-sha256\",\"salt\":\"%s\"}",
                          ks->rounds, salt);
}

ct_err ct_keystore_format(char *out, size_t cap, const struct ct_keystore *ks)
{
    char addr[2 * 20 + 1];
    char iv[2 * 16 + 1];
    char sealed[2 * 32 + 1];
    char mac[2 * 32 + 1];
    char uuid[37];
    char params[320];
    if (cap < CT_KEYSTORE_ROOM) {
        return CT_ERR_ROOM;
    }
    ct_hex(addr, ks->addr20, 20);
    ct_hex(iv, ks->iv16, 16);
    ct_hex(sealed, ks->sealed32, 32);
    ct_hex(mac, ks->mac32, 32);
    put_uuid(uuid, ks->id16);
    (void)put_params(params, sizeof(params), ks);
    (void)snprintf(out, cap,
                   "{%s%s%s\"crypto\":{\"cipher\":\"aes-128-ctr\",\"ciphertext\":\"%s\","
                   "\"cipherparams\":{\"iv\":\"%s\"},%s,\"mac\":\"%s\"},\"id\":\"%s\","
                   "\"version\":3}\n",
                   ks->has_addr ? "\"address\":\"" : "", ks->has_addr ? addr : "",
                   ks->has_addr ? "\"," : "", sealed, iv, params, mac, uuid);
    return CT_OK;
}

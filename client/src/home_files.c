/* HOME's state: device.json, pass.json, allocation.json and the records of others in cache/. */
#include "home.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"
#include "chain/json.h"
#include "home_private.h"

#define FILE_MAX 8192
#define FOUND_MAGIC 0x63746331u /* "ctc1" */

/* A file of HOME as JSON; free it with ct_json_free(). */
static ct_err read_json(const struct ct_home *home, const char *name, bool is_private,
                        struct ct_json **out, struct ct_why *why)
{
    char path[CT_HOME_PATH];
    char text[FILE_MAX];
    size_t len = 0;
    ct_home_path(home, path, name);
    ct_err err = ct_file_read(text, sizeof text, &len, path, is_private, why);
    if (err == CT_OK && ct_json_parse(out, text, len) != CT_OK) {
        err =
            ct_why(why, CT_ERR_CONFIG, "%s is not the JSON that chainturn wrote; remove it", path);
    }
    ct_wipe(text, sizeof text);
    return err;
}

/* ---- device.json ---- */

ct_err ct_home_load_device(const struct ct_home *home, struct ct_home_device *out,
                           struct ct_why *why)
{
    struct ct_json *json = NULL;
    int64_t relay = 0;
    ct_err err = read_json(home, "device.json", false, &json, why);
    if (err != CT_OK) {
        return err;
    }
    const char *identity = ct_json_text(ct_json_get(json, "identity"));
    const char *road = ct_json_text(ct_json_get(json, "road")); /* not in those of version 0.1 */
    if (identity == NULL || !ct_identity_valid(identity) ||
        ct_json_int(&relay, ct_json_get(json, "relay")) != CT_OK || relay < 0 ||
        relay > CT_RELAY_INDEX_MAX ||
        (ct_json_has(json, "road") &&
         (road == NULL || (strcmp(road, "funded") != 0 && strcmp(road, "sponsored") != 0)))) {
        err = ct_why(why, CT_ERR_CONFIG, "%s/device.json is spoilt; restore it", home->dir);
    } else {
        memset(out, 0, sizeof *out);
        (void)snprintf(out->identity, sizeof out->identity, "%s", identity);
        out->relay = (uint16_t)relay;
        out->is_funded = road != NULL && strcmp(road, "funded") == 0;
    }
    ct_json_free(json);
    return err;
}

ct_err ct_home_save_device(const struct ct_home *home, const struct ct_home_device *device,
                           struct ct_why *why)
{
    struct ct_home_device old = {.relay = 0};
    char path[CT_HOME_PATH];
    char text[200];
    if (ct_home_load_device(home, &old, NULL) == CT_OK &&
        strcmp(old.identity, device->identity) == 0 && old.relay == device->relay &&
        old.is_funded == device->is_funded) {
        return CT_OK;
    }
    int len = snprintf(text, sizeof text, "{\"identity\":\"%s\",\"relay\":%u,\"road\":\"%s\"}\n",
                       device->identity, (unsigned)device->relay,
                       device->is_funded ? "funded" : "sponsored");
    ct_home_path(home, path, "device.json");
    return ct_file_write(path, text, (size_t)len, 0644, why);
}

/* ---- pass.json ---- */

ct_err ct_home_load_pass(const struct ct_home *home, struct ct_own_pass *out)
{
    struct ct_json *json = NULL;
    struct ct_own_pass pass;
    struct ct_x25519 key;
    memset(&pass, 0, sizeof pass);
    memset(&key, 0, sizeof key);
    if (read_json(home, "pass.json", true, &json, NULL) != CT_OK) {
        return CT_ERR_NOT_FOUND;
    }
    const char *text = ct_json_text(ct_json_get(json, "pass"));
    const char *secret = ct_json_text(ct_json_get(json, "key"));
    bool good = text != NULL && secret != NULL &&
                ct_pass_from_username(pass.pass175, text, strlen(text)) == CT_OK &&
                ct_pass_parse(&pass.fields, pass.pass175, sizeof pass.pass175) == CT_OK &&
                ct_unhex(pass.secret.bytes, sizeof pass.secret.bytes, secret) == CT_OK &&
                ct_x25519_from_secret(&key, &pass.secret) == CT_OK &&
                memcmp(key.public32, pass.fields.key32, sizeof key.public32) == 0;
    ct_json_free(json);
    if (good) {
        *out = pass;
    }
    ct_wipe(&pass, sizeof pass);
    ct_wipe(&key, sizeof key);
    return good ? CT_OK : CT_ERR_NOT_FOUND;
}

ct_err ct_home_save_pass(const struct ct_home *home, const struct ct_own_pass *pass,
                         struct ct_why *why)
{
    char path[CT_HOME_PATH];
    char name[CT_PASS_TEXT_LEN + 1];
    char secret[65];
    char text[512];
    ct_pass_username(name, pass->pass175);
    ct_hex(secret, pass->secret.bytes, sizeof pass->secret.bytes);
    int len = snprintf(text, sizeof text, "{\"pass\":\"%s\",\"key\":\"%s\"}\n", name, secret);
    ct_home_path(home, path, "pass.json");
    ct_err err = ct_file_write(path, text, (size_t)len, 0600, why);
    ct_wipe(secret, sizeof secret);
    ct_wipe(text, sizeof text);
    return err;
}

void ct_home_drop_pass(const struct ct_home *home)
{
    char path[CT_HOME_PATH];
    ct_home_path(home, path, "pass.json");
    (void)unlink(path);
}

/* ---- allocation.json: an allocation that was left at the relay ---- */

/* Text of the relay's, which may hold anything: kept in base64url. */
static bool get_text(char *out, size_t cap, const struct ct_json *json, const char *name)
{
    const char *text = ct_json_text(ct_json_get(json, name));
    size_t len = 0;
    if (text == NULL || ct_unbase64url(out, cap - 1, &len, text, strlen(text)) != CT_OK ||
        memchr(out, '\0', len) != NULL) {
        return false;
    }
    out[len] = '\0';
    return len > 0;
}

ct_err ct_home_load_lane(const struct ct_home *home, struct ct_lane_saved *out)
{
    struct ct_json *json = NULL;
    struct ct_lane_saved saved;
    int64_t relay = 0;
    int64_t port = 0;
    int64_t until = 0;

    memset(&saved, 0, sizeof saved);
    if (read_json(home, "allocation.json", true, &json, NULL) != CT_OK) {
        return CT_ERR_NOT_FOUND;
    }
    const char *relayed = ct_json_text(ct_json_get(json, "relayed"));
    bool good = ct_json_int(&relay, ct_json_get(json, "relay")) == CT_OK && relay > 0 &&
                relay <= CT_RELAY_INDEX_MAX &&
                ct_json_int(&port, ct_json_get(json, "local_port")) == CT_OK && port > 0 &&
                port <= UINT16_MAX && ct_json_int(&until, ct_json_get(json, "until")) == CT_OK &&
                until > (int64_t)ct_wall_s() + 5 && relayed != NULL &&
                ct_addr_from_text(&saved.alloc.relayed, relayed) == CT_OK &&
                get_text(saved.alloc.realm, sizeof saved.alloc.realm, json, "realm") &&
                get_text(saved.alloc.nonce, sizeof saved.alloc.nonce, json, "nonce");
    ct_json_free(json);
    if (!good) {
        return CT_ERR_NOT_FOUND;
    }
    saved.relay = (uint16_t)relay;
    saved.local_port = (uint16_t)port;
    saved.until_s = (uint64_t)until;
    *out = saved;
    return CT_OK;
}

void ct_home_save_lane(const struct ct_home *home, const struct ct_lane_saved *saved)
{
    char path[CT_HOME_PATH];
    char relayed[CT_ADDR_TEXT];
    char realm[CT_BASE64URL_LEN(sizeof saved->alloc.realm) + 1];
    char nonce[CT_BASE64URL_LEN(sizeof saved->alloc.nonce) + 1];
    char text[3000];
    ct_addr_to_text(relayed, &saved->alloc.relayed);
    ct_base64url(realm, saved->alloc.realm, strlen(saved->alloc.realm));
    ct_base64url(nonce, saved->alloc.nonce, strlen(saved->alloc.nonce));
    int len = snprintf(text, sizeof text,
                       "{\"relay\":%u,\"relayed\":\"%s\",\"local_port\":%u,\"until\":%llu,"
                       "\"realm\":\"%s\",\"nonce\":\"%s\"}\n",
                       (unsigned)saved->relay, relayed, (unsigned)saved->local_port,
                       (unsigned long long)saved->until_s, realm, nonce);
    ct_home_path(home, path, "allocation.json");
    if (ct_file_write(path, text, (size_t)len, 0600, NULL) != CT_OK) {
        (void)unlink(path); /* only a convenience: the next listener allocates anew */
    }
}

void ct_home_drop_lane(const struct ct_home *home)
{
    char path[CT_HOME_PATH];
    ct_home_path(home, path, "allocation.json");
    (void)unlink(path);
}

/* ---- cache/: records of others, proven when they were read ---- */

static bool found_path(const struct ct_home *home, char path[CT_HOME_PATH], const char *identity)
{
    uint8_t hash[32];
    char digits[65];
    char name[80];
    if (ct_identity_hash(hash, identity) != CT_OK) {
        return false;
    }
    ct_hex(digits, hash, sizeof hash);
    (void)snprintf(name, sizeof name, "cache/%s", digits);
    ct_home_path(home, path, name);
    return true;
}

ct_err ct_home_load_found(const struct ct_home *home, struct ct_found *out, const char *identity,
                          const uint8_t deployment32[32])
{
    char path[CT_HOME_PATH];
    char bytes[512];
    size_t len = 0;
    struct ct_found found;
    uint8_t deployment[32];
    uint8_t device[2][32];
    uint8_t relay[4][32];

    memset(&found, 0, sizeof found);
    if (!found_path(home, path, identity) ||
        ct_file_read(bytes, sizeof bytes, &len, path, true, NULL) != CT_OK) {
        return CT_ERR_NOT_FOUND;
    }
    struct ct_rd r = ct_rd_init(bytes, len);
    uint32_t magic = ct_rd_be32(&r);
    ct_rd_copy(&r, deployment, sizeof deployment);
    found.read_s = ct_rd_be64(&r);
    found.block = ct_rd_be64(&r);
    found.block_time_s = ct_rd_be64(&r);
    found.k = ct_rd_u8(&r);
    found.n = ct_rd_u8(&r);
    uint16_t index = ct_rd_be16(&r);
    ct_rd_copy(&r, device, sizeof device);
    ct_rd_copy(&r, relay, sizeof relay);
    ct_rd_copy(&r, found.identity, sizeof found.identity);
    if (ct_rd_end(&r) != CT_OK || magic != FOUND_MAGIC ||
        memcmp(deployment, deployment32, sizeof deployment) != 0 ||
        found.identity[sizeof found.identity - 1] != '\0' ||
        strcmp(found.identity, identity) != 0 || found.read_s > ct_wall_s() ||
        ct_device_decode(&found.device, (const uint8_t(*)[32])device) != CT_OK ||
        ct_relay_decode(&found.relay, (const uint8_t(*)[32])relay) != CT_OK) {
        return CT_ERR_NOT_FOUND;
    }
    found.relay.index = index;
    *out = found;
    return CT_OK;
}

void ct_home_save_found(const struct ct_home *home, const struct ct_found *found,
                        const uint8_t deployment32[32])
{
    char path[CT_HOME_PATH];
    uint8_t bytes[512];
    uint8_t device[2][32];
    uint8_t relay[4][32];
    struct ct_wr w = ct_wr_init(bytes, sizeof bytes);
    if (!found_path(home, path, found->identity)) {
        return;
    }
    ct_device_encode(device, &found->device);
    ct_relay_encode(relay, &found->relay);
    ct_wr_be32(&w, FOUND_MAGIC);
    ct_wr_bytes(&w, deployment32, 32);
    ct_wr_be64(&w, found->read_s);
    ct_wr_be64(&w, found->block);
    ct_wr_be64(&w, found->block_time_s);
    ct_wr_u8(&w, (uint8_t)found->k);
    ct_wr_u8(&w, (uint8_t)found->n);
    ct_wr_be16(&w, found->relay.index);
    ct_wr_bytes(&w, device, sizeof device);
    ct_wr_bytes(&w, relay, sizeof relay);
    ct_wr_bytes(&w, found->identity, sizeof found->identity);
    if (ct_wr_end(&w) != CT_OK || ct_file_write(path, bytes, w.len, 0600, NULL) != CT_OK) {
        (void)unlink(path); /* a cache: the chain is read again */
    }
}

void ct_home_drop_found(const struct ct_home *home, const char *identity)
{
    char path[CT_HOME_PATH];
    if (found_path(home, path, identity)) {
        (void)unlink(path);
    }
}

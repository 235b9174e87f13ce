/* Seeds of what devices and the wallet manager say to each other: bodies and answers of its API. */
#include <stdio.h>
#include <string.h>

#include "api_world.h"
#include "base/hex.h"
#include "chain/registry_client.h"
#include "kex/pass.h"
#include "seeds.h"

/* A registered device's own, signed; the first byte is fuzz_api's. */
static int registration(char *text, size_t cap)
{
    struct api_world w;
    struct ct_registration r = {.relay = 1,
                                .port = 50000,
                                .expiry_day = API_NOW_S / 86400 + 50,
                                .deadline_s = API_NOW_S + 500};
    uint8_t digest[32];
    uint8_t sig[CT_SIG_LEN];
    char key[67];
    char signature[2 * CT_SIG_LEN + 3];
    api_world_make(&w);
    memcpy(r.key32, w.key32, 32);
    HOLDS(ct_identity_hash(r.id_hash32, API_IDENTITY) == CT_OK);
    ct_registration_digest(digest, API_CHAIN_ID, w.contract20, &r);
    HOLDS(ct_wallet_sign(sig, &w.wallet, digest) == CT_OK);
    ct_hex0x(key, r.key32, 32);
    ct_hex0x(signature, sig, sizeof(sig));
    return snprintf(text, cap,
                    "\x05{\"registration\":{\"identity\":\"" API_IDENTITY
                    "\",\"key\":\"%s\",\"relay\":%u,\"port\":%u,\"backup_relay\":0,"
                    "\"backup_port\":0,\"expiry_day\":%u,\"sequence\":0,\"deadline\":%llu},"
                    "\"signature\":\"%s\"}",
                    key, (unsigned)r.relay, (unsigned)r.port, (unsigned)r.expiry_day,
                    (unsigned long long)r.deadline_s, signature);
}

/* What its wallet signed to change; the first byte is fuzz_api's: bit 3 and a live record. */
static int update(char *text, size_t cap)
{
    struct api_world w;
    struct ct_client_update u = {.relay = 1, .port = 50001, .deadline_s = API_NOW_S + 500};
    uint8_t digest[32];
    uint8_t sig[CT_SIG_LEN];
    char signature[2 * CT_SIG_LEN + 3];
    api_world_make(&w);
    HOLDS(ct_identity_hash(u.id_hash32, API_IDENTITY) == CT_OK);
    ct_client_update_digest(digest, API_CHAIN_ID, w.contract20, &u);
    HOLDS(ct_wallet_sign(sig, &w.wallet, digest) == CT_OK);
    ct_hex0x(signature, sig, sizeof(sig));
    return snprintf(text, cap,
                    "\x0d{\"change\":\"update\",\"relay\":%u,\"port\":%u,\"backup_relay\":0,"
                    "\"backup_port\":0,\"sequence\":0,\"deadline\":%llu,\"signature\":\"%s\"}",
                    (unsigned)u.relay, (unsigned)u.port, (unsigned long long)u.deadline_s,
                    signature);
}

/* ---- answers of the wallet manager, as a device reads them; the first byte says which ---- */

static void voucher_answer(void)
{
    struct api_world w;
    struct ct_voucher v = {.deadline_s = API_NOW_S + 600};
    uint8_t digest[32];
    uint8_t sig[CT_SIG_LEN];
    char hash[67], wallet[43], signature[2 * CT_SIG_LEN + 3], text[1024];
    api_world_make(&w);
    HOLDS(ct_identity_hash(v.id_hash32, API_IDENTITY) == CT_OK);
    ct_token_hash(v.token_hash32, ANSWERS_TOKEN);
    memcpy(v.wallet20, w.wallet.addr20, sizeof(v.wallet20));
    ct_voucher_digest(digest, API_CHAIN_ID, w.contract20, &v);
    HOLDS(ct_wallet_sign(sig, &w.wallet, digest) == CT_OK);
    ct_hex0x(hash, v.token_hash32, 32);
    ct_hex0x(wallet, v.wallet20, 20);
    ct_hex0x(signature, sig, sizeof(sig));
    for (int paid = 0; paid < 2; paid++) {
        (void)snprintf(text, sizeof(text),
                       "2{\"voucher\":{\"token_hash\":\"%s\",\"wallet\":\"%s\",\"deadline\":%llu,"
                       "\"signature\":\"%s\"},\"gas\":92305%s}",
                       hash, wallet, (unsigned long long)v.deadline_s, signature,
                       paid ? "" : ",\"operation\":\"00112233445566778899aabbccddeeff\"");
        seed_text("wm_answers", paid ? "voucher-paid" : "voucher", text);
    }
}

static void pass_answer(void)
{
    struct ct_pass pass = {
        .key_id = 1, .id16 = {1}, .expiry_s = API_NOW_S + 3600, .scope = CT_PASS_SCOPE_ALLOCATE};
    static const struct ct_secret32 seed_ = {{7}};
    struct ct_ed25519 key;
    uint8_t bytes[CT_PASS_LEN];
    char name[CT_PASS_TEXT_LEN + 1], text[512];
    pass.deployment32[0] = 0xd0;
    pass.key32[0] = 0xbb;
    HOLDS(ct_ed25519_from_seed(&key, &seed_) == CT_OK);
    HOLDS(ct_pass_sign(bytes, &pass, &key, API_NOW_S) == CT_OK);
    ct_pass_username(name, bytes);
    (void)snprintf(text, sizeof(text), "0{\"pass\":\"%s\",\"expires_at\":%llu}", name,
                   (unsigned long long)pass.expiry_s);
    seed_text("wm_answers", "pass", text);
}

static void answers(void)
{
    voucher_answer();
    pass_answer();
    seed_text(
        "wm_answers", "operation",
        "1{\"operation\":\"00112233445566778899aabbccddeeff\",\"state\":\"done\","
        "\"transaction\":\"0x00000000000000000000000000000000000000000000000000000000000000ff\","
        "\"block\":7}");
    seed_text("wm_answers", "operation-failed",
              "1{\"operation\":\"00112233445566778899aabbccddeeff\",\"state\":\"failed\","
              "\"reason\":\"the record has changed\"}");
    seed_text("wm_answers", "accepted", "3{\"operation\":\"00112233445566778899aabbccddeeff\"}");
    seed_text("wm_answers", "problem",
              "4{\"type\":\"urn:chainturn:error:not-pending\",\"title\":\"Conflict\","
              "\"status\":409,\"detail\":\"send addClient first\"}");
}

static int proposal(char *text, size_t cap)
{
    struct api_world w;
    char pending[67];
    char owner[43];
    char salt[67];
    api_world_make(&w);
    ct_hex0x(pending, w.pending32, 32);
    ct_hex0x(owner, w.wallet.addr20, 20);
    ct_hex0x(salt, w.salt32, 32);
    return snprintf(text, cap, "\x02{\"pending_id\":\"%s\",\"owner\":\"%s\",\"salt\":\"%s\"}",
                    pending, owner, salt);
}

static void api(void)
{
    seed_text("api", "pass", "\x04{\"pass_key\":\"IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiI\"}");
    seed_text("api", "pass-renewed",
              "\x04{\"pass_key\":\"IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiI\","
              "\"renews\":\"00112233445566778899aabbccddeeff\"}");
    static const char with_token[] =
        "\0{\"pass_key\":\"IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiI\","
        "\"token\":\"ctk1.e30.AA\"}";
    seed("api", "pass-with-token", with_token, sizeof(with_token) - 1);
    char text[1024];
    int len = registration(text, sizeof(text));
    seed("api", "device", text, (size_t)len);
    text[0] = 1; /* not registered yet, and no token */
    seed("api", "device-unknown", text, (size_t)len);
    len = update(text, sizeof(text));
    seed("api", "change", text, (size_t)len);
    seed_text("api", "voucher",
              "\x08{\"token\":\"ctk1.e30.AA\",\"relay\":1,\"port\":50000,\"backup_relay\":0,"
              "\"backup_port\":0,\"expiry_day\":20884}");
    len = snprintf(text, sizeof(text),
                   "\x1c{\"relay\":1,\"port\":50000,\"backup_relay\":0,\"backup_port\":0,"
                   "\"expiry_day\":%u}",
                   (unsigned)(API_NOW_S / 86400 + 90));
    seed("api", "voucher-renewal", text, (size_t)len);
    len = proposal(text, sizeof(text));
    seed("api", "relay", text, (size_t)len);
    char m1[CT_BASE64URL_LEN(389) + 1];
    uint8_t bytes[389] = {0x0c, 1, 1, 1};
    ct_base64url(m1, bytes, sizeof(bytes));
    len = snprintf(text, sizeof(text), "\x03{\"m1\":\"%s\"}", m1);
    seed("api", "m1", text, (size_t)len);
    char m3[CT_BASE64URL_LEN(148) + 1];
    char m4[CT_BASE64URL_LEN(213) + 1];
    bytes[2] = 3;
    ct_base64url(m3, bytes, 148);
    bytes[2] = 4;
    ct_base64url(m4, bytes, 213);
    len = snprintf(text, sizeof(text), "\x03{\"m3\":\"%s\",\"m4\":\"%s\"}", m3, m4);
    seed("api", "flight", text, (size_t)len);
}

void seeds_wm(void)
{
    api();
    answers();
}

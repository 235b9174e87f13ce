/* Prints what our code signs and encodes, a JSON object a line, for ethers-check.mjs to verify. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "chain/keccak.h"
#include "chain/keystore.h"
#include "chain/registry_client.h"
#include "chain/tx.h"

enum { ROUNDS = 20, KEYSTORES = 3, CHAIN_ID = 31337 };

static uint8_t bytes[4096]; /* of a fixed sequence: the same output each time */

static void next_bytes(unsigned round)
{
    uint8_t hash[32];
    ct_keccak256(hash, &round, sizeof(round));
    for (size_t at = 0; at < sizeof(bytes); at += 32) {
        ct_keccak256(hash, hash, 32);
        memcpy(bytes + at, hash, 32);
    }
}

static void print_hex(const char *key, const void *data, size_t len, const char *after)
{
    char *text = malloc(2 * len + 3);
    if (text == NULL) {
        abort();
    }
    ct_hex0x(text, data, len);
    (void)printf("\"%s\":\"%s\"%s", key, text, after);
    free(text);
}

static bool print_tx(unsigned round, const struct ct_wallet *wallet)
{
    struct ct_tx tx = {
        .chain_id = CHAIN_ID + round, .nonce = round * UINT64_C(97), .gas_limit = 21000 + round};
    uint8_t raw[8192];
    uint8_t hash[32];
    size_t len = 0;
    tx.max_fee_wei = ct_u256_from_u64(1000000007u * (uint64_t)(round + 1));
    tx.max_priority_fee_wei = ct_u256_from_u64(round);
    memcpy(tx.value_wei.be + 20, bytes + 100, round % 13);
    tx.creates = round % 5 == 4;
    memcpy(tx.to20, bytes, 20);
    tx.data = bytes + 200;
    tx.data_len = (size_t)round * round * 7;
    if (ct_tx_sign(raw, sizeof(raw), &len, hash, &tx, wallet) != CT_OK) {
        return false;
    }
    (void)printf("{\"kind\":\"tx\",\"chainId\":\"%" PRIu64 "\",\"nonce\":%" PRIu64
                 ",\"gasLimit\":\"%" PRIu64 "\",\"maxFee\":\"%" PRIu64 "\",\"tip\":\"%u\",",
                 tx.chain_id, tx.nonce, tx.gas_limit, 1000000007u * (uint64_t)(round + 1), round);
    print_hex("to", tx.to20, tx.creates ? 0 : 20, ",");
    print_hex("value", tx.value_wei.be, 32, ",");
    print_hex("data", tx.data, tx.data_len, ",");
    print_hex("from", wallet->addr20, 20, ",");
    print_hex("raw", raw, len, ",");
    print_hex("hash", hash, 32, "}\n");
    return true;
}

static bool print_registration(unsigned round, const struct ct_wallet *wallet)
{
    struct ct_signed_registration entry;
    struct ct_registration *r = &entry.registration;
    uint8_t contract[20];
    uint8_t digest[32];
    uint8_t buf[512];
    memset(&entry, 0, sizeof(entry));
    memcpy(r->id_hash32, bytes + 300, 32);
    memcpy(r->key32, bytes + 332, 32);
    memcpy(contract, bytes + 364, 20);
    r->relay = (uint16_t)(round * 331);
    r->port = (uint16_t)(49152 + round);
    r->backup_relay = (uint16_t)(round * 17);
    r->backup_port = (uint16_t)(65535 - round);
    r->expiry_day = (uint16_t)(20700 + round);
    r->sequence = (uint16_t)(round * 3000);
    r->deadline_s = 1800000000u + round * UINT64_C(1000000000000);
    ct_registration_digest(digest, CHAIN_ID, contract, r);
    if (ct_wallet_sign(entry.sig65, wallet, digest) != CT_OK) {
        return false;
    }
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_register_clients(&w, &entry, 1);
    (void)printf("{\"kind\":\"registration\",\"chainId\":%d,\"relay\":%u,\"port\":%u,"
                 "\"backupRelay\":%u,\"backupPort\":%u,\"expiryDay\":%u,\"sequence\":%u,"
                 "\"deadline\":\"%" PRIu64 "\",",
                 CHAIN_ID, (unsigned)r->relay, (unsigned)r->port, (unsigned)r->backup_relay,
                 (unsigned)r->backup_port, (unsigned)r->expiry_day, (unsigned)r->sequence,
                 r->deadline_s);
    print_hex("contract", contract, 20, ",");
    print_hex("identity", r->id_hash32, 32, ",");
    print_hex("key", r->key32, 32, ",");
    print_hex("digest", digest, 32, ",");
    print_hex("signature", entry.sig65, CT_SIG_LEN, ",");
    print_hex("wallet", wallet->addr20, 20, ",");
    print_hex("call", buf, w.len, "}\n");
    return ct_wr_end(&w) == CT_OK;
}

static bool print_server(unsigned round)
{
    struct ct_relay relay;
    uint8_t salt[32];
    uint8_t buf[512];
    memset(&relay, 0, sizeof(relay));
    memcpy(salt, bytes + 400, 32);
    memcpy(relay.listen_ip4, bytes + 432, 4);
    memcpy(relay.relay_ip4, bytes + 436, 4);
    memcpy(relay.listen_ip6, bytes + 440, 16);
    memcpy(relay.relay_ip6, bytes + 456, 16);
    memcpy(relay.key32, bytes + 472, 32);
    relay.listen_port = (uint16_t)(3478 + round);
    relay.port_min = (uint16_t)(40000 + round);
    relay.port_max = (uint16_t)(50000 + round);
    relay.index = (uint16_t)round;
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_register_server(&w, salt, &relay);
    (void)printf(
        "{\"kind\":\"server\",\"listenPort\":%u,\"portMin\":%u,\"portMax\":%u,\"index\":%u,",
        (unsigned)relay.listen_port, (unsigned)relay.port_min, (unsigned)relay.port_max,
        (unsigned)relay.index);
    print_hex("salt", salt, 32, ",");
    print_hex("listenIPv4", relay.listen_ip4, 4, ",");
    print_hex("listenIPv6", relay.listen_ip6, 16, ",");
    print_hex("relayIPv4", relay.relay_ip4, 4, ",");
    print_hex("relayIPv6", relay.relay_ip6, 16, ",");
    print_hex("key", relay.key32, 32, ",");
    print_hex("call", buf, w.len, "}\n");
    return ct_wr_end(&w) == CT_OK;
}

static bool print_signed(const char *after, const struct ct_wallet *wallet,
                         const uint8_t digest[32], const uint8_t sig65[CT_SIG_LEN])
{
    print_hex("digest", digest, 32, ",");
    print_hex("signature", sig65, CT_SIG_LEN, ",");
    print_hex("signer", wallet->addr20, 20, after);
    return ct_sig_check(wallet->addr20, digest, sig65) == CT_OK;
}

static bool print_voucher(unsigned round, const struct ct_wallet *wallet)
{
    struct ct_signed_voucher voucher;
    struct ct_device device = {.relay = (uint16_t)(round * 331),
                               .port = (uint16_t)(49152 + round),
                               .backup_relay = (uint16_t)(round * 17),
                               .backup_port = (uint16_t)(65535 - round),
                               .expiry_day = (uint16_t)(20700 + round),
                               .sequence = (uint16_t)(round * 3000)};
    uint8_t contract[20];
    uint8_t digest[32];
    uint8_t buf[512];
    memset(&voucher, 0, sizeof(voucher));
    memcpy(voucher.voucher.id_hash32, bytes + 500, 32);
    memcpy(voucher.voucher.token_hash32, bytes + 532, 32);
    memcpy(voucher.voucher.wallet20, bytes + 564, 20);
    memcpy(contract, bytes + 584, 20);
    memcpy(device.key32, bytes + 604, 32);
    voucher.voucher.deadline_s = 1800000000u + round;
    ct_voucher_digest(digest, CHAIN_ID, contract, &voucher.voucher);
    if (ct_wallet_sign(voucher.sig65, wallet, digest) != CT_OK) {
        return false;
    }
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_add_client(&w, &voucher, &device);
    (void)printf("{\"kind\":\"voucher\",\"chainId\":%d,\"relay\":%u,\"port\":%u,\"backupRelay\":%u,"
                 "\"backupPort\":%u,\"expiryDay\":%u,\"sequence\":%u,\"deadline\":\"%" PRIu64 "\",",
                 CHAIN_ID, (unsigned)device.relay, (unsigned)device.port,
                 (unsigned)device.backup_relay, (unsigned)device.backup_port,
                 (unsigned)device.expiry_day, (unsigned)device.sequence,
                 voucher.voucher.deadline_s);
    print_hex("contract", contract, 20, ",");
    print_hex("identity", voucher.voucher.id_hash32, 32, ",");
    print_hex("tokenHash", voucher.voucher.token_hash32, 32, ",");
    print_hex("wallet", voucher.voucher.wallet20, 20, ",");
    print_hex("key", device.key32, 32, ",");
    bool ok = print_signed(",", wallet, digest, voucher.sig65);
    print_hex("call", buf, w.len, "}\n");
    return ok && ct_wr_end(&w) == CT_OK;
}

static bool print_update(unsigned round, const struct ct_wallet *wallet)
{
    struct ct_signed_client_update entry;
    struct ct_client_update *u = &entry.update;
    uint8_t contract[20];
    uint8_t digest[32];
    uint8_t buf[512];
    uint8_t own[256];
    memset(&entry, 0, sizeof(entry));
    memcpy(u->id_hash32, bytes + 700, 32);
    memcpy(contract, bytes + 732, 20);
    u->relay = (uint16_t)(round * 331);
    u->port = (uint16_t)(49152 + round);
    u->backup_relay = (uint16_t)(round * 17);
    u->backup_port = (uint16_t)(65535 - round);
    u->sequence = (uint16_t)(round * 3000);
    u->deadline_s = 1800000000u + round * UINT64_C(1000000000000);
    ct_client_update_digest(digest, CHAIN_ID, contract, u);
    if (ct_wallet_sign(entry.sig65, wallet, digest) != CT_OK) {
        return false;
    }
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    struct ct_wr o = ct_wr_init(own, sizeof(own));
    ct_call_update_allocations(&w, &entry, 1);
    ct_call_update_allocation(&o, u);
    (void)printf("{\"kind\":\"update\",\"chainId\":%d,\"relay\":%u,\"port\":%u,\"backupRelay\":%u,"
                 "\"backupPort\":%u,\"sequence\":%u,\"deadline\":\"%" PRIu64 "\",",
                 CHAIN_ID, (unsigned)u->relay, (unsigned)u->port, (unsigned)u->backup_relay,
                 (unsigned)u->backup_port, (unsigned)u->sequence, u->deadline_s);
    print_hex("contract", contract, 20, ",");
    print_hex("identity", u->id_hash32, 32, ",");
    bool ok = print_signed(",", wallet, digest, entry.sig65);
    print_hex("own", own, o.len, ",");
    print_hex("call", buf, w.len, "}\n");
    return ok && ct_wr_end(&w) == CT_OK && ct_wr_end(&o) == CT_OK;
}

static bool print_rotation(unsigned round, const struct ct_wallet *wallet)
{
    struct ct_signed_key_rotation entry;
    struct ct_key_rotation *k = &entry.rotation;
    uint8_t contract[20];
    uint8_t digest[32];
    uint8_t buf[512];
    memset(&entry, 0, sizeof(entry));
    memcpy(k->id_hash32, bytes + 800, 32);
    memcpy(k->key32, bytes + 832, 32);
    memcpy(contract, bytes + 864, 20);
    k->sequence = (uint16_t)(round * 3000);
    k->deadline_s = 1800000000u + round;
    ct_key_rotation_digest(digest, CHAIN_ID, contract, k);
    if (ct_wallet_sign(entry.sig65, wallet, digest) != CT_OK) {
        return false;
    }
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_rotate_keys(&w, &entry, 1);
    (void)printf("{\"kind\":\"rotation\",\"chainId\":%d,\"sequence\":%u,\"deadline\":\"%" PRIu64
                 "\",",
                 CHAIN_ID, (unsigned)k->sequence, k->deadline_s);
    print_hex("contract", contract, 20, ",");
    print_hex("identity", k->id_hash32, 32, ",");
    print_hex("key", k->key32, 32, ",");
    bool ok = print_signed(",", wallet, digest, entry.sig65);
    print_hex("call", buf, w.len, "}\n");
    return ok && ct_wr_end(&w) == CT_OK;
}

static bool print_revocation(unsigned round, const struct ct_wallet *wallet)
{
    struct ct_signed_self_revocation entry;
    struct ct_approval approval;
    uint8_t contract[20];
    uint8_t digest[32];
    uint8_t buf[512];
    uint8_t approve[256];
    memset(&entry, 0, sizeof(entry));
    memcpy(entry.revocation.id_hash32, bytes + 900, 32);
    memcpy(contract, bytes + 932, 20);
    memcpy(&approval, bytes + 900, sizeof(approval));
    entry.revocation.sequence = (uint16_t)(round * 3000);
    entry.revocation.deadline_s = 1800000000u + round;
    ct_self_revocation_digest(digest, CHAIN_ID, contract, &entry.revocation);
    if (ct_wallet_sign(entry.sig65, wallet, digest) != CT_OK) {
        return false;
    }
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    struct ct_wr a = ct_wr_init(approve, sizeof(approve));
    ct_call_revoke_self(&w, &entry);
    ct_call_approve_clients(&a, &approval, 1);
    (void)printf("{\"kind\":\"revocation\",\"chainId\":%d,\"sequence\":%u,\"deadline\":\"%" PRIu64
                 "\",",
                 CHAIN_ID, (unsigned)entry.revocation.sequence, entry.revocation.deadline_s);
    print_hex("contract", contract, 20, ",");
    print_hex("identity", entry.revocation.id_hash32, 32, ",");
    print_hex("recordDigest", approval.digest32, 32, ",");
    bool ok = print_signed(",", wallet, digest, entry.sig65);
    print_hex("approve", approve, a.len, ",");
    print_hex("call", buf, w.len, "}\n");
    return ok && ct_wr_end(&w) == CT_OK && ct_wr_end(&a) == CT_OK;
}

/* Under a salt of its own each time. */
static bool print_keystore(unsigned round, const struct ct_wallet *wallet)
{
    struct ct_keystore ks;
    char text[CT_KEYSTORE_ROOM];
    char passphrase[32];
    (void)snprintf(passphrase, sizeof(passphrase), "passphrase %u \xc3\xa9", round);
    if (ct_keystore_seal(&ks, &wallet->secret, wallet->addr20, passphrase, strlen(passphrase),
                         CT_KEYSTORE_LIGHT) != CT_OK ||
        ct_keystore_format(text, sizeof(text), &ks) != CT_OK) {
        return false;
    }
    text[strcspn(text, "\n")] = '\0';
    (void)printf("{\"kind\":\"keystore\",\"passphrase\":\"%s\",\"json\":%s,", passphrase, text);
    print_hex("address", wallet->addr20, 20, ",");
    print_hex("secret", wallet->secret.bytes, 32, "}\n");
    return true;
}

int main(void)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct ct_secret32 secret;
        struct ct_wallet wallet;
        next_bytes(round);
        memcpy(secret.bytes, bytes + 40, 32);
        if (ct_wallet_from_secret(&wallet, &secret) != CT_OK || !print_tx(round, &wallet) ||
            !print_registration(round, &wallet) || !print_server(round) ||
            !print_voucher(round, &wallet) || !print_update(round, &wallet) ||
            !print_rotation(round, &wallet) || !print_revocation(round, &wallet) ||
            (round < KEYSTORES && !print_keystore(round, &wallet))) {
            return 1;
        }
    }
    return 0;
}

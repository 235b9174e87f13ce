/* The platform of these tests: a chain of its own, the contract on it, and who approves there. */
#include "platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "chain/send.h"

static const uint8_t *contract(const struct platform *p)
{
    return ct_chain_bundle(p->chain)->contract20;
}

void platform_mine(struct platform *p, unsigned blocks)
{
    char params[16];
    if (blocks > 0) {
        (void)snprintf(params, sizeof(params), "[\"0x%x\"]", blocks);
        free(ct_anvil_call(&p->anvil, "anvil_mine", params));
    }
}

bool platform_view(struct platform *p, struct ct_view *out)
{
    struct ct_why why = {""};
    ct_err err = ct_chain_view(p->chain, out, &why);
    printf("%s%s", why.text, err == CT_OK ? "" : "\n");
    return err == CT_OK;
}

static bool deploy(struct platform *p, const struct ct_wm_key *key)
{
    struct ct_why why = {""};
    struct ct_receipt receipt;
    struct ct_view view;
    struct ct_account account;
    bool found = false;
    memset(&receipt, 0, sizeof(receipt));
    uint8_t *code = malloc(ct_call_deploy_len());
    if (!code) {
        return false;
    }
    struct ct_wr w = ct_wr_init(code, ct_call_deploy_len());
    ct_call_deploy(&w, p->wallet.addr20, p->wallet.addr20, key);
    struct ct_send tx = {.data = code, .data_len = w.len};
    bool ok =
        ct_send_and_wait(p->chain, &p->wallet, &tx, 1, 20000, &receipt, &why) == CT_OK &&
        ct_chain_view(p->chain, &view, &why) == CT_OK &&
        ct_chain_account(p->chain, &view, receipt.contract20, &found, &account, &why) == CT_OK;
    if (ok) {
        ct_chain_set_contract(p->chain, receipt.contract20, account.code_hash32);
        p->deployed_at = receipt.block_number;
    }
    printf("%s%s", why.text, ok ? "" : "\n");
    ct_receipt_free(&receipt);
    free(code);
    return ok;
}

bool platform_open(struct platform *p, const struct ct_wm_key *key, const struct ct_chain_env *env)
{
    struct ct_why why = {""};
    struct ct_bundle bundle;
    if (!ct_anvil_start(&p->anvil)) {
        return false;
    }
    ct_anvil_bundle(&bundle, &p->anvil);
    (void)snprintf(bundle.wm_handshake_url, CT_BUNDLE_URL_MAX, "http://127.0.0.1:2");
    (void)snprintf(bundle.wm_tls_url, CT_BUNDLE_URL_MAX, "https://127.0.0.1:3");
    return ct_chain_open(&p->chain, &bundle, env, &why) == CT_OK &&
           ct_wallet_new(&p->wallet) == CT_OK && ct_anvil_fund(&p->anvil, p->wallet.addr20) &&
           deploy(p, key);
}

void platform_close(struct platform *p)
{
    ct_chain_free(p->chain);
    ct_anvil_stop(&p->anvil);
}

ct_err platform_send_from(struct platform *p, const struct ct_wallet *wallet,
                          const struct ct_wr *data, struct ct_receipt *receipt)
{
    struct ct_why why = {""};
    struct ct_receipt unused = {0};
    struct ct_receipt *out = receipt ? receipt : &unused;
    struct ct_send tx = {.to20 = contract(p), .data = data->buf, .data_len = data->len};
    memset(out, 0, sizeof(*out));
    ct_err err = ct_wr_end(data);
    if (err == CT_OK) {
        err = ct_send_and_wait(p->chain, wallet, &tx, 1, 20000, out, &why);
    }
    if (err != CT_OK) {
        printf("    %s\n", why.text);
    } else if (!receipt) {
        ct_receipt_free(&unused);
    }
    platform_mine(p, p->depth);
    return err;
}

ct_err platform_send(struct platform *p, const struct ct_wr *data, struct ct_receipt *receipt)
{
    return platform_send_from(p, &p->wallet, data, receipt);
}

/* ---- relays ---- */

ct_err platform_approve(struct platform *p, const uint8_t pending32[32], uint16_t *index)
{
    struct ct_why why = {""};
    struct ct_view view;
    struct ct_relay there;
    struct ct_receipt receipt;
    uint8_t digest[32];
    uint8_t buf[256];
    ct_err err = ct_chain_view(p->chain, &view, &why);
    if (err == CT_OK) {
        err = ct_registry_pending(p->chain, &view, pending32, &there, &why);
    }
    if (err != CT_OK) {
        return err;
    }
    ct_relay_digest(digest, &there);
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_approve_server(&w, pending32, digest, (uint16_t)(ct_wall_s() / 86400 + 30));
    err = platform_send(p, &w, &receipt);
    if (err == CT_OK) {
        err = ct_receipt_relay_approved(index, &receipt, contract(p));
        ct_receipt_free(&receipt);
    }
    return err;
}

ct_err platform_list(struct platform *p, uint8_t host, uint16_t port_min, uint16_t port_max,
                     uint16_t *index)
{
    struct ct_relay relay;
    uint8_t salt[32] = {5};
    uint8_t pending[32];
    uint8_t buf[512];
    memset(&relay, 0, sizeof(relay));
    relay.listen_port = 3478;
    relay.port_min = port_min;
    relay.port_max = port_max;
    relay.listen_ip4[0] = relay.relay_ip4[0] = 127;
    relay.listen_ip4[3] = relay.relay_ip4[3] = host;
    relay.key32[0] = 1;
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_register_server(&w, salt, &relay);
    ct_err err = platform_send(p, &w, NULL);
    if (err != CT_OK) {
        return err;
    }
    ct_registry_pending_id(pending, p->wallet.addr20, salt);
    return platform_approve(p, pending, index);
}

ct_err platform_revoke_relay(struct platform *p, uint16_t index)
{
    uint8_t buf[64];
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_revoke_server(&w, index);
    return platform_send(p, &w, NULL);
}

ct_err platform_revoke_pass(struct platform *p, const uint8_t pass16[16])
{
    uint8_t buf[64];
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_revoke_pass(&w, pass16);
    return platform_send(p, &w, NULL);
}

ct_err platform_set_wm_key(struct platform *p, const uint8_t ed25519[32])
{
    static const uint8_t x25519[32] = {9};
    uint8_t buf[128];
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_set_wm_key(&w, ed25519, x25519, ct_wall_s() + 86400);
    return platform_send(p, &w, NULL);
}

/* ---- devices ---- */

ct_err platform_register(struct platform *p, const char *name, uint16_t relay, uint16_t port,
                         uint16_t sequence)
{
    struct ct_signed_registration entry;
    uint8_t digest[32];
    uint8_t buf[1024];
    memset(&entry, 0, sizeof(entry));
    struct ct_registration *r = &entry.registration;
    ct_err err = ct_identity_hash(r->id_hash32, name);
    memset(r->key32, 0x42, 32);
    r->relay = relay;
    r->port = port;
    r->expiry_day = (uint16_t)(ct_wall_s() / 86400 + 30);
    r->sequence = sequence;
    r->deadline_s = ct_wall_s() + p->ahead_s + 3600;
    ct_registration_digest(digest, ct_chain_bundle(p->chain)->chain_id, contract(p), r);
    if (err == CT_OK) {
        err = ct_wallet_sign(entry.sig65, &p->wallet, digest);
    }
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_register_clients(&w, &entry, 1);
    return err == CT_OK ? platform_send(p, &w, NULL) : err;
}

ct_err platform_move(struct platform *p, const char *name, uint16_t relay, uint16_t port,
                     uint16_t sequence)
{
    struct ct_client_update update;
    uint8_t buf[512];
    memset(&update, 0, sizeof(update));
    ct_err err = ct_identity_hash(update.id_hash32, name);
    update.relay = relay;
    update.port = port;
    update.sequence = sequence;
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_update_allocation(&w, &update);
    return err == CT_OK ? platform_send(p, &w, NULL) : err;
}

ct_err platform_revoke(struct platform *p, const char *name)
{
    uint8_t id[32];
    uint8_t buf[64];
    ct_err err = ct_identity_hash(id, name);
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_revoke_client(&w, id);
    return err == CT_OK ? platform_send(p, &w, NULL) : err;
}

ct_err platform_add(struct platform *p, const char *name, uint16_t relay, uint16_t port,
                    uint16_t sequence)
{
    struct ct_signed_voucher signed_voucher;
    struct ct_device device;
    uint8_t digest[32];
    uint8_t buf[512];
    memset(&signed_voucher, 0, sizeof(signed_voucher));
    memset(&device, 0, sizeof(device));
    struct ct_voucher *voucher = &signed_voucher.voucher;
    ct_err err = ct_identity_hash(voucher->id_hash32, name);
    ct_token_hash(voucher->token_hash32, "a token");
    memcpy(voucher->wallet20, p->wallet.addr20, 20);
    voucher->deadline_s = ct_wall_s() + p->ahead_s + 3600;
    ct_voucher_digest(digest, ct_chain_bundle(p->chain)->chain_id, contract(p), voucher);
    if (err == CT_OK) {
        err = ct_wallet_sign(signed_voucher.sig65, &p->wallet, digest);
    }
    memset(device.key32, 0x42, 32);
    device.relay = relay;
    device.port = port;
    device.expiry_day = (uint16_t)(ct_wall_s() / 86400 + 30);
    device.sequence = sequence;
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_add_client(&w, &signed_voucher, &device);
    return err == CT_OK ? platform_send(p, &w, NULL) : err;
}

ct_err platform_approve_client(struct platform *p, const char *name)
{
    struct ct_why why = {""};
    struct ct_view view;
    struct ct_device device;
    struct ct_approval approval;
    uint8_t buf[256];
    memset(&approval, 0, sizeof(approval));
    ct_err err = ct_identity_hash(approval.id_hash32, name);
    if (err == CT_OK) {
        err = ct_chain_view(p->chain, &view, &why);
    }
    if (err == CT_OK) {
        err = ct_registry_device(p->chain, &view, approval.id_hash32, &device, &why);
    }
    if (err != CT_OK) {
        printf("    %s\n", why.text);
        return err;
    }
    ct_device_digest(approval.digest32, &device);
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_call_approve_client(&w, &approval);
    return platform_send(p, &w, NULL);
}

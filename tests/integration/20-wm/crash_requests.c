/* Requests of each kind: what they need before, how they are asked for, how the chain shows them.
 */
#include "crash_requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "chain/registry_client.h"
#include "chain/send.h"

enum { LIAR_PORT = 47000, WAIT_MS = 60000 };

const char *const request_kind_names[REQUEST_KINDS] = {
    [PAYMENT] = "payment", [REGISTRATION] = "registration",
    [CHANGE] = "change",   [APPROVAL] = "approval",
    [RELAY] = "relay",
};

/* ---- what is there before ---- */

static bool send(const struct device *d, const struct ct_wr *w, const uint8_t *data, uint64_t gas)
{
    struct ct_receipt receipt = {0};
    struct ct_why why = {{0}};
    const struct ct_send tx = {
        .to20 = platform.bundle.contract20, .data = data, .data_len = w->len, .gas_limit = gas};
    ct_err err = ct_send_and_wait(platform.chain, &d->wallet, &tx, 1, WAIT_MS, &receipt, &why);
    if (err != CT_OK) {
        printf("    %s: %s\n", d->identity, why.text);
    }
    ct_receipt_free(&receipt);
    return err == CT_OK;
}

/* The device's own record, pending. */
static bool write_record(struct device *d)
{
    struct ct_why why = {{0}};
    struct ct_wm_voucher v;
    struct ct_device record = {.expiry_day = device_terms().expiry_day};
    const struct ct_wm_terms terms = device_terms();
    uint8_t data[256];
    struct ct_wr w = ct_wr_init(data, sizeof data);
    if (!platform_fund(d->wallet.addr20) ||
        ct_wm_voucher(d->wm, &v, d->token, &terms, &why) != CT_OK) {
        printf("    %s: %s\n", d->identity, why.text);
        return false;
    }
    memcpy(record.key32, d->key.public32, 32);
    ct_call_add_client(&w, &v.signed_, &record);
    return ct_wr_end(&w) == CT_OK && send(d, &w, data, v.gas);
}

static bool open_relay_account(struct request *r)
{
    struct ct_why why = {{0}};
    const struct ct_wm_config config = {.bundle = &platform.bundle,
                                        .keys = platform.keys,
                                        .key_count = 2,
                                        .purpose = CT_HS_ENROL_RELAY,
                                        .identity = r->device.identity,
                                        .wallet = &r->device.wallet,
                                        .key = &r->device.key,
                                        .repeat_ms = 1};
    device_close(&r->device);
    ct_registry_pending_id(r->relay->pending32, r->device.wallet.addr20, r->relay->salt32);
    ct_wm_relay_identity(r->device.identity, r->relay->pending32);
    return ct_wm_open(&r->device.wm, &config, &why) == CT_OK;
}

/* A proposal of an address of its own: no two relays share one. */
static bool propose(struct request *r, unsigned number)
{
    const uint8_t at[4] = {127, 0, 1, (uint8_t)(1 + number)};
    uint8_t data[1024];
    struct ct_wr w = ct_wr_init(data, sizeof data);
    r->relay = calloc(1, sizeof *r->relay);
    if (r->relay == NULL || !platform_fund(r->device.wallet.addr20) ||
        ct_random(r->relay->salt32, sizeof r->relay->salt32) != CT_OK || !open_relay_account(r)) {
        return false;
    }
    struct ct_relay *record = &r->relay->record;
    *record = (struct ct_relay){.listen_port = LIAR_PORT, .port_min = 50000, .port_max = 50007};
    memcpy(record->listen_ip4, at, 4);
    memcpy(record->relay_ip4, at, 4);
    memcpy(record->key32, r->device.key.public32, 32);
    memcpy(record->owner20, r->device.wallet.addr20, 20);
    ct_call_register_server(&w, r->relay->salt32, record);
    return ct_wr_end(&w) == CT_OK && send(&r->device, &w, data, 0);
}

bool request_prepare(struct request *r, enum request_kind kind, unsigned number)
{
    char name[32];
    *r = (struct request){.kind = kind};
    (void)snprintf(name, sizeof name, "%s-%u", request_kind_names[kind], number);
    if (!device_new(&r->device, name)) {
        return false;
    }
    switch (kind) {
    case CHANGE:
        return device_ask_registration(&r->device, &r->op) == CT_OK;
    case APPROVAL:
        return write_record(&r->device);
    case RELAY:
        return propose(r, number);
    default:
        return true;
    }
}

bool request_is_prepared(struct request *r)
{
    struct ct_why why = {{0}};
    if (r->op.id[0] != '\0' &&
        (ct_wm_operation_get(r->device.wm, &r->op, r->op.id, &why) != CT_OK ||
         r->op.state != CT_WM_DONE)) {
        return false;
    }
    memset(&r->op, 0, sizeof r->op);
    return true;
}

static void silence(struct request *r)
{
    if (r->relay != NULL && r->relay->is_open) {
        liar_close(&r->relay->liar);
        r->relay->is_open = false;
    }
}

void request_close(struct request *r)
{
    silence(r);
    device_close(&r->device);
}

bool request_was_tested(const struct request *r)
{
    return r->relay != NULL && r->relay->liar.relay.allocations > 0;
}

bool request_begin(struct request *r)
{
    if (r->relay == NULL) {
        return true;
    }
    struct request_relay *relay = r->relay;
    struct ct_owner statement = {.until_s = ct_wall_s() + 600};
    const struct ct_addr at = ct_addr_ip4(relay->record.listen_ip4, LIAR_PORT);
    silence(r);
    ct_owner_relay(statement.relay32, &relay->record);
    relay->is_open =
        ct_owner_sign(&statement, platform.bundle.chain_id, platform.bundle.contract20,
                      &r->device.wallet) == CT_OK &&
        liar_open(&relay->liar, &at, &r->device.key, &statement, LIAR_STRICT | LIAR_FILTERS);
    return relay->is_open;
}

/* ---- asking ---- */

static ct_err ask_change(struct request *r)
{
    struct ct_why why = {{0}};
    struct ct_wm_change change = {.kind = CT_WM_UPDATE};
    struct ct_client_update *u = &change.of.update.update;
    uint8_t digest[32];
    *u = (struct ct_client_update){.sequence = 1, .deadline_s = ct_wall_s() + 600};
    ct_err err = ct_identity_hash(u->id_hash32, r->device.identity);
    ct_client_update_digest(digest, platform.bundle.chain_id, platform.bundle.contract20, u);
    if (err == CT_OK) {
        err = ct_wallet_sign(change.of.update.sig65, &r->device.wallet, digest);
    }
    return err == CT_OK ? ct_wm_change(r->device.wm, &r->op, &change, &why) : err;
}

static ct_err ask_payment(struct request *r)
{
    struct ct_why why = {{0}};
    struct ct_wm_voucher v;
    const struct ct_wm_terms terms = device_terms();
    ct_err err = ct_wm_voucher(r->device.wm, &v, r->device.token, &terms, &why);
    if (err == CT_OK) {
        r->op = v.payment;
    }
    return err;
}

static ct_err ask_once(struct request *r)
{
    struct ct_why why = {{0}};
    struct device *d = &r->device;
    switch (r->kind) {
    case PAYMENT:
        return ask_payment(r);
    case REGISTRATION:
        return device_try_registration(d, &r->op);
    case CHANGE:
        return ask_change(r);
    case APPROVAL:
        return ct_wm_approve_device(d->wm, &r->op, d->token, &why);
    default:
        return ct_wm_register_relay(d->wm, &r->op, r->relay->pending32, d->wallet.addr20,
                                    r->relay->salt32, &why);
    }
}

/* Done already, its answer lost: then the chain says so. */
void request_ask(struct request *r)
{
    if (!r->is_known) {
        r->is_known = ask_once(r) == CT_OK || (r->kind != PAYMENT && request_has_effect(r));
    }
}

bool request_is_done(struct request *r)
{
    struct ct_why why = {{0}};
    if (!r->is_known) {
        return false;
    }
    if (r->op.id[0] != '\0' && r->op.state != CT_WM_DONE &&
        ct_wm_operation_get(r->device.wm, &r->op, r->op.id, &why) != CT_OK) {
        return false;
    }
    if (r->kind == RELAY && r->op.state == CT_WM_FAILED) {
        /* a test that a loaded machine spoilt: relays ask again */
        printf("    %s: %s\n", r->device.identity, r->op.reason);
        memset(&r->op, 0, sizeof r->op);
        r->is_known = false;
        (void)request_begin(r);
        return false;
    }
    return (r->op.id[0] == '\0' || r->op.state == CT_WM_DONE) && request_has_effect(r);
}

/* ---- the chain ---- */

static bool is_approved(const struct request *r)
{
    enum { MANY = 64 };
    static struct ct_relay all[MANY];
    struct ct_view view;
    struct ct_why why = {{0}};
    size_t count = 0;
    if (ct_chain_view(platform.chain, &view, &why) != CT_OK ||
        ct_registry_relays(platform.chain, &view, all, MANY, &count, &why) != CT_OK) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (memcmp(all[i].owner20, r->device.wallet.addr20, 20) == 0) {
            return all[i].state == CT_RECORD_APPROVED;
        }
    }
    return false;
}

bool request_has_effect(const struct request *r)
{
    struct ct_device record;
    struct ct_u256 has;
    switch (r->kind) {
    case PAYMENT:
        has = platform_balance(r->device.wallet.addr20);
        return !ct_u256_is_zero(&has);
    case RELAY:
        return is_approved(r);
    default:
        return device_record(&r->device, &record) == CT_OK && record.state == CT_RECORD_APPROVED &&
               record.sequence == (r->kind == CHANGE ? 2 : 1) &&
               memcmp(record.wallet20, r->device.wallet.addr20, 20) == 0;
    }
}

/* What may be asked again and again: who one is, how an operation goes, what the chain has. */
#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "chain/key.h"
#include "http/handshake.h"
#include "tx/ops.h"

void ct_api_me(const struct ct_api_call *call)
{
    char wallet[CT_ADDR_TEXT_LEN];
    const struct ct_session *s = call->session;
    ct_addr_text(wallet, s->party.wallet20);
    /* an identity's alphabet needs no escape */
    ct_answer_json(call->answer, 200, "{\"identity\":\"%s\",\"purpose\":\"%s\",\"wallet\":\"%s\"}",
                   s->party.identity,
                   s->purpose == CT_HS_ENROL_RELAY ? "enrol relay" : "enrol device", wallet);
}

static void answer_operation(struct ct_answer *answer, const struct ct_op *op)
{
    char tx[90] = "";
    char block[40] = "";
    char reason[2 * CT_OP_REASON];
    if (op->has_tx) {
        char hash[67];
        ct_hex0x(hash, op->tx32, sizeof op->tx32);
        (void)snprintf(tx, sizeof tx, ",\"transaction\":\"%s\"", hash);
    }
    if (op->block != 0) {
        (void)snprintf(block, sizeof block, ",\"block\":%llu", (unsigned long long)op->block);
    }
    ct_json_escape(reason, sizeof reason, op->reason);
    ct_answer_json(answer, 200, "{\"operation\":\"%s\",\"state\":\"%s\"%s%s%s%s%s}", op->id,
                   ct_op_state_text(op->state), tx, block,
                   reason[0] == '\0' ? "" : ",\"reason\":\"", reason,
                   reason[0] == '\0' ? "" : "\"");
}

void ct_api_operation(const struct ct_api_call *call)
{
    struct ct_op op;
    ct_err err = call->api->store->ops->op_find(call->api->store, call->id, &op);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        ct_api_store_failed(call, "op_find", err);
    } else if (err != CT_OK || memcmp(op.wallet20, call->session->party.wallet20, 20) != 0) {
        ct_answer_problem(call->answer, 404, "not-found", "this wallet has no such operation");
    } else {
        answer_operation(call->answer, &op);
    }
}

/* ---- records, proven at an agreed block ---- */

void ct_api_device_status(const struct ct_api_call *call)
{
    struct ct_device d = {.state = CT_RECORD_NONE};
    struct ct_why why = {{0}};
    uint64_t block = 0;
    uint64_t time_s = 0;
    char wallet[CT_ADDR_TEXT_LEN];
    char key[67];
    const char *identity = call->session->party.identity;
    ct_err err = call->ledger->ops->device(call->ledger->arg, identity, &d, &block, &time_s, &why);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        ct_api_failure(call->answer, err, &why);
        return;
    }
    if (err == CT_ERR_NOT_FOUND || d.state == CT_RECORD_NONE) {
        ct_answer_json(call->answer, 200,
                       "{\"identity\":\"%s\",\"state\":\"none\",\"live\":false,\"sequence\":%u,"
                       "\"block\":%llu}",
                       identity, err == CT_OK ? d.sequence : 0, (unsigned long long)block);
        return;
    }
    ct_addr_text(wallet, d.wallet20);
    ct_hex0x(key, d.key32, sizeof d.key32);
    ct_answer_json(
        call->answer, 200,
        "{\"identity\":\"%s\",\"state\":\"%s\",\"live\":%s,\"sequence\":%u,\"block\":%llu,"
        "\"wallet\":\"%s\",\"key\":\"%s\",\"relay\":%u,\"port\":%u,\"backup_relay\":%u,"
        "\"backup_port\":%u,\"expiry_day\":%u}",
        identity, ct_record_state_text(d.state),
        ct_device_check(&d, time_s, identity, NULL) == CT_OK ? "true" : "false", d.sequence,
        (unsigned long long)block, wallet, key, d.relay, d.port, d.backup_relay, d.backup_port,
        d.expiry_day);
}

/* A listed relay by its index; of one's own. */
static void relay_by_index(const struct ct_api_call *call, uint16_t index)
{
    struct ct_relay r;
    struct ct_why why = {{0}};
    uint64_t block = 0;
    uint64_t time_s = 0;
    ct_err err = call->ledger->ops->relay(call->ledger->arg, index, &r, &block, &time_s, &why);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        ct_api_failure(call->answer, err, &why);
    } else if (err != CT_OK || memcmp(r.owner20, call->session->party.wallet20, 20) != 0) {
        ct_answer_problem(call->answer, 404, "not-found", "this wallet owns no relay %u", index);
    } else {
        ct_answer_json(
            call->answer, 200,
            "{\"state\":\"%s\",\"live\":%s,\"index\":%u,\"expiry_day\":%u,\"block\":%llu}",
            ct_record_state_text(r.state),
            ct_relay_check(&r, time_s, NULL) == CT_OK ? "true" : "false", index, r.expiry_day,
            (unsigned long long)block);
    }
}

static void relay_by_pending(const struct ct_api_call *call, const uint8_t pending32[32])
{
    struct ct_relay r = {.state = CT_RECORD_NONE};
    struct ct_relay_row row = {.checked_s = 0};
    struct ct_why why = {{0}};
    struct ct_store *s = call->api->store;
    char test[2 * CT_OP_REASON + 120] = "";
    char verdict[2 * CT_OP_REASON];
    ct_err err = call->ledger->ops->pending(call->ledger->arg, pending32, &r, NULL, &why);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        ct_api_failure(call->answer, err, &why);
        return;
    }
    err = s->ops->relay_find(s, pending32, &row);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        ct_api_store_failed(call, "relay_find", err);
        return;
    }
    if (err == CT_OK) {
        ct_json_escape(verdict, sizeof verdict, row.verdict);
        (void)snprintf(test, sizeof test, ",\"checked_at\":%llu,\"rtt_us\":%u,\"verdict\":\"%s\"",
                       (unsigned long long)row.checked_s, row.rtt_us, verdict);
    }
    ct_answer_json(call->answer, 200, "{\"state\":\"%s\",\"live\":false%s}",
                   ct_record_state_text(r.state), test);
}

void ct_api_relay_status(const struct ct_api_call *call)
{
    uint8_t pending32[32];
    char name[64];
    char digits[17];
    char *end = NULL;
    unsigned long index = strtoul(call->id, &end, 10);
    if (call->id[0] >= '1' && call->id[0] <= '9' && *end == '\0' && index <= CT_RELAY_INDEX_MAX) {
        relay_by_index(call, (uint16_t)index);
        return;
    }
    if (ct_unhex(pending32, sizeof pending32, call->id) != CT_OK) {
        ct_answer_problem(call->answer, 400, "format",
                          "a relay is named by its index or by its pending id of 32 bytes in "
                          "hexadecimal digits");
        return;
    }
    ct_hex(digits, pending32, 8);
    (void)snprintf(name, sizeof name, "%s%s", CT_ENROLMENT_RELAY_PREFIX, digits);
    if (strcmp(name, call->session->party.identity) != 0) {
        ct_answer_problem(call->answer, 404, "not-found", "%s has no such proposal",
                          call->session->party.identity);
        return;
    }
    relay_by_pending(call, pending32);
}

/* Payments asked for, awaited and counted. */
#include "paid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "chain/json.h"
#include "chain/rpc.h"

void paid_pause(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

bool paid_platform(const char *server, bool on_redis)
{
    return platform_start(server, on_redis) && platform_set("window-ms = 250", "window-ms = 30") &&
           platform_set("repeat-s = 10", "repeat-s = 1") &&
           platform_set("bump-s = 30", "bump-s = 2") &&
           platform_set("batch = 64", "batch = 64\nlost-s = 1") && platform_automine(false);
}

bool paid_ether(bool some)
{
    char params[120];
    char addr[CT_ADDR_TEXT_LEN];
    ct_addr_text(addr, platform.funder.addr20);
    (void)snprintf(params, sizeof params, "[\"%s\",\"%s\"]", addr,
                   some ? "0x8ac7230489e80000" : "0x1");
    bool good = platform_call("anvil_setBalance", params);
    platform_mine(); /* or no proof holds */
    return good;
}

bool paid_ask(struct device *d, const char *name, struct ct_wm_operation *op)
{
    return (d->wm != NULL || device_new(d, name)) && device_ask_payment(d, op) == CT_OK;
}

bool paid_is_done(struct device *d, struct ct_wm_operation *op)
{
    struct ct_why why = {{0}};
    uint64_t until_ms = ct_mono_ms() + PAID_WAIT_MS;
    while (op->id[0] != '\0' && ct_mono_ms() < until_ms) {
        if (ct_wm_operation_get(d->wm, op, op->id, &why) == CT_OK &&
            (op->state == CT_WM_DONE || op->state == CT_WM_FAILED)) {
            break;
        }
        platform_mine();
        paid_pause(PAID_STEP_MS);
    }
    return op->id[0] == '\0' || op->state == CT_WM_DONE;
}

bool paid_await(struct device *d, struct ct_wm_operation *op, int state)
{
    struct ct_why why = {{0}};
    for (uint64_t until_ms = ct_mono_ms() + PAID_WAIT_MS; ct_mono_ms() < until_ms; paid_pause(20)) {
        if (ct_wm_operation_get(d->wm, op, op->id, &why) == CT_OK && (int)op->state == state &&
            (state != CT_WM_QUEUED || op->reason[0] != '\0')) {
            return true;
        }
    }
    return false;
}

unsigned paid_count(const struct device *d)
{
    unsigned count = 0;
    uint64_t height = 0;
    struct ct_why why = {{0}};
    if (ct_rpc_block_number(platform.chain, &height, &why) != CT_OK) {
        return UINT32_MAX;
    }
    for (uint64_t n = 0; n <= height; n++) {
        char params[40];
        struct ct_json *doc = NULL;
        (void)snprintf(params, sizeof params, "[\"0x%llx\",true]", (unsigned long long)n);
        char *text = ct_anvil_call(&platform.anvil, "eth_getBlockByNumber", params);
        if (text == NULL || ct_json_parse(&doc, text, strlen(text)) != CT_OK) {
            free(text);
            return UINT32_MAX;
        }
        const struct ct_json *txs = ct_json_get(ct_json_get(doc, "result"), "transactions");
        for (size_t i = 0; i < ct_json_count(txs); i++) {
            uint8_t to20[20];
            count += ct_json_fixed(to20, 20, ct_json_get(ct_json_at(txs, i), "to")) == CT_OK &&
                     memcmp(to20, d->wallet.addr20, 20) == 0;
        }
        ct_json_free(doc);
        free(text);
    }
    return count;
}

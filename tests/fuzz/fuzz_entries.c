/*
 * Entries of the contract's log as endpoints tell them, through the chain object. Property: what is
 * accepted is of the blocks asked for and in their order, and a head follows entries only one by
 * one; what is refused has a sentence and leaves nothing behind.
 */
/* links: ct_chain ct_base */
#include "chain/registry_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/bundle.h"
#include "fuzz.h"

enum { FROM = 1, TO = 8 };

static const uint8_t *reply;
static size_t reply_len;

/* Every endpoint's answer is the input. */
static ct_err answer(void *arg, struct ct_http_request *requests, size_t count, uint32_t timeout_ms,
                     ct_http_enough *enough, void *enough_arg)
{
    (void)arg;
    (void)timeout_ms;
    (void)enough;
    (void)enough_arg;
    for (size_t i = 0; i < count; i++) {
        requests[i].response = malloc(reply_len + 1);
        HOLDS(requests[i].response != NULL);
        memcpy(requests[i].response, reply, reply_len);
        requests[i].response[reply_len] = '\0';
        requests[i].response_len = reply_len;
        requests[i].status = 200;
        requests[i].err = CT_OK;
    }
    return CT_OK;
}

static void check(const struct ct_log_entries *entries)
{
    struct ct_log_head head = {{0}, 0};
    for (size_t i = 0; i < entries->count; i++) {
        const struct ct_log_entry *e = &entries->list[i];
        struct ct_log_head before = head;
        HOLDS(e->block >= FROM && e->block <= TO);
        HOLDS(i == 0 || entries->list[i - 1].block <= e->block);
        bool is_next = e->number == head.count + 1;
        HOLDS((ct_log_head_next(&head, e) == CT_OK) == is_next);
        HOLDS(is_next ? head.count == e->number : memcmp(&head, &before, sizeof(head)) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_bundle bundle = {
        .chain_id = 31337, .rpc_count = 1, .quorum = 1, .insecure_single_rpc = true};
    const struct ct_chain_env env = {.http = answer};
    struct ct_chain *chain = NULL;
    struct ct_log_entries entries = {.list = NULL};
    struct ct_why why = {""};
    memset(bundle.contract20, 0x11, sizeof(bundle.contract20));
    (void)snprintf(bundle.rpc[0], CT_BUNDLE_URL_MAX, "http://127.0.0.1:1");
    reply = data;
    reply_len = size;
    HOLDS(ct_chain_open(&chain, &bundle, &env, &why) == CT_OK);
    ct_err err = ct_registry_log_entries(chain, FROM, TO, &entries, &why);
    if (err == CT_OK) {
        check(&entries);
        ct_log_entries_free(&entries);
    } else {
        HOLDS(why.text[0] != '\0' && entries.list == NULL);
    }
    ct_chain_free(chain);
    return 0;
}

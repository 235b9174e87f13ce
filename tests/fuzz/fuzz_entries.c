/*
 * Entries of the contract's log as endpoints tell them, through the chain object. Property: what is
 * accepted is of the blocks asked for and in their order, and a head follows entries only one by
 * one; what is refused has a sentence and leaves nothing behind.
 */
/* links: ct_chain ct_base */
#include "chain/registry_log.h"

#include <string.h>

#include "endpoint.h"

enum { FROM = 1, TO = 8 };

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
    struct fuzz_reply reply = {data, size};
    struct ct_chain *chain = fuzz_endpoint(&reply);
    struct ct_log_entries entries = {.list = NULL};
    struct ct_why why = {""};
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

/* Addresses, canonical and each once: a list that grows. */
#include "addrlist.h"

#include <stdlib.h>
#include <string.h>

#include "packets/policy.h"

static ct_err grow(struct ct_addrlist *list)
{
    size_t cap = list->cap > 0 ? 2 * list->cap : 16;
    struct ct_listed *grown = realloc(list->list, cap * sizeof(*grown));
    if (!grown) {
        return CT_ERR_NOMEM;
    }
    list->list = grown;
    list->cap = cap;
    return CT_OK;
}

static struct ct_listed *oldest(struct ct_addrlist *list)
{
    struct ct_listed *found = &list->list[0];
    for (size_t i = 1; i < list->count; i++) {
        found = list->list[i].seen_s < found->seen_s ? &list->list[i] : found;
    }
    return found;
}

ct_err ct_addrlist_add(struct ct_addrlist *list, const struct ct_endpoint *e, uint64_t now_s)
{
    struct ct_listed added = {.at = {.port = e->port}, .seen_s = now_s};
    ct_addr_canonical(added.at.addr16, e->addr16);
    for (size_t i = 0; i < list->count; i++) {
        if (list->list[i].at.port == added.at.port &&
            memcmp(list->list[i].at.addr16, added.at.addr16, 16) == 0) {
            list->list[i].seen_s = now_s;
            return CT_OK;
        }
    }
    if (list->count == CT_ADDRLIST_MAX) {
        *oldest(list) = added;
        return CT_OK;
    }
    if (list->count == list->cap && grow(list) != CT_OK) {
        return CT_ERR_NOMEM;
    }
    list->list[list->count++] = added;
    return CT_OK;
}

void ct_addrlist_expire(struct ct_addrlist *list, uint64_t before_s)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->list[i].seen_s >= before_s) {
            list->list[kept++] = list->list[i];
        }
    }
    list->count = kept;
}

void ct_addrlist_free(struct ct_addrlist *list)
{
    free(list->list);
    memset(list, 0, sizeof(*list));
}

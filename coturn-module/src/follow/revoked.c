/* Passes that the contract's log revokes: a sorted list. */
#include "follow/revoked.h"

#include <stdlib.h>
#include <string.h>

static size_t find(const struct ct_revoked *revoked, const uint8_t id16[16])
{
    size_t low = 0;
    size_t high = revoked->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(revoked->list[middle].id16, id16, 16) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool ct_revoked_has(const struct ct_revoked *revoked, const uint8_t id16[16])
{
    size_t at = find(revoked, id16);
    return at < revoked->count && memcmp(revoked->list[at].id16, id16, 16) == 0;
}

static void drop(struct ct_revoked *revoked, size_t at)
{
    memmove(&revoked->list[at], &revoked->list[at + 1],
            (revoked->count - at - 1) * sizeof(revoked->list[0]));
    revoked->count--;
}

static void drop_oldest(struct ct_revoked *revoked)
{
    size_t oldest = 0;
    for (size_t i = 1; i < revoked->count; i++) {
        if (revoked->list[i].seen_s < revoked->list[oldest].seen_s) {
            oldest = i;
        }
    }
    drop(revoked, oldest);
}

static ct_err make_room(struct ct_revoked *revoked)
{
    if (revoked->count == CT_REVOKED_MAX) {
        drop_oldest(revoked);
    }
    if (revoked->count < revoked->cap) {
        return CT_OK;
    }
    size_t cap = revoked->cap > 0 ? 2 * revoked->cap : 16;
    struct ct_revoked_pass *list = realloc(revoked->list, cap * sizeof(*list));
    if (!list) {
        return CT_ERR_NOMEM;
    }
    revoked->list = list;
    revoked->cap = cap;
    return CT_OK;
}

ct_err ct_revoked_add(struct ct_revoked *revoked, const struct ct_revoked_pass *pass)
{
    if (ct_revoked_has(revoked, pass->id16)) {
        return CT_ERR_STATE;
    }
    ct_err err = make_room(revoked);
    if (err != CT_OK) {
        return err;
    }
    size_t at = find(revoked, pass->id16);
    memmove(&revoked->list[at + 1], &revoked->list[at],
            (revoked->count - at) * sizeof(revoked->list[0]));
    revoked->list[at] = *pass;
    revoked->count++;
    return CT_OK;
}

static void keep_if(struct ct_revoked *revoked,
                    bool (*stays)(const struct ct_revoked_pass *pass, uint64_t limit),
                    uint64_t limit)
{
    size_t kept = 0;
    for (size_t i = 0; i < revoked->count; i++) {
        if (stays(&revoked->list[i], limit)) {
            revoked->list[kept++] = revoked->list[i];
        }
    }
    revoked->count = kept;
}

static bool is_at_most_at(const struct ct_revoked_pass *pass, uint64_t block)
{
    return pass->block <= block;
}

static bool is_young(const struct ct_revoked_pass *pass, uint64_t oldest_s)
{
    return pass->seen_s >= oldest_s;
}

void ct_revoked_undo(struct ct_revoked *revoked, uint64_t block)
{
    keep_if(revoked, is_at_most_at, block);
}

void ct_revoked_expire(struct ct_revoked *revoked, uint64_t now_s)
{
    keep_if(revoked, is_young, now_s > CT_REVOKED_KEPT_S ? now_s - CT_REVOKED_KEPT_S : 0);
}

void ct_revoked_free(struct ct_revoked *revoked)
{
    free(revoked->list);
    memset(revoked, 0, sizeof(*revoked));
}

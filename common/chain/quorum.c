/* The rule of k of n, over answers that are already there: see quorum.h for why the k-th highest.
 */
#include "chain/quorum.h"

#include <string.h>

enum { TIP_TRIES = 2 }; /* blocks below the k-th head, before lower heads are tried */

const struct ct_header *ct_quorum_header(const struct ct_quorum_answer *answer, uint64_t number)
{
    if (answer->has_head && answer->head.number == number) {
        return &answer->head;
    }
    if (answer->has_block && answer->block.number == number) {
        return &answer->block;
    }
    return NULL;
}

/* Head numbers, highest first. */
static size_t sorted_heads(uint64_t heads[CT_QUORUM_MAX], const struct ct_quorum_answer *answers,
                           size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n && i < CT_QUORUM_MAX; i++) {
        if (!answers[i].has_head) {
            continue;
        }
        size_t at = count++;
        while (at > 0 && heads[at - 1] < answers[i].head.number) {
            heads[at] = heads[at - 1];
            at--;
        }
        heads[at] = answers[i].head.number;
    }
    return count;
}

ct_err ct_quorum_target(uint64_t *number, const struct ct_quorum_answer *answers, size_t n,
                        unsigned k, uint64_t depth, unsigned attempt)
{
    uint64_t heads[CT_QUORUM_MAX];
    size_t count = sorted_heads(heads, answers, n);
    if (k == 0 || count < k) {
        return CT_ERR_QUORUM;
    }
    uint64_t target = heads[k - 1];
    uint64_t lower = attempt < TIP_TRIES ? attempt : TIP_TRIES;
    if (target < lower) {
        return CT_ERR_NOT_FOUND;
    }
    target -= lower;
    for (size_t at = k; attempt > TIP_TRIES; attempt--) {
        while (at < count && heads[at] >= target) {
            at++;
        }
        if (at == count) {
            return CT_ERR_NOT_FOUND;
        }
        target = heads[at];
    }
    *number = target > depth ? target - depth : 0;
    return CT_OK;
}

ct_err ct_quorum_agree(size_t *agreed, uint32_t *support, const struct ct_quorum_answer *answers,
                       size_t n, unsigned k, uint64_t number)
{
    for (size_t i = 0; i < n && i < CT_QUORUM_MAX; i++) {
        const struct ct_header *mine = ct_quorum_header(&answers[i], number);
        uint32_t mask = 0;
        unsigned votes = 0;
        for (size_t j = 0; mine != NULL && j < n && j < CT_QUORUM_MAX; j++) {
            const struct ct_header *other = ct_quorum_header(&answers[j], number);
            if (other != NULL && memcmp(mine->hash32, other->hash32, 32) == 0) {
                mask |= 1u << j;
                votes++;
            }
        }
        if (votes > 0 && votes >= k) {
            *agreed = i;
            if (support != NULL) {
                *support = mask;
            }
            return CT_OK;
        }
    }
    return CT_ERR_QUORUM;
}

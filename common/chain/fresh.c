/* k endpoints that agree may still all be behind, or show the past: time only moves on. */
#include "chain/fresh.h"

#include <inttypes.h>

/*
 * What lies in the past has a lower number and an earlier time. Both: a number once forged too high
 * would lock out the truth for good.
 */
static ct_err check_past(const struct ct_newest *newest, const struct ct_view *view,
                         uint64_t checkpoint, struct ct_why *why)
{
    if (view->number < checkpoint) {
        return ct_why(why, CT_ERR_CHAIN,
                      "%u of %u RPC endpoints agree on block %" PRIu64
                      ", which is below the bundle's checkpoint %" PRIu64
                      ": they are far behind or on another chain; replace them",
                      view->k, view->n, view->number, checkpoint);
    }
    if (newest->number > view->number && newest->number - view->number > CT_FRESH_REORG_BLOCKS &&
        view->timestamp_s < newest->timestamp_s) {
        return ct_why(why, CT_ERR_EXPIRED,
                      "%u of %u RPC endpoints agree on block %" PRIu64 ", and on %" PRIu64
                      " before: they have fallen behind; replace those that are "
                      "not in step with the chain",
                      view->k, view->n, view->number, newest->number);
    }
    return CT_OK;
}

static ct_err check_time(const struct ct_newest *newest, const struct ct_view *view,
                         uint64_t limit_s, uint64_t wall_s, struct ct_why *why)
{
    uint64_t now_s = wall_s > newest->timestamp_s ? wall_s : newest->timestamp_s;
    if (wall_s != 0 && view->timestamp_s > wall_s &&
        view->timestamp_s - wall_s > CT_FRESH_AHEAD_S) {
        return ct_why(why, CT_ERR_CHAIN,
                      "block %" PRIu64 ", which %u of %u RPC endpoints agree on, is %" PRIu64
                      " s in the future: this host's clock is slow or the endpoints are wrong; set "
                      "the clock, then replace them",
                      view->number, view->k, view->n, view->timestamp_s - wall_s);
    }
    if (limit_s != 0 && now_s > view->timestamp_s && now_s - view->timestamp_s > limit_s) {
        return ct_why(why, CT_ERR_EXPIRED,
                      "the newest block that %u of %u RPC endpoints agree on, %" PRIu64
                      ", is %" PRIu64 " s old and the limit is %" PRIu64
                      " s: the chain stands still, the endpoints are behind, or this host's clock "
                      "is wrong",
                      view->k, view->n, view->number, now_s - view->timestamp_s, limit_s);
    }
    return CT_OK;
}

ct_err ct_fresh_check(struct ct_newest *newest, const struct ct_view *view, uint64_t checkpoint,
                      uint64_t limit_s, uint64_t now_s, struct ct_why *why)
{
    ct_err err = check_past(newest, view, checkpoint, why);
    if (err == CT_OK) {
        err = check_time(newest, view, limit_s, now_s, why);
    }
    if (err != CT_OK) {
        return err;
    }
    /* never beyond the clock: a block from the future would make all that follow look old */
    uint64_t time_s = now_s != 0 && view->timestamp_s > now_s ? now_s : view->timestamp_s;
    if (time_s >= newest->timestamp_s) {
        *newest = (struct ct_newest){view->number, time_s};
    }
    return CT_OK;
}

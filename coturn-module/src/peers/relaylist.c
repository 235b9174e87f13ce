/* The relays of the chain as proofs show them, and the set that is made of them. */
#include "peers/relaylist.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { AT_ONCE = 16 };

ct_err ct_relaylist_read(struct ct_relaylist *l, const struct ct_view *view, struct ct_why *why)
{
    uint16_t indices = 0;
    size_t count = 0;
    ct_err err = ct_registry_relay_count(l->chain, view, &indices, why);
    if (err != CT_OK) {
        return err;
    }
    struct ct_relay *list = calloc((size_t)indices + 1, sizeof(*list));
    if (!list) {
        return ct_why(why, CT_ERR_NOMEM, "no memory for %u relays", indices);
    }
    err = ct_registry_relays(l->chain, view, list, indices, &count, why);
    if (err != CT_OK) {
        free(list);
        return err;
    }
    free(l->list);
    l->list = list;
    l->count = count;
    return CT_OK;
}

/* Room up to the highest index that is named; what is new there has state NONE. */
static ct_err make_room(struct ct_relaylist *l, const struct ct_lognews *news, struct ct_why *why)
{
    size_t count = l->count;
    for (uint16_t index = 1; index <= (uint16_t)CT_RELAY_INDEX_MAX; index++) {
        count = ct_lognews_has(news, index) && index > count ? index : count;
    }
    if (count == l->count) {
        return CT_OK;
    }
    struct ct_relay *list = realloc(l->list, count * sizeof(*list));
    if (!list) {
        return ct_why(why, CT_ERR_NOMEM, "no memory for %zu relays", count);
    }
    memset(list + l->count, 0, (count - l->count) * sizeof(*list));
    l->list = list;
    l->count = count;
    return CT_OK;
}

static ct_err read_these(struct ct_relaylist *l, const struct ct_view *view,
                         const uint16_t *indices, size_t count, struct ct_why *why)
{
    struct ct_relay relays[AT_ONCE];
    if (count == 0) {
        return CT_OK;
    }
    ct_err err = ct_registry_relays_of(l->chain, view, indices, count, relays, why);
    for (size_t i = 0; err == CT_OK && i < count; i++) {
        l->list[indices[i] - 1] = relays[i];
    }
    return err;
}

ct_err ct_relaylist_read_some(struct ct_relaylist *l, const struct ct_view *view,
                              const struct ct_lognews *news, struct ct_why *why)
{
    uint16_t indices[AT_ONCE];
    size_t n = 0;
    ct_err err = make_room(l, news, why);
    for (uint16_t index = 1; err == CT_OK && index <= l->count; index++) {
        if (ct_lognews_has(news, index)) {
            indices[n++] = index;
        }
        if (n == AT_ONCE) {
            err = read_these(l, view, indices, n, why);
            n = 0;
        }
    }
    return err == CT_OK ? read_these(l, view, indices, n, why) : err;
}

bool ct_relaylist_name_expired(const struct ct_relaylist *l, uint64_t time_s,
                               struct ct_lognews *news)
{
    bool any = false;
    for (size_t i = 0; i < l->count; i++) {
        if (l->list[i].state == CT_RECORD_APPROVED && time_s / 86400 > l->list[i].expiry_day) {
            ct_lognews_name(news, (uint16_t)(i + 1));
            any = true;
        }
    }
    return any;
}

/* Appends the relayed addresses of one relay, unless the filter keeps them out. */
static void add_ranges(const struct ct_relaylist *l, struct ct_peer_range *ranges, size_t *count,
                       const struct ct_relay *relay)
{
    struct ct_endpoint e[2] = {{.port = relay->port_min}, {.port = relay->port_min}};
    memset(e[0].addr16 + 10, 0xff, 2);
    memcpy(e[0].addr16 + 12, relay->relay_ip4, 4);
    memcpy(e[1].addr16, relay->relay_ip6, 16);
    bool there[2] = {ct_relay_has_ip4(relay->relay_ip4), ct_relay_has_ip6(relay->relay_ip6)};
    for (size_t i = 0; i < 2; i++) {
        if (!there[i]) {
            continue;
        }
        enum ct_verdict verdict = ct_sets_filter(l->config->sets, l->config->policy, &e[i]);
        /* A neighbour on this host has other ports than ours: by the set they are known. */
        if (verdict != CT_VERDICT_ADMIT && verdict != CT_VERDICT_OWN_PORT) {
            ct_log(&l->config->log, CT_LOG_WARN, "relay_left_out index=%u reason=%s", relay->index,
                   ct_verdict_text(verdict));
            continue;
        }
        struct ct_peer_range *range = &ranges[(*count)++];
        memcpy(range->addr16, e[i].addr16, 16);
        range->port_min = relay->port_min;
        range->port_max = relay->port_max;
        range->index = relay->index;
    }
}

static ct_err make_set(const struct ct_relaylist *l, const struct ct_view *view,
                       const struct ct_log_head *head, struct ct_peerset **out, size_t *live,
                       struct ct_why *why)
{
    struct ct_peer_range *ranges = calloc(2 * l->count + 1, sizeof(*ranges));
    if (!ranges) {
        return ct_why(why, CT_ERR_NOMEM, "no memory for %zu relays", l->count);
    }
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++) {
        struct ct_why unused;
        if (ct_relay_check(&l->list[i], view->timestamp_s, &unused) == CT_OK) {
            add_ranges(l, ranges, &n, &l->list[i]);
            (*live)++;
        }
    }
    struct ct_peerset_origin origin = {
        .block = view->number, .log_count = head->count, .confirmed_s = ct_wall_s()};
    memcpy(origin.deployment32, l->config->bundle->deployment32, 32);
    ct_err err = ct_peerset_new(out, ranges, n, &origin);
    free(ranges);
    return err == CT_OK
               ? err
               : ct_why(why, err, "the set of relays cannot be used: %s", ct_err_text(err));
}

ct_err ct_relaylist_publish(struct ct_relaylist *l, const struct ct_view *view,
                            const struct ct_log_head *head, struct ct_why *why)
{
    struct ct_peerset *set = NULL;
    struct ct_sets *sets = l->config->sets;
    struct ct_why unsaved;
    size_t live = 0;
    ct_err err = make_set(l, view, head, &set, &live, why);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_peerset *now = ct_snapshot_read(&sets->relays);
    if (now && ct_peerset_equal(now, set)) {
        ct_peerset_free(set);
        return CT_OK;
    }
    /* first: what was in force once is there after a restart */
    if (ct_peerset_save(set, ct_wall_s(), l->config->relays_path, &unsaved) != CT_OK) {
        ct_log(&l->config->log, CT_LOG_WARN, "relay_set_not_saved reason=\"%s\"", unsaved.text);
    }
    if (!ct_snapshot_publish(&sets->relays, &sets->readers, set)) {
        ct_peerset_free(set);
        return ct_why(why, CT_ERR_AGAIN, "the sets of relays before this one are still in use");
    }
    ct_log(&l->config->log, CT_LOG_INFO, "relay_set relays=%zu block=%" PRIu64 " log=%" PRIu64,
           live, view->number, head->count);
    return CT_OK;
}

ct_err ct_relaylist_save(struct ct_relaylist *l, struct ct_why *why)
{
    const struct ct_peerset *set = ct_snapshot_read(&l->config->sets->relays);
    return set ? ct_peerset_save(set, ct_wall_s(), l->config->relays_path, why) : CT_OK;
}

/* Follows the contract's log, entry by entry, to the head that a proof shows. */
#include "follow/logfollow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "follow/logfile.h"

enum { SPAN_FIRST = 1000, SPAN_MAX = 10000, READS_AT_ONCE = 16, SAVE_MS = 60000 };

bool ct_lognews_has(const struct ct_lognews *news, uint16_t index)
{
    return news->relays_all || ((news->relays[index / 64] >> (index % 64)) & 1) != 0;
}

void ct_lognews_name(struct ct_lognews *news, uint16_t index)
{
    news->relays[index / 64] |= UINT64_C(1) << (index % 64);
}

static struct ct_logmark *newest(struct ct_logfollow *f)
{
    return f->mark_count > 0 ? &f->marks[f->mark_count - 1] : NULL;
}

static void push(struct ct_logfollow *f, const struct ct_logmark *mark)
{
    if (f->mark_count == CT_LOGMARKS) {
        memmove(&f->marks[0], &f->marks[1], (CT_LOGMARKS - 1) * sizeof(f->marks[0]));
        f->mark_count--;
    }
    f->marks[f->mark_count++] = *mark;
}

static uint64_t index_of(const uint8_t subject32[32])
{
    struct ct_rd r = ct_rd_init(subject32 + 24, 8);
    return ct_rd_be64(&r);
}

static void take_entry(struct ct_logfollow *f, const struct ct_log_entry *entry,
                       struct ct_lognews *news)
{
    const struct ct_registrar_config *config = f->config;
    uint64_t index = 0;
    switch (entry->kind) {
    case CT_LOG_RELAY_APPROVED:
    case CT_LOG_RELAY_REVOKED:
    case CT_LOG_RELAY_WITHDRAWN:
    case CT_LOG_RELAY_REINSTATED:
        index = index_of(entry->subject32);
        if (index <= CT_RELAY_INDEX_MAX && entry->number > news->after) {
            ct_lognews_name(news, (uint16_t)index);
        }
        break;
    case CT_LOG_PASS_REVOKED: /* 16 bytes, left-aligned */
        if (ct_passes_revoke(config->passes, entry->subject32, entry->block, ct_wall_s()) &&
            config->pass_revoked) {
            config->pass_revoked(config->arg, entry->subject32);
        }
        break;
    case CT_LOG_WM_KEY_SET:
        news->keys = news->keys || entry->number > news->after;
        break;
    default: /* of devices, or of a later contract: hashed all the same */
        break;
    }
}

static uint64_t next_block(const struct ct_logfollow *f, const struct ct_logmark *mark)
{
    uint64_t checkpoint = f->config->bundle->checkpoint_number;
    return mark ? mark->block + 1 : checkpoint > 0 ? checkpoint : 1;
}

/* One step back: what the newest mark's blocks said is undone. */
static void go_back(struct ct_logfollow *f, struct ct_lognews *news)
{
    if (f->mark_count > 0) {
        f->mark_count--;
    }
    const struct ct_logmark *mark = newest(f);
    ct_passes_undo(f->config->passes, mark ? mark->block : 0);
    news->relays_all = true;
    news->keys = true;
    f->is_proven = false;
}

/* From a mark of just now that the head contradicts there is no way but from the beginning. */
static void begin_anew(struct ct_logfollow *f, struct ct_lognews *news)
{
    f->mark_count = 0;
    news->relays_all = true;
    news->keys = true;
    f->is_proven = false;
}

/* Entries of a span, added to head. CT_ERR_STATE: they do not follow it. */
static ct_err take_entries(struct ct_logfollow *f, struct ct_log_head *head,
                           const struct ct_log_entries *entries, struct ct_lognews *news)
{
    struct ct_log_head at = *head;
    for (size_t i = 0; i < entries->count; i++) {
        if (ct_log_head_next(&at, &entries->list[i]) != CT_OK) {
            return CT_ERR_STATE;
        }
    }
    for (size_t i = 0; i < entries->count; i++) {
        take_entry(f, &entries->list[i], news);
    }
    *head = at;
    return CT_OK;
}

static ct_err read_span(struct ct_logfollow *f, uint64_t to, struct ct_lognews *news,
                        struct ct_why *why)
{
    static const uint8_t zero32[32];
    const struct ct_logmark *mark = newest(f);
    struct ct_logmark next = {.block = to};
    struct ct_log_entries entries = {.list = NULL};
    uint64_t from = next_block(f, mark);
    if (to - from >= f->span) {
        next.block = from + f->span - 1;
    }
    ct_err err = ct_registry_log_entries(f->chain, from, next.block, &entries, why);
    if (err == CT_ERR_CHAIN && f->span > 1) {
        f->span = f->span > 8 ? f->span / 8 : 1;
        return CT_OK; /* in smaller steps */
    }
    if (err != CT_OK) {
        return err;
    }
    f->span = f->span < SPAN_MAX / 2 ? 2 * f->span : SPAN_MAX;
    if (mark && memcmp(mark->hash32, zero32, 32) != 0 &&
        memcmp(mark->hash32, entries.before32, 32) != 0) {
        go_back(f, news);
    } else {
        next.head = mark ? mark->head : (struct ct_log_head){{0}, 0};
        memcpy(next.hash32, entries.last32, 32);
        err = take_entries(f, &next.head, &entries, news);
        if (err == CT_OK) {
            push(f, &next);
        }
    }
    ct_log_entries_free(&entries);
    return err;
}

static bool is_at(const struct ct_logmark *mark, const struct ct_view *view)
{
    return mark && mark->block == view->number && memcmp(mark->hash32, view->hash32, 32) == 0;
}

static ct_err read_up_to(struct ct_logfollow *f, const struct ct_view *view,
                         struct ct_lognews *news, struct ct_why *why)
{
    for (unsigned reads = 0; reads < READS_AT_ONCE; reads++) {
        const struct ct_logmark *mark = newest(f);
        if (is_at(mark, view)) {
            return CT_OK;
        }
        if (next_block(f, mark) > view->number) {
            go_back(f, news); /* the chain is another, or shorter, one */
            continue;
        }
        ct_err err = read_span(f, view->number, news, why);
        if (err != CT_OK) {
            return err;
        }
    }
    return ct_why(why, CT_ERR_AGAIN, "the log is being read");
}

/* ---- on disk ---- */

static void save(struct ct_logfollow *f, bool is_urgent)
{
    struct ct_logfile file = {.passes = NULL};
    struct ct_why why = {"no memory"};
    uint64_t now = ct_mono_ms();
    const struct ct_logmark *mark = newest(f);
    if (!mark || (!is_urgent && f->saved_ms != 0 && now - f->saved_ms < SAVE_MS)) {
        return;
    }
    f->saved_ms = now;
    file.mark = *mark;
    if (ct_passes_revoked(f->config->passes, &file.passes, &file.count) != CT_OK ||
        ct_logfile_save(&file, f->config->bundle->deployment32, f->config->log_path, &why) !=
            CT_OK) {
        ct_log(&f->config->log, CT_LOG_WARN, "log_not_saved reason=\"%s\"", why.text);
    }
    free(file.passes);
}

void ct_logfollow_load(struct ct_logfollow *f)
{
    struct ct_logfile file = {.passes = NULL};
    struct ct_why why = {""};
    ct_err err = ct_logfile_load(&file, f->config->bundle->deployment32, f->config->log_path, &why);
    if (err == CT_OK) {
        push(f, &file.mark);
    } else if (err != CT_ERR_NOT_FOUND) {
        ct_log(&f->config->log, CT_LOG_WARN, "log_not_loaded reason=\"%s\"", why.text);
    }
    for (size_t i = 0; err == CT_OK && i < file.count; i++) {
        const struct ct_revoked_pass *pass = &file.passes[i];
        (void)ct_passes_revoke(f->config->passes, pass->id16, pass->block, pass->seen_s);
    }
    free(file.passes);
}

/* ---- all of it ---- */

ct_err ct_logfollow_refresh(struct ct_logfollow *f, const struct ct_view *view,
                            const struct ct_log_head *head, struct ct_lognews *news,
                            struct ct_why *why)
{
    f->span = f->span > 0 ? f->span : SPAN_FIRST;
    uint64_t before = f->mark_count > 0 ? newest(f)->head.count : 0;
    ct_err err = read_up_to(f, view, news, why);
    if (err == CT_OK) {
        const struct ct_log_head *told = &newest(f)->head;
        f->is_proven = told->count == head->count && memcmp(told->head24, head->head24, 24) == 0;
        if (!f->is_proven) {
            err = CT_ERR_STATE;
        }
    }
    if (err == CT_ERR_STATE) {
        begin_anew(f, news);
        return ct_why(why, CT_ERR_QUORUM,
                      "the events that the RPC endpoints tell do not lead to the log's head, which "
                      "is proven: one was hidden or invented; replace the endpoints that lie");
    }
    if (err == CT_OK) {
        save(f, newest(f)->head.count != before);
    }
    return err;
}

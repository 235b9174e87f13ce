/* Pages of rows as JSON; a cursor is the last row's own name, so rows that come and go move
 * nothing.
 */
#include "operator/lists.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "chain/key.h"
#include "operator/lists_page.h"
#include "service/text.h"

enum { LIMIT = 50, PAGE_MAX = 131072 };

/* 1 to CT_STORE_PAGE. */
static bool read_limit(size_t *out, const char *text)
{
    char *end = NULL;
    if (text == NULL) {
        *out = LIMIT;
        return true;
    }
    unsigned long n = strtoul(text, &end, 10);
    *out = n;
    return text[0] >= '1' && text[0] <= '9' && *end == '\0' && n <= CT_STORE_PAGE;
}

static void refuse_cursor(struct ct_answer *answer)
{
    ct_answer_problem(answer, 400, "format", "cursor is the value of next of an earlier page");
}

static bool read_page(struct ct_list_page *out, const struct ct_request *request,
                      struct ct_answer *answer)
{
    const char *cursor = ct_request_query(request, "cursor");
    memset(out, 0, sizeof *out);
    if (!read_limit(&out->limit, ct_request_query(request, "limit"))) {
        ct_answer_problem(answer, 400, "format", "limit is a number from 1 to %d",
                          (int)CT_STORE_PAGE);
        return false;
    }
    out->batch = ct_request_query(request, "batch");
    if (cursor == NULL) {
        return true;
    }
    out->has_cursor = true;
    if (ct_unbase64url(out->cursor, sizeof out->cursor - 1, &out->cursor_len, cursor,
                       strlen(cursor)) != CT_OK ||
        out->cursor_len == 0) {
        refuse_cursor(answer);
        return false;
    }
    return true;
}

void ct_list_cursor(struct ct_text *t, bool is_full, const void *name, size_t len)
{
    char text[CT_BASE64URL_LEN(CT_STORE_IDENTITY) + 1];
    if (is_full) {
        ct_base64url(text, name, len);
        ct_text_add(t, ",\"next\":\"%s\"", text);
    }
    ct_text_add(t, "}");
}

static ct_err devices(struct ct_text *t, const struct ct_status *status,
                      const struct ct_list_page *page)
{
    struct ct_store *s = status->health.store;
    struct ct_device_row rows[CT_STORE_PAGE];
    size_t count = 0;
    const char *after = page->has_cursor ? (const char *)page->cursor : NULL;
    ct_err err = s->ops->device_page(s, after, rows, page->limit, &count);
    ct_text_add(t, "{\"devices\":[");
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        char wallet[CT_ADDR_TEXT_LEN];
        char key[67];
        const struct ct_device_row *d = &rows[i];
        ct_addr_text(wallet, d->wallet20);
        ct_hex0x(key, d->key32, sizeof d->key32);
        ct_text_add(t,
                    "%s{\"identity\":\"%s\",\"wallet\":\"%s\",\"key\":\"%s\",\"relay\":%u,"
                    "\"port\":%u,\"sequence\":%u,\"expiry_day\":%u,\"block\":%llu}",
                    i == 0 ? "" : ",", d->identity, wallet, key, d->relay, d->port, d->sequence,
                    d->expiry_day, (unsigned long long)d->block);
    }
    ct_text_add(t, "]");
    const char *last = count == 0 ? "" : rows[count - 1].identity;
    ct_list_cursor(t, count == page->limit, last, strlen(last));
    return err;
}

static ct_err relays(struct ct_text *t, const struct ct_status *status,
                     const struct ct_list_page *page)
{
    struct ct_store *s = status->health.store;
    struct ct_relay_row rows[CT_STORE_PAGE];
    size_t count = 0;
    if (page->has_cursor && page->cursor_len != 32) {
        return CT_ERR_FORMAT;
    }
    ct_err err =
        s->ops->relay_page(s, page->has_cursor ? page->cursor : NULL, rows, page->limit, &count);
    ct_text_add(t, "{\"relays\":[");
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        char owner[CT_ADDR_TEXT_LEN];
        char pending[67];
        const struct ct_relay_row *r = &rows[i];
        ct_addr_text(owner, r->owner20);
        ct_hex0x(pending, r->pending32, sizeof r->pending32);
        ct_text_add(t,
                    "%s{\"pending_id\":\"%s\",\"owner\":\"%s\",\"index\":%u,\"checked_at\":%llu,"
                    "\"rtt_us\":%u,\"verdict\":\"",
                    i == 0 ? "" : ",", pending, owner, r->index, (unsigned long long)r->checked_s,
                    r->rtt_us);
        ct_text_json(t, r->verdict);
        ct_text_add(t, "\"}");
    }
    ct_text_add(t, "]");
    ct_list_cursor(t, count == page->limit, count == 0 ? NULL : rows[count - 1].pending32, 32);
    return err;
}

static void put_token(struct ct_text *t, const struct ct_token_row *row)
{
    static const char *const states[] = {"issued", "used", "withdrawn"};
    char number[33];
    char wallet[CT_ADDR_TEXT_LEN];
    ct_hex(number, row->jti16, 16);
    ct_addr_text(wallet, row->wallet20);
    ct_text_add(t, "{\"token\":\"%s\",\"batch\":\"", number);
    ct_text_json(t, row->batch);
    ct_text_add(t, "\",\"state\":\"%s\",\"expires\":%llu", states[row->state],
                (unsigned long long)row->expires_s);
    if (row->identity[0] != '\0') {
        ct_text_add(t, ",\"identity\":\"");
        ct_text_json(t, row->identity);
        ct_text_add(t, "\",\"wallet\":\"%s\",\"used\":%llu", wallet,
                    (unsigned long long)row->used_s);
    }
    if (row->count > 0) {
        ct_text_add(t, ",\"count\":%u,\"minted\":%u", row->count, row->minted);
    }
    ct_text_add(t, "}");
}

static ct_err tokens(struct ct_text *t, const struct ct_status *status,
                     const struct ct_list_page *page)
{
    struct ct_store *s = status->health.store;
    struct ct_token_row rows[CT_STORE_PAGE];
    size_t count = 0;
    if (page->has_cursor && page->cursor_len != 16) {
        return CT_ERR_FORMAT;
    }
    ct_err err = s->ops->token_page(s, page->batch, page->has_cursor ? page->cursor : NULL, rows,
                                    page->limit, &count);
    ct_text_add(t, "{\"tokens\":[");
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        ct_text_add(t, "%s", i == 0 ? "" : ",");
        put_token(t, &rows[i]);
    }
    ct_text_add(t, "]");
    ct_list_cursor(t, count == page->limit, count == 0 ? NULL : rows[count - 1].jti16, 16);
    return err;
}

static const struct {
    const char *path;
    ct_list_write *write;
} lists[] = {{"/v1/devices", devices},
             {"/v1/relays", relays},
             {"/v1/tokens", tokens},
             {"/v1/transactions", ct_list_transactions}};

#define LISTS (sizeof lists / sizeof lists[0])

bool ct_lists_route_at(size_t i, const char **method, const char **path)
{
    if (i >= LISTS) {
        return false;
    }
    *method = "GET";
    *path = lists[i].path;
    return true;
}

static void answer_list(ct_list_write *write, const struct ct_status *s,
                        const struct ct_request *request, struct ct_answer *answer)
{
    struct ct_list_page page;
    struct ct_text text = ct_text_init(PAGE_MAX);
    if (!read_page(&page, request, answer)) {
        return;
    }
    ct_err err = write(&text, s, &page);
    if (err == CT_OK) {
        ct_answer_text(answer, 200, "application/json", &text);
        return;
    }
    ct_text_free(&text);
    if (err == CT_ERR_FORMAT) {
        refuse_cursor(answer);
    } else {
        ct_answer_problem(answer, 500, "internal", "the store failed: %s", ct_err_text(err));
    }
}

bool ct_lists_handle(const struct ct_status *s, const struct ct_request *request,
                     struct ct_answer *answer)
{
    for (size_t i = 0; i < LISTS; i++) {
        if (strcmp(request->path, lists[i].path) == 0) {
            answer_list(lists[i].write, s, request, answer);
            return true;
        }
    }
    return false;
}

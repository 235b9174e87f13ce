/* One page of an operators' list; for the files of the lists only. */
#ifndef CT_WM_LISTS_PAGE_H
#define CT_WM_LISTS_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "operator/status.h"
#include "store/store.h"
#include "service/text.h"

struct ct_list_page {
    size_t limit;
    bool has_cursor;
    uint8_t cursor[CT_STORE_IDENTITY]; /* with NUL behind it */
    size_t cursor_len;
    const char *batch; /* NULL: any */
};

/* The rows as a JSON object that begins the answer. CT_ERR_FORMAT: the cursor is none of its own.
 */
typedef ct_err ct_list_write(struct ct_text *out, const struct ct_status *status,
                             const struct ct_list_page *page);

ct_list_write ct_list_transactions;

/* Ends the object, with the cursor of the next page when this one is full. */
void ct_list_cursor(struct ct_text *t, bool is_full, const void *name, size_t len);

#endif

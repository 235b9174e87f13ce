/* The book on disk: head, entries and a sum, read and written whole. */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "chain/sealed.h"
#include "peers/devbook_private.h"

enum { ENTRY = sizeof(struct ct_devbook_entry), RELAY_MAX = 16383 };

static struct ct_sealed sealed(const struct ct_devbook *book, const char *path)
{
    return (struct ct_sealed){.magic = {'c', 't', 'd', 'e', 'v', 'i', 'c', '2'},
                              .deployment32 = book->deployment32,
                              .path = path,
                              .whose = "deployment",
                              .instead = "the devices are read from the chain again"};
}

ct_err ct_devbook_save(struct ct_devbook *book, const char *path, struct ct_why *why)
{
    struct ct_sealed s = sealed(book, path);
    size_t entries = book->count + book->recent_count;
    if (ct_devbook_reserve(book, entries) != CT_OK) {
        return ct_why(why, CT_ERR_NOMEM, "no memory to write %s", path);
    }
    struct ct_wr w = ct_wr_init(book->file + CT_SEALED_HEAD, CT_DEVBOOK_HEAD - CT_SEALED_HEAD);
    ct_wr_be64(&w, book->mark.block);
    ct_wr_bytes(&w, book->mark.hash32, 32);
    ct_wr_bytes(&w, book->mark.head.head24, 24);
    ct_wr_be64(&w, book->mark.head.count);
    ct_wr_be64(&w, book->mark.confirmed_s);
    ct_wr_be32(&w, (uint32_t)book->count);
    ct_wr_be32(&w, (uint32_t)book->recent_count);
    if (book->recent_count > 0) {
        memcpy(ct_devbook_entries(book) + book->count, book->recent, book->recent_count * ENTRY);
    }
    return ct_sealed_write(book->file, w.len + entries * ENTRY, &s, why);
}

/* What is never written is not read either. */
static bool is_sound(const struct ct_devbook_entry *entries, size_t count, bool is_recent)
{
    for (size_t i = 0; i < count; i++) {
        const struct ct_devbook_entry *e = &entries[i];
        unsigned relay = (unsigned)e->places[0] << 8 | e->places[1];
        unsigned backup = (unsigned)e->places[4] << 8 | e->places[5];
        bool is_sorted = i == 0 || memcmp(entries[i - 1].id, e->id, CT_DEVBOOK_ID) < 0;
        if (!is_sorted || e->zero != 0 || relay > RELAY_MAX || backup > RELAY_MAX ||
            e->is_gone > 1 || (e->is_gone != 0 && !is_recent) ||
            (e->is_gone == 0 && relay + backup == 0)) {
            return false;
        }
    }
    return true;
}

static bool read_head(struct ct_devbook *book, struct ct_rd *r)
{
    book->mark.block = ct_rd_be64(r);
    ct_rd_copy(r, book->mark.hash32, 32);
    ct_rd_copy(r, book->mark.head.head24, 24);
    book->mark.head.count = ct_rd_be64(r);
    book->mark.confirmed_s = ct_rd_be64(r);
    book->count = ct_rd_be32(r);
    book->recent_count = ct_rd_be32(r);
    return !r->bad && book->count <= CT_DEVBOOK_MAX &&
           book->recent_count <= CT_DEVBOOK_RECENT_MAX &&
           r->left == (book->count + book->recent_count) * ENTRY;
}

static ct_err parse(struct ct_devbook *book, const struct ct_sealed *s, size_t len)
{
    struct ct_rd body;
    if (ct_sealed_check(&body, s, book->file, len) != CT_OK || !read_head(book, &body)) {
        return CT_ERR_FORMAT;
    }
    const struct ct_devbook_entry *entries = ct_devbook_entries(book);
    if (!is_sound(entries, book->count, false) ||
        !is_sound(entries + book->count, book->recent_count, true)) {
        return CT_ERR_FORMAT;
    }
    book->recent = calloc(book->recent_count + 1, ENTRY);
    if (!book->recent) {
        return CT_ERR_NOMEM;
    }
    memcpy(book->recent, entries + book->count, book->recent_count * ENTRY);
    return CT_OK;
}

/* As far as it fits, with more room each time: the largest book is rare. */
static ct_err read_bytes(struct ct_devbook *book, size_t *len, const char *path, struct ct_why *why)
{
    ct_err err = CT_ERR_ROOM;
    for (size_t cap = 4096; err == CT_ERR_ROOM; cap *= 16) {
        size_t most = CT_DEVBOOK_MAX + CT_DEVBOOK_RECENT_MAX + 1;
        err = ct_devbook_reserve(book, cap < most ? cap : most);
        if (err != CT_OK) {
            return ct_why(why, err, "no memory to read %s", path);
        }
        err = ct_file_read((char *)book->file, CT_DEVBOOK_HEAD + book->cap * ENTRY, len, path,
                           false, why);
        if (cap >= most) {
            break;
        }
    }
    return err;
}

static ct_err read_whole(struct ct_devbook *book, const char *path, struct ct_why *why)
{
    struct ct_sealed s = sealed(book, path);
    size_t len = 0;
    ct_err err = read_bytes(book, &len, path, why);
    err = err == CT_OK ? parse(book, &s, len) : err;
    if (err == CT_ERR_FORMAT || err == CT_ERR_ROOM) {
        err = ct_sealed_refuse(&s, why);
    }
    if (err == CT_OK) {
        size_t size = CT_DEVBOOK_HEAD + book->count * ENTRY + CT_DEVBOOK_SUM;
        uint8_t *smaller = realloc(book->file, size);
        if (smaller) {
            book->file = smaller;
        }
        book->cap = book->count;
    }
    return err;
}

ct_err ct_devbook_load(struct ct_devbook **out, const uint8_t deployment32[32], const char *path,
                       struct ct_why *why)
{
    struct ct_devbook *book = NULL;
    ct_err err = ct_devbook_new(&book, deployment32);
    if (err != CT_OK) {
        return ct_why(why, err, "no memory to read %s", path);
    }
    err = read_whole(book, path, why);
    if (err == CT_OK) {
        *out = book;
    } else {
        ct_devbook_free(book);
    }
    return err;
}

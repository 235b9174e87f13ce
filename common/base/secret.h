/* Secrets: drawn, compared, wiped, read from and written to files; there is no way to print one. */
#ifndef CT_BASE_SECRET_H
#define CT_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"

struct ct_secret32 {
    uint8_t bytes[32];
};

/* Fills out from the system's generator; aborts when there is no entropy (CT_ERR_SYSTEM). */
CT_MUST_USE ct_err ct_random(void *out, size_t len);
void ct_wipe(void *data, size_t len);
/* Constant time in the lengths' contents; false when the lengths differ. */
bool ct_equal(const void *a, size_t a_len, const void *b, size_t b_len);

/*
 * Keeps the pages that hold data out of swap and of core dumps, as far as the system lets; they
 * stay so until the process ends. False when it does not: a caller may say so, and goes on.
 */
bool ct_memory_lock(const void *data, size_t len);

/* 64 hex digits, 0x before and one newline behind them allowed; else CT_ERR_FORMAT. */
CT_MUST_USE ct_err ct_secret_parse(struct ct_secret32 *out, const char *text, size_t len);

/*
 * Reads 64 hex digits (0x and one trailing newline allowed) from a source (base/source.h). A path
 * is a regular file that only its owner can read (mode & 077 == 0, owned by this user or root),
 * else CT_ERR_CONFIG with the remedy. CT_ERR_NOT_FOUND when there is no such file.
 */
CT_MUST_USE ct_err ct_secret_load(struct ct_secret32 *out, const char *path, struct ct_why *why);
/* Writes a new 0600 file, by a temporary file, fsync and link; CT_ERR_STATE when it exists. */
CT_MUST_USE ct_err ct_secret_save_new(const struct ct_secret32 *secret, const char *path,
                                      struct ct_why *why);

/*
 * A whole small file as a NUL-terminated string (at most cap - 1 bytes, else CT_ERR_ROOM). With
 * is_private the same rules of mode and owner as above hold.
 */
CT_MUST_USE ct_err ct_file_read(char *out, size_t cap, size_t *len, const char *path,
                                bool is_private, struct ct_why *why);
/* Writes a new file by a temporary one, fsync and link; CT_ERR_STATE when it exists. */
CT_MUST_USE ct_err ct_file_write_new(const char *path, const void *data, size_t len, unsigned mode,
                                     struct ct_why *why);
/* Replaces a file whole: temporary file beside it, fsync, rename, fsync of the folder. */
CT_MUST_USE ct_err ct_file_write(const char *path, const void *data, size_t len, unsigned mode,
                                 struct ct_why *why);

#endif

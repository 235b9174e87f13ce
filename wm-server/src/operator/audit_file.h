/* The file of the audit log, which other processes append to as well; between the files of audit.h.
 */
#ifndef CT_WM_AUDIT_FILE_H
#define CT_WM_AUDIT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "operator/audit_link.h"

enum { CT_AUDIT_PATH = 1024 }; /* room of a path, with NUL */

struct ct_audit_file {
    char path[CT_AUDIT_PATH];
    int fd;     /* -1: not open */
    off_t size; /* as this process left it */
    struct ct_audit_link last;
    uint64_t added; /* lines of this process */
    bool bad;       /* what is on disk is not known any more: nothing is written */
};

/*
 * Opens the file unless it is open, locks it and finds where its chain stands. CT_ERR_AGAIN: it is
 * not what the path names any more, since another process has put it aside: close it, take it
 * again. CT_ERR_FORMAT, CT_ERR_AUTH: the end of it is no audit log's.
 */
CT_MUST_USE ct_err ct_audit_file_take(struct ct_audit_file *f);
/* Unlocks it. */
void ct_audit_file_give(struct ct_audit_file *f);
void ct_audit_file_close(struct ct_audit_file *f);
/* A line at its end; all of it or nothing. The file is taken. */
CT_MUST_USE ct_err ct_audit_file_line(struct ct_audit_file *f, const char *what,
                                      const struct ct_audit_field *fields, size_t count);
/* Puts it aside, on disk and with a name of its own, and takes the next one. It is taken. */
CT_MUST_USE ct_err ct_audit_file_rotate(struct ct_audit_file *f);
/* The folder's entry is on disk, too. */
CT_MUST_USE ct_err ct_audit_sync_folder(const char *path);

#endif

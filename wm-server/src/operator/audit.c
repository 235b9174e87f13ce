/* The audit log between threads: lines one at a time, synced in groups. */
#include "operator/audit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "operator/audit_file.h"
#include "operator/metrics.h"

struct ct_audit {
    struct ct_audit_file file;
    uint64_t rotate_bytes;
    pthread_mutex_t writer; /* held while a line is added; taken before lock */
    pthread_mutex_t lock;
    pthread_cond_t synced_more;
    uint64_t synced; /* lines of this process */
    bool syncing;
};

static ct_err failed(struct ct_why *why, const char *what, const char *path)
{
    return ct_why(why, CT_ERR_SYSTEM, "cannot %s the audit log %s: %s", what, path,
                  strerror(errno));
}

/* ---- writing, under both locks ---- */

static void await_sync(struct ct_audit *a)
{
    while (a->syncing) {
        (void)pthread_cond_wait(&a->synced_more, &a->lock);
    }
}

/* Another process may rotate while this one opens and locks. */
static ct_err take_file(struct ct_audit *a)
{
    for (int tries = 0; tries < 100; tries++) {
        ct_err err = ct_audit_file_take(&a->file);
        if (err != CT_ERR_AGAIN) {
            return err;
        }
        await_sync(a); /* which still uses this file; whoever renamed it has synced it */
        ct_audit_file_close(&a->file);
    }
    errno = EBUSY;
    return CT_ERR_SYSTEM;
}

static ct_err rotate(struct ct_audit *a)
{
    if (a->file.size < (off_t)a->rotate_bytes) {
        return CT_OK;
    }
    await_sync(a);
    ct_err err = ct_audit_file_rotate(&a->file);
    if (err == CT_OK) {
        a->synced = a->file.added;
    }
    return err;
}

ct_err ct_audit_add(struct ct_audit *a, const char *what, const struct ct_audit_field *fields,
                    size_t count)
{
    if (a == NULL) {
        return CT_OK;
    }
    (void)pthread_mutex_lock(&a->writer);
    (void)pthread_mutex_lock(&a->lock);
    ct_err err = a->file.bad ? CT_ERR_SYSTEM : take_file(a);
    if (err == CT_OK) {
        err = rotate(a);
    }
    if (err == CT_OK) {
        err = ct_audit_file_line(&a->file, what, fields, count);
    }
    ct_audit_file_give(&a->file);
    (void)pthread_mutex_unlock(&a->lock);
    (void)pthread_mutex_unlock(&a->writer);
    if (err == CT_ERR_FULL) {
        ct_metrics_set(CT_GAUGE_AUDIT_FULL, 1);
    }
    return err == CT_OK || err == CT_ERR_FULL ? err : CT_ERR_SYSTEM;
}

/* ---- on disk ---- */

/* One thread syncs for all that were written before it began. */
static void sync_once(struct ct_audit *a)
{
    uint64_t target = a->file.added;
    int fd = a->file.fd;
    a->syncing = true;
    (void)pthread_mutex_unlock(&a->lock);
    int code = fdatasync(fd);
    (void)pthread_mutex_lock(&a->lock);
    a->syncing = false;
    if (code != 0) {
        a->file.bad = true; /* the system may have dropped what it could not write */
    } else if (target > a->synced) {
        a->synced = target;
    }
    (void)pthread_cond_broadcast(&a->synced_more);
}

ct_err ct_audit_sync(struct ct_audit *a)
{
    if (a == NULL) {
        return CT_OK;
    }
    (void)pthread_mutex_lock(&a->lock);
    uint64_t wanted = a->file.added;
    while (!a->file.bad && a->synced < wanted) {
        if (a->syncing) {
            (void)pthread_cond_wait(&a->synced_more, &a->lock);
        } else {
            sync_once(a);
        }
    }
    ct_err err = a->file.bad ? CT_ERR_SYSTEM : CT_OK;
    (void)pthread_mutex_unlock(&a->lock);
    return err;
}

ct_err ct_audit(struct ct_audit *a, const char *what, const struct ct_audit_field *fields,
                size_t count)
{
    ct_err err = ct_audit_add(a, what, fields, count);
    return err == CT_OK ? ct_audit_sync(a) : err;
}

struct ct_audit_link ct_audit_head(struct ct_audit *a)
{
    (void)pthread_mutex_lock(&a->lock);
    struct ct_audit_link link = a->file.last;
    (void)pthread_mutex_unlock(&a->lock);
    return link;
}

/* ---- the whole ---- */

ct_err ct_audit_open(struct ct_audit **out, const char *path, uint64_t rotate_bytes,
                     struct ct_why *why)
{
    if (strlen(path) >= CT_AUDIT_PATH) {
        return ct_why(why, CT_ERR_CONFIG, "audit.path is too long");
    }
    struct ct_audit *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    (void)snprintf(a->file.path, sizeof a->file.path, "%s", path);
    (void)pthread_mutex_init(&a->writer, NULL);
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_cond_init(&a->synced_more, NULL);
    a->rotate_bytes = rotate_bytes;
    a->file.fd = -1;
    (void)pthread_mutex_lock(&a->lock);
    errno = 0;
    ct_err err = take_file(a);
    ct_audit_file_give(&a->file);
    (void)pthread_mutex_unlock(&a->lock);
    if (err == CT_OK) {
        err = ct_audit_sync_folder(path);
    }
    if (err == CT_ERR_FORMAT || err == CT_ERR_AUTH) {
        err = ct_why(why, CT_ERR_CONFIG,
                     "the end of the audit log %s was changed or is none; see wm-admin audit "
                     "verify, keep the file, and move it away",
                     path);
    } else if (err != CT_OK) {
        err = failed(why, "open", path);
    }
    if (err != CT_OK) {
        ct_audit_close(a);
        return err;
    }
    *out = a;
    return CT_OK;
}

void ct_audit_close(struct ct_audit *a)
{
    if (a != NULL) {
        if (a->file.fd >= 0) {
            (void)fdatasync(a->file.fd);
            ct_audit_file_close(&a->file);
        }
        (void)pthread_cond_destroy(&a->synced_more);
        (void)pthread_mutex_destroy(&a->lock);
        (void)pthread_mutex_destroy(&a->writer);
        free(a);
    }
}

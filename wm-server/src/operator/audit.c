/* The file of the audit log: appended under a lock that other processes respect, synced in groups.
 */
#include "operator/audit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "operator/metrics.h"

enum { PATH_ROOM = 1024, NUMBER_DIGITS = 12 };

struct ct_audit {
    char path[PATH_ROOM];
    uint64_t rotate_bytes;
    pthread_mutex_t writer; /* held while a line is added; taken before lock */
    pthread_mutex_t lock;
    pthread_cond_t synced_more;
    int fd;
    off_t size; /* of the file as this process left it */
    struct ct_audit_link last;
    uint64_t added, synced; /* lines of this process */
    bool syncing;
    bool bad; /* what is on disk is not known any more: nothing is written */
};

static ct_err failed(struct ct_why *why, const char *what, const char *path)
{
    return ct_why(why, CT_ERR_SYSTEM, "cannot %s the audit log %s: %s", what, path,
                  strerror(errno));
}

/* The folder's entry is on disk, too. */
static ct_err sync_folder(const char *path)
{
    char folder[PATH_ROOM];
    const char *slash = strrchr(path, '/');
    (void)snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - path + 1),
                   slash == NULL ? "." : path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return CT_ERR_SYSTEM;
    }
    int code = fsync(fd);
    (void)close(fd);
    return code == 0 ? CT_OK : CT_ERR_SYSTEM;
}

/* ---- where the chain stands ---- */

/* The last whole line of the size bytes of fd into link; *good is where it ends. */
static ct_err read_end(int fd, off_t size, struct ct_audit_link *link, off_t *good)
{
    static const size_t room = (size_t)2 * CT_AUDIT_LINE;
    uint8_t prev32[32];
    off_t from = size > (off_t)room ? size - (off_t)room : 0;
    size_t len = (size_t)(size - from);
    char *text = malloc(room);
    ct_err err = text == NULL ? CT_ERR_NOMEM : CT_OK;
    if (err == CT_OK && pread(fd, text, len, from) != (ssize_t)len) {
        err = CT_ERR_SYSTEM;
    }
    size_t end = len;
    while (err == CT_OK && end > 0 && text[end - 1] != '\n') {
        end--;
    }
    if (err == CT_OK && end == 0) {
        *good = 0;
        err = from == 0 ? CT_ERR_NOT_FOUND : CT_ERR_FORMAT;
    } else if (err == CT_OK) {
        size_t begin = end - 1;
        while (begin > 0 && text[begin - 1] != '\n') {
            begin--;
        }
        *good = from + (off_t)end;
        err = ct_audit_parse(link, prev32, text + begin, end - 1 - begin);
    }
    free(text);
    return err;
}

/* The last line of the newest file that was rotated away; zeros when there is none. */
static ct_err read_rotated(const char *path, struct ct_audit_link *link)
{
    char folder[PATH_ROOM];
    char newest[PATH_ROOM + 16] = "";
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    size_t len = strlen(name);
    (void)snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - path + 1),
                   slash == NULL ? "." : path);
    DIR *d = opendir(folder);
    const struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL) {
        const char *number = e->d_name + len + 1;
        if (strncmp(e->d_name, name, len) == 0 && e->d_name[len] == '.' &&
            strlen(number) == NUMBER_DIGITS && strspn(number, "0123456789") == NUMBER_DIGITS &&
            (newest[0] == '\0' || strcmp(number, newest + strlen(newest) - NUMBER_DIGITS) > 0)) {
            (void)snprintf(newest, sizeof newest, "%s.%s", path, number);
        }
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    *link = (struct ct_audit_link){0};
    if (newest[0] == '\0') {
        return CT_OK;
    }
    struct stat st;
    off_t good = 0;
    int fd = open(newest, O_RDONLY | O_CLOEXEC);
    ct_err err =
        fd < 0 || fstat(fd, &st) != 0 ? CT_ERR_SYSTEM : read_end(fd, st.st_size, link, &good);
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

/* ---- writing, under both locks ---- */

/* A disk without room, a quota or a limit: it may pass. */
static ct_err failure(void)
{
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? CT_ERR_FULL : CT_ERR_SYSTEM;
}

/* All of it or nothing. */
static ct_err write_all(struct ct_audit *a, const char *text, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pwrite(a->fd, text + done, len - done, a->size + (off_t)done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            ct_err err = failure(); /* of the write */
            a->bad = ftruncate(a->fd, a->size) != 0;
            return err;
        }
        done += (size_t)n;
    }
    a->size += (off_t)len;
    return CT_OK;
}

static uint64_t wall_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static ct_err write_line(struct ct_audit *a, const char *what, const struct ct_audit_field *fields,
                         size_t count)
{
    struct ct_audit_link last = a->last;
    struct ct_text text = ct_text_init(CT_AUDIT_LINE);
    ct_err err = ct_audit_line(&text, &last, wall_ms(), what, fields, count);
    if (err == CT_OK) {
        err = write_all(a, text.bytes, text.len);
    }
    ct_text_free(&text);
    if (err == CT_OK) {
        a->last = last;
        a->added++;
        ct_metrics_count(CT_METRIC_AUDIT_LINES);
    }
    return err;
}

/* A line that a crash cut short, or that lost only its newline. */
static ct_err mend(struct ct_audit *a, off_t size, off_t good)
{
    char bytes[24];
    struct ct_audit_link link;
    uint8_t prev32[32];
    char rest[CT_AUDIT_LINE];
    size_t len = (size_t)(size - good);
    if (len < sizeof rest && pread(a->fd, rest, len, good) == (ssize_t)len &&
        ct_audit_parse(&link, prev32, rest, len) == CT_OK && link.n == a->last.n + 1 &&
        memcmp(prev32, a->last.hash32, 32) == 0) {
        a->size = size;
        a->last = link;
        return write_all(a, "\n", 1);
    }
    if (ftruncate(a->fd, good) != 0) {
        return CT_ERR_SYSTEM;
    }
    (void)snprintf(bytes, sizeof bytes, "%zu", len);
    const struct ct_audit_field f = {"bytes", bytes};
    return write_line(a, "cut_line_dropped", &f, 1);
}

/* The file that the path names now, locked, and where its chain stands. */
static ct_err refresh(struct ct_audit *a)
{
    struct stat st;
    off_t good = 0;
    if (fstat(a->fd, &st) != 0) {
        return CT_ERR_SYSTEM;
    }
    if (a->size >= 0 && st.st_size == a->size) {
        return CT_OK;
    }
    struct ct_audit_link link = {0};
    ct_err err = read_end(a->fd, st.st_size, &link, &good);
    if (err == CT_ERR_NOT_FOUND) {
        err = read_rotated(a->path, &link);
    }
    if (err != CT_OK) {
        return err;
    }
    a->size = good;
    a->last = link;
    return good < st.st_size ? mend(a, st.st_size, good) : CT_OK;
}

/* Opens and locks: another process may rotate in between, so the path is looked at again. */
static ct_err take_file(struct ct_audit *a)
{
    struct stat here;
    struct stat named;
    for (int tries = 0; tries < 100; tries++) {
        if (a->fd < 0) {
            a->fd = open(a->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
            a->size = -1;
        }
        if (a->fd < 0) {
            return failure();
        }
        if (flock(a->fd, LOCK_EX) != 0 || fstat(a->fd, &here) != 0) {
            return CT_ERR_SYSTEM;
        }
        if (stat(a->path, &named) == 0 && named.st_ino == here.st_ino &&
            named.st_dev == here.st_dev) {
            return refresh(a);
        }
        /* a sync under way still uses this file; whoever renamed it has synced it */
        while (a->syncing) {
            (void)pthread_cond_wait(&a->synced_more, &a->lock);
        }
        (void)close(a->fd);
        a->fd = -1;
    }
    errno = EBUSY;
    return CT_ERR_SYSTEM;
}

static ct_err rotate(struct ct_audit *a)
{
    char name[PATH_ROOM + 16];
    if (a->size < (off_t)a->rotate_bytes) {
        return CT_OK;
    }
    while (a->syncing) {
        (void)pthread_cond_wait(&a->synced_more, &a->lock);
    }
    (void)snprintf(name, sizeof name, "%s.%0*llu", a->path, (int)NUMBER_DIGITS,
                   (unsigned long long)a->last.n);
    if (fdatasync(a->fd) != 0 || rename(a->path, name) != 0) {
        return CT_ERR_SYSTEM;
    }
    int fd = open(a->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) != 0 || sync_folder(a->path) != CT_OK) {
        a->bad = true;
        if (fd >= 0) {
            (void)close(fd);
        }
        return CT_ERR_SYSTEM;
    }
    a->synced = a->added;
    (void)close(a->fd); /* and its lock */
    a->fd = fd;
    a->size = 0;
    return CT_OK;
}

ct_err ct_audit_add(struct ct_audit *a, const char *what, const struct ct_audit_field *fields,
                    size_t count)
{
    if (a == NULL) {
        return CT_OK;
    }
    (void)pthread_mutex_lock(&a->writer);
    (void)pthread_mutex_lock(&a->lock);
    ct_err err = a->bad ? CT_ERR_SYSTEM : take_file(a);
    if (err == CT_OK) {
        err = rotate(a);
    }
    if (err == CT_OK) {
        err = write_line(a, what, fields, count);
    }
    if (a->fd >= 0) {
        (void)flock(a->fd, LOCK_UN);
    }
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
    uint64_t target = a->added;
    int fd = a->fd;
    a->syncing = true;
    (void)pthread_mutex_unlock(&a->lock);
    int code = fdatasync(fd);
    (void)pthread_mutex_lock(&a->lock);
    a->syncing = false;
    if (code != 0) {
        a->bad = true; /* the system may have dropped what it could not write */
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
    uint64_t wanted = a->added;
    while (!a->bad && a->synced < wanted) {
        if (a->syncing) {
            (void)pthread_cond_wait(&a->synced_more, &a->lock);
        } else {
            sync_once(a);
        }
    }
    ct_err err = a->bad ? CT_ERR_SYSTEM : CT_OK;
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
    struct ct_audit_link link = a->last;
    (void)pthread_mutex_unlock(&a->lock);
    return link;
}

/* ---- the whole ---- */

ct_err ct_audit_open(struct ct_audit **out, const char *path, uint64_t rotate_bytes,
                     struct ct_why *why)
{
    if (strlen(path) >= PATH_ROOM) {
        return ct_why(why, CT_ERR_CONFIG, "audit.path is too long");
    }
    struct ct_audit *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    (void)snprintf(a->path, sizeof a->path, "%s", path);
    (void)pthread_mutex_init(&a->writer, NULL);
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_cond_init(&a->synced_more, NULL);
    a->rotate_bytes = rotate_bytes;
    a->fd = -1;
    (void)pthread_mutex_lock(&a->lock);
    errno = 0;
    ct_err err = take_file(a);
    if (a->fd >= 0) {
        (void)flock(a->fd, LOCK_UN);
    }
    (void)pthread_mutex_unlock(&a->lock);
    if (err == CT_OK) {
        err = sync_folder(path);
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
        if (a->fd >= 0) {
            (void)fdatasync(a->fd);
            (void)close(a->fd);
        }
        (void)pthread_cond_destroy(&a->synced_more);
        (void)pthread_mutex_destroy(&a->lock);
        (void)pthread_mutex_destroy(&a->writer);
        free(a);
    }
}

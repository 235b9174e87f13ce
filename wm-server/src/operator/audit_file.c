/* The file of the audit log: where its chain stands, lines at its end, the next file. */
#include "operator/audit_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "operator/metrics.h"

enum { NUMBER_DIGITS = 12 };

ct_err ct_audit_sync_folder(const char *path)
{
    char folder[CT_AUDIT_PATH];
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
    char folder[CT_AUDIT_PATH];
    char newest[CT_AUDIT_PATH + 16] = "";
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

/* ---- writing ---- */

/* A disk without room, a quota or a limit: it may pass. */
static ct_err failure(void)
{
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? CT_ERR_FULL : CT_ERR_SYSTEM;
}

/* All of it or nothing. */
static ct_err write_all(struct ct_audit_file *f, const char *text, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pwrite(f->fd, text + done, len - done, f->size + (off_t)done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            ct_err err = failure(); /* of the write */
            f->bad = ftruncate(f->fd, f->size) != 0;
            return err;
        }
        done += (size_t)n;
    }
    f->size += (off_t)len;
    return CT_OK;
}

static uint64_t wall_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

ct_err ct_audit_file_line(struct ct_audit_file *f, const char *what,
                          const struct ct_audit_field *fields, size_t count)
{
    struct ct_audit_link last = f->last;
    struct ct_text text = ct_text_init(CT_AUDIT_LINE);
    ct_err err = ct_audit_line(&text, &last, wall_ms(), what, fields, count);
    if (err == CT_OK) {
        err = write_all(f, text.bytes, text.len);
    }
    ct_text_free(&text);
    if (err == CT_OK) {
        f->last = last;
        f->added++;
        ct_metrics_count(CT_METRIC_AUDIT_LINES);
    }
    return err;
}

/* A line that a crash cut short, or that lost only its newline. */
static ct_err mend(struct ct_audit_file *f, off_t size, off_t good)
{
    char bytes[24];
    struct ct_audit_link link;
    uint8_t prev32[32];
    char rest[CT_AUDIT_LINE];
    size_t len = (size_t)(size - good);
    if (len < sizeof rest && pread(f->fd, rest, len, good) == (ssize_t)len &&
        ct_audit_parse(&link, prev32, rest, len) == CT_OK && link.n == f->last.n + 1 &&
        memcmp(prev32, f->last.hash32, 32) == 0) {
        f->size = size;
        f->last = link;
        return write_all(f, "\n", 1);
    }
    if (ftruncate(f->fd, good) != 0) {
        return CT_ERR_SYSTEM;
    }
    (void)snprintf(bytes, sizeof bytes, "%zu", len);
    const struct ct_audit_field field = {"bytes", bytes};
    return ct_audit_file_line(f, "cut_line_dropped", &field, 1);
}

/* The file that the path names now, locked, and where its chain stands. */
static ct_err refresh(struct ct_audit_file *f)
{
    struct stat st;
    off_t good = 0;
    if (fstat(f->fd, &st) != 0) {
        return CT_ERR_SYSTEM;
    }
    if (f->size >= 0 && st.st_size == f->size) {
        return CT_OK;
    }
    struct ct_audit_link link = {0};
    ct_err err = read_end(f->fd, st.st_size, &link, &good);
    if (err == CT_ERR_NOT_FOUND) {
        err = read_rotated(f->path, &link);
    }
    if (err != CT_OK) {
        return err;
    }
    f->size = good;
    f->last = link;
    return good < st.st_size ? mend(f, st.st_size, good) : CT_OK;
}

/* ---- the file, and the next ---- */

ct_err ct_audit_file_take(struct ct_audit_file *f)
{
    struct stat here;
    struct stat named;
    if (f->fd < 0) {
        f->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        f->size = -1;
    }
    if (f->fd < 0) {
        return failure();
    }
    if (flock(f->fd, LOCK_EX) != 0 || fstat(f->fd, &here) != 0) {
        return CT_ERR_SYSTEM;
    }
    bool is_it =
        stat(f->path, &named) == 0 && named.st_ino == here.st_ino && named.st_dev == here.st_dev;
    return is_it ? refresh(f) : CT_ERR_AGAIN;
}

void ct_audit_file_give(struct ct_audit_file *f)
{
    if (f->fd >= 0) {
        (void)flock(f->fd, LOCK_UN);
    }
}

void ct_audit_file_close(struct ct_audit_file *f)
{
    if (f->fd >= 0) {
        (void)close(f->fd);
    }
    f->fd = -1;
}

ct_err ct_audit_file_rotate(struct ct_audit_file *f)
{
    char name[CT_AUDIT_PATH + 16];
    (void)snprintf(name, sizeof name, "%s.%0*llu", f->path, (int)NUMBER_DIGITS,
                   (unsigned long long)f->last.n);
    if (fdatasync(f->fd) != 0 || rename(f->path, name) != 0) {
        return CT_ERR_SYSTEM;
    }
    int fd = open(f->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) != 0 || ct_audit_sync_folder(f->path) != CT_OK) {
        f->bad = true;
        if (fd >= 0) {
            (void)close(fd);
        }
        return CT_ERR_SYSTEM;
    }
    (void)close(f->fd); /* and its lock */
    f->fd = fd;
    f->size = 0;
    return CT_OK;
}

/* HOME: the folder itself, the bundle and the lock of the one process that works for the device. */
#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "home_private.h"
#include "moved.h"

ct_err ct_home_init(struct ct_home *home, const char *dir, struct ct_why *why)
{
    if (dir == NULL || dir[0] == '\0' || strlen(dir) >= sizeof home->dir) {
        return ct_why(why, CT_ERR_CONFIG, "the home folder's name is empty or too long");
    }
    memcpy(home->dir, dir, strlen(dir) + 1);
    home->vault = NULL;
    return CT_OK;
}

void ct_home_path(const struct ct_home *home, char path[CT_HOME_PATH], const char *name)
{
    (void)snprintf(path, CT_HOME_PATH, "%s/%s", home->dir, name);
}

static ct_err make_folder(const char *path, struct ct_why *why)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST) {
        return CT_OK;
    }
    return ct_why(why, CT_ERR_CONFIG, "cannot make the folder %s: %s", path, strerror(errno));
}

ct_err ct_home_make(const struct ct_home *home, struct ct_why *why)
{
    char path[CT_HOME_PATH];
    ct_err err = make_folder(home->dir, why);
    if (err != CT_OK) {
        return err;
    }
    ct_home_path(home, path, "cache");
    return make_folder(path, why);
}

static ct_err read_bundle(const struct ct_home *home, struct ct_bundle *out, const char *file,
                          struct ct_why *why)
{
    char path[CT_HOME_PATH];
    if (file != NULL) {
        ct_err err = ct_bundle_read(out, file, why);
        return err == CT_ERR_NOT_FOUND
                   ? ct_why(why, CT_ERR_CONFIG, "there is no provisioning bundle %s", file)
                   : err;
    }
    ct_home_path(home, path, "bundle.json");
    ct_err err = ct_bundle_read(out, path, why);
    if (err == CT_ERR_NOT_FOUND) {
        return ct_why(why, CT_ERR_CONFIG,
                      "%s has no provisioning bundle; give the one of your wallet manager with "
                      "--bundle FILE, or enrol with 'chainturn up'",
                      home->dir);
    }
    return err;
}

ct_err ct_home_bundle(const struct ct_home *home, struct ct_bundle *out, const char *file,
                      struct ct_why *why)
{
    ct_err err = read_bundle(home, out, file, why);
    return err == CT_OK ? ct_moved_follow(home, out, why) : err;
}

ct_err ct_home_keep_bundle(const struct ct_home *home, const struct ct_bundle *bundle,
                           struct ct_why *why)
{
    char path[CT_HOME_PATH];
    char text[CT_BUNDLE_TEXT_MAX];
    ct_err err = ct_bundle_format(text, sizeof text, bundle);
    if (err != CT_OK) {
        return ct_why(why, err, "the provisioning bundle is too long to be kept");
    }
    ct_home_path(home, path, "bundle.json");
    return ct_file_write(path, text, strlen(text), 0644, why);
}

/* The kernel holds the lock and drops it with the process; the number in the file only tells who.
 */
static void write_holder(int fd)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0) {
        (void)!pwrite(fd, text, (size_t)len, 0);
    }
}

/* ", process N" of whoever has the lock; nothing when it has not written that yet. */
static void read_holder(char *out, size_t cap, int fd)
{
    char text[24] = "";
    char *end = NULL;
    out[0] = '\0';
    if (pread(fd, text, sizeof text - 1, 0) > 0) {
        long pid = strtol(text, &end, 10);
        if (pid > 0 && strcmp(end, "\n") == 0) {
            (void)snprintf(out, cap, ", process %ld,", pid);
        }
    }
}

ct_err ct_home_lock(const struct ct_home *home, int *out, struct ct_why *why)
{
    char path[CT_HOME_PATH];
    ct_home_path(home, path, "listen.lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return ct_why(why, CT_ERR_CONFIG, "cannot write %s: %s", path, strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        char holder[40];
        read_holder(holder, sizeof holder, fd);
        (void)close(fd);
        return ct_why(why, CT_ERR_STATE,
                      "another chainturn%s works for the device in %s; wait for it or end it first",
                      holder, home->dir);
    }
    write_holder(fd);
    *out = fd;
    return CT_OK;
}

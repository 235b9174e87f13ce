/* A folder of the test's own, removed with what is in it; in memory where there is room, since what
 * stores sync to a disk is waited for.
 */
#ifndef TEMP_DIR_H
#define TEMP_DIR_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct temp_dir {
    char path[64];
};

/* Where folders of tests are made. */
static inline const char *temp_dir_base(void)
{
    static const char memory[] = "/dev/shm";
    struct statvfs is;
    bool has_room = statvfs(memory, &is) == 0 && (is.f_bavail * is.f_frsize) >> 28 > 0; /* 256 MB */
    return has_room && access(memory, W_OK) == 0 ? memory : "/tmp";
}

static inline bool temp_dir_make(struct temp_dir *dir)
{
    (void)snprintf(dir->path, sizeof dir->path, "%s/chainturn-test-XXXXXX", temp_dir_base());
    return mkdtemp(dir->path) != NULL;
}

/* Files, and folders of files: two levels are all that HOME has. */
static inline void temp_dir_empty(const char *path, int levels)
{
    char name[512];
    struct dirent *entry;
    DIR *open = opendir(path);
    while (open != NULL && (entry = readdir(open)) != NULL) {
        int len = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            len >= (int)sizeof name) {
            continue;
        }
        if (unlink(name) != 0 && levels > 0) {
            temp_dir_empty(name, levels - 1);
            (void)rmdir(name);
        }
    }
    if (open != NULL) {
        (void)closedir(open);
    }
}

static inline void temp_dir_remove(struct temp_dir *dir)
{
    temp_dir_empty(dir->path, 1);
    (void)rmdir(dir->path);
}

#endif

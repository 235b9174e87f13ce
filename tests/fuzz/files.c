/* What targets need of the host: a folder of this process, gone when it ends; and text checks. */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[40];

static void empty(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return;
    }
    for (struct dirent *at = readdir(dir); at != NULL; at = readdir(dir)) {
        char name[sizeof(folder) + sizeof(at->d_name) + 16];
        if (strcmp(at->d_name, ".") == 0 || strcmp(at->d_name, "..") == 0) {
            continue;
        }
        (void)snprintf(name, sizeof(name), "%s/%s", path, at->d_name);
        if (unlink(name) != 0 && strlen(path) < sizeof(folder)) {
            empty(name); /* HOME's cache/, one level down */
        }
    }
    (void)closedir(dir);
    (void)rmdir(path);
}

static void remove_folder(void)
{
    empty(folder);
}

bool fuzz_is_line(const char *text, size_t size)
{
    size_t len = 0;
    while (len < size && text[len] != '\0') {
        if ((unsigned char)text[len] < ' ' || text[len] == 0x7f) {
            return false;
        }
        len++;
    }
    return len < size;
}

const char *fuzz_folder(void)
{
    if (folder[0] == '\0') {
        const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        (void)snprintf(folder, sizeof(folder), "%s/ct-fuzz-XXXXXX", base);
        HOLDS(mkdtemp(folder) != NULL);
        HOLDS(atexit(remove_folder) == 0);
    }
    return folder;
}

void fuzz_file(char path[FUZZ_PATH], const char *name, const void *data, size_t size)
{
    (void)snprintf(path, FUZZ_PATH, "%s/%s", fuzz_folder(), name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    HOLDS(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0);
}

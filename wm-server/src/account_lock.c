/* The lock is on the key file itself: nothing to clean up, and the end of the process frees it. */
#include "account_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

ct_err ct_account_lock(int *out, const char *key_path, struct ct_why *why)
{
    int fd = open(key_path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return ct_why(why, CT_ERR_CONFIG, "cannot open %s: %s", key_path, strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int failed = errno;
        (void)close(fd);
        return failed == EWOULDBLOCK
                   ? ct_why(why, CT_ERR_CONFIG,
                            "another wm-server runs with the account of %s; end it first", key_path)
                   : ct_why(why, CT_ERR_SYSTEM, "cannot lock %s: %s", key_path, strerror(failed));
    }
    *out = fd;
    return CT_OK;
}

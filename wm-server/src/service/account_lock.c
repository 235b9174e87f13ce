/* The lock is on the key file itself: nothing to clean up, and the end of the process frees it. */
#include "service/account_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "chain/key.h"

static ct_err taken(const char *key_source, struct ct_why *why)
{
    return ct_why(why, CT_ERR_CONFIG, "another wm-server runs with the account of %s; end it first",
                  key_source);
}

static ct_err lock_file(int *out, const char *key_path, bool is_shared, struct ct_why *why)
{
    int fd = open(key_path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return ct_why(why, CT_ERR_CONFIG, "cannot open %s: %s", key_path, strerror(errno));
    }
    if (flock(fd, (is_shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
        int failed = errno;
        (void)close(fd);
        return failed == EWOULDBLOCK
                   ? taken(key_path, why)
                   : ct_why(why, CT_ERR_SYSTEM, "cannot lock %s: %s", key_path, strerror(failed));
    }
    *out = fd;
    return CT_OK;
}

/* A name outside the file system, which one socket of this host's network can have. */
static ct_err lock_name(int *out, const char *key_source, const uint8_t addr20[20],
                        struct ct_why *why)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char addr[CT_ADDR_TEXT_LEN];
    ct_addr_text(addr, addr20);
    int len = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "chainturn-wm/%s", addr);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        bind(fd, (const struct sockaddr *)&name,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) != 0) {
        int failed = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return failed == EADDRINUSE
                   ? taken(key_source, why)
                   : ct_why(why, CT_ERR_SYSTEM, "cannot lock the account of %s: %s", key_source,
                            strerror(failed));
    }
    *out = fd;
    return CT_OK;
}

ct_err ct_account_lock(int *out, const char *key_source, const uint8_t addr20[20], bool is_shared,
                       struct ct_why *why)
{
    if (ct_source_is_path(key_source)) {
        return lock_file(out, key_source, is_shared, why);
    }
    return is_shared ? CT_OK : lock_name(out, key_source, addr20, why);
}

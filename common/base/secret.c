/* Secrets drawn, compared and wiped. */
#include "base/secret.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <openssl/crypto.h>

ct_err ct_random(void *out, size_t len)
{
    uint8_t *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len < 256 ? len : 256, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return CT_ERR_SYSTEM;
        }
        at += got;
        len -= (size_t)got;
    }
    return CT_OK;
}

void ct_wipe(void *data, size_t len)
{
    OPENSSL_cleanse(data, len);
}

bool ct_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && CRYPTO_memcmp(a, b, a_len) == 0;
}

bool ct_memory_lock(const void *data, size_t len)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = (uintptr_t)data / page * page;
    size_t span = (uintptr_t)data + len - from;
    bool locked = mlock(data, len) == 0;
    /* not on every kernel: what is locked stays locked */
    return madvise((void *)from, span, MADV_DONTDUMP) == 0 && locked;
}

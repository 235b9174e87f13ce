/* The same claims on both stores, one after the other: SQLite in a folder, then a Redis. */
#ifndef CT_BOTH_STORES_H
#define CT_BOTH_STORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ct_test.h"
#include "redis_server.h"
#include "temp_dir.h"

struct both_stores {
    struct temp_dir *folder;
    struct ct_redis_server *redis;
    bool *on_redis; /* what the claims go by */
    const struct ct_test *tests;
    size_t count;
    const struct ct_test *file_tests, *redis_tests; /* of one of them alone */
    size_t file_count, redis_count;
};

/* The exit code of main. */
static inline int both_stores_main(const struct both_stores *b)
{
    if (!temp_dir_make(b->folder)) {
        return 1;
    }
    printf("SQLite\n");
    int code = b->file_count > 0 ? ct_test_main(b->file_tests, b->file_count) : 0;
    code |= ct_test_main(b->tests, b->count);
    temp_dir_remove(b->folder);
    printf("Redis\n");
    if (!ct_redis_server_start(b->redis)) {
        return 1;
    }
    *b->on_redis = true;
    code |= ct_test_main(b->tests, b->count);
    code |= b->redis_count > 0 ? ct_test_main(b->redis_tests, b->redis_count) : 0;
    ct_redis_server_stop(b->redis);
    return code;
}

#endif

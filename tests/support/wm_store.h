/* The store under test, on SQLite or Redis as both_stores.h has it. */
#ifndef CT_TEST_WM_STORE_H
#define CT_TEST_WM_STORE_H

#include "both_stores.h"
#include "wm-server/src/store/store.h"

static struct temp_dir folder;
static char path[96]; /* of the SQLite store */
static struct ct_redis_server redis;
static bool on_redis;

/* The store of the claim that runs, as one more process would open it. */
static inline ct_err open_store(struct ct_store **out, struct ct_why *why)
{
    return on_redis ? ct_store_redis(out, redis.address, NULL, why)
                    : ct_store_sqlite(out, path, why);
}

/* The same, for s, which is closed; NULL is fine. */
static inline struct ct_store *again(struct ct_store *s)
{
    struct ct_why why = {{0}};
    ct_store_free(s);
    s = NULL;
    ct_err err = open_store(&s, &why);
    CHECK_EQ(err, CT_OK);
    if (err != CT_OK) {
        printf("    %s\n", why.text);
    }
    return s;
}

/* An empty store. */
static inline struct ct_store *open_new(void)
{
    static unsigned opened;
    (void)snprintf(path, sizeof path, "%s/store%u", folder.path, opened++);
    if (on_redis) {
        CHECK(ct_redis_server_say(&redis, "+OK", "FLUSHALL"));
    }
    return again(NULL);
}

/* main of claims about both stores. */
#define WM_STORE_MAIN(table)                                                          \
    int main(void)                                                                    \
    {                                                                                 \
        const struct both_stores all = {.folder = &folder,                            \
                                        .redis = &redis,                              \
                                        .on_redis = &on_redis,                        \
                                        .tests = (table),                             \
                                        .count = sizeof(table) / sizeof((table)[0])}; \
        return both_stores_main(&all);                                                \
    }

#endif

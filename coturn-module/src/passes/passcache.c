/* Passes whose signature held, with the password that follows. */
#include "passes/passcache.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

struct entry {
    uint64_t used; /* 0: free */
    uint8_t pass175[CT_PASS_LEN];
    char password[CT_PASS_PASSWORD_LEN + 1];
};

struct ct_passcache {
    uint64_t clock;
    struct entry sets[CT_PASSCACHE_SETS][CT_PASSCACHE_WAYS];
};

struct ct_passcache *ct_passcache_new(void)
{
    return calloc(1, sizeof(struct ct_passcache));
}

void ct_passcache_free(struct ct_passcache *cache)
{
    if (cache) {
        ct_passcache_clear(cache);
        free(cache);
    }
}

/* Ids are random numbers of the wallet manager's, so nobody chooses whom to drive out. */
static struct entry *set_of(struct ct_passcache *cache, const uint8_t id16[16])
{
    return cache->sets[((size_t)id16[0] << 8 | id16[1]) % CT_PASSCACHE_SETS];
}

bool ct_passcache_get(struct ct_passcache *cache, const uint8_t pass175[CT_PASS_LEN],
                      const uint8_t id16[16], char password[CT_PASS_PASSWORD_LEN + 1])
{
    struct entry *set = set_of(cache, id16);
    for (size_t i = 0; i < CT_PASSCACHE_WAYS; i++) {
        if (set[i].used != 0 && memcmp(set[i].pass175, pass175, CT_PASS_LEN) == 0) {
            set[i].used = ++cache->clock;
            if (password) {
                memcpy(password, set[i].password, sizeof(set[i].password));
            }
            return true;
        }
    }
    return false;
}

void ct_passcache_put(struct ct_passcache *cache, const uint8_t pass175[CT_PASS_LEN],
                      const uint8_t id16[16], const char password[CT_PASS_PASSWORD_LEN + 1])
{
    struct entry *set = set_of(cache, id16);
    struct entry *place = &set[0];
    for (size_t i = 1; i < CT_PASSCACHE_WAYS; i++) {
        if (set[i].used < place->used) {
            place = &set[i];
        }
    }
    place->used = ++cache->clock;
    memcpy(place->pass175, pass175, CT_PASS_LEN);
    memcpy(place->password, password, sizeof(place->password));
}

void ct_passcache_clear(struct ct_passcache *cache)
{
    ct_wipe(cache, sizeof(*cache));
}

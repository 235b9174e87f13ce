/*
 * Passes. Property: the fields of an accepted pass, signed again, give the same signed bytes; the
 * user name is the same pass in text and back; and a pass that no listed key signed never verifies.
 */
/* links: ct_kex ct_chain ct_base */
#include "kex/pass.h"

#include <string.h>

#include "chain/registry.h"
#include "fuzz.h"

enum { SIGNED_LEN = CT_PASS_LEN - 64 };

static void check_fields(const struct ct_pass *pass, const uint8_t *data)
{
    static const struct ct_secret32 seed = {{7}};
    struct ct_ed25519 key;
    uint8_t again[CT_PASS_LEN];
    HOLDS(ct_ed25519_from_seed(&key, &seed) == CT_OK);
    if (pass->expiry_s > 0 && pass->scope <= 1 &&
        ct_pass_sign(again, pass, &key, pass->expiry_s - 1) == CT_OK) {
        HOLDS(memcmp(again, data, SIGNED_LEN) == 0);
    }
}

static void check_verify(const struct ct_pass *pass, const uint8_t *data)
{
    static const struct ct_secret32 seed = {{8}}; /* its secret is in no input */
    struct ct_ed25519 key;
    struct ct_pass out;
    HOLDS(ct_ed25519_from_seed(&key, &seed) == CT_OK);
    struct ct_wm_key listed = {.id = pass->key_id, .not_after_s = UINT64_MAX};
    memcpy(listed.ed25519, key.public32, 32);
    HOLDS(ct_pass_verify(&out, data, CT_PASS_LEN, pass->deployment32, &listed, 1,
                         pass->expiry_s > 10 ? pass->expiry_s - 10 : 0, NULL) != CT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_pass pass;
    uint8_t again[CT_PASS_LEN];
    char name[CT_PASS_TEXT_LEN + 1];
    if (ct_pass_from_username(again, (const char *)data, size) == CT_OK) {
        ct_pass_username(name, again);
        HOLDS(size == CT_PASS_TEXT_LEN && memcmp(name, data, size) == 0);
        (void)(ct_pass_parse(&pass, again, sizeof(again)) == CT_OK);
    }
    if (ct_pass_parse(&pass, data, size) != CT_OK) {
        return 0;
    }
    HOLDS(size == CT_PASS_LEN);
    check_fields(&pass, data);
    check_verify(&pass, data);
    ct_pass_username(name, data);
    HOLDS(ct_pass_from_username(again, name, strlen(name)) == CT_OK &&
          memcmp(again, data, size) == 0);
    return 0;
}

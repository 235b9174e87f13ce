/*
 * Keystore files. Property: what is accepted asks for no more than the bounds and, written out, is
 * read as the same again; a refused one has a sentence of one line.
 */
/* links: ct_chain ct_base */
#include <string.h>

#include "chain/keystore.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_keystore one;
    struct ct_keystore two;
    struct ct_why why = {""};
    char text[CT_KEYSTORE_ROOM];
    char again[CT_KEYSTORE_ROOM];
    if (ct_keystore_parse(&one, (const char *)data, size, &why) != CT_OK) {
        HOLDS(why.text[0] != '\0' && fuzz_is_line(why.text, sizeof(why.text)));
        return 0;
    }
    HOLDS(ct_keystore_is((const char *)data, size));
    HOLDS(one.salt_len >= 1 && one.salt_len <= CT_KEYSTORE_SALT_MAX);
    uint64_t block = (uint64_t)one.n * one.r;
    HOLDS(one.is_scrypt ? 128 * block <= CT_KEYSTORE_MEMORY_MAX &&
                              block * one.p <= CT_KEYSTORE_WORK_MAX && one.rounds == 0
                        : one.rounds >= 1 && one.rounds <= CT_KEYSTORE_WORK_MAX && one.n == 0);
    HOLDS(ct_keystore_format(text, sizeof(text), &one) == CT_OK);
    HOLDS(ct_keystore_parse(&two, text, strlen(text), &why) == CT_OK);
    HOLDS(ct_keystore_format(again, sizeof(again), &two) == CT_OK && strcmp(text, again) == 0);
    return 0;
}

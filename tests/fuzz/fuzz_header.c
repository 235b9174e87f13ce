/*
 * A block object as a node tells it. Property: an accepted header has the hash that the object
 * names, and its number, time, parent and state root are those of the object's members.
 */
/* links: ct_chain ct_base */
#include <string.h>

#include "chain/header.h"
#include "chain/json.h"
#include "fuzz.h"

static void check(const struct ct_header *header, const struct ct_json *block)
{
    uint64_t number = 0;
    uint8_t hash[32];
    HOLDS(ct_json_fixed(hash, 32, ct_json_get(block, "hash")) == CT_OK &&
          memcmp(hash, header->hash32, 32) == 0);
    HOLDS(ct_json_fixed(hash, 32, ct_json_get(block, "parentHash")) == CT_OK &&
          memcmp(hash, header->parent32, 32) == 0);
    HOLDS(ct_json_fixed(hash, 32, ct_json_get(block, "stateRoot")) == CT_OK &&
          memcmp(hash, header->state_root32, 32) == 0);
    HOLDS(ct_json_u64(&number, ct_json_get(block, "number")) == CT_OK && number == header->number);
    HOLDS(ct_json_u64(&number, ct_json_get(block, "timestamp")) == CT_OK &&
          number == header->timestamp_s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_json *block = NULL;
    struct ct_header header;
    struct ct_why why = {""};
    if (ct_json_parse(&block, (const char *)data, size) != CT_OK) {
        return 0;
    }
    ct_err err = ct_header_read(&header, block, &why);
    if (err == CT_OK) {
        check(&header, block);
    } else {
        HOLDS(err == CT_ERR_FORMAT || err == CT_ERR_AUTH);
        HOLDS(why.text[0] != '\0' && fuzz_is_line(why.text, sizeof(why.text)));
    }
    ct_json_free(block);
    return 0;
}

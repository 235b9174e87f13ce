/* The header's fields in the order of their forks; each one is a line of the table. */
#include "chain/header.h"

#include <string.h>

#include "base/bytes.h"
#include "chain/keccak.h"
#include "chain/rlp.h"

enum { FIRST_FORK_FIELDS = 15, EXTRA_MAX = 1024, HEADER_ROOM = 4096 };

struct field {
    const char *name;
    size_t len; /* of fixed data; 0: a quantity, SIZE_MAX: data of any length up to EXTRA_MAX */
};

static const struct field fields[] = {
    {"parentHash", 32},
    {"sha3Uncles", 32},
    {"miner", 20},
    {"stateRoot", 32},
    {"transactionsRoot", 32},
    {"receiptsRoot", 32},
    {"logsBloom", 256},
    {"difficulty", 0},
    {"number", 0},
    {"gasLimit", 0},
    {"gasUsed", 0},
    {"timestamp", 0},
    {"extraData", SIZE_MAX},
    {"mixHash", 32},
    {"nonce", 8},
    {"baseFeePerGas", 0},          /* London, EIP-1559 */
    {"withdrawalsRoot", 32},       /* Shanghai, EIP-4895 */
    {"blobGasUsed", 0},            /* Cancun, EIP-4844 */
    {"excessBlobGas", 0},          /* Cancun, EIP-4844 */
    {"parentBeaconBlockRoot", 32}, /* Cancun, EIP-4788 */
    {"requestsHash", 32},          /* Prague, EIP-7685 */
};

/* What else a block object may have: no part of the header. */
static const char *const others[] = {"hash",   "size",        "totalDifficulty", "transactions",
                                     "uncles", "withdrawals", "author",          "sealFields"};

static size_t field_count(void)
{
    return sizeof(fields) / sizeof(fields[0]);
}

static ct_err write_field(struct ct_wr *w, const struct field *field, const struct ct_json *value)
{
    uint8_t data[EXTRA_MAX];
    size_t len = field->len;
    if (field->len == 0) {
        struct ct_u256 number;
        ct_err err = ct_json_u256(&number, value);
        if (err == CT_OK) {
            ct_rlp_u256(w, &number);
        }
        return err;
    }
    ct_err err = field->len == SIZE_MAX ? ct_json_data(data, sizeof(data), &len, value)
                                        : ct_json_fixed(data, len, value);
    if (err == CT_OK) {
        ct_rlp_bytes(w, data, len);
    }
    return err == CT_OK ? CT_OK : CT_ERR_FORMAT;
}

/* Later forks only add fields at the end: the first that is missing ends the header. */
static ct_err write_fields(struct ct_wr *w, const struct ct_json *block, struct ct_why *why)
{
    bool ended = false;
    for (size_t i = 0; i < field_count(); i++) {
        const struct ct_json *value = ct_json_get(block, fields[i].name);
        if (value == NULL && i >= FIRST_FORK_FIELDS) {
            ended = true;
            continue;
        }
        if (ended || write_field(w, &fields[i], value) != CT_OK) {
            return ct_why(why, CT_ERR_FORMAT,
                          "the block's field %s is missing, malformed or out of its fork's order",
                          fields[i].name);
        }
    }
    return CT_OK;
}

static bool is_known(const char *name)
{
    for (size_t i = 0; i < field_count(); i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcmp(others[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static ct_err wrong_hash(const struct ct_json *block, struct ct_why *why)
{
    const char *name;
    for (size_t i = 0; (name = ct_json_key_at(block, i)) != NULL; i++) {
        if (!is_known(name)) {
            return ct_why(why, CT_ERR_AUTH,
                          "the block's hash cannot be recomputed and its header has a field %.40s "
                          "that this version does not know; update chainturn for this fork",
                          name);
        }
    }
    return ct_why(why, CT_ERR_AUTH, "the block's fields do not hash to the hash given with them");
}

static ct_err hash_block(uint8_t hash32[32], const struct ct_json *block, struct ct_why *why)
{
    uint8_t payload[HEADER_ROOM];
    uint8_t head[8];
    struct ct_wr w = ct_wr_init(payload, sizeof(payload));
    struct ct_wr list = ct_wr_init(head, sizeof(head));
    struct ct_keccak k;
    if (!ct_json_is_object(block)) {
        return ct_why(why, CT_ERR_FORMAT, "the answer is not a block");
    }
    ct_err err = write_fields(&w, block, why);
    if (err != CT_OK) {
        return err;
    }
    if (ct_wr_end(&w) != CT_OK) {
        return ct_why(why, CT_ERR_FORMAT, "the block's header is too long");
    }
    ct_rlp_list_head(&list, w.len);
    ct_keccak_init(&k);
    ct_keccak_update(&k, head, list.len);
    ct_keccak_update(&k, payload, w.len);
    ct_keccak_final(&k, hash32);
    return CT_OK;
}

ct_err ct_header_read(struct ct_header *out, const struct ct_json *block, struct ct_why *why)
{
    struct ct_header header;
    uint8_t claimed[32];
    ct_err err = hash_block(header.hash32, block, why);
    if (err != CT_OK) {
        return err;
    }
    if (ct_json_u64(&header.number, ct_json_get(block, "number")) != CT_OK ||
        ct_json_u64(&header.timestamp_s, ct_json_get(block, "timestamp")) != CT_OK ||
        ct_json_fixed(header.parent32, 32, ct_json_get(block, "parentHash")) != CT_OK ||
        ct_json_fixed(header.state_root32, 32, ct_json_get(block, "stateRoot")) != CT_OK ||
        ct_json_fixed(claimed, 32, ct_json_get(block, "hash")) != CT_OK) {
        return ct_why(why, CT_ERR_FORMAT, "the block's number, time or hash is malformed");
    }
    if (memcmp(claimed, header.hash32, 32) != 0) {
        return wrong_hash(block, why);
    }
    *out = header;
    return CT_OK;
}

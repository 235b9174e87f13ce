/* Seeds of the chain's parsers: the recorded blocks and proofs, and what our encoders write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "chain/abi.h"
#include "chain/json.h"
#include "chain/registry.h"
#include "chain/rlp.h"
#include "chain/tx.h"
#include "fuzz_trie.h"
#include "seeds.h"
#include "vectors.h"

static void rlp(void)
{
    uint8_t out[256];
    uint8_t many[60] = {1, 2, 3};
    struct ct_u256 number = {{[20] = 9}};
    struct ct_wr w = ct_wr_init(out, sizeof(out));
    ct_rlp_u256(&w, &number);
    seed("rlp", "number", out, w.len);
    w = ct_wr_init(out, sizeof(out));
    ct_rlp_bytes(&w, many, 20);
    seed("rlp", "address", out, w.len);
    w = ct_wr_init(out, sizeof(out));
    ct_rlp_list_head(&w, 62 + 1 + 1 + 2);
    ct_rlp_bytes(&w, many, sizeof(many)); /* 62 with its head */
    ct_rlp_u64(&w, 0);
    ct_rlp_list_head(&w, 0);
    ct_rlp_list_head(&w, 1);
    ct_rlp_u64(&w, 5);
    seed("rlp", "nested", out, w.len);
    memset(out, 0xc1, 32);
    out[31] = 0xc0;
    seed("rlp", "deep", out, 32); /* malformed: each list holds one byte */
    for (uint8_t i = 0; i < 32; i++) {
        out[i] = (uint8_t)(0xc0 + 31 - i);
    }
    seed("rlp", "deepest", out, 32);
    seed("rlp", "long-form-for-short", "\xb8\x01\x80", 3);
    seed("rlp", "leading-zero", "\x82\x00\x01", 3);
}

static const char *member(const struct ct_json *side, const char *list, size_t number)
{
    return ct_json_text(ct_json_at(ct_json_get(side, list), number));
}

/* A block with its transactions is in no need of the transactions: only the header's fields. */
static void headers(void)
{
    struct ct_json *all = ct_vectors_file("~/tests/vectors/anvil/proofs.json");
    const struct ct_json *side = ct_json_get(all, "a");
    for (size_t i = 0; i < 4; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "block-%zu", i);
        seed_text("header", name, member(side, "blocks", i));
        seed_text("json", name, member(side, "blocks", i));
    }
    seed_text("json", "proof", member(side, "proofs", 1));
    char *text = malloc(20000);
    int len = snprintf(text, 20000, "%c{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}", '\0',
                       member(side, "blocks", 1));
    seed("jsonrpc", "block", text, (size_t)len);
    free(text);
    ct_json_free(all);
}

static void json(void)
{
    seed_text("json", "types",
              "{\"a\":[1,-2,true,false,null,\"x\",{}],\"b\":1.5e3,\"c\":\"\\u0041\"}");
    seed_text("json", "nul", "{\"a\":\"x\\u0000y\",\"a\":2}");
    seed_text("json", "quantity", "[\"0x0\",\"0x1f\",\"0x\",\"0x0102\",\"0X1\",\"0x01\"]");
    seed_text("json", "deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    static const char null[] = "\0{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}";
    seed("jsonrpc", "null", null, sizeof(null) - 1);
    seed_text(
        "jsonrpc", "batch",
        "\x01[{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"0x1\"},{\"jsonrpc\":\"2.0\",\"id\":1,"
        "\"error\":{\"code\":-32000,\"message\":\"no\\nsuch\",\"data\":\"0x08c379a0\"}}]");
    seed_text("jsonrpc", "revert",
              "\x04{\"id\":1,\"jsonrpc\":\"2.0\",\"error\":{\"code\":3,\"message\":\"execution "
              "reverted\",\"data\":\"0x1425ea42\"}}");
}

static void proofs(void)
{
    static struct fuzz_trie trie;
    fuzz_trie_make(&trie);
    for (size_t which = 0; which < FUZZ_TRIE_ENTRIES + 2; which += 3) {
        struct ct_span nodes[CT_TRIE_NODES_MAX];
        uint8_t key[32] = {0x77, (uint8_t)which};
        uint8_t out[4096];
        char name[24];
        const uint8_t *asked = which < FUZZ_TRIE_ENTRIES ? trie.keys[which] : key;
        size_t count =
            ct_trie_build_proof(nodes, trie.entries, FUZZ_TRIE_ENTRIES, asked, sizeof(key));
        struct ct_wr w = ct_wr_init(out, sizeof(out));
        ct_wr_u8(&w, (uint8_t)(which < FUZZ_TRIE_ENTRIES ? which : 255));
        ct_wr_bytes(&w, asked, sizeof(key));
        for (size_t i = 0; i < count; i++) {
            ct_wr_be16(&w, (uint16_t)nodes[i].len);
            ct_wr_bytes(&w, nodes[i].data, nodes[i].len);
            free((void *)(uintptr_t)nodes[i].data);
        }
        (void)snprintf(name, sizeof(name), "proof-%zu", which);
        seed("trie", name, out, w.len);
    }
}

static void receipts(void)
{
    static const char head[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"transactionHash\":\"0xab%062d\",\"status\":"
        "\"0x%d\","
        "\"blockNumber\":\"0x10\",\"blockHash\":\"0x%064d\",\"gasUsed\":\"0x5208\","
        "\"effectiveGasPrice\":\"0x3b9aca00\",\"contractAddress\":%s,\"logs\":[%s]}}";
    char text[2048];
    char log[600];
    char topic[67];
    uint8_t hash[32];
    (void)snprintf(text, sizeof(text), head, 0, 1, 7, "null", "");
    seed_text("receipt", "transfer", text);
    (void)snprintf(text, sizeof(text), head, 0, 0, 7, "null", "");
    seed_text("receipt", "reverted", text);
    ct_abi_topic(hash, "Logged(uint64,uint8,bytes32,bytes32)");
    ct_hex0x(topic, hash, sizeof(hash));
    (void)snprintf(
        log, sizeof(log),
        "{\"address\":\"0x%040d\",\"topics\":[\"%s\",\"0x%064d\"],\"data\":\"0x%0192d\"}", 0, topic,
        1, 1);
    (void)snprintf(text, sizeof(text), head, 0, 1, 7,
                   "\"0x00000000000000000000000000000000000000aa\"", log);
    seed_text("receipt", "logged", text);
    seed_text("receipt", "none", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}");
}

static void transactions(void)
{
    static const struct ct_secret32 secret = {{1, 2, 3}};
    static const uint8_t data[40] = {0xde, 0xad};
    static const uint8_t access_list[] = {0xd7, 0xd6, 0x94, 1,  2,  3,  4,  5,  6,  7,  8,  9,
                                          10,   11,   12,   13, 14, 15, 16, 17, 18, 19, 20, 0xc0};
    struct ct_wallet wallet;
    uint8_t out[512];
    uint8_t hash[32];
    size_t len = 0;
    struct ct_tx tx = {.chain_id = 31337, .nonce = 7, .gas_limit = 21000, .to20 = {0xaa}};
    tx.max_fee_wei = ct_u256_from_u64(2000000000);
    tx.max_priority_fee_wei = ct_u256_from_u64(1);
    for (unsigned kind = 0; kind < 4; kind++) {
        static const char *const names[] = {"transfer", "call", "creation", "access-list"};
        tx.value_wei = ct_u256_from_u64(kind == 0 ? 1000000000000000000u : 0);
        tx.data = data;
        tx.data_len = kind == 0 ? 0 : sizeof(data);
        tx.creates = kind == 2;
        tx.access_list = kind == 3 ? access_list : NULL;
        tx.access_list_len = kind == 3 ? sizeof(access_list) : 0;
        if (ct_wallet_from_secret(&wallet, &secret) != CT_OK ||
            ct_tx_sign(out, sizeof(out), &len, hash, &tx, &wallet) != CT_OK) {
            abort();
        }
        seed("tx", names[kind], out, len);
    }
}

static void records(void)
{
    uint8_t words[4][32] = {{0}};
    struct ct_device device = {.wallet20 = {0xaa},
                               .state = CT_RECORD_APPROVED,
                               .expiry_day = 20000,
                               .sequence = 3,
                               .relay = 1,
                               .port = 50000,
                               .backup_relay = 2,
                               .backup_port = 50001,
                               .key32 = {0xbb}};
    struct ct_relay relay = {.owner20 = {0xcc},
                             .state = CT_RECORD_APPROVED,
                             .listen_port = 3478,
                             .port_min = 49152,
                             .port_max = 65535,
                             .expiry_day = 20000,
                             .listen_ip4 = {198, 51, 100, 11},
                             .relay_ip4 = {198, 51, 100, 11},
                             .key32 = {0xdd}};
    uint8_t out[160];
    ct_device_encode(words, &device);
    seed("abi", "device", words, 64);
    ct_relay_encode(words, &relay);
    seed("abi", "relay", words, sizeof(words));
    struct ct_wr w = ct_wr_init(out, sizeof(out));
    ct_abi_put_u64(&w, 32);
    ct_abi_put_bytes(&w, "a reason of the contract", 24);
    seed("abi", "bytes", out, w.len);
    w = ct_wr_init(out, sizeof(out));
    ct_abi_selector(out, "OwnableUnauthorizedAccount(address)");
    seed("abi", "error", out, 4);
}

void seeds_chain(void)
{
    rlp();
    json();
    headers();
    proofs();
    receipts();
    transactions();
    records();
}

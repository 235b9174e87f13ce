/* Main-net blocks and proofs, and what geth answered, through our headers, tries, receipts. */
#include <dirent.h>
#include <stdlib.h>

#include "chain/header.h"
#include "chain/jsonrpc.h"
#include "chain/keccak.h"
#include "chain/rlp.h"
#include "chain/rpc.h"
#include "chain/trie.h"
#include "chain/tx.h"
#include "ct_test.h"
#include "vectors.h"

static struct ct_json *read_json(const char *path)
{
    char full[512];
    (void)snprintf(full, sizeof(full), "%s/%s", CT_REPLAY_DIR, path);
    return ct_vectors_file(full);
}

struct proof {
    struct ct_span nodes[CT_TRIE_NODES_MAX];
    size_t count;
};

static void read_proof(struct proof *out, const struct ct_json *list)
{
    out->count = ct_json_count(list);
    for (size_t i = 0; i < out->count && i < CT_TRIE_NODES_MAX; i++) {
        out->nodes[i].data =
            ct_vectors_unhex(ct_json_text(ct_json_at(list, i)), &out->nodes[i].len);
    }
}

static void free_proof(struct proof *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free((void *)(uintptr_t)p->nodes[i].data);
    }
}

static void every_flipped_bit_is_refused(const uint8_t root32[32], const uint8_t key32[32],
                                         const struct proof *p)
{
    for (size_t n = 0; n < p->count; n++) {
        uint8_t *data = (uint8_t *)(uintptr_t)p->nodes[n].data;
        for (size_t bit = 0; bit < 8 * p->nodes[n].len; bit++) {
            struct ct_span value;
            bool found;
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            CHECK_EQ(ct_trie_verify(&found, &value, root32, key32, 32, p->nodes, p->count),
                     CT_ERR_AUTH);
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

/* An eth_getProof result against a state root; number of slots that are not zero. */
static size_t check_result(const struct ct_json *result, const uint8_t state_root32[32], bool flip)
{
    struct ct_account account;
    struct proof p;
    uint8_t addr[20];
    uint8_t key[32];
    uint8_t want[32];
    bool found = false;
    size_t present = 0;
    const struct ct_json *slots = ct_json_get(result, "storageProof");
    read_proof(&p, ct_json_get(result, "accountProof"));
    CHECK_EQ(ct_json_fixed(addr, 20, ct_json_get(result, "address")), CT_OK);
    CHECK_EQ(ct_trie_account(&found, &account, state_root32, addr, p.nodes, p.count), CT_OK);
    CHECK(found);
    CHECK_EQ(ct_json_fixed(want, 32, ct_json_get(result, "codeHash")), CT_OK);
    CHECK_MEM(account.code_hash32, want, 32);
    CHECK_EQ(ct_json_fixed(want, 32, ct_json_get(result, "storageHash")), CT_OK);
    CHECK_MEM(account.storage_root32, want, 32);
    struct ct_u256 balance;
    CHECK_EQ(ct_json_u256(&balance, ct_json_get(result, "balance")), CT_OK);
    CHECK_MEM(account.balance_wei32, balance.be, 32);
    ct_keccak256(key, addr, 20);
    if (flip) {
        every_flipped_bit_is_refused(state_root32, key, &p);
    }
    free_proof(&p);
    for (size_t i = 0; i < ct_json_count(slots); i++) {
        const struct ct_json *one = ct_json_at(slots, i);
        struct ct_u256 slot;
        struct ct_u256 value;
        uint8_t got[32];
        CHECK_EQ(ct_json_u256(&slot, ct_json_get(one, "key")), CT_OK);
        CHECK_EQ(ct_json_u256(&value, ct_json_get(one, "value")), CT_OK);
        read_proof(&p, ct_json_get(one, "proof"));
        CHECK_EQ(ct_trie_storage(got, account.storage_root32, slot.be, p.nodes, p.count), CT_OK);
        CHECK_MEM(got, value.be, 32);
        present += !ct_u256_is_zero(&value);
        ct_keccak256(key, slot.be, 32);
        if (flip) {
            every_flipped_bit_is_refused(account.storage_root32, key, &p);
        }
        free_proof(&p);
    }
    return present;
}

static void main_net_block_and_proofs_hold_and_no_changed_bit_does(void)
{
    struct ct_json *block = read_json("mainnet/proof_block.json");
    struct ct_json *proof = read_json("mainnet/storage_proof.json");
    struct ct_header header;
    struct ct_why why = {""};
    REQUIRE(block != NULL && proof != NULL);
    REQUIRE(ct_header_read(&header, block, &why) == CT_OK);
    CHECK_EQ(header.number, 0x1625d67);
    CHECK_EQ(check_result(proof, header.state_root32, true), 1);
    ct_json_free(proof);
    ct_json_free(block);
}

/* The line of a recorded exchange that begins with mark ("<< " answer, ">> " request). */
static struct ct_json *io_line(const char *folder, const char *file, const char *mark)
{
    char path[512];
    size_t len = 0;
    struct ct_json *json = NULL;
    (void)snprintf(path, sizeof(path), "%s/execution-apis/%s/%s", CT_REPLAY_DIR, folder, file);
    char *text = ct_vectors_read(path, &len);
    const char *line = text != NULL ? strstr(text, mark) : NULL;
    if (line == NULL || ct_json_parse(&json, line + 3, strcspn(line + 3, "\n")) != CT_OK) {
        printf("    cannot read %s\n", path);
    }
    free(text);
    return json;
}

static size_t for_each(const char *folder, void (*run)(const char *file))
{
    char path[512];
    size_t count = 0;
    (void)snprintf(path, sizeof(path), "%s/execution-apis/%s", CT_REPLAY_DIR, folder);
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strstr(entry->d_name, ".io") != NULL) {
            run(entry->d_name);
            count++;
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return count;
}

static size_t hashed;

static void check_block(const char *file)
{
    struct ct_json *json = io_line("eth_getBlockByNumber", file, "<< ");
    struct ct_header header;
    struct ct_why why = {""};
    const struct ct_json *block = ct_json_get(json, "result");
    if (!ct_json_is_null(block)) {
        ct_err err = ct_header_read(&header, block, &why);
        if (err != CT_OK) {
            printf("    %s: %s\n", file, why.text);
        }
        CHECK_EQ(err, CT_OK);
        hashed++;
    }
    ct_json_free(json);
}

static void geth_blocks_of_every_fork_hash_to_their_hash(void)
{
    CHECK(for_each("eth_getBlockByNumber", check_block) >= 10);
    CHECK(hashed >= 8);
}

static uint8_t latest_root[32];

static void check_get_proof(const char *file)
{
    struct ct_json *json = io_line("eth_getProof", file, "<< ");
    (void)check_result(ct_json_get(json, "result"), latest_root, false);
    ct_json_free(json);
}

static void geth_proofs_hold_against_its_latest_block(void)
{
    struct ct_json *json = io_line("eth_getBlockByNumber", "get-latest.io", "<< ");
    struct ct_header header;
    REQUIRE(ct_header_read(&header, ct_json_get(json, "result"), NULL) == CT_OK);
    memcpy(latest_root, header.state_root32, 32);
    CHECK_EQ(for_each("eth_getProof", check_get_proof), 4);
    ct_json_free(json);
}

static const char *replayed; /* what the transport answers next */

static ct_err replay(void *arg, struct ct_http_request *requests, size_t count, uint32_t timeout_ms,
                     ct_http_enough *enough, void *enough_arg)
{
    (void)arg;
    (void)timeout_ms;
    (void)enough;
    (void)enough_arg;
    for (size_t i = 0; i < count; i++) {
        requests[i].err = CT_OK;
        requests[i].response_len = strlen(replayed);
        requests[i].response = malloc(requests[i].response_len + 1);
        memcpy(requests[i].response, replayed, requests[i].response_len + 1);
    }
    return CT_OK;
}

static struct ct_chain *chain;

static void check_receipt(const char *file)
{
    char path[512];
    size_t len = 0;
    struct ct_receipt receipt;
    struct ct_why why = {""};
    uint8_t hash[32];
    struct ct_json *request = io_line("eth_getTransactionReceipt", file, ">> ");
    (void)snprintf(path, sizeof(path), "%s/execution-apis/eth_getTransactionReceipt/%s",
                   CT_REPLAY_DIR, file);
    char *text = ct_vectors_read(path, &len);
    CHECK_EQ(ct_json_fixed(hash, 32, ct_json_at(ct_json_get(request, "params"), 0)), CT_OK);
    char *line = strstr(text, "<< ") + 3;
    line[strcspn(line, "\n")] = '\0';
    replayed = line;
    ct_err err = ct_rpc_receipt(chain, hash, &receipt, &why);
    /* before Byzantium (EIP-658) a receipt did not say whether the transaction succeeded */
    bool says_status = strstr(line, "\"root\":") == NULL;
    CHECK_EQ(err == CT_OK, says_status);
    if (err == CT_OK) {
        CHECK_EQ(receipt.found, strstr(file, "notfound") == NULL && strstr(file, "empty") == NULL);
        CHECK(!receipt.found || receipt.gas_used >= 21000);
        ct_receipt_free(&receipt);
    }
    free(text);
    ct_json_free(request);
}

static void geth_receipts_of_every_kind_are_read(void)
{
    struct ct_bundle bundle = {.chain_id = 1, .rpc = {"http://replay"}, .rpc_count = 1};
    const struct ct_chain_env env = {.http = replay};
    ct_bundle_allow_single(&bundle);
    REQUIRE(ct_chain_open(&chain, &bundle, &env, NULL) == CT_OK);
    CHECK(for_each("eth_getTransactionReceipt", check_receipt) >= 8);
    ct_chain_free(chain);
}

static void geth_took_transactions_that_we_decode(void)
{
    static const char *const files[] = {"send-dynamic-fee-transaction.io",
                                        "send-dynamic-fee-access-list-transaction.io"};
    for (size_t i = 0; i < 2; i++) {
        struct ct_json *json = io_line("eth_sendRawTransaction", files[i], ">> ");
        struct ct_json *answer = io_line("eth_sendRawTransaction", files[i], "<< ");
        struct ct_tx tx;
        uint8_t sig[CT_SIG_LEN];
        uint8_t from[20];
        uint8_t hash[32];
        uint8_t want[32];
        uint8_t again[4096];
        size_t len = 0;
        uint8_t *raw =
            ct_vectors_unhex(ct_json_text(ct_json_at(ct_json_get(json, "params"), 0)), &len);
        CHECK_EQ(ct_tx_read_signed(&tx, sig, from, raw, len), CT_OK);
        struct ct_wr w = ct_wr_init(again, sizeof(again));
        ct_tx_write_signed(&w, &tx, sig);
        CHECK_EQ(w.len, len);
        CHECK_MEM(again, raw, len);
        ct_keccak256(hash, raw, len);
        CHECK_EQ(ct_json_fixed(want, 32, ct_json_get(answer, "result")), CT_OK);
        CHECK_MEM(hash, want, 32);
        free(raw);
        ct_json_free(answer);
        ct_json_free(json);
    }
}

/* Of another type than ours, or carrying blobs. */
static void geth_took_transactions_that_we_do_not(void)
{
    static const char *const files[] = {"send-legacy-transaction.io",
                                        "send-access-list-transaction.io", "send-blob-tx.io"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct ct_json *json = io_line("eth_sendRawTransaction", files[i], ">> ");
        struct ct_tx tx;
        uint8_t sig[CT_SIG_LEN];
        size_t len = 0;
        uint8_t *raw =
            ct_vectors_unhex(ct_json_text(ct_json_at(ct_json_get(json, "params"), 0)), &len);
        CHECK(len > 0);
        CHECK_EQ(ct_tx_read_signed(&tx, sig, NULL, raw, len), CT_ERR_FORMAT);
        free(raw);
        ct_json_free(json);
    }
}

static const char *answers_of; /* the folder whose exchanges are read now */
static size_t answers;

/* Answers of id 1, which the recorded ones have. */
static void check_answer(const char *file)
{
    char path[512];
    size_t len = 0;
    struct ct_json *document = NULL;
    struct ct_jsonrpc_answer answer;
    (void)snprintf(path, sizeof(path), "%s/execution-apis/%s/%s", CT_REPLAY_DIR, answers_of, file);
    char *text = ct_vectors_read(path, &len);
    const char *line = strstr(text, "<< ") + 3;
    ct_err err = ct_jsonrpc_read(&document, &answer, 1, line, strcspn(line, "\n"));
    if (err != CT_OK) {
        printf("    not read: %s/%s\n", answers_of, file);
    }
    CHECK_EQ(err, CT_OK);
    CHECK_EQ(answer.failed, strstr(line, "\"error\":") != NULL);
    CHECK(!answer.failed || (answer.error_code != 0 && answer.error_text[0] != '\0'));
    answers++;
    ct_json_free(document);
    free(text);
}

static void every_recorded_answer_is_read_as_a_result_or_an_error(void)
{
    static const char *const folders[] = {
        "debug_getRawHeader",    "eth_call",     "eth_feeHistory",   "eth_getBlockByNumber",
        "eth_getLogs",           "eth_getProof", "eth_getStorageAt", "eth_getTransactionReceipt",
        "eth_sendRawTransaction"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        answers_of = folders[i];
        (void)for_each(folders[i], check_answer);
    }
    printf("    %zu recorded answers\n", answers);
    CHECK(answers >= 50);
}

static size_t raw_headers;

static void check_raw_header(const char *file)
{
    struct ct_json *json = io_line("debug_getRawHeader", file, "<< ");
    const char *text = ct_vectors_text(json, "result");
    size_t len = 0;
    uint8_t *raw = ct_vectors_unhex(text, &len);
    if (len > 0) {
        CHECK_EQ(ct_rlp_check(raw, len), CT_OK);
        CHECK_EQ(ct_rlp_check(raw, len - 1), CT_ERR_FORMAT);
        raw_headers++;
    }
    free(raw);
    ct_json_free(json);
}

static void geth_headers_are_canonical_rlp(void)
{
    (void)for_each("debug_getRawHeader", check_raw_header);
    CHECK(raw_headers >= 2);
}

static const struct ct_test tests[] = {
    CT_TEST(main_net_block_and_proofs_hold_and_no_changed_bit_does),
    CT_TEST(geth_blocks_of_every_fork_hash_to_their_hash),
    CT_TEST(geth_proofs_hold_against_its_latest_block),
    CT_TEST(geth_receipts_of_every_kind_are_read),
    CT_TEST(geth_took_transactions_that_we_decode),
    CT_TEST(geth_took_transactions_that_we_do_not),
    CT_TEST(every_recorded_answer_is_read_as_a_result_or_an_error),
    CT_TEST(geth_headers_are_canonical_rlp),
};
CT_TEST_MAIN(tests)

/*
 * The wallet manager's answers as a device reads them. Property: whatever is accepted is what was
 * asked for (a pass for our key that verifies, the operation with our id in a known state, a
 * voucher for our name, wallet and token that its named approver signed), and a problem becomes an
 * error and one line of text.
 */
/* links: ct_wm ct_kex ct_chain ct_base */
#include <string.h>

#include "api_world.h"
#include "chain/json.h"
#include "wm/answers.h"
#include "wm/problem.h"

static void check_pass(const struct ct_json *document)
{
    static const struct ct_secret32 seed = {{7}};
    static const uint8_t deployment[32] = {0xd0};
    static const uint8_t key[32] = {0xbb};
    struct ct_ed25519 signs;
    struct ct_wm_key listed = {.id = 1, .not_after_s = API_NOW_S + 1000};
    struct ct_why why = {{0}};
    struct ct_pass pass;
    uint8_t bytes[CT_PASS_LEN];
    uint64_t expires_s = 0;
    HOLDS(ct_ed25519_from_seed(&signs, &seed) == CT_OK);
    memcpy(listed.ed25519, signs.public32, 32);
    const struct ct_wm_pass_want want = {.deployment32 = deployment,
                                         .keys = &listed,
                                         .key_count = 1,
                                         .pass_key32 = key,
                                         .now_s = API_NOW_S};
    if (ct_wm_read_pass(bytes, &expires_s, document, &want, &why) != CT_OK) {
        HOLDS(why.text[0] != '\0' && fuzz_is_line(why.text, sizeof(why.text)));
        return;
    }
    HOLDS(ct_pass_verify(&pass, bytes, sizeof(bytes), deployment, &listed, 1, API_NOW_S, &why) ==
          CT_OK);
    HOLDS(memcmp(pass.key32, key, 32) == 0 && pass.expiry_s == expires_s);
}

static void check_operation(const struct ct_json *document)
{
    struct ct_wm_operation op;
    if (ct_wm_read_operation(&op, document, ANSWERS_OPERATION) != CT_OK) {
        return;
    }
    HOLDS(strcmp(op.id, ANSWERS_OPERATION) == 0);
    HOLDS(op.state >= CT_WM_QUEUED && op.state <= CT_WM_FAILED && op.block <= INT64_MAX);
    HOLDS(memchr(op.reason, '\0', sizeof(op.reason)) != NULL);
}

static void check_voucher(const struct ct_json *document)
{
    struct api_world w;
    struct ct_wm_voucher v;
    struct ct_why why = {{0}};
    uint8_t digest[32];
    uint8_t want32[32];
    api_world_make(&w);
    const struct ct_wm_voucher_want want = {.chain_id = API_CHAIN_ID,
                                            .contract20 = w.contract20,
                                            .identity = API_IDENTITY,
                                            .token = ANSWERS_TOKEN,
                                            .wallet20 = w.wallet.addr20,
                                            .now_s = API_NOW_S};
    if (ct_wm_read_voucher(&v, document, &want, &why) != CT_OK) {
        HOLDS(why.text[0] != '\0' && fuzz_is_line(why.text, sizeof(why.text)));
        return;
    }
    HOLDS(memcmp(v.signed_.voucher.wallet20, w.wallet.addr20, 20) == 0);
    HOLDS(v.signed_.voucher.deadline_s > API_NOW_S && v.gas >= 1 && v.gas <= CT_WM_GAS_MAX);
    HOLDS(ct_identity_hash(want32, API_IDENTITY) == CT_OK &&
          memcmp(v.signed_.voucher.id_hash32, want32, 32) == 0);
    ct_token_hash(want32, ANSWERS_TOKEN);
    HOLDS(memcmp(v.signed_.voucher.token_hash32, want32, 32) == 0);
    ct_voucher_digest(digest, API_CHAIN_ID, w.contract20, &v.signed_.voucher);
    HOLDS(ct_sig_check(v.approver20, digest, v.signed_.sig65) == CT_OK);
    HOLDS(v.is_paid || ct_wm_id_valid(v.payment.id));
}

static void check_problem(const uint8_t *data, size_t size)
{
    static struct ct_wm_answer answer;
    struct ct_why why = {{0}};
    memset(&answer, 0, sizeof(answer));
    answer.status = 409;
    answer.body_len = size < sizeof(answer.body) - 1 ? size : sizeof(answer.body) - 1;
    memcpy(answer.body, data, answer.body_len);
    HOLDS(ct_wm_problem(&answer, "refused", &why) != CT_OK);
    HOLDS(memchr(answer.problem, '\0', sizeof(answer.problem)) != NULL);
    HOLDS(why.text[0] != '\0' && fuzz_is_line(why.text, sizeof(why.text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_json *document = NULL;
    struct ct_wm_operation op;
    if (size < 1) {
        return 0;
    }
    if (data[0] == '4') {
        check_problem(data + 1, size - 1);
        return 0;
    }
    if (ct_json_parse(&document, (const char *)data + 1, size - 1) != CT_OK) {
        return 0;
    }
    switch (data[0]) {
    case '0':
        check_pass(document);
        break;
    case '1':
        check_operation(document);
        break;
    case '2':
        check_voucher(document);
        break;
    default:
        HOLDS(ct_wm_read_accepted(&op, document) != CT_OK || ct_wm_id_valid(op.id));
        break;
    }
    ct_json_free(document);
    return 0;
}

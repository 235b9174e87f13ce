/* What nodes of each kind say when they refuse a transaction, and what it means. */
/* links: ct_chain ct_base */
#include "chain/node_said.h"

#include "ct_test.h"

struct saying {
    const char *text;
    enum ct_node_said said;
};

static void check(const struct saying *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum ct_node_said said = ct_node_said(list[i].text);
        CHECK_EQ(said, list[i].said);
        if (said != list[i].said) {
            printf("    \"%s\": %s\n", list[i].text, ct_node_said_text(said));
        }
    }
}

#define CHECK_ALL(list) check(list, sizeof(list) / sizeof((list)[0]))

static void geth_is_understood(void)
{
    static const struct saying list[] = {
        {"already known", CT_NODE_HAS_IT},
        {"nonce too low: address 0x5FbDB2315678afecb367f032d93F642f64180aa3, tx: 5 state: 6",
         CT_NODE_NONCE_USED},
        {"nonce too low: next nonce 6, tx nonce 5", CT_NODE_NONCE_USED},
        {"nonce too high: address 0x00, tx: 9 state: 6", CT_NODE_NONCE_GAP},
        {"replacement transaction underpriced: new tx gas fee cap 10 <= 11 queued",
         CT_NODE_REPLACES},
        {"future transaction tries to replace pending", CT_NODE_REPLACES},
        {"transaction underpriced: tip needed 1, tip permitted 0", CT_NODE_FEE_LOW},
        {"transaction gas price below minimum: gas tip cap 0, minimum needed 1", CT_NODE_FEE_LOW},
        {"max fee per gas less than block base fee: address 0x00, maxFeePerGas: 1, baseFee: 7",
         CT_NODE_FEE_LOW},
        {"insufficient funds for gas * price + value: balance 0, tx cost 5, overshot 5",
         CT_NODE_NO_ETHER},
        {"txpool is full", CT_NODE_FULL},
        {"account limit exceeded: pooled 64 txs", CT_NODE_FULL},
        {"exceeds block gas limit", CT_NODE_NEVER},
        {"intrinsic gas too low: gas 100, minimum needed 21000", CT_NODE_NEVER},
        {"insufficient gas for floor data gas cost: gas 21000, minimum needed 30000",
         CT_NODE_NEVER},
        {"transaction gas limit too high (cap: 16777216, tx: 30000000)", CT_NODE_NEVER},
        {"oversized data: transaction size 131073, limit 131072", CT_NODE_NEVER},
        {"invalid sender", CT_NODE_NEVER},
        {"invalid chain id for signer: have 1 want 31337", CT_NODE_NEVER},
        {"transaction type not supported", CT_NODE_NEVER},
        {"max priority fee per gas higher than max fee per gas", CT_NODE_NEVER},
    };
    CHECK_ALL(list);
}

static void erigon_and_reth_are_understood(void)
{
    static const struct saying list[] = {
        {"INTERNAL_ERROR: could not replace existing tx", CT_NODE_REPLACES},
        {"existing tx with same hash", CT_NODE_HAS_IT},
        {"nonce too low", CT_NODE_NONCE_USED},
        {"fee too low", CT_NODE_FEE_LOW},
        {"underpriced", CT_NODE_FEE_LOW},
        {"baseFee sub-pool is full", CT_NODE_FULL},
        {"spammer", CT_NODE_FULL},
        {"IntrinsicGas", CT_NODE_NEVER},
        {"RLPTooLong", CT_NODE_NEVER},
        {"gas limit is too high", CT_NODE_NEVER},
        {"insufficient funds for gas * price + value: have 0 want 42000", CT_NODE_NO_ETHER},
    };
    CHECK_ALL(list);
}

static void nethermind_is_understood(void)
{
    static const struct saying list[] = {
        {"AlreadyKnown", CT_NODE_HAS_IT},
        {"OldNonce, Current nonce: 6, nonce of rejected tx: 5", CT_NODE_NONCE_USED},
        {"NonceGap, Future nonce. Expected nonce: 6", CT_NODE_NONCE_GAP},
        {"NonceTooFarInFuture", CT_NODE_NONCE_GAP},
        {"ReplacementNotAllowed", CT_NODE_REPLACES},
        {"FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, CurrentBaseFee: 7", CT_NODE_FEE_LOW},
        {"FeeTooLowToCompete", CT_NODE_FEE_LOW},
        {"InsufficientFunds, Balance is 0 less than sending value + gas 42000", CT_NODE_NO_ETHER},
        {"GasLimitExceeded, Gas limit: 30000000, gas limit of rejected tx: 40000000",
         CT_NODE_NEVER},
        {"SenderIsContract", CT_NODE_NEVER},
        {"MaxTxSizeExceeded", CT_NODE_NEVER},
    };
    CHECK_ALL(list);
}

static void besu_is_understood(void)
{
    static const struct saying list[] = {
        {"Known transaction", CT_NODE_HAS_IT},
        {"Nonce too low", CT_NODE_NONCE_USED},
        {"Transaction nonce is too distant from current sender nonce", CT_NODE_NONCE_GAP},
        {"An invalid transaction with a lower nonce exists", CT_NODE_NONCE_GAP},
        {"Replacement transaction underpriced", CT_NODE_REPLACES},
        {"Gas price below configured minimum gas price", CT_NODE_FEE_LOW},
        {"Gas price below current base fee", CT_NODE_FEE_LOW},
        {"Upfront cost exceeds account balance", CT_NODE_NO_ETHER},
        {"Transaction gas limit exceeds block gas limit", CT_NODE_NEVER},
        {"Intrinsic gas exceeds gas limit", CT_NODE_NEVER},
        {"Invalid signature", CT_NODE_NEVER},
        {"Wrong chainId in transaction signature", CT_NODE_NEVER},
    };
    CHECK_ALL(list);
}

static void test_nodes_are_understood(void)
{
    static const struct saying list[] = {
        {"transaction already imported", CT_NODE_HAS_IT},
        {"nonce too low", CT_NODE_NONCE_USED},
        {"replacement transaction underpriced", CT_NODE_REPLACES},
        {"Insufficient funds for gas * price + value", CT_NODE_NO_ETHER},
        {"max fee per gas less than block base fee", CT_NODE_FEE_LOW},
        {"intrinsic gas too low -- tx.gas_limit < 21000", CT_NODE_NEVER},
        {"Known transaction: 0x5fbd", CT_NODE_HAS_IT},
        {"Nonce too low. Expected nonce to be 6 but got 5.", CT_NODE_NONCE_USED},
        {"Transaction maxFeePerGas (1) is too low for the next block, which has a baseFeePerGas of "
         "7",
         CT_NODE_FEE_LOW},
        {"Sender doesn't have enough funds to send tx.", CT_NODE_NO_ETHER},
        {"Transaction gas limit is 9 and exceeds block gas limit of 8", CT_NODE_NEVER},
        {"Transaction requires at least 21000 gas but got 100", CT_NODE_NEVER},
    };
    CHECK_ALL(list);
}

static void what_nobody_knows_is_waited_for(void)
{
    static const struct saying list[] = {
        {"", CT_NODE_OTHER},
        {"rate limit exceeded", CT_NODE_OTHER},
        {"tx fee (1.20 ether) exceeds the configured cap (1.00 ether)", CT_NODE_OTHER},
        {"already know", CT_NODE_OTHER},
    };
    CHECK_ALL(list);
    CHECK_STR(ct_node_said_text(CT_NODE_SAID_COUNT), "refused");
}

static const struct ct_test tests[] = {
    CT_TEST(geth_is_understood),        CT_TEST(erigon_and_reth_are_understood),
    CT_TEST(nethermind_is_understood),  CT_TEST(besu_is_understood),
    CT_TEST(test_nodes_are_understood), CT_TEST(what_nobody_knows_is_waited_for),
};
CT_TEST_MAIN(tests)

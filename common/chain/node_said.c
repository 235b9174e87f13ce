/*
 * Errors of eth_sendRawTransaction in the words of geth, Erigon, reth, Nethermind, Besu, anvil and
 * hardhat: JSON-RPC gives them no codes of their own, so their texts are all there is.
 */
#include "chain/node_said.h"

#include <ctype.h>
#include <stddef.h>

static const struct {
    const char *words; /* lower case; the first that is in the message counts */
    enum ct_node_said said;
} table[] = {
    {"already known", CT_NODE_HAS_IT},              /* geth, Erigon, reth */
    {"alreadyknown", CT_NODE_HAS_IT},               /* Nethermind */
    {"known transaction", CT_NODE_HAS_IT},          /* Besu, hardhat */
    {"already imported", CT_NODE_HAS_IT},           /* anvil */
    {"existing tx with same hash", CT_NODE_HAS_IT}, /* Erigon */

    {"replacement transaction underpriced", CT_NODE_REPLACES}, /* geth, reth, Besu, anvil.. */
    {"could not replace existing tx", CT_NODE_REPLACES},       /* Erigon */
    {"replacementnotallowed", CT_NODE_REPLACES},               /* Nethermind */
    {"ownnoncealreadyused", CT_NODE_REPLACES},                 /* Nethermind, earlier */
    {"future transaction tries to replace pending", CT_NODE_REPLACES}, /* geth */

    {"nonce too low", CT_NODE_NONCE_USED}, /* geth, Erigon, reth, Besu, anvil, hardhat */
    {"oldnonce", CT_NODE_NONCE_USED},      /* Nethermind */

    {"nonce too high", CT_NODE_NONCE_GAP},            /* geth, hardhat */
    {"noncegap", CT_NODE_NONCE_GAP},                  /* Nethermind */
    {"noncetoofarinfuture", CT_NODE_NONCE_GAP},       /* Nethermind */
    {"too distant from current", CT_NODE_NONCE_GAP},  /* Besu */
    {"with a lower nonce exists", CT_NODE_NONCE_GAP}, /* Besu */

    {"less than block base fee", CT_NODE_FEE_LOW},   /* geth, reth, anvil */
    {"underpriced", CT_NODE_FEE_LOW},                /* geth, reth, Erigon */
    {"feetoolow", CT_NODE_FEE_LOW},                  /* Nethermind, ..ToCompete too */
    {"fee too low", CT_NODE_FEE_LOW},                /* Erigon */
    {"gas price below", CT_NODE_FEE_LOW},            /* geth, Besu */
    {"too low for the next block", CT_NODE_FEE_LOW}, /* hardhat */

    {"insufficient funds", CT_NODE_NO_ETHER},        /* geth, Erigon, reth, anvil */
    {"insufficientfunds", CT_NODE_NO_ETHER},         /* Nethermind */
    {"upfront cost exceeds", CT_NODE_NO_ETHER},      /* Besu */
    {"doesn't have enough funds", CT_NODE_NO_ETHER}, /* hardhat */

    {"pool is full", CT_NODE_FULL},                /* geth, reth, Besu, Erigon's sub-pools */
    {"account limit exceeded", CT_NODE_FULL},      /* geth */
    {"in-flight transaction limit", CT_NODE_FULL}, /* geth, delegated accounts */
    {"spammer", CT_NODE_FULL},                     /* Erigon */

    {"exceeds block gas limit", CT_NODE_NEVER},     /* geth, reth, Besu, hardhat */
    {"gaslimitexceeded", CT_NODE_NEVER},            /* Nethermind */
    {"gas limit too high", CT_NODE_NEVER},          /* geth since EIP-7825 */
    {"gas limit is too high", CT_NODE_NEVER},       /* Erigon */
    {"intrinsic gas", CT_NODE_NEVER},               /* geth, reth, Besu, anvil */
    {"intrinsicgas", CT_NODE_NEVER},                /* Erigon */
    {"floor data gas", CT_NODE_NEVER},              /* geth since EIP-7623 */
    {"requires at least", CT_NODE_NEVER},           /* hardhat: of gas */
    {"oversized data", CT_NODE_NEVER},              /* geth, reth, Erigon */
    {"maxtxsizeexceeded", CT_NODE_NEVER},           /* Nethermind */
    {"rlptoolong", CT_NODE_NEVER},                  /* Erigon */
    {"invalid sender", CT_NODE_NEVER},              /* geth, reth, Erigon */
    {"invalid signature", CT_NODE_NEVER},           /* Besu */
    {"failedtoresolvesender", CT_NODE_NEVER},       /* Nethermind */
    {"sender is contract", CT_NODE_NEVER},          /* EIP-3607 */
    {"senderiscontract", CT_NODE_NEVER},            /* Nethermind */
    {"wrong chainid", CT_NODE_NEVER},               /* Besu */
    {"invalid chain id", CT_NODE_NEVER},            /* geth, anvil */
    {"type not supported", CT_NODE_NEVER},          /* geth, reth */
    {"notsupportedtxtype", CT_NODE_NEVER},          /* Nethermind */
    {"higher than max fee per gas", CT_NODE_NEVER}, /* geth, reth, anvil: the tip is */
};

static int starts(const char *text, const char *words)
{
    while (*words != '\0' && tolower((unsigned char)*text) == *words) {
        text++;
        words++;
    }
    return *words == '\0';
}

enum ct_node_said ct_node_said(const char *message)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        for (const char *at = message; *at != '\0'; at++) {
            if (starts(at, table[i].words)) {
                return table[i].said;
            }
        }
    }
    return CT_NODE_OTHER;
}

const char *ct_node_said_text(enum ct_node_said said)
{
    static const char *const text[CT_NODE_SAID_COUNT] = {
        [CT_NODE_OTHER] = "refused",
        [CT_NODE_HAS_IT] = "known already",
        [CT_NODE_NONCE_USED] = "nonce used",
        [CT_NODE_NONCE_GAP] = "nonce ahead",
        [CT_NODE_REPLACES] = "another one waits",
        [CT_NODE_FEE_LOW] = "fee too low",
        [CT_NODE_NO_ETHER] = "no ether",
        [CT_NODE_FULL] = "pool full",
        [CT_NODE_NEVER] = "never taken",
    };
    return (unsigned)said < CT_NODE_SAID_COUNT ? text[said] : "refused";
}

/* What a node means by refusing a transaction: the words of each kind of node as one of a few. */
#ifndef CT_CHAIN_NODE_SAID_H
#define CT_CHAIN_NODE_SAID_H

enum ct_node_said {
    CT_NODE_OTHER,      /* none of these; wait and offer it again */
    CT_NODE_HAS_IT,     /* this very transaction is in its pool */
    CT_NODE_NONCE_USED, /* a transaction of that nonce is in a block */
    CT_NODE_NONCE_GAP,  /* earlier nonces are missing there */
    CT_NODE_REPLACES,   /* another of that nonce waits there: this one offers too little more */
    CT_NODE_FEE_LOW,    /* it offers too little for now */
    CT_NODE_NO_ETHER,   /* the account cannot pay for it */
    CT_NODE_FULL,       /* the node takes no more, in all or of this account */
    CT_NODE_NEVER,      /* no node takes it, now or later: size, gas, type, signature, chain */
    CT_NODE_SAID_COUNT,
};

/* The meaning of an error's message, whatever stands before and after the words that count. */
enum ct_node_said ct_node_said(const char *message);
/* "fee too low"; for logs. */
const char *ct_node_said_text(enum ct_node_said said);

#endif

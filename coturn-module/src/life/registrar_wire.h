/* What module and registrar say to each other (docs/protocol.md 10): frames, structs and bytes. */
#ifndef CT_RELAY_REGISTRAR_WIRE_H
#define CT_RELAY_REGISTRAR_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/registry.h"

enum {
    CT_RG_FRAME_MAX = 2048, /* a packet of the socketpair */
    CT_RG_SOURCE_MAX = 512, /* a path, with its NUL */
    CT_RG_USER_MAX = 33,    /* a login name, with its NUL */
    CT_RG_RAW_MAX = 768,    /* a signed transaction */
};

enum ct_rg_kind { CT_RG_OPEN = 1, CT_RG_CALL = 2, CT_RG_STATEMENT = 3 };

/* The first request: whose key it is, and all that it may ever be used for. */
struct ct_rg_open {
    uint64_t chain_id;
    uint8_t contract20[20];
    uint64_t fee_max_wei;   /* a unit of gas; more is not signed */
    uint64_t gas_max;       /* a call; more is not signed */
    struct ct_relay record; /* addresses and ports; the rest is ignored */
    bool may_make;          /* a wallet that is not there is made */
    char wallet[CT_RG_SOURCE_MAX];
    char passphrase[CT_RG_SOURCE_MAX]; /* "": none */
    char user[CT_RG_USER_MAX];         /* to become, when started by root; "": stays who it is */
};

enum ct_rg_call_what { CT_RG_REGISTER = 1, CT_RG_WITHDRAW = 2 };

/* A transaction to the contract. A renewal or change is a registration with an index. */
struct ct_rg_call {
    enum ct_rg_call_what what;
    uint64_t nonce;
    uint64_t fee_wei; /* most, a unit of gas */
    uint64_t tip_wei;
    uint64_t gas;
    uint16_t index;    /* of this relay's record; 0 for a new one */
    uint8_t key32[32]; /* the record's X25519 key; zeros for a withdrawal */
};

enum ct_rg_statement_what { CT_RG_HANDSHAKE = 1, CT_RG_OWNERSHIP = 2 };

/* EIP-712 typed data of this deployment. */
struct ct_rg_statement {
    enum ct_rg_statement_what what;
    uint8_t key32[32]; /* the relay's X25519 key */
    union {
        struct {
            uint8_t sid16[16], n1_32[32], n2_32[32], session32[32], transcript32[32];
        } handshake; /* with the wallet manager, label "enrol relay" */
        struct {
            uint8_t nonce32[32];
            uint8_t mode;     /* enum ct_mode */
            uint64_t until_s; /* since 1970 */
        } ownership;          /* of the record that opening and key make (kex/owner.h) */
    } of;
};

struct ct_rg_request {
    enum ct_rg_kind kind;
    uint32_t number; /* the answer has the same */
    union {
        struct ct_rg_open open;
        struct ct_rg_call call;
        struct ct_rg_statement statement;
    } of;
};

struct ct_rg_answer {
    enum ct_rg_kind kind;
    uint32_t number;
    ct_err err; /* CT_OK: of is set, else why is */
    struct ct_why why;
    union {
        struct {
            uint8_t addr20[20];
            bool made;
        } open;
        struct {
            uint8_t raw[CT_RG_RAW_MAX];
            size_t len;
        } call;
        uint8_t rs64[64];
    } of;
};

/* One frame is one packet. Reading: CT_ERR_FORMAT for anything that is not written alike. */
CT_MUST_USE ct_err ct_rg_request_write(uint8_t *out, size_t cap, size_t *len,
                                       const struct ct_rg_request *request);
CT_MUST_USE ct_err ct_rg_request_read(struct ct_rg_request *out, const uint8_t *data, size_t len);
CT_MUST_USE ct_err ct_rg_answer_write(uint8_t *out, size_t cap, size_t *len,
                                      const struct ct_rg_answer *answer);
CT_MUST_USE ct_err ct_rg_answer_read(struct ct_rg_answer *out, const uint8_t *data, size_t len);

#endif

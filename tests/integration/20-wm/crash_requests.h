/* What the crash test asks the wallet manager for: asked until it is answered, seen in the chain,
 * and counted there at the end. */
#ifndef CT_WM_CRASH_REQUESTS_H
#define CT_WM_CRASH_REQUESTS_H

#include "liar.h"
#include "platform.h"

enum request_kind { PAYMENT, REGISTRATION, CHANGE, APPROVAL, RELAY, REQUEST_KINDS };

extern const char *const request_kind_names[REQUEST_KINDS];

/* Nobody needs the relay but when it is asked for. */
struct request_relay {
    struct ct_relay record;
    uint8_t salt32[32], pending32[32];
    struct liar liar;
    bool is_open;
};

struct request {
    enum request_kind kind;
    struct device device;
    struct request_relay *relay; /* of a RELAY */
    struct ct_wm_operation op;
    bool is_known;  /* acknowledged, or seen in the chain */
    unsigned kills; /* while it was known and without effect */
};

/* A device that has what such a request needs before: an account, a record, a proposal. The server
 * runs, blocks come by themselves. The number makes its name and address. */
bool request_prepare(struct request *r, enum request_kind kind, unsigned number);
/* It is prepared: ask again until it is, and let there be blocks. */
bool request_is_prepared(struct request *r);
void request_close(struct request *r);
/* The server is about to start: a relay serves from the beginning. */
bool request_begin(struct request *r);
void request_ask(struct request *r);
/* Done by the server's word, and in the chain. */
bool request_is_done(struct request *r);
/* Of a closed relay: was it tested since the server started last? */
bool request_was_tested(const struct request *r);
/* In the chain. */
bool request_has_effect(const struct request *r);

/* In how many blocks' transactions the chain has each of them, by its own account. */
bool request_counts(const struct request *const *requests, unsigned *counts, size_t count);

#endif

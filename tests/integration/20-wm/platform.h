/* A wallet manager as a program on a chain of the test's own, with either store, and devices that
 * deal with it. */
#ifndef CT_WM_PLATFORM_H
#define CT_WM_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "anvil.h"
#include "chain/chain.h"
#include "chain/key.h"
#include "chain/registry.h"
#include "kex/token.h"
#include "kex/x25519.h"
#include "redis_server.h"
#include "wm/wm.h"

struct platform {
    const char *server; /* the program */
    char folder[64], conf[128], log[128];
    struct ct_anvil anvil;
    struct ct_bundle bundle;
    struct ct_chain *chain; /* the test's own view */
    struct ct_wm_key keys[2];
    struct ct_ed25519 pass_key; /* signs tokens */
    struct ct_wallet approver, funder;
    pid_t pid; /* of wm-server, 0 when it does not run */
    bool on_redis;
    struct ct_redis_server redis;
};

extern struct platform platform;

/* Chain, store, wm-server init with a funded owner; false, and a message, when something fails. */
bool platform_start(const char *server, bool on_redis);
void platform_stop(void);
/* wm-server run, until it says ready. */
bool platform_run(void);
/* Ends it by the signal; what scene_end() says. */
int platform_end(int sig);
/* wm-admin audit verify finds that the lines hold. */
bool platform_audit_holds(const char *admin);
/* Replaces the first `from` in the configuration; restart it then. */
bool platform_set(const char *from, const char *to);

/* Started anew: what is asked for from now on is gathered, however long that takes, and done once
 * it is started anew without it. With the window of wm-server init.
 */
bool platform_gathers(bool on);

/* A method of anvil's; false, and its words, when it refuses. */
bool platform_call(const char *method, const char *params);
bool platform_automine(bool on);
void platform_mine(void);
/* How many transactions of that account are in blocks. */
uint64_t platform_sent_by(const struct ct_wallet *account);
struct ct_u256 platform_balance(const uint8_t addr20[20]);
/* Ether out of nothing. */
bool platform_fund(const uint8_t addr20[20]);
/* As one that has sent so many transactions and has so much left; proven from the next block on. */
bool platform_make_used(const struct ct_wallet *wallet, unsigned nonce, unsigned wei);

struct device {
    char identity[64];
    char token[CT_TOKEN_TEXT_MAX + 1]; /* for its name; "": none is shown */
    struct ct_wallet wallet;
    struct ct_x25519 key;
    struct ct_wm *wm;
    uint16_t sequence; /* of its record; 0: there is none */
};

/* A new wallet, key and token, and an account. Close with device_close(). */
bool device_new(struct device *d, const char *identity);
/* An account anew, for the same wallet, key and token. */
bool device_open(struct device *d);
void device_close(struct device *d);
/* Its record of now; CT_ERR_NOT_FOUND. */
ct_err device_record(const struct device *d, struct ct_device *out);
/* By the sponsored road: only asked for, and to its end. */
ct_err device_ask_registration(struct device *d, struct ct_wm_operation *op);
ct_err device_try_registration(struct device *d, struct ct_wm_operation *op); /* says nothing */
ct_err device_register(struct device *d);
/* A voucher for its record; *op is the payment, its id "" when nothing is on its way. */
ct_err device_ask_payment(struct device *d, struct ct_wm_operation *op);
/* CT_OK when the operation was done; else what it said is printed. */
ct_err device_wait(struct device *d, struct ct_wm_operation *op);
struct ct_wm_terms device_terms(void);

#endif

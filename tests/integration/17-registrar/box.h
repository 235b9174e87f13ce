/* A relay of these tests: turnserver with its registrar, on loopback, at the tests' own chain. */
#ifndef CT_REGISTRAR_BOX_H
#define CT_REGISTRAR_BOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "chain/registry.h"
#include "probe.h"

/* Beside wm-server and anvil (20-wm/platform.h), whose tests' data comes from 127.0.0.9. */
struct box {
    const char *turnserver;
    char folder[96], conf[128], log[128];
    uint8_t host; /* 127.0.0.host */
    uint16_t port, port_min, port_max;
    struct ct_wallet owner; /* the test's own copy of its key */
    pid_t pid;              /* of turnserver, 0 when it does not run */
};

/* How a program of these tests begins: WM-SERVER TURNSERVER, an end for what hangs, the platform.
 * False: it said why. */
bool box_begin(int argc, char **argv);
/* And how it ends; returns code, that of the tests. */
int box_finish(struct box *b, int code);

/* Its folder, and a wallet with ether unless it is to be poor. number, from 1 on, tells apart those
 * of one chain. */
bool box_prepare(struct box *b, const char *turnserver, unsigned number, bool is_poor);
/* Starts it with these options besides; its log is emptied. */
bool box_start(struct box *b, const char *options);
/* Sends the signal and waits; as scene_end(). */
int box_end(struct box *b, int sig);
/* The present registrar, from what the log said last; 0: it said nothing. */
pid_t box_registrar(const struct box *b);
bool box_await(const struct box *b, const char *text);
/* What its log said last, for a failed test. */
void box_show(const struct box *b);

/* The record of that index as the chain has it; state NONE when there is none. */
struct ct_relay box_record(uint16_t index);
/* How many records the chain has given, and how many transactions the owner has in blocks. */
uint16_t box_records(void);
uint64_t box_sent(const struct box *b);
/* Until the record of index 1 is in that state, for 30 s. */
bool box_await_state(enum ct_record_state state);

/* A pass of the wallet manager's key for this relay's key in the file, "relay.key" or another. */
struct box_pass {
    char user[256], password[64];
};
bool box_pass(const struct box *b, struct box_pass *out, const char *key_file);
/* An allocation with it; the STUN error, or 0. Close with probe_close(). */
int box_allocate(const struct box *b, struct probe *p, const struct box_pass *pass);
/* Has that process ended, within 5 s? It may be nobody's child to wait for. */
bool box_is_gone(pid_t pid);

/* Does data still go to a peer at 127.0.0.4, by a permission? */
bool box_relays(struct probe *p);

#endif

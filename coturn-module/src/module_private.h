/* The module's one object, for the files that make it up: how it is set up, what it does for
 * packets and for users. */
#ifndef CT_MODULE_PRIVATE_H
#define CT_MODULE_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/bundle.h"
#include "chain/key.h"
#include "ct_hooks.h"
#include "follow/board.h"
#include "hostwatch.h"
#include "life/drain.h"
#include "life/keyring.h"
#include "life/owner.h"
#include "life/registrar.h"
#include "life/registrar_link.h"
#include "options.h"
#include "packets/tally.h"
#include "packets/usage.h"
#include "passes/passes.h"
#include "peers/sets.h"
#include "ports/portkeeper.h"
#include "status/status.h"

/* coturn is one server a process, and gives its handlers no argument: so there is one of these. */
struct ct_module {
    struct ct_tally tally; /* packets are counted, never logged one by one */
    struct ct_sets sets;
    struct ct_relay_options options;
    const struct ct_host *host;
    struct ct_log log;
    struct ct_bundle bundle;
    struct ct_hostwatch watch;
    struct ct_rg_link *link;
    struct ct_wallet wallet; /* signs over there */
    struct ct_keyring keys;
    struct ct_relay record;
    struct ct_own_statement statement;
    struct ct_passes *passes;
    struct ct_limits *limits;
    struct ct_registrar *registrar;
    struct ct_drain drain;
    struct ct_portkeeper *ports;
    char relays_path[CT_PATH_MAX + 16];
    char keys_path[CT_PATH_MAX + 16];
    char log_path[CT_PATH_MAX + 16];
    char memo_path[CT_PATH_MAX + 16];
    char devices_path[CT_PATH_MAX + 16];
    char ports_path[CT_PATH_MAX + 16];
    _Atomic uint64_t pass_told_ms;
    struct ct_board board;
    struct ct_status status;
    bool options_ready;
};
extern struct ct_module ct_module;

/* From the options to everything that is to be started; why it cannot be. */
CT_MUST_USE ct_err ct_module_configure(struct ct_module *m, struct ct_why *why);
/* On the registrar's thread, once a second at least, while the relay leaves; gone: from the chain.
 */
void ct_module_leaving(void *arg, bool gone);

/* Hooks of packets. */
bool ct_on_peer_ok(const struct ct_endpoint *peer);
enum ct_admission ct_on_gate(void *use, const struct ct_endpoint *peer, enum ct_way way);
void ct_on_admitted(void *use);
bool ct_on_relay(void *use, enum ct_way way, size_t bytes);
int64_t ct_on_stream(void *use, size_t bytes);
void ct_on_permitted(void *use);
bool ct_on_answer(const struct ct_endpoint *to, size_t in, size_t out);

/* Hooks of allocations and those who make them. */
uint16_t ct_on_port_had(const char *user, const struct ct_endpoint *at);
bool ct_on_port_kept(const char *user, const struct ct_endpoint *relayed);
void *ct_on_allocation(void *use, enum ct_allocation_event event,
                       const struct ct_allocation_info *info);
bool ct_on_sign_on(const char *user, const struct ct_endpoint *from);
bool ct_on_may_allocate(const char *user);
bool ct_on_renews(const char *user, const char *renewed);
enum ct_user ct_on_password(char password[CT_USER_PASSWORD_MAX], const char *user);
bool ct_on_old_password(char password[CT_USER_PASSWORD_MAX], const char *user);
bool ct_on_session(uint32_t *left_s, const char *user);

#endif

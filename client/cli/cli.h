/* What the commands share: options, exit codes, and how things are said. */
#ifndef CT_CLI_CLI_H
#define CT_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/chainturn.h>

/* Exit codes; stable, see chainturn(1). */
enum {
    CT_EXIT_OK = 0,
    CT_EXIT_INTERNAL = 1,
    CT_EXIT_USAGE = 2,
    CT_EXIT_NOT_FOUND = 3,
    CT_EXIT_NOT_APPROVED = 4,
    CT_EXIT_UNREACHABLE = 5,
    CT_EXIT_AUTH = 6,
    CT_EXIT_CHAIN = 7,
};

struct ct_cli {
    const char *command;
    char home[300];
    const char *bundle, *wallet_passphrase;
    bool is_json, is_verbose, insecure_single_rpc;
    bool takes_streams; /* of listen */
    unsigned refresh_s; /* of listen; 0: the library's own */
    char **args;        /* what is left for the command */
    int count;
};

/* A command is {name, function, help}; the function gives the exit code. */
struct ct_command {
    const char *name;
    int (*run)(struct ct_cli *cli);
    const char *usage, *help;
};

/*
 * Takes the option out of the arguments: ct_cli_flag() one without, ct_cli_value() one with a value
 * (NULL: not given). ct_cli_number() takes a whole number in min..max and keeps *out when it is not
 * given. ct_cli_end() checks what is left: words, count of them, no more options.
 * False: said what is wrong; the command returns CT_EXIT_USAGE.
 */
bool ct_cli_flag(struct ct_cli *cli, const char *name);
bool ct_cli_value(struct ct_cli *cli, const char *name, const char **value);
bool ct_cli_number(struct ct_cli *cli, const char *name, unsigned *out, unsigned min, unsigned max);
bool ct_cli_end(struct ct_cli *cli, int words);

int ct_cli_exit_code(ct_err err);
/* Says the sentence on standard error (and as an event); returns the exit code of err. */
int ct_cli_error(const struct ct_cli *cli, ct_err err, const char *format, ...) CT_PRINTF(3, 4);
/* Was an error that the deployment has moved? The same command then succeeds, started anew. */
bool ct_cli_has_moved(void);
/* Opens the client with the options of all; on failure says so and returns NULL, code is set. */
struct ct_client *ct_cli_open(struct ct_cli *cli, int *code,
                              void (*event)(void *arg, const struct ct_client_event *event),
                              void *arg);
/* Closes it; leaves the process with code when a look-up is stuck (see ct_client_close()). */
void ct_cli_close(struct ct_client *client, int code);
/* A line for people: standard error with --json, so that standard output holds JSON only. */
void ct_cli_say(const struct ct_cli *cli, const char *format, ...) CT_PRINTF(2, 3);
/* For people: who is connected, and how far away when that is known. */
void ct_cli_say_connected(const struct ct_client_event *event);
/* Events that every command tells in the same way (chainturn(1), EVENTS); no-op without --json. */
void ct_cli_event(const struct ct_cli *cli, const struct ct_client_event *event);
/* {"event":NAME, and the rest of the object as formatted. Text values go through ct_cli_quote(). */
void ct_cli_json(const char *name, const char *format, ...) CT_PRINTF(2, 3);
/* text as a JSON string with its quotes; cap is at most 6 times the text and 3. Returns out. */
const char *ct_cli_quote(char *out, size_t cap, const char *text);

uint64_t ct_cli_now_ns(void); /* CLOCK_MONOTONIC */

/* SIGINT, SIGTERM: a descriptor that becomes readable, for poll(). */
int ct_cli_signals(void);
bool ct_cli_is_ended(void);
#define CT_CLI_FDS_MAX 72
/* Waits for the client, signals and count more descriptors, at most CT_CLI_FDS_MAX, as poll()
 * does. The client has had its turn then. */
void ct_cli_wait(struct ct_client *client, struct pollfd *fds, size_t count, int timeout_ms);

int ct_cmd_up(struct ct_cli *cli);
int ct_cmd_listen(struct ct_cli *cli);
int ct_cmd_dial(struct ct_cli *cli);
int ct_cmd_resolve(struct ct_cli *cli);
int ct_cmd_relays(struct ct_cli *cli);
int ct_cmd_ping(struct ct_cli *cli);
int ct_cmd_pin(struct ct_cli *cli);
int ct_cmd_rotate(struct ct_cli *cli);
int ct_cmd_revoke(struct ct_cli *cli);

#endif

/* The command chainturn: a table of commands, and the options of all. */
#include "cli.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/streams.h"

#define CT_CLI_VERSION "chainturn 0.1.0"

enum { ARGS_MAX = 64 };

static const struct ct_command commands[] = {
    {"up", ct_cmd_up,
     "up [--id NAME] [--token-file FILE] [--road sponsored|funded] [--relay-policy nearest]",
     "enrol this device, unless it is: keys, pass, nearest relay, record on chain"},
    {"listen", ct_cmd_listen,
     "listen [--echo | --exec COMMAND] [--line | --stream] [--once] [--refresh SECONDS]",
     "stay reachable and answer calls"},
    {"dial", ct_cmd_dial,
     "dial NAME [--line | --stream] [--exec COMMAND] [--datagrams N --size BYTES] "
     "[--no-allocation | --move]",
     "call a device by its name; standard input and output are its datagrams, or a stream"},
    {"resolve", ct_cmd_resolve, "resolve NAME", "what the chain, proof-checked, says of a device"},
    {"relays", ct_cmd_relays, "relays",
     "the relays of this deployment and the round trips to them"},
    {"ping", ct_cmd_ping, "ping NAME [--count N]", "time calls to a device, stage by stage"},
    {"pin", ct_cmd_pin, "pin NAME [--accept | --remove]",
     "hold on to the wallet that has the name now; calls are refused when it is another's"},
    {"rotate", ct_cmd_rotate, "rotate", "give this device another key"},
    {"revoke", ct_cmd_revoke, "revoke --yes", "end this device's record on chain"},
};

static void usage(FILE *out)
{
    (void)fprintf(out, "usage: chainturn [options] COMMAND\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        (void)fprintf(out, "  %s\n      %s\n", commands[i].usage, commands[i].help);
    }
    (void)fprintf(
        out,
        "\noptions of all:\n"
        "  --home DIR              this device's keys and state (~/.chainturn)\n"
        "  --bundle FILE           provisioning bundle, in place of the one kept in home\n"
        "  --wallet-passphrase SOURCE\n"
        "                          of home's wallet key, a keystore then: a file, fd:N or\n"
        "                          credential:NAME\n"
        "  --json                  events as JSON, one object a line\n"
        "  --verbose               say on standard error what endpoints and caches do\n"
        "  --insecure-single-rpc   believe the first RPC endpoint alone\n"
        "  --help, --version\n\n"
        "exit codes: 0 ok, 1 internal, 2 usage or configuration, 3 not found, 4 not approved,\n"
        "5 unreachable, 6 authentication failed, 7 chain or RPC; see chainturn(1)\n");
}

/* The options of all may stand before and behind the command. */
static bool take_options(struct ct_cli *cli)
{
    const char *home = NULL;
    cli->is_json = ct_cli_flag(cli, "--json");
    cli->is_verbose = ct_cli_flag(cli, "--verbose");
    cli->insecure_single_rpc = ct_cli_flag(cli, "--insecure-single-rpc");
    if (!ct_cli_value(cli, "--home", &home) || !ct_cli_value(cli, "--bundle", &cli->bundle) ||
        !ct_cli_value(cli, "--wallet-passphrase", &cli->wallet_passphrase)) {
        return false;
    }
    const char *user_home = getenv("HOME");
    if (home == NULL && user_home == NULL) {
        (void)ct_cli_error(cli, CT_ERR_CONFIG, "HOME is not set; give --home DIR");
        return false;
    }
    int len = home != NULL ? snprintf(cli->home, sizeof cli->home, "%s", home)
                           : snprintf(cli->home, sizeof cli->home, "%s/.chainturn", user_home);
    if (len < 0 || (size_t)len >= sizeof cli->home) {
        (void)ct_cli_error(cli, CT_ERR_CONFIG, "the name of the home folder is too long");
        return false;
    }
    return true;
}

/* The first word is the command; it leaves the arguments. */
static void take_command(struct ct_cli *cli)
{
    if (cli->count > 0 && cli->args[0][0] != '-') {
        cli->command = cli->args[0];
        cli->args++;
        cli->count--;
    }
}

static int run(struct ct_cli *cli)
{
    if (!take_options(cli)) {
        return CT_EXIT_USAGE;
    }
    take_command(cli);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0] && cli->command != NULL; i++) {
        if (strcmp(commands[i].name, cli->command) == 0) {
            return commands[i].run(cli);
        }
    }
    if (cli->command != NULL) {
        return ct_cli_error(cli, CT_ERR_CONFIG, "there is no command %s; see chainturn --help",
                            cli->command);
    }
    usage(stderr);
    return cli->count == 0 ? ct_cli_error(cli, CT_ERR_CONFIG, "there is no command given")
                           : ct_cli_error(cli, CT_ERR_CONFIG,
                                          "there is no option %s before the "
                                          "command",
                                          cli->args[0]);
}

/* A program whose output did not get out has not succeeded. */
static int finish(int code)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return code;
    }
    (void)fprintf(stderr, "chainturn: not all of the output could be written\n");
    return code == CT_EXIT_OK ? CT_EXIT_INTERNAL : code;
}

/* Begins anew as another process, since nothing of the old deployment holds any more: the home
 * folder knows the new contract by now. */
static void begin_anew(char **argv)
{
    (void)fprintf(stderr, "chainturn: going there\n");
    (void)fflush(stdout);
    (void)execv("/proc/self/exe", argv);
    (void)fprintf(stderr, "chainturn: run the command again\n");
}

int main(int argc, char **argv)
{
    struct ct_cli cli = {.args = argv + 1, .count = argc - 1};
    char *as_given[ARGS_MAX + 1] = {NULL};
    if (argc <= ARGS_MAX) {
        memcpy(as_given, argv, (size_t)argc * sizeof as_given[0]); /* options are taken out */
    }

    ct_streams_open();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (ct_cli_flag(&cli, "--help")) {
        usage(stdout);
        return finish(CT_EXIT_OK);
    }
    if (ct_cli_flag(&cli, "--version")) {
        (void)puts(CT_CLI_VERSION);
        return finish(CT_EXIT_OK);
    }
    int code = run(&cli);
    if (ct_cli_has_moved() && !ct_cli_is_ended() && as_given[0] != NULL) {
        begin_anew(as_given);
    }
    return finish(code);
}

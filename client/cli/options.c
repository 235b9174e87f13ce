/* Options taken out of the arguments, and the two ends of a command: opening and waiting. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Removes n arguments at index. */
static void take(struct ct_cli *cli, int index, int n)
{
    for (int i = index; i + n < cli->count; i++) {
        cli->args[i] = cli->args[i + n];
    }
    cli->count -= n;
}

bool ct_cli_flag(struct ct_cli *cli, const char *name)
{
    for (int i = 0; i < cli->count; i++) {
        if (strcmp(cli->args[i], name) == 0) {
            take(cli, i, 1);
            return true;
        }
    }
    return false;
}

bool ct_cli_value(struct ct_cli *cli, const char *name, const char **value)
{
    for (int i = 0; i < cli->count; i++) {
        if (strcmp(cli->args[i], name) != 0) {
            continue;
        }
        if (i + 1 == cli->count || *value != NULL) {
            (void)ct_cli_error(cli, CT_ERR_CONFIG,
                               i + 1 == cli->count ? "%s needs a value" : "%s is given twice",
                               name);
            return false;
        }
        *value = cli->args[i + 1];
        take(cli, i, 2);
        i--;
    }
    return true;
}

bool ct_cli_number(struct ct_cli *cli, const char *name, unsigned *out, unsigned min, unsigned max)
{
    const char *text = NULL;
    char *end = NULL;
    if (!ct_cli_value(cli, name, &text)) {
        return false;
    }
    if (text == NULL) {
        return true;
    }
    errno = 0;
    unsigned long value = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : 0;
    if (end == NULL || *end != '\0' || errno != 0 || value < min || value > max) {
        (void)ct_cli_error(cli, CT_ERR_CONFIG, "%s needs a number from %u to %u, not \"%s\"", name,
                           min, max, text);
        return false;
    }
    *out = (unsigned)value;
    return true;
}

bool ct_cli_end(struct ct_cli *cli, int words)
{
    for (int i = 0; i < cli->count; i++) {
        if (cli->args[i][0] == '-' && cli->args[i][1] != '\0') {
            (void)ct_cli_error(cli, CT_ERR_CONFIG, "%s has no option %s; see chainturn --help",
                               cli->command, cli->args[i]);
            return false;
        }
    }
    if (cli->count != words) {
        (void)ct_cli_error(cli, CT_ERR_CONFIG, "%s takes %s; see chainturn --help", cli->command,
                           words == 0 ? "no words" : "one name");
        return false;
    }
    return true;
}

static void log_line(void *arg, const char *line)
{
    (void)arg;
    (void)fprintf(stderr, "chainturn: %s\n", line);
}

struct ct_client *ct_cli_open(struct ct_cli *cli, int *code,
                              void (*event)(void *arg, const struct ct_client_event *event),
                              void *arg)
{
    struct ct_client *client = NULL;
    struct ct_client_why why = {.text = "out of memory"};
    struct ct_client_config config = {
        .home = cli->home,
        .bundle = cli->bundle,
        .wallet_passphrase = cli->wallet_passphrase,
        .insecure_single_rpc = cli->insecure_single_rpc,
        .takes_streams = cli->takes_streams,
        .refresh_s = cli->refresh_s,
        .event = event,
        .log = cli->is_verbose ? log_line : NULL,
        .arg = arg,
    };
    ct_err err = ct_client_open(&client, &config, &why);
    if (err != CT_OK) {
        *code = ct_cli_error(cli, err, "%s", why.text);
        return NULL;
    }
    return client;
}

void ct_cli_close(struct ct_client *client, int code)
{
    if (!ct_client_close(client)) {
        (void)fflush(stdout);
        _exit(code);
    }
}

/* ---- signals ---- */

static int signal_pipe[2] = {-1, -1}; /* written by the handler: the one mutable global */
static volatile sig_atomic_t is_ended;

static void on_signal(int number)
{
    int saved = errno;
    (void)number;
    is_ended = 1;
    (void)!write(signal_pipe[1], "", 1);
    errno = saved;
}

int ct_cli_signals(void)
{
    struct sigaction action;
    if (signal_pipe[0] >= 0 || pipe(signal_pipe) != 0) {
        return signal_pipe[0];
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(signal_pipe[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(signal_pipe[i], F_SETFL, O_NONBLOCK);
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    return signal_pipe[0];
}

bool ct_cli_is_ended(void)
{
    return is_ended != 0;
}

void ct_cli_wait(struct ct_client *client, struct pollfd *fds, size_t count, int timeout_ms)
{
    struct pollfd all[CT_CLIENT_FDS_MAX + CT_CLI_FDS_MAX + 1];
    size_t n = ct_client_fds(client, all, CT_CLIENT_FDS_MAX);
    size_t first = n;
    int due = ct_client_timeout_ms(client);

    for (size_t i = 0; i < count && n < sizeof all / sizeof all[0] - 1; i++) {
        all[n++] = fds[i];
    }
    all[n] = (struct pollfd){.fd = ct_cli_signals(), .events = POLLIN};
    if (due < 0 || (timeout_ms >= 0 && due > timeout_ms)) {
        due = timeout_ms;
    }
    int got = poll(all, (nfds_t)(n + 1), due);
    for (size_t i = 0; i < count; i++) {
        fds[i].revents = got > 0 && first + i < n ? all[first + i].revents : 0;
    }
    ct_client_process(client);
}

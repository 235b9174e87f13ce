/* wm-server: the table of its commands; run and check. */
#include <signal.h>
#include <stdio.h>

#include "service/check.h"
#include "service/command.h"
#include "service/init.h"
#include "service/notify.h"
#include "service/server.h"

#define PROGRAM "wm-server"

/* --config FILE and nothing else. */
static const char *config_of(int argc, char **argv)
{
    const char *path = NULL;
    int rest = 0;
    return ct_command_config(&path, &rest, argc, argv) && rest == argc ? path : NULL;
}

static int run(int argc, char **argv)
{
    struct ct_why why = {{0}};
    struct ct_server *server = NULL;
    const char *path = config_of(argc, argv);
    if (path == NULL) {
        return ct_command_usage(PROGRAM, "run needs --config FILE and nothing else");
    }
    sigset_t waking;
    int got = 0;
    (void)sigemptyset(&waking);
    (void)sigaddset(&waking, SIGTERM);
    (void)sigaddset(&waking, SIGINT);
    (void)sigaddset(&waking, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &waking, NULL); /* before any thread: they inherit it */
    (void)signal(SIGPIPE, SIG_IGN);
    ct_err err = ct_server_start(&server, path, &why);
    if (err != CT_OK) {
        return ct_command_failed(PROGRAM, err, &why);
    }
    ct_notify("READY=1");
    while (sigwait(&waking, &got) == 0 && got == SIGHUP) {
        ct_notify_reloading();
        (void)!ct_server_reload(server, path, &why); /* which says what came of it */
        ct_notify("READY=1");
    }
    ct_notify("STOPPING=1");
    struct ct_log log = ct_server_log(server);
    ct_server_stop(server);
    ct_log(&log, CT_LOG_INFO, "ended signal=%d", got);
    return CT_EXIT_OK;
}

static int check(int argc, char **argv)
{
    struct ct_why why = {{0}};
    const char *path = config_of(argc, argv);
    if (path == NULL) {
        return ct_command_usage(PROGRAM, "check needs --config FILE and nothing else");
    }
    ct_err err = ct_check(path, &why);
    return err == CT_OK ? CT_EXIT_OK : ct_command_failed(PROGRAM, err, &why);
}

int main(int argc, char **argv)
{
    static const struct ct_command commands[] = {
        {"init", ct_init_main, CT_INIT_USAGE},
        {"run", run, "--config FILE"},
        {"check", check, "--config FILE"},
    };
    return ct_command_main(PROGRAM, commands, sizeof commands / sizeof commands[0], argc, argv);
}

/* What the programs' commands share: their table, exit codes, a logger on standard error. */
#ifndef CT_WM_COMMAND_H
#define CT_WM_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"

enum ct_exit {
    CT_EXIT_OK = 0,
    CT_EXIT_INTERNAL = 1,
    CT_EXIT_USAGE = 2, /* command line or configuration */
    CT_EXIT_NOT_FOUND = 3,
    CT_EXIT_NOT_APPROVED = 4,
    CT_EXIT_UNREACHABLE = 5,
    CT_EXIT_AUTH = 6,
    CT_EXIT_CHAIN = 7,
};

struct ct_command {
    const char *name;                  /* one word, or two: "token issue" */
    int (*run)(int argc, char **argv); /* without the name's words but the last */
    const char *usage;
};

/* Runs the command that argv names; usage and CT_EXIT_USAGE otherwise. */
int ct_command_main(const char *program, const struct ct_command *commands, size_t count, int argc,
                    char **argv);
/* "program: sentence" on standard error, and the exit code of the status. */
int ct_command_failed(const char *program, ct_err err, const struct ct_why *why);
/* Prints "program: sentence" and gives CT_EXIT_USAGE. */
int ct_command_usage(const char *program, const char *format, ...) CT_PRINTF(2, 3);
/*
 * For commands whose one option is --config FILE: *config is it, or NULL, and *rest the index of
 * the first other word. False after an unknown option, which has been named on standard error.
 */
bool ct_command_config(const char **config, int *rest, int argc, char **argv);
/* For endpoint trouble and the like, which logs name: standard error, at level or above. */
struct ct_log ct_command_log(enum ct_log_level level);

#endif

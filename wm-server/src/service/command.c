/* Commands by a table; failures as one sentence and a stable exit code. */
#include "service/command.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/streams.h"

static int print_usage(const char *program, const struct ct_command *commands, size_t count,
                       FILE *to)
{
    (void)fprintf(to, "usage:\n");
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(to, "  %s %s %s\n", program, commands[i].name, commands[i].usage);
    }
    return to == stdout ? CT_EXIT_OK : CT_EXIT_USAGE;
}

/* How many words of argv the name takes, 0 when it is another command. */
static int matches(const char *name, int argc, char **argv)
{
    size_t at = 0;
    int words = 0;
    while (words < argc) {
        size_t len = strcspn(name + at, " ");
        if (strlen(argv[words]) != len || strncmp(argv[words], name + at, len) != 0) {
            return 0;
        }
        words++;
        at += len;
        if (name[at] == '\0') {
            return words;
        }
        at++;
    }
    return 0;
}

/* A program whose output did not get out has not succeeded. */
static int finish(const char *program, int code)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return code;
    }
    (void)fprintf(stderr, "%s: not all of the output could be written\n", program);
    return code == CT_EXIT_OK ? CT_EXIT_INTERNAL : code;
}

int ct_command_main(const char *program, const struct ct_command *commands, size_t count, int argc,
                    char **argv)
{
    ct_streams_open();
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        return print_usage(program, commands, count, stdout);
    }
    for (size_t i = 0; i < count; i++) {
        int words = matches(commands[i].name, argc - 1, argv + 1);
        if (words > 0) {
            argv[words] = argv[0]; /* what getopt begins its complaints with */
            return finish(program, commands[i].run(argc - words, argv + words));
        }
    }
    if (argc > 1) {
        (void)fprintf(stderr, "%s: there is no command \"%s\"\n", program, argv[1]);
    }
    return print_usage(program, commands, count, stderr);
}

static int exit_code(ct_err err)
{
    switch (err) {
    case CT_OK:
        return CT_EXIT_OK;
    case CT_ERR_ARG:
    case CT_ERR_CONFIG:
    case CT_ERR_FORMAT:
        return CT_EXIT_USAGE;
    case CT_ERR_NOT_FOUND:
        return CT_EXIT_NOT_FOUND;
    case CT_ERR_NOT_APPROVED:
        return CT_EXIT_NOT_APPROVED;
    case CT_ERR_AUTH:
        return CT_EXIT_AUTH;
    case CT_ERR_IO:
    case CT_ERR_TIMEOUT:
    case CT_ERR_QUORUM:
    case CT_ERR_CHAIN:
    case CT_ERR_EXPIRED:
    case CT_ERR_REFUSED:
        return CT_EXIT_CHAIN; /* the chain is all that these programs talk to by themselves */
    default:
        return CT_EXIT_INTERNAL;
    }
}

int ct_command_failed(const char *program, ct_err err, const struct ct_why *why)
{
    (void)fprintf(stderr, "%s: %s\n", program, why->text[0] != '\0' ? why->text : ct_err_text(err));
    return exit_code(err);
}

int ct_command_usage(const char *program, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fprintf(stderr, "%s: ", program);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    return CT_EXIT_USAGE;
}

struct ct_log ct_command_log(enum ct_log_level level)
{
    return (struct ct_log){.sink = ct_log_stderr, .max = level};
}

bool ct_command_config(const char **config, int *rest, int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {0}};
    int c;
    *config = NULL;
    while ((c = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        if (c != 'c') {
            return false;
        }
        *config = optarg;
    }
    *rest = optind;
    return true;
}

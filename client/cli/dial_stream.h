/* chainturn dial --stream: a call whose two streams are standard input and output, or a command's.
 */
#ifndef CT_CLI_DIAL_STREAM_H
#define CT_CLI_DIAL_STREAM_H

#include "cli.h"

/* To the name in cli's arguments; command may be NULL. The exit code. */
int ct_dial_stream(struct ct_cli *cli, const struct ct_client_dial_options *options,
                   const char *command);

#endif

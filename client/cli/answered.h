/* One call that a listener has answered: what is at its end. */
#ifndef CT_CLI_ANSWERED_H
#define CT_CLI_ANSWERED_H

#include <stdbool.h>

#include "cli.h"
#include "exec.h"
#include "lines.h"
#include "pipe.h"

/* What listen was told to do with calls. */
struct ct_answering {
    const struct ct_cli *cli;
    struct ct_client *client;
    const char *command; /* NULL: none */
    bool echoes, by_line, streams_only;
};

struct ct_answered {
    unsigned call; /* 0: free, once its command has ended */
    bool is_heard; /* its first byte was told */
    struct ct_exec exec;
    struct ct_pipe *pipe; /* of a call of streams */
    struct ct_lines lines;
};

/* False: it cannot be answered, and is hung up. Standard input and output may be at its stream. */
bool ct_answered_open(struct ct_answered *a, const struct ct_answering *how,
                      const struct ct_client_event *event);
/* DATA, STREAM_DATA, STREAM_END, WRITABLE. */
void ct_answered_event(struct ct_answered *a, const struct ct_answering *how,
                       const struct ct_client_event *event);
/* What its command or stream waits for, and what to do when it is there. */
void ct_answered_wants(const struct ct_answered *a, struct pollfd fds[2]);
void ct_answered_ready(struct ct_answered *a, const struct ct_answering *how,
                       const struct pollfd fds[2]);
/* After CLOSED. An error when a stream was not brought to its end; said. */
CT_MUST_USE ct_err ct_answered_close(struct ct_answered *a, const struct ct_answering *how,
                                     const struct ct_client_event *event);

#endif

/* Lines as datagrams: text in pieces becomes one datagram a line, without its newline. */
#ifndef CT_CLI_LINES_H
#define CT_CLI_LINES_H

#include <stddef.h>

#include <chainturn/chainturn.h>

#define CT_LINE_MAX 1100 /* a longer one is cut there */

struct ct_lines {
    size_t len;
    char line[CT_LINE_MAX]; /* one that is not whole yet */
};

void ct_lines_send(struct ct_lines *lines, struct ct_client *client, unsigned call,
                   const char *text, size_t len);
/* The text has ended: what has no newline behind it is a line, too. */
void ct_lines_end(struct ct_lines *lines, struct ct_client *client, unsigned call);

#endif

/* Lines as datagrams: text in pieces becomes one datagram a line, without its newline. */
#include "lines.h"

void ct_lines_send(struct ct_lines *lines, struct ct_client *client, unsigned call,
                   const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\n') {
            lines->line[lines->len++] = text[i];
        }
        if (text[i] == '\n' || lines->len == CT_LINE_MAX) {
            ct_lines_end(lines, client, call);
        }
    }
}

void ct_lines_end(struct ct_lines *lines, struct ct_client *client, unsigned call)
{
    if (lines->len > 0) { /* a datagram has a byte at least */
        (void)!ct_client_send(client, call, lines->line, lines->len);
        lines->len = 0;
    }
}

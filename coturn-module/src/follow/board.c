/* Where the relay stands on the chain: put up by the thread that follows it, read by who asks. */
#include "follow/board.h"

#include <stdio.h>

static void set_text(char out[CT_BOARD_TEXT], const char *text)
{
    (void)snprintf(out, CT_BOARD_TEXT, "%s", text);
    for (char *c = out; *c != '\0'; c++) { /* what an endpoint said may be in it */
        if (*c < ' ' || *c > '~') {
            *c = '?';
        }
    }
}

void ct_board_head(struct ct_board *board, const struct ct_view *view, uint64_t log_count)
{
    if (!board) {
        return;
    }
    (void)pthread_mutex_lock(&board->lock);
    board->facts.is_read = true;
    board->facts.block = view->number;
    board->facts.block_s = view->timestamp_s;
    board->facts.agree = view->k;
    board->facts.of = view->n;
    board->facts.log_count = log_count;
    (void)pthread_mutex_unlock(&board->lock);
}

void ct_board_standing(struct ct_board *board, enum ct_standing standing, uint16_t index)
{
    if (!board) {
        return;
    }
    (void)pthread_mutex_lock(&board->lock);
    board->facts.standing = standing;
    board->facts.index = index;
    (void)pthread_mutex_unlock(&board->lock);
}

void ct_board_registrar(struct ct_board *board, const char *text)
{
    if (board) {
        (void)pthread_mutex_lock(&board->lock);
        set_text(board->facts.registrar, text);
        (void)pthread_mutex_unlock(&board->lock);
    }
}

void ct_board_wallet(struct ct_board *board, const char *text)
{
    if (board) {
        (void)pthread_mutex_lock(&board->lock);
        set_text(board->facts.wallet, text);
        (void)pthread_mutex_unlock(&board->lock);
    }
}

void ct_board_failure(struct ct_board *board, const char *text, uint64_t now_s)
{
    if (board) {
        (void)pthread_mutex_lock(&board->lock);
        set_text(board->facts.last_failure, text);
        board->facts.last_failure_s = now_s;
        board->facts.failures++;
        (void)pthread_mutex_unlock(&board->lock);
    }
}

void ct_board_read(struct ct_board *board, struct ct_board_facts *out)
{
    (void)pthread_mutex_lock(&board->lock);
    *out = board->facts;
    (void)pthread_mutex_unlock(&board->lock);
}

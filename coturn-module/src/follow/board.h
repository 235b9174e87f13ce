/* Where the relay stands on the chain: put up by the thread that follows it, read by who asks. */
#ifndef CT_RELAY_BOARD_H
#define CT_RELAY_BOARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "chain/chain.h"
#include "life/record.h"

enum { CT_BOARD_TEXT = 200 };

struct ct_board_facts {
    bool is_read;     /* the chain was read in this run: what follows holds */
    uint64_t block;   /* the newest one that the endpoints agree on */
    uint64_t block_s; /* its time, seconds since 1970 */
    unsigned agree;   /* endpoints, of how many */
    unsigned of;
    uint64_t log_count; /* entries of the contract's log */
    enum ct_standing standing;
    uint16_t index;                   /* of this relay's record, or 0 */
    char registrar[CT_BOARD_TEXT];    /* what it is doing, a few words; "" before its first */
    char wallet[CT_BOARD_TEXT];       /* what the wallet has; "" while nobody has asked */
    char last_failure[CT_BOARD_TEXT]; /* "" when there was none */
    uint64_t last_failure_s;          /* when it was told last */
    uint64_t failures;                /* how often */
};

/* Any thread but a relay's: there is a lock. Texts are cut to fit, and made printable ASCII. To put
 * something on no board (NULL) does nothing. */
struct ct_board {
    pthread_mutex_t lock;
    struct ct_board_facts facts;
};

#define CT_BOARD_INIT                     \
    {                                     \
        .lock = PTHREAD_MUTEX_INITIALIZER \
    }

void ct_board_head(struct ct_board *board, const struct ct_view *view, uint64_t log_count);
void ct_board_standing(struct ct_board *board, enum ct_standing standing, uint16_t index);
void ct_board_registrar(struct ct_board *board, const char *text);
void ct_board_wallet(struct ct_board *board, const char *text);
void ct_board_failure(struct ct_board *board, const char *text, uint64_t now_s);

void ct_board_read(struct ct_board *board, struct ct_board_facts *out);

#endif

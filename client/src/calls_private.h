/* What the two halves of the calls share: the table, and the datagrams that come in. */
#ifndef CT_CLIENT_CALLS_PRIVATE_H
#define CT_CLIENT_CALLS_PRIVATE_H

#include "calls.h"
#include "session.h"

enum ct_call_ending { CT_CALL_STAYS, CT_CALL_ENDS /* as soon as nothing works on it */ };

struct ct_call {
    struct ct_calls *calls;
    struct ct_session *session; /* NULL: a free slot */
    unsigned id;
    unsigned lane;
    struct ct_addr addr;
    bool is_dialled;
    bool wants_streams; /* as it was dialled */
    bool rang, is_told, is_asked, is_finishing;
    enum ct_call_ending ending;
    struct ct_path_counts counts;
};

/* When m2 went out, to know the round trip once m3 comes. */
struct ct_calls_answer {
    uint8_t sid16[16];
    uint64_t sent_ms;
};

struct ct_calls {
    struct ct_calls_config config;
    char identity[64];
    struct ct_hs_responder *responder;
    struct ct_call slots[CT_CALLS_MAX];
    struct ct_calls_answer answers[16];
    size_t next_answer;
    unsigned last_id;
    unsigned depth; /* of functions at work on sessions: closing waits */
};

struct ct_call *ct_calls_find(struct ct_calls *calls, unsigned id);
struct ct_call *ct_calls_at(struct ct_calls *calls, unsigned lane, const struct ct_addr *addr);
struct ct_call *ct_calls_of_sid(struct ct_calls *calls, const uint8_t sid16[16]);
/* A free slot with its number, and the io that belongs to it; NULL when all are taken. */
struct ct_call *ct_calls_claim(struct ct_calls *calls, struct ct_session_io *io, unsigned lane,
                               const struct ct_addr *addr, bool is_dialled);
/* Tells the owner what has become of a call whose session has moved on. */
void ct_calls_settle(struct ct_call *call);
void ct_calls_drop(struct ct_call *call, ct_err err, const char *text, bool is_silent);

#endif

/* The SCTP library, of which a process has one: started with its first user, ended with its last.
 */
#ifndef CT_CLIENT_SCTP_STACK_H
#define CT_CLIENT_SCTP_STACK_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

/*
 * Clients on different threads share the library and its timers, so every call into it is made
 * under one lock, and what it wants to send is queued with the association whose address it names:
 * the thread that owns the association takes it from there.
 */
struct ct_sctp_out {
    struct ct_sctp_out *next;
    size_t len;
    uint8_t packet[]; /* len bytes */
};

struct ct_sctp_user {
    struct ct_sctp_user *next;
    void *listening, *socket; /* sctp_socket.c; NULL */
    void *address; /* a number that is used once; the peer sees it, so it points nowhere */
    struct ct_sctp_out *first, *last; /* to be sent */
    unsigned count;
};

/* These two not under the lock. */
void ct_sctp_stack_join(struct ct_sctp_user *user, uint64_t now_ms);
void ct_sctp_stack_leave(struct ct_sctp_user *user); /* its sockets are closed */

void ct_sctp_stack_lock(void);
void ct_sctp_stack_unlock(void);

/* Under the lock. The library's timers, as far as now_ms; it counts in steps of 10 ms. */
void ct_sctp_stack_advance(uint64_t now_ms);
/* Under the lock. When the step ends that has begun. */
uint64_t ct_sctp_stack_next_ms(void);
/* Under the lock. The next packet of this user, at most cap bytes; CT_ERR_AGAIN: none. */
CT_MUST_USE ct_err ct_sctp_stack_take(struct ct_sctp_user *user, uint8_t *out, size_t cap,
                                      size_t *len);
void ct_sctp_stack_drop_all(struct ct_sctp_user *user);

#endif

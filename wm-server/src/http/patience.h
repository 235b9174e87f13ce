/* Who may keep a connection, and for how long; the oldest that has asked nothing gives way. */
#ifndef CT_WM_PATIENCE_H
#define CT_WM_PATIENCE_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

/*
 * The guests of one listener are sockets. Each has timeout_ms from its arrival, or from its last
 * answer, until its next request is there in full, however slowly bytes drip; and as long to take
 * an answer. While a request is worked on no time counts. Any thread may call.
 */
struct ct_patience;
struct ct_guest;

CT_MUST_USE ct_err ct_patience_new(struct ct_patience **out, size_t guests, size_t per_address,
                                   uint32_t timeout_ms);
/* After the last guest has left; NULL is fine. */
void ct_patience_free(struct ct_patience *p);

/*
 * A new socket; from16 is its address. When its address has its share, or all places are taken, the
 * oldest guest that has asked nothing yet is shut down (of that address, or of all); without such a
 * one the oldest idle one, else the new one. NULL: no memory, the socket was shut down.
 */
struct ct_guest *ct_patience_enter(struct ct_patience *p, int fd, const uint8_t from16[16]);
void ct_patience_working(struct ct_patience *p, struct ct_guest *g);   /* a request is complete */
void ct_patience_answering(struct ct_patience *p, struct ct_guest *g); /* its answer goes out */
void ct_patience_streaming(struct ct_patience *p, struct ct_guest *g); /* one without an end */
void ct_patience_waiting(struct ct_patience *p, struct ct_guest *g);   /* the answer is out */
void ct_patience_leave(struct ct_patience *p, struct ct_guest *g);     /* before the fd is closed */

/* Waits until nobody is worked on or answered, for at most timeout_ms. */
void ct_patience_settle(struct ct_patience *p, uint32_t timeout_ms);

#endif

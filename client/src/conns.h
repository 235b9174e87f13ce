/* What the two halves of the connections share. */
#ifndef CT_CLIENT_CONNS_H
#define CT_CLIENT_CONNS_H

#include "client_private.h"

/* The one whose call this is, or NULL. */
struct ct_conn *ct_conn_of_call(struct ct_client *c, unsigned call);
/* A free one with its number, or NULL. */
struct ct_conn *ct_conn_new(struct ct_client *c, const char *identity);
/* Tells how long the stage took that has ended; the next begins. */
void ct_conn_tell_stage(struct ct_client *c, struct ct_conn *conn, const char *stage);
/* A guest lane that carries nothing any more goes back to its relay. */
void ct_conn_leave_lane(struct ct_client *c, unsigned lane);
/* Frees it and tells why. */
void ct_conn_end(struct ct_client *c, struct ct_conn *conn, ct_err err, const char *text);
void ct_conn_stats(struct ct_client_stats *out, const struct ct_path_counts *counts);
/* Starts the call on its lane. */
void ct_conn_call(struct ct_client *c, struct ct_conn *conn, uint64_t now_ms);
/* Goes on once record, pass and keys are there, and the home is where it shall be. */
void ct_conn_go_on(struct ct_client *c, struct ct_conn *conn);
/* conns_streams.c: tells what came on a stream. */
void ct_conns_stream_event(struct ct_client *c, const struct ct_conn *conn,
                           const struct ct_sctp_event *event);

#endif

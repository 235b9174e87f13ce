/* Streams of connections: what the application is told, and what it may do with them. */
#include "client_private.h"

#include "base/clock.h"
#include "conns.h"

void ct_conns_stream_event(struct ct_client *c, const struct ct_conn *conn,
                           const struct ct_sctp_event *event)
{
    struct ct_client_event told = {.kind = CT_CLIENT_WRITABLE,
                                   .call = conn->id,
                                   .peer = conn->identity,
                                   .incoming = !conn->is_dialled,
                                   .streams = 1,
                                   .stream = event->stream,
                                   .data = event->data,
                                   .len = event->len};
    if (event->kind == CT_SCTP_DATA) {
        told.kind = CT_CLIENT_STREAM_DATA;
    } else if (event->kind == CT_SCTP_END) {
        told.kind = CT_CLIENT_STREAM_END;
    }
    ct_client_tell(c, &told);
}

/* The call of an open connection, or CT_CALLS_NONE. */
static unsigned call_of(struct ct_client *c, unsigned id)
{
    struct ct_conn *conn = ct_conns_find(c, id);
    return conn != NULL && conn->state == CT_CONN_OPEN ? conn->call : CT_CALLS_NONE;
}

static ct_err said(struct ct_client *c, ct_err err)
{
    if (err == CT_ERR_ARG) {
        return ct_client_fail(c, err, "a call has the streams 0 to %d", CT_CLIENT_STREAMS - 1);
    }
    if (err != CT_OK) {
        return ct_client_fail(c, err, "there is no such call of streams, or the stream has ended");
    }
    return CT_OK;
}

ct_err ct_client_stream_write(struct ct_client *c, unsigned id, unsigned stream, const void *data,
                              size_t len, size_t *taken)
{
    return said(
        c, ct_calls_stream_write(c->calls, call_of(c, id), taken, stream, data, len, ct_mono_ms()));
}

ct_err ct_client_stream_end(struct ct_client *c, unsigned id, unsigned stream)
{
    return said(c, ct_calls_stream_end(c->calls, call_of(c, id), stream, ct_mono_ms()));
}

ct_err ct_client_stream_pause(struct ct_client *c, unsigned id, int is_paused)
{
    return said(c, ct_calls_stream_pause(c->calls, call_of(c, id), is_paused != 0));
}

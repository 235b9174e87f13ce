/* Calls of streams, as their owner uses them. */
#include "calls.h"

#include "calls_private.h"

static struct ct_call *writable(struct ct_calls *calls, unsigned id)
{
    struct ct_call *call = ct_calls_find(calls, id);
    return call == NULL || call->ending == CT_CALL_ENDS ? NULL : call;
}

ct_err ct_calls_stream_write(struct ct_calls *calls, unsigned id, size_t *taken, unsigned stream,
                             const void *data, size_t len, uint64_t now_ms)
{
    struct ct_call *call = writable(calls, id);
    return call == NULL ? CT_ERR_STATE
                        : ct_session_stream_write(call->session, taken, stream, data, len, now_ms);
}

ct_err ct_calls_stream_end(struct ct_calls *calls, unsigned id, unsigned stream, uint64_t now_ms)
{
    struct ct_call *call = writable(calls, id);
    return call == NULL ? CT_ERR_STATE : ct_session_stream_end(call->session, stream, now_ms);
}

ct_err ct_calls_stream_pause(struct ct_calls *calls, unsigned id, bool is_paused)
{
    struct ct_call *call = writable(calls, id);
    return call == NULL ? CT_ERR_STATE : ct_session_stream_pause(call->session, is_paused);
}

void ct_calls_finish(struct ct_calls *calls, unsigned id, uint64_t now_ms)
{
    struct ct_call *call = writable(calls, id);
    if (call == NULL) {
        return;
    }
    if (call->is_finishing || !ct_session_finish(call->session, now_ms)) {
        ct_calls_close(calls, id);
    }
    call->is_finishing = true;
}

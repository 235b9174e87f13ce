/* Streams of bytes over datagrams in memory: one SCTP association (RFC 8261), polled like a socket.
 */
#include "sctp.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "sctp_socket.h"
#include "sctp_stack.h"

#define MESSAGE_MAX (CT_SCTP_PATH_MTU - CT_SCTP_HEADER_LEN - CT_SCTP_DATA_HEADER_LEN)
/* The first one rides behind a cookie of the usual size: it saves a round trip. */
#define FIRST_MESSAGE_MAX 900u
#define BUSY_MS 1000u /* after the last packet or write the library's timers run each 10 ms */
#define SLOW_MS 100u  /* then so, while something is not acknowledged */
#define IDLE_MS 1000u

struct ct_sctp {
    struct ct_sctp_user user;
    bool is_up, is_paused, is_finishing, is_shut, peer_is_shut;
    bool is_down, is_in_order;   /* ended, and with everything acknowledged */
    bool is_resumed;             /* what has come in the pause is still to be told */
    bool is_blocked;             /* a write did not take all */
    uint32_t first_tsn;          /* of ours */
    uint32_t sent, acknowledged; /* messages, each of one TSN */
    uint32_t blocked_at;         /* unacknowledged messages then */
    /* a bit for each stream: end to be said, said; data heard, end heard */
    uint16_t ending, ended, heard, heard_end;
    uint64_t busy_until_ms;
    uint8_t in[4096]; /* the message that is being told */
};

ct_err ct_sctp_new(struct ct_sctp **out, bool is_initiator, uint32_t rtt_ms, uint64_t now_ms)
{
    struct ct_sctp *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return CT_ERR_NOMEM;
    }
    s->busy_until_ms = now_ms + BUSY_MS;
    ct_sctp_stack_join(&s->user, now_ms);
    ct_sctp_stack_lock();
    bool is_open = ct_sctp_socket_open(&s->user, is_initiator, rtt_ms);
    ct_sctp_stack_unlock();
    if (!is_open) {
        ct_sctp_free(s);
        return CT_ERR_NOMEM;
    }
    *out = s;
    return CT_OK;
}

void ct_sctp_free(struct ct_sctp *s)
{
    if (s == NULL) {
        return;
    }
    ct_sctp_stack_lock();
    ct_sctp_socket_close(&s->user);
    ct_sctp_stack_unlock();
    ct_sctp_stack_leave(&s->user);
    ct_wipe(s, sizeof *s);
    free(s);
}

/* ---- the hellos ---- */

ct_err ct_sctp_offer(struct ct_sctp *s, uint8_t out[CT_SCTP_INIT_LEN])
{
    uint8_t packet[CT_SCTP_PACKET_MAX];
    size_t len = 0;
    if (ct_sctp_poll(s, packet, &len) != CT_OK || ct_sctp_check_init(packet, len) != CT_OK) {
        return CT_ERR_SYSTEM; /* a library that puts more into an INIT than the protocol has */
    }
    s->first_tsn = ct_sctp_first_tsn(packet, len);
    memcpy(out, packet, CT_SCTP_INIT_LEN);
    return CT_OK;
}

static void feed(struct ct_sctp *s, const uint8_t *packet, size_t len)
{
    ct_sctp_stack_lock();
    ct_sctp_socket_input(&s->user, packet, len);
    ct_sctp_stack_unlock();
}

ct_err ct_sctp_answer(struct ct_sctp *s, uint8_t *out, size_t *len, const uint8_t *offer,
                      size_t offer_len)
{
    uint8_t packet[CT_SCTP_PACKET_MAX];
    size_t n = 0;
    if (ct_sctp_check_init(offer, offer_len) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    feed(s, offer, offer_len);
    if (ct_sctp_poll(s, packet, &n) != CT_OK || ct_sctp_check_init_ack(packet, n) != CT_OK) {
        return CT_ERR_FORMAT; /* its checksum is wrong */
    }
    s->first_tsn = ct_sctp_first_tsn(packet, n);
    memcpy(out, packet, n);
    *len = n;
    return CT_OK;
}

ct_err ct_sctp_accept(struct ct_sctp *s, const uint8_t *answer, size_t len)
{
    ct_err err = ct_sctp_check_init_ack(answer, len);
    if (err == CT_OK) {
        ct_sctp_stack_lock();
        ct_sctp_stack_drop_all(&s->user); /* the INIT again, while DTLS went on */
        ct_sctp_stack_unlock();
        feed(s, answer, len);
    }
    return err;
}

/* ---- packets and time ---- */

/* Ends that found no room when they were to be said, and the end of all behind them. */
static void say_ends(struct ct_sctp *s);
static bool is_cutting(const struct ct_sctp *s);

static uint32_t unacknowledged(const struct ct_sctp *s)
{
    return s->sent - s->acknowledged;
}

/* What the peer says it has; what it says of more than was sent is the library's to refuse. */
static void note_acknowledged(struct ct_sctp *s, const uint8_t *packet, size_t len)
{
    uint32_t tsn = 0;
    if (ct_sctp_acknowledges(packet, len, &tsn)) {
        uint32_t count = tsn - s->first_tsn + 1;
        if (count - s->acknowledged <= unacknowledged(s)) {
            s->acknowledged = count;
        }
    }
}

void ct_sctp_input(struct ct_sctp *s, const uint8_t *packet, size_t len, uint64_t now_ms)
{
    if (ct_sctp_check(packet, len) != CT_OK) {
        return;
    }
    s->busy_until_ms = now_ms + BUSY_MS;
    note_acknowledged(s, packet, len);
    ct_sctp_stack_lock();
    ct_sctp_stack_advance(now_ms);
    ct_sctp_socket_input(&s->user, packet, len);
    say_ends(s);
    ct_sctp_stack_unlock();
}

void ct_sctp_tick(struct ct_sctp *s, uint64_t now_ms)
{
    ct_sctp_stack_lock();
    ct_sctp_stack_advance(now_ms);
    say_ends(s);
    ct_sctp_stack_unlock();
}

uint64_t ct_sctp_deadline(struct ct_sctp *s, uint64_t now_ms)
{
    ct_sctp_stack_lock();
    uint64_t next = ct_sctp_stack_next_ms();
    if (s->user.first != NULL || s->is_resumed) {
        next = now_ms;
    } else if (now_ms >= s->busy_until_ms) {
        next += s->is_up && !s->is_finishing && unacknowledged(s) == 0 ? IDLE_MS : SLOW_MS;
    }
    ct_sctp_stack_unlock();
    return next;
}

ct_err ct_sctp_poll(struct ct_sctp *s, uint8_t out[CT_SCTP_PACKET_MAX], size_t *len)
{
    ct_sctp_stack_lock();
    ct_err err = ct_sctp_stack_take(&s->user, out, CT_SCTP_PACKET_MAX, len);
    ct_sctp_stack_unlock();
    return err;
}

/* ---- what happens ---- */

static bool lost(struct ct_sctp *s, struct ct_sctp_event *event, const char *text)
{
    s->is_down = true;
    *event = (struct ct_sctp_event){.kind = CT_SCTP_LOST, .text = text};
    return true;
}

static bool take_message(struct ct_sctp *s, struct ct_sctp_event *event,
                         const struct ct_sctp_got *got)
{
    unsigned stream = got->stream;
    if (stream >= CT_SCTP_STREAMS || (s->heard_end & (1u << stream)) != 0 ||
        (got->ppid != CT_SCTP_PPID_BYTES && got->ppid != CT_SCTP_PPID_END)) {
        return lost(s, event, "broke the rules of streams");
    }
    if (got->ppid == CT_SCTP_PPID_END) {
        s->heard_end |= (uint16_t)(1u << stream);
        *event = (struct ct_sctp_event){.kind = CT_SCTP_END, .stream = stream};
    } else {
        s->heard |= (uint16_t)(1u << stream);
        *event = (struct ct_sctp_event){
            .kind = CT_SCTP_DATA, .stream = stream, .data = s->in, .len = got->len};
    }
    return true;
}

/* True when it is an event for the owner. */
static bool take(struct ct_sctp *s, struct ct_sctp_event *event, const struct ct_sctp_got *got)
{
    switch (got->kind) {
    case CT_SCTP_GOT_MESSAGE:
        return take_message(s, event, got);
    case CT_SCTP_GOT_UP:
        s->is_up = true;
        return false;
    case CT_SCTP_GOT_SHUT:
        s->peer_is_shut = true;
        return false;
    case CT_SCTP_GOT_DOWN:
        s->is_down = s->is_in_order = true;
        *event = (struct ct_sctp_event){.kind = CT_SCTP_DOWN};
        return true;
    case CT_SCTP_GOT_RESTART:
        return lost(s, event, "began the streams of the call anew");
    case CT_SCTP_GOT_FAILURE:
        return lost(s, event, "gave up the streams of the call");
    case CT_SCTP_GOT_NOTHING:
    case CT_SCTP_GOT_OTHER:
        break;
    }
    return false;
}

static bool has_room_again(struct ct_sctp *s)
{
    /* a quarter at least, so that it is worth while; and always less, so that it ends */
    uint32_t enough = s->blocked_at - (s->blocked_at + 3) / 4;
    if (!s->is_blocked || !s->is_up || s->is_finishing || s->is_down ||
        unacknowledged(s) > enough) {
        return false;
    }
    s->is_blocked = false;
    return true;
}

ct_err ct_sctp_next(struct ct_sctp *s, struct ct_sctp_event *event)
{
    bool is_event = false;
    struct ct_sctp_got got = {.kind = CT_SCTP_GOT_OTHER};
    s->is_resumed = false;
    ct_sctp_stack_lock();
    while (!is_event && got.kind != CT_SCTP_GOT_NOTHING && !s->is_down && !s->is_paused) {
        got = ct_sctp_socket_receive(&s->user, s->in, sizeof s->in);
        is_event = take(s, event, &got);
    }
    ct_sctp_stack_unlock();
    if (!is_event && !s->is_down && is_cutting(s) && ct_sctp_is_dry(s)) {
        s->is_down = s->is_in_order = true;
        *event = (struct ct_sctp_event){.kind = CT_SCTP_DOWN};
        return CT_OK;
    }
    if (!is_event && has_room_again(s)) {
        *event = (struct ct_sctp_event){.kind = CT_SCTP_WRITABLE};
        is_event = true;
    }
    return is_event ? CT_OK : CT_ERR_AGAIN;
}

/* ---- writing ---- */

/* False when there is no room for it. */
static bool send_message(struct ct_sctp *s, unsigned stream, uint32_t ppid, const void *data,
                         size_t len)
{
    bool is_sent = ct_sctp_socket_send(&s->user, stream, ppid, data, len);
    s->sent += is_sent;
    return is_sent;
}

/* SHUTDOWN would draw all that the peer has still to say, which nobody here wants to hear. */
static bool is_cutting(const struct ct_sctp *s)
{
    return s->is_finishing && !s->is_shut && (s->is_paused || (s->heard & ~s->heard_end) != 0);
}

static void say_ends(struct ct_sctp *s)
{
    for (unsigned i = 0; i < CT_SCTP_STREAMS && s->ending != 0; i++) {
        uint16_t bit = (uint16_t)(1u << i);
        if ((s->ending & bit) != 0) {
            if (!send_message(s, i, CT_SCTP_PPID_END, "", 1)) {
                return;
            }
            s->ending &= (uint16_t)~bit;
        }
    }
    if (s->is_finishing && !s->is_shut && s->is_up && ct_sctp_is_dry(s) && !is_cutting(s)) {
        s->is_shut = true;
        ct_sctp_socket_shut(&s->user);
    }
}

static ct_err check_writing(const struct ct_sctp *s, unsigned stream)
{
    if (stream >= CT_SCTP_STREAMS) {
        return CT_ERR_ARG;
    }
    bool has_ended = ((s->ending | s->ended) & (1u << stream)) != 0;
    return has_ended || s->is_finishing || s->is_down ? CT_ERR_STATE : CT_OK;
}

ct_err ct_sctp_write(struct ct_sctp *s, size_t *taken, unsigned stream, const void *data,
                     size_t len, uint64_t now_ms)
{
    const uint8_t *bytes = data;
    size_t done = 0;
    ct_err err = check_writing(s, stream);
    if (err != CT_OK) {
        return err;
    }
    s->busy_until_ms = now_ms + BUSY_MS;
    ct_sctp_stack_lock();
    while (done < len) {
        size_t most = s->sent == 0 ? FIRST_MESSAGE_MAX : MESSAGE_MAX;
        size_t n = len - done < most ? len - done : most;
        if (!send_message(s, stream, CT_SCTP_PPID_BYTES, bytes + done, n)) {
            break;
        }
        done += n;
    }
    if (done < len) { /* not with an empty buffer: then it takes none any more, as it is ending */
        s->is_blocked = unacknowledged(s) > 0 || !s->is_up;
        s->blocked_at = unacknowledged(s);
    }
    ct_sctp_stack_unlock();
    *taken = done;
    return CT_OK;
}

ct_err ct_sctp_end(struct ct_sctp *s, unsigned stream, uint64_t now_ms)
{
    ct_err err = check_writing(s, stream);
    if (err == CT_OK) {
        s->busy_until_ms = now_ms + BUSY_MS;
        s->ending |= (uint16_t)(1u << stream);
        s->ended |= (uint16_t)(1u << stream);
        ct_sctp_tick(s, now_ms);
    }
    return err;
}

void ct_sctp_pause(struct ct_sctp *s, bool is_paused)
{
    s->is_resumed = s->is_paused && !is_paused;
    s->is_paused = is_paused;
}

bool ct_sctp_is_paused(const struct ct_sctp *s)
{
    return s->is_paused;
}

void ct_sctp_finish(struct ct_sctp *s, uint64_t now_ms)
{
    s->is_finishing = true;
    s->busy_until_ms = now_ms + BUSY_MS;
    ct_sctp_tick(s, now_ms);
}

bool ct_sctp_is_finishing(const struct ct_sctp *s)
{
    return s->is_finishing;
}

bool ct_sctp_is_dry(const struct ct_sctp *s)
{
    return s->is_in_order || (s->ending == 0 && unacknowledged(s) == 0);
}

bool ct_sctp_is_done(const struct ct_sctp *s)
{
    return (s->peer_is_shut || s->is_shut) && ct_sctp_is_dry(s);
}

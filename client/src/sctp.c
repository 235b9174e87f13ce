/* Streams of bytes over datagrams in memory: one SCTP association (RFC 8261), polled like a socket.
 */
#include "sctp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <usrsctp.h>

#include "base/secret.h"
#include "sctp_stack.h"

#define MESSAGE_MAX (CT_SCTP_PACKET_MAX - CT_SCTP_HEADER_LEN - CT_SCTP_DATA_HEADER_LEN)
/* The first one rides behind a cookie of the usual size: it saves a round trip. */
#define FIRST_MESSAGE_MAX 900u
#define HEARTBEAT_MS 10000u
#define RTO_MIN_MS 200u /* longer than an acknowledgement is delayed */
#define RTO_MAX_MS 3000u
#define RTO_UNKNOWN_MS 1000u
#define SACK_DELAY_MS 40u
#define RETRANSMISSIONS 60u /* of anything; a silent peer is given up by the call, earlier */
#define BUSY_MS 1000u       /* after the last packet or write the library's timers run each 10 ms */
#define SLOW_MS 100u        /* then so, while something is not acknowledged */
#define IDLE_MS 1000u

struct ct_sctp {
    struct ct_sctp_user user;
    struct socket *listening; /* the responder's, until its association stands */
    struct socket *socket;    /* NULL before */
    bool is_initiator, is_up, is_paused, is_finishing, is_shut, peer_is_shut;
    bool is_down, is_in_order;         /* ended, and with everything acknowledged */
    bool is_resumed;                   /* what has come in the pause is still to be told */
    bool is_blocked;                   /* a write did not take all */
    uint32_t blocked_at;               /* messages that were queued then */
    uint16_t ending, ended, heard_end; /* a bit for each stream: end to be said, said, heard */
    uint64_t busy_until_ms;
    uint8_t in[4096]; /* the message that is being told */
};

static struct sockaddr_conn address_of(const struct ct_sctp *s)
{
    struct sockaddr_conn address;
    memset(&address, 0, sizeof address);
    address.sconn_family = AF_CONN;
    address.sconn_port = htons(CT_SCTP_PORT);
    address.sconn_addr = s->user.address;
    return address;
}

/* ---- set-up ---- */

static bool set(struct socket *so, int level, int name, const void *value, size_t len)
{
    return usrsctp_setsockopt(so, level, name, value, (socklen_t)len) == 0;
}

static bool set_times(struct socket *so, uint32_t rtt_ms)
{
    uint32_t rto = rtt_ms == 0 ? RTO_UNKNOWN_MS : 3 * rtt_ms;
    rto = rto < RTO_MIN_MS ? RTO_MIN_MS : rto > RTO_MAX_MS ? RTO_MAX_MS : rto;
    struct sctp_rtoinfo times = {
        .srto_initial = rto, .srto_max = RTO_MAX_MS, .srto_min = RTO_MIN_MS};
    struct sctp_sack_info sack = {.sack_delay = SACK_DELAY_MS, .sack_freq = 2};
    struct sctp_assocparams tries = {.sasoc_asocmaxrxt = RETRANSMISSIONS};
    struct sctp_paddrparams path;
    memset(&path, 0, sizeof path);
    path.spp_address.ss_family = AF_CONN;
    path.spp_flags = SPP_PMTUD_DISABLE | SPP_HB_ENABLE;
    path.spp_pathmtu = CT_SCTP_PACKET_MAX;
    path.spp_hbinterval = HEARTBEAT_MS;
    path.spp_pathmaxrxt = RETRANSMISSIONS;
    return set(so, IPPROTO_SCTP, SCTP_RTOINFO, &times, sizeof times) &&
           set(so, IPPROTO_SCTP, SCTP_DELAYED_SACK, &sack, sizeof sack) &&
           set(so, IPPROTO_SCTP, SCTP_ASSOCINFO, &tries, sizeof tries) &&
           set(so, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
}

static bool set_events(struct socket *so)
{
    static const uint16_t wanted[] = {SCTP_ASSOC_CHANGE, SCTP_SHUTDOWN_EVENT};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        struct sctp_event event = {
            .se_assoc_id = SCTP_FUTURE_ASSOC, .se_type = wanted[i], .se_on = 1};
        if (!set(so, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof event)) {
            return false;
        }
    }
    return true;
}

static bool set_up(struct socket *so, uint32_t rtt_ms)
{
    const int on = 1;
    const int room = CT_SCTP_BUFFER;
    const struct linger at_once = {.l_onoff = 1};
    const struct sctp_initmsg init = {.sinit_num_ostreams = CT_SCTP_STREAMS,
                                      .sinit_max_instreams = CT_SCTP_STREAMS,
                                      .sinit_max_attempts = RETRANSMISSIONS,
                                      .sinit_max_init_timeo = RTO_MAX_MS};
    return usrsctp_set_non_blocking(so, 1) == 0 &&
           set(so, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) &&
           set(so, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) &&
           set(so, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) &&
           set(so, IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof init) &&
           set(so, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on) &&
           set(so, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on) && set_times(so, rtt_ms) &&
           set_events(so);
}

/* A socket with the association's address: connecting to the peer, or waiting for its cookie. */
static bool open_socket(struct ct_sctp *s, uint32_t rtt_ms)
{
    struct sockaddr_conn address = address_of(s);
    struct socket *so = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
    if (so == NULL) {
        return false;
    }
    if (s->is_initiator) {
        s->socket = so;
    } else {
        s->listening = so;
    }
    if (!set_up(so, rtt_ms) || usrsctp_bind(so, (struct sockaddr *)&address, sizeof address) != 0) {
        return false;
    }
    if (!s->is_initiator) {
        return usrsctp_listen(so, 1) == 0;
    }
    return usrsctp_connect(so, (struct sockaddr *)&address, sizeof address) == 0 ||
           errno == EINPROGRESS;
}

ct_err ct_sctp_new(struct ct_sctp **out, bool is_initiator, uint32_t rtt_ms, uint64_t now_ms)
{
    struct ct_sctp *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return CT_ERR_NOMEM;
    }
    s->is_initiator = is_initiator;
    s->busy_until_ms = now_ms + BUSY_MS;
    ct_sctp_stack_join(&s->user, now_ms);
    ct_sctp_stack_lock();
    bool is_open = open_socket(s, rtt_ms);
    ct_sctp_stack_unlock();
    if (!is_open) {
        ct_sctp_free(s);
        return CT_ERR_NOMEM;
    }
    *out = s;
    return CT_OK;
}

static void close_socket(struct socket **so)
{
    if (*so != NULL) {
        usrsctp_close(*so);
        *so = NULL;
    }
}

void ct_sctp_free(struct ct_sctp *s)
{
    if (s == NULL) {
        return;
    }
    ct_sctp_stack_lock();
    close_socket(&s->listening);
    close_socket(&s->socket);
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
    memcpy(out, packet, CT_SCTP_INIT_LEN);
    return CT_OK;
}

static void feed(struct ct_sctp *s, const uint8_t *packet, size_t len)
{
    ct_sctp_stack_lock();
    usrsctp_conninput(s->user.address, packet, len, 0);
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

/* The library's own word on what is queued and not acknowledged: messages. */
static uint32_t unacknowledged(struct ct_sctp *s)
{
    struct sctp_status status;
    socklen_t len = sizeof status;
    memset(&status, 0, sizeof status);
    if (s->socket == NULL) {
        return 0;
    }
    if (usrsctp_getsockopt(s->socket, IPPROTO_SCTP, SCTP_STATUS, &status, &len) != 0) {
        return UINT32_MAX; /* there is no association any more */
    }
    return (uint32_t)status.sstat_unackdata + (uint32_t)status.sstat_penddata;
}

/* Ends that found no room when they were to be said, and the end of all behind them. */
static void say_ends(struct ct_sctp *s);

void ct_sctp_input(struct ct_sctp *s, const uint8_t *packet, size_t len, uint64_t now_ms)
{
    if (ct_sctp_check(packet, len) != CT_OK) {
        return;
    }
    s->busy_until_ms = now_ms + BUSY_MS;
    ct_sctp_stack_lock();
    ct_sctp_stack_advance(now_ms);
    usrsctp_conninput(s->user.address, packet, len, 0);
    if (s->listening != NULL) {
        struct socket *so = usrsctp_accept(s->listening, NULL, NULL);
        if (so != NULL) {
            s->socket = so;
            (void)usrsctp_set_non_blocking(so, 1);
            close_socket(&s->listening);
        }
    }
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

/* True when it is an event for the owner. */
static bool take_notification(struct ct_sctp *s, struct ct_sctp_event *event, size_t len)
{
    struct sctp_assoc_change change;
    uint16_t type = 0;
    if (len >= sizeof type) {
        memcpy(&type, s->in, sizeof type);
    }
    s->peer_is_shut = s->peer_is_shut || type == SCTP_SHUTDOWN_EVENT;
    if (type != SCTP_ASSOC_CHANGE || len < sizeof change) {
        return false;
    }
    memcpy(&change, s->in, sizeof change);
    switch (change.sac_state) {
    case SCTP_COMM_UP:
        s->is_up = true;
        return false;
    case SCTP_SHUTDOWN_COMP:
        s->is_down = s->is_in_order = true;
        *event = (struct ct_sctp_event){.kind = CT_SCTP_DOWN};
        return true;
    case SCTP_RESTART:
        return lost(s, event, "began the streams of the call anew");
    case SCTP_CANT_STR_ASSOC:
        return lost(s, event, "did not set up the streams of the call");
    default:
        return lost(s, event, "gave up the streams of the call");
    }
}

static bool take_message(struct ct_sctp *s, struct ct_sctp_event *event,
                         const struct sctp_rcvinfo *info, size_t len)
{
    unsigned stream = info->rcv_sid;
    uint32_t kind = ntohl(info->rcv_ppid);
    if (stream >= CT_SCTP_STREAMS || (s->heard_end & (1u << stream)) != 0 ||
        (kind != CT_SCTP_PPID_BYTES && kind != CT_SCTP_PPID_END)) {
        return lost(s, event, "broke the rules of streams");
    }
    if (kind == CT_SCTP_PPID_END) {
        s->heard_end |= (uint16_t)(1u << stream);
        *event = (struct ct_sctp_event){.kind = CT_SCTP_END, .stream = stream};
    } else {
        *event = (struct ct_sctp_event){
            .kind = CT_SCTP_DATA, .stream = stream, .data = s->in, .len = len};
    }
    return true;
}

/* One thing out of the library's queue; false when it is empty. */
static bool receive(struct ct_sctp *s, struct ct_sctp_event *event, bool *is_event)
{
    struct sctp_rcvinfo info = {0};
    socklen_t info_len = sizeof info;
    struct sockaddr_conn from;
    socklen_t from_len = sizeof from;
    unsigned type = SCTP_RECVV_NOINFO;
    int flags = 0;
    ssize_t n = usrsctp_recvv(s->socket, s->in, sizeof s->in, (struct sockaddr *)&from, &from_len,
                              &info, &info_len, &type, &flags);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (n <= 0) {
        *is_event = lost(s, event, "gave up the streams of the call");
    } else if ((flags & MSG_NOTIFICATION) != 0) {
        *is_event = take_notification(s, event, (size_t)n);
    } else if (type != SCTP_RECVV_RCVINFO) {
        *is_event = lost(s, event, "broke the rules of streams");
    } else {
        *is_event = take_message(s, event, &info, (size_t)n);
    }
    return true;
}

static bool has_room_again(struct ct_sctp *s)
{
    if (!s->is_blocked || !s->is_up || s->is_finishing ||
        unacknowledged(s) > s->blocked_at - s->blocked_at / 4) {
        return false;
    }
    s->is_blocked = false;
    return true;
}

ct_err ct_sctp_next(struct ct_sctp *s, struct ct_sctp_event *event)
{
    bool is_event = false;
    s->is_resumed = false;
    ct_sctp_stack_lock();
    while (!is_event && s->socket != NULL && !s->is_down && !s->is_paused &&
           receive(s, event, &is_event)) {
    }
    if (!is_event && s->socket != NULL && !s->is_down && has_room_again(s)) {
        *event = (struct ct_sctp_event){.kind = CT_SCTP_WRITABLE};
        is_event = true;
    }
    ct_sctp_stack_unlock();
    return is_event ? CT_OK : CT_ERR_AGAIN;
}

/* ---- writing ---- */

/* False when there is no room for it. */
static bool send_message(struct ct_sctp *s, unsigned stream, uint32_t kind, const void *data,
                         size_t len)
{
    struct sctp_sndinfo info = {.snd_sid = (uint16_t)stream, .snd_ppid = htonl(kind)};
    ssize_t n =
        usrsctp_sendv(s->socket, data, len, NULL, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0);
    return n == (ssize_t)len;
}

static void say_ends(struct ct_sctp *s)
{
    for (unsigned i = 0; i < CT_SCTP_STREAMS && s->ending != 0 && s->socket != NULL; i++) {
        uint16_t bit = (uint16_t)(1u << i);
        if ((s->ending & bit) != 0) {
            if (!send_message(s, i, CT_SCTP_PPID_END, "", 1)) {
                return;
            }
            s->ending &= (uint16_t)~bit;
        }
    }
    if (s->is_finishing && !s->is_shut && s->is_up && s->ending == 0) {
        s->is_shut = true;
        (void)usrsctp_shutdown(s->socket, SHUT_WR);
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
    while (s->socket != NULL && done < len) {
        size_t most = s->is_up ? MESSAGE_MAX : FIRST_MESSAGE_MAX;
        size_t n = len - done < most ? len - done : most;
        if (!send_message(s, stream, CT_SCTP_PPID_BYTES, bytes + done, n)) {
            break;
        }
        done += n;
    }
    if (done < len) {
        s->is_blocked = true;
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

bool ct_sctp_is_dry(struct ct_sctp *s)
{
    ct_sctp_stack_lock();
    bool is_dry = s->is_up && s->ending == 0 && unacknowledged(s) == 0;
    ct_sctp_stack_unlock();
    return is_dry || s->is_in_order;
}

bool ct_sctp_is_done(struct ct_sctp *s)
{
    return s->peer_is_shut && ct_sctp_is_dry(s);
}

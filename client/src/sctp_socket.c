/* An association of the SCTP library's: its options, its messages, and what it tells. */
#include "sctp_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <usrsctp.h>

#include "sctp.h"

#define HEARTBEAT_MS 10000u
#define RTO_MIN_MS 200u /* longer than an acknowledgement is delayed */
#define RTO_MAX_MS 3000u
#define RTO_UNKNOWN_MS 1000u
#define SACK_DELAY_MS 40u
#define RETRANSMISSIONS 60u /* of anything; a silent peer is given up by the call, earlier */

static struct sockaddr_conn address_of(const struct ct_sctp_user *user)
{
    struct sockaddr_conn address;
    memset(&address, 0, sizeof address);
    address.sconn_family = AF_CONN;
    address.sconn_port = htons(CT_SCTP_PORT);
    address.sconn_addr = user->address;
    return address;
}

static bool set(struct socket *so, int level, int name, const void *value, size_t len)
{
    return usrsctp_setsockopt(so, level, name, value, (socklen_t)len) == 0;
}

static bool set_times(struct socket *so, uint32_t rtt_ms)
{
    uint32_t rto = rtt_ms == 0 ? RTO_UNKNOWN_MS : 3 * rtt_ms;
    rto = rto < RTO_MIN_MS ? RTO_MIN_MS : rto > RTO_MAX_MS ? RTO_MAX_MS : rto;
    const struct sctp_rtoinfo times = {
        .srto_initial = rto, .srto_max = RTO_MAX_MS, .srto_min = RTO_MIN_MS};
    const struct sctp_sack_info sack = {.sack_delay = SACK_DELAY_MS, .sack_freq = 2};
    const struct sctp_assocparams tries = {.sasoc_asocmaxrxt = RETRANSMISSIONS};
    struct sctp_paddrparams path;
    memset(&path, 0, sizeof path);
    path.spp_address.ss_family = AF_CONN;
    path.spp_flags = SPP_PMTUD_DISABLE | SPP_HB_ENABLE;
    path.spp_pathmtu = CT_SCTP_PATH_MTU;
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
        const struct sctp_event event = {
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

bool ct_sctp_socket_open(struct ct_sctp_user *user, bool is_initiator, uint32_t rtt_ms)
{
    struct sockaddr_conn address = address_of(user);
    struct socket *so = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
    if (so == NULL) {
        return false;
    }
    *(is_initiator ? &user->socket : &user->listening) = so;
    if (!set_up(so, rtt_ms) || usrsctp_bind(so, (struct sockaddr *)&address, sizeof address) != 0) {
        return false;
    }
    if (!is_initiator) {
        return usrsctp_listen(so, 1) == 0;
    }
    return usrsctp_connect(so, (struct sockaddr *)&address, sizeof address) == 0 ||
           errno == EINPROGRESS;
}

static void close_one(void **so)
{
    if (*so != NULL) {
        usrsctp_close(*so);
        *so = NULL;
    }
}

void ct_sctp_socket_close(struct ct_sctp_user *user)
{
    close_one(&user->listening);
    close_one(&user->socket);
}

void ct_sctp_socket_input(struct ct_sctp_user *user, const uint8_t *packet, size_t len)
{
    usrsctp_conninput(user->address, packet, len, 0);
    struct socket *so =
        user->listening == NULL ? NULL : usrsctp_accept(user->listening, NULL, NULL);
    if (so != NULL) {
        user->socket = so;
        (void)usrsctp_set_non_blocking(so, 1);
        close_one(&user->listening); /* one association a call */
    }
}

bool ct_sctp_socket_send(struct ct_sctp_user *user, unsigned stream, uint32_t ppid,
                         const void *data, size_t len)
{
    struct sctp_sndinfo info = {.snd_sid = (uint16_t)stream, .snd_ppid = htonl(ppid)};
    return user->socket != NULL &&
           usrsctp_sendv(user->socket, data, len, NULL, 0, &info, sizeof info, SCTP_SENDV_SNDINFO,
                         0) == (ssize_t)len;
}

static enum ct_sctp_got_kind notified(const uint8_t *in, size_t len)
{
    struct sctp_assoc_change change;
    uint16_t type = 0;
    if (len >= sizeof type) {
        memcpy(&type, in, sizeof type);
    }
    if (type == SCTP_SHUTDOWN_EVENT) {
        return CT_SCTP_GOT_SHUT;
    }
    if (type != SCTP_ASSOC_CHANGE || len < sizeof change) {
        return CT_SCTP_GOT_OTHER;
    }
    memcpy(&change, in, sizeof change);
    switch (change.sac_state) {
    case SCTP_COMM_UP:
        return CT_SCTP_GOT_UP;
    case SCTP_SHUTDOWN_COMP:
        return CT_SCTP_GOT_DOWN;
    case SCTP_RESTART:
        return CT_SCTP_GOT_RESTART;
    default:
        return CT_SCTP_GOT_FAILURE;
    }
}

struct ct_sctp_got ct_sctp_socket_receive(struct ct_sctp_user *user, uint8_t *in, size_t cap)
{
    struct ct_sctp_got got = {.kind = CT_SCTP_GOT_NOTHING};
    struct sctp_rcvinfo info = {0};
    socklen_t info_len = sizeof info;
    struct sockaddr_conn from;
    socklen_t from_len = sizeof from;
    unsigned type = SCTP_RECVV_NOINFO;
    int flags = 0;
    if (user->socket == NULL) {
        return got;
    }
    ssize_t n = usrsctp_recvv(user->socket, in, cap, (struct sockaddr *)&from, &from_len, &info,
                              &info_len, &type, &flags);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return got;
    }
    got.kind = CT_SCTP_GOT_FAILURE;
    if (n > 0 && (flags & MSG_NOTIFICATION) != 0) {
        got.kind = notified(in, (size_t)n);
    } else if (n > 0 && type == SCTP_RECVV_RCVINFO) {
        got.kind = CT_SCTP_GOT_MESSAGE;
        got.stream = info.rcv_sid;
        got.ppid = ntohl(info.rcv_ppid);
        got.len = (size_t)n;
    }
    return got;
}

void ct_sctp_socket_shut(struct ct_sctp_user *user)
{
    (void)usrsctp_shutdown(user->socket, SHUT_WR);
}

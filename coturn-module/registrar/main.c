/* chainturn-registrar: holds a relay's wallet key, apart from the server that parses packets. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "confine.h"
#include "desk.h"

static struct ct_desk desk;

/* The channel's descriptor, from the one argument; -1: this is no channel. */
static int channel(int argc, char **argv)
{
    int type = 0;
    socklen_t len = sizeof(type);
    char *end = NULL;
    long fd = argc == 2 ? strtol(argv[1], &end, 10) : -1;
    if (fd < 0 || fd > 65535 || *end != '\0' ||
        getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_SEQPACKET) {
        return -1;
    }
    return (int)fd;
}

/* What reading and signing left below on the stack, copies in libraries' functions among it. */
static void __attribute__((noinline)) wipe_below(void)
{
    uint8_t below[64 * 1024];
    ct_wipe(below, sizeof(below));
}

/* Its answer to one frame; false when the conversation is over. */
static bool answer(int fd, const uint8_t *frame, size_t len)
{
    static struct ct_rg_request request;
    static struct ct_rg_answer out;
    uint8_t reply[CT_RG_FRAME_MAX];
    size_t reply_len = 0;
    if (ct_rg_request_read(&request, frame, len) != CT_OK) {
        return false; /* a module that cannot write its own frames is none */
    }
    ct_desk_answer(&desk, &out, &request, ct_mono_ms(), ct_wall_s());
    wipe_below();
    bool opened = request.kind == CT_RG_OPEN && out.err == CT_OK;
    if (opened) {
        out.err = ct_confine_rest(request.of.open.user, &out.why);
    }
    bool good = ct_rg_answer_write(reply, sizeof(reply), &reply_len, &out) == CT_OK &&
                send(fd, reply, reply_len, MSG_NOSIGNAL) == (ssize_t)reply_len;
    return good && (request.kind != CT_RG_OPEN || out.err == CT_OK);
}

/* Until the module is gone, which shows as the end of the channel. */
static void serve(int fd)
{
    for (;;) {
        uint8_t frame[CT_RG_FRAME_MAX];
        ssize_t n = recv(fd, frame, sizeof(frame), MSG_TRUNC);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0 || (size_t)n > sizeof(frame) || !answer(fd, frame, (size_t)n)) {
            return;
        }
    }
}

int main(int argc, char **argv)
{
    struct ct_why why;
    int fd = channel(argc, argv);
    if (fd < 0) {
        (void)fprintf(stderr, "chainturn-registrar is started by turnserver and by nobody else; "
                              "see turnserver-chain(1)\n");
        return 2;
    }
    if (ct_confine_memory(&why) != CT_OK) {
        (void)fprintf(stderr, "chainturn-registrar: %s\n", why.text);
        return 1;
    }
    /* A terminal's or a group's signals are for the server, whose end ends this process. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGUSR1, SIG_IGN);
    (void)signal(SIGUSR2, SIG_IGN);
    (void)ct_memory_lock(&desk, sizeof(desk));
    serve(fd);
    ct_desk_close(&desk);
    return 0;
}

/*
 * A pair of associations whose packets are lost, repeated, kept back and changed, with checksums
 * that are right; and packets that the input makes up. usrsctp draws its tags itself, so an input
 * changes what is on its way and names nothing absolute.
 * Property: packets fit a record and are bounded; data is handed out in order, on streams that
 * there are, and nothing behind a stream's end or the association's; reading never ends later than
 * what was sent allows; an unchanged network hands out exactly what was written.
 */
/* links: ct_client_inside chainturn ct_chain ct_base */
#include <string.h>
#include <sys/time.h>

#include "fuzz.h"
#include "sctp_seal.h"
#include "steps.h"

#include "sctp.h"

enum { CARRY, WRITE, END, PAUSE, WAIT, CHANGE, MAKE_UP, REPEAT, DROP, FINISH, STREAM_OPS };
enum { KEPT = 16, EVENTS_MAX = 20000 };

struct side {
    struct ct_sctp *sctp;
    uint64_t written[CT_SCTP_STREAMS], read[CT_SCTP_STREAMS];
    bool has_ended[CT_SCTP_STREAMS], is_over;
};

struct run {
    struct side sides[2];
    bool is_changed; /* the network did more than lose */
    unsigned events;
    uint8_t kept[KEPT][CT_SCTP_PACKET_MAX];
    size_t kept_len[KEPT];
    unsigned kept_count;
};

static uint64_t clock_ms;

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    (void)tz;
    tv->tv_sec = (time_t)(clock_ms / 1000);
    tv->tv_usec = (suseconds_t)(clock_ms % 1000 * 1000);
    return 0;
}

static uint8_t byte_at(unsigned stream, uint64_t place)
{
    return (uint8_t)((place + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 40 ^ stream);
}

static void take(struct run *run, struct side *side, const struct side *other,
                 const struct ct_sctp_event *event)
{
    HOLDS(!side->is_over && ++run->events < EVENTS_MAX);
    side->is_over = event->kind == CT_SCTP_DOWN || event->kind == CT_SCTP_LOST;
    HOLDS((event->kind == CT_SCTP_LOST) == (event->text != NULL));
    if (event->kind != CT_SCTP_DATA && event->kind != CT_SCTP_END) {
        return;
    }
    unsigned stream = event->stream;
    HOLDS(stream < CT_SCTP_STREAMS && !side->has_ended[stream]);
    side->has_ended[stream] = event->kind == CT_SCTP_END;
    for (size_t i = 0; event->kind == CT_SCTP_DATA && i < event->len; i++) {
        HOLDS(run->is_changed || event->data[i] == byte_at(stream, side->read[stream] + i));
    }
    side->read[stream] += event->kind == CT_SCTP_DATA ? event->len : 0;
    HOLDS(run->is_changed || side->read[stream] <= other->written[stream]);
}

static void tell(struct run *run, unsigned which)
{
    struct ct_sctp_event event;
    while (ct_sctp_next(run->sides[which].sctp, &event) == CT_OK) {
        take(run, &run->sides[which], &run->sides[1 - which], &event);
    }
}

static void give(struct run *run, unsigned to, const uint8_t *packet, size_t len)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);
    HOLDS(exact != NULL);
    if (len > 0) {
        memcpy(exact, packet, len);
    }
    ct_sctp_input(run->sides[to].sctp, exact, len, clock_ms);
    free(exact);
    tell(run, to);
}

/* What one has to send: kept, and given to the other unless it is dropped. */
static void carry(struct run *run, unsigned from, bool drops)
{
    uint8_t packet[CT_SCTP_PACKET_MAX];
    size_t len = 0;
    unsigned count = 0;
    while (ct_sctp_poll(run->sides[from].sctp, packet, &len) == CT_OK) {
        HOLDS(len >= CT_SCTP_HEADER_LEN && len <= CT_SCTP_PACKET_MAX && ++count < 3000);
        memcpy(run->kept[run->kept_count % KEPT], packet, len);
        run->kept_len[run->kept_count++ % KEPT] = len;
        if (!drops) {
            give(run, 1 - from, packet, len);
        }
    }
}

static void write_some(struct side *side, const struct fuzz_step *step)
{
    uint8_t bytes[3000];
    unsigned stream = step->op >> 4;
    size_t taken = 0;
    size_t len = 7 * step->len < sizeof bytes ? 7 * step->len : sizeof bytes;
    for (size_t i = 0; i < len; i++) {
        bytes[i] = byte_at(stream, side->written[stream] + i);
    }
    if (ct_sctp_write(side->sctp, &taken, stream, bytes, len, clock_ms) == CT_OK) {
        HOLDS(taken <= len);
        side->written[stream] += taken;
    }
}

/* A packet that has been on its way, with some bytes changed: pairs of place and value. */
static void change(struct run *run, unsigned to, const struct fuzz_step *step)
{
    uint8_t packet[CT_SCTP_PACKET_MAX];
    if (step->len == 0 || run->kept_count == 0) {
        return;
    }
    unsigned which = step->data[0] % KEPT;
    size_t len = run->kept_len[which];
    memcpy(packet, run->kept[which], len);
    for (size_t i = 1; i + 1 < step->len && len > CT_SCTP_HEADER_LEN; i += 2) {
        packet[CT_SCTP_HEADER_LEN + step->data[i] % (len - CT_SCTP_HEADER_LEN)] = step->data[i + 1];
    }
    sctp_seal(packet, len);
    run->is_changed = true;
    give(run, to, packet, len);
}

/* Chunks of the input's own behind a header that fits. */
static void make_up(struct run *run, unsigned to, const struct fuzz_step *step)
{
    uint8_t packet[CT_SCTP_PACKET_MAX] = {0};
    size_t room = sizeof packet - CT_SCTP_HEADER_LEN;
    size_t n = step->len < room ? step->len : room;
    if (run->kept_count == 0 || n == 0) {
        return;
    }
    memcpy(packet, run->kept[(run->kept_count - 1) % KEPT], CT_SCTP_HEADER_LEN);
    memcpy(packet + CT_SCTP_HEADER_LEN, step->data, n);
    sctp_seal(packet, CT_SCTP_HEADER_LEN + n);
    run->is_changed = true;
    give(run, to, packet, CT_SCTP_HEADER_LEN + n);
}

static void step_on(struct run *run, const struct fuzz_step *step)
{
    unsigned who = step->op & 1u;
    struct side *side = &run->sides[who];
    size_t n = step->len > 0 ? step->data[0] : 0;
    switch (step->op / 2 % STREAM_OPS) {
    case WRITE:
        write_some(side, step);
        break;
    case END:
        (void)!ct_sctp_end(side->sctp, (unsigned)n, clock_ms);
        break;
    case PAUSE:
        ct_sctp_pause(side->sctp, n % 2 == 1);
        break;
    case WAIT:
        clock_ms += 10u * n;
        ct_sctp_tick(side->sctp, clock_ms);
        HOLDS(ct_sctp_deadline(side->sctp, clock_ms) <= clock_ms + 1010);
        break;
    case CHANGE:
        change(run, who, step);
        break;
    case MAKE_UP:
        make_up(run, who, step);
        break;
    case REPEAT:
        give(run, who, run->kept[n % KEPT], run->kept_len[n % KEPT]);
        break;
    case DROP:
        carry(run, who, true);
        break;
    case FINISH:
        ct_sctp_finish(side->sctp, clock_ms);
        break;
    default:
        break;
    }
    carry(run, who, false);
    tell(run, who);
}

/* The hellos: unchanged, or as the input has them. */
static bool meet(struct run *run, const struct fuzz_step *step)
{
    uint8_t offer[CT_SCTP_INIT_LEN];
    uint8_t answer[CT_SCTP_PACKET_MAX];
    size_t len = 0;
    HOLDS(ct_sctp_offer(run->sides[0].sctp, offer) == CT_OK);
    if ((step->op & 1u) != 0 && step->len > 1) {
        offer[step->data[0] % sizeof offer] ^= step->data[1];
        sctp_seal(offer, sizeof offer);
    }
    if (ct_sctp_answer(run->sides[1].sctp, answer, &len, offer, sizeof offer) != CT_OK) {
        return false;
    }
    HOLDS(len <= CT_SCTP_INIT_ACK_MAX);
    for (size_t i = 2; (step->op & 2u) != 0 && i + 1 < step->len; i += 2) {
        answer[CT_SCTP_HEADER_LEN + step->data[i] % (len - CT_SCTP_HEADER_LEN)] ^=
            step->data[i + 1];
        sctp_seal(answer, len);
    }
    run->is_changed = (step->op & 3u) != 0;
    return ct_sctp_accept(run->sides[0].sctp, answer, len) == CT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run run;
    struct ct_rd r = ct_rd_init(data, size);
    struct fuzz_step step;
    memset(&run, 0, sizeof run);
    clock_ms = 1000000;
    for (unsigned i = 0; i < 2; i++) {
        HOLDS(ct_sctp_new(&run.sides[i].sctp, i == 0, 40, clock_ms) == CT_OK);
    }
    if (fuzz_step(&step, &r) && meet(&run, &step)) {
        for (unsigned i = 0; i < FUZZ_STEPS_MAX && fuzz_step(&step, &r); i++) {
            step_on(&run, &step);
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        ct_sctp_free(run.sides[i].sctp);
    }
    return 0;
}

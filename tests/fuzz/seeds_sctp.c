/* Seeds of SCTP: packets as RFC 9260 has them, and steps of a pair of associations (fuzz_streams).
 */
#include "seeds.h"

#include <stdint.h>

/* Ports 5000, a tag, and a checksum that the check leaves to the library. */
static void packet(const char *name, const void *chunks, size_t size, uint32_t tag)
{
    uint8_t out[256];
    struct ct_wr w = ct_wr_init(out, sizeof(out));
    ct_wr_be16(&w, 5000);
    ct_wr_be16(&w, 5000);
    ct_wr_be32(&w, tag);
    ct_wr_be32(&w, 0);
    ct_wr_bytes(&w, chunks, size);
    seed("sctp_packet", name, out, w.len);
}

static void packets(void)
{
    static const uint8_t init[] = {1, 0, 0, 20, 9, 8, 7, 6, 0, 8, 0, 0, 0, 16, 0, 16, 1, 2, 3, 4};
    static const uint8_t init_ack[] = {2, 0,  0, 28, 9, 8, 7, 6, 0, 8, 0, 0, 0, 16,
                                       0, 16, 1, 2,  3, 4, 0, 7, 0, 8, 5, 6, 7, 8};
    static const uint8_t data_and_end[] = {0, 3, 0,   17, 0,    0,    0, 9, 0, 5,  0, 0, 0x43, 0x54,
                                           0, 1, 'x', 0,  0,    0,    0, 3, 0, 17, 0, 0, 0,    10,
                                           0, 5, 0,   1,  0x43, 0x54, 0, 2, 0, 0,  0, 0};
    static const uint8_t sack[] = {3, 0, 0, 20, 0, 0, 0, 9, 0, 8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 3};
    static const uint8_t heartbeat[] = {4, 0, 0, 12, 0, 1, 0, 8, 1, 2, 3, 4};
    static const uint8_t cookie[] = {10, 0, 0, 8, 1, 2, 3, 4, 11, 0, 0, 4};
    static const uint8_t shutdown[] = {7, 0, 0, 8, 0, 0, 0, 9, 8, 0, 0, 4, 14, 0, 0, 4};
    static const uint8_t cause[] = {6, 0, 0, 8, 0, 13, 0, 4, 9, 0, 0, 8, 0, 10, 0, 4};
    packet("init", init, sizeof(init), 0);
    packet("init-ack", init_ack, sizeof(init_ack), 1);
    packet("data-and-end", data_and_end, sizeof(data_and_end), 1);
    packet("sack", sack, sizeof(sack), 1);
    packet("heartbeat", heartbeat, sizeof(heartbeat), 1);
    packet("cookie", cookie, sizeof(cookie), 1);
    packet("shutdown", shutdown, sizeof(shutdown), 1);
    packet("abort-and-error", cause, sizeof(cause), 1);
}

enum { CARRY, WRITE, END, PAUSE, WAIT, CHANGE, MAKE_UP, REPEAT, DROP, FINISH };

static void step(struct ct_wr *w, unsigned op, unsigned who, const void *data, size_t size)
{
    seed_step(w, 2 * op + who, data, size);
}

static void begin(struct ct_wr *w, uint8_t *out, size_t cap)
{
    *w = ct_wr_init(out, cap);
    seed_step(w, 0, NULL, 0); /* hellos as they are */
    step(w, CARRY, 0, NULL, 0);
    step(w, CARRY, 1, NULL, 0);
}

void seeds_sctp(void)
{
    static const uint8_t some[400] = {0};
    static const uint8_t changes[] = {3, 0, 5, 3, 255, 8, 1};
    static const uint8_t made_up[] = {3, 0, 0, 16, 0, 0, 0, 9, 0, 8, 0, 0, 0, 0, 0, 0};
    uint8_t out[4096];
    struct ct_wr w;
    packets();
    begin(&w, out, sizeof(out));
    step(&w, WRITE, 0, some, sizeof(some));
    step(&w, WAIT, 1, "\10", 1);
    step(&w, END, 0, "", 1);
    step(&w, WRITE, 1, some, 100);
    step(&w, END, 1, "", 1);
    step(&w, WAIT, 0, "\40", 1);
    step(&w, FINISH, 0, NULL, 0);
    step(&w, WAIT, 1, "\40", 1);
    seed("streams", "to-the-end", out, w.len);
    begin(&w, out, sizeof(out));
    step(&w, PAUSE, 1, "\1", 1);
    for (int i = 0; i < 5; i++) {
        step(&w, WRITE, 0, some, sizeof(some));
        step(&w, DROP, 0, NULL, 0);
        step(&w, WAIT, 0, "\377", 1);
        step(&w, REPEAT, 1, "\2", 1);
    }
    step(&w, PAUSE, 1, "\0", 1);
    seed("streams", "lost-and-repeated", out, w.len);
    begin(&w, out, sizeof(out));
    step(&w, WRITE, 0, some, sizeof(some));
    step(&w, CHANGE, 1, changes, sizeof(changes));
    step(&w, MAKE_UP, 1, made_up, sizeof(made_up));
    step(&w, CHANGE, 0, changes, sizeof(changes));
    step(&w, WAIT, 1, "\377", 1);
    seed("streams", "changed", out, w.len);
    w = ct_wr_init(out, sizeof(out));
    seed_step(&w, 2, "\0\0\24\1", 4);
    seed("streams", "changed-answer", out, w.len);
}

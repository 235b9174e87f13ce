/* Claims about the SCTP of a call of streams: which packets it takes, and how it shares its
 * library. */
/* links: ct_client_inside chainturn ct_chain ct_base */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/secret.h"
#include "sctp.h"

#include "ct_test.h"
#include "sctp_seal.h"

/* Two associations whose packets go from hand to hand. */
struct pair {
    struct ct_sctp *a, *b;
    uint64_t now_ms;
    uint64_t read[CT_SCTP_STREAMS]; /* by b */
    unsigned ends, downs, losses;   /* told by either */
    size_t longest;
    uint8_t kept[64][CT_SCTP_PACKET_MAX]; /* packets that have been on their way */
    size_t kept_len[64];
    unsigned kept_count;
    uint32_t tsn_of_b; /* the first */
};

static void tell(struct pair *p, struct ct_sctp *s)
{
    struct ct_sctp_event event;
    while (ct_sctp_next(s, &event) == CT_OK) {
        p->read[event.stream] += event.kind == CT_SCTP_DATA ? event.len : 0;
        p->ends += event.kind == CT_SCTP_END;
        p->downs += event.kind == CT_SCTP_DOWN;
        p->losses += event.kind == CT_SCTP_LOST;
    }
}

static unsigned carry(struct pair *p, struct ct_sctp *from, struct ct_sctp *to)
{
    uint8_t packet[CT_SCTP_PACKET_MAX];
    size_t len = 0;
    unsigned count = 0;
    while (ct_sctp_poll(from, packet, &len) == CT_OK) {
        p->longest = len > p->longest ? len : p->longest;
        memcpy(p->kept[p->kept_count % 64], packet, len);
        p->kept_len[p->kept_count++ % 64] = len;
        ct_sctp_input(to, packet, len, p->now_ms);
        count++;
    }
    return count;
}

static void run(struct pair *p, uint64_t ms)
{
    uint64_t end = p->now_ms + ms;
    while (p->now_ms < end) {
        unsigned count = carry(p, p->a, p->b) + carry(p, p->b, p->a);
        tell(p, p->a);
        tell(p, p->b);
        if (count == 0) {
            p->now_ms += 10;
            ct_sctp_tick(p->a, p->now_ms);
            ct_sctp_tick(p->b, p->now_ms);
        }
    }
}

static bool note_tsn(struct pair *p, const uint8_t *answer, size_t len)
{
    p->tsn_of_b = ct_sctp_first_tsn(answer, len);
    return true;
}

static bool join(struct pair *p, uint64_t now_ms)
{
    uint8_t offer[CT_SCTP_INIT_LEN];
    uint8_t answer[CT_SCTP_PACKET_MAX];
    size_t len = 0;
    memset(p, 0, sizeof *p);
    p->now_ms = now_ms;
    return ct_sctp_new(&p->a, true, 40, now_ms) == CT_OK &&
           ct_sctp_new(&p->b, false, 40, now_ms) == CT_OK && ct_sctp_offer(p->a, offer) == CT_OK &&
           ct_sctp_answer(p->b, answer, &len, offer, sizeof offer) == CT_OK &&
           note_tsn(p, answer, len) && ct_sctp_accept(p->a, answer, len) == CT_OK;
}

static void leave(struct pair *p)
{
    ct_sctp_free(p->a);
    ct_sctp_free(p->b);
}

/* ---- packets ---- */

static void what_the_library_sends_is_what_the_protocol_has(void)
{
    static struct pair p;
    static const uint8_t data[200000];
    size_t taken = 0;
    REQUIRE(join(&p, 1000));
    CHECK_EQ(ct_sctp_write(p.a, &taken, 3, data, sizeof data, p.now_ms), CT_OK);
    CHECK_EQ(taken, sizeof data);
    CHECK_EQ(ct_sctp_end(p.a, 3, p.now_ms), CT_OK);
    run(&p, 60000);
    CHECK_EQ(p.read[3], sizeof data);
    CHECK_EQ(p.ends, 1);
    CHECK(p.longest <= CT_SCTP_PACKET_MAX && p.longest > CT_SCTP_PACKET_MAX - 100);
    for (unsigned i = 0; i < 64 && i < p.kept_count; i++) {
        CHECK_EQ(ct_sctp_check(p.kept[i], p.kept_len[i]), CT_OK);
    }
    ct_sctp_finish(p.b, p.now_ms);
    run(&p, 2000);
    CHECK_EQ(p.downs, 2);
    CHECK_EQ(p.losses, 0);
    leave(&p);
}

static const uint8_t one_byte[] = {
    0x13, 0x88, 0x13, 0x88, 1, 2, 3, 4, 0, 0, 0, 0,             /* ports, tag, checksum */
    0,    3,    0,    17,   0, 0, 0, 9, 0, 5, 0, 0, 0x43, 0x54, /* DATA, TSN, stream 5 */
    0,    1,    'x',  0,    0, 0,
};

/* Each single change that makes it another kind of packet is refused. */
static void a_packet_that_a_call_has_no_use_for_is_refused(void)
{
    static const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {
        {1, 0x89}, {3, 0x87},                                  /* ports */
        {12, 1},   {12, 2},   {12, 12},  {12, 13},  {12, 15},  /* INIT, ECN, AUTH.. */
        {12, 64},  {12, 128}, {12, 130}, {12, 192}, {12, 193}, /* I-DATA, ASCONF, reset.. */
        {13, 7},                                               /* unordered */
        {14, 1},   {15, 16},  {15, 15},  {15, 3},   {15, 21},  /* lengths */
        {21, 16},  {20, 1},                                    /* a stream there is not */
        {24, 0},   {25, 0},   {27, 3},   {27, 0},              /* identifiers */
    };
    uint8_t packet[sizeof one_byte];
    CHECK_EQ(ct_sctp_check(one_byte, sizeof one_byte), CT_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        memcpy(packet, one_byte, sizeof packet);
        packet[wrong[i].at] = wrong[i].value;
        CHECK_EQ(ct_sctp_check(packet, sizeof packet), CT_ERR_FORMAT);
    }
    memcpy(packet, one_byte, sizeof packet);
    memset(packet + 4, 0, 4); /* a tag of zero */
    CHECK_EQ(ct_sctp_check(packet, sizeof packet), CT_ERR_FORMAT);
    memcpy(packet, one_byte, sizeof packet);
    packet[27] = 2; /* the end of a stream is one byte of zero */
    CHECK_EQ(ct_sctp_check(packet, sizeof packet), CT_ERR_FORMAT);
    packet[28] = 0;
    CHECK_EQ(ct_sctp_check(packet, sizeof packet), CT_OK);
}

static void a_packet_cut_anywhere_is_refused(void)
{
    static struct pair p;
    uint8_t two[2 * sizeof one_byte];
    memcpy(two, one_byte, sizeof one_byte);
    memcpy(two + sizeof one_byte, one_byte + CT_SCTP_HEADER_LEN,
           sizeof one_byte - CT_SCTP_HEADER_LEN);
    size_t whole = 2 * sizeof one_byte - CT_SCTP_HEADER_LEN;
    CHECK_EQ(ct_sctp_check(two, whole), CT_OK);
    for (size_t len = 0; len < whole; len++) { /* one chunk alone is whole, too */
        CHECK_EQ(ct_sctp_check(two, len), len == sizeof one_byte ? CT_OK : CT_ERR_FORMAT);
    }
    uint8_t offer[CT_SCTP_INIT_LEN];
    uint8_t answer[CT_SCTP_PACKET_MAX];
    size_t answer_len = 0;
    memset(&p, 0, sizeof p);
    REQUIRE(ct_sctp_new(&p.a, true, 40, 1000) == CT_OK);
    REQUIRE(ct_sctp_new(&p.b, false, 40, 1000) == CT_OK);
    REQUIRE(ct_sctp_offer(p.a, offer) == CT_OK);
    for (size_t len = 0; len < sizeof offer; len++) {
        CHECK_EQ(ct_sctp_check_init(offer, len), CT_ERR_FORMAT);
    }
    REQUIRE(ct_sctp_answer(p.b, answer, &answer_len, offer, sizeof offer) == CT_OK);
    for (size_t len = 0; len < answer_len; len++) {
        CHECK_EQ(ct_sctp_check_init_ack(answer, len), CT_ERR_FORMAT);
    }
    CHECK_EQ(ct_sctp_check_init_ack(offer, sizeof offer), CT_ERR_FORMAT);
    CHECK_EQ(ct_sctp_check_init(answer, answer_len), CT_ERR_FORMAT);
    leave(&p);
}

/* The INIT is not authenticated when the responder takes it: whatever a relay makes of it. */
static void a_changed_init_sets_up_nothing(void)
{
    uint8_t offer[CT_SCTP_INIT_LEN];
    uint8_t changed[CT_SCTP_INIT_LEN];
    uint8_t answer[CT_SCTP_PACKET_MAX];
    size_t len = 0;
    struct ct_sctp *a = NULL;
    REQUIRE(ct_sctp_new(&a, true, 40, 1000) == CT_OK);
    REQUIRE(ct_sctp_offer(a, offer) == CT_OK);
    for (size_t bit = 0; bit < 8 * sizeof offer; bit++) {
        struct ct_sctp *b = NULL;
        memcpy(changed, offer, sizeof offer);
        changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        REQUIRE(ct_sctp_new(&b, false, 40, 1000) == CT_OK);
        CHECK_EQ(ct_sctp_answer(b, answer, &len, changed, sizeof changed), CT_ERR_FORMAT);
        ct_sctp_free(b);
    }
    ct_sctp_free(a);
}

/* ---- hostile peers ---- */

/* Real packets, changed and with their checksum right again, into an association that stands. */
static void changed_packets_break_their_own_association_at_most(void)
{
    static struct pair p;
    static struct pair other;
    static const uint8_t data[30000];
    uint32_t dice = 7;
    size_t taken = 0;
    REQUIRE(join(&other, 1000));
    for (unsigned round = 0; round < 300; round++) {
        REQUIRE(join(&p, 1000));
        (void)!ct_sctp_write(p.a, &taken, 0, data, sizeof data, p.now_ms);
        run(&p, 100);
        for (unsigned i = 0; i < 40; i++) {
            uint8_t packet[CT_SCTP_PACKET_MAX];
            dice = dice * 1664525u + 1013904223u;
            unsigned which = dice >> 8 & 63u;
            size_t len = p.kept_len[which];
            memcpy(packet, p.kept[which], sizeof packet);
            for (unsigned k = 0; len > CT_SCTP_HEADER_LEN && k < 1 + i % 3; k++) {
                dice = dice * 1664525u + 1013904223u;
                size_t room = len < 60 ? len - CT_SCTP_HEADER_LEN : 48; /* where the fields are */
                packet[CT_SCTP_HEADER_LEN + (dice >> 8) % room] = (uint8_t)(dice >> 24);
            }
            sctp_seal(packet, len);
            ct_sctp_input(p.b, packet, len, p.now_ms);
            carry(&p, p.b, p.a);
            tell(&p, p.b);
        }
        run(&p, 100);
        leave(&p);
    }
    CHECK_EQ(ct_sctp_write(other.a, &taken, 1, data, sizeof data, other.now_ms), CT_OK);
    run(&other, 2000);
    CHECK_EQ(other.read[1], sizeof data);
    leave(&other);
}

static void put_be32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

/* DATA without end behind a gap that is never filled, whatever window is offered. */
static void a_peer_that_heeds_no_window_fills_no_memory(void)
{
    static struct pair p;
    uint8_t packet[CT_SCTP_PACKET_MAX] = {0};
    uint8_t out[CT_SCTP_PACKET_MAX];
    size_t len = 1100;
    size_t out_len = 0;
    size_t taken = 0;
    int window = -1;
    REQUIRE(join(&p, 1000));
    CHECK_EQ(ct_sctp_write(p.a, &taken, 0, "x", 1, p.now_ms), CT_OK);
    run(&p, 500);
    memcpy(packet, p.kept[1], CT_SCTP_HEADER_LEN); /* the COOKIE ACK's, thus with a's tag */
    size_t before = mallinfo2().uordblks;
    for (uint32_t i = 0; i < 5000; i++) {
        static const uint8_t chunk[] = {0, 3, 0x04, 0x40, 0, 0, 0, 0, 0, 0, 0, 9, 0x43, 0x54, 0, 1};
        memcpy(packet + CT_SCTP_HEADER_LEN, chunk, sizeof chunk);
        put_be32(packet + CT_SCTP_HEADER_LEN + 4, p.tsn_of_b + 10 + i);
        packet[CT_SCTP_HEADER_LEN + 10] = (uint8_t)(i >> 8); /* its number in the stream */
        packet[CT_SCTP_HEADER_LEN + 11] = (uint8_t)i;
        sctp_seal(packet, len);
        ct_sctp_input(p.a, packet, len, p.now_ms);
        while (ct_sctp_poll(p.a, out, &out_len) == CT_OK) {
            window = out[CT_SCTP_HEADER_LEN] == 3 ? out[CT_SCTP_HEADER_LEN + 9] << 16 : window;
        }
    }
    CHECK(mallinfo2().uordblks < before + 3u * (size_t)CT_SCTP_BUFFER);
    CHECK_EQ(window, 0); /* in pieces of 64 KiB: what fits was kept */
    leave(&p);
}

/* ---- one library for all ---- */

static void it_can_be_started_and_ended_again_and_again(void)
{
    static struct pair p;
    static const uint8_t data[5000];
    for (unsigned i = 0; i < 200; i++) {
        size_t taken = 0;
        REQUIRE(join(&p, 1000 + i));
        CHECK_EQ(ct_sctp_write(p.a, &taken, 0, data, sizeof data, p.now_ms), CT_OK);
        run(&p, 300);
        CHECK_EQ(p.read[0], sizeof data);
        leave(&p);
    }
}

static atomic_int wrong;

static void *talk(void *arg)
{
    static const uint8_t data[100000];
    struct pair *p = calloc(1, sizeof *p);
    for (int i = 0; p != NULL && i < 5; i++) {
        size_t taken = 0;
        uint64_t end = ct_mono_ms() + 120000;
        if (!join(p, ct_mono_ms()) ||
            ct_sctp_write(p->a, &taken, 2, data, sizeof data, p->now_ms) != CT_OK) {
            wrong++;
            break;
        }
        while (p->read[2] < sizeof data && p->now_ms < end) {
            (void)carry(p, p->a, p->b);
            (void)carry(p, p->b, p->a);
            tell(p, p->a);
            tell(p, p->b);
            p->now_ms = ct_mono_ms();
            ct_sctp_tick(p->a, p->now_ms);
        }
        wrong += p->read[2] != sizeof data;
        leave(p);
    }
    free(p);
    return arg;
}

static void clients_on_two_threads_share_it(void)
{
    pthread_t threads[2];
    wrong = 0;
    for (int i = 0; i < 2; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, talk, NULL) == 0);
    }
    for (int i = 0; i < 2; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    CHECK_EQ(wrong, 0);
}

static const struct ct_test tests[] = {
    CT_TEST(what_the_library_sends_is_what_the_protocol_has),
    CT_TEST(a_packet_that_a_call_has_no_use_for_is_refused),
    CT_TEST(a_packet_cut_anywhere_is_refused),
    CT_TEST(a_changed_init_sets_up_nothing),
    CT_TEST(changed_packets_break_their_own_association_at_most),
    CT_TEST(a_peer_that_heeds_no_window_fills_no_memory),
    CT_TEST(it_can_be_started_and_ended_again_and_again),
    CT_TEST(clients_on_two_threads_share_it),
};
CT_TEST_MAIN(tests)

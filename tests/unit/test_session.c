/* Claims about calls: two devices in one process, a network that loses, delays and doubles. */
/* links: ct_client_inside chainturn ct_kex ct_turn ct_chain ct_base */
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/secret.h"
#include "calls.h"
#include "chain/key.h"
#include "kex/x25519.h"

#include "ct_test.h"

/*
 *      a.calls --send--> [ wire: loss, delay, copies ] --input--> b.calls
 *      a.calls <--input-- [                          ] <--send-- b.calls
 *
 * Lane 0 is each device's home address, lane 1 a guest address. Time is `clock_ms`, also for
 * OpenSSL's DTLS timers, whose only clock is gettimeofday().
 */
static uint64_t clock_ms = 1000000;

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    (void)tz;
    tv->tv_sec = (time_t)(clock_ms / 1000);
    tv->tv_usec = (suseconds_t)(clock_ms % 1000 * 1000);
    return 0;
}

#define WIRE 512
#define ONE_WAY_MS 20

struct flying {
    bool is_used;
    uint64_t at_ms;
    struct device *to;
    unsigned lane;
    struct ct_addr from;
    uint8_t bytes[1600];
    size_t len;
};

struct device {
    const char *name;
    struct ct_wallet wallet;
    struct ct_x25519 key;
    struct ct_hs_party party;
    struct ct_hs_party known; /* what the chain tells of the other */
    struct ct_hs_party stale; /* what a cache tells first, when has_stale */
    bool has_stale, is_unknown;
    struct ct_addr lanes[2];
    struct ct_calls *calls;
    struct device *other;
    unsigned lookups, opened, closed, rang;
    unsigned call; /* the last that opened */
    ct_err close_err;
    char close_text[400];
    uint64_t opened_ms, first_data_ms;
    uint8_t data[1200];
    size_t data_len;
    unsigned datagrams;
    bool echoes, hangs_up;
    bool sends_at_once;
};

static struct flying wire[WIRE];
static struct device a;
static struct device b;
static uint32_t dice = 1;
static unsigned loss_percent, copy_percent, jitter_ms;
static unsigned drop_next; /* datagrams of a's to lose from now on */
static int hold_step;      /* a's datagram with m3 in front is cut there, when 1 */
static unsigned sent_total;
static enum ct_path path; /* that the datagrams take */

static uint32_t roll(void)
{
    dice = dice * 1664525u + 1013904223u;
    return dice >> 8;
}

static ct_err dice_random(void *out, size_t len)
{
    uint8_t *bytes = out;
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)roll();
    }
    return CT_OK;
}

static void fly(struct device *to, unsigned lane, const struct ct_addr *from, const uint8_t *bytes,
                size_t len, uint64_t at_ms)
{
    for (size_t i = 0; i < WIRE; i++) {
        if (!wire[i].is_used) {
            wire[i] = (struct flying){
                .is_used = true, .at_ms = at_ms, .to = to, .lane = lane, .from = *from, .len = len};
            memcpy(wire[i].bytes, bytes, len);
            return;
        }
    }
}

static void carry(struct device *d, unsigned lane, const struct ct_addr *to, const uint8_t *bytes,
                  size_t len)
{
    struct device *other = d->other;
    unsigned to_lane = ct_addr_equal(to, &other->lanes[1]) ? 1 : 0;
    sent_total++;
    CHECK(len <= 1200);
    if (!ct_addr_equal(to, &other->lanes[to_lane]) || roll() % 100 < loss_percent) {
        return;
    }
    if (d == &a && drop_next > 0) {
        drop_next--;
        return;
    }
    uint64_t at = clock_ms + ONE_WAY_MS + (jitter_ms != 0 ? roll() % jitter_ms : 0);
    if (hold_step == 1 && bytes[0] == CT_HS_FIRST_BYTE && bytes[2] == 3) {
        /* the ClientHello overtakes m3 and m4 */
        fly(other, to_lane, &d->lanes[lane], bytes + CT_HS_FLIGHT_LEN, len - CT_HS_FLIGHT_LEN, at);
        fly(other, to_lane, &d->lanes[lane], bytes, CT_HS_FLIGHT_LEN, at + 5);
        hold_step = 0;
        return;
    }
    fly(other, to_lane, &d->lanes[lane], bytes, len, at);
    if (roll() % 100 < copy_percent) {
        fly(other, to_lane, &d->lanes[lane], bytes, len, at + roll() % 30);
    }
}

static enum ct_path on_send(void *arg, unsigned lane, const struct ct_addr *to,
                            const uint8_t *bytes, size_t len)
{
    carry(arg, lane, to, bytes, len);
    return path;
}

static void on_lookup(struct device *d, const struct ct_call_lookup *lookup)
{
    d->lookups++;
    CHECK_STR(lookup->identity, d->other->name);
    const struct ct_hs_party *record = d->has_stale && !lookup->is_fresh ? &d->stale : &d->known;
    ct_calls_record(d->calls, lookup, d->is_unknown ? NULL : record, clock_ms);
}

static void on_event(void *arg, const struct ct_call_event *event)
{
    struct device *d = arg;
    switch (event->kind) {
    case CT_CALL_LOOKUP:
        on_lookup(d, event->lookup);
        break;
    case CT_CALL_RINGS:
        d->rang++;
        break;
    case CT_CALL_OPEN:
        d->opened++;
        d->call = event->call;
        d->opened_ms = clock_ms;
        CHECK_STR(event->peer, d->other->name);
        if (d->sends_at_once) {
            CHECK_EQ(ct_calls_write(d->calls, event->call, "first", 5, clock_ms), CT_OK);
        }
        break;
    case CT_CALL_DATA:
        d->datagrams++;
        d->data_len = event->len;
        d->first_data_ms = d->first_data_ms == 0 ? clock_ms : d->first_data_ms;
        memcpy(d->data, event->data, event->len);
        if (d->echoes) {
            CHECK_EQ(ct_calls_write(d->calls, event->call, event->data, event->len, clock_ms),
                     CT_OK);
        }
        if (d->hangs_up) {
            ct_calls_close(d->calls, event->call);
        }
        break;
    case CT_CALL_STREAM:
        break;
    case CT_CALL_CLOSED:
        d->closed++;
        d->close_err = event->err;
        (void)snprintf(d->close_text, sizeof d->close_text, "%s", event->text);
        break;
    }
}

static const struct ct_hs_net net = {.chain_id = 31337, .contract20 = {0xc0}};
static struct ct_dtls_env *env;

static void make_device(struct device *d, struct device *other, const char *name, uint8_t number)
{
    struct ct_secret32 secret = {{number}};
    memset(d, 0, sizeof *d);
    d->name = name;
    d->other = other;
    CHECK_EQ(ct_wallet_from_secret(&d->wallet, &secret), CT_OK);
    secret.bytes[5] = 77;
    CHECK_EQ(ct_x25519_from_secret(&d->key, &secret), CT_OK);
    (void)snprintf(d->party.identity, sizeof d->party.identity, "%s", name);
    memcpy(d->party.wallet20, d->wallet.addr20, 20);
    memcpy(d->party.key32, d->key.public32, 32);
    d->lanes[0] = ct_addr_ip4((const uint8_t[]){198, 51, 100, number}, 50000);
    d->lanes[1] = ct_addr_ip4((const uint8_t[]){198, 51, 100, number}, 50001);
}

static void start(struct device *d)
{
    struct ct_calls_config config = {.net = net,
                                     .identity = d->name,
                                     .wallet = &d->wallet,
                                     .key = &d->key,
                                     .env = env,
                                     .random = dice_random,
                                     .send = on_send,
                                     .event = on_event,
                                     .arg = d};
    d->known = d->other->party;
    memcpy(config.wallet20, d->wallet.addr20, 20);
    CHECK_EQ(ct_calls_new(&d->calls, &config), CT_OK);
}

static void set_up(uint32_t seed)
{
    dice = seed;
    path = CT_PATH_INDICATION;
    loss_percent = copy_percent = jitter_ms = drop_next = sent_total = 0;
    hold_step = 0;
    memset(wire, 0, sizeof wire);
    if (env == NULL) {
        CHECK_EQ(ct_dtls_env_new(&env, NULL), CT_OK);
    }
    make_device(&a, &b, "phone-7", 11);
    make_device(&b, &a, "sensor-42", 12);
    start(&a);
    start(&b);
}

static void tear_down(void)
{
    ct_calls_free(a.calls);
    ct_calls_free(b.calls);
}

static void deliver_due(void)
{
    for (size_t i = 0; i < WIRE; i++) {
        if (wire[i].is_used && wire[i].at_ms <= clock_ms) {
            struct ct_addr from = wire[i].from; /* what is sent meanwhile may take its place */
            wire[i].is_used = false;
            ct_calls_input(wire[i].to->calls, wire[i].lane, &from, path, wire[i].bytes, wire[i].len,
                           clock_ms);
        }
    }
}

/* Runs to the next thing that happens, until `until` ms from now or done says so. */
static void run(uint64_t for_ms, bool (*done)(void))
{
    uint64_t end = clock_ms + for_ms;
    while (clock_ms <= end && (done == NULL || !done())) {
        deliver_due();
        ct_calls_tick(a.calls, clock_ms);
        ct_calls_tick(b.calls, clock_ms);
        uint64_t next = clock_ms + 50;
        uint64_t da = ct_calls_deadline(a.calls, clock_ms);
        uint64_t db = ct_calls_deadline(b.calls, clock_ms);
        for (size_t i = 0; i < WIRE; i++) {
            next = wire[i].is_used && wire[i].at_ms < next ? wire[i].at_ms : next;
        }
        next = da < next ? da : next;
        next = db < next ? db : next;
        clock_ms = next > clock_ms ? next : clock_ms + 1;
    }
}

static bool both_open(void)
{
    return a.opened > 0 && b.opened > 0;
}

static bool b_has_data(void)
{
    return b.datagrams > 0;
}

static unsigned dial(struct device *d, unsigned lane)
{
    unsigned call = 0;
    CHECK_EQ(ct_calls_dial(d->calls, &call, lane, &d->other->lanes[0], &d->known, false, clock_ms),
             CT_OK);
    return call;
}

/* m1, m2 | m3 m4 ClientHello, ServerHello.. | Finished, Finished | data: 3.5 round trips. */
static void first_byte_takes_three_and_a_half_round_trips(void)
{
    set_up(1);
    uint64_t begin = clock_ms;
    a.sends_at_once = true;
    unsigned call = dial(&a, 1);
    run(2000, b_has_data);
    CHECK_EQ(a.opened, 1);
    CHECK_EQ(a.call, call);
    CHECK_EQ(a.rang, 1);
    CHECK_EQ(b.lookups, 1);
    CHECK_EQ(a.opened_ms - begin, 6 * ONE_WAY_MS);
    CHECK_EQ(b.first_data_ms - begin, 7 * ONE_WAY_MS);
    CHECK_EQ(sent_total, 7);
    CHECK_EQ(b.data_len, 5);
    CHECK_MEM(b.data, "first", 5);
    tear_down();
}

static void data_flows_both_ways_and_goodbye_is_heard(void)
{
    set_up(2);
    uint8_t payload[CT_DTLS_DATA_MAX + 1];
    b.echoes = true;
    unsigned call = dial(&a, 1);
    run(2000, both_open);
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = (uint8_t)(i * 7);
    }
    for (size_t len = 1; len <= CT_DTLS_DATA_MAX; len += 229) {
        REQUIRE(ct_calls_write(a.calls, call, payload, len, clock_ms) == CT_OK);
        run(100, NULL);
        CHECK_EQ(a.data_len, len);
        CHECK_MEM(a.data, payload, len);
    }
    CHECK_EQ(ct_calls_write(a.calls, call, payload, CT_DTLS_DATA_MAX, clock_ms), CT_OK);
    CHECK_EQ(ct_calls_write(a.calls, call, payload, CT_DTLS_DATA_MAX + 1, clock_ms), CT_ERR_ARG);
    CHECK_EQ(ct_calls_write(a.calls, call, payload, 0, clock_ms), CT_ERR_ARG);
    ct_calls_close(a.calls, call);
    CHECK_EQ(a.closed, 1);
    CHECK_EQ(a.close_err, CT_OK);
    run(100, NULL);
    CHECK_EQ(b.closed, 1);
    CHECK_EQ(b.close_err, CT_ERR_IO);
    CHECK(strstr(b.close_text, "phone-7 hung up") != NULL);
    CHECK_EQ(ct_calls_write(a.calls, call, "x", 1, clock_ms), CT_ERR_STATE);
    tear_down();
}

static void a_call_may_be_closed_from_within_its_event(void)
{
    set_up(3);
    a.sends_at_once = true;
    b.hangs_up = true;
    (void)dial(&a, 1);
    run(1000, NULL);
    CHECK_EQ(b.datagrams, 1);
    CHECK_EQ(b.closed, 1);
    CHECK_EQ(b.close_err, CT_OK);
    CHECK_EQ(a.closed, 1);
    tear_down();
}

static void every_single_lost_datagram_is_made_good(void)
{
    for (unsigned lost = 0; lost < 5; lost++) {
        set_up(4 + lost);
        a.sends_at_once = true;
        (void)dial(&a, 1);
        if (lost == 0) {
            drop_next = 0;
        }
        unsigned before = sent_total;
        while (sent_total - before < lost && !b_has_data()) {
            run(1, NULL);
        }
        drop_next = 1;
        run(8000, both_open);
        CHECK(both_open());
        tear_down();
    }
}

static void calls_stand_on_a_bad_network(void)
{
    unsigned failed = 0;
    for (uint32_t seed = 1; seed <= 60; seed++) {
        set_up(seed * 977);
        loss_percent = 20;
        copy_percent = 20;
        jitter_ms = 40;
        (void)dial(&a, 1);
        run(10000, both_open);
        failed += !both_open();
        CHECK(a.opened <= 1 && b.opened <= 1);
        tear_down();
    }
    CHECK(failed <= 2); /* 10 s do not always do at 20 % loss */
}

static void data_survives_reordering_and_copies_once_each(void)
{
    set_up(5);
    unsigned call = dial(&a, 1);
    run(2000, both_open);
    copy_percent = 100;
    jitter_ms = 30;
    for (unsigned i = 0; i < 50; i++) {
        CHECK_EQ(ct_calls_write(a.calls, call, &i, sizeof i, clock_ms), CT_OK);
    }
    run(500, NULL);
    CHECK_EQ(b.datagrams, 50);
    tear_down();
}

static void a_client_hello_that_overtakes_m4_is_held(void)
{
    set_up(6);
    hold_step = 1;
    uint64_t begin = clock_ms;
    a.sends_at_once = true;
    (void)dial(&a, 1);
    run(2000, b_has_data);
    CHECK_EQ(hold_step, 0);
    CHECK_EQ(b.first_data_ms - begin, 7 * ONE_WAY_MS + 5);
    tear_down();
}

static void nobody_there_is_said_in_ten_seconds(void)
{
    set_up(7);
    loss_percent = 100;
    (void)dial(&a, 1);
    run(11000, NULL);
    CHECK_EQ(a.closed, 1);
    CHECK_EQ(a.close_err, CT_ERR_TIMEOUT);
    CHECK(strstr(a.close_text, "sensor-42") != NULL);
    CHECK(sent_total <= 8);
    tear_down();
}

static void an_unknown_caller_gets_no_answer(void)
{
    set_up(8);
    b.is_unknown = true;
    (void)dial(&a, 1);
    run(11000, NULL);
    CHECK_EQ(b.opened, 0);
    CHECK_EQ(a.close_err, CT_ERR_TIMEOUT);
    CHECK_EQ(b.lookups, 1);
    tear_down();
}

static void a_stale_record_of_the_caller_is_read_again(void)
{
    set_up(9);
    b.has_stale = true;
    b.stale = a.party;
    b.stale.key32[0] ^= 1;
    (void)dial(&a, 1);
    run(3000, both_open);
    CHECK(both_open());
    CHECK_EQ(b.lookups, 2);
    tear_down();
}

static void a_stale_wallet_of_the_callee_is_read_again(void)
{
    set_up(10);
    struct ct_hs_party old = b.party;
    old.wallet20[3] ^= 1;
    unsigned call = 0;
    REQUIRE(ct_calls_dial(a.calls, &call, 1, &b.lanes[0], &old, false, clock_ms) == CT_OK);
    run(3000, both_open);
    CHECK(both_open());
    CHECK_EQ(a.lookups, 1);
    tear_down();
}

static void a_callee_that_is_not_the_registered_one_is_refused(void)
{
    set_up(11);
    a.known.wallet20[3] ^= 1; /* what the chain says, twice */
    (void)dial(&a, 1);
    run(3000, NULL);
    CHECK_EQ(a.opened, 0);
    CHECK_EQ(a.close_err, CT_ERR_AUTH);
    tear_down();
}

static void a_caller_with_another_wallet_is_refused(void)
{
    set_up(12);
    struct ct_secret32 secret = {{99}};
    CHECK_EQ(ct_wallet_from_secret(&a.wallet, &secret), CT_OK); /* signs m4 with it */
    (void)dial(&a, 1);
    run(11000, NULL);
    CHECK_EQ(b.opened, 0);
    CHECK_EQ(a.opened, 0);
    tear_down();
}

/* Each dials the other at once; both end with one session, the same. */
static void simultaneous_calls_keep_one_session(void)
{
    for (uint32_t seed = 1; seed <= 40; seed++) {
        set_up(seed * 31);
        unsigned lane = seed % 2; /* guest addresses, and both on their home addresses */
        jitter_ms = 15;
        a.echoes = true;
        unsigned of_a = dial(&a, lane);
        unsigned of_b = dial(&b, lane);
        run(3000, NULL);
        CHECK_EQ(ct_calls_count(a.calls, 0) + ct_calls_count(a.calls, 1), 1);
        CHECK_EQ(ct_calls_count(b.calls, 0) + ct_calls_count(b.calls, 1), 1);
        CHECK_EQ(a.call, of_a); /* under the number that the application knows */
        CHECK_EQ(b.call, of_b);
        CHECK_EQ(a.opened, 1);
        CHECK_EQ(b.opened, 1);
        CHECK_EQ(ct_calls_write(b.calls, of_b, "both", 4, clock_ms), CT_OK);
        run(200, NULL);
        CHECK_EQ(b.data_len, 4);
        tear_down();
    }
}

static void forged_datagrams_change_nothing(void)
{
    set_up(13);
    b.echoes = true;
    unsigned call = dial(&a, 1);
    run(2000, both_open);
    uint8_t junk[300];
    for (unsigned i = 0; i < 2000; i++) {
        (void)dice_random(junk, sizeof junk);
        static const uint8_t firsts[] = {CT_HS_FIRST_BYTE, 20, 21, 22, 23, 63, 0, 64, 255};
        junk[0] = firsts[i % sizeof firsts];
        junk[1] = i % 3 == 0 ? 0xfe : junk[1];
        junk[2] = i % 3 == 0 ? 0xfd : junk[2];
        ct_calls_input(b.calls, 0, &a.lanes[1], CT_PATH_INDICATION, junk, 1 + i % sizeof junk,
                       clock_ms);
    }
    CHECK_EQ(ct_calls_write(a.calls, call, "still", 5, clock_ms), CT_OK);
    run(200, NULL);
    CHECK_EQ(a.datagrams, 1);
    CHECK_EQ(b.opened, 1);
    CHECK_EQ(b.closed, 0);
    tear_down();
}

static void an_idle_call_ends(void)
{
    set_up(14);
    (void)dial(&a, 1);
    run(2000, both_open);
    clock_ms += 899000;
    run(100, NULL);
    CHECK_EQ(a.closed, 0);
    clock_ms += 2000;
    run(100, NULL);
    CHECK_EQ(a.closed, 1);
    CHECK_EQ(a.close_err, CT_ERR_TIMEOUT);
    tear_down();
}

static void a_lost_lane_ends_its_calls(void)
{
    set_up(15);
    (void)dial(&a, 1);
    run(2000, both_open);
    ct_calls_lane_lost(a.calls, 0, CT_ERR_STATE, "gone");
    CHECK_EQ(a.closed, 0);
    ct_calls_lane_lost(a.calls, 1, CT_ERR_STATE, "gone");
    CHECK_EQ(a.closed, 1);
    CHECK_EQ(a.close_err, CT_ERR_STATE);
    tear_down();
}

static void a_peer_that_starts_anew_from_the_same_address_replaces_its_call(void)
{
    set_up(16);
    (void)dial(&a, 1);
    run(2000, both_open);
    ct_calls_free(a.calls); /* its goodbye gets lost */
    memset(wire, 0, sizeof wire);
    start(&a);
    clock_ms += 20000;
    a.opened = b.opened = 0;
    (void)dial(&a, 1);
    run(2000, both_open);
    CHECK(both_open());
    CHECK_EQ(b.closed, 1);
    CHECK_EQ(ct_calls_count(b.calls, 0), 1);
    tear_down();
}

static void what_a_call_sends_and_gets_is_counted_by_path(void)
{
    struct ct_path_counts at_a;
    struct ct_path_counts at_b;
    set_up(17);
    unsigned call = dial(&a, 1);
    run(2000, both_open);
    path = CT_PATH_CHANNEL;
    CHECK_EQ(ct_calls_write(a.calls, call, "one", 3, clock_ms), CT_OK);
    CHECK_EQ(ct_calls_write(a.calls, call, "two", 3, clock_ms), CT_OK);
    run(200, NULL);
    CHECK(ct_calls_paths(a.calls, call, &at_a) && ct_calls_paths(b.calls, b.call, &at_b));
    CHECK(!ct_calls_paths(a.calls, call + 1, &at_a));
    /* m1, m3 with m4 and ClientHello, Finished; m2, ServerHello, Finished */
    CHECK_EQ(at_a.out[CT_PATH_INDICATION], 3);
    CHECK_EQ(at_a.in[CT_PATH_INDICATION], 3);
    CHECK_EQ(at_a.out[CT_PATH_CHANNEL], 2);
    CHECK_EQ(at_a.in[CT_PATH_CHANNEL], 0);
    /* b knows the call from m3 on: without m1 and m2 */
    CHECK_EQ(at_b.in[CT_PATH_INDICATION], 2);
    CHECK_EQ(at_b.out[CT_PATH_INDICATION], 2);
    CHECK_EQ(at_b.in[CT_PATH_CHANNEL], 2);
    CHECK_EQ(at_b.in[CT_PATH_PLAIN] + at_b.out[CT_PATH_NONE], 0);
    tear_down();
}

static const struct ct_test tests[] = {
    CT_TEST(first_byte_takes_three_and_a_half_round_trips),
    CT_TEST(data_flows_both_ways_and_goodbye_is_heard),
    CT_TEST(a_call_may_be_closed_from_within_its_event),
    CT_TEST(every_single_lost_datagram_is_made_good),
    CT_TEST(calls_stand_on_a_bad_network),
    CT_TEST(data_survives_reordering_and_copies_once_each),
    CT_TEST(a_client_hello_that_overtakes_m4_is_held),
    CT_TEST(nobody_there_is_said_in_ten_seconds),
    CT_TEST(an_unknown_caller_gets_no_answer),
    CT_TEST(a_stale_record_of_the_caller_is_read_again),
    CT_TEST(a_stale_wallet_of_the_callee_is_read_again),
    CT_TEST(a_callee_that_is_not_the_registered_one_is_refused),
    CT_TEST(a_caller_with_another_wallet_is_refused),
    CT_TEST(simultaneous_calls_keep_one_session),
    CT_TEST(forged_datagrams_change_nothing),
    CT_TEST(an_idle_call_ends),
    CT_TEST(a_lost_lane_ends_its_calls),
    CT_TEST(a_peer_that_starts_anew_from_the_same_address_replaces_its_call),
    CT_TEST(what_a_call_sends_and_gets_is_counted_by_path),
};
CT_TEST_MAIN(tests)

/* Two devices in one process, and a network between them that loses, delays and doubles. */
#ifndef CT_TEST_TWO_DEVICES_H
#define CT_TEST_TWO_DEVICES_H

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

#define ONE_WAY_MS 20

struct flying {
    struct flying *next;
    uint64_t at_ms; /* when it arrives; the list is in this order */
    struct device *to;
    unsigned lane;
    struct ct_addr from;
    size_t len;
    uint8_t bytes[]; /* len */
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
    bool takes_streams, has_streams; /* told to calls; of the call that opened */
    void (*on_open)(struct device *d);
    void (*on_stream)(struct device *d, const struct ct_call_event *event);
};

static struct flying *wire;
static struct flying *last;
static struct device a;
static struct device b;
static uint32_t dice = 1;
static unsigned loss_percent, copy_percent, jitter_ms;
static unsigned drop_next; /* datagrams of a's to lose from now on */
static int hold_step;      /* a's datagram with m3 in front is cut there, when 1 */
static unsigned sent_total;
static enum ct_path path; /* that the datagrams take */

static inline uint32_t roll(void)
{
    dice = dice * 1664525u + 1013904223u;
    return dice >> 8;
}

static inline ct_err dice_random(void *out, size_t len)
{
    uint8_t *bytes = out;
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)roll();
    }
    return CT_OK;
}

static inline void fly(struct device *to, unsigned lane, const struct ct_addr *from,
                       const uint8_t *bytes, size_t len, uint64_t at_ms)
{
    struct flying *f = malloc(sizeof *f + len);
    struct flying **at = &wire;
    if (f == NULL) {
        abort();
    }
    *f = (struct flying){.at_ms = at_ms, .to = to, .lane = lane, .from = *from, .len = len};
    memcpy(f->bytes, bytes, len);
    if (last != NULL && last->at_ms <= at_ms) {
        at = &last->next;
    }
    while (*at != NULL && (*at)->at_ms <= at_ms) {
        at = &(*at)->next;
    }
    f->next = *at;
    *at = f;
    last = f->next == NULL ? f : last;
}

static inline void land_all(void)
{
    while (wire != NULL) {
        struct flying *f = wire;
        wire = f->next;
        free(f);
    }
    last = NULL;
}

static inline void carry(struct device *d, unsigned lane, const struct ct_addr *to,
                         const uint8_t *bytes, size_t len)
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

static inline enum ct_path on_send(void *arg, unsigned lane, const struct ct_addr *to,
                                   const uint8_t *bytes, size_t len)
{
    carry(arg, lane, to, bytes, len);
    return path;
}

static inline void on_lookup(struct device *d, const struct ct_call_lookup *lookup)
{
    d->lookups++;
    CHECK_STR(lookup->identity, d->other->name);
    const struct ct_hs_party *record = d->has_stale && !lookup->is_fresh ? &d->stale : &d->known;
    ct_calls_record(d->calls, lookup, d->is_unknown ? NULL : record, clock_ms);
}

static inline void on_event(void *arg, const struct ct_call_event *event)
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
        d->has_streams = event->streams;
        if (d->on_open != NULL) {
            d->on_open(d);
        }
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
        d->on_stream(d, event);
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

static inline void make_device(struct device *d, struct device *other, const char *name,
                               uint8_t number)
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

static inline void start(struct device *d)
{
    struct ct_calls_config config = {.net = net,
                                     .identity = d->name,
                                     .wallet = &d->wallet,
                                     .key = &d->key,
                                     .env = env,
                                     .random = dice_random,
                                     .send = on_send,
                                     .event = on_event,
                                     .streams = d->takes_streams,
                                     .arg = d};
    d->known = d->other->party;
    memcpy(config.wallet20, d->wallet.addr20, 20);
    CHECK_EQ(ct_calls_new(&d->calls, &config), CT_OK);
}

static inline void set_up(uint32_t seed)
{
    dice = seed;
    path = CT_PATH_INDICATION;
    loss_percent = copy_percent = jitter_ms = drop_next = sent_total = 0;
    hold_step = 0;
    land_all();
    if (env == NULL) {
        CHECK_EQ(ct_dtls_env_new(&env, NULL), CT_OK);
    }
    make_device(&a, &b, "phone-7", 11);
    make_device(&b, &a, "sensor-42", 12);
    b.takes_streams = true;
    start(&a);
    start(&b);
}

static inline void tear_down(void)
{
    ct_calls_free(a.calls);
    ct_calls_free(b.calls);
    land_all();
}

static inline void deliver_due(void)
{
    while (wire != NULL && wire->at_ms <= clock_ms) {
        struct flying *f = wire;
        wire = f->next;
        last = wire == NULL ? NULL : last;
        ct_calls_input(f->to->calls, f->lane, &f->from, path, f->bytes, f->len, clock_ms);
        free(f);
    }
}

/* Runs to the next thing that happens, until `until` ms from now or done says so. */
static inline void run(uint64_t for_ms, bool (*done)(void))
{
    uint64_t end = clock_ms + for_ms;
    while (clock_ms <= end && (done == NULL || !done())) {
        deliver_due();
        ct_calls_tick(a.calls, clock_ms);
        ct_calls_tick(b.calls, clock_ms);
        uint64_t next = clock_ms + 50;
        uint64_t da = ct_calls_deadline(a.calls, clock_ms);
        uint64_t db = ct_calls_deadline(b.calls, clock_ms);
        next = wire != NULL && wire->at_ms < next ? wire->at_ms : next;
        next = da < next ? da : next;
        next = db < next ? db : next;
        clock_ms = next > clock_ms ? next : clock_ms + 1;
    }
}

static inline bool both_open(void)
{
    return a.opened > 0 && b.opened > 0;
}

static inline bool b_has_data(void)
{
    return b.datagrams > 0;
}

static inline unsigned dial_for(struct device *d, unsigned lane, bool streams)
{
    unsigned call = 0;
    CHECK_EQ(
        ct_calls_dial(d->calls, &call, lane, &d->other->lanes[0], &d->known, streams, clock_ms),
        CT_OK);
    return call;
}

static inline unsigned dial(struct device *d, unsigned lane)
{
    return dial_for(d, lane, false);
}

#endif

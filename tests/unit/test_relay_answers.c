/* Claims about answers to addresses that have proved nothing: small floods, many prefixes, and
 * those who are there and ask again. */
/* links: ct_relay_policy ct_base */
#include <stdio.h>
#include <string.h>

#include "ct_test.h"
#include "packets/usage.h"

#define SECOND UINT64_C(1000000000)
static const uint64_t start = 1000 * SECOND;

/* An Allocate as browsers send it, and the 401 to it: header, error, nonce, realm. */
enum { ASK = 28, CHALLENGE = 76, BPS = 1024, AT_ONCE = 2 * BPS, ALL_AT_ONCE = 16 * AT_ONCE };

static struct ct_limits *limits_of(uint32_t bps)
{
    struct ct_limits *limits = NULL;
    const struct ct_limits_config config = {.answer_bps = bps};
    CHECK(ct_limits_new(&limits, &config) == CT_OK);
    return limits;
}

static struct ct_endpoint in_prefix(unsigned prefix, uint8_t host)
{
    return (struct ct_endpoint){
        .addr16 = {[10] = 0xff, 0xff, 11, (uint8_t)(prefix >> 8), (uint8_t)prefix, host},
        .port = 40000};
}

struct volume {
    size_t in;
    size_t out;
};

/* count requests at one moment, of as many prefixes, each from another address. */
static struct volume forge(struct ct_limits *limits, unsigned count, unsigned prefixes,
                           uint64_t now_ns)
{
    struct volume v = {0, 0};
    for (unsigned i = 0; i < count; i++) {
        struct ct_endpoint victim = in_prefix(i % prefixes, (uint8_t)(i / prefixes));
        v.in += ASK;
        v.out += ct_limits_answer(limits, &victim, ASK, CHALLENGE, now_ns) ? CHALLENGE : 0;
    }
    return v;
}

static void flood_brings_a_prefix_no_more_than_half_its_cost_and_an_allowance(void)
{
    static const unsigned counts[] = {1, 10, 150, 300, 100000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct ct_limits *limits = limits_of(BPS);
        struct volume v = forge(limits, counts[i], 1, start);
        CHECK(v.out <= v.in / 2 + AT_ONCE);
        CHECK(counts[i] < 150 || v.out <= v.in);
        printf("    %u requests, one prefix: factor %.2f\n", counts[i],
               (double)v.out / (double)v.in);
        ct_limits_free(limits);
    }
}

static void many_prefixes_together_have_an_allowance_of_their_own(void)
{
    static const unsigned counts[] = {1, 10, 300, 2400, 60000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct ct_limits *limits = limits_of(BPS);
        struct volume v = forge(limits, counts[i], counts[i], start);
        CHECK(v.out <= v.in / 2 + ALL_AT_ONCE);
        CHECK(counts[i] < 2400 || v.out <= v.in);
        printf("    %u requests, as many prefixes: factor %.2f\n", counts[i],
               (double)v.out / (double)v.in);
        ct_limits_free(limits);
    }
}

static void answer_no_longer_than_its_question_needs_no_allowance(void)
{
    struct ct_limits *limits = limits_of(1);
    struct ct_endpoint anybody = in_prefix(1, 1);
    for (unsigned i = 0; i < 10000; i++) {
        CHECK(ct_limits_answer(limits, &anybody, 80, 80, start));
    }
    CHECK(!ct_limits_answer(limits, &anybody, ASK, CHALLENGE, start));
    ct_limits_free(limits);
}

static void no_limit_answers_all(void)
{
    struct ct_limits *limits = limits_of(0);
    struct volume v = forge(limits, 10000, 1, start);
    CHECK_EQ(v.out, 10000 * CHALLENGE);
    ct_limits_free(limits);
}

/* When a request is sent again, in ms since it was first: RFC 8489 6.2.1. */
static const unsigned sent_at_ms[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
enum { SENT = sizeof(sent_at_ms) / sizeof(sent_at_ms[0]), SPREAD_MS = 5000 };

/* A relay comes back, and all clients of one carrier's NAT with it, within some seconds. */
static void clients_of_one_address_who_ask_again_get_their_answers(void)
{
    enum { CLIENTS = 1000 };
    static bool answered[CLIENTS];
    struct ct_limits *limits = limits_of(BPS);
    unsigned count = 0;
    memset(answered, 0, sizeof(answered));
    for (unsigned ms = 0; ms <= sent_at_ms[SENT - 1] + SPREAD_MS; ms++) {
        for (unsigned i = 0; i < CLIENTS; i++) {
            unsigned began = i * SPREAD_MS / CLIENTS;
            bool is_due = false;
            for (size_t k = 0; k < SENT; k++) {
                is_due = is_due || began + sent_at_ms[k] == ms;
            }
            struct ct_endpoint at = in_prefix(7, 7);
            at.port = (uint16_t)(1024 + i);
            if (is_due && !answered[i] &&
                ct_limits_answer(limits, &at, ASK, CHALLENGE, start + ms * (SECOND / 1000))) {
                answered[i] = true;
                count++;
            }
        }
    }
    printf("    %u of %u clients behind one address were answered\n", count, (unsigned)CLIENTS);
    CHECK_EQ(count, CLIENTS);
    ct_limits_free(limits);
}

/* The flood pays for answers: who asks again gets one of them, be it that most are the flood's. */
static void flood_of_many_prefixes_does_not_lock_out_who_asks_again(void)
{
    enum { CLIENTS = 100, PER_MS = 20 };
    struct ct_limits *limits = limits_of(BPS);
    unsigned dice = 1;
    unsigned answered = 0;
    unsigned sent[CLIENTS] = {0};
    bool has[CLIENTS] = {false};
    for (unsigned ms = 0; ms <= sent_at_ms[SENT - 1] + CLIENTS * 10; ms++) {
        for (unsigned i = 0; i < PER_MS; i++) {
            dice = dice * 1664525u + 1013904223u;
            struct ct_endpoint victim = in_prefix((dice >> 8) % 60000, 1);
            (void)ct_limits_answer(limits, &victim, ASK, CHALLENGE, start + ms * (SECOND / 1000));
        }
        for (unsigned i = 0; i < CLIENTS; i++) {
            if (has[i] || sent[i] == SENT || ms != i * 10 + sent_at_ms[sent[i]]) {
                continue;
            }
            struct ct_endpoint at = in_prefix(61000 + i, 1);
            sent[i]++;
            has[i] = ct_limits_answer(limits, &at, ASK, CHALLENGE, start + ms * (SECOND / 1000));
            answered += has[i];
        }
    }
    printf("    %u of %u clients were answered beside 20,000 forged requests a second\n", answered,
           (unsigned)CLIENTS);
    CHECK(answered >= CLIENTS * 2 / 3);
    ct_limits_free(limits);
}

static void flood_of_one_prefix_leaves_the_others_their_answers(void)
{
    struct ct_limits *limits = limits_of(BPS);
    (void)forge(limits, 1000000, 1, start);
    struct ct_endpoint other = in_prefix(2, 1);
    CHECK(ct_limits_answer(limits, &other, ASK, CHALLENGE, start));
    ct_limits_free(limits);
}

static const struct ct_test tests[] = {
    CT_TEST(flood_brings_a_prefix_no_more_than_half_its_cost_and_an_allowance),
    CT_TEST(flood_of_one_prefix_leaves_the_others_their_answers),
    CT_TEST(many_prefixes_together_have_an_allowance_of_their_own),
    CT_TEST(answer_no_longer_than_its_question_needs_no_allowance),
    CT_TEST(no_limit_answers_all),
    CT_TEST(clients_of_one_address_who_ask_again_get_their_answers),
    CT_TEST(flood_of_many_prefixes_does_not_lock_out_who_asks_again),
};

int main(void)
{
    return ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

/* Claims about buckets, sources by prefix, and what allocations and passes may relay. */
/* links: ct_relay_policy ct_base */
#include <pthread.h>
#include <string.h>

#include "ct_test.h"
#include "packets/usage.h"

#define SECOND UINT64_C(1000000000)

static const uint64_t start = 77 * SECOND;

static struct ct_endpoint ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    struct ct_endpoint out = {.addr16 = {[10] = 0xff, 0xff, a, b, c, d}, .port = 50000};
    return out;
}

/* How many single units of `tries` pass, all at one time. */
static unsigned at_once(struct ct_bucket *bucket, const struct ct_rate *rate, unsigned tries,
                        uint64_t now_ns)
{
    unsigned passed = 0;
    for (unsigned i = 0; i < tries; i++) {
        passed += ct_bucket_take(bucket, rate, 1, now_ns);
    }
    return passed;
}

static void bucket_gives_its_burst_and_then_its_rate(void)
{
    struct ct_bucket bucket = {0};
    struct ct_rate rate = ct_rate_of(100, 2);
    CHECK_EQ(at_once(&bucket, &rate, 1000, start), 200);
    CHECK_EQ(at_once(&bucket, &rate, 1000, start + SECOND / 10), 10);
    CHECK_EQ(at_once(&bucket, &rate, 1000, start + SECOND / 10 + SECOND / 1000), 0);
    CHECK_EQ(at_once(&bucket, &rate, 1000, start + 100 * SECOND), 200);
    CHECK(!ct_bucket_take(&bucket, &rate, 201, start + 200 * SECOND));
    CHECK(ct_bucket_take(&bucket, &rate, 200, start + 200 * SECOND));
}

static void what_is_owed_is_paid_by_waiting_up_to_a_limit(void)
{
    struct ct_bucket bucket = {0};
    struct ct_rate rate = ct_rate_of(100, 1);
    CHECK_EQ(ct_bucket_owe(&bucket, &rate, 100, 2 * SECOND, start), 0);
    CHECK_EQ(ct_bucket_owe(&bucket, &rate, 50, 2 * SECOND, start) / 1000, SECOND / 2 / 1000);
    CHECK(!ct_bucket_take(&bucket, &rate, 1, start)); /* for datagrams, too */
    CHECK_EQ(ct_bucket_owe(&bucket, &rate, 100, 2 * SECOND, start + SECOND / 2) / 1000,
             SECOND / 1000);
    CHECK_EQ(ct_bucket_owe(&bucket, &rate, 200, 2 * SECOND, start + SECOND / 2) / 1000,
             3 * SECOND / 1000);
    CHECK(ct_bucket_owe(&bucket, &rate, 1, 2 * SECOND, start + SECOND / 2) == UINT64_MAX);
    CHECK(ct_bucket_owe(&bucket, &rate, 1, 2 * SECOND, start + 2 * SECOND) < 2 * SECOND);
    CHECK_EQ(ct_bucket_owe(&bucket, &rate, 1, 2 * SECOND, start + 9 * SECOND), 0);
}

static void no_limit_is_no_limit(void)
{
    struct ct_bucket bucket = {0};
    struct ct_rate rate = ct_rate_of(0, 1);
    CHECK_EQ(at_once(&bucket, &rate, 5000, start), 5000);
    CHECK(ct_bucket_take(&bucket, &rate, UINT32_MAX, start));
    CHECK_EQ(ct_bucket_owe(&bucket, &rate, UINT32_MAX, 0, start), 0);
}

static void fastest_rate_still_counts(void)
{
    struct ct_bucket bucket = {0};
    struct ct_rate rate = ct_rate_of(UINT64_C(100000000) * 125, 1); /* 100 Gbit/s */
    uint64_t bytes = 0;
    while (ct_bucket_take(&bucket, &rate, 65536, start)) {
        bytes += 65536;
    }
    CHECK(bytes > UINT64_C(11000000000) && bytes < UINT64_C(14000000000));
}

enum { THREADS = 4, EACH = 100000 };
static struct ct_bucket shared;
static const struct ct_rate *shared_rate;
static _Atomic unsigned shared_passed;

static void *take_all(void *arg)
{
    (void)arg;
    (void)atomic_fetch_add(&shared_passed, at_once(&shared, shared_rate, EACH, start));
    return NULL;
}

static void threads_take_no_more_than_there_is(void)
{
    static struct ct_rate rate;
    pthread_t threads[THREADS];
    rate = ct_rate_of(50000, 1);
    shared_rate = &rate;
    for (size_t i = 0; i < THREADS; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, take_all, NULL) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    CHECK_EQ(atomic_load(&shared_passed), 50000);
}

static unsigned uninvited(struct ct_limits *limits, struct ct_use *use,
                          const struct ct_endpoint *from, unsigned tries, enum ct_verdict *last)
{
    unsigned admitted = 0;
    for (unsigned i = 0; i < tries; i++) {
        *last = ct_limits_uninvited(limits, use, from, start);
        admitted += *last == CT_VERDICT_ADMIT;
    }
    return admitted;
}

static void source_prefix_is_limited_and_others_are_not(void)
{
    struct ct_limits *limits = NULL;
    enum ct_verdict last = CT_VERDICT_ADMIT;
    const struct ct_limits_config config = {.source_pps = 100};
    struct ct_endpoint a = ip4(198, 51, 100, 1);
    struct ct_endpoint same_prefix = ip4(198, 51, 100, 200);
    struct ct_endpoint other = ip4(198, 51, 101, 1);
    REQUIRE(ct_limits_new(&limits, &config) == CT_OK);
    CHECK_EQ(uninvited(limits, NULL, &a, 60, &last), 60);
    CHECK_EQ(uninvited(limits, NULL, &same_prefix, 60, &last), 40);
    CHECK_EQ(last, CT_VERDICT_SOURCE_RATE);
    CHECK_EQ(uninvited(limits, NULL, &other, 60, &last), 60);
    struct ct_endpoint six = {.addr16 = {0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 1}};
    struct ct_endpoint same_site = {.addr16 = {0x20, 0x01, 0x0d, 0xb8, 0, 1, 9, [15] = 2}};
    struct ct_endpoint other_site = {.addr16 = {0x20, 0x01, 0x0d, 0xb8, 0, 2, [15] = 1}};
    CHECK_EQ(uninvited(limits, NULL, &six, 200, &last), 100);
    CHECK_EQ(uninvited(limits, NULL, &same_site, 50, &last), 0);
    CHECK_EQ(uninvited(limits, NULL, &other_site, 50, &last), 50);
    ct_limits_free(limits);
}

static void flood_of_many_prefixes_hardly_touches_one_more(void)
{
    struct ct_limits *limits = NULL;
    enum ct_verdict last = CT_VERDICT_ADMIT;
    const struct ct_limits_config config = {.source_pps = 10};
    unsigned hurt = 0;
    REQUIRE(ct_limits_new(&limits, &config) == CT_OK);
    for (unsigned i = 0; i < 200; i++) {
        struct ct_endpoint flood = ip4(203, 0, (uint8_t)i, 1);
        (void)uninvited(limits, NULL, &flood, 1000, &last);
    }
    for (unsigned i = 0; i < 200; i++) {
        struct ct_endpoint good = ip4(192, 88, (uint8_t)i, 1);
        hurt += uninvited(limits, NULL, &good, 10, &last) < 10;
    }
    CHECK(hurt <= 3);
    ct_limits_free(limits);
}

static void allocation_is_limited_whoever_comes(void)
{
    struct ct_limits *limits = NULL;
    struct ct_use *use = NULL;
    struct ct_use *other = NULL;
    enum ct_verdict last = CT_VERDICT_ADMIT;
    const struct ct_limits_config config = {.uninvited_pps = 50};
    REQUIRE(ct_limits_new(&limits, &config) == CT_OK);
    REQUIRE(ct_limits_open(limits, &use, 1) == CT_OK && ct_limits_open(limits, &other, 2) == CT_OK);
    unsigned admitted = 0;
    for (unsigned i = 0; i < 200; i++) {
        struct ct_endpoint from = ip4(203, 0, (uint8_t)i, 1);
        admitted += uninvited(limits, use, &from, 1, &last);
    }
    CHECK_EQ(admitted, 50);
    CHECK_EQ(last, CT_VERDICT_UNINVITED_RATE);
    struct ct_endpoint from = ip4(203, 0, 1, 1);
    CHECK_EQ(uninvited(limits, other, &from, 10, &last), 10);
    ct_limits_invite_only(other);
    CHECK_EQ(uninvited(limits, other, &from, 10, &last), 0);
    CHECK_EQ(last, CT_VERDICT_INVITE_ONLY);
    ct_limits_close(limits, use, start);
    ct_limits_close(limits, other, start);
    ct_limits_free(limits);
}

static unsigned relayed(struct ct_limits *limits, struct ct_use *use, unsigned tries, size_t bytes)
{
    unsigned passed = 0;
    for (unsigned i = 0; i < tries; i++) {
        passed += ct_limits_relay(limits, use, bytes, start);
    }
    return passed;
}

static const uint8_t pass[16] = {1};
static const uint8_t other_pass[16] = {2};

static struct ct_use *use_of(struct ct_limits *limits, uint64_t session, const uint8_t *pass16)
{
    struct ct_use *use = NULL;
    CHECK(ct_limits_open(limits, &use, session) == CT_OK);
    if (use) {
        ct_limits_of_pass(limits, use, pass16, start);
    }
    return use;
}

static void allocations_of_a_pass_share_its_limit(void)
{
    struct ct_limits *limits = NULL;
    const struct ct_limits_config config = {.allocation_pps = 80, .pass_pps = 100};
    REQUIRE(ct_limits_new(&limits, &config) == CT_OK);
    struct ct_use *first = use_of(limits, 1, pass);
    struct ct_use *second = use_of(limits, 2, pass);
    struct ct_use *other = use_of(limits, 3, other_pass);
    REQUIRE(first && second && other);
    CHECK_EQ(relayed(limits, first, 1000, 100), 80);
    CHECK_EQ(relayed(limits, second, 1000, 100), 20);
    CHECK_EQ(relayed(limits, other, 1000, 100), 80);
    ct_limits_close(limits, first, start);
    ct_limits_close(limits, second, start);
    ct_limits_close(limits, other, start);
    ct_limits_free(limits);
}

static void pass_that_allocates_anew_has_no_new_burst(void)
{
    struct ct_limits *limits = NULL;
    const struct ct_limits_config config = {.pass_pps = 100};
    REQUIRE(ct_limits_new(&limits, &config) == CT_OK);
    for (uint64_t i = 0; i < 5; i++) {
        struct ct_use *use = use_of(limits, i, pass);
        REQUIRE(use != NULL);
        CHECK_EQ(relayed(limits, use, 1000, 100), i == 0 ? 100 : 0);
        ct_limits_close(limits, use, start);
    }
    /* and what is full again is forgotten */
    struct ct_use *use = use_of(limits, 9, NULL);
    REQUIRE(use != NULL);
    ct_limits_of_pass(limits, use, pass, start + 2 * SECOND);
    CHECK_EQ(relayed(limits, use, 1000, 100), 100);
    ct_limits_close(limits, use, start + 9 * SECOND);
    ct_limits_free(limits);
}

static uint64_t told[8];
static size_t told_count;

static void tell(void *arg, uint64_t session)
{
    (void)arg;
    if (told_count < 8) {
        told[told_count++] = session;
    }
}

static void sessions_of_a_pass_are_found_also_after_its_renewal(void)
{
    struct ct_limits *limits = NULL;
    const struct ct_limits_config config = {.pass_pps = 0};
    REQUIRE(ct_limits_new(&limits, &config) == CT_OK);
    struct ct_use *a = use_of(limits, 11, pass);
    struct ct_use *b = use_of(limits, 12, pass);
    struct ct_use *c = use_of(limits, 13, NULL);
    REQUIRE(a && b && c);
    CHECK_EQ(ct_limits_sessions(limits, pass, tell, NULL), 2);
    CHECK_EQ(told[0] + told[1], 23);
    ct_limits_of_pass(limits, a, other_pass, start);
    told_count = 0;
    CHECK_EQ(ct_limits_sessions(limits, pass, tell, NULL), 1);
    CHECK_EQ(told[0], 12);
    told_count = 0;
    CHECK_EQ(ct_limits_sessions(limits, other_pass, tell, NULL), 1);
    CHECK_EQ(told[0], 11);
    ct_limits_close(limits, b, start);
    CHECK_EQ(ct_limits_sessions(limits, pass, tell, NULL), 0);
    ct_limits_close(limits, a, start);
    ct_limits_close(limits, c, start);
    CHECK_EQ(ct_limits_sessions(limits, other_pass, tell, NULL), 0);
    ct_limits_free(limits);
}

static void bytes_are_limited_however_they_are_cut(void)
{
    struct ct_limits *limits = NULL;
    struct ct_use *use = NULL;
    const struct ct_limits_config config = {.allocation_kbps = 8000}; /* 1,000,000 bytes a second */
    REQUIRE(ct_limits_new(&limits, &config) == CT_OK);
    REQUIRE(ct_limits_open(limits, &use, 1) == CT_OK);
    CHECK_EQ(relayed(limits, use, 5000, 1000), 1000);
    ct_limits_close(limits, use, start);
    REQUIRE(ct_limits_open(limits, &use, 1) == CT_OK);
    CHECK_EQ(relayed(limits, use, 200000, 10), 100000);
    ct_limits_close(limits, use, start);
    ct_limits_free(limits);
}

static void unproved_address_gets_no_more_than_it_sent_and_the_allowance(void)
{
    struct ct_limits *limits = NULL;
    const struct ct_limits_config config = {.answer_bps = 1000};
    struct ct_endpoint victim = ip4(203, 0, 113, 9);
    size_t in = 0;
    size_t out = 0;
    REQUIRE(ct_limits_new(&limits, &config) == CT_OK);
    for (unsigned ms = 0; ms < 10000; ms++) { /* 28 bytes a millisecond, each worth 120 in answer */
        in += 28;
        if (ct_limits_answer(limits, &victim, 28, 120, start + ms * SECOND / 1000)) {
            out += 120;
        }
    }
    CHECK(out <= in);
    CHECK(out >= 10000); /* and yet it is not cut off */
    /* an answer that is shorter than its question goes out in any case */
    CHECK(ct_limits_answer(limits, &victim, 1000, 900, start + 10 * SECOND));
    ct_limits_free(limits);
}

static const struct ct_test tests[] = {
    CT_TEST(bucket_gives_its_burst_and_then_its_rate),
    CT_TEST(what_is_owed_is_paid_by_waiting_up_to_a_limit),
    CT_TEST(no_limit_is_no_limit),
    CT_TEST(fastest_rate_still_counts),
    CT_TEST(threads_take_no_more_than_there_is),
    CT_TEST(source_prefix_is_limited_and_others_are_not),
    CT_TEST(flood_of_many_prefixes_hardly_touches_one_more),
    CT_TEST(allocation_is_limited_whoever_comes),
    CT_TEST(allocations_of_a_pass_share_its_limit),
    CT_TEST(pass_that_allocates_anew_has_no_new_burst),
    CT_TEST(sessions_of_a_pass_are_found_also_after_its_renewal),
    CT_TEST(bytes_are_limited_however_they_are_cut),
    CT_TEST(unproved_address_gets_no_more_than_it_sent_and_the_allowance),
};

CT_TEST_MAIN(tests)

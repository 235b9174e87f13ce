/* Claims about kept replies and token buckets, on real SQLite and on a real Redis. */
/* links: ct_wmserver ct_testredis ct_chain ct_base */
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "wm_store.h"

static struct ct_reply_key key_of(uint8_t key, uint8_t party, uint8_t body)
{
    struct ct_reply_key k = {{key}, {party}, {body}};
    return k;
}

/* Redis keeps time itself, so that the test's begins with now. */
static uint64_t now_s(void)
{
    return on_redis ? (uint64_t)time(NULL) : 1000000;
}

static enum ct_reply_state state_of(struct ct_store *s, const struct ct_reply_key *k, uint64_t at_s,
                                    struct ct_reply *out)
{
    memset(out, 0, sizeof *out);
    CHECK_EQ(s->ops->reply_begin(s, k, at_s, out), CT_OK);
    return out->state;
}

static void a_kept_reply_is_given_again(void)
{
    struct ct_store *s = open_new();
    struct ct_reply_key k = key_of(1, 1, 1);
    struct ct_reply r;
    REQUIRE(s != NULL);
    CHECK_EQ(state_of(s, &k, now_s(), &r), CT_REPLY_NEW);
    CHECK_EQ(s->ops->reply_end(s, &k, r.claim16, now_s(), 202, "{\"operation\":\"x\"}"), CT_OK);
    CHECK_EQ(state_of(s, &k, now_s(), &r), CT_REPLY_KEPT);
    CHECK_EQ(r.status, 202);
    CHECK_STR(r.body, "{\"operation\":\"x\"}");
    s = again(s); /* it outlives the server */
    CHECK_EQ(state_of(s, &k, now_s() + 80000, &r), CT_REPLY_KEPT);
    struct ct_reply_key other = key_of(1, 1, 2);
    CHECK_EQ(state_of(s, &other, now_s(), &r), CT_REPLY_CONFLICT);
    ct_store_free(s);
}

static void a_reply_is_kept_for_a_day(void)
{
    struct ct_store *s = open_new();
    struct ct_reply_key k = key_of(1, 1, 1);
    struct ct_reply r;
    REQUIRE(s != NULL);
    uint64_t then_s = on_redis ? now_s() - CT_REPLY_KEPT_S : now_s(); /* ended in the past */
    CHECK_EQ(state_of(s, &k, now_s(), &r), CT_REPLY_NEW);
    CHECK_EQ(s->ops->reply_end(s, &k, r.claim16, then_s, 201, "{}"), CT_OK);
    CHECK_EQ(state_of(s, &k, then_s + CT_REPLY_KEPT_S, &r), CT_REPLY_NEW);
    ct_store_free(s);
}

static void one_of_two_claims_a_key(void)
{
    struct ct_store *s = open_new();
    struct ct_store *t = again(NULL);
    struct ct_reply_key k = key_of(1, 1, 1);
    struct ct_reply_key changed = key_of(1, 1, 2);
    struct ct_reply first;
    struct ct_reply second;
    REQUIRE(s != NULL && t != NULL);
    CHECK_EQ(state_of(s, &k, now_s(), &first), CT_REPLY_NEW);
    CHECK_EQ(state_of(t, &k, now_s(), &second), CT_REPLY_UNDER_WAY);
    CHECK_EQ(state_of(t, &changed, now_s(), &second), CT_REPLY_CONFLICT);
    ct_store_free(t);
    ct_store_free(s);
}

static void a_refusal_frees_the_key(void)
{
    struct ct_store *s = open_new();
    struct ct_reply_key k = key_of(1, 1, 1);
    struct ct_reply_key changed = key_of(1, 1, 2);
    struct ct_reply r;
    REQUIRE(s != NULL);
    CHECK_EQ(state_of(s, &k, now_s(), &r), CT_REPLY_NEW);
    CHECK_EQ(s->ops->reply_end(s, &k, r.claim16, now_s(), 0, ""), CT_OK);
    CHECK_EQ(state_of(s, &changed, now_s(), &r), CT_REPLY_NEW);
    ct_store_free(s);
}

/* The process that claimed it was killed: there is no half answer, and not for ever. */
static void a_claim_without_an_end_lapses(void)
{
    struct ct_store *s = open_new();
    struct ct_reply_key k = key_of(1, 1, 1);
    struct ct_reply dead;
    struct ct_reply r;
    REQUIRE(s != NULL);
    uint64_t then_s = on_redis ? now_s() - CT_REPLY_CLAIM_S : now_s();
    CHECK_EQ(state_of(s, &k, then_s, &dead), CT_REPLY_NEW);
    s = again(s);
    CHECK_EQ(state_of(s, &k, then_s + CT_REPLY_CLAIM_S, &r), CT_REPLY_NEW);
    /* the first one comes back late: its answer is nobody's */
    CHECK_EQ(s->ops->reply_end(s, &k, dead.claim16, now_s(), 202, "late"), CT_OK);
    CHECK_EQ(s->ops->reply_end(s, &k, r.claim16, now_s(), 202, "right"), CT_OK);
    CHECK_EQ(s->ops->reply_end(s, &k, dead.claim16, now_s(), 0, ""), CT_OK);
    CHECK_EQ(state_of(s, &k, now_s(), &r), CT_REPLY_KEPT);
    CHECK_STR(r.body, "right");
    ct_store_free(s);
}

static void a_party_has_so_many_keys_and_no_more(void)
{
    struct ct_store *s = open_new();
    struct ct_reply r;
    REQUIRE(s != NULL);
    for (size_t i = 0; i < CT_REPLIES_OF_PARTY; i++) {
        struct ct_reply_key k = key_of((uint8_t)i, 1, 1);
        CHECK_EQ(state_of(s, &k, now_s(), &r), CT_REPLY_NEW);
    }
    struct ct_reply_key more = {.key32 = {0, 1}, .party16 = {1}};
    struct ct_reply_key other = {.key32 = {0, 2}, .party16 = {2}};
    struct ct_reply_key known = key_of(7, 1, 1);
    CHECK_EQ(state_of(s, &more, now_s(), &r), CT_REPLY_FULL);
    CHECK_EQ(state_of(s, &known, now_s(), &r), CT_REPLY_UNDER_WAY);
    CHECK_EQ(state_of(s, &other, now_s(), &r), CT_REPLY_NEW);
    if (!on_redis) { /* whose rows go by its own clock */
        CHECK_EQ(state_of(s, &more, now_s() + CT_REPLY_CLAIM_S, &r), CT_REPLY_NEW);
    }
    ct_store_free(s);
}

static void the_longest_answer_is_kept_whole(void)
{
    static char longest[CT_REPLY_BODY];
    struct ct_store *s = open_new();
    struct ct_reply_key k = key_of(1, 1, 1);
    struct ct_reply r;
    REQUIRE(s != NULL);
    memset(longest, 'x', sizeof longest - 1);
    CHECK_EQ(state_of(s, &k, now_s(), &r), CT_REPLY_NEW);
    CHECK_EQ(s->ops->reply_end(s, &k, r.claim16, now_s(), 201, longest), CT_OK);
    CHECK_EQ(state_of(s, &k, now_s(), &r), CT_REPLY_KEPT);
    CHECK_STR(r.body, longest);
    ct_store_free(s);
}

/* Twenty keys, each wanted by both processes: how many this one got. */
static int claim_all(void)
{
    struct ct_store *s = again(NULL);
    int won = 0;
    for (uint8_t n = 0; n < 20 && s != NULL; n++) {
        struct ct_reply_key k = key_of(n, 1, 1);
        struct ct_reply r;
        if (s->ops->reply_begin(s, &k, now_s(), &r) != CT_OK) {
            return 100;
        }
        won += r.state == CT_REPLY_NEW;
    }
    return won;
}

static void each_key_is_claimed_by_one_of_two_processes(void)
{
    ct_store_free(open_new());
    int gate[2];
    pid_t pids[2];
    int won = 0;
    REQUIRE(pipe(gate) == 0);
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        REQUIRE(pids[i] >= 0);
        if (pids[i] == 0) {
            char byte;
            (void)close(gate[1]);
            (void)!read(gate[0], &byte, 1); /* until both are there */
            _exit(claim_all());
        }
    }
    (void)close(gate[0]);
    (void)close(gate[1]);
    for (int i = 0; i < 2; i++) {
        int status = -1;
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        won += WEXITSTATUS(status);
    }
    CHECK_EQ(won, 20);
}

/* ---- buckets ---- */

static ct_err take(struct ct_store *s, uint8_t key, uint32_t per_minute, uint64_t at_us,
                   uint32_t *wait_ms)
{
    const struct ct_bucket b = {.key16 = {key}, .per_minute = per_minute};
    return s->ops->bucket_take(s, &b, 1, at_us, wait_ms);
}

static void a_bucket_gives_what_it_holds_and_fills_again(void)
{
    struct ct_store *s = open_new();
    uint64_t at = now_s() * 1000000;
    uint32_t wait_ms = 0;
    REQUIRE(s != NULL);
    for (int i = 0; i < 6; i++) {
        CHECK_EQ(take(s, 1, 6, at, &wait_ms), CT_OK);
    }
    CHECK_EQ(take(s, 1, 6, at, &wait_ms), CT_ERR_REFUSED);
    CHECK_EQ(wait_ms, 10000); /* one in ten seconds */
    CHECK_EQ(take(s, 2, 6, at, &wait_ms), CT_OK);
    s = again(s); /* a restart gives nothing back */
    CHECK_EQ(take(s, 1, 6, at + 9999000, &wait_ms), CT_ERR_REFUSED);
    CHECK_EQ(wait_ms, 1);
    CHECK_EQ(take(s, 1, 6, at + 10000000, &wait_ms), CT_OK);
    CHECK_EQ(take(s, 1, 6, at + 10000000, &wait_ms), CT_ERR_REFUSED);
    for (int i = 0; i < 6; i++) {
        CHECK_EQ(take(s, 1, 6, at + 80000000, &wait_ms), CT_OK);
    }
    CHECK_EQ(take(s, 1, 6, at + 80000000, &wait_ms), CT_ERR_REFUSED);
    ct_store_free(s);
}

static void nothing_is_taken_when_one_bucket_is_empty(void)
{
    struct ct_store *s = open_new();
    uint64_t at = now_s() * 1000000;
    uint32_t wait_ms = 0;
    const struct ct_bucket both[2] = {{.key16 = {1}, .per_minute = 1},
                                      {.key16 = {2}, .per_minute = 3}};
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->bucket_take(s, both, 2, at, &wait_ms), CT_OK);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(s->ops->bucket_take(s, both, 2, at, &wait_ms), CT_ERR_REFUSED);
    }
    CHECK_EQ(take(s, 2, 3, at, &wait_ms), CT_OK);
    CHECK_EQ(take(s, 2, 3, at, &wait_ms), CT_OK);
    CHECK_EQ(take(s, 2, 3, at, &wait_ms), CT_ERR_REFUSED);
    ct_store_free(s);
}

static void a_clock_that_is_set_back_locks_nobody_out(void)
{
    struct ct_store *s = open_new();
    uint64_t at = now_s() * 1000000;
    uint32_t wait_ms = 0;
    REQUIRE(s != NULL);
    CHECK_EQ(take(s, 1, 60, at, &wait_ms), CT_OK);
    CHECK_EQ(take(s, 1, 60, at - 3600000000u, &wait_ms), CT_ERR_REFUSED);
    CHECK(wait_ms <= 1000);
    ct_store_free(s);
}

static const struct ct_test tests[] = {
    CT_TEST(a_kept_reply_is_given_again),
    CT_TEST(a_reply_is_kept_for_a_day),
    CT_TEST(one_of_two_claims_a_key),
    CT_TEST(a_refusal_frees_the_key),
    CT_TEST(a_claim_without_an_end_lapses),
    CT_TEST(a_party_has_so_many_keys_and_no_more),
    CT_TEST(the_longest_answer_is_kept_whole),
    CT_TEST(each_key_is_claimed_by_one_of_two_processes),
    CT_TEST(a_bucket_gives_what_it_holds_and_fills_again),
    CT_TEST(nothing_is_taken_when_one_bucket_is_empty),
    CT_TEST(a_clock_that_is_set_back_locks_nobody_out),
};

WM_STORE_MAIN(tests)

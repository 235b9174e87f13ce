/* Who of several servers leads: leases and fences on real SQLite and on a real Redis. */
/* links: ct_wmserver ct_testredis ct_chain ct_base */
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "wm-server/src/service/lease.h"
#include "wm_store.h"

enum { LONG_MS = 60000, SHORT_MS = 40, WAIT_MS = 30000 };

static uint8_t account20[20] = {0xa0, 0xa0};

static ct_err take(struct ct_store *s, const char *holder, uint64_t life_ms,
                   struct ct_lease_row *row)
{
    return s->ops->lease_take(s, account20, holder, life_ms, 0, false, row);
}

static void pause_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

/* ---- the lease in the store ---- */

static void lease_is_one_servers_at_a_time(void)
{
    struct ct_lease_row row = {0};
    uint8_t other20[20] = {0xb0};
    struct ct_store *s = open_new();
    struct ct_store *t = again(NULL);
    REQUIRE(s != NULL && t != NULL);
    CHECK_EQ(take(s, "a", LONG_MS, &row), CT_OK);
    CHECK_EQ(row.number, 1);
    CHECK_EQ(take(t, "b", LONG_MS, &row), CT_ERR_REFUSED);
    CHECK_EQ(row.number, 1);
    CHECK_STR(row.holder, "a");
    CHECK(row.left_ms > 0 && row.left_ms <= LONG_MS);
    CHECK_EQ(take(s, "a", LONG_MS, &row), CT_OK); /* a renewal */
    CHECK_EQ(row.number, 1);
    CHECK_EQ(t->ops->lease_take(t, other20, "b", LONG_MS, 0, false, &row), CT_OK);
    CHECK_EQ(row.number, 1); /* each account has its own */
    ct_store_free(t);
    ct_store_free(s);
}

static void lease_given_back_is_taken_at_once(void)
{
    struct ct_lease_row row = {0};
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    CHECK_EQ(take(s, "a", LONG_MS, &row), CT_OK);
    CHECK_EQ(s->ops->lease_end(s, account20, 7), CT_ERR_STATE);
    CHECK_EQ(take(s, "b", LONG_MS, &row), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->lease_end(s, account20, 1), CT_OK);
    CHECK_EQ(take(s, "b", LONG_MS, &row), CT_OK);
    CHECK_EQ(row.number, 2);
    CHECK_EQ(s->ops->lease_end(s, account20, 1), CT_ERR_STATE); /* late, and another's by now */
    CHECK_EQ(take(s, "a", LONG_MS, &row), CT_ERR_REFUSED);
    ct_store_free(s);
}

static void lease_that_ran_out_goes_to_who_asks(void)
{
    struct ct_lease_row row = {0};
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    CHECK_EQ(take(s, "a", SHORT_MS, &row), CT_OK);
    uint64_t until_ms = ct_mono_ms() + WAIT_MS;
    while (take(s, "b", LONG_MS, &row) == CT_ERR_REFUSED && ct_mono_ms() < until_ms) {
        pause_ms(5);
    }
    CHECK_STR(row.holder, "b");
    CHECK_EQ(row.number, 2);
    CHECK_EQ(take(s, "a", LONG_MS, &row), CT_ERR_REFUSED);
    ct_store_free(s);
}

static void lease_outlives_the_store_and_its_number_never_falls(void)
{
    struct ct_lease_row row = {0};
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->lease_take(s, account20, "a", LONG_MS, 41, false, &row), CT_OK);
    CHECK_EQ(row.number, 42); /* above what was seen, should a store have forgotten it */
    ct_store_free(s);
    s = again(NULL);
    REQUIRE(s != NULL);
    CHECK_EQ(take(s, "b", LONG_MS, &row), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->lease_take(s, account20, "b", LONG_MS, 0, true, &row), CT_OK);
    CHECK_EQ(row.number, 43); /* who knows that the other is gone need not wait */
    ct_store_free(s);
}

/* ---- the fence ---- */

static struct ct_txn tx_of(uint64_t nonce, uint8_t hash)
{
    struct ct_txn tx = {.nonce = nonce, .raw_len = 10, .created_s = 5};
    memcpy(tx.sender20, account20, 20);
    memset(tx.hash32, hash, sizeof tx.hash32);
    return tx;
}

static struct ct_op op_of(const char *subject)
{
    struct ct_op op = {.kind = CT_OP_REGISTER, .state = CT_OP_QUEUED, .payload_len = 8};
    (void)snprintf(op.subject, sizeof op.subject, "%s", subject);
    return op;
}

/* What a leader does with its handle: queued, and one under way, and one end. */
struct work {
    struct ct_op queued, sent;
    struct ct_txn tx;
    struct ct_op_end end;
};

static void prepare(struct ct_store *s, struct work *w)
{
    w->queued = op_of("waits");
    w->sent = op_of("rides");
    w->tx = tx_of(3, 0x33);
    CHECK_EQ(s->ops->op_add(s, &w->queued), CT_OK);
    CHECK_EQ(s->ops->op_add(s, &w->sent), CT_OK);
    const char(*ids)[CT_OP_ID] = (const char(*)[CT_OP_ID])w->sent.id;
    CHECK_EQ(s->ops->tx_add(s, &w->tx, ids, 1), CT_OK);
    w->end = (struct ct_op_end){.state = CT_OP_DONE};
    memcpy(w->end.id, w->sent.id, sizeof w->end.id);
}

/* Every step that changes something; how many said `want`. */
static unsigned change_all(struct ct_store *h, struct work *w, ct_err want)
{
    struct ct_op more = op_of("new");
    struct ct_txn next = tx_of(4, 0x44);
    struct ct_txn dearer = tx_of(3, 0x34);
    dearer.attempt = 1;
    const struct ct_device_row device = {.identity = "dev", .relay = 1};
    const struct ct_relay_row relay = {.rtt_us = 1, .verdict = "passed"};
    const struct ct_relay_watch watch = {.index = 1};
    const struct ct_relay_test test = {.at_s = 1};
    const struct ct_pass_row pass = {.id16 = {1}, .identity = "dev"};
    const struct ct_funding funding = {.jti16 = {1}, .identity = "dev", .gwei = 1};
    const struct ct_outflow most = {.hour_gwei = 10, .day_gwei = 10};
    struct ct_op payment = {.kind = CT_OP_FUND, .state = CT_OP_QUEUED, .subject = "dev"};
    const char(*ids)[CT_OP_ID] = (const char(*)[CT_OP_ID])w->queued.id;
    const ct_err got[] = {
        h->ops->tx_mark(h, w->tx.hash32, CT_TXN_SENT, 0, NULL),
        h->ops->op_move(h, w->queued.id, CT_OP_QUEUED, CT_OP_QUEUED, NULL, 0, "moved"),
        h->ops->tx_add(h, &next, ids, 1),
        h->ops->tx_replace(h, w->tx.hash32, &dearer, NULL),
        h->ops->tx_close(h, w->tx.hash32, CT_TXN_CONFIRMED, 9, &w->end, 1),
        h->ops->op_add(h, &more),
        h->ops->funding_add(h, &payment, &funding, &most),
        h->ops->device_put(h, &device),
        h->ops->relay_put(h, &relay),
        h->ops->relay_watch_put(h, &watch),
        h->ops->relay_watch_hold(h, 2, 9),
        h->ops->test_add(h, relay.pending32, &test),
        h->ops->pass_add(h, &pass),
    };
    unsigned said = 0;
    for (size_t i = 0; i < sizeof got / sizeof got[0]; i++) {
        said += got[i] == want;
        if (got[i] != want) {
            printf("    step %zu says \"%s\"\n", i, ct_err_text(got[i]));
        }
    }
    return said;
}

enum { STEPS = 13 };

static void changes_under_an_old_number_are_refused_and_change_nothing(void)
{
    struct ct_lease_row row = {0};
    struct ct_store *handle = NULL;
    struct work w;
    struct ct_op op;
    struct ct_txn tx;
    struct ct_device_row device;
    size_t count = 9;
    struct ct_store *s = open_new();
    REQUIRE(s != NULL && ct_store_fenced(&handle, s, account20) == CT_OK);
    prepare(s, &w);
    CHECK_EQ(take(s, "a", LONG_MS, &row), CT_OK);
    handle->fence.number = row.number; /* the round of a begins, and a is stopped in it */
    CHECK_EQ(s->ops->lease_take(s, account20, "b", LONG_MS, 0, true, &row), CT_OK);
    CHECK_EQ(change_all(handle, &w, CT_ERR_EXPIRED), STEPS);
    CHECK_EQ(s->ops->op_find(s, w.queued.id, &op), CT_OK);
    CHECK(op.state == CT_OP_QUEUED && op.reason[0] == '\0');
    CHECK_EQ(s->ops->op_find(s, w.sent.id, &op), CT_OK);
    CHECK_EQ(op.state, CT_OP_SENT);
    CHECK_EQ(s->ops->tx_at(s, account20, 3, &tx), CT_OK);
    CHECK(tx.state == CT_TXN_SIGNED && tx.attempt == 0);
    CHECK_EQ(s->ops->tx_at(s, account20, 4, &tx), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->device_find(s, "dev", &device), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->op_list(s, CT_OP_QUEUED, 0, &op, 1, &count), CT_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(handle->ops->op_find(handle, w.sent.id, &op), CT_OK); /* it may read */
    ct_store_free(handle);
    ct_store_free(s);
}

static void changes_under_the_present_number_are_done(void)
{
    struct ct_lease_row row = {0};
    struct ct_store *handle = NULL;
    struct work w;
    struct ct_op op;
    struct ct_txn tx;
    struct ct_store *s = open_new();
    REQUIRE(s != NULL && ct_store_fenced(&handle, s, account20) == CT_OK);
    prepare(s, &w);
    CHECK_EQ(take(s, "a", LONG_MS, &row), CT_OK);
    handle->fence.number = row.number;
    CHECK_EQ(take(s, "a", LONG_MS, &row), CT_OK); /* renewed meanwhile */
    CHECK_EQ(change_all(handle, &w, CT_OK), STEPS);
    CHECK_EQ(s->ops->op_find(s, w.sent.id, &op), CT_OK);
    CHECK_EQ(op.state, CT_OP_DONE);
    CHECK_EQ(s->ops->tx_at(s, account20, 4, &tx), CT_OK);
    ct_store_free(handle);
    ct_store_free(s);
}

static void fence_of_one_account_leaves_the_other_alone(void)
{
    struct ct_lease_row row = {0};
    uint8_t other20[20] = {0xb0};
    struct ct_store *handle = NULL;
    struct ct_op op = op_of("dev");
    struct ct_store *s = open_new();
    REQUIRE(s != NULL && ct_store_fenced(&handle, s, other20) == CT_OK);
    CHECK_EQ(take(s, "a", LONG_MS, &row), CT_OK);
    handle->fence.number = 1; /* of an account whose lease nobody ever took */
    CHECK_EQ(handle->ops->op_add(handle, &op), CT_ERR_EXPIRED);
    CHECK_EQ(s->ops->lease_take(s, other20, "a", LONG_MS, 0, false, &row), CT_OK);
    CHECK_EQ(s->ops->lease_take(s, account20, "b", LONG_MS, 0, true, &row), CT_OK);
    CHECK_EQ(handle->ops->op_add(handle, &op), CT_OK);
    ct_store_free(handle);
    ct_store_free(s);
}

/* ---- the deployment ---- */

static void store_belongs_to_one_deployment(void)
{
    const struct ct_store_place mine = {.chain_id = 31337, .contract20 = {1, 2, 3}};
    struct ct_store_place other = mine;
    struct ct_store_place is = {0};
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->place(s, &mine, &is), CT_OK);
    CHECK_EQ(is.chain_id, 31337);
    ct_store_free(s);
    s = again(NULL);
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->place(s, &mine, &is), CT_OK);
    other.chain_id = 1;
    CHECK_EQ(s->ops->place(s, &other, &is), CT_ERR_STATE);
    CHECK_EQ(is.chain_id, 31337);
    other = mine;
    other.contract20[19] = 9;
    CHECK_EQ(s->ops->place(s, &other, &is), CT_ERR_STATE);
    CHECK_MEM(is.contract20, mine.contract20, 20);
    ct_store_free(s);
}

/* ---- as a server holds it ---- */

static uint64_t clock_ms;

static uint64_t clock_now(void)
{
    return clock_ms;
}

static void count_taken(void *arg)
{
    (*(unsigned *)arg)++;
}

static struct ct_lease *lease_of(struct ct_store *s, const char *holder, bool alone,
                                 unsigned *taken)
{
    struct ct_lease *l = NULL;
    struct ct_lease_config c = {.store = s,
                                .role = "approver",
                                .holder = holder,
                                .life_ms = LONG_MS,
                                .alone = alone,
                                .mono_ms = clock_now,
                                .taken = count_taken,
                                .taken_arg = taken};
    memcpy(c.account20, account20, sizeof c.account20);
    CHECK_EQ(ct_lease_new(&l, &c), CT_OK);
    return l;
}

static void server_stopped_for_longer_than_its_lease_begins_nothing(void)
{
    unsigned taken = 0;
    struct ct_store *handle = NULL;
    struct ct_store *s = open_new();
    REQUIRE(s != NULL && ct_store_fenced(&handle, s, account20) == CT_OK);
    struct ct_lease *l = lease_of(s, "a", false, &taken);
    REQUIRE(l != NULL);
    clock_ms = 1000;
    CHECK(!ct_lease_enter(l, handle)); /* not asked yet */
    ct_lease_round(l, NULL);
    CHECK(ct_lease_enter(l, handle));
    CHECK_EQ(handle->fence.number, 1);
    CHECK_EQ(taken, 1);
    clock_ms += LONG_MS - 1;
    CHECK(ct_lease_enter(l, handle));
    clock_ms += 1;
    CHECK(!ct_lease_enter(l, handle));
    ct_lease_round(l, NULL); /* nobody took it: it is the same one */
    CHECK(ct_lease_enter(l, handle));
    CHECK_EQ(handle->fence.number, 1);
    CHECK_EQ(taken, 1);
    ct_lease_free(l);
    ct_store_free(handle);
    ct_store_free(s);
}

static void second_server_waits_and_follows_when_the_first_ends(void)
{
    unsigned taken = 0;
    struct ct_lease_view view;
    struct ct_store *handle = NULL;
    char words[320];
    struct ct_store *s = open_new();
    REQUIRE(s != NULL && ct_store_fenced(&handle, s, account20) == CT_OK);
    struct ct_lease *a = lease_of(s, "a", false, &taken);
    struct ct_lease *b = lease_of(s, "b", false, &taken);
    REQUIRE(a != NULL && b != NULL);
    ct_lease_round(a, NULL);
    ct_lease_round(b, NULL);
    CHECK(!ct_lease_enter(b, handle));
    ct_lease_get(b, &view);
    CHECK(!view.leads && view.known && view.number == 1);
    CHECK_STR(view.holder, "a");
    CHECK_EQ(ct_lease_words(&b, 1, words, sizeof words), CT_LEADS_OTHER);
    CHECK_STR(words, "approver: a, fencing number 1");
    ct_lease_end(a);
    CHECK(!ct_lease_enter(a, handle));
    ct_lease_round(b, NULL);
    CHECK(ct_lease_enter(b, handle));
    CHECK_EQ(handle->fence.number, 2);
    CHECK_EQ(ct_lease_words(&b, 1, words, sizeof words), CT_LEADS_SELF);
    CHECK_STR(words, "approver: this server, fencing number 2");
    clock_ms += LONG_MS;
    CHECK_EQ(ct_lease_words(&b, 1, words, sizeof words), CT_LEADS_NOBODY);
    CHECK_EQ(taken, 2);
    ct_lease_free(b);
    ct_lease_free(a);
    ct_store_free(handle);
    ct_store_free(s);
}

static void server_that_is_alone_need_not_wait_but_takes_it_once(void)
{
    unsigned taken = 0;
    struct ct_lease_row row = {0};
    struct ct_store *handle = NULL;
    struct ct_store *s = open_new();
    REQUIRE(s != NULL && ct_store_fenced(&handle, s, account20) == CT_OK);
    CHECK_EQ(take(s, "killed", LONG_MS, &row), CT_OK);
    struct ct_lease *l = lease_of(s, "a", true, &taken);
    REQUIRE(l != NULL);
    ct_lease_round(l, NULL);
    CHECK(ct_lease_enter(l, handle));
    CHECK_EQ(handle->fence.number, 2);
    CHECK_EQ(s->ops->lease_take(s, account20, "b", LONG_MS, 0, true, &row), CT_OK);
    ct_lease_round(l, NULL); /* no tug of war with another one who took it */
    CHECK(!ct_lease_enter(l, handle));
    ct_lease_free(l);
    ct_store_free(handle);
    ct_store_free(s);
}

static void names_of_servers_differ(void)
{
    char a[CT_LEASE_HOLDER];
    char b[CT_LEASE_HOLDER];
    CHECK_EQ(ct_lease_holder(a), CT_OK);
    CHECK_EQ(ct_lease_holder(b), CT_OK);
    CHECK(strcmp(a, b) != 0);
    CHECK_EQ(strspn(a, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:"),
             strlen(a));
}

static const struct ct_test tests[] = {
    CT_TEST(lease_is_one_servers_at_a_time),
    CT_TEST(lease_given_back_is_taken_at_once),
    CT_TEST(lease_that_ran_out_goes_to_who_asks),
    CT_TEST(lease_outlives_the_store_and_its_number_never_falls),
    CT_TEST(changes_under_an_old_number_are_refused_and_change_nothing),
    CT_TEST(changes_under_the_present_number_are_done),
    CT_TEST(fence_of_one_account_leaves_the_other_alone),
    CT_TEST(store_belongs_to_one_deployment),
    CT_TEST(server_stopped_for_longer_than_its_lease_begins_nothing),
    CT_TEST(second_server_waits_and_follows_when_the_first_ends),
    CT_TEST(server_that_is_alone_need_not_wait_but_takes_it_once),
    CT_TEST(names_of_servers_differ),
};

WM_STORE_MAIN(tests)

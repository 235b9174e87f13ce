/* A disk without room, made by a limit on the size of files: it is named, nothing that was
 * acknowledged is lost, nothing else is kept, and all goes on when there is room again. */
/* links: ct_wmserver ct_testredis ct_kex ct_turn ct_chain ct_base */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ct_test.h"
#include "redis_server.h"
#include "temp_dir.h"
#include "wm-server/src/operator/audit.h"
#include "wm-server/src/operator/metrics.h"
#include "wm-server/src/operator/room.h"
#include "wm-server/src/store/store.h"
#include "wm-server/src/store/store_observed.h"
#include "wm-server/src/tx/ops.h"

enum { ROOM = 256 * 1024, TRIES = 100000 };

static struct temp_dir folder;

static char *at(const char *name)
{
    static char path[2][128];
    static int turn;
    turn = !turn;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", folder.path, name);
    return path[turn];
}

/* No file may be longer than that: what the system then says is what it says of a full disk, but
 * for its number. 0: no limit. */
static void limit(rlim_t bytes)
{
    struct rlimit l;
    REQUIRE(getrlimit(RLIMIT_FSIZE, &l) == 0);
    l.rlim_cur = bytes == 0 ? l.rlim_max : bytes;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &l) == 0);
}

static ct_err add(struct ct_store *s, unsigned n)
{
    uint8_t jti[16] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    return s->ops->token_add(s, jti, "B1", 4000000000u);
}

/* How many tokens there are. */
static unsigned tokens(struct ct_store *s)
{
    static struct ct_token_row page[CT_STORE_PAGE];
    uint8_t last[16];
    size_t count = CT_STORE_PAGE;
    unsigned all = 0;
    while (count == CT_STORE_PAGE && s->ops->token_page(s, NULL, all == 0 ? NULL : last, page,
                                                        CT_STORE_PAGE, &count) == CT_OK) {
        all += (unsigned)count;
        memcpy(last, page[count > 0 ? count - 1 : 0].jti16, sizeof last);
    }
    return all;
}

static unsigned add_until_full(struct ct_store *s, unsigned from, ct_err *err)
{
    unsigned n = from;
    *err = CT_OK;
    while (n < from + TRIES && (*err = add(s, n)) == CT_OK) {
        n++;
    }
    return n;
}

static void store_says_that_its_disk_is_full_and_keeps_what_it_acknowledged(void)
{
    struct ct_store *s = NULL;
    struct ct_why why = {{0}};
    ct_err err;
    REQUIRE(ct_store_sqlite(&s, at("full.sqlite"), &why) == CT_OK);
    limit(ROOM);
    unsigned kept = add_until_full(s, 0, &err);
    CHECK_EQ(err, CT_ERR_FULL);
    CHECK_STR(ct_err_text(err), "the disk is full");
    CHECK(kept > 0);
    CHECK_EQ(add(s, kept), CT_ERR_FULL); /* still */
    CHECK_EQ(tokens(s), kept);           /* it can be read meanwhile */
    limit(0);
    CHECK_EQ(add(s, kept), CT_OK);
    CHECK_EQ(tokens(s), kept + 1);
    ct_store_free(s);
    REQUIRE(ct_store_sqlite(&s, at("full.sqlite"), &why) == CT_OK);
    CHECK_EQ(tokens(s), kept + 1);
    ct_store_free(s);
}

static void store_is_as_it_was_when_its_program_is_killed_on_a_full_disk(void)
{
    struct ct_store *s = NULL;
    struct ct_why why = {{0}};
    ct_err err;
    REQUIRE(ct_store_sqlite(&s, at("killed.sqlite"), &why) == CT_OK);
    limit(ROOM);
    unsigned kept = add_until_full(s, 0, &err);
    CHECK_EQ(err, CT_ERR_FULL);
    limit(0);
    char sh[400]; /* what a kill leaves: the files as they are, nothing closed */
    (void)snprintf(sh, sizeof sh, "cd %s && for f in killed.sqlite*; do cp $f after-$f; done",
                   folder.path);
    REQUIRE(system(sh) == 0); /* NOLINT(cert-env33-c): a folder of the test's own */
    ct_store_free(s);
    REQUIRE(ct_store_sqlite(&s, at("after-killed.sqlite"), &why) == CT_OK);
    CHECK_EQ(tokens(s), kept);
    CHECK_EQ(add(s, kept), CT_OK);
    ct_store_free(s);
}

static void audit_log_says_so_and_its_chain_holds_afterwards(void)
{
    struct ct_audit *a = NULL;
    struct ct_why why = {{0}};
    struct ct_audit_walk walk = {.begun = false};
    const struct ct_audit_field field = {"token", "0x00"};
    ct_err err = CT_OK;
    uint64_t kept = 0;
    REQUIRE(ct_audit_open(&a, at("audit.log"), 1 << 30, &why) == CT_OK);
    limit(ROOM / 16);
    while (kept < TRIES && (err = ct_audit(a, "token_issued", &field, 1)) == CT_OK) {
        kept++;
    }
    CHECK_EQ(err, CT_ERR_FULL);
    CHECK_EQ(ct_audit(a, "token_issued", &field, 1), CT_ERR_FULL);
    CHECK_EQ(ct_audit_head(a).n, kept);
    limit(0);
    CHECK_EQ(ct_audit(a, "token_issued", &field, 1), CT_OK);
    ct_audit_close(a);
    CHECK_EQ(ct_audit_follow(&walk, at("audit.log"), &why), CT_OK);
    CHECK_EQ(walk.lines, kept + 1);
    CHECK_EQ(walk.cut, 0);
}

static struct {
    unsigned full, room;
    char last[512];
} heard;

static void hear(enum ct_log_level level, const char *line, void *arg)
{
    (void)arg;
    heard.full += strncmp(line, "disk_full ", 10) == 0 && level == CT_LOG_ERROR;
    heard.room += strncmp(line, "disk_has_room ", 14) == 0;
    (void)snprintf(heard.last, sizeof heard.last, "%s", line);
}

static const struct ct_log ears = {.sink = hear, .max = CT_LOG_DEBUG};

static void full_disk_is_told_once_with_what_to_do_and_that_it_is_over(void)
{
    struct ct_store *s = NULL;
    struct ct_audit *a = NULL;
    struct ct_room room = {.has_begun = false};
    struct ct_why why = {{0}};
    ct_err err;
    REQUIRE(ct_store_sqlite(&s, at("told.sqlite"), &why) == CT_OK);
    REQUIRE(ct_audit_open(&a, at("told.log"), 1 << 30, &why) == CT_OK);
    REQUIRE(ct_store_observe(s, a) == CT_OK);
    ct_metrics_set(CT_GAUGE_STORE_FULL, 0);
    ct_metrics_set(CT_GAUGE_AUDIT_FULL, 0);
    ct_room_round(&room, s, &ears);
    CHECK(ct_room_words(s) == NULL && heard.full == 0);
    limit(ROOM);
    (void)add_until_full(s, 0, &err);
    CHECK_EQ(err, CT_ERR_FULL);
    for (int i = 0; i < 3; i++) {
        ct_room_round(&room, s, &ears);
    }
    CHECK_EQ(heard.full, 1);
    CHECK(strstr(heard.last, "make room there, it goes on by itself") != NULL);
    CHECK(strstr(heard.last, "what was acknowledged is kept") != NULL);
    CHECK(ct_room_words(s) != NULL); /* and /readyz fails with it */
    limit(0);
    ct_room_round(&room, s, &ears); /* without anybody asking for anything */
    CHECK_EQ(heard.room, 1);
    CHECK(ct_room_words(s) == NULL);

    limit(1); /* below what the audit log has already */
    (void)!ct_audit(a, "pass_given", NULL, 0);
    ct_room_round(&room, s, &ears);
    CHECK_EQ(heard.full, 2);
    CHECK(strstr(heard.last, "audit.path") != NULL);
    limit(0);
    ct_room_round(&room, s, &ears);
    CHECK_EQ(heard.room, 2);
    CHECK(ct_room_words(s) == NULL);
    ct_store_free(s);
}

static unsigned lines_with(const char *name, const char *what)
{
    char line[4096];
    unsigned n = 0;
    FILE *f = fopen(at(name), "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        n += strstr(line, what) != NULL;
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return n;
}

/* The payment of a device, sent by tx. */
static struct ct_op sent_payment(struct ct_store *s, struct ct_txn *tx)
{
    static const uint8_t to20[20] = {8};
    const struct ct_u256 wei = ct_u256_from_u64(7000000000);
    struct ct_op op = {.kind = CT_OP_FUND, .state = CT_OP_QUEUED, .subject = "0x07"};
    *tx = (struct ct_txn){.sender20 = {4}, .nonce = 11, .hash32 = {5}, .raw_len = 1};
    CHECK_EQ(ct_op_put_payment(&op, to20, &wei), CT_OK);
    CHECK_EQ(s->ops->op_add(s, &op), CT_OK);
    CHECK_EQ(s->ops->tx_add(s, tx, (const char(*)[CT_OP_ID]) & op.id, 1), CT_OK);
    return op;
}

/* The wallet manager tries it each second: neither the audit log nor a count grows with the tries.
 */
static void end_that_finds_no_room_is_told_and_counted_once(void)
{
    enum { AGAIN = 50 };
    static struct ct_txn tx, next;
    struct ct_store *s = NULL;
    struct ct_audit *a = NULL;
    struct ct_room room = {.has_begun = false};
    struct ct_why why = {{0}};
    struct ct_op_end end = {.state = CT_OP_DONE};
    ct_err err;
    ct_metrics_set(CT_GAUGE_STORE_FULL, 0);
    ct_metrics_set(CT_GAUGE_AUDIT_FULL, 0);
    REQUIRE(ct_store_sqlite(&s, at("ends.sqlite"), &why) == CT_OK);
    REQUIRE(ct_audit_open(&a, at("ends.log"), 1 << 30, &why) == CT_OK);
    REQUIRE(ct_store_observe(s, a) == CT_OK);
    struct ct_op op = sent_payment(s, &tx);
    memcpy(end.id, op.id, sizeof end.id);
    next = tx;
    next.hash32[0] = 6;
    next.attempt = 1;
    uint64_t done = ct_metrics_get(CT_METRIC_OPS_DONE);
    uint64_t paid = ct_metrics_get(CT_METRIC_FUNDED);
    uint64_t gwei = ct_metrics_get(CT_METRIC_FUNDED_SPENT);
    limit(ROOM);
    (void)add_until_full(s, 0, &err);
    ct_metrics_set(CT_GAUGE_STORE_FULL, 0); /* nobody has noticed yet */
    for (int i = 0; i < AGAIN; i++) {
        CHECK_EQ(s->ops->tx_close(s, tx.hash32, CT_TXN_CONFIRMED, 12, &end, 1), CT_ERR_FULL);
        CHECK_EQ(s->ops->tx_replace(s, tx.hash32, &next, NULL), CT_ERR_FULL);
    }
    CHECK(lines_with("ends.log", "\"funding_paid\"") <= 1);
    CHECK_EQ(lines_with("ends.log", "\"key_used\""), 1); /* the first attempt's */
    CHECK_EQ(ct_metrics_get(CT_METRIC_OPS_DONE), done);
    CHECK_EQ(ct_metrics_get(CT_METRIC_FUNDED), paid);
    limit(0);
    ct_room_round(&room, s, &ears);
    CHECK_EQ(s->ops->tx_close(s, tx.hash32, CT_TXN_CONFIRMED, 12, &end, 1), CT_OK);
    CHECK(lines_with("ends.log", "\"funding_paid\"") >= 1); /* never none */
    CHECK_EQ(ct_metrics_get(CT_METRIC_OPS_DONE), done + 1);
    CHECK_EQ(ct_metrics_get(CT_METRIC_FUNDED), paid + 1);
    CHECK_EQ(ct_metrics_get(CT_METRIC_FUNDED_SPENT), gwei + 7);
    ct_store_free(s);
}

static void redis_without_room_says_so_too(void)
{
    struct ct_redis_server redis;
    struct ct_store *s = NULL;
    struct ct_why why = {{0}};
    REQUIRE(ct_redis_server_start(&redis));
    REQUIRE(ct_store_redis(&s, redis.address, NULL, &why) == CT_OK);
    CHECK_EQ(add(s, 1), CT_OK);
    CHECK(ct_redis_server_say(&redis, "+OK", "CONFIG SET maxmemory 1"));
    CHECK_EQ(add(s, 2), CT_ERR_FULL);
    CHECK_EQ(tokens(s), 1);
    CHECK(ct_room_words(s) != NULL && strstr(ct_room_words(s), "Redis") != NULL);
    CHECK(ct_redis_server_say(&redis, "+OK", "CONFIG SET maxmemory 0"));
    CHECK_EQ(add(s, 2), CT_OK);
    ct_store_free(s);
    ct_redis_server_stop(&redis);
}

static const struct ct_test tests[] = {
    CT_TEST(store_says_that_its_disk_is_full_and_keeps_what_it_acknowledged),
    CT_TEST(store_is_as_it_was_when_its_program_is_killed_on_a_full_disk),
    CT_TEST(audit_log_says_so_and_its_chain_holds_afterwards),
    CT_TEST(full_disk_is_told_once_with_what_to_do_and_that_it_is_over),
    CT_TEST(end_that_finds_no_room_is_told_and_counted_once),
    CT_TEST(redis_without_room_says_so_too),
};

int main(void)
{
    (void)signal(SIGXFSZ, SIG_IGN); /* the write fails instead */
    if (!temp_dir_make(&folder)) {
        return 1;
    }
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    temp_dir_remove(&folder);
    return code;
}

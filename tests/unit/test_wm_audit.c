/* Claims about the audit log: nothing in it can be changed unseen, and nothing is acknowledged
 * before it is there. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ct_test.h"
#include "temp_dir.h"
#include "wm-server/src/operator/audit.h"
#include "wm-server/src/store/store.h"
#include "wm-server/src/store/store_observed.h"

static struct temp_dir dir;
static char path[128];

static bool begin(void)
{
    bool good = temp_dir_make(&dir);
    (void)snprintf(path, sizeof path, "%s/audit.log", dir.path);
    return good;
}

static struct ct_audit *open_log(uint64_t rotate_bytes)
{
    struct ct_audit *a = NULL;
    struct ct_why why = {{0}};
    if (ct_audit_open(&a, path, rotate_bytes, &why) != CT_OK) {
        printf("    %s\n", why.text);
    }
    return a;
}

static ct_err add(struct ct_audit *a, const char *value)
{
    const struct ct_audit_field f[] = {{"subject", value}, {"cause", "a \"quoted\" one\n"}};
    return ct_audit(a, "tested", f, 2);
}

static bool write_some(int count)
{
    struct ct_audit *a = open_log(1 << 20);
    bool good = a != NULL;
    for (int i = 0; i < count && good; i++) {
        good = add(a, "sensor-42") == CT_OK;
    }
    ct_audit_close(a);
    return good;
}

static size_t load(char *out, size_t cap)
{
    FILE *f = fopen(path, "rb");
    size_t n = f == NULL ? 0 : fread(out, 1, cap, f);
    if (f != NULL) {
        (void)fclose(f);
    }
    return n;
}

static void save(const char *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    CHECK(f != NULL && fwrite(data, 1, len, f) == len && fclose(f) == 0);
}

static ct_err follow(struct ct_audit_walk *w)
{
    struct ct_why why = {{0}};
    *w = (struct ct_audit_walk){.expected = w->expected};
    ct_err err = ct_audit_follow(w, path, &why);
    CHECK(err == CT_OK || why.text[0] != '\0');
    return err;
}

static void a_log_goes_on_where_it_was(void)
{
    struct ct_audit_walk w = {.begun = false};
    REQUIRE(begin());
    CHECK(write_some(3));
    CHECK(write_some(2));
    CHECK_EQ(follow(&w), CT_OK);
    CHECK(w.lines == 5 && w.first.n == 1 && w.last.n == 5 && w.cut == 0);
    temp_dir_remove(&dir);
}

static void every_bit_of_every_byte_is_covered(void)
{
    static char log[4096];
    struct ct_audit_walk w = {.begun = false};
    unsigned unseen = 0;
    REQUIRE(begin() && write_some(3));
    size_t len = load(log, sizeof log);
    CHECK(len > 600 && len < 2000);
    for (size_t i = 0; i < len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            log[i] = (char)(log[i] ^ (1 << bit));
            save(log, len);
            log[i] = (char)(log[i] ^ (1 << bit));
            if (follow(&w) != CT_ERR_AUTH) {
                printf("    bit %d of byte %zu (%c) changes unseen\n", bit, i, log[i]);
                unseen++;
            }
        }
    }
    CHECK_EQ(unseen, 0);
    save(log, len);
    CHECK_EQ(follow(&w), CT_OK);
    temp_dir_remove(&dir);
}

/* Line i (from 0) of the text, with its newline. */
static const char *line_of(const char *log, size_t len, int i, size_t *out_len)
{
    const char *at = log;
    while (i-- > 0) {
        at = (const char *)memchr(at, '\n', len - (size_t)(at - log)) + 1;
    }
    const char *end = memchr(at, '\n', len - (size_t)(at - log));
    *out_len = (size_t)(end - at) + 1;
    return at;
}

static void lines_that_are_gone_or_moved_or_twice_are_missed(void)
{
    static char log[4096];
    static char made[8192];
    static const int orders[][5] = {{1, 2, 3, -1},    {0, 2, 3, -1},    {0, 1, 3, -1},
                                    {1, 0, 2, 3, -1}, {0, 2, 1, 3, -1}, {0, 1, 3, 2, -1},
                                    {0, 0, 1, 2, 3},  {0, 1, 2, 3, 3}};
    struct ct_audit_walk w = {.begun = false};
    REQUIRE(begin() && write_some(4));
    size_t len = load(log, sizeof log);
    for (size_t k = 0; k < sizeof orders / sizeof orders[0]; k++) {
        size_t n = 0;
        for (int i = 0; i < 5 && orders[k][i] >= 0; i++) {
            size_t one;
            const char *at = line_of(log, len, orders[k][i], &one);
            memcpy(made + n, at, one);
            n += one;
        }
        save(made, n);
        if (k == 0) {
            /* the oldest may be archived elsewhere; the walk says where it begins */
            CHECK_EQ(follow(&w), CT_OK);
            CHECK_EQ(w.first.n, 2);
        } else {
            CHECK_EQ(follow(&w), CT_ERR_AUTH);
        }
    }
    temp_dir_remove(&dir);
}

/* Lines cut from the end leave a good chain: only who noted the last line sees it. */
static void a_noted_head_shows_what_was_cut_from_the_end(void)
{
    static char log[4096];
    struct ct_audit_walk w = {.begun = false};
    size_t last;
    REQUIRE(begin() && write_some(4));
    size_t len = load(log, sizeof log);
    REQUIRE(follow(&w) == CT_OK);
    w.expected = w.last;
    CHECK_EQ(follow(&w), CT_OK);
    CHECK(w.expected_seen);
    (void)line_of(log, len, 3, &last);
    save(log, len - last);
    CHECK_EQ(follow(&w), CT_OK);
    CHECK(!w.expected_seen);
    w.expected.n = 2; /* another line's number with that hash */
    CHECK_EQ(follow(&w), CT_ERR_AUTH);
    temp_dir_remove(&dir);
}

static void a_log_cut_anywhere_goes_on_and_says_so(void)
{
    static char log[4096];
    static char now[8192];
    struct ct_audit_walk w = {.begun = false};
    REQUIRE(begin() && write_some(3));
    size_t len = load(log, sizeof log);
    for (size_t cut = 0; cut <= len; cut++) {
        bool whole_lines = cut == 0 || log[cut - 1] == '\n' || log[cut] == '\n';
        save(log, cut);
        CHECK_EQ(follow(&w), CT_OK);
        CHECK_EQ(w.cut > 0, !whole_lines);
        uint64_t before = w.lines;
        struct ct_audit *a = open_log(1 << 20);
        REQUIRE(a != NULL);
        CHECK_EQ(add(a, "after"), CT_OK);
        ct_audit_close(a);
        CHECK_EQ(follow(&w), CT_OK);
        CHECK_EQ(w.lines, before + (whole_lines ? 1 : 2));
        size_t n = load(now, sizeof now - 1);
        now[n] = '\0';
        CHECK_EQ(strstr(now, "cut_line_dropped") != NULL, !whole_lines);
    }
    temp_dir_remove(&dir);
}

static void a_changed_end_is_not_written_after(void)
{
    static char log[4096];
    struct ct_audit *a = NULL;
    struct ct_why why = {{0}};
    REQUIRE(begin() && write_some(2));
    size_t len = load(log, sizeof log);
    log[len - 100] ^= 1;
    save(log, len);
    CHECK_EQ(ct_audit_open(&a, path, 1 << 20, &why), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "wm-admin audit verify") != NULL);
    temp_dir_remove(&dir);
}

static void a_long_log_is_put_aside_and_the_chain_goes_on(void)
{
    char older[192];
    struct ct_audit_walk w = {.begun = false};
    struct ct_why why = {{0}};
    REQUIRE(begin());
    struct ct_audit *a = open_log(1000);
    REQUIRE(a != NULL);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(add(a, "x"), CT_OK);
    }
    ct_audit_close(a);
    /* about 300 bytes a line: four of them to a file */
    (void)snprintf(older, sizeof older, "%s.000000000004", path);
    CHECK_EQ(ct_audit_follow(&w, older, &why), CT_OK);
    CHECK_EQ(w.lines, 4);
    (void)snprintf(older, sizeof older, "%s.000000000008", path);
    CHECK_EQ(ct_audit_follow(&w, older, &why), CT_OK);
    CHECK_EQ(ct_audit_follow(&w, path, &why), CT_OK);
    CHECK(w.lines == 10 && w.last.n == 10);
    /* without the middle one */
    w = (struct ct_audit_walk){.begun = false};
    (void)snprintf(older, sizeof older, "%s.000000000004", path);
    CHECK_EQ(ct_audit_follow(&w, older, &why), CT_OK);
    CHECK_EQ(ct_audit_follow(&w, path, &why), CT_ERR_AUTH);
    CHECK(strstr(why.text, "missing") != NULL);
    /* a crash after the renaming: the newest file is not there yet */
    CHECK(unlink(path) == 0);
    a = open_log(1000);
    REQUIRE(a != NULL);
    CHECK_EQ(ct_audit_head(a).n, 8);
    CHECK_EQ(add(a, "x"), CT_OK);
    CHECK_EQ(ct_audit_head(a).n, 9);
    ct_audit_close(a);
    temp_dir_remove(&dir);
}

static void *add_many(void *arg)
{
    for (int i = 0; i < 100; i++) {
        if (add(arg, "thread") != CT_OK) {
            return arg;
        }
    }
    return NULL;
}

static void threads_and_processes_write_one_chain(void)
{
    enum { CHILDREN = 2, THREADS = 3 };
    pthread_t threads[THREADS];
    pid_t children[CHILDREN];
    struct ct_audit_walk w = {.begun = false};
    struct ct_why why = {{0}};
    char name[192];
    REQUIRE(begin());
    for (int c = 0; c < CHILDREN; c++) {
        children[c] = fork();
        if (children[c] == 0) {
            struct ct_audit *own = open_log(20000);
            _exit(own != NULL && add_many(own) == NULL ? 0 : 1);
        }
    }
    struct ct_audit *a = open_log(20000);
    REQUIRE(a != NULL);
    for (int t = 0; t < THREADS; t++) {
        REQUIRE(pthread_create(&threads[t], NULL, add_many, a) == 0);
    }
    for (int t = 0; t < THREADS; t++) {
        void *bad = NULL;
        (void)pthread_join(threads[t], &bad);
        CHECK(bad == NULL);
    }
    for (int c = 0; c < CHILDREN; c++) {
        int status = -1;
        (void)waitpid(children[c], &status, 0);
        CHECK_EQ(status, 0);
    }
    ct_audit_close(a);
    /* the files in their order; their names tell the numbers of their last lines */
    for (unsigned n = 1; n <= 500; n++) {
        (void)snprintf(name, sizeof name, "%s.%012u", path, n);
        if (access(name, F_OK) == 0) {
            CHECK_EQ(ct_audit_follow(&w, name, &why), CT_OK);
            CHECK_EQ(w.last.n, n);
        }
    }
    CHECK(w.lines > 300);
    ct_err err = ct_audit_follow(&w, path, &why);
    CHECK(err == CT_OK);
    CHECK_EQ(w.last.n, 500);
    temp_dir_remove(&dir);
}

/* ---- a full disk, and what is not acknowledged then ---- */

static void limit(size_t bytes)
{
    const struct rlimit r = {bytes, RLIM_INFINITY};
    (void)setrlimit(RLIMIT_FSIZE, &r);
}

static void a_full_disk_leaves_a_good_chain(void)
{
    static char log[4096];
    struct ct_audit_walk w = {.begun = false};
    REQUIRE(begin());
    (void)signal(SIGXFSZ, SIG_IGN);
    struct ct_audit *a = open_log(1 << 20);
    REQUIRE(a != NULL && add(a, "x") == CT_OK);
    size_t len = load(log, sizeof log);
    for (size_t more = 0; more < len; more += 37) {
        limit(len + more);
        CHECK_EQ(add(a, "no room"), CT_ERR_FULL);
        limit(RLIM_INFINITY);
        CHECK_EQ(follow(&w), CT_OK);
        CHECK(w.lines == 1 && w.cut == 0);
    }
    CHECK_EQ(add(a, "room again"), CT_OK);
    CHECK_EQ(follow(&w), CT_OK);
    CHECK_EQ(w.lines, 2);
    ct_audit_close(a);
    temp_dir_remove(&dir);
}

static struct ct_store *open_store(void)
{
    char db[128];
    struct ct_store *s = NULL;
    struct ct_why why = {{0}};
    (void)snprintf(db, sizeof db, "%s/wm.sqlite", dir.path);
    if (ct_store_sqlite(&s, db, &why) != CT_OK || ct_store_observe(s, open_log(1 << 20)) != CT_OK) {
        printf("    %s\n", why.text);
        return NULL;
    }
    return s;
}

/* How many lines tell of that. */
static unsigned told(const char *what)
{
    static char log[65536];
    char wanted[64];
    unsigned n = 0;
    size_t len = load(log, sizeof log - 1);
    log[len] = '\0';
    (void)snprintf(wanted, sizeof wanted, "\"what\":\"%s\"", what);
    for (const char *at = log; (at = strstr(at, wanted)) != NULL; at++) {
        n++;
    }
    return n;
}

static const struct ct_token_use use = {
    .jti16 = {7}, .batch = "B7", .identity = "sensor-42", .wallet20 = {1}, .now_s = 5};

static void each_step_of_admission_and_money_is_a_line(void)
{
    struct ct_audit_walk w = {.begun = false};
    struct ct_token_use other = use;
    struct ct_pass_row pass = {.id16 = {3}, .identity = "sensor-42", .expires_s = 9};
    struct ct_op op = {
        .kind = CT_OP_REVOKE_RELAY, .state = CT_OP_QUEUED, .subject = "7", .payload_len = 0};
    static struct ct_txn tx = {.sender20 = {4}, .nonce = 11, .hash32 = {5}, .raw_len = 1};
    struct ct_op_end end = {.state = CT_OP_DONE};
    other.identity[0] = 'S';
    REQUIRE(begin());
    struct ct_store *s = open_store();
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->token_add(s, use.jti16, "B7", 100), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &use), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &other), CT_ERR_REPLAY);
    CHECK_EQ(s->ops->pass_add(s, &pass), CT_OK);
    CHECK_EQ(s->ops->token_withdraw(s, "sensor-42", NULL), CT_OK);
    CHECK_EQ(s->ops->op_add(s, &op), CT_OK);
    CHECK_EQ(s->ops->tx_add(s, &tx, (const char(*)[CT_OP_ID]) & op.id, 1), CT_OK);
    memcpy(end.id, op.id, sizeof end.id);
    CHECK_EQ(s->ops->tx_close(s, tx.hash32, CT_TXN_CONFIRMED, 12, &end, 1), CT_OK);
    CHECK_EQ(told("token_issued"), 1);
    CHECK_EQ(told("token_used"), 1);
    CHECK_EQ(told("token_refused"), 1);
    CHECK_EQ(told("pass_given"), 1);
    CHECK_EQ(told("tokens_withdrawn"), 1);
    CHECK_EQ(told("operation_asked"), 1);
    CHECK_EQ(told("key_used"), 1);
    CHECK_EQ(told("relay_revoked"), 1);
    ct_store_free(s);
    CHECK_EQ(follow(&w), CT_OK);
    CHECK_EQ(w.lines, 8);
    temp_dir_remove(&dir);
}

static void nothing_is_acknowledged_that_is_not_in_the_log(void)
{
    struct ct_pass_row pass = {.id16 = {3}, .identity = "sensor-42", .expires_s = 9};
    struct ct_op op = {.kind = CT_OP_REVOKE_RELAY, .state = CT_OP_QUEUED, .subject = "7"};
    static struct ct_txn tx = {.sender20 = {4}, .nonce = 11, .hash32 = {5}, .raw_len = 1};
    static struct ct_txn found;
    char aside[128];
    REQUIRE(begin());
    struct ct_store *s = open_store();
    REQUIRE(s != NULL && s->ops->op_add(s, &op) == CT_OK);
    /* where the log was is no file any more */
    (void)snprintf(aside, sizeof aside, "%s/aside", dir.path);
    CHECK(rename(path, aside) == 0 && mkdir(path, 0700) == 0);
    CHECK_EQ(s->ops->token_use(s, &use), CT_ERR_SYSTEM);
    CHECK_EQ(s->ops->pass_add(s, &pass), CT_ERR_SYSTEM);
    CHECK_EQ(s->ops->tx_add(s, &tx, (const char(*)[CT_OP_ID]) & op.id, 1), CT_ERR_SYSTEM);
    /* the key was not used: there is no transaction that could be broadcast */
    CHECK_EQ(s->ops->tx_next(s, tx.sender20, UINT64_MAX, &found), CT_ERR_NOT_FOUND);
    CHECK(rmdir(path) == 0 && rename(aside, path) == 0);
    /* it can be written again: the same token is admitted, and told */
    CHECK_EQ(s->ops->token_use(s, &use), CT_OK);
    CHECK_EQ(told("token_used"), 1);
    ct_store_free(s);
    temp_dir_remove(&dir);
}

static void fields_that_do_not_fit_are_an_error_and_no_line(void)
{
    static char huge[CT_AUDIT_LINE];
    struct ct_audit_walk w = {.begun = false};
    memset(huge, 1, sizeof huge - 1); /* six characters each */
    REQUIRE(begin());
    struct ct_audit *a = open_log(1 << 20);
    REQUIRE(a != NULL);
    CHECK_EQ(add(a, huge), CT_ERR_SYSTEM);
    CHECK_EQ(add(a, "fits"), CT_OK);
    CHECK_EQ(add(NULL, "no log"), CT_OK);
    ct_audit_close(a);
    CHECK_EQ(follow(&w), CT_OK);
    CHECK_EQ(w.lines, 1);
    temp_dir_remove(&dir);
}

static const struct ct_test tests[] = {
    CT_TEST(a_log_goes_on_where_it_was),
    CT_TEST(every_bit_of_every_byte_is_covered),
    CT_TEST(lines_that_are_gone_or_moved_or_twice_are_missed),
    CT_TEST(a_noted_head_shows_what_was_cut_from_the_end),
    CT_TEST(a_log_cut_anywhere_goes_on_and_says_so),
    CT_TEST(a_changed_end_is_not_written_after),
    CT_TEST(a_long_log_is_put_aside_and_the_chain_goes_on),
    CT_TEST(threads_and_processes_write_one_chain),
    CT_TEST(a_full_disk_leaves_a_good_chain),
    CT_TEST(each_step_of_admission_and_money_is_a_line),
    CT_TEST(nothing_is_acknowledged_that_is_not_in_the_log),
    CT_TEST(fields_that_do_not_fit_are_an_error_and_no_line),
};
CT_TEST_MAIN(tests)

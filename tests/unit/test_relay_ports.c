/* Claims about the relayed ports that passes get again: whose, for how long, and on disk. */
/* links: ct_coturn_module ct_relay_policy ct_kex ct_chain ct_base */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "ct_test.h"
#include "kex/pass.h"
#include "ports/portfile.h"
#include "ports/portkeeper.h"
#include "ports/ports.h"

enum { NOW = 1000000 };

static const uint8_t deployment[32] = {1, 2, 3};
static const uint8_t ann[16] = {1}, bob[16] = {2}, none[16] = {0};
static const struct ct_port_owner is_ann = {ann, none}, is_bob = {bob, none};
static const struct ct_port_owner is_user = {NULL, NULL}; /* of the server's own */

static struct ct_endpoint at(uint16_t port)
{
    return (struct ct_endpoint){.addr16 = {[10] = 0xff, 0xff, 203, 0, 113, 7}, .port = port};
}

static bool stands(struct ct_ports *ports, const uint8_t pass16[16], uint16_t port)
{
    struct ct_endpoint e = at(port);
    return ct_ports_stands(ports, pass16, &e);
}

static bool ended(struct ct_ports *ports, const uint8_t pass16[16], uint16_t port,
                  bool was_given_back, uint64_t now_s)
{
    struct ct_endpoint e = at(port);
    return ct_ports_ended(ports, pass16, &e, was_given_back, now_s);
}

static uint16_t had(const struct ct_ports *ports, const struct ct_port_owner *owner, uint64_t now_s)
{
    return ct_ports_had(ports, owner, at(0).addr16, now_s);
}

static bool kept(const struct ct_ports *ports, const struct ct_port_owner *owner, uint16_t port,
                 uint64_t now_s)
{
    struct ct_endpoint e = at(port);
    return ct_ports_is_kept(ports, owner, &e, now_s);
}

/* What the next process makes of it, killed at now_s. */
static struct ct_ports *restarted(struct ct_ports *ports, uint64_t now_s)
{
    struct ct_ports *next = NULL;
    size_t count = ct_ports_count(ports);
    struct ct_port *list = calloc(count + 1, sizeof(*list));
    CHECK(list != NULL && ct_ports_new(&next) == CT_OK);
    count = ct_ports_list(ports, list, count, now_s);
    CHECK_EQ(ct_ports_take_over(next, list, count, now_s), CT_OK);
    free(list);
    ct_ports_free(ports);
    return next;
}

static void pass_gets_its_port_again_after_a_crash(void)
{
    struct ct_ports *ports = NULL;
    REQUIRE(ct_ports_new(&ports) == CT_OK);
    CHECK(stands(ports, ann, 50001) && stands(ports, bob, 50002));
    CHECK(!stands(ports, ann, 50001)); /* refreshed: no news for the disk */
    CHECK_EQ(had(ports, &is_ann, NOW), 0);
    ports = restarted(ports, NOW);
    CHECK_EQ(had(ports, &is_ann, NOW), 50001);
    CHECK_EQ(had(ports, &is_bob, NOW), 50002);
    CHECK_EQ(had(ports, &is_user, NOW), 0);
    CHECK(stands(ports, ann, 50001));
    CHECK_EQ(had(ports, &is_ann, NOW), 0); /* it has it: another allocation gets another one */
    const uint8_t elsewhere[16] = {[10] = 0xff, 0xff, 203, 0, 113, 8};
    CHECK_EQ(ct_ports_had(ports, &is_bob, elsewhere, NOW), 0);
    ct_ports_free(ports);
}

static void renewal_has_the_ports_of_what_it_renews(void)
{
    const uint8_t second[16] = {3}, third[16] = {4};
    const struct ct_port_owner renewed = {second, ann}, again = {third, second};
    struct ct_ports *ports = NULL;
    REQUIRE(ct_ports_new(&ports) == CT_OK);
    CHECK(stands(ports, ann, 50001));
    ports = restarted(ports, NOW);
    CHECK_EQ(had(ports, &again, NOW), 0);
    CHECK(!kept(ports, &renewed, 50001, NOW) && kept(ports, &again, 50001, NOW));
    CHECK_EQ(had(ports, &renewed, NOW), 50001);
    CHECK(stands(ports, second, 50001)); /* from now on it is the renewal's */
    CHECK(stands(ports, third, 50001));
    ports = restarted(ports, NOW);
    CHECK_EQ(had(ports, &is_ann, NOW), 0);
    CHECK_EQ(had(ports, &again, NOW), 50001);
    CHECK_EQ(ct_ports_count(ports), 1);
    ct_ports_free(ports);
}

static void of_several_ports_the_oldest_that_stood_at_the_crash_comes_first(void)
{
    struct ct_ports *ports = NULL;
    REQUIRE(ct_ports_new(&ports) == CT_OK);
    CHECK(stands(ports, ann, 50001) &&
          ended(ports, ann, 50001, false, NOW - 500)); /* a lost call's */
    CHECK(stands(ports, ann, 50002));                  /* its home */
    CHECK(stands(ports, ann, 50003));                  /* a call under way */
    ports = restarted(ports, NOW);
    CHECK_EQ(had(ports, &is_ann, NOW), 50002);
    CHECK(stands(ports, ann, 50002));
    CHECK_EQ(had(ports, &is_ann, NOW), 50003);
    CHECK(stands(ports, ann, 50003));
    CHECK_EQ(had(ports, &is_ann, NOW), 50001);
    ct_ports_free(ports);
}

static void port_is_kept_from_others_for_a_while_only(void)
{
    struct ct_ports *ports = NULL;
    REQUIRE(ct_ports_new(&ports) == CT_OK);
    CHECK(!kept(ports, &is_bob, 50001, NOW));
    CHECK(stands(ports, ann, 50001));
    CHECK(ended(ports, ann, 50001, false, NOW) && !ended(ports, ann, 50001, false, NOW + 1));
    CHECK(kept(ports, &is_bob, 50001, NOW) && kept(ports, &is_user, 50001, NOW));
    CHECK(!kept(ports, &is_ann, 50001, NOW));
    CHECK(kept(ports, &is_bob, 50001, NOW + CT_PORTS_KEPT_S - 1));
    CHECK(!kept(ports, &is_bob, 50001, NOW + CT_PORTS_KEPT_S));
    CHECK(kept(ports, &is_bob, 50001, NOW - 100));               /* the clock was put back */
    CHECK_EQ(had(ports, &is_ann, NOW + CT_PORTS_KEPT_S), 50001); /* nobody took it */
    CHECK(stands(ports, bob, 50001));
    CHECK(!ended(ports, ann, 50001, true, NOW)); /* told late */
    CHECK_EQ(had(ports, &is_ann, NOW + CT_PORTS_KEPT_S), 0);
    CHECK_EQ(ct_ports_count(ports), 1);
    ct_ports_free(ports);
}

static void port_is_forgotten_with_the_pass_and_when_given_back(void)
{
    struct ct_ports *ports = NULL;
    REQUIRE(ct_ports_new(&ports) == CT_OK);
    CHECK(stands(ports, ann, 50001) && ended(ports, ann, 50001, true, NOW));
    CHECK(!ended(ports, ann, 50001, false, NOW)); /* as the server tells it next */
    CHECK(!kept(ports, &is_bob, 50001, NOW) && had(ports, &is_ann, NOW) == 0);
    CHECK_EQ(ct_ports_count(ports), 0);
    CHECK(stands(ports, bob, 50002) && ended(ports, bob, 50002, false, NOW));
    CHECK_EQ(had(ports, &is_bob, NOW + CT_PORTS_REMEMBERED_S - 1), 50002);
    CHECK_EQ(had(ports, &is_bob, NOW + CT_PORTS_REMEMBERED_S), 0);
    ports = restarted(ports, NOW + CT_PORTS_REMEMBERED_S);
    CHECK_EQ(ct_ports_count(ports), 0);
    ct_ports_free(ports);
}

static void memory_is_bounded_and_forgets_who_left_first(void)
{
    struct ct_ports *ports = NULL;
    REQUIRE(ct_ports_new(&ports) == CT_OK);
    size_t refused = 0;
    for (uint32_t i = 0; i < 2u * CT_PORTS_MAX; i++) {
        struct ct_endpoint e = at((uint16_t)i);
        e.addr16[14] = (uint8_t)(i >> 16); /* two addresses */
        uint8_t pass16[16] = {(uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16)};
        pass16[15] = 1;
        refused += !ct_ports_stands(ports, pass16, &e);
        if (i < 1000) {
            CHECK(ct_ports_ended(ports, pass16, &e, false, NOW + i));
        }
    }
    CHECK_EQ(ct_ports_count(ports), CT_PORTS_MAX);
    CHECK_EQ(refused, CT_PORTS_MAX - 1000u); /* those that stand are not driven out */
    ct_ports_free(ports);
}

/* ---- on disk ---- */

static char folder[] = "/tmp/ct-ports-XXXXXX";
static char path[64];

static struct ct_port port_of(const uint8_t pass16[16], uint16_t port, uint64_t ended_s)
{
    struct ct_port out = {.relayed = at(port), .ended_s = ended_s};
    memcpy(out.pass16, pass16, 16);
    return out;
}

static bool write_file(const void *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(bytes, 1, len, f) == len;
    return f && fclose(f) == 0 && ok;
}

static size_t read_file(uint8_t *out, size_t cap)
{
    FILE *f = fopen(path, "rb");
    size_t len = f ? fread(out, 1, cap, f) : 0;
    if (f) {
        (void)fclose(f);
    }
    return len;
}

static void file_comes_back_as_it_was_and_of_no_other_deployment(void)
{
    const struct ct_port saved[2] = {port_of(ann, 50001, 0), port_of(bob, 50002, NOW)};
    struct ct_port *list = NULL;
    size_t count = 0;
    struct ct_why why = {""};
    const uint8_t other[32] = {9};
    CHECK_EQ(ct_portfile_load(&list, &count, deployment, path, &why), CT_ERR_NOT_FOUND);
    REQUIRE(ct_portfile_save(saved, 2, deployment, path, &why) == CT_OK);
    REQUIRE(ct_portfile_load(&list, &count, deployment, path, &why) == CT_OK);
    CHECK_EQ(count, 2);
    CHECK_MEM(list[0].pass16, ann, 16);
    CHECK_EQ(list[0].relayed.port, 50001);
    CHECK_EQ(list[1].ended_s, NOW);
    free(list);
    CHECK_EQ(ct_portfile_load(&list, &count, other, path, &why), CT_ERR_FORMAT);
    CHECK(strstr(why.text, "another deployment") != NULL);
    REQUIRE(ct_portfile_save(NULL, 0, deployment, path, &why) == CT_OK);
    REQUIRE(ct_portfile_load(&list, &count, deployment, path, &why) == CT_OK);
    CHECK_EQ(count, 0);
    free(list);
    (void)unlink(path);
}

static void cut_or_changed_file_is_refused(void)
{
    const struct ct_port saved[2] = {port_of(ann, 50001, 0), port_of(bob, 50002, NOW)};
    struct ct_port *list = NULL;
    size_t count = 0;
    struct ct_why why = {""};
    uint8_t file[512];
    REQUIRE(ct_portfile_save(saved, 2, deployment, path, &why) == CT_OK);
    size_t len = read_file(file, sizeof(file) - 1);
    REQUIRE(len > 0 && len < sizeof(file) - 1);
    for (size_t cut = 0; cut <= len + 1; cut++) {
        file[len] = 0;
        REQUIRE(write_file(file, cut));
        ct_err err = ct_portfile_load(&list, &count, deployment, path, &why);
        CHECK_EQ(err, cut == len ? CT_OK : CT_ERR_FORMAT);
        if (err == CT_OK) {
            free(list);
        }
    }
    for (size_t i = 0; i < len; i++) {
        file[i] ^= 1u;
        REQUIRE(write_file(file, len));
        CHECK_EQ(ct_portfile_load(&list, &count, deployment, path, &why), CT_ERR_FORMAT);
        file[i] ^= 1u;
    }
    (void)unlink(path);
}

/* As a full disk does, a limit of the process cuts what is written in the middle. */
static void disk_that_fills_up_leaves_the_file_that_was_there(void)
{
    static struct ct_port many[64];
    const struct ct_port one[1] = {port_of(ann, 50001, 0)};
    struct ct_port *list = NULL;
    size_t count = 0;
    struct ct_why why = {""};
    struct rlimit before;
    for (uint16_t i = 0; i < 64; i++) {
        many[i] = port_of(bob, (uint16_t)(50002 + i), 0);
    }
    REQUIRE(ct_portfile_save(one, 1, deployment, path, &why) == CT_OK);
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const struct rlimit little = {.rlim_cur = 1000, .rlim_max = before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &little) == 0);
    CHECK(ct_portfile_save(many, 64, deployment, path, &why) != CT_OK);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK(strstr(why.text, "the file is as it was") != NULL);
    REQUIRE(ct_portfile_load(&list, &count, deployment, path, &why) == CT_OK);
    CHECK_EQ(count, 1);
    free(list);
    (void)unlink(path); /* and nothing is left beside it, or the folder could not be removed */
    CHECK(rmdir(folder) == 0 && mkdir(folder, 0700) == 0);
}

static void port_that_is_there_twice_is_taken_once(void)
{
    const struct ct_port twice[2] = {port_of(ann, 50001, 0), port_of(bob, 50001, 0)};
    struct ct_ports *ports = NULL;
    REQUIRE(ct_ports_new(&ports) == CT_OK);
    CHECK_EQ(ct_ports_take_over(ports, twice, 2, NOW), CT_ERR_FORMAT);
    CHECK_EQ(ct_ports_count(ports), 1);
    CHECK_EQ(had(ports, &is_ann, NOW), 50001);
    ct_ports_free(ports);
}

/* ---- the thread that writes ---- */

static _Atomic unsigned not_saved;
static _Atomic unsigned saved_again;

static void listen_to(enum ct_log_level level, const char *line, void *arg)
{
    (void)level;
    (void)arg;
    not_saved += strstr(line, "ports_not_saved") != NULL;
    saved_again += strstr(line, "ports_saved_again") != NULL;
}

static struct ct_portkeeper *keep(void)
{
    struct ct_portkeeper *keeper = NULL;
    struct ct_why why = {""};
    const struct ct_portkeeper_config config = {
        .deployment32 = deployment,
        .path = path,
        .log = {.sink = listen_to, .arg = NULL, .max = CT_LOG_INFO}};
    CHECK(ct_portkeeper_new(&keeper, &config, &why) == CT_OK);
    return keeper;
}

static void user_of(char user[CT_PASS_TEXT_LEN + 1], const uint8_t id16[16])
{
    struct ct_secret32 seed = {{0x51}};
    struct ct_ed25519 signer;
    struct ct_pass pass = {.key_id = 1, .expiry_s = 900, .scope = CT_PASS_SCOPE_ALLOCATE};
    uint8_t bytes[CT_PASS_LEN];
    memcpy(pass.id16, id16, 16);
    REQUIRE(ct_ed25519_from_seed(&signer, &seed) == CT_OK &&
            ct_pass_sign(bytes, &pass, &signer, 1) == CT_OK);
    ct_pass_username(user, bytes);
}

static bool await(_Atomic unsigned *count)
{
    uint64_t until = ct_mono_ms() + 20000;
    while (*count == 0 && ct_mono_ms() < until) {
        (void)usleep(10000);
    }
    return *count != 0;
}

static bool await_file(size_t len)
{
    uint8_t file[512];
    uint64_t until = ct_mono_ms() + 20000;
    while (read_file(file, sizeof(file)) != len && ct_mono_ms() < until) {
        (void)usleep(10000);
    }
    return read_file(file, sizeof(file)) == len;
}

enum { ONE_PORT = 8 + 32 + 4 + 42 + 32 };

static void change_is_on_disk_before_a_crash(void)
{
    char user[CT_PASS_TEXT_LEN + 1];
    struct ct_endpoint here = at(50001);
    struct ct_endpoint anywhere = at(0);
    struct ct_why why = {""};
    char left[80];
    user_of(user, ann);
    struct ct_portkeeper *keeper = keep();
    REQUIRE(ct_portkeeper_start(keeper, &why) == CT_OK);
    ct_portkeeper_stands(keeper, ann, &here);
    CHECK(await_file(ONE_PORT));
    (void)snprintf(left, sizeof(left), "%s.tmp-a1B2c3",
                   path); /* another one was killed as it wrote */
    FILE *f = fopen(left, "w");
    REQUIRE(f && fclose(f) == 0);
    struct ct_portkeeper *next = keep();
    CHECK(access(left, F_OK) != 0);
    CHECK_EQ(ct_portkeeper_had(next, user, &anywhere), 50001);
    CHECK_EQ(ct_portkeeper_had(next, "alice", &anywhere), 0);
    CHECK(ct_portkeeper_is_kept(next, "alice", &here) && !ct_portkeeper_is_kept(next, user, &here));
    ct_portkeeper_free(next);
    ct_portkeeper_ended(keeper, ann, &here, true);
    ct_portkeeper_stop(keeper); /* with what is left to write */
    next = keep();
    CHECK_EQ(ct_portkeeper_had(next, user, &anywhere), 0);
    ct_portkeeper_free(next);
    ct_portkeeper_free(keeper);
    (void)unlink(path);
}

static void disk_that_takes_nothing_is_told_once_and_tried_again(void)
{
    char away[80];
    struct ct_endpoint here = at(50001);
    struct ct_endpoint there = at(50002);
    struct ct_why why = {""};
    not_saved = saved_again = 0;
    struct ct_portkeeper *keeper = keep();
    (void)snprintf(away, sizeof(away), "%s-away", folder);
    REQUIRE(rename(folder, away) == 0 && ct_portkeeper_start(keeper, &why) == CT_OK);
    ct_portkeeper_stands(keeper, ann, &here);
    CHECK(await(&not_saved));
    ct_portkeeper_stands(keeper, bob, &there);
    REQUIRE(rename(away, folder) == 0);
    CHECK(await(&saved_again));
    CHECK(await_file(ONE_PORT + 42));
    CHECK_EQ(not_saved, 1);
    ct_portkeeper_stop(keeper);
    ct_portkeeper_free(keeper);
    (void)unlink(path);
}

struct guest {
    struct ct_portkeeper *keeper;
    uint8_t pass16[16];
    char user[CT_PASS_TEXT_LEN + 1];
};

static void *come_and_go(void *arg)
{
    const struct guest *g = arg;
    for (unsigned i = 0; i < 2000; i++) {
        struct ct_endpoint e = at((uint16_t)(50000 + i % 100));
        if (!ct_portkeeper_is_kept(g->keeper, g->user, &e)) {
            ct_portkeeper_stands(g->keeper, g->pass16, &e);
        }
        ct_portkeeper_ended(g->keeper, g->pass16, &e, i % 3 == 0);
        (void)ct_portkeeper_had(g->keeper, g->user, &e);
    }
    return NULL;
}

static void threads_ask_while_it_writes(void)
{
    struct ct_why why = {""};
    pthread_t threads[4];
    static struct guest guests[4];
    struct ct_portkeeper *keeper = keep();
    not_saved = 0;
    REQUIRE(ct_portkeeper_start(keeper, &why) == CT_OK);
    for (size_t i = 0; i < 4; i++) {
        guests[i].keeper = keeper;
        guests[i].pass16[0] = (uint8_t)(0x80 + i);
        user_of(guests[i].user, guests[i].pass16);
    }
    for (size_t i = 0; i < 4; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, come_and_go, &guests[i]) == 0);
    }
    for (size_t i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    ct_portkeeper_stop(keeper);
    struct ct_port *list = NULL;
    size_t count = 0;
    CHECK(ct_portfile_load(&list, &count, deployment, path, &why) == CT_OK); /* it is whole */
    CHECK(count <= 100 && not_saved == 0);
    free(list);
    ct_portkeeper_free(keeper);
    (void)unlink(path);
}

static const struct ct_test tests[] = {
    CT_TEST(pass_gets_its_port_again_after_a_crash),
    CT_TEST(renewal_has_the_ports_of_what_it_renews),
    CT_TEST(of_several_ports_the_oldest_that_stood_at_the_crash_comes_first),
    CT_TEST(port_is_kept_from_others_for_a_while_only),
    CT_TEST(port_is_forgotten_with_the_pass_and_when_given_back),
    CT_TEST(memory_is_bounded_and_forgets_who_left_first),
    CT_TEST(file_comes_back_as_it_was_and_of_no_other_deployment),
    CT_TEST(cut_or_changed_file_is_refused),
    CT_TEST(disk_that_fills_up_leaves_the_file_that_was_there),
    CT_TEST(port_that_is_there_twice_is_taken_once),
    CT_TEST(change_is_on_disk_before_a_crash),
    CT_TEST(disk_that_takes_nothing_is_told_once_and_tried_again),
    CT_TEST(threads_ask_while_it_writes),
};

int main(void)
{
    if (!mkdtemp(folder)) {
        return 1;
    }
    (void)snprintf(path, sizeof(path), "%s/ports", folder);
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    (void)rmdir(folder);
    return code;
}

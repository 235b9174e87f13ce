/* Answers that come to nobody: a device that asks again has what it asked for done once. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "chain/registry_client.h"
#include "ct_test.h"
#include "cutter.h"
#include "home.h"
#include "platform.h"
#include "scene.h"

static const char *server;
static bool on_redis;
static struct ct_bundle through; /* the bundle with the cutter's port in it */

static void platform_is_ready(void)
{
    REQUIRE(platform_start(server, on_redis));
    REQUIRE(platform_run());
    through = platform.bundle;
    const char *colon = strrchr(platform.bundle.wm_tls_url, ':');
    uint16_t port = cutter_start((uint16_t)(colon != NULL ? atoi(colon + 1) : 0));
    REQUIRE(port != 0);
    (void)snprintf(through.wm_tls_url, sizeof through.wm_tls_url, "https://127.0.0.1:%u",
                   (unsigned)port);
}

/* The device's account goes through the cutter, with its connection made before anything is lost.
 */
static bool go_through(struct device *d, struct ct_wm_memory memory, uint32_t timeout_ms)
{
    static struct ct_wm_answer answer;
    struct ct_why why = {{0}};
    const struct ct_wm_config config = {.bundle = &through,
                                        .keys = platform.keys,
                                        .key_count = 2,
                                        .purpose = CT_HS_ENROL_DEVICE,
                                        .identity = d->identity,
                                        .wallet = &d->wallet,
                                        .key = &d->key,
                                        .memory = memory,
                                        .timeout_ms = timeout_ms,
                                        .repeat_ms = 60000};
    device_close(d);
    bool good = ct_wm_open(&d->wm, &config, &why) == CT_OK &&
                ct_wm_request(d->wm, &answer, "GET", "/v1/me", NULL, &why) == CT_OK;
    if (!good) {
        printf("    %s: %s\n", d->identity, why.text);
    }
    return good;
}

static const char *said(const char *what, const char *identity, const char *then)
{
    static char text[160];
    (void)snprintf(text, sizeof text, "%s%s%s", what, identity, then);
    return text;
}

static void registration_whose_answer_was_lost_is_done_once(void)
{
    const struct ct_wm_memory none = {.load = NULL};
    struct device d;
    struct ct_wm_operation op, again;
    struct ct_device record;
    REQUIRE(platform.pid > 0 && device_new(&d, "lost-1") && go_through(&d, none, 0));
    uint64_t before = platform_sent_by(&platform.approver);
    unsigned lost = cutter_lost();
    cutter_pass_when(platform.log, said("kind=register_device subject=", "lost-1", " state=done"));
    cutter_set(CUTTER_CUTS);
    REQUIRE(device_ask_registration(&d, &op) == CT_OK);
    CHECK_EQ(cutter_lost(), lost + 1);
    CHECK_EQ(device_wait(&d, &op), CT_OK);
    REQUIRE(device_record(&d, &record) == CT_OK);
    CHECK_EQ(record.state, CT_RECORD_APPROVED);
    CHECK_EQ(platform_sent_by(&platform.approver), before + 1);
    /* with a key of its own the same question is another one, and refused */
    CHECK_EQ(device_try_registration(&d, &again), CT_ERR_AUTH);
    device_close(&d);
}

static void voucher_whose_answer_was_lost_is_paid_once(void)
{
    const struct ct_wm_memory none = {.load = NULL};
    struct device d;
    struct ct_wm_operation op;
    REQUIRE(platform.pid > 0 && device_new(&d, "lost-2") && go_through(&d, none, 0));
    uint64_t before = platform_sent_by(&platform.funder);
    cutter_pass_when(platform.log, said("kind=fund_device subject=", "lost-2", " state=done"));
    cutter_set(CUTTER_CUTS);
    REQUIRE(device_ask_payment(&d, &op) == CT_OK);
    /* the first answer: asked anew it would name no payment, since that was done meanwhile */
    REQUIRE(op.id[0] != '\0');
    CHECK_EQ(device_wait(&d, &op), CT_OK);
    CHECK_EQ(platform_sent_by(&platform.funder), before + 1);
    device_close(&d);
}

static void registration_that_timed_out_is_done_once(void)
{
    const struct ct_wm_memory none = {.load = NULL};
    struct device d;
    struct ct_wm_operation op;
    REQUIRE(platform.pid > 0 && device_new(&d, "lost-3") && go_through(&d, none, 5000));
    uint64_t before = platform_sent_by(&platform.approver);
    unsigned lost = cutter_lost();
    cutter_set(CUTTER_SWALLOWS);
    REQUIRE(device_ask_registration(&d, &op) == CT_OK);
    CHECK_EQ(cutter_lost(), lost + 1);
    CHECK_EQ(device_wait(&d, &op), CT_OK);
    CHECK_EQ(platform_sent_by(&platform.approver), before + 1);
    device_close(&d);
}

struct asking {
    struct device *device;
    struct ct_wm_operation op;
    ct_err err;
};

static void *ask(void *arg)
{
    struct asking *a = arg;
    a->err = device_ask_registration(a->device, &a->op);
    return NULL;
}

/* Killed once it has answered, and back a moment later. */
static void server_that_was_killed_with_its_answer_is_asked_again(void)
{
    const struct ct_wm_memory none = {.load = NULL};
    struct device d;
    struct asking asking = {.device = &d};
    pthread_t thread;
    REQUIRE(platform.pid > 0 && device_new(&d, "lost-4") && go_through(&d, none, 0));
    uint64_t before = platform_sent_by(&platform.approver);
    cutter_set(CUTTER_SWALLOWS);
    REQUIRE(pthread_create(&thread, NULL, ask, &asking) == 0);
    CHECK(scene_await(platform.log, "id=lost-4 method=POST path=/v1/devices status=202"));
    CHECK_EQ(platform_end(SIGKILL), 1000 + SIGKILL);
    CHECK(platform_run());
    (void)pthread_join(thread, NULL);
    REQUIRE(asking.err == CT_OK);
    CHECK_EQ(device_wait(&d, &asking.op), CT_OK);
    CHECK_EQ(platform_sent_by(&platform.approver), before + 1);
    device_close(&d);
}

static bool make_home(struct ct_home *home)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/home", platform.folder);
    return ct_home_init(home, path, NULL) == CT_OK && ct_home_make(home, NULL) == CT_OK;
}

/* In a process of its own, which hears no answer; it waits for the gate before it asks. */
static pid_t ask_and_hang(struct device *d, struct ct_home *home, const int ready[2],
                          const int gate[2])
{
    struct ct_wm_operation op;
    char byte = 0;
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        bool good = go_through(d, ct_home_memory(home), 60000) && write(ready[1], &byte, 1) == 1 &&
                    read(gate[0], &byte, 1) == 1;
        _exit(good && device_try_registration(d, &op) == CT_OK ? 0 : 1);
    }
    return pid;
}

static void device_that_was_killed_asks_for_the_same_thing_when_it_is_back(void)
{
    struct device d;
    struct ct_home home;
    struct ct_wm_asked asked;
    struct ct_wm_operation op;
    char first[200];
    char byte = 0;
    int ready[2], gate[2];
    REQUIRE(platform.pid > 0 && make_home(&home) && device_new(&d, "lost-5"));
    REQUIRE(pipe(ready) == 0 && pipe(gate) == 0);
    uint64_t before = platform_sent_by(&platform.approver);
    pid_t pid = ask_and_hang(&d, &home, ready, gate);
    REQUIRE(pid > 0);
    (void)close(ready[1]);
    REQUIRE(read(ready[0], &byte, 1) == 1);
    cutter_set(CUTTER_SWALLOWS);
    REQUIRE(write(gate[1], &byte, 1) == 1);
    CHECK(scene_await(platform.log, "kind=register_device subject=lost-5 state=done"));
    CHECK_EQ(scene_end(pid, SIGKILL), 1000 + SIGKILL);
    REQUIRE(ct_home_load_asked(&home, &asked));
    REQUIRE(go_through(&d, ct_home_memory(&home), 0));
    REQUIRE(device_ask_registration(&d, &op) == CT_OK); /* signed anew, and yet the first one */
    (void)snprintf(first, sizeof first,
                   "operation id=%s kind=register_device subject=lost-5 "
                   "state=queued",
                   op.id);
    CHECK(scene_await(platform.log, first));
    CHECK_EQ(device_wait(&d, &op), CT_OK);
    CHECK_EQ(platform_sent_by(&platform.approver), before + 1);
    CHECK(!ct_home_load_asked(&home, &asked)); /* its outcome is known */
    device_close(&d);
}

static const struct ct_test tests[] = {
    CT_TEST(platform_is_ready),
    CT_TEST(registration_whose_answer_was_lost_is_done_once),
    CT_TEST(voucher_whose_answer_was_lost_is_paid_once),
    CT_TEST(registration_that_timed_out_is_done_once),
    CT_TEST(server_that_was_killed_with_its_answer_is_asked_again),
    CT_TEST(device_that_was_killed_asks_for_the_same_thing_when_it_is_back),
};

int main(int argc, char **argv)
{
    on_redis = argc == 3 && strcmp(argv[2], "--redis") == 0;
    if (argc != 2 && !on_redis) {
        (void)fprintf(stderr, "usage: lost_test WM-SERVER [--redis]\n");
        return 2;
    }
    server = argv[1];
    (void)signal(SIGPIPE, SIG_IGN);
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    cutter_stop();
    platform_stop();
    return code;
}

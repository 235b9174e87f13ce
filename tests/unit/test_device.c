/* Claims about HOME's lock: whoever still works for a home holds it, however the client ends. */
/* links: ct_client_inside chainturn ct_kex ct_turn ct_chain ct_base */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "conns.h"
#include "device.h"

#include "ct_test.h"
#include "temp_dir.h"

#define DEADLINE_MS 60000u

/* Endpoints that refuse at once. */
static const char bundle_text[] =
    "{\"chainturn\":1,\"chain_id\":\"31337\","
    "\"contract\":\"0x00000000000000000000000000000000000c0de0\","
    "\"code_hash\":\"0x1111111111111111111111111111111111111111111111111111111111111111\","
    "\"rpc\":[\"http://127.0.0.1:9\",\"http://127.0.0.1:9/b\",\"http://127.0.0.1:9/c\"],"
    "\"quorum\":2,\"checkpoint\":{\"number\":\"0x0\",\"hash\":"
    "\"0x2222222222222222222222222222222222222222222222222222222222222222\"},\"max_head_age_s\":"
    "120,\"safety_depth\":0,"
    "\"wm\":{\"handshake\":\"http://127.0.0.1:9\",\"tls\":\"https://127.0.0.1:9\"}}";

static struct temp_dir dir;
static struct ct_home other; /* the same home, to another process */
static struct ct_client *client;
static struct {
    unsigned closed;
    ct_err err;
    char text[400];
} heard;

static void on_event(void *arg, const struct ct_client_event *event)
{
    (void)arg;
    if (event->kind == CT_CLIENT_CLOSED) {
        heard.closed++;
        heard.err = event->err;
        (void)snprintf(heard.text, sizeof heard.text, "%s", event->text);
    }
}

static void set_up(void)
{
    char path[100];
    struct ct_client_why why = {.text = ""};
    struct ct_client_config config = {.home = dir.path, .bundle = path, .event = on_event};
    memset(&heard, 0, sizeof heard);
    REQUIRE(temp_dir_make(&dir));
    (void)snprintf(path, sizeof path, "%s/given.json", dir.path);
    REQUIRE(ct_file_write(path, bundle_text, strlen(bundle_text), 0644, NULL) == CT_OK);
    REQUIRE(ct_home_init(&other, dir.path, NULL) == CT_OK);
    REQUIRE(ct_client_open(&client, &config, &why) == CT_OK);
    CHECK_STR(why.text, "");
}

static bool is_free(void)
{
    int lock = -1;
    bool is = ct_home_lock(&other, &lock, NULL) == CT_OK;
    if (is) {
        (void)close(lock);
    }
    return is;
}

/* A record is being written, as it is once there is an allocation. */
static void start_writing(void)
{
    REQUIRE(ct_home_lock(&client->home, &client->device.lock, NULL) == CT_OK);
    client->device.state = CT_DEVICE_REGISTERING;
    ct_device_register(client);
    REQUIRE(client->device.is_checking);
}

static void wait_over(void)
{
    uint64_t end_ms = ct_mono_ms() + DEADLINE_MS;
    while ((client->device.is_checking || client->device.state != CT_DEVICE_OFF) &&
           ct_mono_ms() < end_ms) {
        ct_client_wait(client, 1000);
    }
    CHECK(!client->device.is_checking);
    CHECK_EQ(client->device.state, CT_DEVICE_OFF);
}

static void a_device_that_failed_holds_its_home_until_its_record_is_written(void)
{
    set_up();
    start_writing();
    ct_device_failed(client, CT_ERR_TIMEOUT, "the relay is gone");
    CHECK_EQ(client->device.state, CT_DEVICE_OFF);
    CHECK(!is_free());
    wait_over();
    CHECK(is_free());
    CHECK(ct_client_close(client));
    temp_dir_remove(&dir);
}

static void a_start_that_comes_before_that_goes_on_with_the_same_lock(void)
{
    set_up();
    start_writing();
    ct_device_failed(client, CT_ERR_TIMEOUT, "the relay is gone");
    CHECK_EQ(ct_client_listen(client, NULL), CT_OK);
    CHECK(client->device.is_checking);
    CHECK(!is_free());
    wait_over(); /* no chain: this one fails, too */
    CHECK(is_free());
    CHECK(ct_client_close(client));
    temp_dir_remove(&dir);
}

static void a_device_that_failed_before_it_wrote_lets_go_at_once(void)
{
    set_up();
    REQUIRE(ct_home_lock(&client->home, &client->device.lock, NULL) == CT_OK);
    client->device.state = CT_DEVICE_ALLOCATING;
    CHECK(!is_free());
    ct_device_failed(client, CT_ERR_TIMEOUT, "the relay is gone");
    CHECK(is_free());
    CHECK(ct_client_close(client));
    temp_dir_remove(&dir);
}

struct stuck {
    struct ct_job job;
    int end, began;
};

static void run_stuck(struct ct_job *job, struct ct_worker_env *env)
{
    const struct stuck *stuck = (const struct stuck *)job;
    char byte = 0;
    (void)env;
    (void)!write(stuck->began, "", 1);
    (void)!read(stuck->end, &byte, 1);
    (void)close(stuck->began);
    (void)close(stuck->end);
}

static void never_done(struct ct_job *job, void *owner)
{
    (void)owner;
    free(job);
    CHECK(false);
}

static void a_closed_client_holds_its_home_until_its_thread_has_ended(void)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    int end[2];
    int begun[2];
    char byte;
    set_up();
    REQUIRE(pipe(end) == 0 && pipe(begun) == 0);
    REQUIRE(ct_home_lock(&client->home, &client->device.lock, NULL) == CT_OK);
    struct stuck *stuck = calloc(1, sizeof *stuck);
    REQUIRE(stuck != NULL);
    *stuck = (struct stuck){
        .job = {.run = run_stuck, .done = never_done}, .end = end[0], .began = begun[1]};
    REQUIRE(ct_worker_submit(client->worker, &stuck->job) == CT_OK);
    REQUIRE(read(begun[0], &byte, 1) == 1);
    CHECK(!ct_client_close(client)); /* it waits for two seconds, not for ever */
    CHECK(!is_free());
    (void)close(end[1]);
    uint64_t end_ms = ct_mono_ms() + DEADLINE_MS;
    while (!is_free() && ct_mono_ms() < end_ms) {
        (void)nanosleep(&pause, NULL);
    }
    CHECK(is_free());
    (void)close(begun[0]);
    temp_dir_remove(&dir);
}

static void a_closed_client_lets_go_of_its_home(void)
{
    set_up();
    CHECK_EQ(ct_client_listen(client, NULL), CT_OK);
    CHECK(!is_free());
    if (ct_client_close(client)) { /* a machine that is slow may need its two seconds */
        CHECK(is_free());
    }
    temp_dir_remove(&dir);
}

/* Two that want to move, of which the first has failed and let go of the lock. */
static void second_move(struct ct_conn **out)
{
    const struct ct_client_dial_options move = {.move = true};
    unsigned first = 0;
    unsigned second = 0;
    REQUIRE(ct_client_dial_with(client, "door-7", &move, &first) == CT_OK);
    REQUIRE(ct_client_dial_with(client, "door-8", &move, &second) == CT_OK);
    CHECK(!is_free());
    ct_move_start(client, ct_conns_find(client, first));
    ct_device_failed(client, CT_ERR_TIMEOUT, "the relay is gone");
    CHECK(ct_conns_find(client, first) == NULL);
    CHECK_EQ(heard.closed, 1);
    CHECK_EQ(heard.err, CT_ERR_TIMEOUT);
    *out = ct_conns_find(client, second);
}

static void a_second_move_takes_the_lock_again(void)
{
    set_up();
    struct ct_conn *conn = NULL;
    second_move(&conn);
    REQUIRE(conn != NULL);
    CHECK(is_free());
    ct_move_start(client, conn);
    CHECK_EQ(conn->state, CT_CONN_MOVING);
    CHECK_EQ(client->device.state, CT_DEVICE_PREPARING);
    CHECK(client->device.is_once);
    CHECK(!is_free());
    (void)ct_client_close(client);
    temp_dir_remove(&dir);
}

static void a_second_move_ends_when_another_has_taken_the_home(void)
{
    int lock = -1;
    set_up();
    struct ct_conn *conn = NULL;
    second_move(&conn);
    REQUIRE(conn != NULL);
    REQUIRE(ct_home_lock(&other, &lock, NULL) == CT_OK);
    ct_move_start(client, conn);
    CHECK_EQ(conn->state, CT_CONN_FREE);
    CHECK_EQ(client->device.state, CT_DEVICE_OFF);
    CHECK_EQ(heard.closed, 2);
    CHECK_EQ(heard.err, CT_ERR_STATE);
    CHECK(strstr(heard.text, "works for the device in") != NULL);
    CHECK(strstr(heard.text, "without --move") != NULL);
    (void)close(lock);
    (void)ct_client_close(client);
    temp_dir_remove(&dir);
}

static const struct ct_test tests[] = {
    CT_TEST(a_device_that_failed_holds_its_home_until_its_record_is_written),
    CT_TEST(a_start_that_comes_before_that_goes_on_with_the_same_lock),
    CT_TEST(a_device_that_failed_before_it_wrote_lets_go_at_once),
    CT_TEST(a_closed_client_holds_its_home_until_its_thread_has_ended),
    CT_TEST(a_closed_client_lets_go_of_its_home),
    CT_TEST(a_second_move_takes_the_lock_again),
    CT_TEST(a_second_move_ends_when_another_has_taken_the_home),
};
CT_TEST_MAIN(tests)

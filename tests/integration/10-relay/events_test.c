/* Claims about what the contract tells of devices, and about endpoints that tell something else. */
#include "chain/registry_devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ct_test.h"
#include "follow/logfollow.h"
#include "platform.h"

static struct platform platform;
static uint16_t relay_index;

/* ---- endpoints that lie: the answers of some are changed on their way ---- */

enum lie { HONEST, HIDES, INVENTS, ADMITS_NOTHING, REPEATS };
static enum lie lies[3]; /* of the three names that anvil has */
static struct ct_http *http;

static size_t which(const char *url)
{
    static const char *names[3];
    for (size_t i = 0; i < 3; i++) {
        if (names[i] == NULL) {
            names[i] = strdup(url);
        }
        if (strcmp(names[i], url) == 0) {
            return i;
        }
    }
    return 0;
}

/* The list of the batch's first answer: "result":[..] */
static void tell_lie(struct ct_http_request *r, enum lie lie)
{
    char *list = r->response != NULL ? strstr(r->response, "\"result\":[{") : NULL;
    if (lie == HONEST || r->err != CT_OK || strstr(r->body, "eth_getLogs") == NULL ||
        list == NULL) {
        return;
    }
    list += strlen("\"result\":[");
    char *end = strstr(list, "}]");
    char *second = strstr(list, "},{");
    size_t room = 2 * r->response_len + 16;
    char *changed = calloc(1, room);
    if (changed == NULL || end == NULL) {
        free(changed);
        return;
    }
    int head = (int)(list - r->response);
    if (lie == ADMITS_NOTHING) {
        (void)snprintf(changed, room, "%.*s%s", head, r->response, end + 1);
    } else if (lie == HIDES && second != NULL) {
        (void)snprintf(changed, room, "%.*s%s", head, r->response, second + 2);
    } else if (lie == REPEATS) {
        (void)snprintf(changed, room, "%.*s%.*s,%s", head, r->response, (int)(end + 1 - list), list,
                       list);
    } else if (lie == INVENTS) {
        (void)snprintf(changed, room, "%s", r->response);
        char *data = strstr(changed + head, "\"data\":\"0x");
        if (data != NULL) {
            data[strlen("\"data\":\"0x") + 63] ^= 1; /* another port */
        }
    }
    if (changed[0] == '\0') {
        (void)snprintf(changed, room, "%s", r->response);
    }
    free(r->response);
    r->response = changed;
    r->response_len = strlen(changed);
}

static ct_err lying_http(void *arg, struct ct_http_request *requests, size_t count,
                         uint32_t timeout_ms, ct_http_enough *enough, void *enough_arg)
{
    ct_err err = ct_http_post(arg, requests, count, timeout_ms, NULL, NULL);
    for (size_t i = 0; err == CT_OK && i < count; i++) {
        tell_lie(&requests[i], lies[which(requests[i].url)]);
    }
    if (err == CT_OK && enough != NULL) {
        (void)enough(enough_arg, requests, count);
    }
    return err;
}

/* ---- the claims ---- */

static void id_of(uint8_t id32[32], const char *name)
{
    REQUIRE(ct_identity_hash(id32, name) == CT_OK);
}

static ct_err read_all(struct ct_device_events *out, struct ct_why *why)
{
    struct ct_view view;
    return platform_view(&platform, &view)
               ? ct_registry_device_events(platform.chain, platform.deployed_at, view.number, out,
                                           why)
               : CT_ERR_STATE;
}

static const struct {
    const char *name;
    enum ct_device_turn turn;
    uint16_t port;
} story[] = {
    {"door", CT_DEVICE_WRITTEN, 50000}, {"door", CT_DEVICE_WRITTEN, 50001},
    {"lamp", CT_DEVICE_GONE, 0},        {"lamp", CT_DEVICE_APPROVED, 0},
    {"door", CT_DEVICE_GONE, 0},
};
enum { STORY = sizeof(story) / sizeof(story[0]) };

static void both_roads_moves_and_revocations_are_told_in_order(void)
{
    struct ct_why why = {""};
    struct ct_device_events events = {.list = NULL};
    struct ct_view view;
    REQUIRE(platform_list(&platform, 2, 50000, 50100, &relay_index) == CT_OK);
    REQUIRE(platform_register(&platform, "door", relay_index, 50000, 0) == CT_OK);
    REQUIRE(platform_move(&platform, "door", relay_index, 50001, 1) == CT_OK);
    REQUIRE(platform_add(&platform, "lamp", relay_index, 50002, 0) == CT_OK);
    REQUIRE(platform_approve_client(&platform, "lamp") == CT_OK);
    REQUIRE(platform_revoke(&platform, "door") == CT_OK);
    REQUIRE(read_all(&events, &why) == CT_OK);
    REQUIRE(events.count == STORY);
    for (size_t i = 0; i < STORY; i++) {
        uint8_t id[32];
        id_of(id, story[i].name);
        CHECK_EQ(events.list[i].turn, story[i].turn);
        CHECK_MEM(events.list[i].id_hash32, id, 32);
        CHECK(i == 0 || events.list[i].block > events.list[i - 1].block);
        CHECK(story[i].turn != CT_DEVICE_WRITTEN ||
              (events.list[i].device.port == story[i].port &&
               events.list[i].device.relay == relay_index &&
               events.list[i].device.state == CT_RECORD_APPROVED));
    }
    REQUIRE(platform_view(&platform, &view));
    CHECK_MEM(events.last32, view.hash32, 32);
    ct_device_events_free(&events);
}

static void hash_before_a_range_is_the_last_of_the_one_before(void)
{
    struct ct_why why = {""};
    struct ct_device_events first = {.list = NULL};
    struct ct_device_events second = {.list = NULL};
    struct ct_view view;
    REQUIRE(platform_view(&platform, &view));
    uint64_t middle = view.number - 2;
    REQUIRE(ct_registry_device_events(platform.chain, platform.deployed_at, middle, &first, &why) ==
            CT_OK);
    REQUIRE(ct_registry_device_events(platform.chain, middle + 1, view.number, &second, &why) ==
            CT_OK);
    CHECK_MEM(first.last32, second.before32, 32);
    CHECK_EQ(first.count + second.count, STORY);
    CHECK(second.count > 0 && second.list[0].block > middle);
    ct_device_events_free(&first);
    ct_device_events_free(&second);
    CHECK_EQ(ct_registry_device_events(platform.chain, middle, view.number + 1, &first, &why),
             CT_ERR_CHAIN); /* a block that is not there */
}

static void records_are_proven_many_at_once(void)
{
    struct ct_why why = {""};
    struct ct_view view;
    uint8_t ids[3][32];
    struct ct_device devices[3];
    id_of(ids[0], "lamp");
    id_of(ids[1], "nobody");
    id_of(ids[2], "door");
    REQUIRE(platform_view(&platform, &view));
    REQUIRE(ct_registry_devices(platform.chain, &view, (const uint8_t(*)[32])ids, 3, devices,
                                &why) == CT_OK);
    CHECK_EQ(devices[0].state, CT_RECORD_APPROVED);
    CHECK_EQ(devices[0].port, 50002);
    CHECK_EQ(devices[1].state, CT_RECORD_NONE);
    CHECK_EQ(devices[2].state, CT_RECORD_REVOKED);
}

static void one_endpoint_can_neither_hide_nor_invent_an_event(void)
{
    static const enum lie kinds[] = {HIDES, INVENTS, ADMITS_NOTHING, REPEATS};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        for (size_t liar = 0; liar < 3; liar++) {
            struct ct_why why = {""};
            struct ct_device_events events = {.list = NULL};
            lies[liar] = kinds[i];
            CHECK_EQ(read_all(&events, &why), CT_OK);
            CHECK_EQ(events.count, STORY);
            CHECK(events.count < 1 || events.list[0].device.port == 50000);
            ct_device_events_free(&events);
            lies[liar] = HONEST;
        }
    }
}

static void endpoints_that_disagree_tell_nothing(void)
{
    struct ct_why why = {""};
    struct ct_device_events events = {.list = NULL};
    lies[0] = HIDES;
    lies[1] = INVENTS;
    CHECK_EQ(read_all(&events, &why), CT_ERR_QUORUM);
    CHECK(strstr(why.text, "fewer than 2 RPC endpoints tell the same events") != NULL);
    CHECK(events.list == NULL);
    lies[0] = lies[1] = HONEST;
}

/* ---- the log, to the head that is proven ---- */

static struct ct_bundle bundle;
static struct ct_x25519 relay_key;
static char dir[] = "/tmp/ct-events-XXXXXX";
static char log_path[64];
static unsigned passes_revoked;

static void pass_revoked(void *arg, const uint8_t id16[16])
{
    (void)arg;
    (void)id16;
    passes_revoked++;
}

static struct ct_registrar_config config = {
    .bundle = &bundle, .log_path = log_path, .pass_revoked = pass_revoked};

static bool follow_anew(struct ct_logfollow *f)
{
    memset(f, 0, sizeof(*f));
    bundle = *ct_chain_bundle(platform.chain);
    bundle.checkpoint_number = platform.deployed_at;
    ct_deployment(bundle.deployment32, bundle.chain_id, bundle.contract20);
    ct_passes_free(config.passes);
    config.passes = NULL;
    f->config = &config;
    f->chain = platform.chain;
    return ct_passes_new(&config.passes, bundle.deployment32, &relay_key) == CT_OK;
}

static ct_err follow(struct ct_logfollow *f, struct ct_lognews *news, struct ct_why *why)
{
    struct ct_view view;
    struct ct_log_head head;
    memset(news, 0, sizeof(*news));
    ct_err err = platform_view(&platform, &view)
                     ? ct_registry_log_head(platform.chain, &view, &head, why)
                     : CT_ERR_STATE;
    return err == CT_OK ? ct_logfollow_refresh(f, &view, &head, news, why) : err;
}

static void log_leads_to_the_proven_head_and_names_what_changed(void)
{
    struct ct_logfollow f;
    struct ct_lognews news;
    struct ct_why why = {""};
    const uint8_t pass[16] = {0xaa, 0xbb};
    uint16_t other = 0;
    REQUIRE(follow_anew(&f));
    REQUIRE(follow(&f, &news, &why) == CT_OK);
    CHECK(f.is_proven && news.keys && !news.relays_all);
    CHECK(ct_lognews_has(&news, relay_index) && !ct_lognews_has(&news, relay_index + 1));
    REQUIRE(follow(&f, &news, &why) == CT_OK);
    CHECK(!news.keys && !ct_lognews_has(&news, relay_index));
    REQUIRE(platform_list(&platform, 9, 40000, 40100, &other) == CT_OK);
    REQUIRE(platform_revoke_pass(&platform, pass) == CT_OK);
    REQUIRE(follow(&f, &news, &why) == CT_OK);
    CHECK(f.is_proven && ct_lognews_has(&news, other) && !ct_lognews_has(&news, relay_index));
    CHECK_EQ(passes_revoked, 1);
}

static void hidden_revocation_is_noticed_by_the_head(void)
{
    struct ct_logfollow f;
    struct ct_lognews news;
    struct ct_why why = {""};
    REQUIRE(follow_anew(&f));
    lies[2] = HIDES; /* one alone changes nothing */
    CHECK_EQ(follow(&f, &news, &why), CT_OK);
    CHECK(f.is_proven && !news.relays_all);
    REQUIRE(follow_anew(&f));
    lies[1] = HIDES; /* k together: their proofs still tell the truth */
    CHECK_EQ(follow(&f, &news, &why), CT_ERR_QUORUM);
    CHECK(strstr(why.text, "do not lead to the log's head") != NULL);
    CHECK(!f.is_proven && news.relays_all);
    lies[1] = lies[2] = INVENTS;
    REQUIRE(follow_anew(&f));
    CHECK_EQ(follow(&f, &news, &why), CT_ERR_QUORUM);
    lies[1] = lies[2] = HONEST;
    CHECK_EQ(follow(&f, &news, &why), CT_OK); /* and they are believed again */
    CHECK(f.is_proven);
}

static void where_the_log_stands_outlives_a_restart(void)
{
    struct ct_logfollow f;
    struct ct_logfollow again;
    struct ct_lognews news;
    struct ct_why why = {""};
    REQUIRE(follow_anew(&f) && follow(&f, &news, &why) == CT_OK);
    struct ct_logmark stood = f.marks[f.mark_count - 1];
    REQUIRE(follow_anew(&again));
    ct_logfollow_load(&again);
    REQUIRE(again.mark_count == 1);
    CHECK_EQ(again.marks[0].block, stood.block);
    CHECK_EQ(again.marks[0].head.count, stood.head.count);
    passes_revoked = 0;
    CHECK_EQ(follow(&again, &news, &why), CT_OK);
    CHECK(again.is_proven && !news.keys);
    CHECK_EQ(passes_revoked, 0); /* it is revoked since the last time, and no news */
    struct ct_revoked_pass *list = NULL;
    size_t count = 0;
    CHECK(ct_passes_revoked(config.passes, &list, &count) == CT_OK);
    CHECK_EQ(count, 1);
    free(list);
    CHECK(truncate(log_path, 60) == 0);
    REQUIRE(follow_anew(&again));
    ct_logfollow_load(&again);
    CHECK_EQ(again.mark_count, 0);
    CHECK_EQ(follow(&again, &news, &why), CT_OK);
    CHECK(again.is_proven && news.keys);
}

static const struct ct_test tests[] = {
    CT_TEST(both_roads_moves_and_revocations_are_told_in_order),
    CT_TEST(hash_before_a_range_is_the_last_of_the_one_before),
    CT_TEST(records_are_proven_many_at_once),
    CT_TEST(one_endpoint_can_neither_hide_nor_invent_an_event),
    CT_TEST(endpoints_that_disagree_tell_nothing),
    CT_TEST(log_leads_to_the_proven_head_and_names_what_changed),
    CT_TEST(hidden_revocation_is_noticed_by_the_head),
    CT_TEST(where_the_log_stands_outlives_a_restart),
};

int main(void)
{
    struct ct_wm_key key = {.ed25519 = {7}, .x25519 = {9}, .not_after_s = UINT32_MAX};
    (void)alarm(580); /* nothing here may hang */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (ct_http_new(&http) != CT_OK || !mkdtemp(dir)) {
        return 1;
    }
    (void)snprintf(log_path, sizeof(log_path), "%s/log", dir);
    const struct ct_chain_env env = {.http = lying_http, .http_arg = http};
    if (!platform_open(&platform, &key, &env)) {
        (void)fprintf(stderr, "no chain to test with\n");
        return 1;
    }
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    platform_close(&platform);
    ct_http_free(http);
    ct_passes_free(config.passes);
    (void)unlink(log_path);
    (void)rmdir(dir);
    return code;
}

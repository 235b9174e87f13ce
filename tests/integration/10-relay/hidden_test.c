/* Claims about devices whose revocation the endpoints hide, k of them together, and about those
 * that hide nothing but are behind. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "chain/keccak.h"
#include "ct_test.h"
#include "follow/follow.h"
#include "platform.h"

/* ---- two of the three endpoints lie, to who asks for devices or for the log ---- */

static struct platform platform;
static struct ct_http *http;
static enum { HONEST, WITHOUT_REVOKED, WITHOUT_LOGGED, WITHOUT_LOG } lie;
static unsigned lies_told;

/* "0x" and the first topic of an event, as it stands in questions and answers. */
static void topic_text(char out[67], const char *signature)
{
    uint8_t hash[32];
    ct_keccak256(hash, signature, strlen(signature));
    (void)snprintf(out, 67, "0x");
    for (size_t i = 0; i < 32; i++) {
        (void)snprintf(out + 2 + 2 * i, 3, "%02x", hash[i]);
    }
}

/* ---- all of them are behind ---- */

static uint64_t behind_at; /* the block that they call the latest; 0: it is */

/* The question for the latest block as one for behind_at, allocated; NULL: it asks something else.
 */
static char *ask_behind(const char *body)
{
    static const char latest[] = "\"latest\"";
    const char *at = behind_at > 0 ? strstr(body, latest) : NULL;
    char *out = at ? malloc(strlen(body) + 20) : NULL;
    if (out) {
        (void)sprintf(out, "%.*s\"0x%" PRIx64 "\"%s", (int)(at - body), body, behind_at,
                      at + strlen(latest));
    }
    return out;
}

static ct_err post(struct ct_http_request *requests, size_t count, uint32_t timeout_ms)
{
    struct ct_http_request asked[8];
    char *questions[8] = {NULL};
    CHECK(count <= 8);
    count = count <= 8 ? count : 8;
    for (size_t i = 0; i < count; i++) {
        asked[i] = requests[i];
        questions[i] = ask_behind(requests[i].body);
        if (questions[i]) {
            requests[i].body = questions[i];
            requests[i].body_len = strlen(questions[i]);
        }
    }
    ct_err err = ct_http_post(http, requests, count, timeout_ms, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        requests[i].body = asked[i].body;
        requests[i].body_len = asked[i].body_len;
        free(questions[i]);
    }
    return err;
}

static void hide(struct ct_http_request *r, const char *signature)
{
    char topic[67];
    char *found = NULL;
    topic_text(topic, signature);
    while (r->err == CT_OK && (found = strstr(r->response, topic)) != NULL) {
        char *start = found;
        while (start > r->response && *start != '{') { /* an event holds no object */
            start--;
        }
        char *end = strchr(found, '}');
        if (!end) {
            return;
        }
        end++;
        end += *end == ',';
        start -= end[0] == ']' && start[-1] == ',';
        memmove(start, end, strlen(end) + 1);
        r->response_len = strlen(r->response);
        lies_told++;
    }
}

static ct_err two_lie(void *unused, struct ct_http_request *requests, size_t count,
                      uint32_t timeout_ms, ct_http_enough *enough, void *enough_arg)
{
    char pending[67];
    (void)unused;
    topic_text(pending, "ClientPending(bytes32)");
    ct_err err = post(requests, count, timeout_ms);
    for (size_t i = 0; err == CT_OK && i < count; i++) {
        bool is_of_devices = strstr(requests[i].body, pending) != NULL;
        if (lie == WITHOUT_LOG && !is_of_devices && !strstr(requests[i].url, "?2")) {
            hide(&requests[i], "Logged(uint64,uint8,bytes32,bytes32)");
        } else if (lie != HONEST && is_of_devices && !strstr(requests[i].url, "?2")) {
            hide(&requests[i], "ClientRevoked(bytes32)");
            if (lie == WITHOUT_LOGGED) {
                hide(&requests[i], "Logged(uint64,uint8,bytes32,bytes32)");
            }
        }
    }
    if (err == CT_OK && enough != NULL) {
        (void)enough(enough_arg, requests, count);
    }
    return err;
}

/* ---- the relay's memory ---- */

static char dir[] = "/tmp/ct-hidden-XXXXXX";
static char paths[4][48];
static struct ct_bundle bundle;
static struct ct_x25519 key;
static struct ct_relay record;
static struct ct_sets sets;
static const struct ct_policy policy = {
    .mode = CT_MODE_DEVICES, .allow_private = true, .allow_loopback = true, .max_age_s = 3600};
static struct ct_registrar_config config = {
    .bundle = &bundle, .record = &record, .policy = &policy, .sets = &sets};
static struct ct_follow follow = {.config = &config};
static uint16_t neighbour;

static bool remember(void)
{
    static const char *const names[4] = {"relays", "keys", "log", "devices"};
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/%s", dir, names[i]);
    }
    config.relays_path = paths[0];
    config.keys_path = paths[1];
    config.log_path = paths[2];
    config.devices_path = paths[3];
    bundle = *ct_chain_bundle(platform.chain);
    bundle.checkpoint_number = platform.deployed_at;
    ct_deployment(bundle.deployment32, bundle.chain_id, bundle.contract20);
    ct_sets_init(&sets, NULL, 0);
    follow.chain = platform.chain;
    if (ct_passes_new(&config.passes, bundle.deployment32, &key) != CT_OK) {
        return false;
    }
    ct_follow_load(&follow);
    return true;
}

static void forget(void)
{
    ct_passes_free(config.passes);
    ct_devbook_free(follow.devices.book);
    free(follow.relays.list);
    ct_snapshot_clear(&sets.relays);
    ct_snapshot_clear(&sets.devices);
    for (size_t i = 0; i < 4; i++) {
        (void)unlink(paths[i]);
    }
    (void)rmdir(dir);
}

static bool look(void)
{
    struct ct_why why = {""};
    for (unsigned i = 0; i < 20; i++) {
        if (ct_follow_refresh(&follow, &why) != CT_OK) {
            (void)fprintf(stderr, "%s\n", why.text);
            return false;
        }
        if (!follow.is_behind) {
            return true;
        }
    }
    return false;
}

static bool is_admitted(uint16_t port)
{
    struct ct_endpoint peer = {.addr16 = {[10] = 0xff, 0xff, 127, 0, 0, 2}, .port = port};
    return ct_sets_gate(&sets, &policy, &peer, false, ct_wall_s()) == CT_VERDICT_ADMIT;
}

static uint64_t devices_confirmed_s(void)
{
    return atomic_load(&sets.devices.confirmed_s);
}

/* ---- the claims ---- */

static void devices_of_the_chain_are_admitted(void)
{
    REQUIRE(platform_list(&platform, 2, 50000, 50100, &neighbour) == CT_OK);
    REQUIRE(platform_register(&platform, "door", neighbour, 50000, 0) == CT_OK);
    REQUIRE(platform_register(&platform, "gate", neighbour, 50001, 0) == CT_OK);
    REQUIRE(look());
    CHECK(is_admitted(50000) && is_admitted(50001) && !is_admitted(50002));
}

static void k_endpoints_that_hide_the_event_of_a_revocation_do_not_hide_it(void)
{
    lie = WITHOUT_REVOKED;
    REQUIRE(neighbour != 0 && platform_revoke(&platform, "door") == CT_OK);
    REQUIRE(look());
    CHECK(!is_admitted(50000) && is_admitted(50001));
    lie = HONEST;
}

static void devices_are_not_confirmed_while_their_log_does_not_lead_to_the_head(void)
{
    const uint64_t long_ago_s = ct_wall_s() - 1000;
    lie = WITHOUT_LOGGED;
    REQUIRE(neighbour != 0 && platform_revoke(&platform, "gate") == CT_OK);
    atomic_store(&sets.devices.confirmed_s, long_ago_s);
    REQUIRE(look()); /* of the relays all is proven */
    CHECK(lies_told > 0);
    CHECK_EQ(devices_confirmed_s(), long_ago_s);
    CHECK(strstr(follow.told, "devices_unreadable") != NULL);
    CHECK(strstr(follow.told, "a revocation was hidden or invented") != NULL);
    platform_mine(&platform, 40); /* what is hidden would be final by now */
    REQUIRE(look());
    CHECK_EQ(devices_confirmed_s(), long_ago_s);
}

static void they_are_believed_again_once_they_tell_the_truth(void)
{
    lie = HONEST;
    REQUIRE(neighbour != 0 && platform_register(&platform, "lamp", neighbour, 50002, 0) == CT_OK);
    REQUIRE(look());
    CHECK(is_admitted(50002) && !is_admitted(50000) && !is_admitted(50001));
    CHECK(ct_wall_s() - devices_confirmed_s() < 900);
}

/* Of relays all is proven, one by one; which passes are revoked only the log can say. */
static void passes_are_not_confirmed_while_the_log_does_not_lead_to_its_head(void)
{
    const uint8_t pass[16] = {0xaa};
    const uint64_t long_ago_s = ct_wall_s() - 1000;
    lie = WITHOUT_LOG;
    REQUIRE(platform_revoke_pass(&platform, pass) == CT_OK);
    atomic_store(&sets.log_confirmed_s, long_ago_s);
    atomic_store(&sets.relays.confirmed_s, long_ago_s);
    REQUIRE(look());
    CHECK_EQ(atomic_load(&sets.log_confirmed_s), long_ago_s);
    CHECK(ct_sets_log_age_s(&sets, ct_wall_s()) >= 1000);
    CHECK(atomic_load(&sets.relays.confirmed_s) > long_ago_s);
    lie = HONEST;
    platform_mine(&platform, 1);
    REQUIRE(look());
    CHECK(atomic_load(&sets.log_confirmed_s) > long_ago_s);
}

static struct ct_devbook_mark *mark(void)
{
    return ct_devbook_mark(follow.devices.book);
}

static void restart(void)
{
    ct_devbook_free(follow.devices.book);
    free(follow.relays.list);
    follow = (struct ct_follow){.config = &config, .chain = platform.chain};
    ct_follow_load(&follow);
}

/* What is known stays, and is confirmed once they are there. */
static void endpoints_that_are_behind_after_a_restart_are_not_called_liars(void)
{
    const uint8_t pass[16] = {0xbb};
    const uint64_t long_ago_s = ct_wall_s() - 1000;
    struct ct_view view;
    REQUIRE(neighbour != 0 && platform_view(&platform, &view));
    REQUIRE(platform_revoke_pass(&platform, pass) == CT_OK); /* the log's head is another */
    platform_mine(&platform, 40);                            /* the book holds what lies 32 deep */
    follow.devices.saved_ms = 0;
    REQUIRE(look());
    restart();
    uint64_t known = mark()->block;
    REQUIRE(known > view.number);
    atomic_store(&sets.devices.confirmed_s, long_ago_s);
    behind_at = view.number;
    REQUIRE(look());
    CHECK_EQ(devices_confirmed_s(), long_ago_s);
    CHECK(strstr(follow.told, "devices_unreadable") && strstr(follow.told, "are behind block"));
    CHECK(is_admitted(50002) && mark()->block == known);
    behind_at = 0;
    REQUIRE(look());
    CHECK(devices_confirmed_s() > long_ago_s);
    CHECK(is_admitted(50002) && mark()->block == known);
}

/* Its newest block is another than the chain's, or of a number that the chain never had. */
static void book_of_another_chain_is_read_again(void)
{
    const uint64_t long_ago_s = ct_wall_s() - 1000;
    REQUIRE(neighbour != 0);
    restart();
    behind_at = mark()->block;
    mark()->hash32[0] ^= 1;
    atomic_store(&sets.devices.confirmed_s, long_ago_s);
    REQUIRE(look());
    CHECK(devices_confirmed_s() > long_ago_s && is_admitted(50002));
    CHECK(mark()->block < behind_at); /* by 32 blocks */
    behind_at = 0;
    restart();
    mark()->block += 1000;
    mark()->confirmed_s = long_ago_s;
    atomic_store(&sets.devices.confirmed_s, long_ago_s);
    REQUIRE(look());
    CHECK(devices_confirmed_s() > long_ago_s && is_admitted(50002));
}

static const struct ct_test tests[] = {
    CT_TEST(devices_of_the_chain_are_admitted),
    CT_TEST(k_endpoints_that_hide_the_event_of_a_revocation_do_not_hide_it),
    CT_TEST(devices_are_not_confirmed_while_their_log_does_not_lead_to_the_head),
    CT_TEST(they_are_believed_again_once_they_tell_the_truth),
    CT_TEST(passes_are_not_confirmed_while_the_log_does_not_lead_to_its_head),
    CT_TEST(endpoints_that_are_behind_after_a_restart_are_not_called_liars),
    CT_TEST(book_of_another_chain_is_read_again),
};

int main(void)
{
    static const struct ct_wm_key wm = {.ed25519 = {7}, .x25519 = {9}, .not_after_s = UINT32_MAX};
    const struct ct_chain_env env = {.http = two_lie};
    (void)alarm(300); /* nothing here may hang */
    int code = 1;
    if (mkdtemp(dir) && ct_http_new(&http) == CT_OK && platform_open(&platform, &wm, &env) &&
        remember()) {
        code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    } else {
        (void)fprintf(stderr, "no chain to test with\n");
    }
    forget();
    platform_close(&platform);
    ct_http_free(http);
    return code;
}

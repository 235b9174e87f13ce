/* 72 hours of chain time in a minute: what the relay knows at the end is what is there. Blocks that
 * vanish, endpoints that are silent or lie, readers all the while. */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "chain/registry_devices.h"
#include "ct_test.h"
#include "follow/follow.h"
#include "platform.h"

enum {
    BLOCKS = 432,
    BLOCK_S = 600,
    REORGS = 20,
    REORG_MAX = 5,
    OUTAGES = 10,
    NAMES = 60,
    HOSTS = 40,
    READERS = 3,
};

static struct platform platform;
static uint64_t ahead_s; /* of the chain's clock before this host's */

/* ---- chance, the same each time ---- */

static uint32_t dice = 20260101;

static unsigned roll(unsigned sides)
{
    dice = dice * 1664525u + 1013904223u;
    return (dice >> 8) % sides;
}

/* ---- what stands between the relay and its endpoints ---- */

static struct ct_http *http;
static unsigned silent_for; /* so many more questions get no answer at all */
static unsigned lies_told;

static void hide_first_event(struct ct_http_request *r)
{
    char *list = r->err == CT_OK ? strstr(r->response, "\"result\":[{") : NULL;
    char *end = list != NULL ? strchr(list, '}') : NULL; /* an event holds no object */
    if (end != NULL) {
        end += end[1] == ',' ? 2 : 1;
        memmove(list + strlen("\"result\":["), end, strlen(end) + 1);
        r->response_len = strlen(r->response);
        lies_told++;
    }
}

/* Another digit in the last word of the first event: a name, a relay or a block that is none. */
static void invent_event(struct ct_http_request *r)
{
    char *list = r->err == CT_OK ? strstr(r->response, "\"result\":[{") : NULL;
    char *topics = list != NULL ? strstr(list, "\"topics\":[") : NULL;
    char *end = topics != NULL ? strchr(topics, ']') : NULL;
    if (end != NULL && end - topics > 80) { /* more than the signature's */
        end[-3] = end[-3] == '1' ? '2' : '1';
        lies_told++;
    }
}

static ct_err bad_net(void *arg, struct ct_http_request *requests, size_t count,
                      uint32_t timeout_ms, ct_http_enough *enough, void *enough_arg)
{
    if (silent_for > 0) {
        silent_for--;
        for (size_t i = 0; i < count; i++) {
            requests[i].err = CT_ERR_TIMEOUT;
            (void)snprintf(requests[i].text, sizeof(requests[i].text), "no answer in time");
        }
        return CT_OK;
    }
    ct_err err = ct_http_post(arg, requests, count, timeout_ms, NULL, NULL);
    for (size_t i = 0; err == CT_OK && i < count; i++) {
        /* one endpoint lies now and then */
        if (strstr(requests[i].url, "?2") && strstr(requests[i].body, "eth_getLogs") &&
            roll(4) == 0) {
            (roll(2) == 0 ? hide_first_event : invent_event)(&requests[i]);
        }
    }
    if (err == CT_OK && enough != NULL) {
        (void)enough(enough_arg, requests, count);
    }
    return err;
}

static uint64_t chain_clock(void *arg)
{
    (void)arg;
    return ct_wall_s() + ahead_s;
}

/* ---- the relay's memory ---- */

struct memory {
    char dir[32];
    char paths[4][48];
    struct ct_bundle bundle;
    struct ct_x25519 key;
    struct ct_relay record;
    struct ct_policy policy;
    struct ct_sets sets;
    struct ct_registrar_config config;
    struct ct_follow follow;
};

static bool memory_make(struct memory *m, const struct ct_chain_env *env, uint64_t depth)
{
    static const char *const names[4] = {"relays", "keys", "log", "devices"};
    struct ct_why why = {""};
    memset(m, 0, sizeof(*m));
    (void)snprintf(m->dir, sizeof(m->dir), "/tmp/ct-replay-XXXXXX");
    if (!mkdtemp(m->dir)) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(m->paths[i], sizeof(m->paths[i]), "%s/%s", m->dir, names[i]);
    }
    m->bundle = *ct_chain_bundle(platform.chain);
    m->bundle.checkpoint_number = platform.deployed_at;
    m->bundle.safety_depth = depth;
    ct_deployment(m->bundle.deployment32, m->bundle.chain_id, m->bundle.contract20);
    m->policy = (struct ct_policy){.mode = CT_MODE_DEVICES,
                                   .allow_private = true,
                                   .allow_loopback = true,
                                   .max_age_s = UINT32_MAX};
    ct_sets_init(&m->sets, NULL, 0);
    m->config = (struct ct_registrar_config){.bundle = &m->bundle,
                                             .record = &m->record,
                                             .policy = &m->policy,
                                             .sets = &m->sets,
                                             .relays_path = m->paths[0],
                                             .keys_path = m->paths[1],
                                             .log_path = m->paths[2],
                                             .devices_path = m->paths[3]};
    m->follow.config = &m->config;
    if (ct_passes_new(&m->config.passes, m->bundle.deployment32, &m->key) != CT_OK ||
        ct_chain_open(&m->follow.chain, &m->bundle, env, &why) != CT_OK) {
        return false;
    }
    ct_follow_load(&m->follow); /* of what is not there yet */
    return true;
}

static void memory_free(struct memory *m)
{
    ct_chain_free(m->follow.chain);
    ct_passes_free(m->config.passes);
    ct_devbook_free(m->follow.devices.book);
    free(m->follow.relays.list);
    ct_snapshot_clear(&m->sets.relays);
    ct_snapshot_clear(&m->sets.devices);
    for (size_t i = 0; i < 4; i++) {
        (void)unlink(m->paths[i]);
    }
    (void)rmdir(m->dir);
}

/* Until it is up to date, or cannot be for now. */
static bool look(struct memory *m)
{
    struct ct_why why = {""};
    for (unsigned i = 0; i < 100; i++) {
        if (ct_follow_refresh(&m->follow, &why) != CT_OK) {
            return false;
        }
        if (!m->follow.is_behind) {
            return true;
        }
    }
    return false;
}

/* ---- readers, as relay threads are ---- */

static struct memory relay;
static _Atomic bool stop;
static _Atomic unsigned long asked;

static void *ask_on(void *arg)
{
    unsigned mixed = 1u + (unsigned)(uintptr_t)arg;
    unsigned long n = 0;
    while (!atomic_load(&stop)) {
        mixed = mixed * 1664525u + 1013904223u;
        struct ct_endpoint peer = {.addr16 = {[10] = 0xff, 0xff, 127, 0, 0, 2}};
        peer.addr16[15] = (uint8_t)(2 + (mixed >> 8) % HOSTS);
        peer.port = (uint16_t)(50000 + (mixed >> 16) % NAMES);
        (void)ct_sets_gate(&relay.sets, &relay.policy, &peer, false, ct_wall_s());
        if (++n % 64 == 0) {
            (void)poll(NULL, 0, 1); /* or they take the processor from what they ask about */
        }
    }
    (void)atomic_fetch_add(&asked, n);
    return NULL;
}

/* ---- what happens on the chain ---- */

static uint16_t listed[512];
static size_t listed_count;

static bool read_device(const char *name, struct ct_device *out)
{
    struct ct_why why = {""};
    struct ct_view view;
    uint8_t ids[1][32];
    return ct_identity_hash(ids[0], name) == CT_OK && platform_view(&platform, &view) &&
           ct_registry_devices(platform.chain, &view, (const uint8_t(*)[32])ids, 1, out, &why) ==
               CT_OK;
}

static uint16_t some_relay(void)
{
    return listed_count > 0 ? listed[roll((unsigned)listed_count)] : 0;
}

static bool device_acts(void)
{
    char name[16];
    struct ct_device device;
    unsigned which = roll(NAMES);
    uint16_t at = some_relay();
    (void)snprintf(name, sizeof(name), "dev-%u", which);
    if (at == 0 || !read_device(name, &device)) {
        return at == 0;
    }
    uint16_t port = (uint16_t)(50000 + roll(NAMES));
    bool lives = device.state == CT_RECORD_APPROVED;
    switch (roll(4)) {
    case 0:
        return !lives || platform_revoke(&platform, name) == CT_OK;
    case 1: /* may be refused: its relay is gone meanwhile */
        (void)!(lives ? platform_move(&platform, name, at, port, device.sequence)
                      : platform_add(&platform, name, at, port, device.sequence));
        return true;
    case 2:
        return device.state != CT_RECORD_PENDING ||
               platform_approve_client(&platform, name) == CT_OK;
    default:
        return platform_register(&platform, name, at, port, device.sequence) == CT_OK;
    }
}

static bool relay_acts(void)
{
    uint16_t index = some_relay();
    if (index != 0 && roll(2) == 0) {
        struct ct_view view;
        struct ct_relay there;
        struct ct_why why;
        bool approved = platform_view(&platform, &view) &&
                        ct_registry_relay(platform.chain, &view, index, &there, &why) == CT_OK &&
                        there.state == CT_RECORD_APPROVED;
        return !approved || platform_revoke_relay(&platform, index) == CT_OK;
    }
    /* may be refused: another relay has those ports */
    if (platform_list(&platform, (uint8_t)(2 + roll(HOSTS)), 50000, 50099, &index) == CT_OK &&
        listed_count < sizeof(listed) / sizeof(listed[0])) {
        listed[listed_count++] = index;
    }
    return true;
}

static bool something_happens(void)
{
    uint8_t pass[16] = {0};
    switch (roll(8)) {
    case 0:
        platform_mine(&platform, 1 + roll(3));
        return true;
    case 1:
        pass[0] = (uint8_t)roll(256);
        pass[1] = (uint8_t)roll(256);
        return platform_revoke_pass(&platform, pass) == CT_OK;
    case 2:
    case 3:
        return relay_acts();
    default:
        return device_acts();
    }
}

/* A block, that many seconds of the chain after the one before. */
static void pass_time(unsigned seconds)
{
    char params[32];
    ahead_s += seconds;
    platform.ahead_s = ahead_s;
    (void)snprintf(params, sizeof(params), "[%" PRIu64 "]", ct_wall_s() + ahead_s);
    free(ct_anvil_call(&platform.anvil, "evm_setNextBlockTimestamp", params));
    platform_mine(&platform, 1);
}

/* ---- blocks that vanish ---- */

static char snapshots[REORG_MAX][24];
static size_t listed_at[REORG_MAX];
static size_t snapshot_count;

static bool remember_block(void)
{
    char *answer = ct_anvil_call(&platform.anvil, "evm_snapshot", "[]");
    const char *result = answer ? strstr(answer, "\"result\":") : NULL;
    if (snapshot_count == REORG_MAX) {
        memmove(snapshots[0], snapshots[1], sizeof(snapshots) - sizeof(snapshots[0]));
        memmove(&listed_at[0], &listed_at[1], sizeof(listed_at) - sizeof(listed_at[0]));
        snapshot_count--;
    }
    listed_at[snapshot_count] = listed_count;
    bool ok = result && sscanf(result, "\"result\":%23[^,}]", snapshots[snapshot_count++]) == 1;
    free(answer);
    return ok;
}

static bool go_back(void)
{
    size_t to = roll((unsigned)snapshot_count);
    char params[32];
    (void)snprintf(params, sizeof(params), "[%s]", snapshots[to]);
    char *answer = ct_anvil_call(&platform.anvil, "evm_revert", params);
    bool ok = answer && strstr(answer, "true");
    listed_count = listed_at[to];
    snapshot_count = to;
    free(answer);
    pass_time(1);
    platform_mine(&platform, REORG_MAX * 4); /* the branch that is taken is the longer one */
    return ok;
}

/* ---- the claim ---- */

static unsigned long resident_kb(void)
{
    unsigned long total = 0;
    unsigned long resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%lu %lu", &total, &resident) != 2) {
        resident = 0;
    }
    if (f) {
        (void)fclose(f);
    }
    return resident * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

static void check_equal(struct memory *a, struct memory *b)
{
    struct ct_revoked_pass *of_a = NULL;
    struct ct_revoked_pass *of_b = NULL;
    size_t count_a = 0;
    size_t count_b = 1;
    const struct ct_peerset *relays = ct_snapshot_read(&a->sets.relays);
    const struct ct_devset *devices = ct_snapshot_read(&a->sets.devices);
    REQUIRE(relays && devices);
    CHECK(ct_peerset_equal(relays, ct_snapshot_read(&b->sets.relays)));
    CHECK(ct_devset_equal(devices, ct_snapshot_read(&b->sets.devices)));
    REQUIRE(ct_passes_revoked(a->config.passes, &of_a, &count_a) == CT_OK &&
            ct_passes_revoked(b->config.passes, &of_b, &count_b) == CT_OK);
    CHECK_EQ(count_a, count_b);
    for (size_t i = 0; i < count_a && i < count_b; i++) {
        CHECK_MEM(of_a[i].id16, of_b[i].id16, 16);
        CHECK_EQ(of_a[i].block, of_b[i].block);
    }
    printf("    at the end: %zu ranges of relays, %zu places of devices, %zu passes revoked\n",
           ct_peerset_count(relays), ct_devset_count(devices), count_a);
    CHECK(ct_peerset_count(relays) > 3 && ct_devset_count(devices) > 3 && count_a > 10);
    free(of_a);
    free(of_b);
}

/* depth: blocks below the head that the relay reads at. */
static void replay(unsigned blocks, unsigned reorgs_wanted, uint64_t depth)
{
    const struct ct_chain_env bad = {.http = bad_net, .http_arg = http, .wall_s = chain_clock};
    const struct ct_chain_env good = {.wall_s = chain_clock};
    pthread_t threads[READERS];
    unsigned reorgs = 0;
    unsigned failed = 0;
    unsigned long kb_early = 0;
    uint64_t began = ct_mono_ms();
    atomic_store(&stop, false);
    atomic_store(&asked, 0);
    lies_told = 0;
    snapshot_count = 0;
    REQUIRE(memory_make(&relay, &bad, depth));
    for (size_t i = 0; i < READERS; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, ask_on, (void *)(uintptr_t)i) == 0);
    }
    for (unsigned block = 0; block < blocks; block++) {
        CHECK(remember_block());
        pass_time(BLOCK_S);
        CHECK(something_happens());
        if (block % (BLOCKS / OUTAGES) == 7) {
            silent_for = 2 + roll(6);
        }
        failed += !look(&relay);
        if (block % (BLOCKS / REORGS) == 11 && reorgs < reorgs_wanted) {
            CHECK(go_back());
            reorgs++;
            failed += !look(&relay);
        }
        kb_early = block == blocks / 3 ? resident_kb() : kb_early;
    }
    silent_for = 0;
    CHECK(look(&relay));
    unsigned long kb_late = resident_kb();
    atomic_store(&stop, true);
    for (size_t i = 0; i < READERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    struct memory fresh;
    REQUIRE(memory_make(&fresh, &good, depth));
    CHECK(look(&fresh));
    check_equal(&relay, &fresh);
    printf("    %u blocks, %u h of chain time, %u reorgs, %u looks in vain, %u lies, %lu questions "
           "of readers, %lu KB grown, %u s\n",
           blocks, blocks * BLOCK_S / 3600, reorgs, failed, lies_told, atomic_load(&asked),
           kb_late > kb_early ? kb_late - kb_early : 0, (unsigned)((ct_mono_ms() - began) / 1000));
    CHECK_EQ(reorgs, reorgs_wanted);
    CHECK(failed > 0 && lies_told > 0 && atomic_load(&asked) > 1000);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK(kb_late < kb_early + 2048);
#endif
    memory_free(&relay);
    memory_free(&fresh);
}

static void seventy_two_hours_of_chain_end_where_a_fresh_read_does(void)
{
    replay(BLOCKS, REORGS, 0);
}

/* Depths of reorgs are 1 to 5: some vanish above what is read, some below it. */
static void so_does_a_relay_that_stays_two_blocks_behind(void)
{
    replay(BLOCKS / 4, REORGS / 4, 2);
}

static const struct ct_test tests[] = {
    CT_TEST(seventy_two_hours_of_chain_end_where_a_fresh_read_does),
    CT_TEST(so_does_a_relay_that_stays_two_blocks_behind),
};

int main(void)
{
    struct ct_wm_key key = {.ed25519 = {7}, .x25519 = {9}, .not_after_s = UINT32_MAX};
    const struct ct_chain_env env = {.wall_s = chain_clock};
    (void)alarm(580); /* nothing here may hang */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (ct_http_new(&http) != CT_OK || !platform_open(&platform, &key, &env)) {
        (void)fprintf(stderr, "no chain to test with\n");
        return 1;
    }
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    platform_close(&platform);
    ct_http_free(http);
    return code;
}

/* Claims about what the relay tells of itself: rows for people, metrics for Prometheus. */
/* links: ct_coturn_module ct_relay_policy ct_chain ct_base */
#include <string.h>

#include "packets/counts.h"
#include "ct_test.h"
#include "status/status.h"

enum { NOW_S = 1800000000 };

static const uint8_t contract20[20] = {0xc0, 0xff, 0xee};
static struct ct_tally tally;
static struct ct_sets sets;
static char sheet[16384];

struct world {
    struct ct_board board;
    struct ct_status status;
};

static void world_make(struct world *w)
{
    memset(w, 0, sizeof(*w));
    memset(&tally, 0, sizeof(tally));
    ct_sets_init(&sets, NULL, 0);
    (void)pthread_mutex_init(&w->board.lock, NULL);
    w->status.mode = CT_MODE_DEVICES;
    w->status.max_age_s = 3600;
    w->status.chain_id = 31337;
    w->status.contract20 = contract20;
    w->status.follows_devices = true;
    w->status.sets = &sets;
    w->status.board = &w->board;
    w->status.tally = &tally;
}

static void world_free(struct world *w)
{
    ct_snapshot_clear(&sets.relays);
    ct_snapshot_clear(&sets.devices);
    (void)pthread_mutex_destroy(&w->board.lock);
}

static void add_row(void *arg, const char *name, const char *value)
{
    size_t *len = arg;
    int n = snprintf(sheet + *len, sizeof(sheet) - *len, "%s: %s\n", name, value);
    *len += n > 0 ? (size_t)n : 0;
    CHECK(strlen(value) < CT_STATUS_VALUE);
}

static const char *rows(struct world *w)
{
    size_t len = 0;
    sheet[0] = '\0';
    ct_status_rows(&w->status, NOW_S, false, add_row, &len);
    return sheet;
}

static const char *html(struct world *w)
{
    size_t len = 0;
    sheet[0] = '\0';
    ct_status_rows(&w->status, NOW_S, true, add_row, &len);
    return sheet;
}

static const char *metrics(struct world *w)
{
    FILE *f = fmemopen(sheet, sizeof(sheet), "w");
    ct_status_metrics(&w->status, NOW_S, f);
    (void)fclose(f);
    return sheet;
}

static bool has(const char *text, const char *line)
{
    const char *at = strstr(text, line);
    if (!at) {
        printf("    no \"%s\" in:\n%s\n", line, text);
    }
    return at != NULL;
}

/* Two relays, one of them with an address of each family; one device; confirmed 7 s ago. */
static void publish(void)
{
    static const struct ct_peer_range ranges[3] = {
        {{[10] = 0xff, 0xff, 198, 51, 100, 12}, 50000, 50100, 2},
        {{0x20, 0x01, 0x0d, 0xb8, [15] = 12}, 50000, 50100, 2},
        {{[10] = 0xff, 0xff, 198, 51, 100, 13}, 50000, 50100, 3},
    };
    struct ct_peerset_origin origin = {.block = 1};
    struct ct_peerset *relays = NULL;
    const uint32_t place = ct_devset_place(2, 50000);
    struct ct_devset *devices = NULL;
    REQUIRE(ct_peerset_new(&relays, ranges, 3, &origin) == CT_OK);
    REQUIRE(ct_devset_new(&devices, &place, 1) == CT_OK);
    CHECK(ct_snapshot_publish(&sets.relays, &sets.readers, relays));
    CHECK(ct_snapshot_publish(&sets.devices, &sets.readers, devices));
    atomic_store(&sets.relays.confirmed_s, NOW_S - 7);
    atomic_store(&sets.devices.confirmed_s, NOW_S - 4000);
}

static void before_the_chain_was_read_nothing_is_claimed(void)
{
    struct world w;
    world_make(&w);
    const char *text = rows(&w);
    CHECK(has(text, "mode: devices\n"));
    CHECK(has(text, "contract: 0xc0FFee0000000000000000000000000000000000 on chain 31337\n"));
    CHECK(has(text, "this relay: unknown, the chain was not read yet\n"));
    CHECK(has(text, "relays: unknown, the chain was not read yet\n"));
    CHECK(has(text, "devices: unknown, the chain was not read yet\n"));
    CHECK(has(text, "allocations: 0, 0 of them by passes\n"));
    CHECK(!strstr(text, "chain head") && !strstr(text, "last failure"));
    text = metrics(&w);
    CHECK(!strstr(text, "chainturn_relay_head_block") && !strstr(text, "chainturn_relay_relays "));
    world_free(&w);
}

static void standing_head_and_sets_are_told(void)
{
    struct world w;
    struct ct_view view = {.number = 1234, .timestamp_s = NOW_S - 12, .k = 2, .n = 3};
    world_make(&w);
    publish();
    ct_board_standing(&w.board, CT_STANDING_LISTED, 5);
    ct_board_head(&w.board, &view, 42);
    ct_board_registrar(&w.board, "nothing to do");
    ct_board_wallet(&w.board, "0.25 ether");
    ct_status_allocation(&w.status, 1, true);
    ct_status_allocation(&w.status, 1, false);
    ct_status_allocation(&w.status, 0, true);
    const char *text = rows(&w);
    CHECK(has(text, "this relay: approved\n"));
    CHECK(has(text, "relay number: 5\n"));
    CHECK(has(text, "chain head: block 1234, 12 s old, 2 of 3 endpoints agree\n"));
    CHECK(has(text, "contract's log: 42 entries\n"));
    CHECK(has(text, "relays: 2, confirmed 7 s ago\n"));
    CHECK(has(text, "devices: 1, confirmed 4000 s ago: too old to be used\n"));
    CHECK(has(text, "registrar: nothing to do\n"));
    CHECK(has(text, "wallet: 0.25 ether\n"));
    CHECK(has(text, "allocations: 2, 1 of them by passes\n"));
    text = metrics(&w);
    CHECK(has(text, "chainturn_relay_number 5\n"));
    CHECK(has(text, "chainturn_relay_standing{standing=\"approved\"} 1\n"));
    CHECK(has(text, "chainturn_relay_standing{standing=\"revoked\"} 0\n"));
    CHECK(has(text, "chainturn_relay_head_block 1234\n"));
    CHECK(has(text, "chainturn_relay_endpoints_agreeing 2\n"));
    CHECK(has(text, "chainturn_relay_relays 2\n"));
    CHECK(has(text, "chainturn_relay_devices 1\n"));
    CHECK(has(text, "chainturn_relay_devices_age_seconds 4000\n"));
    CHECK(has(text, "chainturn_relay_allocations 2\n"));
    world_free(&w);
}

static void text_of_an_endpoint_forges_no_row(void)
{
    struct world w;
    world_make(&w);
    char text[400];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    memcpy(text, "bad\nmode: open\x1b[31m\xff", 20);
    ct_board_failure(&w.board, text, NOW_S - 3);
    ct_board_failure(&w.board, text, NOW_S - 2);
    CHECK(has(rows(&w), "last failure: bad?mode: open?[31m?xxx"));
    CHECK(!strstr(sheet, "\nmode: open"));
    CHECK(has(sheet, "(2 s ago, 2 since the start)\n"));
    CHECK(has(metrics(&w), "chainturn_relay_failures_total 2\n"));
    world_free(&w);
}

static void text_of_an_endpoint_is_no_html(void)
{
    struct world w;
    char text[200];
    world_make(&w);
    ct_board_failure(&w.board, "<script>x=\"a&b\"+'c'</script>", NOW_S);
    CHECK(has(html(&w), "chainturn: last failure: "
                        "&lt;script&gt;x=&quot;a&amp;b&quot;+&#39;c&#39;&lt;/script&gt; (0 s"));
    memset(text, '"', sizeof(text)); /* the longest when escaped */
    text[sizeof(text) - 1] = '\0';
    ct_board_failure(&w.board, text, NOW_S);
    CHECK(has(html(&w), "&quot;&quot;\nchainturn: allocations: 0"));
    world_free(&w);
}

static void counters_are_told_by_the_names_of_the_log(void)
{
    struct world w;
    world_make(&w);
    ct_count_verdict(&tally, CT_WAY_DATA, CT_VERDICT_UNKNOWN);
    ct_count_verdict(&tally, CT_COUNT_OTHER_WAY, CT_VERDICT_LOOPBACK);
    ct_tally_add(&tally, CT_COUNT_RELAYED + CT_WAY_CHANNEL_OUT);
    ct_tally_add(&tally, CT_COUNT_RELAYED + CT_WAY_CHANNEL_OUT);
    ct_tally_add(&tally, CT_COUNT_UNANSWERED);
    const char *text = rows(&w);
    CHECK(has(text, "peers verdict=unknown by=data: 1\n"));
    CHECK(has(text, "peers verdict=loopback by=other: 1\n"));
    CHECK(has(text, "relayed by=channel_out: 2\n"));
    CHECK(has(text, "unproved_addresses answered=no: 1\n"));
    CHECK(!strstr(text, "capped"));
    text = metrics(&w);
    CHECK(has(text, "chainturn_relay_peers_total{verdict=\"unknown\",by=\"data\"} 1\n"));
    CHECK(has(text, "chainturn_relay_relayed_total{by=\"channel_out\"} 2\n"));
    CHECK(has(text, "chainturn_relay_capped_total{by=\"send\"} 0\n"));
    CHECK(has(text, "chainturn_relay_sign_ons_total{tried=\"yes\"} 0\n"));
    world_free(&w);
}

/* Each sample has a family that was announced before it, once, and no series is there twice. */
static void metrics_are_well_formed(void)
{
    struct world w;
    struct ct_view view = {.number = 1, .timestamp_s = NOW_S, .k = 1, .n = 1};
    static char seen[600][160];
    size_t count = 0;
    world_make(&w);
    publish();
    ct_board_head(&w.board, &view, 1);
    char family[80] = "";
    char *rest = NULL;
    (void)metrics(&w);
    for (char *line = strtok_r(sheet, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "# TYPE ", 7) == 0) {
            (void)snprintf(family, sizeof(family), "%.*s", (int)strcspn(line + 7, " "), line + 7);
        } else if (line[0] != '#') {
            size_t name = strcspn(line, "{ ");
            CHECK(strlen(family) == name && strncmp(line, family, name) == 0);
            char *value = strrchr(line, ' ');
            REQUIRE(value && count < 600);
            *value = '\0';
            CHECK(strspn(value + 1, "0123456789") == strlen(value + 1));
            for (size_t i = 0; i < count; i++) {
                CHECK(strcmp(seen[i], line) != 0);
            }
            (void)snprintf(seen[count++], sizeof(seen[0]), "%s", line);
        }
    }
    CHECK(count > 100);
    world_free(&w);
}

static const struct ct_test tests[] = {
    CT_TEST(before_the_chain_was_read_nothing_is_claimed),
    CT_TEST(standing_head_and_sets_are_told),
    CT_TEST(text_of_an_endpoint_forges_no_row),
    CT_TEST(text_of_an_endpoint_is_no_html),
    CT_TEST(counters_are_told_by_the_names_of_the_log),
    CT_TEST(metrics_are_well_formed),
};

CT_TEST_MAIN(tests)

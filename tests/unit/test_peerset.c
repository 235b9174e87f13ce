/* Claims about the snapshot of approved relays, in memory and on disk. */
/* links: ct_relay_policy ct_base */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "peers/peerset.h"

static const struct ct_peerset_origin origin = {
    .deployment32 = {1, 2, 3}, .block = 77, .log_count = 5, .confirmed_s = 1000};

static struct ct_peer_range relay(uint8_t last, uint16_t min, uint16_t max)
{
    struct ct_peer_range out = {.addr16 = {[10] = 0xff, 0xff, 198, 51, 100, last},
                                .port_min = min,
                                .port_max = max,
                                .index = last};
    return out;
}

static struct ct_peerset *three(void)
{
    struct ct_peer_range ranges[3] = {relay(12, 50000, 50100), relay(11, 49152, 49200),
                                      relay(12, 40000, 40001)};
    struct ct_peerset *set = NULL;
    CHECK(ct_peerset_new(&set, ranges, 3, &origin) == CT_OK);
    return set;
}

static void every_range_of_an_address_is_found(void)
{
    struct ct_peerset *set = three();
    REQUIRE(set != NULL);
    CHECK_EQ(ct_peerset_index(set, relay(12, 0, 0).addr16, 50000), 12);
    CHECK_EQ(ct_peerset_index(set, relay(12, 0, 0).addr16, 40001), 12);
    CHECK_EQ(ct_peerset_index(set, relay(11, 0, 0).addr16, 49152), 11);
    CHECK_EQ(ct_peerset_index(set, relay(12, 0, 0).addr16, 40002), 0);
    CHECK_EQ(ct_peerset_index(set, relay(11, 0, 0).addr16, 50000), 0);
    CHECK_EQ(ct_peerset_index(set, relay(10, 0, 0).addr16, 50000), 0);
    CHECK_EQ(ct_peerset_index(set, relay(13, 0, 0).addr16, 50000), 0);
    ct_peerset_free(set);
}

/* Hosts side by side, and far apart, as IPv4 and IPv6: all are found, their neighbours are not. */
static void ten_thousand_relays_are_found_and_nobody_else(void)
{
    enum { COUNT = 10000 };
    static struct ct_peer_range ranges[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        static const uint8_t ip6[6] = {0x20, 0x01, 0x0d, 0xb8, 0, 0};
        unsigned host = i / 4 * 2; /* every other address, two relays at each */
        ranges[i] = (struct ct_peer_range){.port_min = (uint16_t)(i % 2 == 0 ? 50000 : 51000),
                                           .port_max = (uint16_t)(i % 2 == 0 ? 50999 : 51999),
                                           .index = (uint16_t)(i + 1)};
        bool is_ip6 = i % 4 >= 2;
        memcpy(ranges[i].addr16, is_ip6 ? ip6 : relay(0, 0, 0).addr16, is_ip6 ? 6 : 12);
        ranges[i].addr16[is_ip6 ? 6 : 13] = (uint8_t)(host >> 8);
        ranges[i].addr16[is_ip6 ? 7 : 15] = (uint8_t)host;
    }
    struct ct_peerset *set = NULL;
    REQUIRE(ct_peerset_new(&set, ranges, COUNT, &origin) == CT_OK);
    unsigned wrong = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        uint8_t next[16];
        memcpy(next, ranges[i].addr16, 16);
        next[i % 4 >= 2 ? 7 : 15] |= 1;
        wrong += ct_peerset_index(set, ranges[i].addr16, ranges[i].port_max) != i + 1;
        wrong += ct_peerset_index(set, ranges[i].addr16, 52000) != 0;
        wrong += ct_peerset_index(set, next, ranges[i].port_min) != 0;
    }
    CHECK_EQ(wrong, 0);
    volatile unsigned sum = 0;
    uint64_t began = ct_mono_ns();
    for (unsigned i = 0; i < 100 * COUNT; i++) {
        unsigned at = i * 7919u % COUNT;
        sum += ct_peerset_index(set, ranges[at].addr16, ranges[at].port_min);
    }
    double ns = (double)(ct_mono_ns() - began) / (100 * COUNT);
    printf("    look-up among ten thousand relays: %.1f ns\n", ns);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK(ns < 1000); /* one long run of taken cells would be some 10 us */
#endif
    ct_peerset_free(set);
}

static void empty_set_has_nobody(void)
{
    struct ct_peerset *set = NULL;
    REQUIRE(ct_peerset_new(&set, NULL, 0, &origin) == CT_OK);
    CHECK_EQ(ct_peerset_index(set, relay(11, 0, 0).addr16, 50000), 0);
    ct_peerset_free(set);
}

static void empty_port_range_and_index_0_are_refused(void)
{
    struct ct_peerset *set = NULL;
    struct ct_peer_range upside_down = relay(11, 2, 1);
    struct ct_peer_range zero = relay(11, 0, 5);
    CHECK(ct_peerset_new(&set, &upside_down, 1, &origin) == CT_ERR_ARG);
    CHECK(ct_peerset_new(&set, &zero, 1, &origin) == CT_ERR_ARG);
    struct ct_peer_range nobody = relay(0, 1, 5);
    CHECK(ct_peerset_new(&set, &nobody, 1, &origin) == CT_ERR_ARG);
    CHECK(set == NULL);
}

/* A folder of its own for a test that writes; path is left with room for "/relays". */
static bool folder(char *path, size_t cap)
{
    (void)snprintf(path, cap, "/tmp/ct-peerset-XXXXXX");
    return mkdtemp(path) != NULL;
}

static void saved_set_comes_back(void)
{
    char dir[64];
    char path[80];
    REQUIRE(folder(dir, sizeof(dir)));
    (void)snprintf(path, sizeof(path), "%s/relays", dir);
    struct ct_why why;
    struct ct_peerset *set = three();
    struct ct_peerset *back = NULL;
    REQUIRE(set != NULL);
    CHECK(ct_peerset_load(&back, origin.deployment32, path, &why) == CT_ERR_NOT_FOUND);
    CHECK(ct_peerset_save(set, 2000, path, &why) == CT_OK);
    CHECK(ct_peerset_save(set, 3000, path, &why) == CT_OK);
    REQUIRE(ct_peerset_load(&back, origin.deployment32, path, &why) == CT_OK);
    CHECK(ct_peerset_equal(set, back));
    CHECK_EQ(ct_peerset_count(back), 3);
    CHECK_EQ(ct_peerset_origin(back)->confirmed_s, 3000);
    CHECK_EQ(ct_peerset_origin(back)->block, 77);
    CHECK_EQ(ct_peerset_origin(back)->log_count, 5);
    ct_peerset_free(back);
    back = NULL;
    uint8_t other[32] = {9};
    CHECK(ct_peerset_load(&back, other, path, &why) == CT_ERR_FORMAT && back == NULL);
    ct_peerset_free(set);
    (void)unlink(path);
    (void)rmdir(dir);
}

static bool write_file(const char *path, const uint8_t *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    if (!f) {
        return false;
    }
    bool ok = fwrite(data, 1, len, f) == len;
    return fclose(f) == 0 && ok;
}

static void cut_or_changed_file_is_refused(void)
{
    char dir[64];
    char path[80];
    REQUIRE(folder(dir, sizeof(dir)));
    (void)snprintf(path, sizeof(path), "%s/relays", dir);
    struct ct_why why;
    struct ct_peerset *set = three();
    REQUIRE(set != NULL && ct_peerset_save(set, 2000, path, &why) == CT_OK);
    ct_peerset_free(set);
    uint8_t file[256];
    FILE *f = fopen(path, "rb");
    REQUIRE(f != NULL);
    size_t len = fread(file, 1, sizeof(file), f);
    (void)fclose(f);
    struct ct_peerset *back = NULL;
    for (size_t cut = 0; cut < len; cut++) {
        CHECK(write_file(path, file, cut));
        CHECK(ct_peerset_load(&back, origin.deployment32, path, &why) == CT_ERR_FORMAT);
    }
    for (size_t i = 0; i < len; i++) {
        file[i] ^= 1;
        CHECK(write_file(path, file, len));
        CHECK(ct_peerset_load(&back, origin.deployment32, path, &why) == CT_ERR_FORMAT);
        file[i] ^= 1;
    }
    CHECK(back == NULL);
    (void)unlink(path);
    (void)rmdir(dir);
}

static const struct ct_test tests[] = {
    CT_TEST(every_range_of_an_address_is_found),
    CT_TEST(ten_thousand_relays_are_found_and_nobody_else),
    CT_TEST(empty_set_has_nobody),
    CT_TEST(empty_port_range_and_index_0_are_refused),
    CT_TEST(saved_set_comes_back),
    CT_TEST(cut_or_changed_file_is_refused),
};

CT_TEST_MAIN(tests)

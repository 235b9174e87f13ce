/* Claims about the snapshot of approved relays, in memory and on disk. */
/* links: ct_relay_policy ct_base */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ct_test.h"
#include "peerset.h"

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
    CT_TEST(every_range_of_an_address_is_found),       CT_TEST(empty_set_has_nobody),
    CT_TEST(empty_port_range_and_index_0_are_refused), CT_TEST(saved_set_comes_back),
    CT_TEST(cut_or_changed_file_is_refused),
};

CT_TEST_MAIN(tests)

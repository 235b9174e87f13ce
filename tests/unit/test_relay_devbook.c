/* Claims about the book of devices: changes merged in, recent ones on top, kept on disk. */
/* links: ct_relay_policy ct_chain ct_base */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "peers/devbook.h"

static const uint8_t deployment[32] = {1, 2, 3};

enum { TODAY = 20000 };

static struct ct_devbook_change at(unsigned id, uint16_t relay, uint16_t port)
{
    struct ct_devbook_change out = {
        .places = {.relay = relay, .port = port, .expiry_day = TODAY + 10}};
    /* spread over the ids, as hashes are */
    unsigned mixed = id * 2654435761u;
    for (size_t i = 0; i < 4; i++) {
        out.id[i] = (uint8_t)(mixed >> (8 * i));
        out.id[i + 4] = (uint8_t)(id >> (8 * i));
    }
    return out;
}

static struct ct_devbook_change gone(unsigned id)
{
    struct ct_devbook_change out = at(id, 0, 0);
    out.is_gone = true;
    return out;
}

static bool has(const struct ct_devbook *book, uint16_t relay, uint16_t port)
{
    struct ct_devset *set = NULL;
    CHECK(ct_devbook_places(&set, book, TODAY) == CT_OK);
    bool found = set && ct_devset_has(set, relay, port);
    ct_devset_free(set);
    return found;
}

static struct ct_devbook *book_of(struct ct_devbook_change *changes, size_t count)
{
    struct ct_devbook *book = NULL;
    CHECK(ct_devbook_new(&book, deployment) == CT_OK);
    CHECK(ct_devbook_write(book, changes, count) == CT_OK);
    return book;
}

static void later_change_of_a_device_holds(void)
{
    struct ct_devbook_change first[] = {at(1, 1, 50001), at(2, 1, 50002), at(1, 2, 50003)};
    struct ct_devbook *book = book_of(first, 3);
    CHECK_EQ(ct_devbook_count(book), 2);
    CHECK(has(book, 2, 50003) && has(book, 1, 50002) && !has(book, 1, 50001));
    struct ct_devbook_change second[] = {gone(2), at(3, 1, 50002), at(1, 1, 50001), gone(3)};
    CHECK(ct_devbook_write(book, second, 4) == CT_OK);
    CHECK_EQ(ct_devbook_count(book), 1);
    CHECK(has(book, 1, 50001) && !has(book, 1, 50002) && !has(book, 2, 50003));
    struct ct_devbook_change again[] = {gone(1), at(1, 9, 9)};
    CHECK(ct_devbook_write(book, again, 2) == CT_OK);
    CHECK(has(book, 9, 9));
    ct_devbook_free(book);
}

static void both_places_count_and_none_is_no_entry(void)
{
    struct ct_devbook_change changes[] = {at(1, 1, 50001), at(2, 0, 0)};
    changes[0].places.backup_relay = 7;
    changes[0].places.backup_port = 60000;
    struct ct_devbook *book = book_of(changes, 2);
    CHECK_EQ(ct_devbook_count(book), 1);
    CHECK(has(book, 1, 50001) && has(book, 7, 60000));
    ct_devbook_free(book);
}

static void expired_device_has_no_place_and_is_dropped(void)
{
    struct ct_devbook_change changes[] = {at(1, 1, 50001), at(2, 1, 50002)};
    changes[0].places.expiry_day = TODAY;
    changes[1].places.expiry_day = TODAY - 1;
    struct ct_devbook *book = book_of(changes, 2);
    CHECK(has(book, 1, 50001) && !has(book, 1, 50002));
    ct_devbook_expire(book, TODAY);
    CHECK_EQ(ct_devbook_count(book), 1);
    ct_devbook_free(book);
}

static void recent_changes_lie_on_top_and_leave_nothing_behind(void)
{
    struct ct_devbook_change old[] = {at(1, 1, 50001), at(2, 1, 50002), at(3, 1, 50003)};
    struct ct_devbook *book = book_of(old, 3);
    struct ct_devbook_change recent[] = {at(4, 1, 50004), gone(2), at(3, 2, 50003)};
    CHECK(ct_devbook_set_recent(book, recent, 3) == CT_OK);
    CHECK(has(book, 1, 50001) && !has(book, 1, 50002) && !has(book, 1, 50003));
    CHECK(has(book, 2, 50003) && has(book, 1, 50004));
    CHECK(ct_devbook_set_recent(book, NULL, 0) == CT_OK); /* their blocks have vanished */
    CHECK(has(book, 1, 50001) && has(book, 1, 50002) && has(book, 1, 50003));
    CHECK(!has(book, 2, 50003) && !has(book, 1, 50004));
    ct_devbook_free(book);
}

/* Against a plain table, by chance: whatever the order of changes, the book says what it says. */
static void book_agrees_with_a_plain_table(void)
{
    enum { DEVICES = 300, ROUNDS = 400, BATCH = 40 };
    static uint16_t ports[DEVICES];
    memset(ports, 0, sizeof(ports));
    struct ct_devbook *book = book_of(NULL, 0);
    unsigned dice = 7;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct ct_devbook_change changes[BATCH];
        dice = dice * 1664525u + 1013904223u;
        size_t count = (dice >> 16) % (BATCH + 1);
        for (size_t i = 0; i < count; i++) {
            dice = dice * 1664525u + 1013904223u;
            unsigned id = (dice >> 8) % DEVICES;
            bool leaves = (dice >> 28) < 5;
            ports[id] = leaves ? 0 : (uint16_t)(1000 + (dice >> 4) % 60000);
            changes[i] = leaves ? gone(id) : at(id, (uint16_t)(id + 1), ports[id]);
        }
        CHECK(ct_devbook_write(book, changes, count) == CT_OK);
    }
    size_t there = 0;
    for (unsigned id = 0; id < DEVICES; id++) {
        there += ports[id] != 0;
        CHECK(ports[id] == 0 || has(book, (uint16_t)(id + 1), ports[id]));
    }
    CHECK_EQ(ct_devbook_count(book), there);
    ct_devbook_free(book);
}

static char dir[64];
static char path[80];

static bool folder(void)
{
    (void)snprintf(dir, sizeof(dir), "/tmp/ct-devbook-XXXXXX");
    bool ok = mkdtemp(dir) != NULL;
    (void)snprintf(path, sizeof(path), "%s/devices", dir);
    return ok;
}

static void saved_book_comes_back_with_what_is_recent(void)
{
    struct ct_why why;
    struct ct_devbook *back = NULL;
    struct ct_devbook_change old[] = {at(1, 1, 50001), at(2, 1, 50002)};
    struct ct_devbook_change recent[] = {gone(2), at(3, 1, 50003)};
    REQUIRE(folder());
    CHECK(ct_devbook_load(&back, deployment, path, &why) == CT_ERR_NOT_FOUND);
    struct ct_devbook *book = book_of(old, 2);
    CHECK(ct_devbook_set_recent(book, recent, 2) == CT_OK);
    *ct_devbook_mark(book) =
        (struct ct_devbook_mark){.block = 77, .hash32 = {5}, .confirmed_s = 1000};
    CHECK(ct_devbook_save(book, path, &why) == CT_OK);
    REQUIRE(ct_devbook_load(&back, deployment, path, &why) == CT_OK);
    CHECK(has(back, 1, 50001) && !has(back, 1, 50002) && has(back, 1, 50003));
    CHECK_EQ(ct_devbook_mark(back)->block, 77);
    CHECK_EQ(ct_devbook_mark(back)->hash32[0], 5);
    CHECK_EQ(ct_devbook_mark(back)->confirmed_s, 1000);
    CHECK(ct_devbook_set_recent(back, NULL, 0) == CT_OK);
    CHECK(has(back, 1, 50002) && !has(back, 1, 50003));
    struct ct_devbook_change more[] = {at(4, 1, 50004)};
    CHECK(ct_devbook_write(back, more, 1) == CT_OK && has(back, 1, 50004));
    ct_devbook_free(back);
    back = NULL;
    uint8_t other[32] = {9};
    CHECK(ct_devbook_load(&back, other, path, &why) == CT_ERR_FORMAT && back == NULL);
    ct_devbook_free(book);
    (void)unlink(path);
    (void)rmdir(dir);
}

static bool write_file(const uint8_t *data, size_t len)
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
    struct ct_why why;
    struct ct_devbook *back = NULL;
    struct ct_devbook_change changes[] = {at(1, 1, 50001), at(2, 1, 50002)};
    uint8_t file[512];
    REQUIRE(folder());
    struct ct_devbook *book = book_of(changes, 2);
    REQUIRE(ct_devbook_save(book, path, &why) == CT_OK);
    ct_devbook_free(book);
    FILE *f = fopen(path, "rb");
    REQUIRE(f != NULL);
    size_t len = fread(file, 1, sizeof(file), f);
    (void)fclose(f);
    CHECK_EQ(len, 128 + 2 * 24 + 32);
    for (size_t cut = 0; cut < len; cut++) {
        CHECK(write_file(file, cut));
        CHECK(ct_devbook_load(&back, deployment, path, &why) == CT_ERR_FORMAT);
    }
    for (size_t i = 0; i < len; i++) {
        file[i] ^= 1;
        CHECK(write_file(file, len));
        CHECK(ct_devbook_load(&back, deployment, path, &why) == CT_ERR_FORMAT);
        file[i] ^= 1;
    }
    CHECK(back == NULL);
    (void)unlink(path);
    (void)rmdir(dir);
}

/* Resident kilobytes of this process. */
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

static void million_devices_and_two_sets_of_them_fit_into_64_mb(void)
{
    enum { MILLION = 1000000, CHUNK = 10000 };
    unsigned long before = resident_kb();
    struct ct_devbook *book = book_of(NULL, 0);
    uint64_t began = ct_mono_ms();
    for (unsigned first = 0; first < MILLION; first += CHUNK) {
        static struct ct_devbook_change changes[CHUNK];
        for (unsigned i = 0; i < CHUNK; i++) {
            unsigned id = first + i;
            changes[i] = at(id, (uint16_t)(1 + id % 10000), (uint16_t)(49152 + id / 10000));
        }
        REQUIRE(ct_devbook_write(book, changes, CHUNK) == CT_OK);
    }
    uint64_t read_ms = ct_mono_ms() - began;
    struct ct_devset *sets[2] = {NULL, NULL};
    began = ct_mono_ms();
    for (size_t i = 0; i < 2; i++) {
        REQUIRE(ct_devbook_places(&sets[i], book, TODAY) == CT_OK);
        CHECK_EQ(ct_devset_count(sets[i]), MILLION);
    }
    unsigned long used_kb = resident_kb() - before;
    printf(
        "    a million devices: %lu MB with both sets; %u ms to write in %u steps, %u ms a set\n",
        used_kb / 1024, (unsigned)read_ms, (unsigned)MILLION / (unsigned)CHUNK,
        (unsigned)(ct_mono_ms() - began) / 2);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK(used_kb <= 65536);
#endif
    ct_devset_free(sets[0]);
    ct_devset_free(sets[1]);
    ct_devbook_free(book);
}

static const struct ct_test tests[] = {
    CT_TEST(later_change_of_a_device_holds),
    CT_TEST(both_places_count_and_none_is_no_entry),
    CT_TEST(expired_device_has_no_place_and_is_dropped),
    CT_TEST(recent_changes_lie_on_top_and_leave_nothing_behind),
    CT_TEST(book_agrees_with_a_plain_table),
    CT_TEST(saved_book_comes_back_with_what_is_recent),
    CT_TEST(cut_or_changed_file_is_refused),
    CT_TEST(million_devices_and_two_sets_of_them_fit_into_64_mb),
};

CT_TEST_MAIN(tests)

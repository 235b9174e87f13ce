/* Claims about pins: what is kept is read back, for that name alone, and spoilt is not absent. */
/* links: ct_client_inside chainturn ct_kex ct_turn ct_chain ct_base */
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/secret.h"
#include "chain/registry.h"
#include "pins.h"

#include "ct_test.h"
#include "temp_dir.h"

static struct temp_dir dir;
static struct ct_home home;
static struct ct_why why;

static void fresh(void)
{
    if (dir.path[0] != '\0') {
        temp_dir_remove(&dir);
    }
    REQUIRE(temp_dir_make(&dir));
    REQUIRE(ct_home_init(&home, dir.path, &why) == CT_OK);
}

static struct ct_pin pin_of(const char *identity)
{
    struct ct_pin pin = {.block = 77, .sequence = 65535};
    (void)snprintf(pin.identity, sizeof pin.identity, "%s", identity);
    memset(pin.wallet20, 0xab, sizeof pin.wallet20);
    return pin;
}

static void a_pin_is_read_back_for_its_name_alone(void)
{
    struct ct_pin out, pin = pin_of("a:b@c.d-e_f");
    fresh();
    CHECK_EQ(ct_pin_load(&home, "a:b@c.d-e_f", &out, &why), CT_ERR_NOT_FOUND);
    REQUIRE(ct_pin_save(&home, &pin, &why) == CT_OK);
    REQUIRE(ct_pin_load(&home, "a:b@c.d-e_f", &out, &why) == CT_OK);
    CHECK_STR(out.identity, pin.identity);
    CHECK_MEM(out.wallet20, pin.wallet20, 20);
    CHECK(out.block == 77 && out.sequence == 65535);
    CHECK_EQ(ct_pin_load(&home, "A:b@c.d-e_f", &out, &why), CT_ERR_NOT_FOUND);
    ct_pin_drop(&home, "a:b@c.d-e_f");
    CHECK_EQ(ct_pin_load(&home, "a:b@c.d-e_f", &out, &why), CT_ERR_NOT_FOUND);
}

/* Whoever spoils the file must not lift the pin. */
static void a_spoilt_pin_is_an_error(void)
{
    static const char *const texts[] = {
        "",
        "{}",
        "nonsense",
        "{\"identity\":\"other\",\"wallet\":\"0xabababababababababababababababababababab\","
        "\"block\":1,\"sequence\":1}",
        "{\"identity\":\"door-7\",\"wallet\":\"0xab\",\"block\":1,\"sequence\":1}",
        "{\"identity\":\"door-7\",\"wallet\":\"0xabababababababababababababababababababab\","
        "\"block\":-1,\"sequence\":1}",
        "{\"identity\":\"door-7\",\"wallet\":\"0xabababababababababababababababababababab\","
        "\"block\":1,\"sequence\":65536}"};
    struct ct_pin out, pin = pin_of("door-7");
    char path[300], hex[65];
    uint8_t hash[32];
    fresh();
    REQUIRE(ct_pin_save(&home, &pin, &why) == CT_OK && ct_identity_hash(hash, "door-7") == CT_OK);
    ct_hex(hex, hash, sizeof hash);
    (void)snprintf(path, sizeof path, "%s/pins/%s", dir.path, hex);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CHECK_EQ(ct_file_write(path, texts[i], strlen(texts[i]), 0600, NULL), CT_OK);
        CHECK_EQ(ct_pin_load(&home, "door-7", &out, &why), CT_ERR_CONFIG);
        CHECK(strstr(why.text, "pin door-7 --accept") != NULL);
    }
}

static const struct ct_test tests[] = {
    CT_TEST(a_pin_is_read_back_for_its_name_alone),
    CT_TEST(a_spoilt_pin_is_an_error),
};

int main(void)
{
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    temp_dir_remove(&dir);
    return code;
}

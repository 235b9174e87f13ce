/*
 * The files of a device's home folder: device.json, pass.json, allocation.json, bundle.json,
 * asked.json, sent.json and a cached record. Property: what is loaded, saved again and loaded, is
 * the same; a spoilt file is refused and never half taken.
 */
/* links: ct_client_inside chainturn ct_kex ct_turn ct_chain ct_base */
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "fuzz.h"
#include "home.h"

static struct ct_home home;

static void device(void)
{
    struct ct_home_device one;
    struct ct_home_device two;
    char path[FUZZ_PATH];
    if (ct_home_load_device(&home, &one, NULL) == CT_OK) {
        HOLDS(ct_identity_valid(one.identity) && one.relay <= CT_RELAY_INDEX_MAX);
        (void)snprintf(path, sizeof(path), "%s/device.json", fuzz_folder());
        HOLDS(unlink(path) == 0 && ct_home_save_device(&home, &one, NULL) == CT_OK);
        HOLDS(ct_home_load_device(&home, &two, NULL) == CT_OK);
        HOLDS(strcmp(one.identity, two.identity) == 0 && one.relay == two.relay);
    }
}

static void pass(void)
{
    struct ct_own_pass one;
    struct ct_own_pass two;
    if (ct_home_load_pass(&home, &one) == CT_OK) {
        HOLDS(ct_home_save_pass(&home, &one, NULL) == CT_OK &&
              ct_home_load_pass(&home, &two) == CT_OK);
        HOLDS(memcmp(one.pass175, two.pass175, sizeof(one.pass175)) == 0 &&
              memcmp(&one.secret, &two.secret, sizeof(one.secret)) == 0);
    }
}

static void lane(void)
{
    struct ct_lane_saved one;
    struct ct_lane_saved two;
    if (ct_home_load_lane(&home, &one) == CT_OK) {
        ct_home_save_lane(&home, &one);
        HOLDS(ct_home_load_lane(&home, &two) == CT_OK);
        HOLDS(one.relay == two.relay && one.local_port == two.local_port &&
              one.until_s == two.until_s && ct_addr_equal(&one.alloc.relayed, &two.alloc.relayed) &&
              strcmp(one.alloc.realm, two.alloc.realm) == 0 &&
              strcmp(one.alloc.nonce, two.alloc.nonce) == 0);
    }
}

static void bundle(void)
{
    struct ct_bundle one;
    struct ct_bundle two;
    if (ct_home_bundle(&home, &one, NULL, NULL) == CT_OK) {
        HOLDS(ct_home_keep_bundle(&home, &one, NULL) == CT_OK &&
              ct_home_bundle(&home, &two, NULL, NULL) == CT_OK);
        HOLDS(one.chain_id == two.chain_id && one.rpc_count == two.rpc_count);
    }
}

static void asked(void)
{
    struct ct_wm_asked one;
    struct ct_wm_asked two;
    if (ct_home_load_asked(&home, &one)) {
        HOLDS(strlen(one.key) == CT_WM_KEY_LEN && strpbrk(one.key, "\r\n") == NULL &&
              one.path[0] == '/');
        ct_home_save_asked(&home, &one);
        HOLDS(ct_home_load_asked(&home, &two) && strcmp(one.path, two.path) == 0 &&
              strcmp(one.key, two.key) == 0 && strcmp(one.body, two.body) == 0 &&
              memcmp(one.about32, two.about32, 32) == 0 && one.at_s == two.at_s);
    }
}

static void sent(void)
{
    struct ct_home_sent one;
    struct ct_home_sent two;
    if (ct_home_load_sent(&home, &one) == CT_OK) {
        HOLDS(one.len > 0 && one.len <= sizeof(one.raw));
        HOLDS(ct_home_save_sent(&home, &one, NULL) == CT_OK &&
              ct_home_load_sent(&home, &two) == CT_OK);
        HOLDS(one.kind == two.kind && one.deadline_s == two.deadline_s &&
              one.signed_s == two.signed_s && one.earlier_count == two.earlier_count &&
              memcmp(one.earlier, two.earlier, one.earlier_count * 32) == 0 && one.len == two.len &&
              memcmp(one.raw, two.raw, one.len) == 0);
    }
}

static void found(const uint8_t *data, size_t size)
{
    static const uint8_t deployment32[32] = {1, 2, 3};
    static const char *const identity = "sensor-42";
    struct ct_found one;
    struct ct_found two;
    uint8_t hash[32];
    char digits[65];
    char name[80];
    char path[FUZZ_PATH];
    HOLDS(ct_identity_hash(hash, identity) == CT_OK);
    ct_hex(digits, hash, sizeof(hash));
    (void)snprintf(name, sizeof(name), "cache/%s", digits);
    HOLDS(strlen(home.dir) + strlen(name) + 2 < FUZZ_PATH);
    fuzz_file(path, name, data, size);
    if (ct_home_load_found(&home, &one, identity, deployment32) == CT_OK) {
        ct_home_save_found(&home, &one, deployment32);
        HOLDS(ct_home_load_found(&home, &two, identity, deployment32) == CT_OK);
        HOLDS(memcmp(&one.device, &two.device, sizeof(one.device)) == 0 &&
              one.relay.index == two.relay.index && one.block == two.block &&
              one.read_s == two.read_s && one.k == two.k && one.n == two.n);
    }
    ct_home_drop_found(&home, identity);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"device.json", "pass.json", "allocation.json",
                                        "bundle.json", "",          "asked.json",
                                        "sent.json"};
    static void (*const checks[])(void) = {device, pass, lane, bundle, NULL, asked, sent};
    enum { KINDS = sizeof(names) / sizeof(names[0]), FOUND = 4 };
    char path[FUZZ_PATH];
    if (size == 0) {
        return 0;
    }
    if (home.dir[0] == '\0') {
        HOLDS(ct_home_init(&home, fuzz_folder(), NULL) == CT_OK &&
              ct_home_make(&home, NULL) == CT_OK);
    }
    if (data[0] % KINDS == FOUND) {
        found(data + 1, size - 1);
        return 0;
    }
    fuzz_file(path, names[data[0] % KINDS], data + 1, size - 1);
    checks[data[0] % KINDS]();
    (void)unlink(path);
    return 0;
}

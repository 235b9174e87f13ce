/* What the relay under test remembers of a chain that it cannot reach, and passes for it. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "chain/bundle.h"
#include "passes/passes.h"
#include "peers/devbook.h"
#include "peers/peerset.h"
#include "place_private.h"

static const uint8_t contract[20] = {0xc0, 0xff, 0xee};

static bool write_bundle(struct place *p)
{
    struct ct_bundle bundle;
    memset(&bundle, 0, sizeof(bundle));
    bundle.chain_id = 31337;
    memcpy(bundle.contract20, contract, 20);
    bundle.code_hash32[0] = 1;
    (void)snprintf(bundle.rpc[0], sizeof(bundle.rpc[0]), "http://127.0.0.1:1");
    bundle.rpc_count = 1;
    bundle.quorum = 1;
    bundle.insecure_single_rpc = true;
    bundle.max_head_age_s = 120;
    (void)snprintf(bundle.wm_handshake_url, CT_BUNDLE_URL_MAX, "http://127.0.0.1:2");
    (void)snprintf(bundle.wm_tls_url, CT_BUNDLE_URL_MAX, "https://127.0.0.1:3");
    return place_bundle(p, &bundle);
}

bool place_bundle(struct place *p, const struct ct_bundle *bundle)
{
    char text[CT_BUNDLE_TEXT_MAX];
    char path[128];
    struct ct_why why;
    ct_deployment(p->deployment32, bundle->chain_id, bundle->contract20);
    place_path(path, p, "bundle.json");
    return ct_bundle_format(text, sizeof(text), bundle) == CT_OK &&
           ct_file_write(path, text, strlen(text), 0644, &why) == CT_OK;
}

bool place_forget(struct place *p)
{
    static const char *const names[] = {"state/relays", "state/wm-keys", "state/devices"};
    bool ok = true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];
        place_path(path, p, names[i]);
        ok = unlink(path) == 0 && ok;
    }
    return ok;
}

static bool make_keys(struct place *p)
{
    struct ct_secret32 seed = {{0x51}};
    char path[128];
    struct ct_why why;
    place_path(path, p, "state");
    if (ct_ed25519_from_seed(&p->signer, &seed) != CT_OK || mkdir(path, 0700) != 0) {
        return false;
    }
    p->keys[0].id = 1;
    p->keys[0].not_after_s = ct_wall_s() + 86400;
    memcpy(p->keys[0].ed25519, p->signer.public32, 32);
    memset(p->keys[0].x25519, 9, 32); /* nobody enrols here */
    place_path(path, p, "state/relay.key");
    return ct_x25519_load_or_create(&p->relay, path, &why) == CT_OK;
}

bool place_furnish(struct place *p)
{
    return write_bundle(p) && make_keys(p);
}

static bool save_relays(const struct place *p, const struct ct_peer_range *ranges, size_t count,
                        uint64_t confirmed_s)
{
    struct ct_peerset_origin origin = {.block = 1};
    memcpy(origin.deployment32, p->deployment32, 32);
    char path[128];
    struct ct_why why;
    struct ct_peerset *set = NULL;
    place_path(path, p, "state/relays");
    bool ok = ct_peerset_new(&set, ranges, count, &origin) == CT_OK &&
              ct_peerset_save(set, confirmed_s, path, &why) == CT_OK;
    ct_peerset_free(set);
    return ok;
}

bool place_remember_sets(struct place *p, const struct ct_peer_range *ranges, size_t count,
                         struct ct_devbook_change *devices, size_t device_count, uint64_t age_s)
{
    char path[128];
    struct ct_why why;
    struct ct_devbook *book = NULL;
    place_path(path, p, "state/devices");
    bool ok = save_relays(p, ranges, count, ct_wall_s() - age_s) &&
              ct_devbook_new(&book, p->deployment32) == CT_OK &&
              ct_devbook_write(book, devices, device_count) == CT_OK;
    if (ok) {
        ct_devbook_mark(book)->block = 1;
        ct_devbook_mark(book)->confirmed_s = ct_wall_s() - age_s;
        ok = ct_devbook_save(book, path, &why) == CT_OK;
    }
    ct_devbook_free(book);
    return ok;
}

/* The relays of place.h, one device at the first port of each but this one. */
static bool remember_all(struct place *p, uint64_t age_s)
{
    static const uint8_t hosts[3] = {1, 2, 4};
    struct ct_peer_range ranges[3];
    struct ct_devbook_change devices[2];
    memset(ranges, 0, sizeof(ranges));
    memset(devices, 0, sizeof(devices));
    for (size_t i = 0; i < 3; i++) {
        const uint8_t addr16[16] = {[10] = 0xff, 0xff, 127, 0, 0, hosts[i]};
        memcpy(ranges[i].addr16, addr16, 16);
        ranges[i].port_min = hosts[i] == 1 ? RELAYED_MIN : APPROVED_MIN;
        ranges[i].port_max = hosts[i] == 1 ? RELAYED_MAX : APPROVED_MAX;
        ranges[i].index = hosts[i];
    }
    for (size_t i = 0; i < 2; i++) {
        devices[i].id[0] = (uint8_t)(i + 1);
        devices[i].places = (struct ct_device_places){
            .relay = hosts[i + 1], .port = APPROVED_MIN, .expiry_day = UINT16_MAX};
    }
    return place_remember_sets(p, ranges, 3, devices, 2, age_s);
}

bool place_remember(struct place *p, uint64_t age_s)
{
    char path[128];
    struct ct_why why;
    struct ct_passes *passes = NULL;
    bool ok = remember_all(p, age_s);
    place_path(path, p, "state/wm-keys");
    if (ok && ct_passes_new(&passes, p->deployment32, &p->relay) == CT_OK) {
        (void)ct_passes_set_keys(passes, p->keys);
        ok = ct_passes_save_keys(passes, path, &why) == CT_OK;
    }
    ct_passes_free(passes);
    return ok;
}

/* ---- passes ---- */

static bool make_pass(struct place *p, struct credential *out, struct ct_pass *pass,
                      uint64_t signed_at_s, uint32_t life_s)
{
    struct ct_secret32 secret;
    struct ct_x25519 device;
    uint8_t bytes[CT_PASS_LEN];
    if (ct_random(&secret, sizeof(secret)) != CT_OK || ct_random(pass->id16, 16) != CT_OK ||
        ct_x25519_from_secret(&device, &secret) != CT_OK) {
        return false;
    }
    memcpy(pass->deployment32, p->deployment32, 32);
    memcpy(pass->key32, device.public32, 32);
    pass->key_id = p->keys[0].id;
    pass->expiry_s = signed_at_s + life_s;
    pass->scope = CT_PASS_SCOPE_ALLOCATE;
    if (ct_pass_sign(bytes, pass, &p->signer, signed_at_s) != CT_OK) {
        return false;
    }
    ct_pass_username(out->user, bytes);
    return ct_pass_password_device(out->password, pass, &secret, p->relay.public32) == CT_OK;
}

bool place_pass(struct place *p, struct credential *out, uint64_t signed_at_s, uint32_t life_s)
{
    struct ct_pass pass;
    memset(&pass, 0, sizeof(pass));
    return make_pass(p, out, &pass, signed_at_s, life_s);
}

bool place_pass_renewing(struct place *p, struct credential *out, const uint8_t *renews16,
                         uint8_t id16[16])
{
    struct ct_pass pass;
    memset(&pass, 0, sizeof(pass));
    if (renews16) {
        memcpy(pass.renews16, renews16, 16);
    }
    bool made = make_pass(p, out, &pass, ct_wall_s(), 900);
    memcpy(id16, pass.id16, 16);
    return made;
}

bool place_pass_short(struct place *p, struct credential *out, uint32_t life_s, uint8_t id16[16])
{
    struct ct_pass pass;
    memset(&pass, 0, sizeof(pass));
    bool made = make_pass(p, out, &pass, ct_wall_s(), life_s);
    memcpy(id16, pass.id16, 16);
    return made;
}

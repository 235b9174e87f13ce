/* Our keys among those that the contract lists, and when to sign with the newer ones. */
#include "keys/keyring.h"

#include <string.h>

static const struct ct_ed25519 *pass_of(const struct ct_wm_key *listed, const struct ct_keys *keys)
{
    if (memcmp(listed->ed25519, keys->pass.public32, 32) == 0) {
        return &keys->pass;
    }
    return keys->has_next_pass && memcmp(listed->ed25519, keys->next_pass.public32, 32) == 0
               ? &keys->next_pass
               : NULL;
}

static bool lists(const struct ct_wm_key *listed, const struct ct_x25519 *key)
{
    return listed->id != 0 && memcmp(listed->x25519, key->public32, 32) == 0;
}

static bool is_good(const struct ct_wm_key *listed, uint64_t time_s)
{
    return listed->id != 0 && listed->not_after_s > time_s;
}

static bool is_ours(const struct ct_wm_key *listed, const struct ct_keys *keys)
{
    return listed->id != 0 && pass_of(listed, keys) != NULL &&
           (lists(listed, &keys->handshake) ||
            (keys->has_next_handshake && lists(listed, &keys->next_handshake)));
}

/* Ours that holds; and one that the contract does not list yet, so that nothing is missed. */
static void take_handshakes(struct ct_keyring *ring, const struct ct_wm_key listed[2],
                            uint64_t time_s, const struct ct_keys *keys)
{
    const struct ct_x25519 *const own[2] = {
        &keys->handshake, keys->has_next_handshake ? &keys->next_handshake : NULL};
    for (size_t i = 0; i < 2 && own[i] != NULL; i++) {
        bool is_listed = lists(&listed[0], own[i]) || lists(&listed[1], own[i]);
        bool holds = (lists(&listed[0], own[i]) && is_good(&listed[0], time_s)) ||
                     (lists(&listed[1], own[i]) && is_good(&listed[1], time_s));
        if (holds || (i == 1 && !is_listed)) {
            ring->handshake[ring->handshakes++] = own[i];
        }
    }
}

/* What is wrong with keys of which none is listed: told by the current generation. */
static ct_err none_is_ours(const struct ct_wm_key *listed, const struct ct_settings *s,
                           const struct ct_keys *keys, struct ct_why *why)
{
    if (listed->id != s->pass_key_id && pass_of(listed, keys) == NULL) {
        return ct_why(why, CT_ERR_CONFIG,
                      "the contract lists key %u of the wallet manager, the configuration has "
                      "keys.pass-id = %llu; use the keys that were set last",
                      listed->id, (unsigned long long)s->pass_key_id);
    }
    bool is_pass = pass_of(listed, keys) == NULL;
    return ct_why(why, CT_ERR_CONFIG,
                  "the key in %s is not the %s key that the contract lists; restore the right "
                  "file, or have the owner call setWMKey",
                  is_pass ? s->pass_path : s->handshake_path, is_pass ? "pass" : "handshake");
}

/* The number in the configuration goes into tokens that wm-admin signs with keys.pass. */
static ct_err check_number(const struct ct_wm_key listed[2], const struct ct_settings *s,
                           const struct ct_keys *keys, struct ct_why *why)
{
    for (size_t g = 0; g < 2; g++) {
        if (listed[g].id != 0 && pass_of(&listed[g], keys) == &keys->pass) {
            return listed[g].id == s->pass_key_id
                       ? CT_OK
                       : ct_why(why, CT_ERR_CONFIG,
                                "the contract lists the key in %s as number %u, the configuration "
                                "has keys.pass-id = %llu; set it to that number",
                                s->pass_path, listed[g].id, (unsigned long long)s->pass_key_id);
        }
    }
    return CT_OK;
}

ct_err ct_keyring_match(struct ct_keyring *out, const struct ct_wm_key listed[2], uint64_t time_s,
                        const struct ct_settings *settings, const struct ct_keys *keys,
                        struct ct_why *why)
{
    struct ct_keyring ring = {.id = {listed[0].id, listed[1].id}};
    bool any = false;
    ct_err err = check_number(listed, settings, keys, why);
    if (err != CT_OK) {
        return err;
    }
    for (size_t g = 0; g < 2; g++) {
        if (is_ours(&listed[g], keys)) {
            any = true;
            ring.pass[g] = is_good(&listed[g], time_s) ? pass_of(&listed[g], keys) : NULL;
        }
    }
    if (!any) {
        return none_is_ours(&listed[0], settings, keys, why);
    }
    if (ring.pass[0] == NULL && ring.pass[1] == NULL) {
        return ct_why(why, CT_ERR_EXPIRED,
                      "the wallet manager's keys are past the date in the contract; the owner sets "
                      "new ones with setWMKey");
    }
    take_handshakes(&ring, listed, time_s, keys);
    *out = ring;
    return CT_OK;
}

size_t ct_keyring_signer(const struct ct_keyring *ring, bool is_settled)
{
    return ring->pass[0] != NULL && (is_settled || ring->pass[1] == NULL) ? 0 : 1;
}

void ct_keywatch_begin(struct ct_keywatch *w, const struct ct_wm_key listed[2], uint64_t time_s,
                       uint64_t now_ms)
{
    *w = (struct ct_keywatch){.time_s = time_s, .listed_ms = now_ms, .looked_ms = now_ms};
    memcpy(w->listed, listed, sizeof w->listed);
}

bool ct_keywatch_is_settled(const struct ct_keywatch *w, uint64_t now_ms)
{
    return now_ms - w->listed_ms >= CT_KEYS_SETTLE_MS;
}

static bool same(const struct ct_wm_key *a, const struct ct_wm_key *b)
{
    return a->id == b->id && a->not_after_s == b->not_after_s &&
           memcmp(a->ed25519, b->ed25519, 32) == 0 && memcmp(a->x25519, b->x25519, 32) == 0;
}

bool ct_keywatch_look(struct ct_keywatch *w, struct ct_chain *chain, uint64_t now_ms)
{
    struct ct_wm_key listed[2];
    struct ct_view view;
    struct ct_why why;
    bool is_new = ct_keywatch_is_settled(w, now_ms) && !w->was_settled;
    w->was_settled = w->was_settled || is_new;
    if (now_ms - w->looked_ms < CT_KEYS_LOOK_MS) {
        return is_new;
    }
    w->looked_ms = now_ms;
    if (ct_chain_view(chain, &view, &why) != CT_OK ||
        ct_registry_wm_keys(chain, &view, listed, &why) != CT_OK) {
        return is_new;
    }
    /* a date may have come, too: then one generation is less */
    is_new = is_new || !same(&listed[0], &w->listed[0]) || !same(&listed[1], &w->listed[1]) ||
             (listed[0].not_after_s > w->time_s) != (listed[0].not_after_s > view.timestamp_s) ||
             (listed[1].not_after_s > w->time_s) != (listed[1].not_after_s > view.timestamp_s);
    if (listed[0].id != w->listed[0].id) {
        w->listed_ms = now_ms;
        w->was_settled = false;
    }
    w->time_s = view.timestamp_s;
    memcpy(w->listed, listed, sizeof listed);
    return is_new;
}

/* The relay's X25519 key changes: on the chain, among the files, for the passes. */
#include "life/rotation.h"

#include <string.h>

#include "base/clock.h"
#include "life/keyring.h"

static void share(const struct ct_registrar_config *config)
{
    const struct ct_keyring *k = config->keys;
    const struct ct_x25519 *wanted = ct_keyring_wanted(k);
    memcpy(config->record->key32, wanted->public32, 32);
    ct_rg_link_set_key(config->link, wanted->public32);
    ct_passes_set_relay_keys(config->passes, &k->now, ct_keyring_other(k));
    if (config->statement) {
        config->statement->renew_s = 0; /* it names the record */
    }
}

static bool is_on_chain(const struct ct_follow *f, const struct ct_keyring *k)
{
    const struct ct_relay *own =
        f->index != 0 && f->index <= f->relays.count ? &f->relays.list[f->index - 1] : NULL;
    return k->has_next && own && own->state == CT_RECORD_APPROVED &&
           memcmp(own->key32, k->next.public32, 32) == 0;
}

void ct_rotation_step(const struct ct_registrar_config *config, const struct ct_follow *follow,
                      bool may_begin)
{
    struct ct_keyring *k = config->keys;
    struct ct_why why = {""};
    ct_err err = CT_OK;
    uint64_t now_s = ct_wall_s();
    if (may_begin && follow->standing == CT_STANDING_LISTED &&
        ct_keyring_is_due(k, config->key_days, now_s)) {
        err = ct_keyring_begin(k, &why);
        if (err == CT_OK) {
            ct_log(&config->log, CT_LOG_INFO, "key_change_begun: both keys are good meanwhile");
            share(config);
        }
    } else if (is_on_chain(follow, k)) {
        err = ct_keyring_finish(k, &why);
        if (err == CT_OK) {
            ct_log(&config->log, CT_LOG_INFO,
                   "key_changed index=%u: the one before is good for %d h more", follow->index,
                   CT_KEYRING_OVERLAP_S / 3600);
            share(config);
        }
    } else if (ct_keyring_expire(k, now_s)) {
        ct_log(&config->log, CT_LOG_INFO, "key_before_forgotten");
        share(config);
    }
    if (err != CT_OK) {
        ct_log(&config->log, CT_LOG_WARN, "key_change_failed reason=\"%s\"", why.text);
    }
}

/* What of the adapter knows no type of coturn's: options, questions that are passed on, pauses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <event2/bufferevent.h>

#include "adapter_private.h"

const struct ct_hooks *ct_ad_active;
bool ct_ad_check_only;

void ct_ad_refuse(void)
{
    fflush(NULL);
    exit(CT_EXIT_CONFIG);
}

int ct_ad_option(int id, const char *value)
{
    if (id <= CT_OPT_FIRST || id >= CT_OPT_END) {
        return 0;
    }
    if (id == CT_OPT_CHECK_CONFIG) {
        ct_ad_check_only = true;
    } else if (!ct_module_hooks.option(id, value)) {
        ct_ad_refuse();
    }
    return 1;
}

void ct_ad_unknown_key(const char *key)
{
    char name[128]; /* on the command line "--name=value" */
    key += strspn(key, "-");
    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(key, "="), key);
    if (!ct_module_hooks.unknown_key(name)) {
        ct_ad_refuse();
    }
}

int ct_ad_status(ct_ad_row *row, void *arg, int as_html)
{
    if (!ct_ad_active) {
        return 0;
    }
    ct_ad_active->status(row, arg, as_html != 0);
    return 1;
}

const char *ct_ad_help(void)
{
    return ct_ad_active ? "  chain - print how the relay stands on the chain\n\n" : "";
}

int ct_ad_renews(const uint8_t *user, const uint8_t *renewed)
{
    return ct_ad_active && ct_ad_active->renews((const char *)user, (const char *)renewed);
}

int ct_ad_session(const uint8_t *user, uint32_t *max_session_s)
{
    return !ct_ad_active || ct_ad_active->session(max_session_s, (const char *)user);
}

enum { TICK_MS = 20, PER_TICK = 1 << 30 };   /* bytes of a connection: more than can come */
static struct ev_token_bucket_cfg *no_limit; /* to the end of the process */

void ct_ad_prepare(void)
{
    const struct timeval tick = {.tv_usec = TICK_MS * 1000L};
    no_limit = ev_token_bucket_cfg_new(PER_TICK, PER_TICK, PER_TICK, PER_TICK, &tick);
}

void ct_ad_hold_back(struct bufferevent *connection, int64_t ms)
{
    ev_ssize_t ticks = (ev_ssize_t)((ms + TICK_MS - 1) / TICK_MS);
    if (connection && no_limit && bufferevent_set_rate_limit(connection, no_limit) == 0) {
        ev_ssize_t left = bufferevent_get_read_limit(connection);
        (void)bufferevent_decrement_read_limit(connection, left + (ticks - 1) * PER_TICK);
    }
}

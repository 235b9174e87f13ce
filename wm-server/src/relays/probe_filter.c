/* Peers that no relay may let its users reach: its own host, its operator's network. */
#include "relays/probe_run.h"

/* Link-local addresses are those of clouds' metadata services; no setting of ours opens them. */
struct target {
    uint8_t family;
    uint8_t ip[16];
    bool is_private; /* some relays are for a network of one's own */
    const char *remedy;
};

static const struct target targets[] = {
    {4, {169, 254, 169, 254}, false, "deny 169.254.0.0/16"},
    {4, {127, 0, 0, 1}, true, "remove allow-loopback-peers"},
    {4, {10, 0, 0, 1}, true, "remove chainturn-allow-private"},
    {4, {172, 16, 0, 1}, true, "remove chainturn-allow-private"},
    {4, {192, 168, 0, 1}, true, "remove chainturn-allow-private"},
    {4, {100, 64, 0, 1}, true, "remove chainturn-allow-private"},
    {6, {0xfe, 0x80, [15] = 1}, false, "deny fe80::/10"},
    {6, {[15] = 1}, true, "remove allow-loopback-peers"},
    {6, {0xfd, [15] = 1}, true, "remove chainturn-allow-private"},
    {6, {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}, true, "deny ::ffff:0:0/96"},
};

ct_err ct_probe_filter(struct ct_probe_run *r, struct ct_why *why)
{
    ct_err err = CT_OK;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0] && err == CT_OK; i++) {
        const struct target *t = &targets[i];
        struct ct_addr peer = t->family == 4 ? ct_addr_ip4(t->ip, 9) : ct_addr_ip6(t->ip, 9);
        bool granted = false;
        if (t->family != r->family || (t->is_private && r->probe->allow_private)) {
            continue;
        }
        err = ct_probe_permit(r, &peer, &granted, why);
        if (err == CT_OK && granted) {
            char text[CT_ADDR_TEXT];
            ct_addr_to_text(text, &peer);
            err = ct_why(why, CT_ERR_REFUSED, "the relay lets its users reach %s beside itself: %s",
                         text, t->remedy);
        }
    }
    return err;
}

/* A lane: one UDP socket to one relay, and the allocation on it. */
#include "lane.h"

#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "udp.h"

#define SOFTWARE "chainturn"
#define LIFETIME_S 600u
#define RELEASE_MS 1000u

/* IPv4 first, unless this host has a way by IPv6 only. */
ct_err ct_lane_server(struct ct_addr *out, const struct ct_relay *relay)
{
    const struct ct_addr four = ct_addr_ip4(relay->listen_ip4, relay->listen_port);
    const struct ct_addr six = ct_addr_ip6(relay->listen_ip6, relay->listen_port);
    bool has4 = ct_relay_has_ip4(relay->listen_ip4);
    bool has6 = ct_relay_has_ip6(relay->listen_ip6);
    if (!has4 && !has6) {
        return CT_ERR_FORMAT;
    }
    *out = has4 && (!has6 || ct_udp_has_way(&four) || !ct_udp_has_way(&six)) ? four : six;
    return CT_OK;
}

struct ct_addr ct_lane_relayed(const struct ct_relay *relay, uint16_t port)
{
    return ct_relay_has_ip4(relay->relay_ip4) ? ct_addr_ip4(relay->relay_ip4, port)
                                              : ct_addr_ip6(relay->relay_ip6, port);
}

/* The family that ct_lane_relayed() goes by, told where the server would give another. */
static uint8_t family_to_ask(const struct ct_lane *lane)
{
    uint8_t wanted = ct_relay_has_ip4(lane->record.relay_ip4) ? 4 : 6;
    return wanted == 4 && lane->server.family == 4 ? 0 : wanted;
}

struct credential {
    char username[CT_PASS_TEXT_LEN + 1];
    char password[CT_PASS_PASSWORD_LEN + 1];
};

static ct_err make_credential(struct credential *out, const struct ct_own_pass *pass,
                              const struct ct_relay *relay, struct ct_why *why)
{
    ct_pass_username(out->username, pass->pass175);
    if (ct_pass_password_device(out->password, &pass->fields, &pass->secret, relay->key32) !=
        CT_OK) {
        return ct_why(why, CT_ERR_AUTH, "the key of relay %u on the chain is not a usable one",
                      (unsigned)relay->index);
    }
    return CT_OK;
}

static ct_err start(struct ct_lane *lane, const struct credential *credential, uint32_t rtt_ms,
                    uint32_t refresh_s, const struct ct_lane_saved *saved, uint64_t now_ms,
                    struct ct_why *why)
{
    uint8_t seed[32];
    struct ct_alloc_config config = {
        .username = credential->username,
        .password = credential->password,
        .software = SOFTWARE,
        .seed32 = seed,
        .lifetime_s = LIFETIME_S,
        .rtt_ms = rtt_ms,
        .refresh_ms = refresh_s * 1000u,
        .family = family_to_ask(lane),
    };
    if (ct_random(seed, sizeof seed) != CT_OK) {
        return ct_why(why, CT_ERR_SYSTEM, "this host gives no randomness");
    }
    ct_err err = saved != NULL ? ct_alloc_resume(&lane->alloc, &config, &saved->alloc, now_ms, why)
                               : ct_alloc_init(&lane->alloc, &config, now_ms, why);
    ct_wipe(seed, sizeof seed);
    return err;
}

ct_err ct_lane_open(struct ct_lane *lane, const struct ct_relay *relay,
                    const struct ct_own_pass *pass, uint32_t rtt_ms, uint32_t refresh_s,
                    const struct ct_lane_saved *saved, uint64_t now_ms, struct ct_why *why)
{
    struct credential credential;
    ct_err err;

    memset(lane, 0, sizeof *lane);
    lane->fd = -1;
    lane->relay = relay->index;
    lane->record = *relay;
    if (ct_lane_server(&lane->server, relay) != CT_OK) {
        return ct_why(why, CT_ERR_FORMAT, "relay %u has no address", (unsigned)relay->index);
    }
    if ((err = make_credential(&credential, pass, relay, why)) != CT_OK ||
        (err = ct_udp_open(&lane->fd, &lane->server, saved != NULL ? saved->local_port : 0, why)) !=
            CT_OK) {
        ct_wipe(&credential, sizeof credential);
        return err;
    }
    err = start(lane, &credential, rtt_ms, refresh_s, saved, now_ms, why);
    ct_wipe(&credential, sizeof credential);
    if (err != CT_OK) {
        ct_udp_close(lane->fd);
        return err;
    }
    lane->is_open = true;
    ct_lane_flush(lane, now_ms);
    return CT_OK;
}

ct_err ct_lane_open_plain(struct ct_lane *lane, const struct ct_relay *relay, uint16_t port,
                          struct ct_why *why)
{
    memset(lane, 0, sizeof *lane);
    lane->fd = -1;
    lane->relay = relay->index;
    lane->record = *relay;
    lane->server = ct_lane_relayed(relay, port);
    ct_err err = ct_udp_open(&lane->fd, &lane->server, 0, why);
    if (err == CT_OK) {
        lane->is_open = true;
        lane->is_plain = true;
    }
    return err;
}

ct_err ct_lane_renew(struct ct_lane *lane, const struct ct_own_pass *pass, uint64_t now_ms)
{
    struct credential credential;
    ct_err err = make_credential(&credential, pass, &lane->record, NULL);
    if (err == CT_OK) {
        err = ct_alloc_renew(&lane->alloc, now_ms, credential.username, credential.password);
    }
    ct_wipe(&credential, sizeof credential);
    return err;
}

void ct_lane_flush(struct ct_lane *lane, uint64_t now_ms)
{
    uint8_t out[CT_ALLOC_DATAGRAM];
    size_t len = 0;

    while (lane->is_open && !lane->is_plain &&
           ct_alloc_poll(&lane->alloc, now_ms, out, sizeof out, &len) == CT_OK) {
        ct_udp_send(lane->fd, out, len);
    }
    if (lane->is_open && lane->release_by_ms != 0 &&
        (ct_alloc_state(&lane->alloc) != CT_ALLOC_RELEASING || now_ms >= lane->release_by_ms)) {
        ct_lane_close(lane);
    }
}

enum ct_path ct_lane_send(struct ct_lane *lane, const struct ct_addr *peer, const void *data,
                          size_t len)
{
    uint8_t out[CT_ALLOC_DATAGRAM];
    size_t n = 0;
    if (lane->is_plain) {
        ct_udp_send(lane->fd, data, len);
        return CT_PATH_PLAIN;
    }
    if (ct_alloc_wrap(&lane->alloc, out, sizeof out, &n, peer, data, len) != CT_OK) {
        return CT_PATH_NONE;
    }
    ct_udp_send(lane->fd, out, n);
    return ct_alloc_is_bound(&lane->alloc, peer) ? CT_PATH_CHANNEL : CT_PATH_INDICATION;
}

enum ct_path ct_lane_input(struct ct_lane *lane, uint64_t now_ms, const void *in, size_t len,
                           struct ct_alloc_got *got)
{
    if (lane->is_plain) {
        *got = (struct ct_alloc_got){
            .kind = CT_ALLOC_DATA, .peer = lane->server, .data = in, .len = len};
        return CT_PATH_PLAIN;
    }
    if (ct_alloc_input(&lane->alloc, now_ms, in, len, got) != CT_OK || got->kind != CT_ALLOC_DATA) {
        return CT_PATH_NONE;
    }
    return got->is_channel ? CT_PATH_CHANNEL : CT_PATH_INDICATION;
}

void ct_lane_bind(struct ct_lane *lane, const struct ct_addr *peer, uint64_t now_ms)
{
    if (!lane->is_plain && ct_alloc_bind(&lane->alloc, now_ms, peer) == CT_OK) {
        ct_lane_flush(lane, now_ms);
    }
}

void ct_lane_forget(struct ct_lane *lane, const struct ct_addr *peer)
{
    if (!lane->is_plain) {
        ct_alloc_forget(&lane->alloc, peer);
    }
}

uint64_t ct_lane_deadline(const struct ct_lane *lane)
{
    uint64_t due = lane->is_plain ? UINT64_MAX : ct_alloc_deadline(&lane->alloc);
    return lane->release_by_ms != 0 && lane->release_by_ms < due ? lane->release_by_ms : due;
}

ct_err ct_lane_check(const struct ct_lane *lane, struct ct_why *why)
{
    const struct ct_addr *relayed = ct_alloc_relayed(&lane->alloc);
    struct ct_addr want = ct_lane_relayed(&lane->record, relayed->port);
    char text[CT_ADDR_TEXT];

    if (lane->is_plain) {
        return CT_OK;
    }
    if (ct_alloc_state(&lane->alloc) == CT_ALLOC_FAILED) {
        ct_err err = ct_alloc_failure(&lane->alloc, why);
        ct_addr_to_text(text, &lane->server);
        ct_why_prefix(why, "relay %u (%s)", (unsigned)lane->relay, text);
        return err;
    }
    if (ct_alloc_state(&lane->alloc) != CT_ALLOC_READY) {
        return CT_ERR_AGAIN;
    }
    if (!ct_addr_equal(relayed, &want) || relayed->port < lane->record.port_min ||
        relayed->port > lane->record.port_max) {
        ct_addr_to_text(text, relayed);
        return ct_why(why, CT_ERR_REFUSED,
                      "relay %u gave the relayed address %s, which is not in its record on the "
                      "chain; its operator has to register it anew",
                      (unsigned)lane->relay, text);
    }
    return CT_OK;
}

ct_err ct_lane_save(const struct ct_lane *lane, struct ct_lane_saved *out)
{
    memset(out, 0, sizeof *out);
    out->relay = lane->relay;
    out->local_port = ct_udp_local_port(lane->fd);
    out->until_s = ct_wall_s() + ct_alloc_lifetime_s(&lane->alloc);
    return ct_alloc_save(&lane->alloc, &out->alloc);
}

void ct_lane_release(struct ct_lane *lane, uint64_t now_ms)
{
    if (lane->is_open && lane->is_plain) {
        ct_lane_close(lane);
    } else if (lane->is_open && lane->release_by_ms == 0) {
        ct_alloc_release(&lane->alloc, now_ms);
        lane->release_by_ms = now_ms + RELEASE_MS;
        ct_lane_flush(lane, now_ms);
    }
}

void ct_lane_close(struct ct_lane *lane)
{
    if (lane->is_open) {
        ct_udp_close(lane->fd);
        ct_alloc_wipe(&lane->alloc); /* harmless where there is none */
        memset(lane, 0, sizeof *lane);
        lane->fd = -1;
    }
}

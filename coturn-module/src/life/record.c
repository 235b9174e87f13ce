/* This relay's record: made of the server's addresses, and recognised among those on the chain. */
#include "life/record.h"

#include <string.h>

#include "chain/keccak.h"

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static bool is_ip4(const struct ct_endpoint *e)
{
    return memcmp(e->addr16, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

/* The one address of a family in list. CT_ERR_NOT_FOUND: none; CT_ERR_CONFIG: several. */
static ct_err only_one(const struct ct_endpoint **out, const struct ct_endpoint *list, size_t count,
                       bool ip4)
{
    *out = NULL;
    for (size_t i = 0; i < count; i++) {
        if (is_ip4(&list[i]) != ip4) {
            continue;
        }
        if (*out && memcmp((*out)->addr16, list[i].addr16, 16) != 0) {
            return CT_ERR_CONFIG;
        }
        *out = &list[i];
    }
    return *out ? CT_OK : CT_ERR_NOT_FOUND;
}

/* What external-ip makes of an address of this host. */
static const struct ct_endpoint *shown(const struct ct_host *host, const struct ct_endpoint *addr)
{
    for (size_t i = 0; i < host->relay_count; i++) {
        if (memcmp(host->relays[i].addr16, addr->addr16, 16) == 0) {
            return &host->relays_public[i];
        }
    }
    return addr;
}

static ct_err fill_family(struct ct_relay *out, const struct ct_host *host, bool ip4, bool *there,
                          struct ct_why *why)
{
    const struct ct_endpoint *listen = NULL;
    const struct ct_endpoint *relay = NULL;
    ct_err a = only_one(&listen, host->listeners, host->listener_count, ip4);
    ct_err b = only_one(&relay, host->relays_public, host->relay_count, ip4);
    if (a == CT_ERR_CONFIG || b == CT_ERR_CONFIG) {
        return ct_why(why, CT_ERR_CONFIG,
                      "this host has several %s addresses to %s, and a registered relay has one: "
                      "set listening-ip and relay-ip",
                      ip4 ? "IPv4" : "IPv6", a == CT_ERR_CONFIG ? "listen on" : "relay from");
    }
    *there = listen && relay;
    if (!*there) {
        return CT_OK;
    }
    listen = shown(host, listen);
    if (ip4) {
        memcpy(out->listen_ip4, listen->addr16 + 12, 4);
        memcpy(out->relay_ip4, relay->addr16 + 12, 4);
    } else {
        memcpy(out->listen_ip6, listen->addr16, 16);
        memcpy(out->relay_ip6, relay->addr16, 16);
    }
    return CT_OK;
}

ct_err ct_relay_record_make(struct ct_relay *out, const struct ct_host *host,
                            const uint8_t owner20[20], const uint8_t key32[32], struct ct_why *why)
{
    struct ct_relay record;
    memset(&record, 0, sizeof(record));
    bool has_ip4 = false;
    bool has_ip6 = false;
    ct_err err = fill_family(&record, host, true, &has_ip4, why);
    if (err == CT_OK) {
        err = fill_family(&record, host, false, &has_ip6, why);
    }
    if (err != CT_OK) {
        return err;
    }
    if (!has_ip4 && !has_ip6) {
        return ct_why(why, CT_ERR_CONFIG,
                      "no address to listen on with a relayed address of the same family: set "
                      "listening-ip and relay-ip");
    }
    memcpy(record.owner20, owner20, 20);
    memcpy(record.key32, key32, 32);
    record.listen_port = host->listeners[0].port;
    record.port_min = host->port_min;
    record.port_max = host->port_max;
    record.state = CT_RECORD_PENDING;
    *out = record;
    return CT_OK;
}

/* What approval binds, the index apart, which a new registration cannot know. */
static bool same_record(const struct ct_relay *a, const struct ct_relay *b)
{
    return a->listen_port == b->listen_port && a->port_min == b->port_min &&
           a->port_max == b->port_max && memcmp(a->listen_ip4, b->listen_ip4, 4) == 0 &&
           memcmp(a->relay_ip4, b->relay_ip4, 4) == 0 &&
           memcmp(a->listen_ip6, b->listen_ip6, 16) == 0 &&
           memcmp(a->relay_ip6, b->relay_ip6, 16) == 0 && memcmp(a->key32, b->key32, 32) == 0;
}

static bool same_relay(const struct ct_relay *a, const struct ct_relay *b)
{
    bool ip4 = ct_relay_has_ip4(a->listen_ip4) && memcmp(a->listen_ip4, b->listen_ip4, 4) == 0;
    bool ip6 = ct_relay_has_ip6(a->listen_ip6) && memcmp(a->listen_ip6, b->listen_ip6, 16) == 0;
    if ((ip4 || ip6) && a->listen_port == b->listen_port) {
        return true;
    }
    bool ports = a->port_min <= b->port_max && b->port_min <= a->port_max;
    bool relay4 = ct_relay_has_ip4(a->relay_ip4) && memcmp(a->relay_ip4, b->relay_ip4, 4) == 0;
    bool relay6 = ct_relay_has_ip6(a->relay_ip6) && memcmp(a->relay_ip6, b->relay_ip6, 16) == 0;
    return (relay4 || relay6) && ports;
}

enum ct_standing ct_relay_standing(uint16_t *index, const struct ct_relay *own, uint16_t known,
                                   const struct ct_relay *relays, size_t count, uint64_t time_s)
{
    enum ct_standing standing = CT_STANDING_NEW;
    *index = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ct_relay *there = &relays[i];
        bool is_known = known != 0 && there->index == known;
        if (memcmp(there->owner20, own->owner20, 20) != 0 ||
            (!is_known && !same_relay(own, there))) {
            continue;
        }
        bool same = same_record(own, there);
        struct ct_why unused;
        if (same && ct_relay_check(there, time_s, &unused) == CT_OK) {
            *index = there->index;
            return CT_STANDING_LISTED;
        }
        if (*index == 0 || *index != known) {
            *index = there->index;
            standing =
                there->state == CT_RECORD_REVOKED ? CT_STANDING_REVOKED : CT_STANDING_CHANGED;
        }
    }
    return standing;
}

void ct_relay_salt(uint8_t salt32[32], const uint8_t deployment32[32], const struct ct_relay *own)
{
    struct ct_relay plain = *own;
    plain.index = 0;
    uint8_t digest[32];
    ct_relay_digest(digest, &plain);
    static const char label[] = "chainturn/1 relay salt";
    struct ct_keccak k;
    ct_keccak_init(&k);
    ct_keccak_update(&k, label, sizeof(label) - 1);
    ct_keccak_update(&k, deployment32, 32);
    ct_keccak_update(&k, digest, sizeof(digest));
    ct_keccak_final(&k, salt32);
}

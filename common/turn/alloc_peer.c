/* The peers of an allocation: permissions, channels, and data wrapped for them; and the getters. */
#include "turn/alloc.h"

#include <string.h>

#include "turn/alloc_private.h"

/* RFC 8656 12: a binding stands 10 minutes from its last ChannelBind, and its number and its peer
 * are bound to no other for 5 more. 10 s for a ChannelBind that is still on its way. */
#define GONE_MS 910000u

static struct ct_alloc_peer *find(struct ct_alloc *a, const struct ct_addr *addr)
{
    for (size_t i = 0; i < CT_ALLOC_PEERS; i++) {
        if (a->peers[i].state != CT_ALLOC_PEER_NONE && ct_addr_equal(&a->peers[i].addr, addr)) {
            return &a->peers[i];
        }
    }
    return NULL;
}

static struct ct_alloc_peer *find_or_add(struct ct_alloc *a, const struct ct_addr *addr)
{
    struct ct_alloc_peer *peer = find(a, addr);
    for (size_t i = 0; i < CT_ALLOC_PEERS && peer == NULL; i++) {
        if (a->peers[i].state == CT_ALLOC_PEER_NONE) {
            peer = &a->peers[i];
            memset(peer, 0, sizeof *peer);
            peer->addr = *addr;
        }
    }
    return peer;
}

static bool is_taken(const struct ct_alloc *a, uint16_t channel, uint64_t now_ms)
{
    for (size_t i = 0; i < CT_ALLOC_PEERS; i++) {
        if (a->peers[i].channel == channel) {
            return true;
        }
    }
    for (size_t i = 0; i < CT_ALLOC_GONE; i++) {
        if (a->gone[i].channel == channel && now_ms < a->gone[i].until_ms) {
            return true;
        }
    }
    return false;
}

/* The number that the server may still have for addr, else the next one round that is free: there
 * are 4096 of them, and fewer in peers and gone together. */
static uint16_t take_channel(struct ct_alloc *a, uint64_t now_ms, const struct ct_addr *addr)
{
    uint16_t channel;
    for (size_t i = 0; i < CT_ALLOC_GONE; i++) {
        struct ct_alloc_gone *gone = &a->gone[i];
        if (gone->channel != 0 && now_ms < gone->until_ms && ct_addr_equal(&gone->addr, addr)) {
            channel = gone->channel;
            memset(gone, 0, sizeof *gone);
            return channel;
        }
    }
    do {
        channel = a->next_channel;
        a->next_channel =
            channel == CT_CHANNEL_MAX ? (uint16_t)CT_CHANNEL_MIN : (uint16_t)(channel + 1u);
    } while (is_taken(a, channel, now_ms));
    return channel;
}

/* In the place that is free first; its number, should it still be held, is far from its next turn.
 */
static void remember(struct ct_alloc *a, const struct ct_alloc_peer *peer)
{
    struct ct_alloc_gone *place = &a->gone[0];
    for (size_t i = 1; i < CT_ALLOC_GONE; i++) {
        if (a->gone[i].until_ms < place->until_ms) {
            place = &a->gone[i];
        }
    }
    place->addr = peer->addr;
    place->channel = peer->channel;
    place->until_ms = peer->asked_ms + GONE_MS;
}

static ct_err ask(struct ct_alloc *a, uint64_t now_ms, const struct ct_addr *addr, bool channel)
{
    if (a->state != CT_ALLOC_READY) {
        return CT_ERR_STATE;
    }
    struct ct_alloc_peer *peer = find_or_add(a, addr);
    if (peer == NULL) {
        return CT_ERR_ROOM;
    }
    bool is_more = channel && peer->channel == 0;
    if (!is_more && peer->state != CT_ALLOC_PEER_NONE && peer->state != CT_ALLOC_PEER_REFUSED) {
        return CT_OK;
    }
    if (is_more) {
        peer->channel = take_channel(a, now_ms, addr);
    }
    peer->state = CT_ALLOC_PEER_ASKING;
    ct_alloc_txn_start(a, &peer->txn,
                       peer->channel != 0 ? CT_STUN_CHANNEL_BIND : CT_STUN_CREATE_PERMISSION,
                       now_ms);
    return CT_OK;
}

ct_err ct_alloc_permit(struct ct_alloc *a, uint64_t now_ms, const struct ct_addr *peer)
{
    return ask(a, now_ms, peer, false);
}

ct_err ct_alloc_bind(struct ct_alloc *a, uint64_t now_ms, const struct ct_addr *peer)
{
    return ask(a, now_ms, peer, true);
}

enum ct_alloc_peer_state ct_alloc_peer_state(const struct ct_alloc *a, const struct ct_addr *peer)
{
    for (size_t i = 0; i < CT_ALLOC_PEERS; i++) {
        if (a->peers[i].state != CT_ALLOC_PEER_NONE && ct_addr_equal(&a->peers[i].addr, peer)) {
            return a->peers[i].state;
        }
    }
    return CT_ALLOC_PEER_NONE;
}

void ct_alloc_forget(struct ct_alloc *a, const struct ct_addr *addr)
{
    struct ct_alloc_peer *peer = find(a, addr);
    if (peer == NULL) {
        return;
    }
    if (peer->channel != 0 && peer->asked_ms != 0) { /* else the server never heard of it */
        remember(a, peer);
    }
    memset(peer, 0, sizeof *peer);
}

bool ct_alloc_is_bound(const struct ct_alloc *a, const struct ct_addr *peer)
{
    for (size_t i = 0; i < CT_ALLOC_PEERS; i++) {
        if (a->peers[i].state != CT_ALLOC_PEER_NONE && ct_addr_equal(&a->peers[i].addr, peer)) {
            return a->peers[i].bound;
        }
    }
    return false;
}

ct_err ct_alloc_wrap(struct ct_alloc *a, void *out, size_t cap, size_t *len,
                     const struct ct_addr *addr, const void *data, size_t data_len)
{
    struct ct_wr w;
    struct ct_alloc_txn send;

    if (a->state != CT_ALLOC_READY) {
        return CT_ERR_STATE;
    }
    const struct ct_alloc_peer *peer = find(a, addr);
    if (peer != NULL && peer->bound) {
        return ct_channel_write(out, cap, len, peer->channel, data, data_len);
    }
    ct_alloc_txn_start(a, &send, CT_STUN_SEND, 0);
    ct_stun_begin(&w, out, cap, CT_STUN_SEND, CT_STUN_INDICATION, send.tid);
    ct_stun_put_xor_addr(&w, CT_ATTR_XOR_PEER_ADDRESS, addr);
    ct_stun_put(&w, CT_ATTR_DATA, data, data_len);
    return ct_stun_end(&w, len);
}

enum ct_alloc_state ct_alloc_state(const struct ct_alloc *a)
{
    return a->state;
}

ct_err ct_alloc_failure(const struct ct_alloc *a, struct ct_why *why)
{
    if (a->state != CT_ALLOC_FAILED) {
        return CT_OK;
    }
    return ct_why(why, a->failure, "%s", a->why.text);
}

unsigned ct_alloc_error_code(const struct ct_alloc *a)
{
    return a->error;
}

const uint8_t *ct_alloc_owner(const struct ct_alloc *a, size_t *len)
{
    *len = a->owner_len;
    return a->owner;
}

const struct ct_addr *ct_alloc_relayed(const struct ct_alloc *a)
{
    return &a->relayed;
}

const struct ct_addr *ct_alloc_mapped(const struct ct_alloc *a)
{
    return &a->mapped;
}

uint32_t ct_alloc_lifetime_s(const struct ct_alloc *a)
{
    return a->lifetime_s;
}

uint32_t ct_alloc_rtt_us(const struct ct_alloc *a)
{
    return a->srtt_us;
}

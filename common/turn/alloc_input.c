/* The allocation machine, coming in: which request an answer belongs to, and what it changes. */
#include "turn/alloc.h"

#include <string.h>

#include "turn/alloc_private.h"

#define PERMISSION_RENEW_MS 240000u /* of 300 s, RFC 8656 9; a channel's permission is the same */
#define LIFETIME_MAX_S 3600u /* RFC 8656 7.2; a server that says more is asked again by then */

/* RFC 6298 2.3 in microseconds; only from requests that were sent once (Karn). */
static void measure(struct ct_alloc *a, const struct ct_alloc_txn *txn, uint64_t now_ms)
{
    if (txn->tries != 1 || now_ms - txn->sent_ms > 60000) {
        return;
    }
    uint32_t rtt = (uint32_t)(now_ms - txn->sent_ms) * 1000u;
    rtt = rtt == 0 ? 500 : rtt; /* below the clock's step */
    if (a->srtt_us == 0) {
        a->srtt_us = rtt;
        a->rttvar_us = rtt / 2;
        return;
    }
    uint32_t off = rtt > a->srtt_us ? rtt - a->srtt_us : a->srtt_us - rtt;
    a->rttvar_us = (uint32_t)((3u * (uint64_t)a->rttvar_us + off) / 4u);
    a->srtt_us = (uint32_t)((7u * (uint64_t)a->srtt_us + rtt) / 8u);
}

static void stands_for(struct ct_alloc *a, uint32_t lifetime_s, uint64_t now_ms)
{
    lifetime_s = lifetime_s < LIFETIME_MAX_S ? lifetime_s : LIFETIME_MAX_S;
    a->state = CT_ALLOC_READY;
    a->lifetime_s = lifetime_s;
    a->expires_ms = now_ms + (uint64_t)lifetime_s * 1000u;
    a->refresh_ms = now_ms + (uint64_t)lifetime_s * 450u; /* before half of it has gone */
    if (a->refresh_every_ms != 0 && now_ms + a->refresh_every_ms < a->refresh_ms) {
        a->refresh_ms = now_ms + a->refresh_every_ms;
    }
    a->keepalive_next_ms = now_ms + a->keepalive_ms;
}

/* It stands before MESSAGE-INTEGRITY, or the codec would not have seen it. */
static void take_owner(struct ct_alloc *a, const struct ct_stun *m)
{
    if (a->asks_owner && m->owner.at != NULL && m->owner.len <= sizeof a->owner) {
        memcpy(a->owner, m->owner.at, m->owner.len);
        a->owner_len = m->owner.len;
    }
}

static ct_err take_control(struct ct_alloc *a, const struct ct_stun *m, uint64_t now_ms)
{
    bool is_allocate = a->control.method == CT_STUN_ALLOCATE;
    if (a->state == CT_ALLOC_RELEASING) {
        ct_alloc_end(a);
        return CT_OK;
    }
    if (!m->has_lifetime || m->lifetime_s == 0 ||
        (is_allocate && (m->relayed.family == 0 || m->relayed.port == 0))) {
        return CT_ERR_FORMAT;
    }
    if (is_allocate) {
        a->relayed = m->relayed;
        a->mapped = m->mapped;
        a->hint = m->mapped;
        take_owner(a, m);
    }
    ct_alloc_txn_clear(&a->control);
    stands_for(a, m->lifetime_s, now_ms);
    return CT_OK;
}

static void take_binding(struct ct_alloc *a, const struct ct_stun *m, uint64_t now_ms)
{
    ct_alloc_txn_clear(&a->binding);
    a->keepalive_next_ms = now_ms + a->keepalive_ms;
    if (m->mapped.family != 0 && !ct_addr_equal(&m->mapped, &a->hint)) {
        /* Perhaps the NAT moved us, and the relay does not know us there; but anybody may have
         * written this. The refresh, whose answer is proven, finds out now. */
        a->hint = m->mapped;
        a->refresh_ms = now_ms;
    }
}

static ct_err take_success(struct ct_alloc *a, struct ct_alloc_txn *txn, struct ct_alloc_peer *peer,
                           const struct ct_stun *m, uint64_t now_ms)
{
    if (txn == &a->binding) {
        take_binding(a, m, now_ms);
        return CT_OK;
    }
    if (a->realm[0] == '\0' || ct_stun_verify(m, a->key16, sizeof a->key16) != CT_OK) {
        a->forged++;
        return CT_ERR_AUTH;
    }
    a->forged = 0;
    if (peer == NULL) {
        return take_control(a, m, now_ms);
    }
    ct_alloc_txn_clear(txn);
    peer->state = CT_ALLOC_PEER_READY;
    peer->bound = peer->channel != 0;
    peer->renew_ms = now_ms + PERMISSION_RENEW_MS;
    return CT_OK;
}

static ct_err take_answer(struct ct_alloc *a, struct ct_alloc_txn *txn, struct ct_alloc_peer *peer,
                          const struct ct_stun *m, uint64_t now_ms)
{
    if (txn->tries == 0) {
        return CT_ERR_FORMAT; /* not asked yet */
    }
    struct ct_alloc_txn asked = *txn;
    ct_err err = m->class_ == CT_STUN_ERROR ? ct_alloc_take_error(a, txn, peer, m, now_ms)
                                            : take_success(a, txn, peer, m, now_ms);
    if (err == CT_OK) {
        measure(a, &asked, now_ms);
    }
    return err;
}

static bool is_for(const struct ct_alloc_txn *txn, const struct ct_stun *m)
{
    return txn->method != 0 && txn->method == m->method &&
           memcmp(txn->tid, m->tid, sizeof m->tid) == 0;
}

static ct_err answer(struct ct_alloc *a, const struct ct_stun *m, uint64_t now_ms)
{
    if (is_for(&a->control, m)) {
        return take_answer(a, &a->control, NULL, m, now_ms);
    }
    if (is_for(&a->binding, m)) {
        return take_answer(a, &a->binding, NULL, m, now_ms);
    }
    for (size_t i = 0; i < CT_ALLOC_PEERS; i++) {
        if (is_for(&a->peers[i].txn, m)) {
            return take_answer(a, &a->peers[i].txn, &a->peers[i], m, now_ms);
        }
    }
    return CT_ERR_FORMAT; /* a second answer, or somebody's guess */
}

static ct_err channel_data(struct ct_alloc *a, const void *in, size_t len, struct ct_alloc_got *got)
{
    uint16_t number;
    struct ct_stun_bytes data;

    if (ct_channel_parse(&number, &data, in, len) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    for (size_t i = 0; i < CT_ALLOC_PEERS; i++) {
        if (a->peers[i].channel == number) {
            got->kind = CT_ALLOC_DATA;
            got->peer = a->peers[i].addr;
            got->is_channel = true;
            got->data = data.at;
            got->len = data.len;
            return CT_OK;
        }
    }
    return CT_ERR_FORMAT;
}

ct_err ct_alloc_input(struct ct_alloc *a, uint64_t now_ms, const void *in, size_t len,
                      struct ct_alloc_got *got)
{
    struct ct_stun m;

    memset(got, 0, sizeof *got);
    if (a->state == CT_ALLOC_RELEASED || a->state == CT_ALLOC_FAILED) {
        return CT_ERR_STATE;
    }
    if (ct_channel_is(in, len)) {
        return channel_data(a, in, len, got);
    }
    if (ct_stun_parse(&m, in, len) != CT_OK || m.unknown_count != 0) {
        return CT_ERR_FORMAT;
    }
    if (m.class_ == CT_STUN_INDICATION && m.method == CT_STUN_DATA) {
        if (m.data.at == NULL || m.peer.family == 0) {
            return CT_ERR_FORMAT;
        }
        got->kind = CT_ALLOC_DATA;
        got->peer = m.peer;
        got->data = m.data.at;
        got->len = m.data.len;
        return CT_OK;
    }
    if (m.class_ != CT_STUN_SUCCESS && m.class_ != CT_STUN_ERROR) {
        return CT_ERR_FORMAT;
    }
    return answer(a, &m, now_ms);
}

/* The allocation machine, coming in: which request an answer belongs to, and what it changes. */
#include "turn/alloc.h"

#include <string.h>

#include "turn/alloc_private.h"

#define PERMISSION_RENEW_MS                                               \
    240000u /* of 300 s, RFC 8656 9; a channel's permission lasts as long \
             */
#define MAX_CHALLENGES 4u

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

static bool copy_view(char *out, size_t cap, struct ct_stun_bytes view)
{
    if (view.len == 0 || view.len >= cap || memchr(view.at, '\0', view.len) != NULL) {
        return false;
    }
    memcpy(out, view.at, view.len);
    out[view.len] = '\0';
    return true;
}

static bool same_text(const char *text, struct ct_stun_bytes view)
{
    return view.len == strlen(text) && memcmp(text, view.at, view.len) == 0;
}

/* 401 and 438: takes realm and nonce over and asks again, unless that was tried (RFC 8489 9.2.5).
 */
static ct_err challenge(struct ct_alloc *a, struct ct_alloc_txn *txn, const struct ct_stun *m,
                        uint64_t now_ms)
{
    if (m->nonce.len == 0 || (m->realm.len == 0 && a->realm[0] == '\0')) {
        return CT_ERR_FORMAT;
    }
    bool is_news = !same_text(a->nonce, m->nonce);
    if (!is_news || a->challenges == MAX_CHALLENGES) {
        ct_alloc_fail(a, CT_ERR_AUTH,
                      "the relay refused the credentials (%u): the pass or password is wrong, "
                      "expired or revoked",
                      m->error);
        return CT_OK;
    }
    if ((m->realm.len != 0 && !copy_view(a->realm, sizeof a->realm, m->realm)) ||
        !copy_view(a->nonce, sizeof a->nonce, m->nonce)) {
        return CT_ERR_FORMAT;
    }
    if (ct_stun_long_term_key(a->key16, a->username, a->realm, a->password) != CT_OK) {
        ct_alloc_fail(a, CT_ERR_SYSTEM, "MD5, which TURN's credentials need, is not available");
        return CT_OK;
    }
    a->challenges++;
    ct_alloc_txn_start(a, txn, txn->method, now_ms);
    return CT_OK;
}

/* The words for what a relay can answer to Allocate and Refresh (RFC 8656 7, 19). */
static void refused(struct ct_alloc *a, unsigned code)
{
    switch (code) {
    case 300:
        ct_alloc_fail(a, CT_ERR_REFUSED, "the relay wants us on another server (300)");
        break;
    case 403:
        ct_alloc_fail(a, CT_ERR_REFUSED, "the relay forbids this (403), by its policy");
        break;
    case 437:
        ct_alloc_fail(a, CT_ERR_STATE,
                      "the relay has no such allocation, or another one on this port (437): it "
                      "restarted or this network's address changed; allocate anew");
        break;
    case 441:
        ct_alloc_fail(a, CT_ERR_AUTH,
                      "the relay says that the allocation belongs to other credentials (441)");
        break;
    case 440:
    case 442:
    case 443:
        ct_alloc_fail(a, CT_ERR_REFUSED,
                      "the relay does not offer this transport or address family (%u)", code);
        break;
    case 486:
        ct_alloc_fail(a, CT_ERR_REFUSED,
                      "the relay's quota of allocations for these credentials is used up (486); "
                      "end another one or wait until it runs out");
        break;
    case 508:
        ct_alloc_fail(a, CT_ERR_REFUSED,
                      "the relay has no free port left (508); try another relay or later");
        break;
    default:
        ct_alloc_fail(a, CT_ERR_REFUSED, "the relay refused the allocation with error %u", code);
        break;
    }
}

static ct_err take_error(struct ct_alloc *a, struct ct_alloc_txn *txn, struct ct_alloc_peer *peer,
                         const struct ct_stun *m, uint64_t now_ms)
{
    if (m->error == 0) {
        return CT_ERR_FORMAT;
    }
    if (txn == &a->binding) { /* the server is there, and that is all that was asked */
        ct_alloc_txn_clear(txn);
        a->keepalive_next_ms = now_ms + a->keepalive_ms;
        return CT_OK;
    }
    if (m->integrity_at != 0 && a->realm[0] != '\0' && m->error != 401 && m->error != 438 &&
        ct_stun_verify(m, a->key16, sizeof a->key16) != CT_OK) {
        return CT_ERR_AUTH;
    }
    a->error = m->error;
    if (m->error == 401 || m->error == 438) {
        return challenge(a, txn, m, now_ms);
    }
    ct_alloc_txn_clear(txn);
    if (a->state == CT_ALLOC_RELEASING) {
        ct_alloc_end(a);
    } else if (peer != NULL && m->error != 437) {
        peer->state = CT_ALLOC_PEER_REFUSED;
    } else {
        refused(a, m->error);
    }
    return CT_OK;
}

static void stands_for(struct ct_alloc *a, uint32_t lifetime_s, uint64_t now_ms)
{
    a->state = CT_ALLOC_READY;
    a->lifetime_s = lifetime_s;
    a->expires_ms = now_ms + (uint64_t)lifetime_s * 1000u;
    a->refresh_ms = now_ms + (uint64_t)lifetime_s * 450u; /* before half of it has gone */
    a->keepalive_next_ms = now_ms + a->keepalive_ms;
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
    }
    ct_alloc_txn_clear(&a->control);
    stands_for(a, m->lifetime_s, now_ms);
    return CT_OK;
}

static void take_binding(struct ct_alloc *a, const struct ct_stun *m, uint64_t now_ms)
{
    ct_alloc_txn_clear(&a->binding);
    a->keepalive_next_ms = now_ms + a->keepalive_ms;
    if (m->mapped.family != 0 && !ct_addr_equal(&m->mapped, &a->mapped)) {
        /* The NAT moved us: the relay does not know us there. The refresh finds that out now. */
        a->mapped = m->mapped;
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
    a->challenges = 0;
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
    ct_err err = m->class_ == CT_STUN_ERROR ? take_error(a, txn, peer, m, now_ms)
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

/* The allocation machine when a request fails: what an error answer may decide, and silence. */
#include "turn/alloc.h"

#include <string.h>

#include "turn/alloc_private.h"

#define MAX_CHALLENGES 4u /* of one request */

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
    /* an absent attribute has no bytes to compare, not even none */
    return view.len == strlen(text) && (view.len == 0 || memcmp(text, view.at, view.len) == 0);
}

static bool is_challenge(unsigned code)
{
    return code == 401 || code == 438;
}

/* The words for what a relay can answer to Allocate and Refresh (RFC 8656 7, 19). */
static void refused(struct ct_alloc *a, unsigned code)
{
    switch (code) {
    case 300:
        ct_alloc_fail(a, CT_ERR_REFUSED, "the relay wants us on another server (300)");
        break;
    case 401:
    case 438:
        ct_alloc_fail(a, CT_ERR_AUTH,
                      "the relay refused the credentials (%u): the pass or password is wrong, "
                      "expired or revoked",
                      code);
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

/* Realm and nonce of a challenge, both or neither. The realm is settled once requests succeed. */
static ct_err take_nonce(struct ct_alloc *a, const struct ct_stun *m)
{
    char realm[sizeof a->realm];
    char nonce[sizeof a->nonce];
    bool is_new_realm = m->realm.len != 0 && !same_text(a->realm, m->realm);

    if (!copy_view(nonce, sizeof nonce, m->nonce) || (m->realm.len == 0 && a->realm[0] == '\0') ||
        (is_new_realm &&
         (a->state != CT_ALLOC_ASKING || !copy_view(realm, sizeof realm, m->realm)))) {
        return CT_ERR_FORMAT;
    }
    if (is_new_realm) {
        memcpy(a->realm, realm, strlen(realm) + 1);
        if (ct_stun_long_term_key(a->key16, a->username, a->realm, a->password) != CT_OK) {
            ct_alloc_fail(a, CT_ERR_SYSTEM, "MD5, which TURN's credentials need, is not available");
            return CT_OK;
        }
    }
    memcpy(a->nonce, nonce, strlen(nonce) + 1);
    a->nonce_age++;
    return CT_OK;
}

/* The same request under a new transaction id and the newest nonce. */
static void ask_again(struct ct_alloc *a, struct ct_alloc_txn *txn, uint64_t now_ms)
{
    uint16_t challenges = txn->challenges;
    ct_alloc_txn_start(a, txn, txn->method, now_ms);
    txn->challenges = (uint16_t)(challenges + 1u);
}

/*
 * 401 and 438, which are never signed (RFC 8489 9.2.4): asks again when they bring a nonce that
 * this request did not have. Of requests under way at once each gets the 438 for the same new
 * nonce, so it is the request's own nonce that counts. What is no news refuses the credentials; on
 * an allocation that stands it is a cause only, since anybody may have written it.
 */
static ct_err challenge(struct ct_alloc *a, struct ct_alloc_txn *txn, const struct ct_stun *m,
                        uint64_t now_ms)
{
    bool is_fast = a->state == CT_ALLOC_ASKING;
    bool is_news = !same_text(a->nonce, m->nonce);
    bool is_late = txn->nonce_age != a->nonce_age;

    if (m->nonce.len == 0) {
        return CT_ERR_FORMAT;
    }
    if (is_fast && ((!is_news && !is_late) || txn->challenges == MAX_CHALLENGES)) {
        a->error = m->error;
        refused(a, m->error);
        return CT_OK;
    }
    if (is_news) {
        ct_err err = take_nonce(a, m);
        if (err != CT_OK || a->state == CT_ALLOC_FAILED) {
            return err;
        }
    }
    if ((is_news || is_late) && txn->challenges < MAX_CHALLENGES) {
        a->error = m->error;
        ask_again(a, txn, now_ms);
    } else {
        txn->cause = m->error; /* and the repetitions go on, with the newest nonce */
    }
    return CT_OK;
}

/* RFC 8489 9.2.5: an error that is not signed is as if it had never come. A relay does send some
 * before it knows who asks (300; 437 for a port that has an allocation), so a first Allocate, which
 * has nothing to lose, believes them. */
static ct_err check_proof(struct ct_alloc *a, struct ct_alloc_txn *txn, const struct ct_stun *m)
{
    if (a->realm[0] == '\0' || (m->integrity_at == 0 && a->state == CT_ALLOC_ASKING)) {
        return CT_OK;
    }
    if (m->integrity_at == 0) {
        txn->cause = m->error;
        return CT_ERR_AUTH;
    }
    if (ct_stun_verify(m, a->key16, sizeof a->key16) != CT_OK) {
        a->forged++;
        return CT_ERR_AUTH;
    }
    return CT_OK;
}

static void peer_refused(struct ct_alloc_peer *peer)
{
    ct_alloc_txn_clear(&peer->txn);
    peer->state = CT_ALLOC_PEER_REFUSED;
    peer->bound = false; /* the server forgets the channel, or has already */
}

ct_err ct_alloc_take_error(struct ct_alloc *a, struct ct_alloc_txn *txn, struct ct_alloc_peer *peer,
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
    if (is_challenge(m->error)) {
        return challenge(a, txn, m, now_ms);
    }
    ct_err err = check_proof(a, txn, m);
    if (err != CT_OK) {
        return err;
    }
    a->error = m->error;
    if (a->state == CT_ALLOC_RELEASING) {
        ct_alloc_end(a);
    } else if (peer != NULL && m->error != 437) {
        peer_refused(peer);
    } else {
        refused(a, m->error);
    }
    return CT_OK;
}

void ct_alloc_timed_out(struct ct_alloc *a, struct ct_alloc_txn *txn, struct ct_alloc_peer *peer,
                        uint64_t now_ms)
{
    if (txn->cause != 0) {
        a->error = txn->cause;
    }
    if (txn == &a->binding) {
        /* Perhaps the server just does not answer these: the refresh settles it. */
        ct_alloc_txn_clear(txn);
        a->keepalive_next_ms = now_ms + a->keepalive_ms;
        a->refresh_ms = now_ms;
    } else if (peer != NULL) {
        peer_refused(peer);
    } else if (a->state == CT_ALLOC_RELEASING) {
        ct_alloc_end(a); /* it ends at the server by itself */
    } else if (a->forged > 0) {
        ct_alloc_fail(a, CT_ERR_AUTH,
                      "the relay answers, but does not prove that it holds the key that the chain "
                      "names (or that it knows the password); do not use it");
    } else if (txn->cause != 0) {
        refused(a, txn->cause);
    } else {
        ct_alloc_fail(a, CT_ERR_TIMEOUT,
                      "the relay does not answer; check that UDP to it is not blocked");
    }
}

/* The allocation machine, going out: when a request is due, and its bytes. */
#include "turn/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/secret.h"
#include "turn/alloc_private.h"

#define RC 7u               /* sendings of one request, RFC 8489 6.2.1 */
#define RM 16u              /* of RTO to wait after the last one */
#define RTO_UNKNOWN_MS 500u /* RFC 8489 6.2.1 */
#define RTO_MIN_MS 100u     /* below that a busy host looks like loss */
#define RTO_MAX_MS 3000u
#define KEEPALIVE_MS 20000u /* NATs forget UDP mappings after 30 s and more */
#define TRANSPORT_UDP 0x11000000u
#define FAMILY_IP4 0x01000000u /* RFC 8656 18.6 */
#define FAMILY_IP6 0x02000000u

static ct_err copy_text(char *out, size_t cap, const char *text, const char *what,
                        struct ct_why *why)
{
    size_t len = text == NULL ? 0 : strlen(text);
    if (len == 0 || len >= cap) {
        return ct_why(why, CT_ERR_ARG, "the TURN %s is %s", what, len == 0 ? "empty" : "too long");
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e) { /* others need OpaqueString, RFC 8265 */
            return ct_why(why, CT_ERR_ARG, "the TURN %s has characters that are not ASCII", what);
        }
    }
    memcpy(out, text, len + 1);
    return CT_OK;
}

ct_err ct_alloc_init(struct ct_alloc *a, const struct ct_alloc_config *config, uint64_t now_ms,
                     struct ct_why *why)
{
    ct_err err;

    memset(a, 0, sizeof *a);
    if (config->seed32 == NULL) {
        return ct_why(why, CT_ERR_ARG, "the allocation was given no randomness");
    }
    if ((err = copy_text(a->username, sizeof a->username, config->username, "user name", why)) !=
            CT_OK ||
        (err = copy_text(a->password, sizeof a->password, config->password, "password", why)) !=
            CT_OK) {
        ct_alloc_wipe(a);
        return err;
    }
    if (config->software != NULL) {
        (void)snprintf(a->software, sizeof a->software, "%s", config->software);
    }
    memcpy(a->seed32, config->seed32, sizeof a->seed32);
    a->wanted_s = config->lifetime_s;
    a->keepalive_ms = config->keepalive_ms != 0 ? config->keepalive_ms : KEEPALIVE_MS;
    a->refresh_every_ms = config->refresh_ms;
    a->family = config->family;
    a->asks_owner = config->asks_owner;
    a->srtt_us = config->rtt_ms < 60000 ? config->rtt_ms * 1000 : 0;
    a->rttvar_us = a->srtt_us / 2; /* RFC 6298 2.2 */
    a->next_channel = CT_CHANNEL_MIN;
    a->state = CT_ALLOC_ASKING;
    ct_alloc_txn_start(a, &a->control, CT_STUN_ALLOCATE, now_ms);
    return CT_OK;
}

ct_err ct_alloc_save(const struct ct_alloc *a, struct ct_alloc_saved *out)
{
    if (a->state != CT_ALLOC_READY) {
        return CT_ERR_STATE;
    }
    memcpy(out->realm, a->realm, sizeof out->realm);
    memcpy(out->nonce, a->nonce, sizeof out->nonce);
    out->relayed = a->relayed;
    return CT_OK;
}

ct_err ct_alloc_resume(struct ct_alloc *a, const struct ct_alloc_config *config,
                       const struct ct_alloc_saved *saved, uint64_t now_ms, struct ct_why *why)
{
    ct_err err = ct_alloc_init(a, config, now_ms, why);
    if (err != CT_OK) {
        return err;
    }
    memcpy(a->realm, saved->realm, sizeof a->realm - 1);
    memcpy(a->nonce, saved->nonce, sizeof a->nonce - 1);
    a->relayed = saved->relayed;
    err = ct_stun_long_term_key(a->key16, a->username, a->realm, a->password);
    if (err != CT_OK) {
        ct_alloc_wipe(a);
        return ct_why(why, err, "MD5, which TURN's credentials need, is not available");
    }
    ct_alloc_txn_start(a, &a->control, CT_STUN_REFRESH, now_ms);
    return CT_OK;
}

void ct_alloc_wipe(struct ct_alloc *a)
{
    ct_wipe(a, sizeof *a);
    a->state = CT_ALLOC_RELEASED;
}

/* Transaction ids nobody outside can guess: HMAC-SHA256(seed, counter), cut. */
static void next_tid(struct ct_alloc *a, uint8_t tid[CT_STUN_TID])
{
    uint8_t count[8];
    uint8_t mac[EVP_MAX_MD_SIZE] = {0};
    struct ct_wr w = ct_wr_init(count, sizeof count);

    ct_wr_be64(&w, ++a->tid_count);
    if (HMAC(EVP_sha256(), a->seed32, (int)sizeof a->seed32, count, sizeof count, mac, NULL) ==
        NULL) {
        memcpy(mac, count, sizeof count); /* still unique; only without memory does it come here */
    }
    memcpy(tid, mac, CT_STUN_TID);
}

static uint32_t rto_ms(const struct ct_alloc *a)
{
    uint64_t rto = a->srtt_us == 0 ? RTO_UNKNOWN_MS
                                   : ((uint64_t)a->srtt_us + 4u * (uint64_t)a->rttvar_us) / 1000;
    rto = rto < RTO_MIN_MS ? RTO_MIN_MS : rto;
    return (uint32_t)(rto > RTO_MAX_MS ? RTO_MAX_MS : rto);
}

void ct_alloc_txn_start(struct ct_alloc *a, struct ct_alloc_txn *txn, uint16_t method,
                        uint64_t now_ms)
{
    memset(txn, 0, sizeof *txn);
    txn->method = method;
    txn->rto_ms = rto_ms(a);
    txn->next_ms = now_ms;
    next_tid(a, txn->tid);
}

void ct_alloc_txn_clear(struct ct_alloc_txn *txn)
{
    memset(txn, 0, sizeof *txn);
}

static void clear_all(struct ct_alloc *a)
{
    ct_alloc_txn_clear(&a->control);
    ct_alloc_txn_clear(&a->binding);
    memset(a->peers, 0, sizeof a->peers);
}

void ct_alloc_fail(struct ct_alloc *a, ct_err err, const char *format, ...)
{
    char text[sizeof a->why.text];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    a->state = CT_ALLOC_FAILED;
    a->failure = ct_why(&a->why, err, "%s", text);
    clear_all(a);
}

void ct_alloc_end(struct ct_alloc *a)
{
    a->state = CT_ALLOC_RELEASED;
    clear_all(a);
}

/* Starts what is due on an allocation that stands. */
static void start_due(struct ct_alloc *a, uint64_t now_ms)
{
    if (a->state != CT_ALLOC_READY) {
        return;
    }
    if (now_ms >= a->expires_ms) {
        ct_alloc_fail(a, CT_ERR_TIMEOUT,
                      "the allocation ran out: the relay did not answer its refresh in time");
        return;
    }
    if (a->control.method == 0 && now_ms >= a->refresh_ms) {
        ct_alloc_txn_start(a, &a->control, CT_STUN_REFRESH, now_ms);
    }
    if (a->binding.method == 0 && now_ms >= a->keepalive_next_ms) {
        ct_alloc_txn_start(a, &a->binding, CT_STUN_BINDING, now_ms);
    }
    for (size_t i = 0; i < CT_ALLOC_PEERS; i++) {
        struct ct_alloc_peer *peer = &a->peers[i];
        if (peer->state == CT_ALLOC_PEER_READY && peer->txn.method == 0 &&
            now_ms >= peer->renew_ms) {
            ct_alloc_txn_start(
                a, &peer->txn,
                peer->channel != 0 ? CT_STUN_CHANNEL_BIND : CT_STUN_CREATE_PERMISSION, now_ms);
        }
    }
}

/* What an Allocate asks for. */
static void put_wishes(struct ct_wr *w, const struct ct_alloc *a)
{
    ct_stun_put_u32(w, CT_ATTR_REQUESTED_TRANSPORT, TRANSPORT_UDP);
    if (a->family != 0) {
        ct_stun_put_u32(w, CT_ATTR_REQUESTED_ADDRESS_FAMILY,
                        a->family == 6 ? FAMILY_IP6 : FAMILY_IP4);
    }
    if (a->asks_owner) {
        ct_stun_put(w, CT_ATTR_RELAY_OWNER, "", 0);
    }
}

/* Before the first 401 a request proves no address: as long as that answer (76 bytes, of a relay of
 * ours), it needs nothing of what a relay allows for answers that are longer. */
static void put_software(struct ct_wr *w, const struct ct_alloc *a, bool proves_nothing)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%-*s", proves_nothing ? 48 : 0, a->software);
    ct_stun_put_text(w, CT_ATTR_SOFTWARE, text);
}

static ct_err build(struct ct_alloc *a, const struct ct_alloc_txn *txn,
                    const struct ct_alloc_peer *peer, void *out, size_t cap, size_t *len)
{
    struct ct_wr w;

    ct_stun_begin(&w, out, cap, txn->method, CT_STUN_REQUEST, txn->tid);
    if (a->software[0] != '\0') {
        put_software(&w, a, txn->method == CT_STUN_ALLOCATE && a->realm[0] == '\0');
    }
    if (txn->method == CT_STUN_BINDING) {
        return ct_stun_end(&w, len);
    }
    if (txn->method == CT_STUN_ALLOCATE) {
        put_wishes(&w, a);
    }
    if (a->state == CT_ALLOC_RELEASING) {
        ct_stun_put_u32(&w, CT_ATTR_LIFETIME, 0);
    } else if (peer == NULL && a->wanted_s != 0) {
        ct_stun_put_u32(&w, CT_ATTR_LIFETIME, a->wanted_s);
    }
    if (peer != NULL && txn->method == CT_STUN_CHANNEL_BIND) {
        ct_stun_put_u32(&w, CT_ATTR_CHANNEL_NUMBER, (uint32_t)peer->channel << 16);
    }
    if (peer != NULL) {
        ct_stun_put_xor_addr(&w, CT_ATTR_XOR_PEER_ADDRESS, &peer->addr);
    }
    if (a->realm[0] != '\0') {
        ct_stun_put_text(&w, CT_ATTR_USERNAME, a->username);
        ct_stun_put_text(&w, CT_ATTR_REALM, a->realm);
        ct_stun_put_text(&w, CT_ATTR_NONCE, a->nonce);
        ct_stun_put_integrity(&w, a->key16, sizeof a->key16);
    }
    return ct_stun_end(&w, len);
}

static ct_err send_due(struct ct_alloc *a, struct ct_alloc_txn *txn, struct ct_alloc_peer *peer,
                       uint64_t now_ms, void *out, size_t cap, size_t *len)
{
    if (txn->method == 0 || now_ms < txn->next_ms) {
        return CT_ERR_AGAIN;
    }
    if (txn->tries == RC) {
        ct_alloc_timed_out(a, txn, peer, now_ms);
        return CT_ERR_AGAIN;
    }
    ct_err err = build(a, txn, peer, out, cap, len);
    if (err != CT_OK) {
        /* it would not fit the next time either, and be due for ever */
        ct_alloc_fail(a, err, "a request to the relay cannot be written: %s", ct_err_text(err));
        return CT_ERR_AGAIN;
    }
    if (txn->tries == 0) {
        txn->sent_ms = now_ms;
        txn->nonce_age = a->nonce_age;
    }
    if (peer != NULL && txn->method == CT_STUN_CHANNEL_BIND) {
        peer->asked_ms = now_ms;
    }
    txn->tries++;
    txn->next_ms = now_ms + (txn->tries < RC ? (uint64_t)txn->rto_ms << (txn->tries - 1)
                                             : (uint64_t)txn->rto_ms * RM);
    return CT_OK;
}

ct_err ct_alloc_poll(struct ct_alloc *a, uint64_t now_ms, void *out, size_t cap, size_t *len)
{
    start_due(a, now_ms);
    ct_err err = send_due(a, &a->binding, NULL, now_ms, out, cap, len);
    if (err == CT_ERR_AGAIN) {
        start_due(a, now_ms); /* a keepalive that was just given up wants a refresh at once */
        err = send_due(a, &a->control, NULL, now_ms, out, cap, len);
    }
    for (size_t i = 0; i < CT_ALLOC_PEERS && err == CT_ERR_AGAIN; i++) {
        err = send_due(a, &a->peers[i].txn, &a->peers[i], now_ms, out, cap, len);
    }
    return err;
}

static uint64_t earlier(uint64_t deadline, bool active, uint64_t at)
{
    return active && at < deadline ? at : deadline;
}

uint64_t ct_alloc_deadline(const struct ct_alloc *a)
{
    bool ready = a->state == CT_ALLOC_READY;
    uint64_t deadline = UINT64_MAX;

    deadline = earlier(deadline, a->control.method != 0, a->control.next_ms);
    deadline = earlier(deadline, a->binding.method != 0, a->binding.next_ms);
    deadline = earlier(deadline, ready, a->expires_ms);
    deadline = earlier(deadline, ready && a->control.method == 0, a->refresh_ms);
    deadline = earlier(deadline, ready && a->binding.method == 0, a->keepalive_next_ms);
    for (size_t i = 0; i < CT_ALLOC_PEERS; i++) {
        const struct ct_alloc_peer *peer = &a->peers[i];
        bool asking = peer->txn.method != 0;
        deadline = earlier(deadline, asking, peer->txn.next_ms);
        deadline = earlier(deadline, ready && !asking && peer->state == CT_ALLOC_PEER_READY,
                           peer->renew_ms);
    }
    return deadline;
}

ct_err ct_alloc_renew(struct ct_alloc *a, uint64_t now_ms, const char *username,
                      const char *password)
{
    ct_err err;
    char new_username[sizeof a->username];
    char new_password[sizeof a->password];

    if ((err = copy_text(new_username, sizeof new_username, username, "user name", NULL)) ==
            CT_OK &&
        (err = copy_text(new_password, sizeof new_password, password, "password", NULL)) == CT_OK &&
        (a->realm[0] == '\0' ||
         (err = ct_stun_long_term_key(a->key16, new_username, a->realm, new_password)) == CT_OK)) {
        memcpy(a->username, new_username, sizeof a->username);
        memcpy(a->password, new_password, sizeof a->password);
        a->refresh_ms = now_ms;
    }
    ct_wipe(new_password, sizeof new_password);
    return err;
}

void ct_alloc_release(struct ct_alloc *a, uint64_t now_ms)
{
    if (a->state == CT_ALLOC_READY || (a->state == CT_ALLOC_ASKING && a->realm[0] != '\0')) {
        a->state = CT_ALLOC_RELEASING;
        ct_alloc_txn_start(a, &a->control, CT_STUN_REFRESH, now_ms);
        ct_alloc_txn_clear(&a->binding);
        for (size_t i = 0; i < CT_ALLOC_PEERS; i++) { /* they end with the allocation */
            ct_alloc_txn_clear(&a->peers[i].txn);
        }
    } else if (a->state == CT_ALLOC_ASKING) {
        ct_alloc_end(a); /* no request with credentials was sent: nothing to free */
    }
}
